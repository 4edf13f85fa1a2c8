// What Utf8Decoder remembers of a string is that string: its own bytes, whatever lies around them.

import { assertStrictEquals } from "@std/assert";
import { MEMORY_FROM, Utf8Decoder } from "../../src/wire/utf8.ts";

const encoder = new TextEncoder();

function decode(decoder: Utf8Decoder, ...parts: readonly string[]): string | undefined {
  const before = encoder.encode(parts.slice(0, -1).join(""));
  const own = encoder.encode(parts.at(-1));
  const bytes = new Uint8Array([...before, ...own]);
  return decoder.decode(bytes, before.length, bytes.length);
}

Deno.test("Utf8Decoder remembers the bytes of a string, not those around it", () => {
  const string = "x".repeat(64);
  // The same at all places that say where a string is remembered.
  const other = `xy${"x".repeat(62)}`;
  const mirrored = [...other].toReversed().join("").slice(0, 63);
  for (const before of [mirrored, other, `${other}x`, ""]) {
    const decoder = new Utf8Decoder();
    for (let count = 0; count <= MEMORY_FROM; count++) decode(decoder, "warm");
    for (let count = 0; count < 2; count++) {
      assertStrictEquals(decode(decoder, before, string), string);
      assertStrictEquals(decode(decoder, other), other);
    }
  }
});

Deno.test("Utf8Decoder gives back a string however long, at whatever place, however often", () => {
  const decoder = new Utf8Decoder();
  for (let count = 0; count <= MEMORY_FROM; count++) decode(decoder, "warm");
  for (let length = 0; length <= 100; length++) {
    const texts = ["a".repeat(length), "b".repeat(length), "é".repeat(length >> 1)];
    for (let count = 0; count < 3; count++) {
      for (const text of texts) {
        assertStrictEquals(decode(decoder, "z".repeat(count), text), text);
      }
    }
  }
});
