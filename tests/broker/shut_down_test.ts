// A broker that ends tells its clients, and says how much there is of everything as long as it runs.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { BrokerStatistics } from "../../src/broker/mod.ts";
import { publishOf } from "./client.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 60 } };
const NOTHING: Counts = {
  clients: 0,
  sessions: 0,
  subscriptions: 0,
  retained: 0,
  dropped: 0,
};

/** What is counted one by one: the memory has tests of its own. */
type Counts = Omit<BrokerStatistics, "memory">;

function countsOf({ engine }: World): Counts {
  const { memory: _, ...counts } = engine.statistics;
  return counts;
}

Deno.test("A broker that shuts down sends DISCONNECT with 0x8B to every client, and closes all connections [MQTT-3.14.0-1]", async () => {
  await using world = new World();
  const clients = [await world.connect("c"), await world.connect("d", LASTING)];
  const silent = world.open();
  world.engine.shutDown();
  await world.settle();
  for (const client of clients) client.expectDisconnect(0x8b);
  silent.expectClosed();
  assertStrictEquals(world.engine.statistics.clients, 0);
  assertStrictEquals(world.engine.statistics.sessions, 1);
});

Deno.test("A broker that shuts down sends pending packets before DISCONNECT", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a", { qos: 1 });
  const publisher = await world.connect("p");
  client.link.stall();
  await publisher.publish("a", "1", { qos: 1 });
  world.engine.shutDown();
  client.link.goOn();
  await world.settle();
  client.expectMessage("a", "1");
  client.expectDisconnect(0x8b);
});

Deno.test("A broker that shuts down publishes no Will to anybody, and reports no error", async () => {
  await using world = new World();
  const client = await world.connect("c", { will: { topic: "will", qos: 1 }, ...LASTING });
  await client.subscribe("will", { qos: 1 });
  world.engine.shutDown();
  world.engine.shutDown();
  await world.settle();
  client.expectDisconnect(0x8b);
});

Deno.test("Statistics count clients, sessions, subscriptions and retained messages as they come and go", async () => {
  await using world = new World();
  assertEquals(countsOf(world), NOTHING);
  const silent = world.open();
  assertEquals(countsOf(world), NOTHING);
  await silent.cut();
  const client = await world.connect("c", LASTING);
  const other = await world.connect("d");
  assertEquals(countsOf(world), { ...NOTHING, clients: 2, sessions: 2 });
  await client.subscribeAll([{ topicFilter: "a" }, { topicFilter: "b" }, { topicFilter: "a" }]);
  await other.subscribe("a");
  await other.publish("x", "1", { retain: true });
  await other.publish("x", "2", { retain: true });
  assertEquals(countsOf(world), {
    clients: 2,
    sessions: 2,
    subscriptions: 3,
    retained: 1,
    dropped: 0,
  });
  await client.cut();
  assertEquals(countsOf(world), {
    clients: 1,
    sessions: 2,
    subscriptions: 3,
    retained: 1,
    dropped: 0,
  });
  await other.publish("x", "", { retain: true });
  await other.disconnect();
  assertEquals(countsOf(world), { ...NOTHING, sessions: 1, subscriptions: 2 });
  await world.advance(60_000);
  assertEquals(countsOf(world), NOTHING);
});

Deno.test("The engine keeps nothing of thousands of clients that have disconnected", async () => {
  await using world = new World();
  const size = () => world.engine.deadline;
  for (let count = 0; count < 300; count++) {
    const client = await world.connect(`c${count % 7}`, {
      cleanStart: count % 3 === 0,
      will: { topic: "w", qos: 1, properties: { willDelayInterval: count % 5 } },
      properties: { sessionExpiryInterval: count % 2 * 10 },
    });
    await client.send(
      {
        type: "subscribe",
        packetId: 1,
        subscriptions: [
          { topicFilter: `t/${count % 11}/#`, qos: 2 },
          { topicFilter: `$share/g${count % 3}/t/#`, qos: 1 },
          { topicFilter: "w" },
        ],
      },
      publishOf(`t/${count % 13}/x`, `${count}`, {
        qos: 1,
        packetId: 2,
        retain: count % 4 === 0,
        properties: { messageExpiryInterval: 5 },
      }),
      publishOf(`t/${count % 13}/y`, `${count}`, { qos: 2, packetId: 3 }),
    );
    if (count % 3 === 1) {
      await client.send({ type: "unsubscribe", packetId: 4, topicFilters: ["w"] });
    }
    if (count % 4 === 1) await client.cut();
    if (count % 4 === 2) await client.disconnect();
    await world.advance(count % 10 === 0 ? 11_000 : 100);
  }
  world.engine.shutDown();
  await world.advance(60_000);
  assertEquals({ ...world.engine.statistics, dropped: 0 }, { ...NOTHING, memory: 0 });
  assertStrictEquals(size(), Infinity);
});
