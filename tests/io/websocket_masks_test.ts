// Masks go on four bytes at a time: wherever the bytes lie, however many they are, and wherever in
// the mask they begin.

import { assertEquals } from "@std/assert";
import { applyMask, wordsOf } from "../../src/io/websocket_masks.ts";

Deno.test("A mask goes on the bytes that it is for, wherever they lie", () => {
  const buffer = new ArrayBuffer(103);
  const mask = Uint8Array.of(0x12, 0xff, 0x80, 0x9a);
  for (let offset = 0; offset < 8; offset++) {
    for (let start = 0; start < 5; start++) {
      for (let length = 0; length < 90 - start; length++) {
        const all = new Uint8Array(buffer);
        all.fill(7);
        const bytes = all.subarray(offset);
        const number = new DataView(mask.buffer).getUint32(0, true);
        const end = start + length;
        const rest = applyMask(bytes, start, end, number, wordsOf(bytes));
        // The mask goes on behind the bytes where it has ended with them.
        applyMask(bytes, end, end + 1, rest, wordsOf(bytes));
        const expected = new Uint8Array(bytes.length).fill(7);
        for (let at = 0; at <= length; at++) expected[start + at] = 7 ^ mask[at % 4]!;
        assertEquals(bytes, expected, `${length} bytes from ${start} at ${offset}`);
        assertEquals(all.subarray(0, offset), new Uint8Array(offset).fill(7));
      }
    }
  }
});
