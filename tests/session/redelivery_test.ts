// §4.4 Message delivery retry as the receiver has it: what comes again on a new connection is delivered as its QoS says, and
// the application may be done with it on the old connection, between the two or on the new one.

import { assertStrictEquals } from "@std/assert";
import { Session } from "../../src/session/session.ts";
import { eachRole } from "./roles.ts";

eachRole(
  "delivers a QoS 2 message once over two connections, and answers PUBREC on each [MQTT-4.3.3-10]",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    script.send("34 06 0001 61 0001 00");
    script.acknowledge(script.expectMessage("a"));
    script.expect("50 02 0001");
    script.end();
    const again = open({ session, sessionPresent: true });
    again.send("3C 06 0001 61 0001 00");
    again.expect("50 02 0001");
    again.send("62 02 0001");
    again.expect("70 02 0001");
    again.expectQuiet();
  },
);

eachRole(
  "answers PUBREL on the connection after that of the PUBREC [MQTT-4.3.3-11]",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    script.send("34 06 0001 61 0001 00");
    script.acknowledge(script.expectMessage("a"));
    script.end();
    const again = open({ session, sessionPresent: true });
    again.send("62 02 0001");
    again.expect("70 02 0001");
    again.expectQuiet();
  },
);

for (
  const when of ["before the next connection", "before it comes again", "after it has come again"]
) {
  eachRole(`takes the acknowledgement of a QoS 2 message ${when}, and delivers it once`, (role) => {
    const session = new Session("c");
    const script = role.open({ session });
    script.send("34 06 0001 61 0001 00");
    const acknowledgement = script.expectMessage("a");
    script.end();
    if (when === "before the next connection") {
      assertStrictEquals(script.acknowledge(acknowledgement), true);
    }
    const again = role.open({ session, sessionPresent: true });
    if (when === "before it comes again") {
      assertStrictEquals(again.acknowledge(acknowledgement), true);
    }
    again.expectNothing();
    again.send("3C 06 0001 61 0001 00");
    if (when === "after it has come again") {
      again.expectQuiet();
      assertStrictEquals(again.acknowledge(acknowledgement), true);
    }
    again.expect("50 02 0001");
    again.expectQuiet();
    assertStrictEquals(again.acknowledge(acknowledgement), false);
  });
}

eachRole(
  "takes no acknowledgement of a QoS 1 message after its connection: the message is to come again",
  (role) => {
    const session = new Session("c");
    const script = role.open({ session });
    script.send("32 06 0001 61 0001 00");
    const acknowledgement = script.expectMessage("a")!;
    assertStrictEquals(script.connection.awaits(acknowledgement), true);
    script.end();
    assertStrictEquals(script.connection.awaits(acknowledgement), false);
    assertStrictEquals(script.acknowledge(acknowledgement), false);
    const again = role.open({ session, sessionPresent: true });
    assertStrictEquals(again.acknowledge(acknowledgement), false);
    again.send("3A 06 0001 61 0001 00");
    const second = again.expectMessage("a");
    assertStrictEquals(again.acknowledge(acknowledgement), false);
    again.expectQuiet();
    assertStrictEquals(again.acknowledge(second), true);
    again.expect("40 02 0001");
  },
);

eachRole(
  "refuses on the next connection what the application has refused between the two",
  (role) => {
    const session = new Session("c");
    const script = role.open({ session });
    script.send("34 06 0001 61 0001 00");
    const acknowledgement = script.expectMessage("a");
    script.end();
    script.acknowledge(acknowledgement, 0x87);
    const again = role.open({ session, sessionPresent: true });
    again.send("3C 06 0001 61 0001 00");
    again.expect("50 03 0001 87");
    again.expectQuiet();
    assertStrictEquals(session.unreleased.size, 0);
  },
);
