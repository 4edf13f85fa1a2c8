// What a connection keeps of what it has read is on its account to the byte, and asks for room only
// when it is more than is always kept.

import { assertEquals } from "@std/assert";
import { HeldBytes } from "../../src/session/held_bytes.ts";
import type { Memory } from "../../src/session/memory.ts";

const FREE = 4096;

/** An account without room, and what is asked of it and charged to it. */
function full() {
  const asked: number[] = [];
  const charged: number[] = [];
  const hasRoom = (bytes: number) => {
    asked.push(bytes);
    return false;
  };
  const memory: Memory = {
    hasRoom,
    hasRoomAtAll: hasRoom,
    add: (bytes: number) => void charged.push(bytes),
  } as Memory;
  return { held: new HeldBytes(memory), asked, charged };
}

Deno.test("HeldBytes asks for room for what is over 4096 bytes, and for less or no more never", () => {
  const { held, asked } = full();
  assertEquals(held.count(FREE), true);
  assertEquals(held.count(FREE + 1), false);
  assertEquals(held.count(FREE + 1), true);
  assertEquals(held.count(FREE + 3), false);
  assertEquals(held.count(FREE + 2), true);
  assertEquals(held.count(0), true);
  assertEquals(asked, [1, 2]);
});

Deno.test("HeldBytes charges what is more, gives back what is less, and is silent when nothing changes", () => {
  const { held, charged } = full();
  held.count(10, 100);
  held.count(10, 100);
  held.count(10);
  held.count(30);
  held.count(30, 40);
  held.count(5, 50);
  held.count(0, 0);
  assertEquals(charged, [110, 20, -60, -15, -55]);
});
