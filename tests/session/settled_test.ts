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

eachRole(
  "goes on with a message that the peer has taken, though its PUBREC of a repetition refuses it",
  ({ open }) => {
    const script = open();
    script.publish(messageOf("a", 2));
    script.expectPacket("publish");
    script.send("50 02 0001");
    script.expectPacket("pubrel");
    script.send("50 03 0001 91");
    script.expectNothing();
    script.send("70 02 0001");
    const { packet } = script.expectEvent("settled");
    assertEquals([packet?.type, packet?.reasonCode], ["pubcomp", 0x00]);
  },
);
