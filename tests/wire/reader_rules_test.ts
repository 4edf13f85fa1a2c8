// What Reader says is wrong with bytes that do not hold a field: the rule that they break, and where.

import { assertEquals, assertThrows } from "@std/assert";
import { MalformedPacketError } from "../../mod.ts";
import { INCOMPLETE, Reader } from "../../src/wire/reader.ts";
import { bytesOf } from "../hex.ts";

const FIELD = { key: "field", name: "Field", section: "1.5" };

/** What is read, from which bytes behind one that is not its own, and the rule with the place. */
const RULES: [read: (reader: Reader) => unknown, hex: string, rule: string, offset: number][] = [
  [(reader) => reader.byte(FIELD), "", "is missing", 1],
  [(reader) => reader.twoByteInteger(FIELD), "", "is missing", 1],
  [(reader) => reader.twoByteInteger(FIELD), "01", "needs 2 bytes, but only one is left", 1],
  [(reader) => reader.fourByteInteger(FIELD), "0102", "needs 4 bytes, but only 2 are left", 1],
  [(reader) => reader.fourByteInteger(FIELD), "010203", "needs 4 bytes, but only 3 are left", 1],
  [(reader) => reader.variableByteInteger(FIELD), "", "is missing", 1],
  [(reader) => reader.variableByteInteger(FIELD), "80", "ends in the middle", 1],
  [(reader) => reader.variableByteInteger(FIELD), "FFFFFF", "ends in the middle", 1],
  [
    (reader) => reader.variableByteInteger(FIELD),
    "8000",
    "is not in its shortest form [MQTT-1.5.5-1]",
    1,
  ],
  [(reader) => reader.variableByteInteger(FIELD), "FFFFFF80", "is longer than four bytes", 1],
  [(reader) => reader.utf8String(FIELD), "", "is missing", 1],
  [(reader) => reader.utf8String(FIELD), "00", "needs 2 bytes, but only one is left", 1],
  [(reader) => reader.utf8String(FIELD), "0003 6161", "needs 5 bytes, but only 4 are left", 1],
  [(reader) => reader.utf8String(FIELD), "0001 00", "contains U+0000 [MQTT-1.5.4-2]", 1],
  [(reader) => reader.utf8String(FIELD), "0001 80", "is not well-formed UTF-8 [MQTT-1.5.4-1]", 1],
  [(reader) => reader.utf8StringPair(FIELD), "0001 61", "is missing", 4],
  [(reader) => reader.binaryData(FIELD), "0001", "needs 3 bytes, but only 2 are left", 1],
];

for (const [read, hex, rule, offset] of RULES) {
  Deno.test(`Reader says of ${read.toString().match(/reader\.(\w+)/)![1]}() of ${hex || "nothing"} that it ${rule}`, () => {
    const reader = new Reader();
    const bytes = bytesOf(`AA ${hex} ${"00".repeat(16)}`);
    reader.pointTo(bytes, 1, 1 + bytesOf(hex).length);
    const error = assertThrows(() => read(reader), MalformedPacketError);
    // Places are counted from the first byte that was pointed to.
    assertEquals([error.rule, error.offset], [rule, offset - 1]);
  });
}

Deno.test("Reader waits for the rest of a Variable Byte Integer, with nothing consumed", () => {
  const reader = new Reader();
  reader.pointTo(bytesOf("FFFF"), 0, 2);
  const value = reader.variableByteIntegerIfWhole(FIELD);
  assertEquals([value, reader.remaining], [INCOMPLETE, 2]);
});
