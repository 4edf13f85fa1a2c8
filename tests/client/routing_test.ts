// Which subscriptions get a message: those that the server names by their identifiers, else those whose filters match.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { TopicFilters } from "../../src/client/subscribe_options.ts";
import type { SubscribeOptions, Subscription } from "../../src/client/subscription.ts";
import type { Client } from "../../src/client/client.ts";
import type { Peer } from "./peer.ts";
import { Loop, settle, test, type TestWorld } from "./world.ts";

const NO_IDENTIFIERS = { properties: { subscriptionIdentifierAvailable: false } };

async function subscribe(
  client: Client,
  peer: Peer,
  filters: TopicFilters,
  options?: SubscribeOptions,
): Promise<Subscription> {
  const subscribed = client.subscribe(filters, options);
  await peer.grant();
  return await subscribed;
}

/** A client with subscriptions. */
async function subscribed(
  world: TestWorld,
  connack: object,
  ...filters: readonly TopicFilters[]
): Promise<{ client: Client; peer: Peer; subscriptions: Subscription[] }> {
  const { client, peer } = await world.connected({ sessionExpiryInterval: 60 }, connack);
  const subscriptions: Subscription[] = [];
  for (const filter of filters) subscriptions.push(await subscribe(client, peer, filter));
  return { client, peer, subscriptions };
}

/** How many messages wait in each subscription. */
async function waiting(subscriptions: readonly Subscription[]): Promise<number[]> {
  await settle();
  return subscriptions.map((subscription) => subscription.waiting);
}

test("A message goes to the subscription whose identifier it carries, and to no other", async (world) => {
  const { peer, subscriptions } = await subscribed(world, {}, "a/+", "a/#", "b");
  peer.publish("a/b", [1]);
  assertEquals(await waiting(subscriptions), [1, 0, 0]);
  peer.publish("a/b", [2]);
  assertEquals(await waiting(subscriptions), [1, 1, 0]);
  const message = await new Loop(subscriptions[0]!).take();
  assertStrictEquals(message.topic, "a/b");
  assertEquals(message.properties.subscriptionIdentifiers, [1]);
});

test("A message that carries several identifiers goes once to each of the subscriptions", async (world) => {
  const { peer, subscriptions } = await subscribed(world, {}, "a/+", "a/#", "a/b");
  peer.publish("a/b", [3, 1]);
  assertEquals(await waiting(subscriptions), [1, 0, 1]);
});

test("Without identifiers a message goes to each subscription that matches, once, by whichever of its filters", async (world) => {
  const { peer, subscriptions } = await subscribed(
    world,
    NO_IDENTIFIERS,
    "a/+",
    ["a/#", "a/b", "+/b"],
    "b",
    "$share/g/a/b",
    "#",
  );
  peer.publish("a/b");
  assertEquals(await waiting(subscriptions), [1, 1, 0, 1, 1]);
  peer.publish("b");
  assertEquals(await waiting(subscriptions), [1, 1, 1, 1, 2]);
  peer.publish("$SYS/uptime");
  assertEquals(await waiting(subscriptions), [1, 1, 1, 1, 2]);
  peer.publish("a/b");
  assertEquals(await waiting(subscriptions), [2, 2, 1, 2, 3]);
});

test("Matching follows what is subscribed to and ended, however often a topic has come", async (world) => {
  const { client, peer, subscriptions } = await subscribed(world, NO_IDENTIFIERS, "a");
  for (let count = 0; count < 300; count++) peer.publish(`topic/${count}`);
  peer.publish("a");
  assertEquals(await waiting(subscriptions), [1]);
  subscriptions.push(await subscribe(client, peer, "+"));
  peer.publish("a");
  assertEquals(await waiting(subscriptions), [2, 1]);
  const ended = subscriptions[0]!.unsubscribe();
  await peer.release();
  await ended;
  peer.publish("a");
  assertEquals(await waiting(subscriptions), [0, 2]);
});

test("A message that matches nothing that this client has asked for goes to client.messages", async (world) => {
  const { client, peer, subscriptions } = await subscribed(world, NO_IDENTIFIERS, "a");
  peer.publish("b");
  assertEquals(await waiting(subscriptions), [0]);
  assertStrictEquals((await new Loop(client.messages).take()).topic, "b");
});

test("Several filters in one subscription bring their messages to one loop", async (world) => {
  const { peer, subscriptions } = await subscribed(world, {}, ["a", "b/#"]);
  peer.publish("b/1", [1]);
  peer.publish("a", [1]);
  const messages = await new Loop(subscriptions[0]!).takeMany(2);
  assertEquals(messages.map(({ topic }) => topic), ["b/1", "a"]);
});

test("Two subscriptions to the same filter both get each message, which the server marks for the later one [MQTT-3.8.4-3]", async (world) => {
  const { peer, subscriptions } = await subscribed(world, {}, "a", "b", "a");
  peer.publish("a", [3]);
  assertEquals(await waiting(subscriptions), [1, 0, 1]);
  peer.publish("b", [2]);
  assertEquals(await waiting(subscriptions), [1, 1, 1]);
});

test("A message for two subscriptions to the same filter is acknowledged when both are done with it, or the unread one has ended", async (world) => {
  const { peer, subscriptions } = await subscribed(world, {}, "a", "a");
  const [read, unread] = subscriptions;
  const loop = new Loop(read!);
  peer.publish("a", [2], { qos: 1, packetId: 1 });
  await loop.take();
  void loop.next();
  await peer.expectNothing();
  assertEquals(await waiting(subscriptions), [0, 1]);
  await unread!.unsubscribe();
  assertStrictEquals((await peer.expect("puback")).packetId, 1);
});

test("What the server has retained comes once to each of two subscriptions to the same filter", async (world) => {
  const { peer, subscriptions } = await subscribed(world, {}, "a", "a");
  peer.publish("a", [1], { retain: true });
  peer.publish("a", [2], { retain: true });
  assertEquals(await waiting(subscriptions), [1, 1]);
  peer.publish("a", [2]);
  assertEquals(await waiting(subscriptions), [2, 2]);
});

test("Two subscriptions to the same filter are asked for at the higher QoS of the two", async (world) => {
  const { client, peer } = await world.connected();
  const asked: number[] = [];
  for (const qos of [2, 0, 1] as const) {
    const subscribing = client.subscribe(["a", `other/${qos}`], { qos });
    const { packetId, subscriptions } = await peer.expect("subscribe");
    asked.push(...subscriptions.map(({ qos }) => qos));
    peer.send({ type: "suback", packetId, reasonCodes: [2, qos] });
    await subscribing;
  }
  assertEquals(asked, [2, 2, 2, 0, 2, 1]);
});

test("A filter that is given up by one subscription stays with the other, and the server is not told", async (world) => {
  for (const gone of [0, 1]) {
    const { peer, subscriptions } = await subscribed(world, {}, "a", "a");
    const left = subscriptions[1 - gone]!;
    await subscriptions[gone]!.unsubscribe();
    await peer.expectNothing();
    // The server has it from the later one, and marks its messages so.
    peer.publish("a", [2]);
    assertEquals(await waiting([left]), [1]);
    const ended = left.unsubscribe();
    assertEquals(await peer.release(), ["a"]);
    await ended;
    peer.publish("a", [2]);
    assertEquals(await waiting([left]), [0]);
  }
});

test("A filter that is given up by one subscription stays with the other, when each has more filters, too", async (world) => {
  const { peer, subscriptions } = await subscribed(world, {}, ["a", "b"], ["a", "c"]);
  const ended = subscriptions[1]!.unsubscribe();
  assertEquals(await peer.release(), ["c"]);
  await ended;
  peer.publish("a", [2]);
  peer.publish("b", [1]);
  // The server had sent this before it knew.
  peer.publish("c", [2]);
  assertEquals(await waiting(subscriptions), [2, 0]);
});

test("A message that was published with RETAIN reaches a filter that the server still has as Retain As Published for one that is gone", async (world) => {
  const { client, peer } = await world.connected({ sessionExpiryInterval: 60 });
  const left = await subscribe(client, peer, "a");
  const gone = await subscribe(client, peer, "a", { retainAsPublished: true });
  const other = await subscribe(client, peer, "#");
  await gone.unsubscribe();
  peer.publish("a", [3, 2], { retain: true });
  assertEquals(await waiting([left, other]), [1, 1]);
  // What the server had retained for the other comes to that alone.
  peer.publish("a", [3], { retain: true });
  assertEquals(await waiting([left, other]), [1, 2]);
});

test("A message that was published with RETAIN reaches all that share a filter, though the one that wanted RETAIN kept is gone", async (world) => {
  const { client, peer } = await world.connected({ sessionExpiryInterval: 60 });
  const first = await subscribe(client, peer, "+");
  const gone = await subscribe(client, peer, "a", { retainAsPublished: true });
  const second = await subscribe(client, peer, "+");
  const ended = gone.unsubscribe();
  peer.publish("a", [3, 2], { retain: true });
  assertEquals(await waiting([first, second]), [1, 1]);
  await peer.release();
  await ended;
});

test("A copy for a subscription that has ended does not reach another that it was not sent to", async (world) => {
  const { peer, subscriptions } = await subscribed(world, {}, "a/#", "a/+");
  const ended = subscriptions[1]!.unsubscribe();
  peer.publish("a/b", [1]);
  peer.publish("a/b", [2]);
  await peer.release();
  await ended;
  assertEquals(await waiting(subscriptions), [1, 0]);
});

test("A message with an identifier that this client never gave goes to whom it matches, else to client.messages", async (world) => {
  const { client, peer, subscriptions } = await subscribed(world, {}, "a");
  peer.publish("a", [77]);
  peer.publish("b", [77]);
  assertEquals(await waiting(subscriptions), [1]);
  assertStrictEquals((await new Loop(client.messages).take()).topic, "b");
});

test("Identifiers mean the same on the next connection, when the server has the session", async (world) => {
  const { peer, subscriptions } = await subscribed(world, {}, "a/+", "a/#");
  peer.far.cut();
  const second = await world.accept({ sessionPresent: true });
  second.publish("a/b", [2]);
  assertEquals(await waiting(subscriptions), [0, 1]);
});

test("A copy for subscriptions that have ended does not reach one that begins later", async (world) => {
  const { client, peer, subscriptions } = await subscribed(world, {}, "a", "a");
  await subscriptions[1]!.unsubscribe();
  const ended = subscriptions[0]!.unsubscribe();
  await peer.release();
  await ended;
  const later = await subscribe(client, peer, "a");
  peer.publish("a", [2]);
  peer.publish("a", [1]);
  assertEquals(await waiting([later]), [0]);
  peer.publish("a", [3]);
  assertEquals(await waiting([later]), [1]);
});

test("In a session that is older than the client it gives identifiers far from those of others", async (world) => {
  world.clock.chance = 0.5;
  const { client, peer } = await world.connected(
    { clientId: "c", cleanStart: false, sessionExpiryInterval: 60 },
    { sessionPresent: true },
  );
  const subscription = await subscribe(client, peer, "a");
  assert(subscription.identifier > 1_000_000);
  // What waited for an earlier subscription bears its number.
  peer.publish("old", [1]);
  peer.publish("a", [1]);
  peer.publish("a", [subscription.identifier]);
  assertEquals(await waiting([subscription]), [2]);
  assertStrictEquals((await new Loop(client.messages).take()).topic, "old");
});

test("Messages may come before SUBACK: they wait for whoever has asked", async (world) => {
  const { client, peer } = await world.connected();
  const subscribed = client.subscribe("a", { qos: 1 });
  const { packetId } = await peer.expect("subscribe");
  peer.publish("a", [1], { retain: true });
  peer.publish("a", [1], { qos: 1, packetId: 9 });
  peer.send({ type: "suback", packetId, reasonCodes: [1] });
  const loop = new Loop(await subscribed);
  assertStrictEquals((await loop.take()).retain, true);
  assertStrictEquals((await loop.take()).qos, 1);
  await peer.expectNothing();
});

test("A message has all that PUBLISH said", async (world) => {
  const { peer, subscriptions } = await subscribed(world, {}, "a");
  const properties = {
    contentType: "application/json",
    responseTopic: "answers",
    correlationData: Uint8Array.of(7),
    userProperties: [["k", "v"]],
    messageExpiryInterval: 9,
    payloadFormatIndicator: 1,
  } as const;
  const payload = new TextEncoder().encode('{"t":21.5}');
  peer.publish("a", [1], { payload, retain: true, properties });
  peer.publish("a", [1], { payload: Uint8Array.of(0xef, 0xbb, 0xbf, 0xff) });
  const [message, broken] = await new Loop(subscriptions[0]!).takeMany(2);
  assertStrictEquals(message!.text(), '{"t":21.5}');
  assertEquals(message!.json(), { t: 21.5 });
  assertEquals(message!.payload, payload);
  assertStrictEquals(message!.qos, 0);
  assertStrictEquals(message!.retain, true);
  assertStrictEquals(message!.dup, false);
  assertStrictEquals(message!.contentType, "application/json");
  assertStrictEquals(message!.responseTopic, "answers");
  assertEquals(message!.correlationData, Uint8Array.of(7));
  assertEquals(message!.userProperties, [["k", "v"]]);
  assertEquals(message!.properties, { ...properties, subscriptionIdentifiers: [1] });
  assertStrictEquals(broken!.text(), "\uFEFF\uFFFD");
  assertEquals(broken!.userProperties, []);
});

test("A message with a Topic Alias has its topic; an alias dies with its connection [MQTT-3.3.2-10] [MQTT-3.3.2-7]", async (world) => {
  const { client, peer } = await world.connected({
    topicAliasMaximum: 5,
    sessionExpiryInterval: 60,
  });
  const subscription = await subscribe(client, peer, "long");
  peer.publish("long", [1], { properties: { topicAlias: 5 } });
  peer.publish("", [1], { properties: { topicAlias: 5 } });
  const messages = await new Loop(subscription).takeMany(2);
  assertEquals(messages.map(({ topic }) => topic), ["long", "long"]);
  assertStrictEquals(messages[0]!.properties.topicAlias, undefined);
  peer.far.cut();
  const second = await world.accept({ sessionPresent: true });
  second.publish("", [1], { properties: { topicAlias: 5 } });
  assertStrictEquals((await second.expect("disconnect")).reasonCode, 0x82);
});
