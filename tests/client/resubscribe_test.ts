// A subscription outlives the connection: it is there again after a lost session, with what the server still grants of it.

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { RefusedError } from "../../src/errors.ts";
import type { SubscribePacket } from "../../src/packets/mod.ts";
import type { Peer } from "./peer.ts";
import { assertPending, Loop, outcome, settle, test, type TestWorld } from "./world.ts";

const SESSION = { sessionExpiryInterval: 60 } as const;

function filtersOf({ subscriptions }: SubscribePacket): string[] {
  return subscriptions.map(({ topicFilter }) => topicFilter);
}

test("A client subscribes again after a lost session, with the same options and before anything else is sent", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const options = { qos: 1, noLocal: true, userProperties: [["k", "v"]] } as const;
  const subscribed = client.subscribe([{ topicFilter: "a", retainHandling: 2 }, "b"], options);
  const first = await peer.grant();
  const loop = new Loop(await subscribed);
  const step = loop.next();
  peer.far.cut();
  await settle();
  void client.publish("a", "");
  const second = await world.accept({ sessionPresent: false });
  const again = await second.grant();
  assertEquals({ ...again, packetId: 0 }, { ...first, packetId: 0 });
  assertStrictEquals((await second.expect("publish")).topic, "a");
  await assertPending(step);
  second.publish("b", [1]);
  assertStrictEquals((await step).value?.topic, "b");
});

test("A client does not subscribe again when the server has the session", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe("a");
  await peer.grant();
  const loop = new Loop(await subscribed);
  peer.far.cut();
  const second = await world.accept({ sessionPresent: true });
  await second.expectNothing();
  second.publish("a", [1]);
  assertStrictEquals((await loop.take()).topic, "a");
});

test("A subscription that was sent again and not answered is sent once more, even to a server that has the session", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe("a");
  await peer.grant();
  const subscription = await subscribed;
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  await second.expect("subscribe");
  second.far.cut();
  const third = await world.accept({ sessionPresent: true });
  assertEquals(filtersOf(await third.grant()), ["a"]);
  third.far.cut();
  const fourth = await world.accept({ sessionPresent: true });
  await fourth.expectNothing();
  assertEquals(subscription.topicFilters, ["a"]);
});

test("A filter that is refused after a lost session is told, and its neighbours stay", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const both = Promise.all([
    client.subscribe(["a", "b", "c"], { qos: 1 }),
    client.subscribe("d"),
  ]);
  await peer.grant();
  await peer.grant();
  const [subscription, other] = await both;
  const loop = new Loop(subscription);
  world.told.length = 0;
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  const { packetId } = await second.expect("subscribe");
  const properties = { reasonString: "no" };
  second.send({ type: "suback", packetId, reasonCodes: [0, 0x87, 1], properties });
  await second.grant();
  assertEquals(world.told.map(({ type }) => type), [
    "disconnected",
    "reconnecting",
    "connected",
    "refused",
  ]);
  world.told.splice(0, 3);
  const { topicFilter, subscription: whose, error, delay } = world.expectTold("refused");
  assertStrictEquals(delay, undefined);
  assertStrictEquals(topicFilter, "b");
  assertStrictEquals(whose, subscription);
  assertInstanceOf(error, RefusedError);
  const { reasonCode, reasonString } = error as RefusedError;
  assertEquals([reasonCode, reasonString], [0x87, "no"]);
  assertEquals(subscription.topicFilters, ["a", "c"]);
  // What was granted at first stays on record.
  assertEquals(subscription.reasonCodes, [1, 1, 1]);
  assertEquals(other.topicFilters, ["d"]);
  second.publish("c", [1]);
  assertStrictEquals((await loop.take()).topic, "c");
  // What was refused is not asked for again, nor ended.
  second.far.cut();
  const third = await world.accept({ sessionPresent: false });
  assertEquals(filtersOf(await third.grant()), ["a", "c"]);
  assertEquals(filtersOf(await third.grant()), ["d"]);
  const ended = subscription.unsubscribe();
  assertEquals(await third.release(), ["a", "c"]);
  await ended;
});

test("A subscription that is refused altogether after a lost session ends its loops with the error, after what waits", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe(["a", "b"], { qos: 1 });
  await peer.grant();
  const subscription = await subscribed;
  peer.publish("a", [1]);
  await settle();
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  await second.grant([0x87, 0x8f]);
  assertEquals(subscription.topicFilters, []);
  const refused = world.told.filter(({ type }) => type === "refused");
  assertStrictEquals(refused.length, 2);
  const loop = new Loop(subscription);
  assertStrictEquals((await loop.take()).topic, "a");
  const error = await assertRejects(() => loop.next(), RefusedError);
  assertStrictEquals(error.reasonCode, 0x8f);
  await subscription.unsubscribe();
  await second.expectNothing();
});

test("A loop that waits for a subscription which is refused ends with the error", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe("a");
  await peer.grant();
  const step = new Loop(await subscribed).next();
  const rejected = assertRejects(() => step, RefusedError);
  peer.far.cut();
  await (await world.accept({ sessionPresent: false })).grant([0x87]);
  await rejected;
});

test("A filter that another server cannot even be asked for is told, and the others stay", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const both = Promise.all([client.subscribe("a/#"), client.subscribe("b")]);
  await peer.grant();
  await peer.grant();
  const [wild, plain] = await both;
  const step = new Loop(wild).next();
  const rejected = assertRejects(() => step, TypeError, "wildcard");
  peer.far.cut();
  const second = await world.accept({ properties: { wildcardSubscriptionAvailable: false } });
  assertEquals(filtersOf(await second.grant()), ["b"]);
  await rejected;
  assertEquals(wild.topicFilters, []);
  assertEquals(plain.topicFilters, ["b"]);
  assertStrictEquals(world.told.filter(({ type }) => type === "refused").length, 1);
});

test("A subscription follows the server: identifiers where there are some, matching where there are none", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe("a/+");
  await peer.grant();
  const loop = new Loop(await subscribed);
  peer.far.cut();
  const second = await world.accept({ properties: { subscriptionIdentifierAvailable: false } });
  assertEquals((await second.grant()).properties, {});
  second.publish("a/b");
  assertStrictEquals((await loop.take()).topic, "a/b");
  second.far.cut();
  const third = await world.accept({ sessionPresent: false });
  assertEquals((await third.grant()).properties, { subscriptionIdentifiers: [1] });
  third.publish("a/c", [1]);
  assertStrictEquals((await loop.take()).topic, "a/c");
});

test("Two subscriptions to one filter are both there again after a lost session", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const both = Promise.all([client.subscribe("a"), client.subscribe("a")]);
  await peer.grant();
  await peer.grant();
  const subscriptions = await both;
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  await second.grant();
  await second.grant();
  second.publish("a", [2]);
  await settle();
  assertEquals(subscriptions.map(({ waiting }) => waiting), [1, 1]);
});

test("What was not read when the session was lost is still there: nobody will send it again", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe("a", { qos: 2 });
  await peer.grant();
  const subscription = await subscribed;
  for (const qos of [0, 1, 2] as const) peer.publish("a", [1], { qos, packetId: qos });
  await settle();
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  await second.grant();
  second.publish("a", [1], { qos: 1, packetId: 1 });
  await settle();
  const messages = await new Loop(subscription).takeMany(4);
  assertEquals(messages.map(({ qos }) => qos), [0, 1, 2, 1]);
  assertEquals(messages.map(({ isStale }) => isStale), [false, true, true, false]);
  await second.expectNothing();
});

test("What was not read when the connection was lost comes once, when the server has the session", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe("a", { qos: 2 });
  await peer.grant();
  const subscription = await subscribed;
  for (const qos of [1, 2] as const) peer.publish("a", [1], { qos, packetId: qos });
  await settle();
  peer.far.cut();
  const second = await world.accept({ sessionPresent: true });
  for (const qos of [1, 2] as const) {
    second.publish("a", [1], { qos, packetId: qos, dup: true });
  }
  await settle();
  assertStrictEquals(subscription.waiting, 2);
  const loop = new Loop(subscription);
  await loop.takeMany(2);
  void loop.next();
  assertEquals((await second.takePackets()).map(({ type }) => type), ["pubrec", "puback"]);
});

test("A subscription that was ended without connection is not there again", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe("a");
  await peer.grant();
  const subscription = await subscribed;
  peer.far.cut();
  await settle();
  assertStrictEquals((await outcome(subscription.unsubscribe())).status, "fulfilled");
  await (await world.accept({ sessionPresent: false })).expectNothing();
});

test("A client whose CONNECT was not answered asks again even if the server has a session: it may have begun with that CONNECT", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe(["a", { topicFilter: "b", retainHandling: 2 }]);
  const first = await peer.grant();
  const loop = new Loop(await subscribed);
  peer.far.cut();
  const unanswered = await world.peer();
  await unanswered.expect("connect");
  unanswered.far.cut();
  const third = await world.accept({ sessionPresent: true });
  const again = await third.grant();
  // What is retained need not come again, should the server have the old session.
  assertEquals(again.subscriptions.map(({ retainHandling }) => retainHandling), [1, 2]);
  assertEquals(again.properties, first.properties);
  third.publish("a", [1]);
  assertStrictEquals((await loop.take()).topic, "a");
  third.far.cut();
  // The CONNECT that was not answered may have come only now.
  const fourth = await world.accept({ sessionPresent: true });
  assertEquals((await fourth.grant()).properties, first.properties);
  fourth.far.cut();
  await (await world.accept({ sessionPresent: true })).expectNothing();
});

/** The connection after a CONNECT that was refused, with a session that is present. */
async function afterRefusal(world: TestWorld, reasonCode: 0x88 | 0x89): Promise<Peer> {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe("a");
  await peer.grant();
  await subscribed;
  peer.far.cut();
  const refused = await world.peer();
  await refused.expect("connect");
  refused.send({ type: "connack", reasonCode });
  refused.close();
  return await world.accept({ sessionPresent: true });
}

test("A client whose CONNECT was refused asks for nothing again: no session has begun with that", async (world) => {
  const third = await afterRefusal(world, 0x89);
  await third.expectNothing();
});

test("A client whose CONNECT was refused by a server that was unavailable asks again: a session may have begun with that, and be stored", async (world) => {
  const third = await afterRefusal(world, 0x88);
  assertEquals(filtersOf(await third.grant()), ["a"]);
});

/** The Topic Filters that were refused, and when they are asked for again. */
function refusals({ told }: TestWorld): (readonly [string, number | undefined])[] {
  return told.splice(0).flatMap(({ type, detail }) =>
    type === "refused" ? [[detail.topicFilter, detail.delay] as const] : []
  );
}

test("What is refused for a passing reason is asked for again, later each time, until it is granted", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe(["a", "b", "c"], { qos: 1 });
  await peer.grant();
  const subscription = await subscribed;
  const loop = new Loop(subscription);
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  world.clock.chance = 0.5;
  await second.grant([1, 0x97, 0x80]);
  assertEquals(refusals(world), [["b", 500], ["c", 500]]);
  assertEquals(subscription.topicFilters, ["a", "b", "c"]);
  await world.clock.advance(499);
  await second.expectNothing();
  await world.clock.advance(1);
  assertEquals(filtersOf(await second.grant([1, 0x97])), ["b", "c"]);
  assertEquals(refusals(world), [["c", 1000]]);
  await world.clock.advance(1000);
  assertEquals(filtersOf(await second.grant()), ["c"]);
  second.publish("c", [1]);
  assertStrictEquals((await loop.take()).topic, "c");
  await world.clock.advance(10_000);
  await second.expectNothing();
  // Once it is granted, the delays begin anew.
  world.clock.chance = 0;
  second.far.cut();
  const third = await world.accept({ sessionPresent: false });
  world.clock.chance = 0.5;
  await third.grant([1, 1, 0x97]);
  assertEquals(refusals(world), [["c", 500]]);
});

test("What was refused for a passing reason is asked for on the next connection at once, whatever session that has", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe(["a", "b"]);
  await peer.grant();
  await subscribed;
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  world.clock.chance = 0.5;
  await second.grant([0, 0x97]);
  world.clock.chance = 0;
  second.far.cut();
  const third = await world.accept({ sessionPresent: true });
  assertEquals(filtersOf(await third.grant()), ["b"]);
  await world.clock.advance(10_000);
  await third.expectNothing();
});

test("A session that may have been lost does not lose what is refused for a passing reason", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe("a");
  await peer.grant();
  const subscription = await subscribed;
  peer.far.cut();
  const unanswered = await world.peer();
  await unanswered.expect("connect");
  unanswered.far.cut();
  const third = await world.accept({ sessionPresent: true });
  await third.grant([0x97]);
  assertEquals(refusals(world), [["a", 0]]);
  await world.clock.advance(0);
  assertEquals((await third.grant()).subscriptions[0]!.retainHandling, 1);
  assertEquals(subscription.topicFilters, ["a"]);
});

test("What is not wanted any more is not asked for again", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const both = Promise.all([client.subscribe(["a", "b"]), client.subscribe("c")]);
  await peer.grant();
  await peer.grant();
  const [, other] = await both;
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  world.clock.chance = 0.5;
  await second.grant([0x97, 0x97]);
  await second.grant([0x97]);
  void client.unsubscribe("a");
  await second.release();
  await other.unsubscribe();
  await world.clock.advance(500);
  assertEquals(filtersOf(await second.grant()), ["b"]);
  await second.expectNothing();
});

test("What is refused as often as attempts are made ends with the error", async (world) => {
  const { client, peer } = await world.connected({ ...SESSION, reconnect: { maximumAttempts: 1 } });
  const subscribed = client.subscribe("a");
  await peer.grant();
  const step = new Loop(await subscribed).next();
  const rejected = assertRejects(() => step, RefusedError, "0x97 Quota exceeded");
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  await second.grant([0x97]);
  await world.clock.advance(0);
  await second.grant([0x97]);
  await rejected;
  assertEquals(refusals(world), [["a", 0], ["a", undefined]]);
  await second.expectNothing();
});
