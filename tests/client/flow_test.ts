// The reader never waits for the application, and nothing grows without bound: what is too much of QoS 0 is dropped and told,
// and a consumer that publishes in its loop does not wait for itself.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { ConnectOptions } from "../../src/client/options.ts";
import type { SubscribeOptions, Subscription } from "../../src/client/subscription.ts";
import type { Peer } from "./peer.ts";
import { TestBroker } from "./broker.ts";
import { Loop, outcome, settle, test, type TestWorld } from "./world.ts";

async function subscribed(
  world: TestWorld,
  options: SubscribeOptions = {},
  connect: ConnectOptions = {},
): Promise<{ readonly peer: Peer; readonly subscription: Subscription }> {
  const { client, peer } = await world.connected(connect);
  const granted = client.subscribe("a", { qos: 2, ...options });
  await peer.grant();
  world.told.length = 0;
  return { peer, subscription: await granted };
}

async function payloadsOf(subscription: Subscription): Promise<number[]> {
  const loop = new Loop(subscription);
  const messages = await loop.takeMany(subscription.waiting);
  return messages.map(({ payload }) => payload[0]!);
}

function publish(peer: Peer, size: number, ...payloads: readonly number[]): void {
  for (const first of payloads) {
    const payload = new Uint8Array(size);
    payload[0] = first;
    peer.publish("a", [1], { payload });
  }
}

for (
  const [whenFull, kept, dropped] of [
    ["drop oldest", [3, 4, 5], [1, 2]],
    ["drop newest", [1, 2, 3], [4, 5]],
  ] as const
) {
  test(`Too many messages of QoS 0 that nobody reads: ${whenFull}, counted and told`, async (world) => {
    const receiveQueue = { messages: 3, whenFull };
    const { peer, subscription } = await subscribed(world, { receiveQueue });
    publish(peer, 1, 1, 2, 3, 4, 5);
    await settle();
    assertStrictEquals(subscription.dropped, 2);
    assertStrictEquals(subscription.waiting, 3);
    const told = [world.expectTold("dropped"), world.expectTold("dropped")];
    assertEquals(told.map(({ message }) => message.payload[0]), dropped);
    for (const detail of told) assertStrictEquals(detail.subscription, subscription);
    assertEquals(await payloadsOf(subscription), kept);
  });

  test(`Too many bytes of QoS 0 that nobody reads: ${whenFull}`, async (world) => {
    const receiveQueue = { bytes: 35, whenFull };
    const { peer, subscription } = await subscribed(world, {}, { receiveQueue });
    publish(peer, 10, 1, 2, 3, 4, 5);
    await settle();
    assertStrictEquals(subscription.dropped, 2);
    assertEquals(await payloadsOf(subscription), kept);
  });
}

test("One message of QoS 0 may be larger than all that may wait", async (world) => {
  for (const whenFull of ["drop oldest", "drop newest"] as const) {
    const { peer, subscription } = await subscribed(world, {
      receiveQueue: { bytes: 9, whenFull },
    });
    publish(peer, 10, 1);
    await settle();
    assertStrictEquals(subscription.dropped, 0);
    publish(peer, 10, 2);
    await settle();
    assertStrictEquals(subscription.dropped, 1);
    assertEquals(await payloadsOf(subscription), [whenFull === "drop oldest" ? 2 : 1]);
  }
});

test("Messages of QoS 1 and 2 are never dropped, and keep their place among those of QoS 0", async (world) => {
  const { peer, subscription } = await subscribed(world, { receiveQueue: { messages: 2 } });
  for (let count = 1; count <= 9; count++) {
    const qos = ([0, 1, 2] as const)[count % 3]!;
    peer.publish("a", [1], { qos, packetId: qos && count, payload: Uint8Array.of(count) });
  }
  await settle();
  assertStrictEquals(subscription.dropped, 1);
  assertEquals(await payloadsOf(subscription), [1, 2, 4, 5, 6, 7, 8, 9]);
});

test("Room that is read is room again", async (world) => {
  const { peer, subscription } = await subscribed(world, {
    receiveQueue: { messages: 2, bytes: 20 },
  });
  for (let round = 0; round < 100; round++) {
    publish(peer, 10, 1, 2);
    await settle();
    assertEquals(await payloadsOf(subscription), [1, 2]);
  }
  assertStrictEquals(subscription.dropped, 0);
});

test("A loop that keeps up drops nothing, however small its queue is", async (world) => {
  const { peer, subscription } = await subscribed(world, { receiveQueue: { messages: 1 } });
  let count = 0;
  const reading = (async () => {
    for await (const _ of subscription) count++;
  })();
  for (let sent = 0; sent < 50; sent++) {
    publish(peer, 1, 1);
    await settle();
  }
  assertStrictEquals(count, 50);
  void subscription.unsubscribe();
  await peer.release();
  await reading;
});

test("A consumer that does nothing keeps neither pings nor acknowledgements nor other consumers waiting", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 10 });
  const both = Promise.all([client.subscribe("stuck", { qos: 2 }), client.subscribe("b")]);
  await peer.grant();
  await peer.grant();
  const [, lively] = await both;
  peer.publish("stuck", [1], { qos: 1, packetId: 1 });
  peer.publish("stuck", [1], { qos: 2, packetId: 2 });
  const step = new Loop(lively).next();
  peer.publish("b", [2]);
  assertStrictEquals((await step).value?.topic, "b");
  const published = client.publish("c", "", { qos: 2 });
  const { packetId } = await peer.expect("publish");
  peer.send({ type: "pubrec", packetId });
  await peer.expect("pubrel");
  peer.send({ type: "pubcomp", packetId });
  await published;
  await world.clock.advance(9000);
  await peer.expect("pingreq");
  peer.send({ type: "pingresp" });
  await peer.expectNothing();
  assertStrictEquals(client.state, "connected");
});

test("A consumer that awaits a QoS 2 publish in its loop does not deadlock, with a Receive Maximum of 1 on both sides [MQTT-4.9.0-3] [MQTT-3.3.4-8]", async (world) => {
  const broker = new TestBroker(world, { receiveMaximum: 1 });
  const client = world.client({ receiveMaximum: 1, clientId: "c" });
  await client.start();
  const jobs = await client.subscribe("jobs", { qos: 2 });
  const results = await client.subscribe("results", { qos: 1 });
  const working = (async () => {
    let count = 0;
    for await (const job of jobs) {
      await client.publish("results", job.payload, { qos: 2 });
      job.ack();
      if (++count === 50) break;
    }
  })();
  const reading = (async () => {
    const seen: number[] = [];
    for await (const result of results) {
      seen.push(result.payload[0]!);
      if (seen.length === 50) break;
    }
    return seen;
  })();
  for (let job = 0; job < 50; job++) broker.publish("jobs", Uint8Array.of(job), 2);
  await working;
  const seen = await outcome(reading);
  assertEquals(seen, { status: "fulfilled", value: Array.from({ length: 50 }, (_, job) => job) });
});

test("A consumer that subscribes, unsubscribes and publishes in its loop does not deadlock", async (world) => {
  const broker = new TestBroker(world, { receiveMaximum: 1 });
  const client = world.client({ receiveMaximum: 1, clientId: "c" });
  await client.start();
  const jobs = await client.subscribe("jobs", { qos: 1 });
  let count = 0;
  broker.publish("jobs", Uint8Array.of(count), 1);
  for await (const job of jobs) {
    await using answers = await client.subscribe(`answers/${job.payload[0]}`, { qos: 0 });
    const step = new Loop(answers).next();
    await client.publish(`answers/${job.payload[0]}`, "yes");
    assertStrictEquals((await step).value?.text(), "yes");
    if (++count === 3) break;
    broker.publish("jobs", Uint8Array.of(count), 1);
  }
});

test("Large messages arrive whole: 300 kB, 1 MB and 64 MB", async (world) => {
  const { peer, subscription } = await subscribed(world, { receiveQueue: { bytes: 1e9 } });
  const loop = new Loop(subscription);
  for (const size of [300_000, 1_000_000, 64_000_000]) {
    const payload = new Uint8Array(size);
    payload[size - 1] = 9;
    const packet = { type: "publish", topic: "a", payload } as const;
    peer.send({ ...packet, properties: { subscriptionIdentifiers: [1] } });
    const message = await loop.take();
    assertStrictEquals(message.payload.length, size);
    assertStrictEquals(message.payload[size - 1], 9);
  }
});
