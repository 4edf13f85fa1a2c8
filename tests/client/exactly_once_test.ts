// Whatever the network does: a message of QoS 2 is delivered exactly once, one of QoS 1 at least once, both in order, in both
// directions, with a slow application at one end. The network breaks after any number of bytes, as a seed says.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Client } from "../../src/client/client.ts";
import type { Subscription } from "../../src/client/subscription.ts";
import { Random } from "../../src/testing/random.ts";
import { TestBroker } from "./broker.ts";
import { settle, test, type TestWorld } from "./world.ts";

const SEEDS = 25;
const MESSAGES = 40;
const SESSION = { clientId: "c", sessionExpiryInterval: 3600, keepAlive: 0 } as const;
const RECONNECT = { initialDelay: 10, maximumDelay: 20 } as const;

/** A server whose connections break, each after some bytes of either direction. */
function unreliable(world: TestWorld, random: Random): TestBroker {
  const broker = new TestBroker(world, { receiveMaximum: 5 });
  // The first is to last until everything is set up.
  let count = 0;
  broker.onOpen = (near, far) => {
    if (count++ === 0) return;
    near.cutAfter(30 + random.below(300));
    far.cutAfter(5 + random.below(300));
  };
  world.clock.chance = 0.5;
  return broker;
}

/** Waits until something is so, in virtual time. */
async function until(world: TestWorld, isSo: () => boolean): Promise<void> {
  for (let step = 0; step < 20_000; step++) {
    if (isSo()) return;
    await world.clock.advance(1);
  }
  throw new Error("It does not come to an end");
}

/** Reads slowly, now and then from another loop. */
async function consume(
  world: TestWorld,
  subscription: Subscription,
  random: Random,
  seen: number[],
): Promise<void> {
  for (;;) {
    let isLeft = false;
    for await (const message of subscription) {
      seen.push(message.payload[0]!);
      const { promise, resolve } = Promise.withResolvers<void>();
      world.clock.at(world.clock.now() + random.below(8), resolve);
      await promise;
      if (random.onceIn(4)) message.ack();
      isLeft = random.onceIn(5);
      if (isLeft) break;
    }
    if (!isLeft) return;
  }
}

const ALL = Array.from({ length: MESSAGES }, (_, index) => index);

for (const qos of [1, 2] as const) {
  test(`Messages of QoS ${qos} reach the application ${qos === 2 ? "exactly" : "at least"} once and in order, whatever the network does [MQTT-4.3.3-10] [MQTT-4.5.0-2]`, async (world) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = new Random(seed);
      const broker = unreliable(world, random);
      const client = world.client({ ...SESSION, reconnect: RECONNECT, receiveMaximum: 3 });
      await client.start();
      const subscription = await client.subscribe("down", { qos });
      const seen: number[] = [];
      const consuming = consume(world, subscription, random, seen);
      broker.cut();
      for (const number of ALL) broker.publish("down", Uint8Array.of(number), qos);
      await until(world, () => seen.includes(MESSAGES - 1));
      broker.onOpen = () => {};
      await end(world, client);
      await consuming;
      assertEquals(qos === 2 ? seen : firstSeen(seen), ALL, `seed ${seed}`);
    }
  });

  test(`Messages of QoS ${qos} reach the server ${qos === 2 ? "exactly" : "at least"} once and in order, whatever the network does`, async (world) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = new Random(seed);
      const broker = unreliable(world, random);
      const client = world.client({
        ...SESSION,
        reconnect: RECONNECT,
        topicAliases: random.onceIn(2) ? "automatic" : "off",
      });
      await client.start();
      broker.cut();
      let settled = 0;
      for (const number of ALL) {
        void client.publish("up", Uint8Array.of(number), { qos }).then(() => settled++);
        if (random.onceIn(3)) await world.clock.advance(random.below(5));
      }
      await until(world, () => settled === MESSAGES);
      broker.onOpen = () => {};
      await end(world, client);
      const received = broker.received.map(({ payload }) => payload[0]!);
      assertEquals(qos === 2 ? received : firstSeen(received), ALL, `seed ${seed}`);
    }
  });
}

test("Subscriptions are there at last, whatever the network does and however often the server forgets them", async (world) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = new Random(seed);
    const broker = unreliable(world, random);
    const client = world.client({ ...SESSION, reconnect: RECONNECT });
    await client.start();
    const subscription = await client.subscribe(["a", "b"], { qos: 1 });
    for (let round = 0; round < 10; round++) {
      broker.cut();
      if (random.onceIn(2)) broker.loseSessions();
      await world.clock.advance(random.below(60));
    }
    broker.onOpen = () => {};
    broker.cut();
    await world.clock.advance(60);
    assertStrictEquals(client.state, "connected");
    const before = subscription.waiting;
    broker.publish("b", Uint8Array.of(1), 1);
    await settle();
    assertStrictEquals(subscription.waiting, before + 1, `seed ${seed}`);
    await end(world, client);
  }
});

for (const sessionPresent of [true, false]) {
  test(`Memory stays bounded over 1000 reconnects with a stuck consumer, when the server ${sessionPresent ? "has" : "loses"} the session`, async (world) => {
    const broker = new TestBroker(world);
    const client = world.client({
      ...SESSION,
      receiveMaximum: 4,
      receiveQueue: { messages: 10 },
      reconnect: { initialDelay: 1 },
    });
    await client.start();
    const subscription = await client.subscribe("a", { qos: 2 });
    const loop = subscription[Symbol.asyncIterator]();
    void loop.next();
    let highest = 0;
    for (let round = 0; round < 1000; round++) {
      for (const qos of [0, 1, 2] as const) broker.publish("a", Uint8Array.of(round), qos);
      await settle();
      highest = Math.max(highest, subscription.waiting);
      if (!sessionPresent) broker.loseSessions();
      broker.cut();
      await world.clock.advance(1);
      assertStrictEquals(client.state, "connected");
    }
    // Ten of QoS 0; of the others the Receive Maximum, and ten that nobody will send again.
    assertStrictEquals(highest <= (sessionPresent ? 14 : 24), true, `${highest} waited`);
    assertStrictEquals(world.clock.timers <= 4, true, `${world.clock.timers} timers`);
    assertStrictEquals(client.save().unreleased.length <= 4, true);
    await end(world, client);
  });
}

function firstSeen(numbers: readonly number[]): number[] {
  return [...new Set(numbers)];
}

async function end(world: TestWorld, client: Client): Promise<void> {
  const ended = client.disconnect({ timeout: 1 });
  await world.clock.advance(2000);
  await ended;
}
