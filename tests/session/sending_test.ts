// §4.3 QoS delivery as the sender has it, in either role: what goes out, what it waits for, and what settles it.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { eachRole, messageOf, openClient } from "./roles.ts";
import { Session } from "../../src/session/session.ts";

eachRole(
  "sends QoS 0 once, with DUP 0 and no identifier, and keeps nothing [MQTT-4.3.1-1]",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    assertStrictEquals(
      script.call((connection) => connection.trySend({ type: "publish", topic: "a" })),
      true,
    );
    script.expect("30 04 0001 61 00");
    assertEquals(script.publish(messageOf("b", 0)), []);
    script.expect("30 04 0001 62 00");
    const event = script.expectEvent("settled");
    assertStrictEquals(event.message.packet.topic, "b");
    assertStrictEquals(event.packet, undefined);
    assertStrictEquals(session.inFlight.size, 0);
    script.expectQuiet();
  },
);

eachRole(
  "sends QoS 1 with an identifier that is free and DUP 0 [MQTT-4.3.2-1] [MQTT-4.3.2-2]",
  ({ open }) => {
    const script = open();
    script.publish(messageOf("a", 1));
    script.publish(messageOf("b", 1));
    script.expect("32 06 0001 61 0001 00", "32 06 0001 62 0002 00");
    script.send("40 02 0001");
    script.publish(messageOf("c", 1));
    script.expect("32 06 0001 63 0003 00");
  },
  { client: ["MQTT-2.2.1-3"], server: ["MQTT-2.2.1-4"] },
);

eachRole(
  "sends QoS 2 with an identifier that is free and DUP 0 [MQTT-4.3.3-1] [MQTT-4.3.3-2]",
  ({ open }) => {
    const script = open();
    script.publish(messageOf("a", 2));
    script.publish(messageOf("b", 2));
    script.expect("34 06 0001 61 0001 00", "34 06 0001 62 0002 00");
    script.send("50 02 0001");
    script.expect("62 02 0001");
    script.send("70 02 0001");
    script.publish(messageOf("c", 2));
    script.expect("34 06 0001 63 0003 00");
  },
  { client: ["MQTT-2.2.1-3"], server: ["MQTT-2.2.1-4"] },
);

eachRole("sends DUP 0 and its own identifier whatever the message said", ({ open }) => {
  const script = open();
  script.publish(messageOf("a", 1, { dup: true, packetId: 99 }));
  script.expect("32 06 0001 61 0001 00");
  script.publish(messageOf("b", 0, { dup: true, packetId: 99 }));
  script.expect("30 04 0001 62 00");
});

eachRole(
  "holds a QoS 1 message for unacknowledged until its own PUBACK has come [MQTT-4.3.2-3]",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    const [first, second] = [messageOf("a", 1), messageOf("b", 1)];
    script.publish(first);
    script.publish(second);
    script.takePackets();
    script.send("40 02 0002");
    const event = script.expectEvent("settled");
    assertStrictEquals(event.message, second);
    assertStrictEquals(event.isRecovery, false);
    script.expectQuiet();
    assertEquals([...session.inFlight.values()], [first]);
    script.send("40 03 0001 10");
    assertStrictEquals(script.expectEvent("settled").packet?.reasonCode, 0x10);
    assertStrictEquals(session.inFlight.size, 0);
  },
);

eachRole(
  "holds a QoS 2 message for unacknowledged until PUBREC, and its PUBREL until PUBCOMP [MQTT-4.3.3-3] [MQTT-4.3.3-5]",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    const message = messageOf("a", 2);
    script.publish(message);
    script.expectPacket("publish");
    const states: unknown[] = [];
    const look = () => states.push([session.inFlight.get(1)?.isReleased, session.inFlight.size]);
    look();
    script.send("50 03 0001 10");
    look();
    script.expectPacket("pubrel");
    script.expectQuiet();
    script.send("70 02 0001");
    look();
    assertEquals(states, [[false, 1], [true, 1], [undefined, 0]]);
    const event = script.expectEvent("settled");
    assertStrictEquals(event.message, message);
    assertStrictEquals(event.packet?.type, "pubcomp");
    // What the receiver had to say is in its PUBREC.
    assertStrictEquals(message.pubrec?.reasonCode, 0x10);
  },
);

eachRole(
  "answers PUBREC with PUBREL of the same identifier, and again when it comes again [MQTT-4.3.3-4] [MQTT-2.2.1-5]",
  ({ open }) => {
    const script = open();
    script.publish(messageOf("a", 2));
    script.publish(messageOf("b", 2));
    script.takePackets();
    script.send("50 02 0002");
    script.expect("62 02 0002");
    script.send("50 02 0002", "50 03 0001 10");
    script.expect("62 02 0002", "62 02 0001");
    script.expectQuiet();
  },
);

for (const [code, what] of [["80", "unspecified"], ["87", "not authorized"], ["97", "quota"]]) {
  eachRole(
    `takes PUBACK and PUBREC with 0x${code} (${what}) for the end of their message [MQTT-4.4.0-2]`,
    ({ open }) => {
      const session = new Session("c");
      const script = open({ session });
      script.publish(messageOf("a", 1));
      script.publish(messageOf("b", 2));
      script.takePackets();
      script.send(`40 03 0001 ${code}`, `50 03 0002 ${code}`);
      for (const type of ["puback", "pubrec"] as const) {
        const { packet } = script.expectEvent("settled");
        assertStrictEquals(packet?.type, type);
        assertStrictEquals(packet?.reasonCode, Number(`0x${code}`));
      }
      // No PUBREL, and nothing to send again.
      script.expectQuiet();
      assertStrictEquals(session.inFlight.size, 0);
      script.end();
      const again = open({ session, sessionPresent: true });
      again.expectQuiet();
    },
  );
}

eachRole("takes PUBCOMP 0x92 for the end of its message", ({ open }) => {
  const script = open();
  script.publish(messageOf("a", 2));
  script.send("50 02 0001", "70 03 0001 92");
  const { packet, isRecovery } = script.expectEvent("settled");
  assertStrictEquals(packet?.reasonCode, 0x92);
  assertStrictEquals(isRecovery, false);
});

eachRole("keeps messages in order, whatever their QoS", ({ open }) => {
  const script = open({ peer: { receiveMaximum: 1 } });
  script.publish(messageOf("a", 1));
  for (const [topic, qos] of [["b", 2], ["c", 0], ["d", 1]] as const) {
    script.publish(messageOf(topic, qos));
  }
  assertStrictEquals(
    script.call((connection) => connection.trySend({ type: "publish", topic: "e" })),
    false,
  );
  script.expect("32 06 0001 61 0001 00");
  script.expectNothing();
  script.send("40 02 0001");
  script.expect("34 06 0001 62 0002 00", "30 04 0001 63 00");
  script.expectNothing();
  script.send("50 02 0002", "70 02 0002");
  script.expect("62 02 0002", "32 06 0001 64 0003 00");
  script.expectNothing();
});

eachRole("reports the end of a QoS 0 message that had to wait", ({ open }) => {
  const script = open({ peer: { receiveMaximum: 1 } });
  for (const topic of ["a", "b"]) script.publish(messageOf(topic, 1));
  const waiting = messageOf("c", 0);
  script.publish(waiting);
  script.expectNoEvent();
  script.send("40 02 0001");
  script.expectEvent("settled");
  const event = script.expectEvent("settled");
  assertStrictEquals(event.message, waiting);
  assertStrictEquals(event.packet, undefined);
});

eachRole(
  "refuses a message that breaks the standard, at once, even if it had to wait",
  ({ open }) => {
    for (const receiveMaximum of [1, 2]) {
      const session = new Session("c");
      const script = open({ session, peer: { receiveMaximum } });
      script.publish(messageOf("a", 1));
      script.expectPacket("publish");
      for (const qos of [0, 1] as const) {
        assertThrows(() => script.publish(messageOf("a/#", qos)), TypeError);
        assertThrows(() => script.publish(messageOf("", qos)), TypeError);
        const payload = "text" as unknown as Uint8Array;
        assertThrows(() => script.publish(messageOf("a", qos, { payload })), TypeError);
        const properties = { messageExpiryInterval: -1 };
        assertThrows(() => script.publish(messageOf("a", qos, { properties })), RangeError);
      }
      assertThrows(() => script.publish(messageOf("a", 3 as 2)));
      script.expectQuiet();
      assertStrictEquals(session.inFlight.size, 1);
      assertStrictEquals(session.sendQueue.length, 0);
    }
  },
);

Deno.test("A client sends no Subscription Identifier in PUBLISH [MQTT-3.3.4-6]", () => {
  const session = new Session("c");
  const properties = { subscriptionIdentifiers: [1] };
  session.sendQueue.add(messageOf("a", 1, { properties }));
  const script = openClient({ session });
  assertStrictEquals(script.expectEvent("discarded").cause.kind, "not allowed");
  for (const qos of [0, 1] as const) {
    assertThrows(() => script.publish(messageOf("a", qos, { properties })), TypeError);
  }
  assertThrows(
    () => script.connection.trySend({ type: "publish", topic: "a", properties }),
    TypeError,
  );
  script.expectQuiet();
});

eachRole("keeps what is published once it is over for the next connection", ({ open }) => {
  const session = new Session("c");
  const script = open({ session });
  script.call((connection) => connection.disconnect({ type: "disconnect" }));
  for (const qos of [0, 1, 2] as const) assertEquals(script.publish(messageOf("a", qos)), []);
  assertThrows(() => script.publish(messageOf("a/#", 1)), TypeError);
  assertStrictEquals(script.connection.trySend({ type: "publish", topic: "a" }), false);
  script.expectPacket("disconnect");
  script.expectClosed("this end");
  assertStrictEquals(session.inFlight.size, 0);
  const again = open({ session, sessionPresent: true });
  again.expect("30 04 0001 61 00", "32 06 0001 61 0001 00", "34 06 0001 61 0002 00");
});
