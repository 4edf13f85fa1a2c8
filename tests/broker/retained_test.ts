// §3.3.1.3 RETAIN and §3.8.3.1 Retain Handling: what is kept for those who subscribe later, and when they get it.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { encodePacket } from "../../src/packets/mod.ts";
import { bytesOfText, type Client, publishOf } from "./client.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 3600 } };

/** What a new client gets that subscribes to a Topic Filter. */
async function retained(world: World, topicFilter = "#"): Promise<string[]> {
  const client = await world.connect("late", { cleanStart: true });
  await client.subscribe(topicFilter);
  return (await client.receiveTexts()).toSorted();
}

/** Two clients; the second has published "1" to "a", to be retained. */
async function withRetained(world: World): Promise<readonly [Client, Client]> {
  const publisher = await world.connect("p");
  await publisher.publish("a", "1", { retain: true });
  return [await world.connect("c"), publisher];
}

Deno.test("The last message with RETAIN of each topic is kept for later subscribers [MQTT-3.3.1-5] [MQTT-3.3.1-9]", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  for (const qos of [0, 1, 2] as const) {
    await publisher.publish("a", `a${qos}`, { qos, retain: true });
    await publisher.publish(`b/${qos}`, `b${qos}`, { qos, retain: true });
  }
  assertStrictEquals(world.engine.statistics.retained, 4);
  await publisher.disconnect();
  assertEquals(await retained(world), ["a2", "b0", "b1", "b2"]);
  assertEquals(await retained(world, "b/+"), ["b0", "b1", "b2"]);
  assertEquals(await retained(world, "b/1"), ["b1"]);
  assertEquals(await retained(world, "c"), []);
});

Deno.test("A retained message is sent with RETAIN, at the lower of its QoS and that of the subscription [MQTT-3.8.4-8]", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  for (const qos of [0, 1, 2] as const) {
    await publisher.publish("a", "1", { qos, retain: true });
    for (const granted of [0, 1, 2] as const) {
      const client = await world.connect("c", { cleanStart: true });
      await client.subscribe("a", { qos: granted });
      const message = client.expectMessage("a", "1");
      assertStrictEquals(message.retain, true);
      assertStrictEquals(message.dup, false);
      assertStrictEquals(message.qos, Math.min(qos, granted));
    }
  }
});

Deno.test("A message without RETAIN is not retained, and does not replace a retained message [MQTT-3.3.1-8]", async () => {
  await using world = new World();
  const [, publisher] = await withRetained(world);
  await publisher.publish("a", "2");
  await publisher.publish("a", "");
  await publisher.publish("b", "3");
  assertEquals(await retained(world), ["1"]);
});

Deno.test("A message with RETAIN and an empty payload is delivered and deletes the retained message [MQTT-3.3.1-6] [MQTT-3.3.1-7]", async () => {
  await using world = new World();
  const [client, publisher] = await withRetained(world);
  await client.subscribe("a", { retainHandling: 2, retainAsPublished: true });
  await client.subscribe("b", { qos: 1 });
  await publisher.publish("a", "", { retain: true });
  assertStrictEquals(client.expectMessage("a", "").retain, true);
  await publisher.publish("b", "", { retain: true, qos: 1 });
  assertStrictEquals(client.expectMessage("b", "").retain, false);
  assertStrictEquals(world.engine.statistics.retained, 0);
  assertEquals(await retained(world), []);
});

Deno.test("An existing subscriber receives a message with RETAIN once, like any other", async () => {
  await using world = new World();
  const [client, publisher] = await withRetained(world);
  await client.subscribe("a");
  client.expectMessage("a", "1");
  await publisher.publish("a", "2", { retain: true });
  assertStrictEquals(client.expectMessage("a", "2").retain, false);
  client.expectNothing();
});

for (
  const [retainHandling, first, again, afterwards, statement] of [
    [0, 1, 1, 1, "MQTT-3.3.1-9"],
    [1, 1, 0, 1, "MQTT-3.3.1-10"],
    [2, 0, 0, 0, "MQTT-3.3.1-11"],
  ] as const
) {
  Deno.test(`Retain Handling ${retainHandling}: ${first} retained message for a new subscription, ${again} for one that is there, ${afterwards} for one that was gone [${statement}]`, async () => {
    await using world = new World();
    const [client] = await withRetained(world);
    await client.subscribe("a", { retainHandling });
    assertStrictEquals((await client.receive()).length, first);
    await client.subscribe("a", { retainHandling, qos: 1 });
    assertStrictEquals((await client.receive()).length, again);
    await client.unsubscribe("a");
    await client.subscribe("a", { retainHandling });
    assertStrictEquals((await client.receive()).length, afterwards);
  });
}

Deno.test("Retain Handling 1: a subscription of a resumed session is not new [MQTT-3.3.1-10]", async () => {
  await using world = new World();
  await withRetained(world);
  const before = await world.connect("d", LASTING);
  await before.subscribe("a", { retainHandling: 1 });
  assertStrictEquals((await before.receive()).length, 1);
  await before.cut();
  const client = await world.connect("d", LASTING);
  await client.subscribe("a", { retainHandling: 1 });
  client.expectNothing();
  await client.subscribe("+", { retainHandling: 1 });
  assertEquals(await client.receiveTexts(), ["1"]);
});

Deno.test("Each subscription has its own Retain Handling and its own copies [MQTT-3.8.4-5]", async () => {
  await using world = new World();
  const [client] = await withRetained(world);
  await client.subscribeAll([
    { topicFilter: "a", retainHandling: 0 },
    { topicFilter: "+", retainHandling: 2 },
    { topicFilter: "#", retainHandling: 1 },
    { topicFilter: "a", retainHandling: 1 },
    { topicFilter: "b", retainHandling: 0 },
  ]);
  assertEquals(await client.receiveTexts(), ["1", "1"]);
});

Deno.test("A subscription replaced with Retain Handling 0 receives the retained messages again, and loses no others [MQTT-3.8.4-4] [MQTT-3.3.1-9]", async () => {
  await using world = new World();
  const [client, publisher] = await withRetained(world);
  await client.subscribe("#", { qos: 1 });
  await client.receive();
  const packet = (count: number) => ({
    type: "subscribe" as const,
    packetId: 100 + count,
    subscriptions: [{ topicFilter: "#", qos: 1 as const, retainHandling: 0 as const }],
  });
  for (let count = 0; count < 10; count++) {
    await publisher.publish("b", `${count}`, { qos: 1 });
    await client.send(packet(count));
  }
  const texts = await client.receiveTexts();
  assertEquals(texts.filter((text) => text === "1").length, 11, "10 retained, and one that says 1");
  const others = texts.filter((text) => text !== "1");
  assertEquals(others, ["0", "2", "3", "4", "5", "6", "7", "8", "9"]);
});

Deno.test("SUBACK comes before the retained messages", async () => {
  await using world = new World();
  const [client] = await withRetained(world);
  await client.send({ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a" }] });
  client.expect("suback");
  client.expectMessage("a", "1");
});

Deno.test("A Shared Subscription receives no retained messages", async () => {
  await using world = new World();
  const [client] = await withRetained(world);
  for (const retainHandling of [0, 1] as const) {
    const topicFilter = `$share/g${retainHandling}/a`;
    // A Topic Name may look like that.
    await client.publish(topicFilter, "1", { retain: true });
    await client.subscribe(topicFilter, { retainHandling });
  }
  client.expectNothing();
});

Deno.test("A retained message carries the identifier of the subscription that gets it [MQTT-3.3.4-3]", async () => {
  await using world = new World();
  const [client] = await withRetained(world);
  await client.subscribe("a", { identifier: 5 });
  await client.subscribe("+", { identifier: 6 });
  await client.subscribe("#");
  assertEquals(
    (await client.receive()).map(({ properties }) => properties.subscriptionIdentifiers),
    [[5], [6], undefined],
  );
});

Deno.test("A retained message keeps its properties [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]", async () => {
  await using world = new World();
  const properties = {
    payloadFormatIndicator: 1,
    contentType: "c",
    responseTopic: "r",
    correlationData: Uint8Array.of(1),
    userProperties: [["b", "1"], ["a", "2"], ["b", "1"]],
  } as const;
  const publisher = await world.connect("p");
  await publisher.publish("a", "1", { retain: true, properties });
  const client = await world.connect("c");
  await client.subscribe("a");
  assertEquals(client.expect("publish").properties, properties);
});

Deno.test("The Message Expiry Interval of a retained message counts down until it is removed [MQTT-3.3.2-6] [MQTT-3.3.2-5]", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  await publisher.publish("a", "1", { retain: true, properties: { messageExpiryInterval: 100 } });
  await world.advance(39_999);
  const client = await world.connect("c");
  await client.subscribe("a");
  assertStrictEquals(client.expect("publish").properties.messageExpiryInterval, 61);
  await world.advance(60_000);
  await client.subscribe("a");
  assertStrictEquals(client.expect("publish").properties.messageExpiryInterval, 1);
  await world.advance(1);
  await client.subscribe("a");
  client.expectNothing();
  assertStrictEquals(world.engine.statistics.retained, 0);
});

Deno.test("A retained message that replaces an expiring one has its own Message Expiry Interval", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  await publisher.publish("a", "1", { retain: true, properties: { messageExpiryInterval: 10 } });
  await publisher.publish("a", "2", { retain: true });
  await world.advance(1_000_000);
  assertEquals(await retained(world), ["2"]);
});

Deno.test("A retained message that expires at once is delivered, but not retained", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a");
  const publisher = await world.connect("p");
  await publisher.send(
    publishOf("a", "1", { retain: true, properties: { messageExpiryInterval: 0 } }),
    { type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a" }] },
  );
  client.expectMessage("a", "1");
  publisher.expect("suback");
  publisher.expectNothing();
});

Deno.test("A retained message is copied: the buffer it was received in may change", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  const correlationData = Uint8Array.of(7);
  const bytes = encodePacket(
    publishOf("a", "1", { retain: true, properties: { correlationData } }),
  );
  publisher.link.send(bytes);
  bytes.fill(0);
  const client = await world.connect("c");
  await client.subscribe("a");
  assertEquals(client.expectMessage("a", "1").properties, { correlationData });
});

Deno.test("Retained messages beyond the client's Receive Maximum are sent later", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  for (let count = 0; count < 50; count++) {
    await publisher.publish(`a/${count}`, `${count}`, { qos: 1, retain: true });
  }
  const client = await world.connect("c", { properties: { receiveMaximum: 3 } });
  await client.subscribe("a/+", { qos: 1 });
  assertStrictEquals(client.link.packets.length, 3);
  assertStrictEquals((await client.receiveTexts()).length, 50);
});

Deno.test("A retained message of a topic that begins with $ is not matched by a leading wildcard [MQTT-4.7.2-1]", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  await publisher.publish("$a/b", "1", { retain: true });
  assertEquals(await retained(world, "#"), []);
  assertEquals(await retained(world, "+/b"), []);
  assertEquals(await retained(world, "$a/#"), ["1"]);
});

Deno.test("No Local does not apply to retained messages", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a", { noLocal: true });
  await client.publish("a", "1", { retain: true });
  client.expectNothing();
  await client.subscribe("a", { noLocal: true });
  client.expectMessage("a", "1");
});

Deno.test("A retained message may have a payload of zero bytes [MQTT-3.3.1-5]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.send({ ...publishOf("a", ""), retain: true, payload: bytesOfText("\0") });
  assertEquals(await retained(world), ["\0"]);
});
