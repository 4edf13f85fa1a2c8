// §3.3.4, §4.6, §4.7 From one client to others: who gets a message, how often, in which order, and what stays as it was.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { encodePacket, type QoS } from "../../src/packets/mod.ts";
import { bytesOfText, publishOf, textOf } from "./client.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 60 } };

for (
  const [topicFilter, names, others] of [
    ["a/b", ["a/b"], ["a", "a/b/c", "A/b"]],
    ["a/+", ["a/b", "a/"], ["a", "a/b/c", "b/a"]],
    ["+", ["a"], ["/a", "$a"]],
    ["a/#", ["a", "a/b", "a/b/c"], ["ab", "$a"]],
    ["#", ["a", "/"], ["$SYS", "$SYS/a"]],
    ["+/b", ["a/b", "/b"], ["$SYS/b"]],
    ["$SYS/#", ["$SYS/a", "$SYS"], ["SYS"]],
    ["$SYS/+/b", ["$SYS/a/b"], ["a/a/b"]],
  ] as const
) {
  Deno.test(`A subscription to "${topicFilter}" receives exactly the topics it matches [MQTT-3.3.2-3] [MQTT-4.5.0-1] [MQTT-4.7.2-1]`, async () => {
    await using world = new World({ allowPublishToSys: true });
    const client = await world.connect("c");
    await client.subscribe(topicFilter);
    const publisher = await world.connect("p");
    for (const topic of [...names, ...others]) await publisher.publish(topic, topic);
    assertEquals(await client.receiveTexts(), names);
  });
}

Deno.test("Topics that look alike are not the same [MQTT-4.7.3-4] [MQTT-3.3.2-3]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("\u00E9");
  await client.subscribe("a b");
  for (const topic of ["\u00E9", "e\u0301", "a b", "a\u00A0b"]) {
    await client.publish(topic, topic);
  }
  assertEquals(await client.receiveTexts(), ["\u00E9", "a b"]);
});

Deno.test("A message goes to all of its subscribers, including the publisher [MQTT-4.5.0-1]", async () => {
  await using world = new World();
  const clients = [await world.connect("c"), await world.connect("d"), await world.connect("e")];
  for (const client of clients) await client.subscribe("a", { qos: 1 });
  assertStrictEquals(await clients[0]!.publish("a", "1", { qos: 1 }), 0x00);
  for (const client of clients) assertEquals(await client.receiveTexts(), ["1"]);
});

for (const qos of [1, 2] as const) {
  Deno.test(`A message of QoS ${qos} without subscribers is acknowledged with No matching subscribers`, async () => {
    await using world = new World();
    const client = await world.connect("c");
    assertStrictEquals(await client.publish("a", "1", { qos }), 0x10);
    await client.subscribe("b");
    assertStrictEquals(await client.publish("a", "1", { qos }), 0x10);
    assertStrictEquals(await client.publish("b", "1", { qos }), 0x00);
  });
}

for (const qos of [0, 1, 2] as const) {
  for (const granted of [0, 1, 2] as const) {
    Deno.test(`A message of QoS ${qos} goes to a subscription of QoS ${granted} at the lower of both [MQTT-3.8.4-8]`, async () => {
      await using world = new World();
      const client = await world.connect("c");
      assertStrictEquals(await client.subscribe("a", { qos: granted }), granted);
      const publisher = await world.connect("p");
      await publisher.publish("a", "1", { qos });
      assertStrictEquals(client.expectMessage("a", "1").qos, Math.min(qos, granted));
    });
  }
}

for (const retainAsPublished of [false, true]) {
  for (const retain of [false, true]) {
    const statement = retainAsPublished ? "MQTT-3.3.1-13" : "MQTT-3.3.1-12";
    Deno.test(
      `RETAIN ${retain} reaches a subscription with Retain As Published ${retainAsPublished} as ${
        retain && retainAsPublished
      } [${statement}]`,
      async () => {
        await using world = new World();
        const client = await world.connect("c");
        await client.subscribe("a", { retainAsPublished, qos: 2 });
        const sleeper = await world.connect("s", LASTING);
        await sleeper.subscribe("a", { retainAsPublished, qos: 2 });
        await sleeper.cut();
        const publisher = await world.connect("p");
        for (const qos of [0, 1, 2] as const) {
          await publisher.publish("a", "1", { retain, qos });
          assertStrictEquals(client.expectMessage("a", "1").retain, retain && retainAsPublished);
        }
        const again = await world.connect("s", LASTING);
        const flags = (await again.receive()).map((message) => message.retain);
        assertEquals(flags, [retain && retainAsPublished, retain && retainAsPublished]);
      },
    );
  }
}

Deno.test("No Local keeps a client's messages from itself, not from others [MQTT-3.8.3-3]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  const other = await world.connect("d");
  await client.subscribe("a", { noLocal: true, qos: 2 });
  await other.subscribe("a", { noLocal: true, qos: 2 });
  for (const qos of [0, 1, 2] as const) {
    await client.publish("a", `c${qos}`, { qos });
    await other.publish("a", `d${qos}`, { qos });
  }
  assertEquals(await client.receiveTexts(), ["d0", "d1", "d2"]);
  assertEquals(await other.receiveTexts(), ["c0", "c1", "c2"]);
});

Deno.test("No Local applies after a session is resumed, and to a Will [MQTT-3.8.3-3]", async () => {
  await using world = new World();
  const before = await world.connect("c", { will: { topic: "a", qos: 1 }, ...LASTING });
  await before.subscribe("a", { noLocal: true, qos: 1 });
  await before.cut();
  const client = await world.connect("c", LASTING);
  await client.publish("a", "1", { qos: 1 });
  client.expectNothing();
});

Deno.test("A subscription without No Local receives what another one of the same client with it does not", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a", { noLocal: true, identifier: 1 });
  await client.subscribe("+", { identifier: 2 });
  await client.publish("a", "1");
  const { properties } = client.expectMessage("a", "1");
  assertEquals(properties.subscriptionIdentifiers, [2]);
  client.expectNothing();
});

Deno.test("The properties of a message reach its subscribers unchanged, User Properties in their order [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]", async () => {
  await using world = new World();
  const properties = {
    payloadFormatIndicator: 1,
    messageExpiryInterval: 1000,
    contentType: "text/é",
    responseTopic: "r/s",
    correlationData: Uint8Array.of(0, 255, 1),
    userProperties: [["b", "1"], ["a", "2"], ["b", "1"], ["", ""]],
  } as const;
  const there = await world.connect("c");
  await there.subscribe("a", { qos: 2 });
  const gone = await world.connect("d", LASTING);
  await gone.subscribe("a", { qos: 2 });
  await gone.cut();
  const publisher = await world.connect("p");
  for (const qos of [0, 1, 2] as const) {
    await publisher.publish("a", "1", { qos, properties });
    assertEquals(there.expectMessage("a", "1").properties, properties);
  }
  const again = await world.connect("d", LASTING);
  for (const message of await again.receive()) assertEquals(message.properties, properties);
});

Deno.test("A message without properties is delivered without any, and its payload may be any bytes", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a", { qos: 1 });
  const payload = Uint8Array.from({ length: 256 }, (_, index) => index);
  await client.send({ ...publishOf("a", ""), payload });
  const message = client.expect("publish");
  assertEquals(message.properties, {});
  assertEquals(message.payload, payload);
});

Deno.test("DUP of a received message is not propagated [MQTT-3.3.1-3]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a", { qos: 2 });
  const publisher = await world.connect("p");
  for (const qos of [1, 2] as const) {
    await publisher.publish("a", "1", { qos, dup: true });
    assertStrictEquals(client.expectMessage("a", "1").dup, false);
  }
});

Deno.test("A delivered message has a Packet Identifier of the broker, not that of the publisher [MQTT-2.2.1-4] [MQTT-2.2.1-5]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a", { qos: 1 });
  const publisher = await world.connect("p");
  await publisher.send(
    publishOf("a", "1", { qos: 1, packetId: 1000 }),
    publishOf("a", "2", { qos: 1, packetId: 1000 }),
  );
  assertStrictEquals(publisher.expect("puback").packetId, 1000);
  const identifiers = [client.expect("publish"), client.expect("publish")]
    .map(({ packetId }) => packetId);
  assertEquals(identifiers, [1, 2]);
});

Deno.test("A QoS 2 message that is received twice is delivered once [MQTT-4.3.3-10]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a", { qos: 2 });
  const message = publishOf("a", "1", { qos: 2, packetId: 5 });
  await client.send(message);
  client.take("pubrec");
  await client.send({ ...message, dup: true });
  client.take("pubrec");
  await client.send({ type: "pubrel", packetId: 5 });
  client.take("pubcomp");
  assertEquals(await client.receiveTexts(), ["1"]);
});

Deno.test("Messages of each client reach each subscriber in order, by topic and QoS [MQTT-4.6.0-5] [MQTT-4.6.0-6]", async () => {
  await using world = new World();
  const subscribers = [
    await world.connect("a", { properties: { receiveMaximum: 2 } }),
    await world.connect("b", { properties: { receiveMaximum: 7 } }),
    await world.connect("c"),
  ];
  for (const subscriber of subscribers) await subscriber.subscribe("t/#", { qos: 2 });
  const sleeper = await world.connect("s", LASTING);
  await sleeper.subscribe("#", { qos: 2 });
  await sleeper.cut();
  const publishers = [await world.connect("p"), await world.connect("q")];
  for (let count = 0; count < 40; count++) {
    for (const [index, publisher] of publishers.entries()) {
      const qos = (count * 7 % 3) as QoS;
      await publisher.publish(`t/${count % 2}`, `${index} ${String(count).padStart(2, "0")}`, {
        qos,
      });
    }
  }
  subscribers.push(await world.connect("s", LASTING));
  for (const subscriber of subscribers) {
    const byKind = new Map<string, string[]>();
    for (const message of await subscriber.receive()) {
      const kind = `${message.topic} ${message.qos} ${textOf(message)[0]}`;
      byKind.set(kind, [...byKind.get(kind) ?? [], textOf(message)]);
    }
    assertStrictEquals(byKind.size >= 8, true);
    for (const texts of byKind.values()) assertEquals(texts, texts.toSorted());
  }
});

Deno.test("A QoS 1 message has the same bytes for all subscribers, whatever happens to the buffer it was received in", async () => {
  await using world = new World();
  const clients = [];
  for (const clientId of ["c", "d", "e"]) {
    const client = await world.connect(clientId, { properties: { receiveMaximum: 1 } });
    await client.subscribe("a", { qos: 1 });
    clients.push(client);
  }
  const publisher = await world.connect("p");
  await publisher.publish("a", "1", { qos: 1 });
  const correlationData = Uint8Array.of(7);
  const properties = { correlationData };
  const bytes = encodePacket(publishOf("a", "2", { qos: 1, packetId: 9, properties }));
  publisher.link.send(bytes);
  bytes.fill(0);
  await world.settle();
  for (const client of clients) {
    const [first, second] = await client.receive();
    assertEquals([textOf(first!), textOf(second!)], ["1", "2"]);
    assertEquals(second!.properties, { correlationData });
  }
});

Deno.test("A large message passes in both directions", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a", { qos: 1 });
  const payload = bytesOfText("x".repeat(1_000_000));
  client.link.send(
    new Uint8Array(
      await new Blob([Uint8Array.of(0x30, 0xc4, 0x84, 0x3d, 0, 1, 0x61, 0), payload]).arrayBuffer(),
    ),
  );
  await world.settle();
  assertStrictEquals(client.expect("publish").payload.length, 1_000_000);
});
