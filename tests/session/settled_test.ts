// What a connection tells when a message is settled: by which packet, and whether that only says
// that the peer has nothing to complete any more, as after a lost connection.

import { assertEquals } from "@std/assert";
import { eachRole, messageOf } from "./roles.ts";

eachRole("tells of a refusal by PUBACK or PUBREC that it is none of a recovery", ({ open }) => {
  for (const [qos, answer] of [[1, "40 03 0001 87"], [2, "50 03 0001 87"]] as const) {
    const script = open();
    script.publish(messageOf("a", qos));
    script.expectPacket("publish");
    script.send(answer);
    const { packet, isRecovery } = script.expectEvent("settled");
    assertEquals([packet?.type, isRecovery], [qos === 1 ? "puback" : "pubrec", false]);
  }
});
