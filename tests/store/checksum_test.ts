// The checksum of a row: that of everybody else where there is one, and another one for every other row.

import { assertNotEquals, assertStrictEquals } from "@std/assert";
import { crc32 } from "node:zlib";
import { checksum } from "../../src/store/checksum.ts";
import type { SqlValue } from "../../src/store/sqlite.ts";

Deno.test("The checksum of bytes is the CRC-32 of a byte 2, their number, and them", () => {
  for (let length = 0; length < 40; length++) {
    const bytes = Uint8Array.from({ length }, (_, index) => index * 37 & 0xff);
    const all = new Uint8Array([2, length, 0, 0, 0, ...bytes]);
    assertStrictEquals(checksum([bytes]), crc32(all));
  }
});

Deno.test("A checksum can be gone on with", () => {
  const values = ["a", 1, null, new Uint8Array([1, 2]), 2 ** 40 + 0.5];
  for (let index = 0; index <= values.length; index++) {
    const first = checksum(values.slice(0, index));
    assertStrictEquals(checksum(values.slice(index), first), checksum(values));
  }
});

Deno.test("Every flipped bit of a value changes the checksum", () => {
  const bytes = Uint8Array.from({ length: 21 }, (_, index) => index);
  const before = checksum(["topic", bytes, 5]);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assertNotEquals(checksum(["topic", flipped, 5]), before);
  }
});

Deno.test("Rows that are alike but for how their values are cut have other checksums", () => {
  const rows: SqlValue[][] = [
    ...[["ab"], ["a", "b"], ["", "ab"], ["ab", null], [null, "ab"], ["ab", 0], [0, "ab"]],
    ...[[1], ["1"], [1.5], [-1], [0xffff_ffff], [new Uint8Array([1])], [], [null], [null, null]],
    ...[[""], ["\u0101"], ["\u0001\u0001"], [1, 2], [2, 1]],
  ];
  const sums = new Set(rows.map((row) => checksum(row)));
  assertStrictEquals(sums.size, rows.length);
});
