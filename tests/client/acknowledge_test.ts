// When the server learns that the application is done with a message: never before the application has seen it, in the order
// of the messages, once, and not when it is too late.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { Client } from "../../src/client/client.ts";
import type { SubscribeOptions, Subscription } from "../../src/client/subscription.ts";
import { RefusedError } from "../../src/errors.ts";
import type { Peer } from "./peer.ts";
import { Loop, settle, test, type TestWorld } from "./world.ts";

interface Subscribed {
  readonly client: Client;
  readonly peer: Peer;
  readonly subscription: Subscription;
  readonly loop: Loop;
}

async function subscribed(world: TestWorld, options: SubscribeOptions = {}): Promise<Subscribed> {
  const { client, peer } = await world.connected({ sessionExpiryInterval: 60 });
  const granted = client.subscribe("a", { qos: 2, ...options });
  await peer.grant();
  const subscription = await granted;
  return { client, peer, subscription, loop: new Loop(subscription) };
}

/** Sends a message for each identifier. */
function publish(peer: Peer, qos: 1 | 2, ...packetIds: readonly number[]): void {
  for (const packetId of packetIds) peer.publish("a", [1], { qos, packetId });
}

for (const [qos, type] of [[1, "puback"], [2, "pubrec"]] as const) {
  test(`A message of QoS ${qos} is acknowledged when the loop asks for the next one, not before [MQTT-3.3.4-1] [MQTT-4.3.${qos + 1}-${qos === 1 ? 4 : 8}]`, async (world) => {
    const { peer, loop } = await subscribed(world);
    publish(peer, qos, 11, 12);
    await world.clock.advance(20_000);
    await peer.expectNothing();
    await loop.take();
    await world.clock.advance(20_000);
    await peer.expectNothing();
    await loop.take();
    const ack = await peer.expect(type);
    assertEquals([ack.packetId, ack.reasonCode], [11, 0x00]);
    await peer.expectNothing();
    void loop.next();
    assertStrictEquals((await peer.expect(type)).packetId, 12);
  });
}

test("A message that comes to a loop which waits is acknowledged when the loop asks again", async (world) => {
  const { peer, loop } = await subscribed(world);
  const step = loop.next();
  publish(peer, 1, 5);
  await step;
  await peer.expectNothing();
  void loop.next();
  assertStrictEquals((await peer.expect("puback")).packetId, 5);
});

test("for await acknowledges each message but the one that it is left at", async (world) => {
  const { peer, subscription } = await subscribed(world);
  publish(peer, 1, 1, 2, 3);
  let count = 0;
  for await (const message of subscription) {
    assertStrictEquals(message.qos, 1);
    if (++count === 2) break;
  }
  assertStrictEquals((await peer.expect("puback")).packetId, 1);
  await world.clock.advance(10_000);
  await peer.expectNothing();
  // The next loop's first step says that the application is done with what was before.
  await new Loop(subscription).take();
  assertStrictEquals((await peer.expect("puback")).packetId, 2);
  await peer.expectNothing();
});

test("A loop that throws does not acknowledge the message that it failed at", async (world) => {
  const { peer, subscription } = await subscribed(world);
  publish(peer, 2, 1);
  await assertRejects(
    async () => {
      for await (const _ of subscription) throw new Error("disk full");
    },
    Error,
    "disk full",
  );
  await peer.expectNothing();
});

test("message.ack() acknowledges at once, once, and the loop does not do it again", async (world) => {
  const { peer, loop } = await subscribed(world);
  publish(peer, 1, 1, 2);
  const message = await loop.take();
  assertStrictEquals(message.ack(), true);
  assertStrictEquals((await peer.expect("puback")).packetId, 1);
  assertStrictEquals(message.ack(), true);
  assertStrictEquals(message.isStale, false);
  await loop.take();
  await peer.expectNothing();
});

test("Manual acknowledgement waits for message.ack(), whatever the loop asks for", async (world) => {
  const { peer, loop, subscription } = await subscribed(world, { ack: "manual" });
  publish(peer, 1, 1, 2, 3);
  const messages = await loop.takeMany(3);
  void loop.next();
  await loop.leave();
  void new Loop(subscription).next();
  await world.clock.advance(10_000);
  await peer.expectNothing();
  for (const message of messages) assertStrictEquals(message.ack(), true);
  assertEquals((await peer.takePackets()).length, 3);
});

test("Acknowledgement is manual for the whole client where connect() says so, but where a subscription says otherwise", async (world) => {
  const { client, peer } = await world.connected({ ack: "manual" });
  const both = Promise.all([client.subscribe("a"), client.subscribe("b", { ack: "auto" })]);
  await peer.grant();
  await peer.grant();
  const [manual, auto] = (await both).map((subscription) => new Loop(subscription));
  peer.publish("a", [1], { qos: 1, packetId: 1 });
  peer.publish("b", [2], { qos: 2, packetId: 2 });
  await manual!.take();
  await auto!.take();
  void manual!.next();
  void auto!.next();
  assertStrictEquals((await peer.expect("pubrec")).packetId, 2);
  await peer.expectNothing();
});

for (const [qos, type] of [[1, "puback"], [2, "pubrec"]] as const) {
  test(`message.ack() takes a Reason Code and properties at QoS ${qos}, and refuses what ${type.toUpperCase()} cannot say`, async (world) => {
    const { peer, loop } = await subscribed(world, { ack: "manual" });
    publish(peer, qos, 1);
    const message = await loop.take();
    assertThrows(() => message.ack(0x92 as never), RangeError);
    assertThrows(() => message.ack(0x87, { reason: "no" } as never), TypeError);
    assertThrows(() => message.ack(0x87, { reasonString: 5 } as never), TypeError);
    await peer.expectNothing();
    const properties = { reasonString: "no", userProperties: [["b", "1"], ["a", "2"]] } as const;
    assertStrictEquals(message.ack(0x87, properties), true);
    assertEquals(await peer.expect(type), { type, packetId: 1, reasonCode: 0x87, properties });
  });
}

test("Acknowledgements go out in the order of the messages, in whatever order the application is done [MQTT-4.6.0-2] [MQTT-4.6.0-3]", async (world) => {
  const { peer, loop } = await subscribed(world, { ack: "manual" });
  publish(peer, 1, 9, 8, 7);
  publish(peer, 2, 6, 5);
  const messages = await loop.takeMany(5);
  for (const index of [2, 4, 1]) assert(messages[index]!.ack());
  await peer.expectNothing();
  assert(messages[0]!.ack());
  for (const packetId of [9, 8, 7]) {
    assertStrictEquals((await peer.expect("puback")).packetId, packetId);
  }
  await peer.expectNothing();
  assert(messages[3]!.ack(0x80));
  assertEquals((await peer.expect("pubrec")).reasonCode, 0x80);
  assertStrictEquals((await peer.expect("pubrec")).packetId, 5);
});

test("A message of QoS 2 is complete with PUBREL and PUBCOMP; its identifier then means another [MQTT-4.3.3-11] [MQTT-4.3.3-12]", async (world) => {
  const { peer, loop } = await subscribed(world);
  publish(peer, 2, 4);
  await loop.take();
  for (let count = 0; count < 3; count++) {
    const step = loop.next();
    await peer.expect("pubrec");
    peer.send({ type: "pubrel", packetId: 4 });
    assertEquals((await peer.expect("pubcomp")).reasonCode, 0x00);
    publish(peer, 2, 4);
    assertStrictEquals((await step).done, false);
  }
});

test("A message of several subscriptions is acknowledged once, when all of them are done", async (world) => {
  const { client, peer } = await world.connected({}, {
    properties: { subscriptionIdentifierAvailable: false },
  });
  const both = Promise.all([client.subscribe("a", { ack: "manual" }), client.subscribe("+")]);
  await peer.grant();
  await peer.grant();
  const [manual, auto] = (await both).map((subscription) => new Loop(subscription));
  peer.publish("a", undefined, { qos: 1, packetId: 1 });
  peer.publish("a", undefined, { qos: 1, packetId: 2 });
  const [first, second] = await manual!.takeMany(2);
  assertStrictEquals(first!.ack(0x83), true);
  await peer.expectNothing();
  await auto!.takeMany(2);
  // What counts is the refusal.
  const puback = await peer.expect("puback");
  assertEquals([puback.packetId, puback.reasonCode], [1, 0x83]);
  void auto!.next();
  await peer.expectNothing();
  assertStrictEquals(second!.ack(), true);
  assertStrictEquals((await peer.expect("puback")).packetId, 2);
});

test("A message of two subscriptions is acknowledged when one ends and the other is done", async (world) => {
  const { client, peer } = await world.connected();
  const both = Promise.all([client.subscribe("a"), client.subscribe("+")]);
  await peer.grant();
  await peer.grant();
  const [one, two] = await both;
  peer.publish("a", [1, 2], { qos: 1, packetId: 1 });
  await settle();
  void one.unsubscribe();
  await peer.release();
  await peer.expectNothing();
  const loop = new Loop(two);
  await loop.take();
  void loop.next();
  assertStrictEquals((await peer.expect("puback")).packetId, 1);
});

test("An acknowledgement that belongs to an old connection does nothing and says so", async (world) => {
  const { peer, loop } = await subscribed(world);
  publish(peer, 1, 1);
  const message = await loop.take();
  assertStrictEquals(message.isStale, false);
  peer.far.cut();
  await settle();
  assertStrictEquals(message.isStale, true);
  assertStrictEquals(message.ack(), false);
  const second = await world.accept({ sessionPresent: true });
  // The server uses the identifier again, for another message.
  publish(second, 1, 1);
  assertStrictEquals(message.ack(), false);
  await loop.take();
  await second.expectNothing();
  assertStrictEquals(message.isStale, true);
});

test("An acknowledgement of one of several subscriptions says when it is too late, too", async (world) => {
  const { client, peer } = await world.connected({ ack: "manual", sessionExpiryInterval: 60 });
  const both = Promise.all([client.subscribe("a"), client.subscribe("+")]);
  await peer.grant();
  await peer.grant();
  const loops = (await both).map((subscription) => new Loop(subscription));
  peer.publish("a", [1, 2], { qos: 1, packetId: 1 });
  peer.publish("a", [1, 2], { qos: 1, packetId: 2 });
  const [[early], [late, other]] = [
    await loops[0]!.takeMany(1),
    await loops[1]!.takeMany(2),
  ];
  assertStrictEquals(late!.ack(), true);
  peer.far.cut();
  const second = await world.accept({ sessionPresent: true });
  assertEquals([early!.ack(), other!.ack()], [false, false]);
  await second.expectNothing();
});

test("An acknowledgement of a lost session does nothing and says so, at QoS 2, too", async (world) => {
  const { peer, loop } = await subscribed(world, { ack: "manual" });
  publish(peer, 2, 1);
  const message = await loop.take();
  peer.far.cut();
  await settle();
  // The server would go on with it.
  assertStrictEquals(message.isStale, false);
  const second = await world.accept({ sessionPresent: false });
  await second.grant();
  assertStrictEquals(message.isStale, true);
  publish(second, 2, 1);
  assertStrictEquals(message.ack(), false);
  await second.expectNothing();
});

test("A message of QoS 0 is done with from the start", async (world) => {
  const { peer, loop } = await subscribed(world, { ack: "manual" });
  peer.publish("a", [1]);
  const message = await loop.take();
  assertStrictEquals(message.isStale, false);
  assertStrictEquals(message.ack(0x87), true);
  await peer.expectNothing();
});

test("Disposing a subscription that was refused after a lost session acknowledges what it still had", async (world) => {
  const { peer, loop, subscription } = await subscribed(world);
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  publish(second, 1, 1);
  await second.grant([0x87]);
  await second.expectNothing();
  await subscription.unsubscribe();
  assertStrictEquals((await second.expect("puback")).packetId, 1);
  await assertRejects(() => loop.next(), RefusedError);
});
