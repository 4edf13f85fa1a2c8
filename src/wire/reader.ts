// §1.5 Data representation, reading side: a cursor over the bytes of one packet, which never looks
// past their end. Every read names the field that it reads, so that a fault can say what is broken
// and where. Re-pointed from packet to packet, never re-created.

import { MalformedPacketError, ProtocolError } from "../errors.ts";
import type { Field } from "./field.ts";
import { PROTOCOL_VERSIONS, type ProtocolVersion } from "./protocol_version.ts";
import { Utf8Decoder, utf8Fault } from "./utf8.ts";

/** No bytes at all. */
export const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** What {@linkcode Reader.variableByteIntegerIfWhole} gives when the bytes end too early. */
export const INCOMPLETE = -1;

/** What is wrong with a Variable Byte Integer that has more bytes than it needs. */
export const NOT_SHORTEST = "is not in its shortest form [MQTT-1.5.5-1]";

/** A bounds-checked cursor over bytes. */
export class Reader {
  /** The packet being read as the standard names it, for error messages. */
  packetType = "Packet";
  /** The most Topic Filters that one packet may have. */
  mostFilters = Infinity;
  /** The most User Properties that one packet may have, or its Will. */
  mostUserProperties = Infinity;
  /** Whether a Response Topic is passed on that is not a Topic Name. */
  passesResponseTopics = false;
  /** The version that packets are read by; a CONNECT tells that of what follows it. */
  protocolVersion: ProtocolVersion = 5;
  /** The versions that a CONNECT may have. */
  acceptedVersions: readonly ProtocolVersion[] = PROTOCOL_VERSIONS;
  /** Whether the Remaining Length of a CONNECT was longer than it need be. */
  hasLongLength = false;
  /** The index of the next byte to read. */
  offset = 0;
  /** Nothing is read at or after this index. */
  end = 0;

  #bytes: Uint8Array = NO_BYTES;
  #packetStart = 0;
  #fieldStart = 0;
  readonly #strings = new Utf8Decoder();

  /** Starts on the packet that begins at `start`; nothing at or after `end` is read. */
  pointTo(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.#bytes = bytes;
    this.#packetStart = start;
    this.#fieldStart = start;
    this.offset = start;
    this.end = end;
  }

  /** How many bytes are left to read. */
  get remaining(): number {
    return this.end - this.offset;
  }

  /** Where the next field begins, in bytes from the first byte of the packet. */
  get position(): number {
    return this.offset - this.#packetStart;
  }

  /** Where the field read last begins, in bytes from the first byte of the packet. */
  get fieldPosition(): number {
    return this.#fieldStart - this.#packetStart;
  }

  /** The next byte, not consumed. There must be one. */
  peek(): number {
    return this.#bytes[this.offset]!;
  }

  /** One byte (§1.5.1). */
  byte(field: Field<number>): number {
    this.#need(1, field);
    return this.#bytes[this.offset++]!;
  }

  /** One byte that must be 0 or 1. */
  boolean(field: Field<boolean>): boolean {
    this.#need(1, field);
    const value = this.#bytes[this.offset++]!;
    if (value > 1) this.notAllowed(field, `is ${value}, neither 0 nor 1`);
    return value === 1;
  }

  /** Two bytes, the high one first (§1.5.2). */
  twoByteInteger(field: Field<number>): number {
    this.#need(2, field);
    return this.#twoBytes();
  }

  /** Four bytes, the highest first (§1.5.3). */
  fourByteInteger(field: Field<number>): number {
    this.#need(4, field);
    return this.#twoBytes() * 0x1_0000 + this.#twoBytes();
  }

  /**
   * One to four bytes of seven bits each, the low ones first, as few as the value needs (§1.5.5).
   */
  variableByteInteger(field: Field<number>): number {
    const value = this.variableByteIntegerIfWhole(field);
    if (value === INCOMPLETE) {
      this.malformed(field, this.remaining === 0 ? "is missing" : "ends in the middle");
    }
    return value;
  }

  /**
   * Likewise, but {@linkcode INCOMPLETE}, with nothing consumed, when the bytes end before the
   * integer does.
   */
  variableByteIntegerIfWhole(field: Field<number>): number {
    const start = this.#fieldStart = this.offset;
    let value = 0;
    for (let shift = 0; this.offset < this.end; shift += 7) {
      const byte = this.#bytes[this.offset++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) this.#refuseLong(field);
        return value;
      }
      if (shift === 21) this.malformed(field, "is longer than four bytes");
    }
    this.offset = start;
    return INCOMPLETE;
  }

  /** Text, after its length in bytes (§1.5.4). */
  utf8String(field: Field<string>): string {
    const length = this.#length(field);
    const start = this.offset;
    const end = this.offset = start + length;
    const text = this.#strings.decode(this.#bytes, start, end);
    if (text === undefined) this.malformed(field, utf8Fault(this.#bytes, start, end));
    return text;
  }

  /** A name and a value, each a string (§1.5.7). */
  utf8StringPair(field: Field): [string, string] {
    return [this.utf8String(field), this.utf8String(field)];
  }

  /** Bytes, after their number (§1.5.6): a view of the bytes read from, not a copy. */
  binaryData(field: Field<Uint8Array>): Uint8Array<ArrayBuffer> {
    return this.#view(this.#length(field));
  }

  /** All bytes that are left: a view of the bytes read from, not a copy. */
  rest(_field: Field<Uint8Array>): Uint8Array<ArrayBuffer> {
    this.#fieldStart = this.offset;
    return this.#view(this.remaining);
  }

  /** Says that the packet ends before a field, which then has this value. */
  leftOut(_field: Field<number>, value: number): number {
    this.#fieldStart = this.offset;
    return value;
  }

  /**
   * Refuses the bytes as a Malformed Packet. `rule` says what the field does or has: "is 0".
   */
  malformed(field: Field<never>, rule: string, offset: number = this.fieldPosition): never {
    throw new MalformedPacketError(this.#fault(field, rule, offset));
  }

  /** Refuses the packet with `reasonCode`, Protocol Error by default. */
  notAllowed(
    field: Field<never>,
    rule: string,
    reasonCode?: number,
    offset: number = this.fieldPosition,
    protocolVersion?: number,
  ): never {
    throw new ProtocolError({ ...this.#fault(field, rule, offset), protocolVersion }, reasonCode);
  }

  #fault({ name, section }: Field<never>, rule: string, offset: number) {
    return { packetType: this.packetType, field: name, offset, rule, section };
  }

  /**
   * MQTT 3.1.1 has no such rule. Whether it is for CONNECT is not known yet where its Remaining
   * Length is read, at byte 1.
   */
  #refuseLong(field: Field<never>): void {
    if (this.protocolVersion < 5) return;
    this.hasLongLength = this.packetType === "CONNECT" && this.fieldPosition === 1;
    if (!this.hasLongLength) this.malformed(field, NOT_SHORTEST);
  }

  #need(count: number, field: Field<never>): void {
    this.#fieldStart = this.offset;
    if (this.end - this.offset < count) this.#tooShort(count, field);
  }

  #tooShort(count: number, field: Field<never>): never {
    const left = this.remaining;
    this.malformed(
      field,
      left === 0
        ? "is missing"
        : `needs ${count} bytes, but ${left === 1 ? "only one is" : `only ${left} are`} left`,
    );
  }

  #twoBytes(): number {
    const high = this.#bytes[this.offset]!;
    const low = this.#bytes[this.offset + 1]!;
    this.offset += 2;
    return high << 8 | low;
  }

  #length(field: Field<never>): number {
    this.#need(2, field);
    const length = this.#twoBytes();
    if (length > this.end - this.offset) {
      this.offset -= 2;
      this.#tooShort(2 + length, field);
    }
    return length;
  }

  #view(length: number): Uint8Array<ArrayBuffer> {
    const start = this.offset;
    this.offset += length;
    // The one place that says so, for `new Response(payload)` and `new Blob([payload])` take
    // nothing wider. It is true of all that a socket gives; of bytes in shared memory, which nobody
    // but a caller of the codec can have, these are views in shared memory.
    return this.#bytes.subarray(start, this.offset) as Uint8Array<ArrayBuffer>;
  }
}
