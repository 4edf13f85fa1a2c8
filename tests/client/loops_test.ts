// Loops over messages: each message goes to one of them, none is lost between them, and a loop that is left is left.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Subscription } from "../../src/client/subscription.ts";
import type { Peer } from "./peer.ts";
import { assertPending, Loop, outcome, settle, test, type TestWorld } from "./world.ts";

const DONE = { status: "fulfilled", value: { value: undefined, done: true } };

async function subscribed(
  world: TestWorld,
): Promise<{ readonly peer: Peer; readonly subscription: Subscription }> {
  const { client, peer } = await world.connected();
  const granted = client.subscribe("a", { qos: 2 });
  await peer.grant();
  return { peer, subscription: await granted };
}

/** Sends a message for each payload; those of QoS 1 have it as their identifier, too. */
function publish(peer: Peer, qos: 0 | 1, ...payloads: readonly number[]): void {
  for (const payload of payloads) {
    const packetId = qos === 0 ? 0 : payload;
    peer.publish("a", [1], { qos, packetId, payload: Uint8Array.of(payload) });
  }
}

test("Two loops over one subscription share its messages: each goes to one", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const loops = [new Loop(subscription), new Loop(subscription)];
  const seen: number[][] = [[], []];
  const reading = loops.map(async (loop, index) => {
    for (;;) {
      const { value } = await loop.next();
      if (value === undefined) return;
      seen[index]!.push(value.payload[0]!);
    }
  });
  publish(peer, 0, 1, 2, 3, 4, 5, 6);
  await settle();
  publish(peer, 1, 7, 8);
  await peer.takePackets();
  assertEquals(seen.flat().toSorted(), [1, 2, 3, 4, 5, 6, 7, 8]);
  assertEquals(seen.every((some) => some.length > 0), true);
  void subscription.unsubscribe();
  await peer.release();
  await Promise.all(reading);
});

test("Each of two loops acknowledges its own message, in the order in which they came", async (world) => {
  const { peer, subscription } = await subscribed(world);
  publish(peer, 1, 1, 2);
  const [first, second] = [new Loop(subscription), new Loop(subscription)];
  await first.take();
  await second.take();
  void second.next();
  await peer.expectNothing();
  void first.next();
  assertStrictEquals((await peer.expect("puback")).packetId, 1);
  assertStrictEquals((await peer.expect("puback")).packetId, 2);
});

test("Messages wait in their order for a loop that begins later, and are counted", async (world) => {
  const { peer, subscription } = await subscribed(world);
  publish(peer, 0, 1, 2);
  publish(peer, 1, 3);
  await peer.expectNothing();
  assertStrictEquals(subscription.waiting, 3);
  const messages = await new Loop(subscription).takeMany(3);
  assertEquals(messages.map(({ payload }) => payload[0]), [1, 2, 3]);
  assertStrictEquals(subscription.waiting, 0);
});

test("A loop that asks several times at once gets the messages in order, and acknowledges all of them", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const loop = new Loop(subscription);
  const steps = [loop.next(), loop.next(), loop.next()];
  publish(peer, 1, 1, 2, 3);
  const seen = (await Promise.all(steps)).map(({ value }) => value?.payload[0]);
  assertEquals(seen, [1, 2, 3]);
  void loop.next();
  for (const packetId of [1, 2, 3]) {
    assertStrictEquals((await peer.expect("puback")).packetId, packetId);
  }
});

test("A loop that is left while it waits takes no message with it", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const left = new Loop(subscription);
  const step = left.next();
  await assertPending(step);
  await left.leave();
  assertEquals(await outcome(step), DONE);
  const loop = new Loop(subscription);
  publish(peer, 1, 1);
  assertStrictEquals((await loop.take()).payload[0], 1);
});

test("A loop may wait for a while, give up, and another may go on", async (world) => {
  const { peer, subscription } = await subscribed(world);
  for (let round = 1; round <= 3; round++) {
    const loop = new Loop(subscription);
    const gaveUp = Promise.withResolvers<string>();
    world.clock.at(world.clock.now() + 1000, () => gaveUp.resolve("gave up"));
    const first = Promise.race([loop.next(), gaveUp.promise]);
    await world.clock.advance(1000);
    assertStrictEquals(await first, "gave up");
    await loop.leave();
    publish(peer, 0, round);
    assertStrictEquals((await new Loop(subscription).take()).payload[0], round);
  }
});

test("A loop that is left twice, or before it began, is left", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const loop = new Loop(subscription);
  await loop.leave();
  publish(peer, 1, 1);
  const other = new Loop(subscription);
  await other.take();
  await other.leave();
  await other.leave();
  void new Loop(subscription).next();
  assertStrictEquals((await peer.expect("puback")).packetId, 1);
  await peer.expectNothing();
});
