// The valve on the memory that the process really takes: when garbage is asked for, who waits, and
// that nobody waits for long.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { MemoryValve } from "../../src/io/memory_valve.ts";
import { processMemory } from "../../src/io/process_memory.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

const UNIT = 100;

/** A process of which a test says what it takes. */
class FakeMemory {
  bytes = 0;
  looks = 0;
  collections = 0;

  taken(): number {
    this.looks++;
    return this.bytes;
  }

  collect(): void {
    this.collections++;
  }
}

function valveOf(memory: FakeMemory) {
  const clock = new VirtualClock();
  const valve = new MemoryValve(clock, UNIT, memory);
  /** Whether somebody who has read so much may go on. */
  const passes = (gate: ReturnType<MemoryValve["gate"]>, bytes: number) => {
    const waiting = gate(bytes);
    const state = { isHeld: waiting !== undefined };
    void waiting?.then(() => state.isHeld = false);
    return state;
  };
  return { clock, valve, passes };
}

Deno.test("A valve looks at the memory ten times a second, however much is read", async () => {
  const memory = new FakeMemory();
  const { clock, valve } = valveOf(memory);
  const gate = valve.gate();
  for (let count = 0; count < 1000; count++) assertStrictEquals(gate(100_000), undefined);
  assertStrictEquals(memory.looks, 1);
  await clock.advance(99);
  gate(1);
  assertStrictEquals(memory.looks, 1);
  await clock.advance(1);
  gate(1);
  assertStrictEquals(memory.looks, 2);
  // Nobody looks when nothing is read.
  await clock.advance(10_000);
  assertStrictEquals(memory.looks, 2);
});

Deno.test("A valve asks for garbage above one and a half units, and again when a quarter of one has come back", async () => {
  const memory = new FakeMemory();
  const { clock, valve } = valveOf(memory);
  const gate = valve.gate();
  const collections: number[] = [];
  for (const bytes of [150, 151, 176, 177, 100, 150, 151, 100]) {
    memory.bytes = bytes;
    assertStrictEquals(gate(100_000), undefined);
    collections.push(memory.collections);
    await clock.advance(100);
  }
  assertEquals(collections, [0, 1, 1, 2, 2, 2, 3, 3]);
  assert(!valve.isClosed);
});

Deno.test("Above three units those who have read much wait until there is less, the others do not", async () => {
  const memory = new FakeMemory();
  const { clock, valve, passes } = valveOf(memory);
  const [flood, late, bystander] = [valve.gate(), valve.gate(), valve.gate()];
  memory.bytes = 300;
  assert(!passes(flood, 100_000).isHeld);
  await clock.advance(100);
  memory.bytes = 301;
  const first = passes(flood, 100_000);
  assert(valve.isClosed);
  assertStrictEquals(memory.collections, 2);
  assert(first.isHeld);
  for (let bytes = 0; bytes < 4000; bytes += 100) assert(!passes(bystander, 100).isHeld);
  assert(!passes(late, 4095).isHeld);
  const second = passes(late, 1);
  assert(second.isHeld);
  // At each look each of them may have a read more, and asks again.
  await clock.advance(100);
  assertEquals([first.isHeld, second.isHeld], [false, false]);
  assertStrictEquals(memory.collections, 3);
  const again = passes(flood, 131_072);
  assert(again.isHeld);
  memory.bytes = 300;
  await clock.advance(100);
  assert(!again.isHeld);
  assert(!valve.isClosed);
  assert(!passes(flood, 131_072).isHeld);
  assertStrictEquals(clock.timers, 0);
});

Deno.test("A valve is closed for a second at most: what is left then is in use, and half a unit more closes it", async () => {
  const memory = new FakeMemory();
  const { clock, valve, passes } = valveOf(memory);
  const gate = valve.gate();
  memory.bytes = 1000;
  passes(gate, 100_000);
  await clock.advance(900);
  assert(valve.isClosed);
  const held = passes(gate, 100_000);
  await clock.advance(100);
  assert(!valve.isClosed);
  assert(!held.isHeld);
  for (const [bytes, isClosed] of [[1000, false], [1050, false], [1051, true]] as const) {
    memory.bytes = bytes;
    await clock.advance(100);
    passes(gate, 100_000);
    assertStrictEquals(valve.isClosed, isClosed, `${bytes}`);
  }
  // When there is less in use, it is three units again.
  memory.bytes = 100;
  await clock.advance(100);
  assert(!valve.isClosed);
  memory.bytes = 301;
  await clock.advance(100);
  passes(gate, 100_000);
  assert(valve.isClosed);
  valve.end();
});

Deno.test("A valve that has ended holds nobody, and leaves no timer", async () => {
  const memory = new FakeMemory();
  const { clock, valve, passes } = valveOf(memory);
  const gate = valve.gate();
  memory.bytes = 1000;
  const held = passes(gate, 100_000);
  assert(held.isHeld);
  valve.end();
  await settle();
  assert(!held.isHeld);
  assertStrictEquals(clock.timers, 0);
  await clock.advance(1000);
  assertStrictEquals(gate(100_000), undefined);
});

Deno.test("Where nobody tells how much memory is taken nobody is held", () => {
  const valve = new MemoryValve(new VirtualClock(), UNIT, undefined);
  assertStrictEquals(valve.gate()(1_000_000), undefined);
});

Deno.test("What the process takes counts buffers outside the heap, and asking for garbage has it collected", async () => {
  const memory = processMemory()!;
  const before = memory.taken();
  let isCollected = false;
  const registry = new FinalizationRegistry(() => isCollected = true);
  (() => {
    const buffer = new Uint8Array(50_000_000);
    registry.register(buffer, undefined);
    assert(memory.taken() >= before + buffer.length);
  })();
  for (let count = 0; !isCollected; count++) {
    assert(count < 1000, "It is still there");
    memory.collect();
    await settle();
  }
});

Deno.test("Asking for garbage is seen by the platform outside the heap, and not counted as taken", () => {
  const memory = processMemory()!;
  const taken = memory.taken();
  memory.collect();
  // It is there until this turn of the event loop ends, whatever has been collected meanwhile.
  assert(Deno.memoryUsage().external > 67_000_000);
  assert(memory.taken() - taken < 30_000_000);
});
