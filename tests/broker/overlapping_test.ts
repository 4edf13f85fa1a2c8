// §3.3.4 Several subscriptions of one client that match the same message: as one copy, or as several.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { SubscriptionRequestInit } from "../../src/packets/mod.ts";
import type { Client } from "./client.ts";
import { World } from "./world.ts";

const ONE = { overlapping: "one copy" } as const;
const SEVERAL = { overlapping: "several copies" } as const;
const LASTING = { properties: { sessionExpiryInterval: 60 } };

type Wish = readonly [SubscriptionRequestInit, number?];

/** A client with these subscriptions. */
async function withSubscriptions(world: World, ...wishes: readonly Wish[]): Promise<Client> {
  const client = await world.connect("c", LASTING);
  for (const [request, identifier] of wishes) await client.subscribeAll([request], identifier);
  return client;
}

/** What has come: QoS and Subscription Identifiers, these in no order. */
async function copies(client: Client): Promise<(readonly [number, readonly number[]])[]> {
  return (await client.receive()).map(({ qos, properties }) => [
    qos,
    (properties.subscriptionIdentifiers ?? []).toSorted(),
  ]);
}

for (
  const options of [ONE, {}] // It is the default.
) {
  Deno.test(`One copy: the highest QoS, and the identifiers of all that have one, with ${JSON.stringify(options)} [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4]`, async () => {
    await using world = new World(options);
    const client = await withSubscriptions(
      world,
      [{ topicFilter: "a/b", qos: 1 }, 3],
      [{ topicFilter: "a/+", qos: 2 }, 1],
      [{ topicFilter: "a/#", qos: 0 }, 268_435_455],
      [{ topicFilter: "#", qos: 0 }],
      [{ topicFilter: "b" }, 4],
    );
    for (const qos of [0, 1, 2] as const) await client.publish("a/b", "1", { qos });
    const identifiers = [1, 268_435_455, 3];
    assertEquals(await copies(client), [[0, identifiers], [1, identifiers], [2, identifiers]]);
  });
}

Deno.test("One copy for subscriptions with the same identifier contains it once, or once per subscription [MQTT-3.3.4-4]", async () => {
  await using world = new World(ONE);
  const client = await withSubscriptions(world, [{ topicFilter: "a" }, 5], [
    { topicFilter: "+" },
    5,
  ]);
  await client.publish("a", "1");
  const { properties } = client.expectMessage("a", "1");
  assertEquals([...new Set(properties.subscriptionIdentifiers)], [5]);
  client.expectNothing();
});

Deno.test("One copy for subscriptions without identifiers has none [MQTT-3.3.4-4]", async () => {
  await using world = new World(ONE);
  const client = await withSubscriptions(world, [{ topicFilter: "a" }], [{ topicFilter: "+" }]);
  await client.publish("a", "1");
  assertEquals(client.expectMessage("a", "1").properties, {});
  client.expectNothing();
});

Deno.test("One copy keeps RETAIN if one of the subscriptions has Retain As Published [MQTT-3.3.1-13]", async () => {
  await using world = new World(ONE);
  const client = await withSubscriptions(
    world,
    [{ topicFilter: "a", retainAsPublished: true }],
    [{ topicFilter: "+", retainAsPublished: false }],
  );
  await client.publish("a", "1", { retain: true });
  assertStrictEquals(client.expectMessage("a", "1").retain, true);
  await client.publish("a", "1");
  assertStrictEquals(client.expectMessage("a", "1").retain, false);
});

Deno.test("One copy is queued for an offline client [MQTT-3.3.4-4] [MQTT-3.3.4-2]", async () => {
  await using world = new World(ONE);
  const client = await withSubscriptions(
    world,
    [{ topicFilter: "a", qos: 1 }, 1],
    [{ topicFilter: "+", qos: 2 }, 2],
    [{ topicFilter: "#", qos: 0 }, 3],
  );
  await client.cut();
  const publisher = await world.connect("p");
  await publisher.publish("a", "1", { qos: 2 });
  const again = await world.connect("c", LASTING);
  assertEquals(await copies(again), [[2, [1, 2, 3]]]);
});

Deno.test("Several copies: each at the QoS of its subscription, with its identifier if it has one [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-5] [MQTT-3.8.4-8]", async () => {
  await using world = new World(SEVERAL);
  const client = await withSubscriptions(
    world,
    [{ topicFilter: "a/b", qos: 1 }, 3],
    [{ topicFilter: "a/+", qos: 2, retainAsPublished: true }, 1],
    [{ topicFilter: "a/#", qos: 0 }, 2],
    [{ topicFilter: "#", qos: 0 }],
    [{ topicFilter: "b" }, 4],
  );
  await client.publish("a/b", "1", { qos: 2, retain: true });
  const messages = client.link.packets.filter((packet) => packet.type === "publish");
  assertEquals(messages.filter(({ retain }) => retain).length, 1);
  const found = await copies(client);
  assertEquals(found.toSorted(), [[0, []], [0, [2]], [1, [3]], [2, [1]]]);
});

Deno.test("Several copies are queued for an offline client [MQTT-3.3.4-5]", async () => {
  await using world = new World(SEVERAL);
  const client = await withSubscriptions(
    world,
    [{ topicFilter: "a", qos: 1 }, 1],
    [{ topicFilter: "+", qos: 2 }, 2],
    [{ topicFilter: "#", qos: 0 }, 3],
  );
  await client.cut();
  const publisher = await world.connect("p");
  await publisher.publish("a", "1", { qos: 2 });
  const again = await world.connect("c", LASTING);
  assertEquals((await copies(again)).toSorted(), [[1, [1]], [2, [2]]]);
});

for (const options of [ONE, SEVERAL]) {
  Deno.test(`With ${options.overlapping}, one subscription gets one copy, and a group one of its own`, async () => {
    await using world = new World(options);
    const client = await withSubscriptions(
      world,
      [{ topicFilter: "a", qos: 1 }, 1],
      [{ topicFilter: "$share/g/a", qos: 2 }, 2],
      [{ topicFilter: "$share/h/a", qos: 2 }, 3],
    );
    await client.publish("a", "1", { qos: 2 });
    assertEquals((await copies(client)).toSorted(), [[1, [1]], [2, [2]], [2, [3]]]);
  });
}
