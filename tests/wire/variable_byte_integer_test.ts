// §1.5.5 Variable Byte Integer, on its own: every length of it, at both ends, in both directions.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { MalformedPacketError } from "../../mod.ts";
import { Writer } from "../../src/wire/writer.ts";
import { INCOMPLETE, Reader } from "../../src/wire/reader.ts";
import { bytesOf, hexOf } from "../hex.ts";

const FIELD = { key: "length", name: "Length", section: "1.5.5" };

for (
  const [value, hex] of [
    [0, "00"],
    [1, "01"],
    [127, "7F"],
    [128, "8001"],
    [129, "8101"],
    [321, "C102"],
    [16_383, "FF7F"],
    [16_384, "808001"],
    [2_097_151, "FFFF7F"],
    [2_097_152, "80808001"],
    [268_435_455, "FFFFFF7F"],
  ] as const
) {
  Deno.test(`A Variable Byte Integer of ${value} is ${hex}, written and read [MQTT-1.5.5-1]`, () => {
    const writer = new Writer(0);
    writer.variableByteInteger(FIELD, value);
    assertStrictEquals(hexOf(writer.bytes()), hex);
    const reader = readerOf(`${hex} FF`);
    assertStrictEquals(reader.variableByteInteger(FIELD), value);
    assertStrictEquals(reader.remaining, 1);
  });

  Deno.test(`Writer.closeLength() fills in ${value} as ${hex} [MQTT-1.5.5-1]`, () => {
    // All of it is to follow, or a part of it is there already and has to move.
    for (const present of [0, Math.min(value, 5), Math.min(value, 300)]) {
      const writer = new Writer(4);
      writer.byte(0xaa);
      const hole = writer.openLength();
      for (let count = 0; count < present; count++) writer.byte(count & 0xff);
      writer.closeLength(FIELD, hole, value - present);
      const moved = Uint8Array.from({ length: present }, (_, index) => index & 0xff);
      assertStrictEquals(hexOf(writer.bytes()), "AA" + hex + hexOf(moved));
    }
  });

  Deno.test(`A Variable Byte Integer of ${value} is incomplete at every shorter length`, () => {
    for (let length = 0; length < hex.length / 2; length++) {
      const reader = readerOf(hex.slice(0, 2 * length));
      assertStrictEquals(reader.variableByteIntegerIfWhole(FIELD), INCOMPLETE);
      assertStrictEquals(reader.offset, 0);
      assertThrows(() => reader.variableByteInteger(FIELD), MalformedPacketError, "Length");
    }
  });
}

Deno.test("Every Variable Byte Integer of up to three bytes comes back, and its bytes tell its size [MQTT-1.5.5-1]", () => {
  const reader = new Reader();
  const writer = new Writer();
  for (let value = 0; value < 2_097_152; value += value < 20_000 ? 1 : 97) {
    writer.clear();
    writer.variableByteInteger(FIELD, value);
    assertEquals(writer.length, value < 128 ? 1 : value < 16_384 ? 2 : 3);
    reader.pointTo(writer.bytes());
    if (reader.variableByteInteger(FIELD) !== value) throw new Error(`Another value than ${value}`);
  }
});

for (
  const hex of ["8000", "808000", "80808000", "8100", "FF00", "FFFF00", "FFFFFF00", "81808000"]
) {
  Deno.test(`Reader refuses ${hex}, a longer form than the value needs [MQTT-1.5.5-1]`, () => {
    assertThrows(
      () => readerOf(hex).variableByteInteger(FIELD),
      MalformedPacketError,
      "shortest form",
    );
  });
}

for (const hex of ["80808080", "8080808000", "FFFFFFFF", "FFFFFFFF7F", "8080808001"]) {
  Deno.test(`Reader refuses ${hex}, more than four bytes, at the fourth`, () => {
    const reader = readerOf(hex.slice(0, 8));
    assertThrows(
      () => reader.variableByteIntegerIfWhole(FIELD),
      MalformedPacketError,
      "four bytes",
    );
  });
}

Deno.test("Writer refuses what no Variable Byte Integer can say", () => {
  const writer = new Writer();
  for (const value of [-1, 268_435_456, 2 ** 32, 0.5, NaN, Infinity]) {
    assertThrows(() => writer.variableByteInteger(FIELD, value), RangeError, "length");
  }
  const hole = writer.openLength();
  assertThrows(() => writer.closeLength(FIELD, hole, 268_435_456), RangeError, "Length");
  writer.truncate(0);
  assertStrictEquals(writer.length, 0);
});

function readerOf(hex: string): Reader {
  const reader = new Reader();
  reader.pointTo(bytesOf(hex));
  return reader;
}
