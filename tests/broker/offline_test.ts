// §4.5 What waits for a client that is not there, or that does not read: in order, bounded, and no longer than it lives.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Client } from "./client.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 3600 } };

/** A client that publishes, and a session of "c" with a subscription to "#" whose client is gone. */
async function withSleeper(world: World, qos: 0 | 1 | 2 = 2): Promise<Client> {
  const client = await world.connect("c", LASTING);
  await client.subscribe("#", { qos });
  await client.cut();
  return await world.connect("p");
}

/** The texts that wait for "c". */
async function waiting(world: World): Promise<string[]> {
  const client = await world.connect("c", LASTING);
  return await client.receiveTexts();
}

Deno.test("Messages of QoS 1 and 2 are queued in order for an offline client [MQTT-4.5.0-1] [MQTT-4.6.0-5]", async () => {
  await using world = new World();
  const publisher = await withSleeper(world);
  for (let count = 0; count < 30; count++) {
    await publisher.publish("a", `${count}`, { qos: (1 + count % 2) as 1 | 2 });
  }
  assertEquals(await waiting(world), Array.from({ length: 30 }, (_, count) => `${count}`));
  assertStrictEquals(world.engine.statistics.dropped, 0);
});

Deno.test("Messages delivered at QoS 0 are not queued for an offline client", async () => {
  await using world = new World();
  const publisher = await withSleeper(world, 0);
  await publisher.publish("a", "1", { qos: 1 });
  const other = await world.connect("d", LASTING);
  await other.subscribe("#", { qos: 2 });
  await other.cut();
  await publisher.publish("a", "2", { qos: 0 });
  assertEquals(await waiting(world), []);
  const again = await world.connect("d", LASTING);
  again.expectNothing();
});

Deno.test("Each message is queued once for an offline client, whatever other subscribers do", async () => {
  await using world = new World();
  const publisher = await withSleeper(world);
  const others = [await world.connect("d"), await world.connect("e")];
  for (const other of others) await other.subscribe("a/+", { qos: 1 });
  await publisher.publish("a/b", "1", { qos: 2 });
  for (const other of others) assertEquals(await other.receiveTexts(), ["1"]);
  assertEquals(await waiting(world), ["1"]);
});

Deno.test("Messages beyond the maximum queue length are dropped and counted", async () => {
  await using world = new World({ limits: { queuedMessages: 3 } });
  const publisher = await withSleeper(world);
  for (let count = 1; count <= 5; count++) await publisher.publish("a", `${count}`, { qos: 1 });
  assertStrictEquals(world.engine.statistics.dropped, 2);
  assertEquals(await waiting(world), ["1", "2", "3"]);
});

Deno.test("Messages beyond the maximum queue size in bytes are dropped and counted", async () => {
  await using world = new World({ limits: { queuedBytes: 10 } });
  const publisher = await withSleeper(world);
  await publisher.publish("a", "1234", { qos: 1 });
  await publisher.publish("a", "12345", { qos: 1 });
  await publisher.publish("a", "1235", { qos: 1 });
  await publisher.publish("b", "", { qos: 1 });
  assertStrictEquals(world.engine.statistics.dropped, 2);
  assertEquals(await waiting(world), ["1234", "1235"]);
});

Deno.test("Each session has a queue of its own", async () => {
  await using world = new World({ limits: { queuedMessages: 1 } });
  const publisher = await withSleeper(world);
  const other = await world.connect("d", LASTING);
  await other.subscribe("b", { qos: 1 });
  await other.cut();
  await publisher.publish("a", "1", { qos: 1 });
  await publisher.publish("b", "2", { qos: 1 });
  assertStrictEquals(world.engine.statistics.dropped, 1);
  const again = await world.connect("d", LASTING);
  assertEquals(await again.receiveTexts(), ["2"]);
});

Deno.test("An expired message takes no room in the queue [MQTT-3.3.2-5]", async () => {
  await using world = new World({ limits: { queuedMessages: 2 } });
  const publisher = await withSleeper(world);
  const properties = { messageExpiryInterval: 10 };
  await publisher.publish("a", "1", { qos: 1, properties });
  await publisher.publish("a", "2", { qos: 1, properties });
  await world.advance(10_000);
  await publisher.publish("a", "3", { qos: 1 });
  await publisher.publish("a", "4", { qos: 1 });
  assertStrictEquals(world.engine.statistics.dropped, 0);
  assertEquals(await waiting(world), ["3", "4"]);
});

/** The same, with a Subscription Identifier that takes 5 bytes of each message's room. */
async function withIdentifiedSleeper(world: World): Promise<Client> {
  const client = await world.connect("c", LASTING);
  await client.subscribe("#", { qos: 1, identifier: 1 });
  await client.cut();
  return await world.connect("p");
}

Deno.test("A message that has no room only because of its Subscription Identifier is dropped and counted, too", async () => {
  await using world = new World({ limits: { queuedBytes: 20 } });
  const publisher = await withIdentifiedSleeper(world);
  assertStrictEquals(await publisher.publish("a", "123456", { qos: 1 }), 0x00);
  assertStrictEquals(await publisher.publish("a", "1234", { qos: 1 }), 0x97);
  assertStrictEquals(world.engine.statistics.dropped, 1);
  assertEquals(await waiting(world), ["123456"]);
});

Deno.test("An expired message takes no room that a Subscription Identifier needs [MQTT-3.3.2-5]", async () => {
  await using world = new World({ limits: { queuedBytes: 20 } });
  const publisher = await withIdentifiedSleeper(world);
  const properties = { messageExpiryInterval: 10 };
  assertStrictEquals(await publisher.publish("a", "1", { qos: 1, properties }), 0x00);
  await world.advance(10_000);
  assertStrictEquals(await publisher.publish("a", "1234", { qos: 1 }), 0x00);
  assertEquals(await waiting(world), ["1234"]);
});

Deno.test("Queued messages are discarded with their session [MQTT-4.1.0-2]", async () => {
  await using world = new World();
  const publisher = await withSleeper(world);
  await publisher.publish("a", "1", { qos: 1 });
  await world.advance(3_600_000);
  assertEquals(await waiting(world), []);
});

Deno.test("Messages are queued up to the limit for a client that does not acknowledge", async () => {
  await using world = new World({ limits: { queuedMessages: 2 } });
  const client = await world.connect("c", { properties: { receiveMaximum: 1 } });
  await client.subscribe("a", { qos: 1 });
  const publisher = await world.connect("p");
  for (let count = 1; count <= 4; count++) await publisher.publish("a", `${count}`, { qos: 1 });
  assertStrictEquals(world.engine.statistics.dropped, 1);
  assertEquals(await client.receiveTexts(), ["1", "2", "3"]);
});

Deno.test("QoS 0 messages are queued up to the limit for a client that does not read, and others receive theirs", async () => {
  await using world = new World({ limits: { queuedMessages: 3 } });
  const client = await world.connect("c");
  await client.subscribe("a");
  const other = await world.connect("d");
  await other.subscribe("a");
  const publisher = await world.connect("p");
  client.link.stall();
  const large = "x".repeat(100_000);
  for (let count = 0; count < 9; count++) await publisher.publish("a", `${count}${large}`);
  assertEquals((await other.receiveTexts()).length, 9);
  const { dropped } = world.engine.statistics;
  assertStrictEquals(dropped, 3, "three are on their way, three wait");
  client.link.goOn();
  await world.settle();
  const texts = await client.receiveTexts();
  assertEquals(texts.map((text) => text[0]), ["0", "1", "2", "3", "4", "5"]);
});

Deno.test("A client that sends but does not read is disconnected", async () => {
  await using world = new World();
  const client = await world.connect("c");
  client.link.stall();
  const ping = new Uint8Array(20_000).map((_, index) => index % 2 === 0 ? 0xc0 : 0);
  for (let count = 0; count < 60 && !client.link.isOver; count++) await client.sendBytes(ping);
  assertStrictEquals(client.link.isOver, true);
  assertStrictEquals(world.engine.statistics.clients, 0);
});
