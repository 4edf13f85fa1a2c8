// What publish() promises: when it resolves, to what, and how a server's no comes back.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { RefusedError } from "../../src/errors.ts";
import type { PacketInit } from "../../src/packets/mod.ts";
import { assertPending, outcome, test } from "./world.ts";

const ACCEPTED = { reasonCode: 0x00, reasonString: undefined, userProperties: [] };

test("publish() sends every field and property of PUBLISH, given flat [MQTT-4.3.1-1]", async (world) => {
  const { client, peer } = await world.connected();
  const properties = {
    payloadFormatIndicator: 1,
    messageExpiryInterval: 60,
    contentType: "text/plain",
    responseTopic: "answers",
    correlationData: Uint8Array.of(1, 2),
    userProperties: [["b", "1"], ["a", "2"]],
  } as const;
  await client.publish("topic", "ä", { retain: true, ...properties });
  assertEquals(await peer.expect("publish"), {
    type: "publish",
    topic: "topic",
    payload: new TextEncoder().encode("ä"),
    qos: 0,
    dup: false,
    retain: true,
    packetId: 0,
    properties,
  });
  await client.publish("bytes", Uint8Array.of(0, 255));
  assertEquals((await peer.expect("publish")).payload, Uint8Array.of(0, 255));
  await client.publish("empty", "", { qos: undefined, retain: undefined });
  assertEquals((await peer.expect("publish")).payload, new Uint8Array(0));
});

test("publish() at QoS 0 resolves at once, whether the server reads or not", async (world) => {
  const { client, peer } = await world.connected();
  peer.near.stall();
  for (let count = 0; count < 100; count++) {
    assertEquals(await client.publish("a", "1"), ACCEPTED);
  }
  peer.near.resume();
  assertStrictEquals((await peer.takePackets()).length, 100);
});

test("publish() at QoS 0 makes no promise for each message that is sent at once", async (world) => {
  const { client } = await world.connected();
  assertStrictEquals(client.publish("a", "1"), client.publish("b", "2", { retain: true }));
});

test("publish() at QoS 0 waits when much waits to be sent, and resolves when there is room", async (world) => {
  const { client, peer } = await world.connected();
  peer.near.stall();
  const payload = new Uint8Array(50_000);
  const published = Array.from({ length: 20 }, () => client.publish("a", payload));
  const settled = await Promise.all(published.map(outcome));
  const accepted = settled.filter(({ status }) => status === "fulfilled").length;
  // The one that is being written, and as many as fill the buffer.
  assertStrictEquals(accepted, 7);
  await assertPending(published[7]!);
  peer.near.resume();
  assertEquals(await Promise.all(published), published.map(() => ACCEPTED));
  assertStrictEquals((await peer.takePackets()).length, 20);
});

test("Messages of QoS 0 that wait keep their order, and go before later ones", async (world) => {
  const { client, peer } = await world.connected();
  peer.near.stall();
  for (let count = 0; count < 10; count++) void client.publish(`${count}`, new Uint8Array(100_000));
  peer.near.resume();
  void client.publish("last", "");
  const topics = (await peer.takePackets()).map((packet) => "topic" in packet && packet.topic);
  assertEquals(topics, [..."0123456789", "last"]);
});

test("publish() at QoS 1 resolves on PUBACK, not before [MQTT-4.3.2-2]", async (world) => {
  const { client, peer } = await world.connected();
  const published = client.publish("a", "1", { qos: 1 });
  const { qos, dup, packetId } = await peer.expect("publish");
  assertEquals([qos, dup], [1, false]);
  await world.clock.advance(10_000);
  await assertPending(published);
  peer.send({ type: "puback", packetId });
  assertEquals(await published, ACCEPTED);
});

test("publish() at QoS 2 resolves on PUBCOMP, not before [MQTT-4.3.3-2] [MQTT-4.3.3-4]", async (world) => {
  const { client, peer } = await world.connected();
  const published = client.publish("a", "1", { qos: 2 });
  const { qos, dup, packetId } = await peer.expect("publish");
  assertEquals([qos, dup], [2, false]);
  peer.send({ type: "pubrec", packetId });
  assertStrictEquals((await peer.expect("pubrel")).packetId, packetId);
  await assertPending(published);
  peer.send({ type: "pubcomp", packetId });
  assertEquals(await published, ACCEPTED);
});

test("publish() at QoS 2 sends each PUBREL in the order of its PUBREC [MQTT-4.6.0-4]", async (world) => {
  const { client, peer } = await world.connected();
  const published = [1, 2, 3].map((count) => client.publish(`${count}`, "", { qos: 2 }));
  await peer.takePackets();
  for (const packetId of [3, 1, 2]) peer.send({ type: "pubrec", packetId });
  for (const packetId of [3, 1, 2]) {
    assertStrictEquals((await peer.expect("pubrel")).packetId, packetId);
    peer.send({ type: "pubcomp", packetId });
  }
  await Promise.all(published);
});

test("publish() resolves to what the server says: that nobody has subscribed, and why", async (world) => {
  const { client, peer } = await world.connected();
  const properties = { reasonString: "nobody", userProperties: [["b", "1"], ["a", "2"]] } as const;
  const told = { reasonCode: 0x10, ...properties };
  const once = client.publish("a", "1", { qos: 1 });
  peer.send({ type: "puback", packetId: 1, reasonCode: 0x10, properties });
  assertEquals(await once, told);
  const exactly = client.publish("a", "1", { qos: 2 });
  peer.send({ type: "pubrec", packetId: 2, reasonCode: 0x10, properties });
  peer.send({ type: "pubcomp", packetId: 2 });
  assertEquals(await exactly, told);
});

test("publish() resolves whatever the order of the acknowledgements is", async (world) => {
  const { client, peer } = await world.connected();
  const published = [1, 2, 1].map((qos) => client.publish("a", "1", { qos: qos as 1 | 2 }));
  await peer.takePackets();
  peer.send({ type: "puback", packetId: 3 }, { type: "pubrec", packetId: 2 });
  const statuses = async () => (await Promise.all(published.map(outcome))).map((o) => o.status);
  assertEquals(await statuses(), ["pending", "pending", "fulfilled"]);
  peer.send({ type: "pubcomp", packetId: 2 }, { type: "puback", packetId: 1 });
  assertEquals(await statuses(), ["fulfilled", "fulfilled", "fulfilled"]);
});

/** Acknowledgements that refuse a message. */
const REFUSALS: readonly (readonly [
  what: string,
  qos: 1 | 2,
  packets: (properties: object) => readonly PacketInit[],
  says: string,
])[] = [
  [
    "PUBACK",
    1,
    (properties) => [{ type: "puback", packetId: 1, reasonCode: 0x87, properties }],
    "0x87 Not authorized",
  ],
  [
    "PUBREC",
    2,
    (properties) => [{ type: "pubrec", packetId: 1, reasonCode: 0x97, properties }],
    "0x97 Quota exceeded",
  ],
  [
    "PUBCOMP",
    2,
    (properties) => [
      { type: "pubrec", packetId: 1 },
      { type: "pubcomp", packetId: 1, reasonCode: 0x92, properties },
    ],
    "0x92 Packet Identifier not found",
  ],
];

for (const [what, qos, packets, says] of REFUSALS) {
  test(`publish() rejects with RefusedError when ${what} says no, and the connection lives on [MQTT-4.4.0-2]`, async (world) => {
    const { client, peer } = await world.connected();
    const published = client.publish("home/door", "1", { qos });
    peer.send(...packets({ reasonString: "locked", userProperties: [["k", "v"]] }));
    const error = await assertRejects(() => published, RefusedError);
    assertStrictEquals(
      error.message,
      `The server refused to publish to "home/door": ${says} ("locked")`,
    );
    assertStrictEquals(error.reasonString, "locked");
    assertEquals(error.userProperties, [["k", "v"]]);
    assertStrictEquals(client.state, "connected");
    await peer.takePackets();
    peer.far.cut();
    const second = await world.accept();
    await second.expectNothing();
  });
}

test("publish() has no more in flight than the server's Receive Maximum [MQTT-3.3.4-7] [MQTT-4.9.0-2]", async (world) => {
  const { client, peer } = await world.connected({}, { properties: { receiveMaximum: 2 } });
  const published = [1, 2, 3, 4].map((count) => client.publish(`${count}`, "", { qos: 1 }));
  assertStrictEquals((await peer.takePackets()).length, 2);
  // Neither subscriptions nor messages of QoS 0 that come later go before their time, or wait for ever.
  const subscribed = client.subscribe("a");
  const { packetId } = await peer.expect("subscribe");
  peer.send({ type: "suback", packetId, reasonCodes: [0] });
  await subscribed;
  for (const [id, topic] of [[1, "3"], [2, "4"]] as const) {
    peer.send({ type: "puback", packetId: id });
    assertStrictEquals((await peer.expect("publish")).topic, topic);
  }
  await assertPending(published[3]!);
  peer.send({ type: "puback", packetId: 4 }, { type: "puback", packetId: 5 });
  await Promise.all(published);
});

test("publish() gives no Packet Identifier to two messages at a time [MQTT-2.2.1-3] [MQTT-4.3.2-1]", async (world) => {
  const { client, peer } = await world.connected();
  const ids = new Set<number>();
  for (let count = 0; count < 200; count++) {
    void client.publish("a", "", { qos: 1 }).catch(() => {});
  }
  for (const packet of await peer.takePackets()) ids.add((packet as { packetId: number }).packetId);
  assertStrictEquals(ids.size, 200);
  assertStrictEquals(ids.has(0), false);
});

test("publish() sends payloads of 300 kB, 1 MB and 64 MB whole", async (world) => {
  const { client, peer } = await world.connected();
  for (const size of [300_000, 1_000_000, 64_000_000]) {
    const payload = new Uint8Array(size);
    payload[0] = 1;
    payload[size - 1] = 2;
    const published = client.publish("large", payload, { qos: 1 });
    const packet = await peer.expect("publish");
    assertStrictEquals(packet.payload.length, size);
    assertEquals([packet.payload[0], packet.payload[size - 1]], [1, 2]);
    peer.send({ type: "puback", packetId: packet.packetId });
    await published;
  }
});

test("publish() uses Topic Aliases when it is told to, as many as the server takes [MQTT-3.2.2-17] [MQTT-3.2.2-18]", async (world) => {
  for (const [topicAliasMaximum, sent] of [[1, ["a", ""]], [0, ["a", "a"]]] as const) {
    const { client, peer } = await world.connected(
      { topicAliases: "automatic" },
      { properties: { topicAliasMaximum } },
    );
    for (let count = 0; count < 2; count++) await client.publish("a", "");
    const topics = (await peer.takePackets()).map((packet) => "topic" in packet && packet.topic);
    assertEquals(topics, sent);
  }
});
