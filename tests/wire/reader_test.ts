// Reader on its own: the primitive types of §1.5, and the end that nothing is read past.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { MalformedPacketError, PacketError, ProtocolError } from "../../mod.ts";
import { Reader } from "../../src/wire/reader.ts";
import { bytesOf, hexOf } from "../hex.ts";

const FIELD = { key: "field", name: "Field", section: "1.5" };

Deno.test("Reader reads every primitive type, the high byte first", () => {
  const reader = readerOf("FF 0102 FFFF 01020304 FFFFFFFF 0002 C3A9 0000 0001 00 01");
  assertStrictEquals(reader.byte(FIELD), 0xff);
  assertStrictEquals(reader.twoByteInteger(FIELD), 0x0102);
  assertStrictEquals(reader.twoByteInteger(FIELD), 65_535);
  assertStrictEquals(reader.fourByteInteger(FIELD), 0x01020304);
  assertStrictEquals(reader.fourByteInteger(FIELD), 4_294_967_295);
  assertEquals(reader.utf8StringPair(FIELD), ["é", ""]);
  assertStrictEquals(hexOf(reader.binaryData(FIELD)), "00");
  assertStrictEquals(reader.boolean(FIELD), true);
  assertStrictEquals(reader.remaining, 0);
  assertStrictEquals(hexOf(reader.rest(FIELD)), "");
});

Deno.test("Reader refuses every primitive type that does not fit, and says where it begins", () => {
  const reads: [hex: string, read: (reader: Reader) => unknown][] = [
    ["", (reader) => reader.byte(FIELD)],
    ["", (reader) => reader.boolean(FIELD)],
    ["01", (reader) => reader.twoByteInteger(FIELD)],
    ["010203", (reader) => reader.fourByteInteger(FIELD)],
    ["80", (reader) => reader.variableByteInteger(FIELD)],
    ["00", (reader) => reader.utf8String(FIELD)],
    ["0002 61", (reader) => reader.utf8String(FIELD)],
    ["FFFF 61", (reader) => reader.binaryData(FIELD)],
    ["00", (reader) => reader.binaryData(FIELD)],
  ];
  for (const [hex, read] of reads) {
    const reader = new Reader();
    // More follows behind the end, enough for any of them.
    const bytes = bytesOf(`AAAA BB ${hex} ${"00".repeat(70_000)}`);
    reader.pointTo(bytes, 2, 3 + bytesOf(hex).length);
    reader.byte(FIELD);
    const error: PacketError = assertThrows(() => read(reader), MalformedPacketError);
    assertStrictEquals(error.offset, 1, hex);
    assertStrictEquals(error.field, "Field");
  }
});

Deno.test("Reader takes a byte for a boolean only when it is 0 or 1", () => {
  assertStrictEquals(readerOf("00").boolean(FIELD), false);
  for (const hex of ["02", "80", "FF"]) {
    assertThrows(() => readerOf(hex).boolean(FIELD), ProtocolError, "neither 0 nor 1");
  }
});

Deno.test("Reader gives bytes as views of what it reads", () => {
  const bytes = bytesOf("0002 0102 0304");
  const reader = new Reader();
  reader.pointTo(bytes);
  const data = reader.binaryData(FIELD);
  const rest = reader.rest(FIELD);
  bytes.fill(0xff);
  assertEquals([hexOf(data), hexOf(rest)], ["FFFF", "FFFF"]);
});

Deno.test("Reader begins again wherever it is pointed to", () => {
  const reader = new Reader();
  const bytes = bytesOf("01 02 03 04");
  for (let start = 0; start < 4; start++) {
    reader.pointTo(bytes, start);
    assertStrictEquals(reader.position, 0);
    assertStrictEquals(reader.remaining, 4 - start);
    assertStrictEquals(reader.peek(), start + 1);
    assertStrictEquals(reader.byte(FIELD), start + 1);
    assertStrictEquals(reader.position, 1);
    assertStrictEquals(reader.fieldPosition, 0);
  }
});

Deno.test("A fault says which packet, which field, where, which rule and which section", () => {
  const reader = readerOf("02");
  reader.packetType = "CONNECT";
  const error: PacketError = assertThrows(() => reader.boolean(FIELD), PacketError);
  assertStrictEquals(error.message, "CONNECT Field at byte 0 is 2, neither 0 nor 1 (§1.5)");
  assertStrictEquals(error.name, "ProtocolError");
  assertStrictEquals(error.reasonCode, 0x82);
});

function readerOf(hex: string): Reader {
  const reader = new Reader();
  reader.pointTo(bytesOf(hex));
  return reader;
}
