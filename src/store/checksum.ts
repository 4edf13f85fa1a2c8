// A checksum for each row. SQLite detects a page with a broken structure, but not a bit that has
// flipped within a value, so a message could be delivered with a payload that was never published.
// CRC-32 detects every single flipped bit, and costs a few nanoseconds per byte.

import type { SqlValue } from "./sqlite.ts";

/**
 * The CRC-32 of values, in their order. It can be continued: `checksum([b], checksum([a]))` equals
 * `checksum([a, b])`.
 */
export function checksum(values: readonly SqlValue[], before = 0): number {
  let crc = ~before;
  for (const value of values) crc = addValue(crc, value);
  return ~crc >>> 0;
}

/** Type and length come first, so that no two different lists of values have the same bytes. */
function addValue(crc: number, value: SqlValue): number {
  if (value === null) return addByte(crc, 0);
  if (typeof value === "string") {
    crc = addInteger(addByte(crc, 1), value.length);
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index);
      crc = addByte(addByte(crc, unit & 0xff), unit >>> 8);
    }
    return crc;
  }
  if (value instanceof Uint8Array) {
    return addBytes(addInteger(addByte(crc, 2), value.length), value);
  }
  return addNumber(addByte(crc, 3), Number(value));
}

/**
 * SQLite may store a REAL without a fraction as an integer and return it as one, so only the value
 * counts.
 */
function addNumber(crc: number, value: number): number {
  if (value === (value | 0)) return addInteger(crc, value);
  return addBytes(crc, new Uint8Array(Float64Array.of(value).buffer));
}

function addInteger(crc: number, value: number): number {
  for (let shift = 0; shift < 32; shift += 8) crc = addByte(crc, value >>> shift & 0xff);
  return crc;
}

function addByte(crc: number, byte: number): number {
  return TABLE[(crc ^ byte) & 0xff]! ^ crc >>> 8;
}

/** Four bytes at a time, with a table for each of them ("slicing by 4"). */
function addBytes(crc: number, bytes: Uint8Array): number {
  const whole = bytes.length & ~3;
  let index = 0;
  for (; index < whole; index += 4) {
    crc ^= bytes[index]! | bytes[index + 1]! << 8 | bytes[index + 2]! << 16 |
      bytes[index + 3]! << 24;
    crc = TABLES[768 + (crc & 0xff)]! ^ TABLES[512 + (crc >>> 8 & 0xff)]! ^
      TABLES[256 + (crc >>> 16 & 0xff)]! ^ TABLES[crc >>> 24]!;
  }
  for (; index < bytes.length; index++) crc = addByte(crc, bytes[index]!);
  return crc;
}

/** The tables for a byte that is followed by 0, 1, 2 and 3 others. */
const TABLES = tables();
const TABLE = TABLES.subarray(0, 256);

function tables(): Int32Array {
  const tables = new Int32Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0xedb8_8320 : crc >>> 1;
    tables[byte] = crc;
  }
  for (let index = 256; index < tables.length; index++) {
    const before = tables[index - 256]!;
    tables[index] = tables[before & 0xff]! ^ before >>> 8;
  }
  return tables;
}
