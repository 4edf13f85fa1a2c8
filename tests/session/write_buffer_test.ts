// The room of the buffers of a connection: counted when it grows, and asked for before it does.

import { assert, assertEquals } from "@std/assert";
import type { Memory } from "../../src/session/memory.ts";
import { WriteBuffer } from "../../src/session/write_buffer.ts";

/** Memory that has room, and what it was asked and told. */
function newLedger(): {
  readonly memory: Memory;
  readonly asked: string[];
  readonly added: number[];
} {
  const asked: string[] = [];
  const added: number[] = [];
  const ask = (how: string, bytes: number) => asked.push(`${how} ${bytes}`) > 0;
  const memory = {
    hasRoom: (bytes: number) => ask("hasRoom", bytes),
    hasRoomAtAll: (bytes: number) => ask("hasRoomAtAll", bytes),
    add: (bytes: number) => void added.push(bytes),
  };
  return { memory, asked, added };
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

Deno.test("WriteBuffer counts its room as soon as it grows, whatever it is given", () => {
  const { memory, added } = newLedger();
  const buffer = new WriteBuffer(memory);
  buffer.writeEncoded(new Uint8Array(10_000));
  assertEquals(added, [10_000]);
  // What is being sent counts, and no buffer that is not there yet.
  buffer.take();
  assertEquals(sumOf(added), 10_000);
  buffer.write({ type: "publish", topic: "a", payload: new Uint8Array(20_000) });
  assert(added.length > 1 && sumOf(added) >= 30_000);
});

Deno.test("WriteBuffer asks for as much room as it grows by, and may use the reserve for what is first", () => {
  const { memory, asked } = newLedger();
  const buffer = new WriteBuffer(memory);
  buffer.hasMemoryFor(4096);
  buffer.hasMemoryFor(5000);
  buffer.writeEncoded(new Uint8Array(10_000));
  buffer.hasMemoryFor(1);
  buffer.hasMemoryFor(30_000);
  assertEquals(asked, ["hasRoomAtAll 5000", "hasRoom 10000", "hasRoom 30000"]);
});

Deno.test("WriteBuffer gives its room back when it rests and memory is short", () => {
  const { memory, added } = newLedger();
  const buffer = new WriteBuffer({ ...memory, hasRoom: () => false });
  for (let count = 0; count < 2; count++) {
    buffer.writeEncoded(new Uint8Array(20_000));
    buffer.take();
  }
  assertEquals(sumOf(added), 40_000);
  buffer.take();
  assertEquals(sumOf(added), 0);
});
