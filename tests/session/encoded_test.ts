// What a broker needs to send one message to many: bytes that are encoded once, and the answer to whether they can go now.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { encodePacket, type PublishInit } from "../../mod.ts";
import { ServerConnection } from "../../src/session/server_connection.ts";
import { Session } from "../../src/session/session.ts";
import { bytesOf } from "../hex.ts";
import { eachRole, messageOf } from "./roles.ts";

const ENCODED = bytesOf("30 04 0001 61 00");

eachRole(
  "sends a message that is encoded already as it is, behind what was sent before",
  ({ open }) => {
    const script = open();
    script.connection.publish(messageOf("b", 1));
    assertStrictEquals(script.connection.trySendEncoded(ENCODED), true);
    assertStrictEquals(script.connection.trySendEncoded(ENCODED), true);
    script.collect();
    script.expect("32 06 0001 62 0001 00", "30 04 0001 61 00", "30 04 0001 61 00");
    script.expectQuiet();
  },
);

eachRole("sends no encoded message that is larger than its peer takes", ({ open }) => {
  for (const maximumPacketSize of [5, 6]) {
    const script = open({ peer: { maximumPacketSize } });
    if (maximumPacketSize === 6) {
      assertStrictEquals(script.connection.trySendEncoded(ENCODED), true);
    } else assertThrows(() => script.connection.trySendEncoded(ENCODED), RangeError, "6 bytes");
    script.collect();
    assertStrictEquals(script.takePackets().length, maximumPacketSize - 5);
  }
}, { client: ["MQTT-3.2.2-15"], server: ["MQTT-3.1.2-24"] });

eachRole(
  "sends no encoded message where others wait, where it gives out aliases, or when it is over",
  ({ open }) => {
    const waiting = open({ peer: { receiveMaximum: 1 } });
    for (const topic of ["a", "b"]) waiting.publish(messageOf(topic, 1));
    assertStrictEquals(waiting.connection.trySendEncoded(ENCODED), false);
    const aliases = open({ topicAliases: "automatic", peer: { topicAliasMaximum: 1 } });
    assertStrictEquals(aliases.connection.trySendEncoded(ENCODED), false);
    const without = open({ topicAliases: "automatic" });
    assertStrictEquals(without.connection.trySendEncoded(ENCODED), true);
    const over = open();
    over.end();
    assertStrictEquals(over.connection.trySendEncoded(ENCODED), false);
    over.expectClosed("network");
  },
);

for (
  const [which, trySend] of [
    [
      "encoded message",
      (connection: ServerConnection, packet: PublishInit) =>
        connection.trySendEncoded(encodePacket(packet)),
    ],
    ["message", (connection: ServerConnection, packet: PublishInit) => connection.trySend(packet)],
  ] as const
) {
  Deno.test(`A server sends no ${which} for which there is no memory`, () => {
    let hasRoom = false;
    const memory = { hasRoom: () => hasRoom, hasRoomAtAll: () => hasRoom, add: () => {} };
    const connection = new ServerConnection(0, { memory });
    connection.receive(encodePacket({ type: "connect", clientId: "c" }), 0);
    connection.accept(new Session("c"), { type: "connack" });
    while (connection.takeBytes() !== undefined);
    const large = { type: "publish", topic: "a", payload: new Uint8Array(5000) } as const;
    assertStrictEquals(trySend(connection, large), false);
    assertStrictEquals(connection.takeBytes(), undefined);
    assertStrictEquals(trySend(connection, { type: "publish", topic: "a" }), true);
    assertEquals(connection.takeBytes(), ENCODED);
    hasRoom = true;
    assertStrictEquals(trySend(connection, large), true);
    assertEquals(connection.takeBytes(), encodePacket(large));
  });
}

eachRole("knows whether a message of each QoS would be sent at once", ({ open }) => {
  const ready = () => ([0, 1, 2] as const).map((qos) => script.connection.isReadyFor(qos));
  const session = new Session("c");
  const script = open({ session, peer: { receiveMaximum: 1 } });
  assertEquals(ready(), [true, true, true]);
  script.publish(messageOf("a", 1));
  assertEquals(ready(), [true, false, false]);
  script.publish(messageOf("b", 1));
  assertEquals(ready(), [false, false, false]);
  script.send("40 02 0001");
  assertEquals(ready(), [true, false, false]);
  script.send("40 02 0002");
  assertEquals(ready(), [true, true, true]);
  script.connection.publish(messageOf("a", 0, { payload: new Uint8Array(300_000) }));
  assertEquals(ready(), [false, false, false]);
  script.collect();
  assertEquals(ready(), [true, true, true]);
  script.end();
  assertEquals(ready(), [false, false, false]);
});
