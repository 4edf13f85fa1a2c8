// The pipe within the process: what one end writes the other reads, in order, once; a writer waits
// when nobody reads; and each end hears of the other's end.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { memoryTransports } from "../../src/io/memory.ts";
import { settle } from "./virtual_clock.ts";

/** As many bytes as make a writer wait. */
const FULL = 262_144;

/** How a promise stands when nothing else is left to do. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = "pending";
  promise.then(() => state = "fulfilled", () => state = "rejected");
  await settle();
  return state;
}

Deno.test("What either end of a pipe writes the other reads, chunk by chunk, before or after it asks", async () => {
  const [near, far] = memoryTransports();
  await near.write(Uint8Array.of(1, 2));
  await near.write(Uint8Array.of(3));
  assertEquals(await far.read(), Uint8Array.of(1, 2));
  assertEquals(await far.read(), Uint8Array.of(3));
  const reading = near.read();
  assertStrictEquals(await stateOf(reading), "pending");
  await far.write(Uint8Array.of(4));
  assertEquals(await reading, Uint8Array.of(4));
});

Deno.test("What was written to a pipe stays as it was when its buffer is used again", async () => {
  const [near, far] = memoryTransports();
  const buffer = Uint8Array.of(1);
  await near.write(buffer);
  buffer[0] = 2;
  assertEquals(await far.read(), Uint8Array.of(1));
  const reading = far.read();
  await near.write(buffer);
  buffer[0] = 3;
  assertEquals(await reading, Uint8Array.of(2));
});

Deno.test("A write to a pipe waits while 262,144 bytes are unread, and no longer", async () => {
  const [near, far] = memoryTransports();
  await near.write(new Uint8Array(FULL - 1));
  const full = near.write(new Uint8Array(1));
  const more = near.write(new Uint8Array(1));
  assertStrictEquals(await stateOf(full), "pending");
  assertStrictEquals((await far.read())?.length, FULL - 1);
  assertStrictEquals(await stateOf(full), "fulfilled");
  assertStrictEquals(await stateOf(more), "fulfilled");
  await far.read();
  await far.read();
  const whole = near.write(new Uint8Array(FULL));
  assertStrictEquals(await stateOf(whole), "pending");
  await far.read();
  await whole;
});

Deno.test("A writer of a pipe waits on while as many bytes are left as make it wait", async () => {
  const [near, far] = memoryTransports();
  const small = near.write(new Uint8Array(1));
  const large = near.write(new Uint8Array(FULL));
  await small;
  await far.read();
  assertStrictEquals(await stateOf(large), "pending");
  await far.read();
  await large;
});

Deno.test("An end of a pipe that has read all hears that the other writes no more, again and again", async () => {
  const [near, far] = memoryTransports();
  await near.write(Uint8Array.of(1));
  await near.closeWrite!();
  assertEquals(await far.read(), Uint8Array.of(1));
  assertStrictEquals(await far.read(), undefined);
  assertStrictEquals(await far.read(), undefined);
  // The other direction goes on.
  await far.write(Uint8Array.of(2));
  assertEquals(await near.read(), Uint8Array.of(2));
});

Deno.test("A read of a pipe that waits is over when either end is closed", async () => {
  for (const closing of [0, 1]) {
    const transports = memoryTransports();
    const reading = transports[0].read();
    transports[closing]!.close();
    assertStrictEquals(await reading, undefined);
    assertStrictEquals(await transports[0].read(), undefined);
  }
});

Deno.test("A write to an end of a pipe that is closed fails, and one that waited is over", async () => {
  const [near, far] = memoryTransports();
  const waiting = near.write(new Uint8Array(FULL));
  far.close();
  await waiting;
  await assertRejects(() => near.write(Uint8Array.of(1)), Error, "The other end has been closed");
  assertStrictEquals(await near.read(), undefined);
});

Deno.test("What was written to a pipe before its end was closed is read, what comes to the closed end is not", async () => {
  const [near, far] = memoryTransports();
  await near.write(Uint8Array.of(1));
  await far.write(Uint8Array.of(2));
  near.close();
  assertEquals(await far.read(), Uint8Array.of(1));
  assertStrictEquals(await far.read(), undefined);
  assertStrictEquals(await near.read(), undefined);
});
