// The end of a subscription: unsubscribe(), `await using`, or the end of the client. Nothing hangs, and nothing that was not
// read is kept from the server.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Client } from "../../src/client/client.ts";
import type { SubscribeOptions, Subscription } from "../../src/client/subscription.ts";
import { ConnectionClosedError } from "../../src/errors.ts";
import type { Peer } from "./peer.ts";
import { assertPending, Loop, outcome, settle, test, type TestWorld } from "./world.ts";

const DONE = { status: "fulfilled", value: { value: undefined, done: true } };

async function subscribed(
  world: TestWorld,
  options: SubscribeOptions = { qos: 2 },
): Promise<{ client: Client; peer: Peer; subscription: Subscription }> {
  const { client, peer } = await world.connected({ sessionExpiryInterval: 60 });
  const granted = client.subscribe("a", options);
  await peer.grant();
  return { client, peer, subscription: await granted };
}

test("Disposing a subscription sends UNSUBSCRIBE, and waits for the answer", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const ended = subscription[Symbol.asyncDispose]();
  const { packetId, topicFilters } = await peer.expect("unsubscribe");
  assertEquals(topicFilters, ["a"]);
  await assertPending(ended);
  peer.send({ type: "unsuback", packetId, reasonCodes: [0x11] });
  await ended;
  // Once is enough.
  await subscription.unsubscribe();
  await peer.expectNothing();
});

test("Disposing a subscription does not reject when the server refuses", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const ended = subscription.unsubscribe();
  await peer.release(0x87);
  await ended;
});

test("Disposing a subscription acknowledges what was not read [MQTT-4.5.0-2]", async (world) => {
  const { peer, subscription } = await subscribed(world);
  peer.publish("a", [1], { qos: 0 });
  peer.publish("a", [1], { qos: 1, packetId: 5 });
  peer.publish("a", [1], { qos: 2, packetId: 6 });
  await peer.expectNothing();
  const ended = subscription.unsubscribe();
  assertStrictEquals((await peer.expect("puback")).packetId, 5);
  assertStrictEquals((await peer.expect("pubrec")).packetId, 6);
  await peer.release();
  await ended;
  assertEquals(await outcome(new Loop(subscription).next()), DONE);
});

test("Disposing a subscription leaves the message that a loop is still at to that loop", async (world) => {
  const { peer, subscription } = await subscribed(world);
  peer.publish("a", [1], { qos: 1, packetId: 5 });
  const loop = new Loop(subscription);
  await loop.take();
  const ended = subscription.unsubscribe();
  await peer.release();
  await ended;
  await peer.expectNothing();
  assertEquals(await outcome(loop.next()), DONE);
  assertStrictEquals((await peer.expect("puback")).packetId, 5);
});

test("Disposing a subscription with manual acknowledgement leaves what was read to the application", async (world) => {
  const { peer, subscription } = await subscribed(world, { qos: 1, ack: "manual" });
  peer.publish("a", [1], { qos: 1, packetId: 5 });
  peer.publish("a", [1], { qos: 1, packetId: 6 });
  const loop = new Loop(subscription);
  const message = await loop.take();
  await loop.leave();
  const ended = subscription.unsubscribe();
  await peer.release();
  await ended;
  // The second was not read, and its turn comes after the first.
  await peer.expectNothing();
  assertStrictEquals(message.ack(0x83), true);
  const puback = await peer.expect("puback");
  assertEquals([puback.packetId, puback.reasonCode], [5, 0x83]);
  assertStrictEquals((await peer.expect("puback")).packetId, 6);
});

test("Disposing a subscription ends its loops at once, also those that wait", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const steps = [new Loop(subscription).next(), new Loop(subscription).next()];
  for (const step of steps) await assertPending(step);
  const ended = subscription.unsubscribe();
  for (const step of steps) assertEquals(await outcome(step), DONE);
  await peer.release();
  await ended;
});

test("Disposing a subscription without connection does not hang, and the server is told on the next one", async (world) => {
  const { peer, subscription } = await subscribed(world);
  peer.far.cut();
  await settle();
  assertStrictEquals((await outcome(subscription.unsubscribe())).status, "fulfilled");
  const second = await world.accept({ sessionPresent: true });
  second.publish("a", [1], { qos: 1, packetId: 3 });
  const { packetId } = await second.expect("unsubscribe");
  assertStrictEquals((await second.expect("puback")).packetId, 3);
  // It is said until it is answered.
  second.far.cut();
  const third = await world.accept({ sessionPresent: true });
  assertEquals(await third.release(), ["a"]);
  third.far.cut();
  const fourth = await world.accept({ sessionPresent: true });
  await fourth.expectNothing();
  assertStrictEquals(packetId > 0, true);
});

test("Disposing a subscription does not wait for another connection when this one is lost", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const ended = subscription.unsubscribe();
  await peer.expect("unsubscribe");
  await assertPending(ended);
  peer.far.cut();
  assertStrictEquals((await outcome(ended)).status, "fulfilled");
  const second = await world.accept({ sessionPresent: true });
  assertEquals(await second.release(), ["a"]);
});

test("A subscription that was disposed without connection is no unhandled rejection when the client ends", async (world) => {
  const { client, peer, subscription } = await subscribed(world);
  peer.far.cut();
  await settle();
  await subscription.unsubscribe();
  const abort = new AbortController();
  const aborted = assertRejects(() => client.subscribe("b", { signal: abort.signal }));
  abort.abort(new Error("enough"));
  await aborted;
  await client.disconnect();
  await subscription.unsubscribe();
});

test("A subscription may be subscribed to again while its UNSUBSCRIBE is on its way", async (world) => {
  const { client, peer, subscription } = await subscribed(world);
  const ended = subscription.unsubscribe();
  const again = client.subscribe("a");
  await peer.release();
  await peer.grant();
  await ended;
  const loop = new Loop(await again);
  peer.publish("a", [2]);
  assertStrictEquals((await loop.take()).topic, "a");
});

test("A subscription that ends and begins anew without connection is there on the next one", async (world) => {
  const { client, peer, subscription } = await subscribed(world);
  peer.far.cut();
  await settle();
  await subscription.unsubscribe();
  const again = client.subscribe("a");
  const second = await world.accept({ sessionPresent: true });
  assertEquals(await second.release(), ["a"]);
  await second.grant();
  await again;
});

test("disconnect() ends the loops quietly, and says nothing of what was not read", async (world) => {
  const { client, peer, subscription } = await subscribed(world);
  peer.publish("a", [1], { qos: 1, packetId: 5 });
  const loop = new Loop(client.messages);
  const step = loop.next();
  await settle();
  const ended = client.disconnect();
  await peer.expect("disconnect");
  peer.close();
  await ended;
  assertEquals(await outcome(step), DONE);
  assertEquals(await outcome(new Loop(subscription).next()), DONE);
  await subscription.unsubscribe();
});

test("A client that comes to its end by a fault ends the loops with it, after what waits", async (world) => {
  const { client, peer, subscription } = await subscribed(world);
  const waiting = new Loop(client.messages);
  const step = waiting.next();
  const rejected = assertRejects(() => step, ConnectionClosedError, "taken over");
  peer.publish("a", [1], { qos: 0 });
  peer.publish("a", [1], { qos: 1, packetId: 5 });
  peer.send({ type: "disconnect", reasonCode: 0x8e });
  await rejected;
  const loop = new Loop(subscription);
  const messages = await loop.takeMany(2);
  assertEquals(messages.map(({ qos }) => qos), [0, 1]);
  const error = await assertRejects(() => loop.next(), ConnectionClosedError);
  assertStrictEquals(error.kind, "taken over");
  assertStrictEquals(error, await client.closed);
  await subscription.unsubscribe();
});
