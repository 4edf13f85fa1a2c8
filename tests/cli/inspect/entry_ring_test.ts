// The newest is kept within its limits, and who follows is told exactly what it has missed.

import { assertEquals } from "@std/assert";
import { EntryRing } from "../../../src/cli/inspect/entry_ring.ts";

interface Numbered {
  readonly number: number;
  readonly room: number;
}

function ring(entries: number, bytes: number, rooms: readonly number[]): EntryRing<Numbered> {
  const ring = new EntryRing<Numbered>({ entries, bytes });
  for (const [number, room] of rooms.entries()) ring.add({ number, room });
  return ring;
}

function numbers(entries: readonly Numbered[]): readonly number[] {
  return entries.map(({ number }) => number);
}

Deno.test("a ring keeps so many entries, the newest", () => {
  const kept = ring(3, Infinity, [1, 1, 1, 1, 1]);
  assertEquals(numbers(kept.follow().take(9).entries), [2, 3, 4]);
  assertEquals([kept.total, kept.bytes], [5, 3]);
});

Deno.test("a ring keeps so many bytes, but the newest entry however large it is", () => {
  const kept = ring(100, 10, [4, 4, 4]);
  assertEquals([numbers(kept.follow().take(9).entries), kept.bytes], [[1, 2], 8]);
  kept.add({ number: 3, room: 50 });
  assertEquals([numbers(kept.follow().take(9).entries), kept.bytes], [[3], 50]);
});

Deno.test("each cursor is told how many entries it has missed", () => {
  const kept = ring(3, Infinity, [1, 1]);
  const [slow, quick] = [kept.follow(), kept.follow()];
  assertEquals(quick.take(9).missed, 0);
  for (let number = 2; number < 7; number++) kept.add({ number, room: 1 });
  const { missed, entries } = slow.take(2);
  assertEquals([missed, numbers(entries), slow.behind], [4, [4, 5], 1]);
  assertEquals([quick.take(9).missed, numbers(slow.take(9).entries)], [2, [6]]);
});

Deno.test("more() waits for an entry, and ends when there will be none", async () => {
  const kept = ring(3, Infinity, []);
  const cursor = kept.follow();
  const waiting = cursor.more();
  kept.add({ number: 0, room: 1 });
  assertEquals([await waiting, cursor.take(9).entries.length], [true, 1]);
  const end = cursor.more();
  kept.close();
  assertEquals(await end, false);
});

Deno.test("an entry is found by its number as long as it is kept", () => {
  const ring = new EntryRing<{ readonly room: number }>({ entries: 3, bytes: 1000 });
  const entries = [1, 2, 3, 4].map((room) => ({ room }));
  assertEquals(entries.map((entry) => ring.add(entry)), [0, 1, 2, 3]);
  assertEquals([-1, 0, 1, 3, 4].map((number) => ring.get(number)?.room), [
    ...[undefined, undefined, 2, 4, undefined],
  ]);
});
