// §4.4 Message delivery retry as the sender has it: what is sent again, when, in which order and how. All that is in flight
// outlives its connection in the session.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { Session } from "../../src/session/session.ts";
import { eachRole, messageOf, openServer, type Setup } from "./roles.ts";

eachRole(
  "sends what is unacknowledged again with DUP and its old identifier, on a new connection alone [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.3.2-3] [MQTT-4.3.3-3]",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    script.publish(messageOf("a", 1));
    script.publish(messageOf("b", 2));
    script.takePackets();
    script.advance(86_400_000);
    script.expectQuiet();
    script.end();
    const again = open({ session, sessionPresent: true });
    again.expect("3A 06 0001 61 0001 00", "3C 06 0001 62 0002 00");
    again.advance(86_400_000);
    again.expectQuiet();
  },
);

eachRole(
  "sends PUBREL again with its old identifier, and never the PUBLISH [MQTT-4.4.0-1] [MQTT-4.3.3-5] [MQTT-4.3.3-6]",
  ({ open }) => {
    const session = new Session("c");
    let script = open({ session });
    const message = messageOf("a", 2);
    script.publish(message);
    script.send("50 02 0001");
    for (let count = 0; count < 3; count++) {
      script.end();
      script = open({ session, sessionPresent: true });
      script.expect("62 02 0001");
      script.advance(86_400_000);
      script.expectQuiet();
    }
    script.send("70 03 0001 92");
    const event = script.expectEvent("settled");
    assertStrictEquals(event.message, message);
    assertStrictEquals(event.isRecovery, true);
    assertStrictEquals(session.inFlight.size, 0);
  },
);

eachRole("sends again in the order of sending, not of identifiers", ({ open }) => {
  const session = new Session("c");
  const script = open({ session });
  // Identifiers come round: the first message of the three has the greatest.
  passIdentifiers(session, 65_533);
  for (const topic of ["a", "b", "c"]) script.publish(messageOf(topic, topic === "b" ? 2 : 1));
  script.expect("32 06 0001 61 FFFE 00", "34 06 0001 62 FFFF 00", "32 06 0001 63 0001 00");
  script.end();
  const again = open({ session, sessionPresent: true });
  again.expect("3A 06 0001 61 FFFE 00", "3C 06 0001 62 FFFF 00", "3A 06 0001 63 0001 00");
}, { client: ["MQTT-4.6.0-1"] });

eachRole(
  "keeps the order of sending over several connections, and sends new messages behind",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    for (const topic of ["a", "b", "c"]) script.publish(messageOf(topic, 1));
    script.send("40 02 0002");
    script.end();
    const second = open({ session, sessionPresent: true });
    second.publish(messageOf("d", 1));
    second.takePackets();
    second.send("40 02 0001");
    second.end();
    const third = open({ session, sessionPresent: true });
    third.expect("3A 06 0001 63 0003 00", "3A 06 0001 64 0004 00");
    third.expectNothing();
  },
  { client: ["MQTT-4.6.0-1"] },
);

eachRole("sends the PUBRELs again in the order of their PUBRECs", ({ open }) => {
  const session = new Session("c");
  const script = open({ session });
  for (const topic of ["a", "b", "c", "d"]) script.publish(messageOf(topic, 2));
  script.takePackets();
  script.send("50 02 0003", "50 02 0001", "50 02 0002");
  script.end();
  const again = open({ session, sessionPresent: true });
  again.expect("62 02 0003", "62 02 0001", "62 02 0002", "3C 06 0001 64 0004 00");
}, { client: ["MQTT-4.6.0-4"] });

eachRole(
  "loses no message that is published while others are being sent again, by a second cut",
  ({ open }) => {
    const session = new Session("c");
    const narrow: Setup = { session, sessionPresent: true, peer: { receiveMaximum: 1 } };
    const script = open({ session });
    for (const topic of ["a", "b"]) script.publish(messageOf(topic, 1));
    script.end();
    const second = open(narrow);
    second.expect("3A 06 0001 61 0001 00");
    second.publish(messageOf("c", 1));
    second.publish(messageOf("d", 0));
    second.expectNothing();
    second.end();
    const third = open(narrow);
    third.expect("3A 06 0001 61 0001 00");
    third.send("40 02 0001");
    third.expect("3A 06 0001 62 0002 00");
    third.send("40 02 0002");
    third.expect("32 06 0001 63 0003 00", "30 04 0001 64 00");
  },
);

eachRole(
  "settles a message whose acknowledgement comes before it is sent again, and does not send it",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    for (const [topic, qos] of [["a", 1], ["b", 1], ["c", 2], ["d", 1]] as const) {
      script.publish(messageOf(topic, qos));
    }
    script.end();
    const again = open({ session, sessionPresent: true, peer: { receiveMaximum: 1 } });
    again.expect("3A 06 0001 61 0001 00");
    again.send("40 02 0002", "50 02 0003");
    assertStrictEquals(again.expectEvent("settled").message.packet.topic, "b");
    again.expect("62 02 0003");
    // Neither has used the quota of this connection, so neither frees any of it.
    again.expectNothing();
    again.send("40 02 0001");
    again.expectEvent("settled");
    again.expect("3A 06 0001 64 0004 00");
    again.send("70 02 0003");
    // It is a PUBLISH of this connection, so its PUBCOMP tells something.
    assertStrictEquals(again.expectEvent("settled").isRecovery, false);
    again.expectQuiet();
  },
);

eachRole("asks of nobody to send again what was settled", ({ open }) => {
  const session = new Session("c");
  const script = open({ session });
  script.publish(messageOf("a", 1));
  script.publish(messageOf("b", 2));
  script.send("40 02 0001", "50 02 0002", "70 02 0002");
  script.end();
  open({ session, sessionPresent: true }).expectQuiet();
});

eachRole(
  "keeps its session, empty or not, when the connection ends [MQTT-3.1.2-23] [MQTT-4.1.0-1]",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    script.publish(messageOf("a", 1));
    script.send("34 06 0001 61 0001 00");
    script.acknowledge(script.expectMessage("a"));
    const kept = () => [session.exists, session.inFlight.values().map(({ packetId }) => packetId), [
      ...session.unreleased.keys(),
    ]];
    assertEquals(kept(), [true, [1], [1]]);
    script.advance(86_400_000);
    assertEquals(kept(), [true, [1], [1]]);
    script.call((connection) => connection.disconnect({ type: "disconnect" }));
    assertEquals(kept(), [true, [1], [1]]);
  },
);

eachRole(
  "sends a message anew, as if for the first time, that was lost with its session",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    const message = messageOf("a", 2);
    script.publish(message);
    script.send("50 02 0001");
    script.end();
    assertEquals(session.end(), [message]);
    const second = open({ session });
    second.publish(message);
    second.expect("34 06 0001 61 0002 00");
    second.send("70 02 0001");
    second.end();
    open({ session, sessionPresent: true }).expect("3C 06 0001 61 0002 00");
  },
);

eachRole("lets no message of QoS 0 overtake those that are sent again", ({ open }) => {
  const session = new Session("c");
  const script = open({ session });
  for (const topic of ["a", "b"]) script.publish(messageOf(topic, 1));
  script.end();
  for (const waits of [true, false]) {
    if (waits) session.sendQueue.add(messageOf("c", 0));
    const again = open({ session, sessionPresent: true, peer: { receiveMaximum: 1 } });
    const packet = { type: "publish", topic: "d" } as const;
    assertStrictEquals(again.call((connection) => connection.trySend(packet)), false);
    again.publish(messageOf("d", 0));
    again.expect("3A 06 0001 61 0001 00");
    again.expectNothing();
    again.end();
    for (const { packet: { topic } } of session.sendQueue.takeOut(() => true)) {
      assertStrictEquals(waits ? "cd".includes(topic) : topic === "d", true);
    }
  }
});

Deno.test("A server sends nothing again to a client that it tells that there is no session [MQTT-4.4.0-1]", () => {
  const session = new Session("c");
  const script = openServer({ session });
  script.publish(messageOf("a", 1));
  script.publish(messageOf("b", 2));
  script.send("50 02 0002");
  script.end();
  openServer({ session, sessionPresent: false }).expectQuiet();
});

/** Gives out identifiers to nobody. */
function passIdentifiers(session: Session, count: number): void {
  for (let number = 0; number < count; number++) session.packetIds.next(() => false);
}

eachRole(
  "says of a message that comes again how much is left of its time, to the last second [MQTT-3.3.2-6]",
  ({ open }) => {
    const session = new Session("c");
    const first = open({ session });
    const properties = { messageExpiryInterval: 60 };
    first.publish(messageOf("a", 1, { properties }, first.now + 60_000));
    const left = (script: typeof first) =>
      script.expectPacket("publish").properties.messageExpiryInterval;
    assertStrictEquals(left(first), 60);
    const since = first.now;
    first.end();
    for (const seconds of [10, 59, 100]) {
      const again = open({ session, sessionPresent: true, now: since + seconds * 1000 });
      assertStrictEquals(left(again), Math.max(0, 60 - seconds));
      again.end();
    }
  },
);
