// Messages that come before anybody asks for them: they wait in client.messages, unacknowledged, and go to whoever
// subscribes to them.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Client } from "../../src/client/client.ts";
import type { ConnectOptions } from "../../src/client/options.ts";
import { RefusedError } from "../../src/errors.ts";
import type { Peer } from "./peer.ts";
import { Loop, outcome, settle, test, type TestWorld } from "./world.ts";

/** A client that goes on with a session of earlier. */
function resumed(
  world: TestWorld,
  options: ConnectOptions = {},
): Promise<{ readonly client: Client; readonly peer: Peer }> {
  return world.connected(
    { clientId: "c", cleanStart: false, sessionExpiryInterval: 3600, ...options },
    { sessionPresent: true },
  );
}

test("A message that comes before anybody listens is neither acknowledged nor dropped", async (world) => {
  const { client, peer } = await resumed(world);
  for (const qos of [0, 1, 2] as const) {
    peer.publish(`${qos}`, undefined, { qos, packetId: qos === 0 ? 0 : qos });
  }
  await world.clock.advance(30_000);
  await peer.expectNothing();
  const loop = new Loop(client.messages);
  const messages = await loop.takeMany(3);
  assertEquals(messages.map(({ topic }) => topic), ["0", "1", "2"]);
  assertStrictEquals((await peer.expect("puback")).packetId, 1);
  await peer.expectNothing();
  void loop.next();
  assertStrictEquals((await peer.expect("pubrec")).packetId, 2);
});

test("A later subscription adopts what waits for its filters, before what comes after, and nothing else", async (world) => {
  const { client, peer } = await resumed(world);
  peer.publish("a/1", undefined, { qos: 1, packetId: 1 });
  peer.publish("b", undefined, { qos: 1, packetId: 2 });
  peer.publish("a/2");
  await settle();
  const subscribed = client.subscribe("a/+", { qos: 1 });
  const { packetId } = await peer.expect("subscribe");
  peer.publish("a/3", undefined, { qos: 1, packetId: 3 });
  peer.send({ type: "suback", packetId, reasonCodes: [1] });
  const subscription = await subscribed;
  assertStrictEquals(subscription.waiting, 3);
  const loop = new Loop(subscription);
  const messages = await loop.takeMany(3);
  assertEquals(messages.map(({ topic }) => topic), ["a/1", "a/2", "a/3"]);
  assertStrictEquals((await peer.expect("puback")).packetId, 1);
  await peer.expectNothing();
  const rest = new Loop(client.messages);
  assertStrictEquals((await rest.take()).topic, "b");
});

test("What waits stays where it is when the subscription to it is refused or aborted", async (world) => {
  const { client, peer } = await resumed(world);
  peer.publish("a", undefined, { qos: 1, packetId: 1 });
  await settle();
  const refused = assertRejects(() => client.subscribe("a", { qos: 1 }), RefusedError);
  await peer.grant([0x87]);
  await refused;
  await peer.expectNothing();
  const abort = new AbortController();
  const aborted = assertRejects(() => client.subscribe("a", { signal: abort.signal }));
  await peer.expect("subscribe");
  abort.abort(new Error("enough"));
  await aborted;
  await peer.expect("unsubscribe");
  await peer.expectNothing();
  assertStrictEquals((await new Loop(client.messages).take()).topic, "a");
});

test("Messages that wait take up the Receive Maximum, so that the server sends no more [MQTT-3.3.4-1]", async (world) => {
  const { client, peer } = await resumed(world, { receiveMaximum: 2, receiveExcess: 0 });
  for (const packetId of [1, 2]) peer.publish("a", undefined, { qos: 1, packetId });
  await settle();
  assertStrictEquals(client.state, "connected");
  peer.publish("a", undefined, { qos: 1, packetId: 3 });
  assertStrictEquals((await peer.expect("disconnect")).reasonCode, 0x93);
});

test("Unclaimed messages of QoS 0 are bounded, and those that are dropped are told", async (world) => {
  const { client, peer } = await resumed(world, { receiveQueue: { messages: 2 } });
  for (const topic of ["1", "2", "3"]) peer.publish(topic);
  await settle();
  world.expectTold("connected");
  const { message, subscription } = world.expectTold("dropped");
  assertStrictEquals(message.topic, "1");
  assertStrictEquals(subscription, undefined);
  const messages = await new Loop(client.messages).takeMany(2);
  assertEquals(messages.map(({ topic }) => topic), ["2", "3"]);
});

test("Adopted messages leave their room to others", async (world) => {
  const { client, peer } = await resumed(world, { receiveQueue: { messages: 2, bytes: 10 } });
  for (const topic of ["a", "b"]) peer.publish(topic, undefined, { payload: new Uint8Array(5) });
  await settle();
  const subscribed = client.subscribe("a");
  await peer.grant();
  peer.publish("c", undefined, { payload: new Uint8Array(5) });
  await settle();
  assertStrictEquals((await subscribed).waiting, 1);
  const messages = await new Loop(client.messages).takeMany(2);
  assertEquals(messages.map(({ topic }) => topic), ["b", "c"]);
  assertEquals(world.told.filter(({ type }) => type === "dropped"), []);
});

test("client.messages is one queue: its loops share it, and it ends with the client", async (world) => {
  const { client, peer } = await resumed(world);
  const first = new Loop(client.messages).next();
  const second = new Loop(client.messages).next();
  peer.publish("1");
  peer.publish("2");
  assertStrictEquals((await first).value?.topic, "1");
  assertStrictEquals((await second).value?.topic, "2");
  const third = new Loop(client.messages).next();
  const ended = client.disconnect();
  await peer.expect("disconnect");
  peer.close();
  await ended;
  assertEquals(await outcome(third), {
    status: "fulfilled",
    value: { value: undefined, done: true },
  });
});

test("What comes for a subscription that has ended is acknowledged and goes nowhere", async (world) => {
  for (const properties of [{}, { subscriptionIdentifierAvailable: false }]) {
    const { client, peer } = await world.connected({}, { properties });
    const subscribed = client.subscribe("a", { qos: 1 });
    await peer.grant();
    const ended = (await subscribed).unsubscribe();
    const { packetId } = await peer.expect("unsubscribe");
    // The server had sent it before it knew.
    const identifiers = "subscriptionIdentifierAvailable" in properties ? undefined : [1];
    peer.publish("a", identifiers, { qos: 1, packetId: 7 });
    assertStrictEquals((await peer.expect("puback")).packetId, 7);
    peer.send({ type: "unsuback", packetId, reasonCodes: [0] });
    await ended;
    const next = new Loop(client.messages).next();
    assertStrictEquals((await outcome(next)).status, "pending");
    // What it sends once it knows it sends unasked, if nothing says for whom.
    peer.publish("a");
    assertStrictEquals((await next).value?.topic, "a");
  }
});
