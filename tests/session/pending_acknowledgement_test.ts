// What no acknowledgement may say is refused when the application says it, not when it is sent.

import { assertThrows } from "@std/assert";
import { checkAcknowledgement } from "../../src/session/pending_acknowledgement.ts";
import { eachRole } from "./roles.ts";

Deno.test("checkAcknowledgement() refuses wrong Reason Codes and wrong properties", () => {
  checkAcknowledgement(0x00);
  checkAcknowledgement(0x97, { reasonString: "full" });
  checkAcknowledgement(0x00, { reasonString: "well done" });
  assertThrows(() => checkAcknowledgement(0x92 as never), RangeError, "0x92");
  assertThrows(
    () => checkAcknowledgement(0x00, { reasonString: 5 as never }),
    TypeError,
    "reasonString",
  );
});

eachRole("refuses a wrong Reason Code also for an acknowledgement that has to wait", ({ open }) => {
  const script = open();
  script.send("32 06 0001 61 0001 00", "32 06 0001 62 0002 00");
  const [first, second] = [script.expectMessage("a"), script.expectMessage("b")];
  assertThrows(() => script.acknowledge(second, 0x92 as never), RangeError);
  script.acknowledge(second);
  script.acknowledge(first);
  script.expect("40 02 0001", "40 02 0002");
  script.expectQuiet();
});
