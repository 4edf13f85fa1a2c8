// The subscriptions of a client with a store: what the server has granted to one process is not
// asked for by the next, and what is not certain is.

import { assertEquals, assertNotEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { startClient } from "../../src/client/client.ts";
import type { ConnectOptions } from "../../src/client/options.ts";
import type { TopicFilters } from "../../src/client/subscribe_options.ts";
import type { SubscribeOptions, Subscription } from "../../src/client/subscription.ts";
import { ConnectionClosedError, RefusedError } from "../../src/errors.ts";
import { MemoryStore } from "./memory_store.ts";
import type { Connack } from "./peer.ts";
import { begin, kill, OPTIONS } from "./processes.ts";
import { Loop, outcome, settle, test, type TestWorld, URL_OF_SERVER } from "./world.ts";

const PRESENT = { sessionPresent: true } as const;

/** What the first process has subscribed to, and the store of the next one. */
async function subscribed(
  world: TestWorld,
  filters: TopicFilters,
  options: SubscribeOptions = {},
  connack: Connack = {},
  reasonCodes?: (0 | 1 | 2)[],
): Promise<MemoryStore> {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, connack);
  const granted = client.subscribe(filters, options);
  await peer.grant(reasonCodes);
  await granted;
  await settle();
  return await kill(client, peer, store);
}

/** A later process. */
function later(world: TestWorld, store: MemoryStore, options: ConnectOptions = {}) {
  return begin(world, store, PRESENT, options);
}

/** The subscription is there, and nobody had to be asked. */
async function takenOver(subscribing: Promise<Subscription>): Promise<Subscription> {
  const result = await outcome(subscribing);
  assertStrictEquals(result.status, "fulfilled", Deno.inspect(result));
  return await subscribing;
}

test("What the server has granted is taken over by the next process, with its identifier, and not asked for", async (world) => {
  const filters = ["a/+", { topicFilter: "b", qos: 2, noLocal: true }] as const;
  const next = await subscribed(world, filters, { qos: 1 }, {}, [1, 0]);
  const { client, peer } = await later(world, next);
  peer.publish("a/early", [1], { qos: 1, packetId: 5 });
  await settle();
  const subscription = await takenOver(client.subscribe(filters, { qos: 1 }));
  await peer.expectNothing();
  assertStrictEquals(subscription.identifier, 1);
  assertEquals(subscription.reasonCodes, [1, 0]);
  peer.publish("a/later", [1]);
  const loop = new Loop(subscription);
  const topics = (await loop.takeMany(2)).map(({ topic }) => topic);
  assertEquals(topics, ["a/early", "a/later"]);
  await peer.expect("puback");
  // And it is taken over as often as there are processes.
  const third = await kill(client, peer, next);
  const again = await later(world, third);
  await takenOver(again.client.subscribe(filters, { qos: 1 }));
  await again.peer.expectNothing();
});

test("A subscription that was taken over ends at the server, and what still comes for it is for nobody", async (world) => {
  const next = await subscribed(world, ["a", "b"], { qos: 1 });
  const { client, peer } = await later(world, next);
  const subscription = await takenOver(client.subscribe(["a", "b"], { qos: 1 }));
  const ended = subscription.unsubscribe();
  assertEquals(await peer.release(), ["a", "b"]);
  await ended;
  peer.publish("a", [1], { qos: 1, packetId: 5 });
  await peer.expect("puback");
  assertStrictEquals(next.disk.subscriptions.size, 0);
});

test("What is marked with an identifier of an earlier process, but for another filter of it, is for whoever has that one", async (world) => {
  const next = await subscribed(world, ["a", "#"], { qos: 1 });
  const { client, peer } = await later(world, next);
  // From here on nobody but the server knows that "#" had the identifier of "a".
  const all = client.subscribe({ topicFilter: "#", qos: 2 });
  await peer.grant([2]);
  const some = client.subscribe(["a", "b"], { qos: 1 });
  await peer.grant([1, 1]);
  const [ofAll, ofSome] = [await all, await some];
  assertNotEquals(ofAll.identifier, 1);
  assertNotEquals(ofSome.identifier, 1);
  peer.publish("queued", [1]);
  peer.publish("a", [1]);
  peer.publish("b", [ofSome.identifier]);
  const topics = async (subscription: Subscription, count: number) =>
    (await new Loop(subscription).takeMany(count)).map(({ topic }) => topic);
  assertEquals(await topics(ofAll, 2), ["queued", "a"]);
  assertEquals(await topics(ofSome, 2), ["a", "b"]);
});

test("What the server still has for a filter that an earlier process gave up is not for its other filters", async (world) => {
  const store = new MemoryStore();
  const first = await begin(world, store);
  const granted = first.client.subscribe(["a", "b"], { qos: 1 });
  await first.peer.grant();
  await granted;
  const ended = first.client.unsubscribe("b");
  await first.peer.release();
  await ended;
  const next = await kill(first.client, first.peer, store);
  const { client, peer } = await later(world, next);
  const subscription = await takenOver(client.subscribe("a", { qos: 1 }));
  assertStrictEquals(subscription.identifier, 1);
  for (const topic of ["a", "b", "a"]) peer.publish(topic, [1]);
  const read = await new Loop(subscription).takeMany(2);
  assertEquals(read.map(({ topic }) => topic), ["a", "a"]);
  const [unclaimed] = await new Loop(client.messages).takeMany(1);
  assertStrictEquals(unclaimed!.topic, "b");
});

test("What differs from what the server has is asked for, under the identifier of the rest", async (world) => {
  const next = await subscribed(world, ["same", "other QoS"], { qos: 1 });
  const { client, peer } = await later(world, next);
  const filters = ["same", { topicFilter: "other QoS", qos: 2 }, "new"] as const;
  const subscribing = client.subscribe(filters, { qos: 1 });
  const { subscriptions, properties } = await peer.grant([2, 1]);
  assertEquals(subscriptions.map(({ topicFilter }) => topicFilter), ["other QoS", "new"]);
  assertEquals(properties.subscriptionIdentifiers, [1]);
  assertEquals((await subscribing).reasonCodes, [1, 2, 1]);
  const third = await kill(client, peer, next);
  const again = await later(world, third);
  await takenOver(again.client.subscribe(filters, { qos: 1 }));
  await again.peer.expectNothing();
});

for (
  const [what, options] of [
    ["QoS", { qos: 2 }],
    ["No Local", { qos: 1, noLocal: true }],
    ["Retain As Published", { qos: 1, retainAsPublished: true }],
    ["Retain Handling", { qos: 1, retainHandling: 1 }],
    ["identifier", { qos: 1, subscriptionIdentifier: 7 }],
    ["User Properties", { qos: 1, userProperties: [["k", "v"]] }],
  ] as const
) {
  test(`A subscription with another ${what} is asked for`, async (world) => {
    const { client, peer } = await later(world, await subscribed(world, "a", { qos: 1 }));
    const subscribing = client.subscribe("a", options);
    await peer.grant();
    await subscribing;
  });
}

test("An identifier of the application's own is taken over with the subscription", async (world) => {
  const options = { subscriptionIdentifier: 7 } as const;
  const { client, peer } = await later(world, await subscribed(world, "a", options));
  assertStrictEquals((await takenOver(client.subscribe("a", options))).identifier, 7);
  await peer.expectNothing();
});

test("A part of what has one identifier is asked for under another, and the rest is for client.messages", async (world) => {
  const { client, peer } = await later(world, await subscribed(world, ["a", "b"], { qos: 1 }));
  const subscribing = client.subscribe("a", { qos: 1 });
  const { properties } = await peer.grant();
  const subscription = await subscribing;
  assertEquals(properties.subscriptionIdentifiers, [subscription.identifier]);
  assertNotEquals(subscription.identifier, 1);
  peer.publish("b", [1]);
  peer.publish("a", [1]);
  assertStrictEquals((await new Loop(client.messages).take()).topic, "b");
  assertStrictEquals((await new Loop(subscription).take()).topic, "a");
});

test("Of a server without Subscription Identifiers subscriptions are taken over, too", async (world) => {
  const properties = { subscriptionIdentifierAvailable: false };
  const next = await subscribed(world, "a", { qos: 1 }, { properties });
  const { client, peer } = await begin(world, next, { ...PRESENT, properties });
  const subscription = await takenOver(client.subscribe("a", { qos: 1 }));
  peer.publish("a");
  assertStrictEquals((await new Loop(subscription).take()).topic, "a");
  const third = await kill(client, peer, next);
  // With them it has to be told one.
  const again = await later(world, third);
  const subscribing = again.client.subscribe("a", { qos: 1 });
  await again.peer.grant();
  await subscribing;
});

test("A filter that is subscribed to for the second time in a process is asked for", async (world) => {
  for (const subscriptionIdentifierAvailable of [true, false]) {
    const properties = { subscriptionIdentifierAvailable };
    const next = await subscribed(world, "a", { qos: 1 }, { properties });
    const { client, peer } = await begin(world, next, { ...PRESENT, properties });
    const first = await takenOver(client.subscribe("a", { qos: 1 }));
    const subscribing = client.subscribe("a", { qos: 1 });
    await peer.grant();
    assertNotEquals(first.identifier, (await subscribing).identifier);
    await kill(client, peer, next);
  }
});

test("Of two subscriptions to a filter, made without a connection, one takes it over and one asks", async (world) => {
  const { client, peer } = await later(world, await subscribed(world, "a", { qos: 1 }));
  peer.close();
  await settle();
  const both = [client.subscribe("a", { qos: 1 }), client.subscribe("a", { qos: 1 })];
  await world.clock.advance(1000);
  const again = await world.accept(PRESENT);
  const { properties } = await again.grant();
  const [first, second] = await Promise.all(both);
  assertStrictEquals(first!.identifier, 1);
  assertEquals(properties.subscriptionIdentifiers, [second!.identifier]);
  await again.expectNothing();
});

test("The store has the QoS that the server was asked for, which is the highest of all that have the filter", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  for (const qos of [2, 0] as const) {
    const subscribing = client.subscribe("a", { qos });
    await peer.grant([2]);
    await subscribing;
  }
  await settle();
  const next = await kill(client, peer, store);
  const again = await later(world, next);
  const subscribing = again.client.subscribe("a", { qos: 0 });
  const { subscriptions } = await again.peer.grant();
  assertStrictEquals(subscriptions[0]!.qos, 0);
  await subscribing;
});

test("What ends in the process that has subscribed to it is not in the store any more", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const subscribing = client.subscribe("a", { qos: 1 });
  await peer.grant();
  const subscription = await subscribing;
  await settle();
  assertStrictEquals(store.disk.subscriptions.size, 1);
  const ended = subscription.unsubscribe();
  await settle();
  assertStrictEquals(store.disk.subscriptions.size, 0);
  await peer.release();
  await ended;
});

test("What the server grants while nothing can be stored is stored as soon as that is possible", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const subscribing = client.subscribe("a", { qos: 1 });
  const { packetId } = await peer.expect("subscribe");
  store.failure = new Error("the disk is full");
  peer.send({ type: "suback", packetId, reasonCodes: [1] });
  await subscribing;
  await settle();
  assertStrictEquals(store.disk.subscriptions.size, 0);
  store.failure = undefined;
  await world.clock.advance(1000);
  assertStrictEquals(store.disk.subscriptions.size, 1);
});

test("A server that has lost the session is asked for everything", async (world) => {
  const next = await subscribed(world, "a", { qos: 1 });
  const { client, peer } = await begin(world, next, { sessionPresent: false });
  assertStrictEquals(next.disk.subscriptions.size, 0);
  const subscribing = client.subscribe("a", { qos: 1 });
  await peer.grant();
  await subscribing;
  await settle();
  assertEquals([...next.disk.subscriptions.keys()], ["a"]);
});

test("What is subscribed to without a connection is taken over once there is one with the session", async (world) => {
  for (const sessionPresent of [true, false]) {
    const next = await subscribed(world, "a", { qos: 1 });
    const { client, peer } = await later(world, next);
    peer.close();
    await settle();
    const subscribing = client.subscribe("a", { qos: 1 });
    assertStrictEquals((await outcome(subscribing)).status, "pending");
    await world.clock.advance(1000);
    const again = await world.accept({ sessionPresent });
    if (sessionPresent) await again.expectNothing();
    else await again.grant();
    await takenOver(subscribing);
    await kill(client, again, next);
  }
});

test("A process that dies before UNSUBSCRIBE is answered leaves no subscription to the next: nobody knows", async (world) => {
  const next = await subscribed(world, ["a", "b"], { qos: 1 });
  const { client, peer } = await later(world, next);
  const subscription = await takenOver(client.subscribe(["a", "b"], { qos: 1 }));
  next.isSlow = true;
  const ended = client.unsubscribe("a");
  await peer.expectNothing();
  next.finish();
  await peer.expect("unsubscribe");
  next.isSlow = false;
  assertEquals(subscription.topicFilters, ["b"]);
  assertEquals([...next.disk.subscriptions.keys()], ["b"]);
  const third = await kill(client, peer, next);
  await outcome(ended);
  const again = await later(world, third);
  const subscribing = again.client.subscribe(["a", "b"], { qos: 1 });
  const { subscriptions } = await again.peer.grant();
  assertEquals(subscriptions.map(({ topicFilter }) => topicFilter), ["a"]);
  assertEquals((await subscribing).reasonCodes, [1, 1]);
});

test("Before other options are asked for, the store forgets those that the server had, and a refusal leaves nothing", async (world) => {
  const next = await subscribed(world, "a", { qos: 1 });
  const { client, peer } = await later(world, next);
  next.isSlow = true;
  const subscribing = client.subscribe("a", { qos: 2 });
  const refused = assertRejects(() => subscribing, RefusedError);
  await peer.expectNothing();
  next.finish();
  assertStrictEquals(next.disk.subscriptions.size, 0);
  next.isSlow = false;
  await peer.grant([0x87]);
  await refused;
  await settle();
  assertStrictEquals(next.disk.subscriptions.size, 0);
});

test("An answer that comes after the end of its subscription is not stored", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const subscribing = client.subscribe("a", { qos: 1 });
  const { packetId } = await peer.expect("subscribe");
  const ended = client.unsubscribe("a");
  await peer.expect("unsubscribe");
  peer.send({ type: "suback", packetId, reasonCodes: [1] });
  await settle();
  assertStrictEquals(store.disk.subscriptions.size, 0);
  await kill(client, peer, store);
  await outcome(Promise.allSettled([subscribing, ended]));
});

test("Of two requests for one filter the store has the last, once it is answered", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const both = [client.subscribe("a", { qos: 1 }), client.subscribe("a", { qos: 2 })];
  const first = await peer.expect("subscribe");
  const second = await peer.expect("subscribe");
  peer.send({ type: "suback", packetId: first.packetId, reasonCodes: [2] });
  await settle();
  assertStrictEquals(store.disk.subscriptions.size, 0);
  peer.send({ type: "suback", packetId: second.packetId, reasonCodes: [2] });
  await Promise.all(both);
  await settle();
  assertStrictEquals(store.disk.subscriptions.get("a")!.identifier, 2);
  assertStrictEquals(store.disk.subscriptions.get("a")!.request.qos, 2);
});

test("What an earlier process has left is not taken over after a CONNECT that was not answered", async (world) => {
  const next = await subscribed(world, ["a", "b"], { qos: 1 });
  const options = { ...OPTIONS, store: next, waitForServer: true };
  const starting = startClient(world, URL_OF_SERVER, options);
  const unanswered = await world.peer();
  await unanswered.expect("connect");
  unanswered.far.cut();
  const peer = await world.accept(PRESENT);
  const client = world.adopt(await starting);
  void client.subscribe("a", { qos: 1 });
  assertEquals((await peer.grant()).properties.subscriptionIdentifiers![0]! > 1, true);
  assertEquals([...next.disk.subscriptions.keys()], ["a"]);
});

test("What an earlier process has left is not taken over if it ended between its CONNECT and the answer", async (world) => {
  const next = await subscribed(world, ["a", "b"], { qos: 1 });
  const dying = startClient(world, URL_OF_SERVER, { ...OPTIONS, store: next });
  const unanswered = await world.peer();
  await unanswered.expect("connect");
  const third = next.kill();
  const rejected = assertRejects(() => dying);
  unanswered.far.cut();
  await rejected;
  const { client, peer } = await later(world, third);
  void client.subscribe("a", { qos: 1 });
  assertEquals((await peer.grant()).subscriptions.map(({ topicFilter }) => topicFilter), ["a"]);
  await settle();
  assertEquals([...third.disk.subscriptions.keys()], ["a"]);
  // That has been asked for, and is certain again.
  const fourth = await later(world, await kill(client, peer, third));
  await takenOver(fourth.client.subscribe("a", { qos: 1 }));
});

test("That a CONNECT has no answer is stored before it is sent, and no more once it has one", async (world) => {
  const next = await subscribed(world, "a", { qos: 1 });
  next.isSlow = true;
  const starting = startClient(world, URL_OF_SERVER, { ...OPTIONS, store: next });
  const peer = await world.peer();
  await peer.expectNothing();
  assertStrictEquals(next.disk.isUnanswered, false);
  next.finish();
  next.isSlow = false;
  assertStrictEquals(next.disk.isUnanswered, true);
  await peer.accept(PRESENT);
  world.adopt(await starting);
  await settle();
  assertStrictEquals(next.disk.isUnanswered, false);
  assertEquals([...next.disk.subscriptions.keys()], ["a"]);
});

for (const [reasonCode, isAnswer] of [[0x89, true], [0x88, false]] as const) {
  const name = isAnswer
    ? "A CONNECT that is refused is answered: what an earlier process has left is taken over"
    : "A server that was unavailable may have begun a session: its refusal is no answer";
  test(name, async (world) => {
    const next = await subscribed(world, "a", { qos: 1 });
    const refused = assertRejects(
      () => startClient(world, URL_OF_SERVER, { ...OPTIONS, store: next }),
      RefusedError,
    );
    const peer = await world.peer();
    await peer.expect("connect");
    assertStrictEquals(next.disk.isUnanswered, true);
    peer.send({ type: "connack", reasonCode });
    peer.close();
    await refused;
    assertStrictEquals(next.disk.isUnanswered, !isAnswer);
    const { client, peer: second } = await later(world, next.kill());
    const taken = client.subscribe("a", { qos: 1 });
    if (!isAnswer) assertEquals((await second.grant()).subscriptions[0]?.topicFilter, "a");
    await takenOver(taken);
  });
}

test("Where the store has no subscription, it is not told of a CONNECT", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const next = await kill(client, peer, store);
  await later(world, next);
  assertEquals(next.written, []);
});

test("A CONNECT that cannot be stored is not sent, and the error says why", async (world) => {
  const next = await subscribed(world, "a", { qos: 1 });
  next.failure = new Error("s.db cannot be used: the disk is full");
  const starting = startClient(world, URL_OF_SERVER, { ...OPTIONS, store: next });
  const rejected = assertRejects(
    () => starting,
    ConnectionClosedError,
    "Cannot connect to server:1883 before the session is stored: s.db cannot be used: the disk is full",
  );
  await (await world.peer()).expectNothing();
  await world.clock.advance(30_000);
  await rejected;
  next.failure = undefined;
  const { client } = await later(world, next.kill());
  await takenOver(client.subscribe("a", { qos: 1 }));
});
