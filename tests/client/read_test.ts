// subscription.read(): a loop that ends by itself takes nothing that it does not give, and acknowledges nothing that was not
// asked past.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { AckMode } from "../../src/client/message_queue.ts";
import type { Message } from "../../src/client/message.ts";
import type { ReadOptions } from "../../src/client/read.ts";
import type { Subscription } from "../../src/client/subscription.ts";
import type { Peer } from "./peer.ts";
import { assertPending, outcome, settle, test, type TestWorld } from "./world.ts";

const DONE = { value: undefined, done: true };

interface Subscribed {
  readonly peer: Peer;
  readonly subscription: Subscription;
}

async function subscribed(world: TestWorld, ack: AckMode = "auto"): Promise<Subscribed> {
  const { client, peer } = await world.connected();
  const granted = client.subscribe("a", { qos: 1, ack });
  await peer.grant();
  return { peer, subscription: await granted };
}

/** Sends, together, a message of QoS 1 for each number, which is its payload and its Packet Identifier. */
function publish(peer: Peer, ...numbers: readonly number[]): void {
  const properties = { subscriptionIdentifiers: [1] };
  peer.send(...numbers.map((packetId) => {
    const payload = Uint8Array.of(packetId);
    return { type: "publish", topic: "a", qos: 1, packetId, payload, properties } as const;
  }));
}

async function expectAcknowledged(peer: Peer, ...packetIds: readonly number[]): Promise<void> {
  for (const packetId of packetIds) {
    assertStrictEquals((await peer.expect("puback")).packetId, packetId);
  }
  await peer.expectNothing();
}

const numberOf = ({ payload }: Message) => payload[0];
const numbersOf = (messages: readonly Message[] | undefined) => messages?.map(numberOf);

/** Reads until the loop ends. */
async function numbers(subscription: Subscription, options: ReadOptions): Promise<unknown[]> {
  return (await Array.fromAsync(subscription.read(options))).map(numberOf);
}

test("With a limit a loop ends after so many messages, and acknowledges them all; the others wait", async (world) => {
  const { peer, subscription } = await subscribed(world);
  publish(peer, 1, 2, 3);
  assertEquals(await numbers(subscription, { limit: 2 }), [1, 2]);
  await expectAcknowledged(peer, 1, 2);
  assertStrictEquals(subscription.waiting, 1);
  assertEquals(await numbers(subscription, { limit: 1 }), [3]);
  await expectAcknowledged(peer, 3);
});

test("With a limit of 0 a loop has no message", async (world) => {
  const { peer, subscription } = await subscribed(world);
  publish(peer, 1);
  await peer.expectNothing();
  assertEquals(await numbers(subscription, { limit: 0 }), []);
  assertStrictEquals(subscription.waiting, 1);
});

test("A loop with a limit waits for messages that have not come, and asks for no more than its limit", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const loop = subscription.read({ limit: 2 });
  const steps = [loop.next(), loop.next(), loop.next()];
  assertEquals(await steps[2], DONE);
  publish(peer, 1, 2, 3);
  const given = (await Promise.all(steps)).map(({ value }) => value && numberOf(value));
  assertEquals(given, [1, 2, undefined]);
  assertStrictEquals(subscription.waiting, 1);
});

test("With a timeout a loop ends when it has waited so long for a message, and not before", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const loop = subscription.read({ timeout: 1000 });
  for (const number of [1, 2]) {
    const step = loop.next();
    await world.clock.advance(999);
    await assertPending(step);
    publish(peer, number);
    assertStrictEquals(numberOf((await step).value!), number);
    // What the application does with a message takes as long as it likes.
    await world.clock.advance(5000);
  }
  const last = loop.next();
  await world.clock.advance(1000);
  assertEquals(await outcome(last), { status: "fulfilled", value: DONE });
  publish(peer, 3);
  await expectAcknowledged(peer, 1, 2);
  assertStrictEquals(subscription.waiting, 1);
  assertEquals(await loop.next(), DONE);
});

test("With a timeout of 0 a loop has the messages that are there, and does not wait", async (world) => {
  const { peer, subscription } = await subscribed(world);
  assertEquals(await numbers(subscription, { timeout: 0 }), []);
  publish(peer, 1, 2);
  await peer.expectNothing();
  assertEquals(await numbers(subscription, { timeout: 0 }), [1, 2]);
  await expectAcknowledged(peer, 1, 2);
});

test("A loop ends when its signal aborts: while it waits, while it has a message, and before it begins", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const controller = new AbortController();
  const { signal } = controller;
  const [waiting, busy] = [subscription.read({ signal }), subscription.read({ signal })];
  publish(peer, 1);
  await busy.next();
  const step = waiting.next();
  await assertPending(step);
  controller.abort(new Error("enough"));
  assertEquals(await step, DONE);
  publish(peer, 2);
  await peer.expectNothing();
  assertEquals(await busy.next(), DONE);
  await expectAcknowledged(peer, 1);
  assertEquals(await numbers(subscription, { signal }), []);
  assertEquals(await numbers(subscription, { limit: 1 }), [2]);
});

test("A loop listens to its signal only while it waits", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const { signal } = new AbortController();
  let listeners = 0;
  const [add, remove] = [signal.addEventListener, signal.removeEventListener];
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove.apply(signal, args);
  };
  const loop = subscription.read({ signal, timeout: 1000 });
  const step = loop.next();
  await settle();
  assertEquals([listeners, world.clock.timers], [1, 2], "one timer is that of Keep Alive");
  publish(peer, 1);
  await step;
  assertEquals([listeners, world.clock.timers], [0, 1]);
  const left = loop.next();
  await loop.return!();
  assertEquals(await left, DONE);
  assertEquals([listeners, world.clock.timers], [0, 1]);
});

test("A loop that is left in the middle of a message has not acknowledged it; a later loop does when it asks", async (world) => {
  const { peer, subscription } = await subscribed(world);
  publish(peer, 1, 2);
  for await (const message of subscription.read({ limit: 5, timeout: 1000 })) {
    assertStrictEquals(numberOf(message), 1);
    break;
  }
  await peer.expectNothing();
  assertStrictEquals(subscription.waiting, 1);
  assertEquals(await numbers(subscription, { limit: 1 }), [2]);
  await expectAcknowledged(peer, 1, 2);
});

test("With batch a loop is given what is there, at most so many, acknowledged together when it asks for the next", async (world) => {
  const { peer, subscription } = await subscribed(world);
  publish(peer, 1, 2, 3);
  await peer.expectNothing();
  const loop = subscription.read({ batch: 2 });
  assertEquals(numbersOf((await loop.next()).value), [1, 2]);
  await peer.expectNothing();
  assertEquals(numbersOf((await loop.next()).value), [3]);
  await expectAcknowledged(peer, 1, 2);
  const step = loop.next();
  await expectAcknowledged(peer, 3);
  publish(peer, 4, 5, 6);
  assertEquals(numbersOf((await step).value), [4, 5]);
  assertStrictEquals(subscription.waiting, 1);
});

test("A batch has what came together, though the loop was waiting for the first", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const step = subscription.read({ batch: Infinity }).next();
  await settle();
  publish(peer, 1, 2, 3, 4);
  assertEquals(numbersOf((await step).value), [1, 2, 3, 4]);
});

test("Limit and timeout count messages, not batches", async (world) => {
  const { peer, subscription } = await subscribed(world);
  publish(peer, 1, 2, 3, 4, 5, 6);
  await peer.expectNothing();
  const limited = await Array.fromAsync(subscription.read({ batch: 2, limit: 5 }));
  assertEquals(limited.map(numbersOf), [[1, 2], [3, 4], [5]]);
  await expectAcknowledged(peer, 1, 2, 3, 4, 5);
  const timed = await Array.fromAsync(subscription.read({ batch: 2, timeout: 0 }));
  assertEquals(timed.map(numbersOf), [[6]]);
});

test("Of a batch whose loop is left nothing is acknowledged, until a later loop asks", async (world) => {
  const { peer, subscription } = await subscribed(world);
  publish(peer, 1, 2, 3);
  await peer.expectNothing();
  for await (const messages of subscription.read({ batch: 2 })) {
    assertEquals(numbersOf(messages), [1, 2]);
    break;
  }
  await peer.expectNothing();
  assertEquals(await numbers(subscription, { limit: 1 }), [3]);
  await expectAcknowledged(peer, 1, 2, 3);
});

test("A loop that asks for several batches at once acknowledges all of them, when it asks again", async (world) => {
  const { peer, subscription } = await subscribed(world);
  const loop = subscription.read({ batch: 2 });
  const steps = [loop.next(), loop.next()];
  await settle();
  publish(peer, 1, 2, 3, 4, 5);
  const given = (await Promise.all(steps)).flatMap(({ value }) => numbersOf(value)!);
  assertEquals(given.toSorted(), [1, 2, 3, 4]);
  await peer.expectNothing();
  void loop.next();
  await expectAcknowledged(peer, 1, 2, 3, 4);
});

test('With ack: "manual" a batch is acknowledged message by message, by the application alone', async (world) => {
  const { peer, subscription } = await subscribed(world, "manual");
  publish(peer, 1, 2, 3);
  await peer.expectNothing();
  const loop = subscription.read({ batch: 2, limit: 3 });
  const messages = (await loop.next()).value!;
  assertEquals(numbersOf((await loop.next()).value), [3]);
  assertEquals(await loop.next(), DONE);
  await peer.expectNothing();
  messages[0]!.ack();
  await expectAcknowledged(peer, 1);
});

test("A loop ends with its subscription, and fails with its client, after the messages that are there", async (world) => {
  const { client, peer } = await world.connected({ reconnect: false });
  const granted = client.subscribe("a", { qos: 1 });
  await peer.grant();
  const subscription = await granted;
  publish(peer, 1, 2);
  await peer.expectNothing();
  const loop = subscription.read({ batch: 1, timeout: 0 });
  assertEquals(numbersOf((await loop.next()).value), [1]);
  peer.far.cut();
  await settle();
  assertEquals(numbersOf((await loop.next()).value), [2]);
  const last = await outcome(loop.next());
  assertStrictEquals(last.status, "rejected");

  const { client: other, peer: its } = await world.connected();
  const second = other.subscribe("a");
  await its.grant();
  const waiting = (await second).read({ timeout: 1000 }).next();
  void (await second).unsubscribe();
  assertEquals(await waiting, DONE);
});

test("Messages that belong to no subscription are read with limits, too", async (world) => {
  const { client, peer } = await world.connected();
  peer.publish("b", undefined, { payload: Uint8Array.of(1) });
  const [message] = await Array.fromAsync(client.messages.read({ limit: 1 }));
  assertStrictEquals(message?.topic, "b");
  const batches = await Array.fromAsync(client.messages.read({ batch: 1, timeout: 0 }));
  assertEquals(batches, []);
});

for (
  const [options, error, text] of [
    [{ limit: -1 }, RangeError, "limit must be a whole number from 0 on, got -1"],
    [{ limit: 1.5 }, RangeError, "limit must be a whole number from 0 on, got 1.5"],
    [{ limit: "1" }, TypeError, "limit must be of type number, got string"],
    [{ batch: 0 }, RangeError, "batch must be a whole number from 1 on, got 0"],
    [{ timeout: -1 }, RangeError, "timeout must not be negative, got -1"],
    [{ timeout: NaN }, RangeError, "timeout must not be negative, got NaN"],
    [{ signal: 1 }, TypeError, "signal must be of type object, got number"],
    [{ limits: 1 }, TypeError, 'Unknown option "limits" of read()'],
  ] as const
) {
  test(`read() refuses ${Deno.inspect(options)}`, async (world) => {
    const { subscription } = await subscribed(world);
    assertThrows(() => subscription.read(options as ReadOptions), error, text);
  });
}
