// §3.3.2.3.3 Message Expiry Interval: what is left of it when a message goes on, and what becomes of one whose time is over.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { PublishPacket } from "../../src/packets/mod.ts";
import { publishOf, textOf } from "./client.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 3600 } };

/** A text and what is left of the time. */
function lifeOf(message: PublishPacket): readonly [string, number | undefined] {
  return [textOf(message), message.properties.messageExpiryInterval];
}

for (const qos of [0, 1, 2] as const) {
  Deno.test(`A message of QoS ${qos} that is sent at once keeps its Message Expiry Interval [MQTT-3.3.2-6]`, async () => {
    await using world = new World();
    const client = await world.connect("c");
    await client.subscribe("a", { qos: 2 });
    for (const messageExpiryInterval of [0, 1, 4_294_967_295]) {
      await client.publish("a", "1", { qos, properties: { messageExpiryInterval } });
      const message = client.take("publish");
      assertStrictEquals(message.properties.messageExpiryInterval, messageExpiryInterval);
      await client.finish(message);
    }
  });
}

Deno.test("A message queued for an offline client is sent with its remaining Message Expiry Interval [MQTT-3.3.2-6]", async () => {
  await using world = new World();
  const before = await world.connect("c", LASTING);
  await before.subscribe("a", { qos: 2 });
  await before.cut();
  const publisher = await world.connect("p");
  for (const qos of [1, 2] as const) {
    const properties = { messageExpiryInterval: 100 * qos };
    await publisher.publish("a", `${qos}`, { qos, properties });
  }
  await publisher.publish("a", "ever", { qos: 1 });
  await world.advance(40_000);
  const client = await world.connect("c", LASTING);
  const lives = (await client.receive()).map(lifeOf);
  assertEquals(lives, [["1", 60], ["2", 160], ["ever", undefined]]);
});

Deno.test("A message that waited for send quota is sent with its remaining Message Expiry Interval [MQTT-3.3.2-6]", async () => {
  await using world = new World();
  const client = await world.connect("c", { properties: { receiveMaximum: 1 } });
  await client.subscribe("a", { qos: 1 });
  const publisher = await world.connect("p");
  for (const text of ["1", "2", "3"]) {
    await publisher.publish("a", text, { qos: 1, properties: { messageExpiryInterval: 100 } });
  }
  const first = client.take("publish");
  await world.advance(10_000);
  await client.finish(first);
  const second = client.take("publish");
  await world.advance(20_500);
  await client.finish(second);
  assertEquals([first, second, client.take("publish")].map(lifeOf), [
    ["1", 100],
    ["2", 90],
    ["3", 70],
  ]);
});

Deno.test("A message that expires before it is sent is never sent, and does not count as dropped [MQTT-3.3.2-5]", async () => {
  await using world = new World();
  const before = await world.connect("c", LASTING);
  await before.subscribe("a", { qos: 2 });
  await before.cut();
  const publisher = await world.connect("p");
  for (const [text, seconds] of [["1", 10], ["2", 30], ["3", 10], ["4", 0]] as const) {
    const properties = { messageExpiryInterval: seconds };
    await publisher.publish("a", text, { qos: 1, properties });
  }
  await world.advance(10_000);
  const client = await world.connect("c", LASTING);
  assertEquals((await client.receive()).map(lifeOf), [["2", 20]]);
  assertStrictEquals(world.engine.statistics.dropped, 0);
});

Deno.test("A message that expires while it waits for send quota is never sent [MQTT-3.3.2-5]", async () => {
  await using world = new World();
  const client = await world.connect("c", { properties: { receiveMaximum: 1 } });
  await client.subscribe("a", { qos: 1 });
  const publisher = await world.connect("p");
  const properties = { messageExpiryInterval: 5 };
  for (const text of ["1", "2", "3"]) {
    await publisher.publish("a", text, { qos: 1, properties: text === "3" ? {} : properties });
  }
  const first = client.expectMessage("a", "1");
  await world.advance(5000);
  await client.finish(first);
  client.expectMessage("a", "3");
});

Deno.test("A message expires only for the clients that have not received it in time [MQTT-3.3.2-5]", async () => {
  await using world = new World();
  const there = await world.connect("d");
  await there.subscribe("a", { qos: 1 });
  const gone = await world.connect("c", LASTING);
  await gone.subscribe("a", { qos: 1 });
  await gone.cut();
  const publisher = await world.connect("p");
  await publisher.publish("a", "1", { qos: 1, properties: { messageExpiryInterval: 5 } });
  assertEquals(await there.receiveTexts(), ["1"]);
  await world.advance(5000);
  const again = await world.connect("c", LASTING);
  again.expectNothing();
});

Deno.test("A message in flight is sent again on the next connection although it has expired [MQTT-4.3.3-7]", async () => {
  await using world = new World();
  const before = await world.connect("c", LASTING);
  await before.subscribe("a", { qos: 2 });
  const publisher = await world.connect("p");
  await publisher.publish("a", "1", { qos: 2, properties: { messageExpiryInterval: 5 } });
  before.expectMessage("a", "1");
  await before.cut();
  await world.advance(10_000);
  const client = await world.connect("c", LASTING);
  assertEquals(await client.receiveTexts(), ["1"]);
});

Deno.test("The time a hook takes counts towards the Message Expiry Interval [MQTT-3.3.2-6] [MQTT-3.3.2-5]", async () => {
  const asked: ((isAllowed: boolean) => void)[] = [];
  await using world = new World({
    authorizePublish: () => new Promise((resolve) => asked.push(resolve)),
  });
  const client = await world.connect("c");
  await client.subscribe("a");
  const publisher = await world.connect("p");
  await publisher.send(
    publishOf("a", "0", { qos: 1, packetId: 1, properties: { messageExpiryInterval: 5 } }),
    publishOf("a", "never", { qos: 1, packetId: 2 }),
  );
  await world.advance(5000);
  for (let count = 0; count < 2; count++) {
    asked.shift()!(true);
    await world.settle();
    assertStrictEquals(publisher.expect("puback").reasonCode, 0x00);
  }
  assertEquals((await client.receive()).map(lifeOf), [["never", undefined]]);
  for (const [text, seconds, waiting] of [["1", 10, 4], ["2", 10, 10]] as const) {
    await publisher.publish("a", text, {
      retain: true,
      properties: { messageExpiryInterval: seconds },
    });
    await world.advance(waiting * 1000);
    asked.shift()!(true);
    await world.settle();
  }
  assertEquals((await client.receive()).map(lifeOf), [["1", 6]]);
});
