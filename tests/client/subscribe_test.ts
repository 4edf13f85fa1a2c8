// subscribe(): what goes out, what comes back, and what is taken back when it is refused or aborted.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { SubscribeOptions } from "../../src/client/subscription.ts";
import type { TopicFilters } from "../../src/client/subscribe_options.ts";
import { RefusedError } from "../../src/errors.ts";
import { assertPending, Loop, settle, test } from "./world.ts";

test("subscribe() sends the options of the request, those of each filter before them, and an identifier of its own", async (world) => {
  const { client, peer } = await world.connected();
  const subscribed = client.subscribe(
    ["a", { topicFilter: "b/+", qos: 2, retainHandling: 1 }, { topicFilter: "c", noLocal: false }],
    { qos: 1, noLocal: true, retainAsPublished: true, userProperties: [["k", "v"]] },
  );
  const { subscriptions, properties } = await peer.grant();
  const rest = { noLocal: true, retainAsPublished: true, retainHandling: 0 };
  assertEquals(subscriptions, [
    { topicFilter: "a", qos: 1, ...rest },
    { topicFilter: "b/+", qos: 2, ...rest, retainHandling: 1 },
    { topicFilter: "c", qos: 1, ...rest, noLocal: false },
  ]);
  assertEquals(properties, { subscriptionIdentifiers: [1], userProperties: [["k", "v"]] });
  const subscription = await subscribed;
  assertStrictEquals(subscription.identifier, 1);
  assertEquals(subscription.topicFilters, ["a", "b/+", "c"]);
  assertEquals(subscription.reasonCodes, [1, 2, 1]);
  assertStrictEquals(subscription.waiting, 0);
  assertStrictEquals(subscription.dropped, 0);

  void client.subscribe("d").catch(() => {});
  const second = await peer.expect("subscribe");
  assertEquals(second.properties, { subscriptionIdentifiers: [2] });
  const none = { noLocal: false, retainAsPublished: false, retainHandling: 0 };
  assertEquals(second.subscriptions, [{ topicFilter: "d", qos: 0, ...none }]);
});

test("subscribe() resolves on SUBACK, not before, to what was granted", async (world) => {
  const { client, peer } = await world.connected();
  const subscribed = client.subscribe("a", { qos: 2 });
  const { packetId } = await peer.expect("subscribe");
  await world.clock.advance(10_000);
  await assertPending(subscribed);
  peer.send({ type: "suback", packetId, reasonCodes: [0] });
  assertEquals((await subscribed).reasonCodes, [0]);
});

test("subscribe() sends no identifier to a server that has none", async (world) => {
  const properties = { subscriptionIdentifierAvailable: false };
  const { client, peer } = await world.connected({}, { properties });
  const subscribed = client.subscribe("a");
  assertEquals((await peer.grant()).properties, {});
  await subscribed;
});

test("subscribe() rejects when the server refuses one filter, and gives back those that it granted", async (world) => {
  const { client, peer } = await world.connected();
  const subscribed = client.subscribe(["a", "secret", "b"], { qos: 1 });
  const rejected = assertRejects(() => subscribed, RefusedError);
  const { packetId } = await peer.expect("subscribe");
  const properties = { reasonString: "no", userProperties: [["k", "v"]] } as const;
  peer.send({ type: "suback", packetId, reasonCodes: [1, 0x87, 0], properties });
  const error = await rejected;
  assertStrictEquals(error.reasonCode, 0x87);
  assertEquals(error.reasonCodes, [1, 0x87, 0]);
  assertEquals(error.userProperties, [["k", "v"]]);
  assertStrictEquals(
    error.message,
    'The server refused to subscribe to "secret": 0x87 Not authorized ("no")',
  );
  assertEquals(await peer.release(), ["a", "b"]);
  await peer.expectNothing();
  peer.far.cut();
  await (await world.accept()).expectNothing();
});

test("subscribe() that is refused altogether has nothing to give back", async (world) => {
  const { client, peer } = await world.connected();
  const rejected = assertRejects(() => client.subscribe("a"), RefusedError);
  await peer.grant([0x97]);
  assertStrictEquals((await rejected).reasonCode, 0x97);
  await peer.expectNothing();
});

/** A caller's mistakes. */
const MISTAKES: readonly (readonly [
  what: string,
  filters: unknown,
  options: object,
  error: typeof TypeError | typeof RangeError,
])[] = [
  ["no filter", [], {}, TypeError],
  ["an empty filter", "", {}, TypeError],
  ["a filter with # before its end", "a/#/b", {}, TypeError],
  ["a filter with + beside a character", ["a", "b+"], {}, TypeError],
  ["a filter that is no string", { topicFilter: 5 }, {}, TypeError],
  ["a filter that is too long", "a".repeat(65_536), {}, RangeError],
  ["a share without name", "$share//a", {}, TypeError],
  ["No Local on a shared filter", "$share/g/a", { noLocal: true }, TypeError],
  ["QoS 3", "a", { qos: 3 }, RangeError],
  ["a Retain Handling of 3", "a", { retainHandling: 3 }, RangeError],
  ["a noLocal that is no boolean", "a", { noLocal: 1 }, TypeError],
  ["an unknown option", "a", { qso: 1 }, TypeError],
  ["an unknown option of a filter", { topicFilter: "a", qso: 1 }, {}, TypeError],
  ["an unknown ack", "a", { ack: "later" }, TypeError],
  ["a receive queue of no messages", "a", { receiveQueue: { messages: 0 } }, RangeError],
  ["User Properties that are no pairs", "a", { userProperties: ["k"] }, TypeError],
];

for (const [what, filters, options, error] of MISTAKES) {
  test(`subscribe() refuses ${what} and sends nothing`, async (world) => {
    const { client, peer } = await world.connected();
    await assertRejects(
      () => client.subscribe(filters as TopicFilters, options as SubscribeOptions),
      error,
    );
    await peer.expectNothing();
    peer.far.cut();
    await (await world.accept()).expectNothing();
  });
}

for (
  const [what, properties, filter] of [
    ["wildcards", { wildcardSubscriptionAvailable: false }, "a/#"],
    ["Shared Subscriptions", { sharedSubscriptionAvailable: false }, "$share/g/a"],
  ] as const
) {
  test(`subscribe() refuses ${what} where the server has none, with a connection or before it`, async (world) => {
    const { client, peer } = await world.connected({}, { properties });
    await assertRejects(() => client.subscribe(["a", filter]), TypeError, "server");
    await peer.expectNothing();
    peer.far.cut();
    await settle();
    const rejected = assertRejects(() => client.subscribe(filter), TypeError, "server");
    await (await world.accept({ properties })).expectNothing();
    await rejected;
    assertStrictEquals(client.state, "connected");
  });
}

test("subscribe() without connection waits for the next one", async (world) => {
  const { client, peer } = await world.connected();
  peer.far.cut();
  await settle();
  const subscribed = client.subscribe("a");
  await assertPending(subscribed);
  const second = await world.accept();
  await second.grant();
  await subscribed;
  await second.expectNothing();
});

test("subscribe() that was not answered is sent again on the next connection", async (world) => {
  for (const sessionPresent of [true, false]) {
    const { client, peer } = await world.connected({ sessionExpiryInterval: 60 });
    const subscribed = client.subscribe("a", { qos: 1 });
    await peer.expect("subscribe");
    peer.far.cut();
    const second = await world.accept({ sessionPresent });
    assertStrictEquals((await second.grant()).subscriptions[0]!.topicFilter, "a");
    await subscribed;
    await second.expectNothing();
  }
});

test("subscribe() with a signal that has aborted sends nothing; one that aborts takes the request back", async (world) => {
  const { client, peer } = await world.connected();
  const reason = new Error("enough");
  const late = { signal: AbortSignal.abort(reason) };
  assertStrictEquals(await assertRejects(() => client.subscribe("a", late)), reason);
  await peer.expectNothing();

  const abort = new AbortController();
  const subscribed = client.subscribe("a", { signal: abort.signal });
  const { packetId } = await peer.expect("subscribe");
  abort.abort(reason);
  assertStrictEquals(await assertRejects(() => subscribed), reason);
  assertEquals((await peer.expect("unsubscribe")).topicFilters, ["a"]);
  peer.send({ type: "suback", packetId, reasonCodes: [0] });
  await peer.expectNothing();
  peer.far.cut();
  await (await world.accept({ sessionPresent: false })).expectNothing();
});

test("subscribe() that was aborted is over: what the server says of it later is nobody's concern", async (world) => {
  const { client, peer } = await world.connected();
  const abort = new AbortController();
  const rejected = assertRejects(() => client.subscribe(["a", "b"], { signal: abort.signal }));
  const { packetId } = await peer.expect("subscribe");
  abort.abort(new Error("enough"));
  await rejected;
  assertEquals(await peer.release(), ["a", "b"]);
  peer.send({ type: "suback", packetId, reasonCodes: [0x87, 0] });
  await peer.expectNothing();
  assertEquals(world.told.map(({ type }) => type), ["connected"]);
});

test("subscribe() that is aborted without connection is never sent", async (world) => {
  const { client, peer } = await world.connected();
  peer.far.cut();
  await settle();
  const abort = new AbortController();
  const rejected = assertRejects(() => client.subscribe("a", { signal: abort.signal }));
  abort.abort(new Error("enough"));
  await rejected;
  await (await world.accept()).expectNothing();
});

test("A signal that aborts when the subscription is granted does nothing more", async (world) => {
  const { client, peer } = await world.connected();
  const abort = new AbortController();
  const subscribed = client.subscribe("a", { signal: abort.signal });
  await peer.grant();
  const subscription = await subscribed;
  abort.abort(new Error("enough"));
  await peer.expectNothing();
  peer.publish("a", [1]);
  assertStrictEquals((await new Loop(subscription).take()).topic, "a");
});

test("subscribe() takes a Subscription Identifier that is asked for, once, and gives no other subscription the same", async (world) => {
  const { client, peer } = await world.connected();
  const subscribed = client.subscribe("a", { subscriptionIdentifier: 2 });
  assertEquals((await peer.grant()).properties, { subscriptionIdentifiers: [2] });
  assertStrictEquals((await subscribed).identifier, 2);
  await assertRejects(() => client.subscribe("b", { subscriptionIdentifier: 2 }), TypeError);
  for (const identifier of [0, 268_435_456, 1.5]) {
    await assertRejects(() => client.subscribe("b", { subscriptionIdentifier: identifier }));
  }
  for (const expected of [1, 3]) {
    const next = client.subscribe(`c/${expected}`);
    assertEquals((await peer.grant()).properties, { subscriptionIdentifiers: [expected] });
    await next;
  }
  peer.publish("a", [2]);
  assertStrictEquals((await new Loop(await subscribed).take()).topic, "a");
});

test("subscribe() refuses to ask for an identifier where the server has none", async (world) => {
  const properties = { subscriptionIdentifierAvailable: false };
  const { client, peer } = await world.connected({}, { properties });
  await assertRejects(() => client.subscribe("a", { subscriptionIdentifier: 7 }), TypeError);
  await peer.expectNothing();
});
