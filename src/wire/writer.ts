// §1.5 Data representation, writing side: one buffer that grows, with packets one after the other.
// A length is written after what it counts: a hole is left for it and filled in later. Every write
// names the field, so that a value that may not be sent is refused with that name.

import { PacketTooLargeError } from "../errors.ts";
import { checkBytes, checkInteger, forbidden, tooLong, wrongType } from "./checks.ts";
import type { Field } from "./field.ts";
import type { ProtocolVersion } from "./protocol_version.ts";
import { encodeAscii, encodeUtf8, MEMORY_FROM, textFault, utf8Length, Utf8Memory } from "./utf8.ts";

/** The largest value of a Variable Byte Integer (§1.5.5). */
export const MAXIMUM_VARIABLE_BYTE_INTEGER = 268_435_455;

const NO_ROOM = new Uint8Array(0);

/**
 * A growing buffer for packets. Give it to `writePacket()` for one packet after the other, send
 * {@linkcode Writer.bytes}, then {@linkcode Writer.clear} it.
 */
export class Writer {
  /** The version that packets are written by. */
  protocolVersion: ProtocolVersion = 5;
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  #recurring = 0;
  #memory: Utf8Memory | undefined;

  /** Makes a buffer of `capacity` bytes, which grows when it must. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** How many bytes have been written. */
  get length(): number {
    return this.#length;
  }

  /** How many bytes the buffer has, written or not. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** What has been written: a view, valid until the next write. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /**
   * What has been written, in a buffer of its own of exactly that size. The writer begins anew with
   * none.
   */
  finish(): Uint8Array<ArrayBuffer> {
    const bytes = this.#length === this.#bytes.length ? this.#bytes : this.bytes().slice();
    this.#bytes = NO_ROOM;
    this.#length = 0;
    return bytes;
  }

  /** Forgets all that was written and keeps the buffer. */
  clear(): void {
    this.#length = 0;
  }

  /** Forgets all that was written after the first `length` bytes, if there are more. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** One byte (§1.5.1), which the caller knows to be one. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Two bytes, the high one first (§1.5.2). */
  twoByteInteger(field: Field<number>, value: number): void {
    checkInteger(field, value, 0, 65_535);
    this.#reserve(2);
    this.#twoBytes(value);
  }

  /** Four bytes, the highest first (§1.5.3). */
  fourByteInteger(field: Field<number>, value: number): void {
    checkInteger(field, value, 0, 4_294_967_295);
    this.#reserve(4);
    this.#twoBytes(value >>> 16);
    this.#twoBytes(value & 0xffff);
  }

  /** One to four bytes, as few as the value needs (§1.5.5) [MQTT-1.5.5-1]. */
  variableByteInteger(field: Field<number>, value: number): void {
    checkInteger(field, value, 0, MAXIMUM_VARIABLE_BYTE_INTEGER);
    this.#reserve(4);
    this.#length = this.#variableByteInteger(this.#length, value);
  }

  /** Text, after its length in bytes (§1.5.4). */
  utf8String(field: Field<string>, text: string): void {
    if (typeof text !== "string") throw wrongType(field, text, "a string");
    const length = text.length;
    if (length > 65_535) throw tooLong(field, utf8Length(text));
    this.#reserve(2 + length);
    const start = this.#length + 2;
    const size = encodeAscii(text, this.#bytes, start) ? length : this.#utf8(field, text, start);
    this.#twoBytes(size);
    this.#length += size;
  }

  /**
   * Likewise, for text that comes again and again, such as a Topic Name: known text is neither
   * checked nor encoded anew. `faultOf` says what else keeps text from being sent, always the same
   * for one writer.
   */
  recurringString(
    field: Field<string>,
    text: string,
    faultOf: (text: string) => string | undefined,
  ): void {
    if (typeof text !== "string") throw wrongType(field, text, "a string");
    const known = this.#memory?.find(text);
    if (known !== undefined) {
      this.#reserve(2 + known.length);
      this.#twoBytes(known.length);
      this.rawBytes(known);
      return;
    }
    const start = this.#length + 2;
    this.utf8String(field, text);
    const fault = faultOf(text);
    if (fault !== undefined) throw forbidden(field, fault);
    if (this.#memory !== undefined) {
      this.#memory.note(text, this.#bytes, start, this.#length);
    } else if (++this.#recurring === MEMORY_FROM) this.#memory = new Utf8Memory();
  }

  /** A name and a value, each a string (§1.5.7). */
  utf8StringPair(field: Field, pair: readonly [string, string]): void {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw wrongType(field, pair, "a pair of strings, [name, value]");
    }
    this.utf8String(field, pair[0]);
    this.utf8String(field, pair[1]);
  }

  /** Bytes, after their number (§1.5.6). */
  binaryData(field: Field<Uint8Array>, data: Uint8Array): void {
    checkBytes(field, data);
    if (data.length > 65_535) throw tooLong(field, data.length);
    this.#reserve(2 + data.length);
    this.#twoBytes(data.length);
    this.rawBytes(data);
  }

  /** Bytes as they are. */
  rawBytes(data: Uint8Array): void {
    this.#reserve(data.length);
    this.#bytes.set(data, this.#length);
    this.#length += data.length;
  }

  /**
   * Leaves a hole for the length, a Variable Byte Integer, of what is written next. Give what this
   * returns to {@linkcode Writer.closeLength}.
   */
  openLength(): number {
    this.#reserve(1);
    return this.#length++;
  }

  /** Fills the hole with the number of bytes written since, and of `more` that are to follow. */
  closeLength(field: Field<number>, hole: number, more = 0): void {
    const written = this.#length - hole - 1;
    const value = written + more;
    if (value >= 0x80) {
      if (value > MAXIMUM_VARIABLE_BYTE_INTEGER) {
        const excess = `${value}, the most is ${MAXIMUM_VARIABLE_BYTE_INTEGER}`;
        throw new PacketTooLargeError(`The packet is too large: ${field.name} would be ${excess}`);
      }
      const size = value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
      this.#reserve(size - 1);
      this.#bytes.copyWithin(hole + size, hole + 1, this.#length);
      this.#length += size - 1;
    }
    this.#variableByteInteger(hole, value);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed > this.#bytes.length) this.#grow(needed);
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.bytes());
    this.#bytes = larger;
  }

  #twoBytes(value: number): void {
    this.#bytes[this.#length] = value >>> 8;
    this.#bytes[this.#length + 1] = value;
    this.#length += 2;
  }

  /** Writes at `offset` and returns the offset after it. */
  #variableByteInteger(offset: number, value: number): number {
    while (value >= 0x80) {
      this.#bytes[offset++] = value | 0x80;
      value >>>= 7;
    }
    this.#bytes[offset++] = value;
    return offset;
  }

  #utf8(field: Field<string>, text: string, start: number): number {
    const fault = textFault(text);
    if (fault !== undefined) throw forbidden(field, fault);
    this.#reserve(2 + text.length * 3);
    const size = encodeUtf8(text, this.#bytes.subarray(start));
    if (size > 65_535) throw tooLong(field, size);
    return size;
  }
}
