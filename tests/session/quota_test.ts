// §4.9 Flow control: no more unacknowledged messages than the receiver takes, in either direction; and nothing else waits
// for them.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { Session } from "../../src/session/session.ts";
import { eachRole, messageOf, openClient, openServer } from "./roles.ts";

const CLIENT_AND_SERVER = { client: ["MQTT-3.3.4-7"], server: ["MQTT-3.3.4-9"] };

for (const receiveMaximum of [1, 2, 7]) {
  eachRole(
    `has at most ${receiveMaximum} unacknowledged where the Receive Maximum is that [MQTT-4.9.0-1] [MQTT-4.9.0-2]`,
    ({ open }) => {
      const script = open({ peer: { receiveMaximum } });
      const total = 3 * receiveMaximum;
      for (let number = 1; number <= total; number++) {
        script.publish(messageOf("a", number % 2 === 0 ? 2 : 1));
      }
      const sent: number[] = [];
      for (let settled = 0; settled < total; settled++) {
        for (const packet of script.takePackets()) {
          if (packet.type === "publish") sent.push(packet.packetId);
        }
        assertStrictEquals(sent.length, Math.min(total, settled + receiveMaximum));
        // Neither a PUBREC nor the PUBREL is the end of a message: the quota stays used.
        const packetId = sent[settled]!;
        if (packetId % 2 === 0) {
          script.sendPacket({ type: "pubrec", packetId });
          script.expectPacket("pubrel");
          script.expectNothing();
          script.sendPacket({ type: "pubcomp", packetId });
        } else script.sendPacket({ type: "puback", packetId });
        script.expectEvent("settled");
      }
      script.expectQuiet();
    },
    CLIENT_AND_SERVER,
  );
}

eachRole("has 65,535 unacknowledged where nothing is said", ({ open }) => {
  const session = new Session("c");
  const script = open({ session });
  for (let number = 0; number <= 65_535; number++) script.connection.publish(messageOf("a", 1));
  script.collect();
  assertStrictEquals(session.inFlight.size, 65_535);
  assertStrictEquals(session.sendQueue.length, 1);
}, CLIENT_AND_SERVER);

eachRole("takes a PUBREC that refuses for the end of a message [MQTT-4.9.0-2]", ({ open }) => {
  const script = open({ peer: { receiveMaximum: 1 } });
  script.publish(messageOf("a", 2));
  script.publish(messageOf("b", 2));
  script.expectPacket("publish");
  script.expectNothing();
  script.send("50 03 0001 97");
  script.expect("34 06 0001 62 0002 00");
});

eachRole("has no more quota for acknowledgements that come twice [MQTT-4.9.0-2]", ({ open }) => {
  const script = open({ peer: { receiveMaximum: 1 } });
  for (const topic of ["a", "b", "c"]) script.publish(messageOf(topic, 1));
  script.expectPacket("publish");
  script.send("40 02 0001", "40 02 0001", "70 02 0001", "40 02 0009");
  script.expectPacket("publish");
  script.expectNothing();
}, CLIENT_AND_SERVER);

eachRole(
  "counts what it sends again, on a quota that is fresh with each connection [MQTT-4.9.0-1] [MQTT-4.9.0-2]",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    for (const topic of ["a", "b", "c"]) script.publish(messageOf(topic, 1));
    script.end();
    const again = open({ session, sessionPresent: true, peer: { receiveMaximum: 2 } });
    again.expect("3A 06 0001 61 0001 00", "3A 06 0001 62 0002 00");
    again.expectNothing();
    again.send("40 02 0002");
    again.expect("3A 06 0001 63 0003 00");
    again.publish(messageOf("d", 1));
    again.expectNothing();
    again.send("40 02 0001");
    again.expect("32 06 0001 64 0004 00");
  },
  CLIENT_AND_SERVER,
);

eachRole("counts a message whose PUBREL alone is sent again, as its peer may", ({ open }) => {
  const session = new Session("c");
  const script = open({ session });
  script.publish(messageOf("a", 2));
  script.send("50 02 0001");
  script.end();
  const again = open({ session, sessionPresent: true, peer: { receiveMaximum: 1 } });
  again.publish(messageOf("b", 1));
  again.expect("62 02 0001");
  again.expectNothing();
  again.send("70 02 0001");
  again.expect("32 06 0001 62 0002 00");
});

Deno.test("A client with no quota left sends and answers everything but PUBLISH [MQTT-3.3.4-8] [MQTT-4.9.0-3]", () => {
  const script = openClient({ peer: { receiveMaximum: 1 }, keepAlive: 10 });
  script.publish(messageOf("a", 2));
  script.publish(messageOf("b", 1));
  script.expectPacket("publish");
  script.call((connection) => {
    connection.subscribe({ type: "subscribe", subscriptions: [{ topicFilter: "a" }] });
    connection.unsubscribe({ type: "unsubscribe", topicFilters: ["a"] });
  });
  script.expectPacket("subscribe");
  script.expectPacket("unsubscribe");
  script.send("32 06 0001 61 0001 00", "34 06 0001 61 0002 00");
  script.acknowledge(script.expectMessage("a"));
  script.acknowledge(script.expectMessage("a"));
  script.expect("40 02 0001", "50 02 0002");
  script.send("62 02 0002", "50 02 0001", "50 02 0099");
  script.expect("70 02 0002", "62 02 0001", "62 03 0099 92");
  script.advance(10_000);
  script.expect("C0 00");
  script.call((connection) => connection.disconnect({ type: "disconnect" }));
  script.expect("E0 00");
});

Deno.test("A server with no quota left sends and answers everything but PUBLISH [MQTT-3.3.4-10] [MQTT-4.9.0-3]", () => {
  const script = openServer({ peer: { receiveMaximum: 1 } });
  script.publish(messageOf("a", 2));
  script.publish(messageOf("b", 1));
  script.expectPacket("publish");
  script.send("82 07 0001 00 0001 61 00", "A2 06 0002 00 0001 61", "C0 00");
  script.expect("D0 00");
  const { packet } = script.expectEvent("subscribe");
  script.call((connection) => connection.suback(packet, [0x00]));
  script.expect("90 04 0001 00 00");
  const { packet: unsubscribe } = script.expectEvent("unsubscribe");
  script.call((connection) => connection.unsuback(unsubscribe, [0x00]));
  script.expect("B0 04 0002 00 00");
  script.send("32 06 0001 61 0001 00", "34 06 0001 61 0002 00");
  script.acknowledge(script.expectMessage("a"));
  script.acknowledge(script.expectMessage("a"));
  script.expect("40 02 0001", "50 02 0002");
  script.send("62 02 0002", "50 02 0001");
  script.expect("70 02 0002", "62 02 0001");
  script.call((connection) => connection.disconnect({ type: "disconnect", reasonCode: 0x8b }));
  script.expect("E0 01 8B");
});

eachRole("takes as many messages at once as it has said, again and again", ({ open }) => {
  const script = open({ own: { receiveMaximum: 2 } });
  for (let round = 0; round < 5; round++) {
    script.send("32 06 0001 61 0001 00", "34 06 0001 62 0002 00");
    const [first, second] = [script.expectMessage("a"), script.expectMessage("b")];
    script.acknowledge(first);
    // A message of QoS 2 counts until PUBCOMP: one more has room now, not two.
    script.send("32 06 0001 61 0003 00");
    script.acknowledge(second);
    script.acknowledge(script.expectMessage("a"));
    script.send("62 02 0002");
    assertEquals(script.takePackets().length, 4);
  }
  script.expectQuiet();
  script.send("32 06 0001 61 0001 00", "32 06 0001 61 0002 00", "32 06 0001 61 0003 00");
  script.takeEvent("message");
  script.takeEvent("message");
  script.expectFault(0x93);
});

eachRole(
  "counts a QoS 2 message until PUBCOMP where it enforces its Receive Maximum",
  ({ open }) => {
    const script = open({ own: { receiveMaximum: 1 } });
    script.send("34 06 0001 61 0001 00");
    script.acknowledge(script.expectMessage("a"));
    script.expect("50 02 0001");
    script.send("32 06 0001 62 0002 00");
    script.expectFault(0x93);
  },
);

eachRole("counts no message that it has refused, and none that comes twice", ({ open }) => {
  const script = open({ own: { receiveMaximum: 1 } });
  script.send("34 06 0001 61 0001 00");
  script.acknowledge(script.expectMessage("a"), 0x87);
  script.expect("50 03 0001 87");
  script.send("34 06 0001 61 0001 00", "3C 06 0001 61 0001 00", "3C 06 0001 61 0001 00");
  script.expectMessage("a");
  script.expectQuiet();
});

eachRole(
  "takes as many messages on a new connection as on the first, those that come again among them",
  ({ open }) => {
    const session = new Session("c");
    const own = { receiveMaximum: 2 };
    const script = open({ session, own });
    script.send("34 06 0001 61 0001 00", "34 06 0001 62 0002 00");
    script.acknowledge(script.expectMessage("a"));
    script.expectMessage("b");
    script.end();
    const again = open({ session, sessionPresent: true, own });
    again.send("62 02 0001", "3C 06 0001 62 0002 00", "32 06 0001 63 0003 00");
    again.expect("70 02 0001");
    again.expectMessage("c");
    again.expectQuiet();
    again.send("32 06 0001 64 0004 00");
    again.expectFault(0x93);
  },
);
