// What every byte of a packet means. A reader that takes notes decodes the packet: there is no
// second description of any packet here, and a fault is explained up to the byte where the decoder
// stops.

import { MalformedPacketError, PacketError } from "../errors.ts";
import { checkBytes } from "../wire/checks.ts";
import { type Field, getBits } from "../wire/field.ts";
import {
  checkProtocolVersion,
  PROTOCOL_VERSIONS,
  type ProtocolVersion,
} from "../wire/protocol_version.ts";
import { INCOMPLETE, Reader } from "../wire/reader.ts";
import { inWordsOf, type Packet, readBody } from "./codec.ts";
import type { DecoderOptions } from "./decoder.ts";
import { BYTES, readFixedHeader, refuseLength } from "./fixed_header.ts";
import { inOlderWords } from "./older_versions.ts";

/**
 * How a field is encoded (§1.5); `rest` is a payload, which has no length of its own, and `leftOut`
 * a field before which the packet ends, with the value that this means (§3.4.2.1).
 */
export type FieldEncoding =
  | "byte"
  | "twoByteInteger"
  | "fourByteInteger"
  | "variableByteInteger"
  | "utf8String"
  | "binaryData"
  | "rest"
  | "leftOut";

/** One field of a packet, explained. */
export interface ExplainedField {
  /** Its name in the standard, such as `"Keep Alive"`. */
  readonly name: string;
  /** The section of the standard that defines it, such as `"3.1.2.10"`. */
  readonly section: string;
  /** Where it begins, in bytes from the first byte of the packet. */
  readonly offset: number;
  /** How many bytes it takes, its own length included. */
  readonly length: number;
  /** How it is encoded. */
  readonly encoding: FieldEncoding;
  /** Its value. */
  readonly value: number | boolean | string | Uint8Array;
  /** Whether the value is a code, written in hexadecimal in the tables of the standard. */
  readonly isCode: boolean;
  /** What the value means, where there is more to say than the value. */
  readonly meaning: string | undefined;
  /** Of a byte made of bits: its parts, the highest bits first. */
  readonly bits: readonly ExplainedBits[];
}

/** Some bits of a byte, explained. */
export interface ExplainedBits {
  /** Their name in the standard, such as `"Will QoS"`. */
  readonly name: string;
  /** The section of the standard that defines them. */
  readonly section: string;
  /** Which bits of the byte. */
  readonly mask: number;
  /** Their value, shifted down to bit 0. */
  readonly value: number;
  /** What the value means, where there is more to say than the value. */
  readonly meaning: string | undefined;
}

/** A packet, explained byte by byte. */
export interface Explanation {
  /**
   * The packet's name in the standard, such as `"CONNECT"`, or `"Packet"` when its first byte is
   * none of a packet.
   */
  readonly packetType: string;
  /** The section of the standard that describes the packet, such as `"3.1"`. */
  readonly section: string;
  /** The version of MQTT by which it is explained: 5, 4 for 3.1.1 or 3 for 3.1. */
  readonly protocolVersion: ProtocolVersion;
  /** The bytes of the packet, as many as there are. */
  readonly bytes: Uint8Array;
  /** Its fields in their order, up to the fault if there is one. */
  readonly fields: readonly ExplainedField[];
  /** The packet, if there is no fault. */
  readonly packet: Packet | undefined;
  /** What is wrong. */
  readonly fault: PacketError | undefined;
}

/**
 * Explains the packet at the beginning of `bytes`: every field with its place, its value, its
 * meaning and its section of the standard. It never throws for what the bytes are: of a broken
 * packet it explains all up to the fault.
 *
 * @example
 * ```ts
 * import { explainPacket } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * const { fields } = explainPacket(new Uint8Array([0x40, 0x03, 0x00, 0x01, 0x10]));
 * assertEquals(fields[3], {
 *   name: "PUBACK Reason Code",
 *   section: "3.4.2.1",
 *   offset: 4,
 *   length: 1,
 *   encoding: "byte",
 *   value: 0x10,
 *   isCode: true,
 *   meaning: "No matching subscribers (accepted, but nobody has subscribed to the topic)",
 *   bits: [],
 * });
 * ```
 */
export function explainPacket(
  bytes: Uint8Array,
  options: DecoderOptions = {},
): Explanation {
  checkBytes(BYTES, bytes);
  const { protocolVersion = 5 } = options;
  checkProtocolVersion(protocolVersion);
  const explanation = explain(bytes, options, protocolVersion);
  // A CONNECT has told its version when its first fields were explained.
  return explanation.protocolVersion === protocolVersion
    ? explanation
    : explain(bytes, options, explanation.protocolVersion);
}

function explain(
  bytes: Uint8Array,
  { maximumPacketSize = Infinity, acceptedVersions = PROTOCOL_VERSIONS }: DecoderOptions,
  version: ProtocolVersion,
): Explanation {
  const reader = new ExplainingReader(version);
  reader.acceptedVersions = acceptedVersions;
  reader.pointTo(bytes);
  let packet: Packet | undefined;
  let end = bytes.length;
  const fault = faultOf(() => {
    const remainingLength = readFixedHeader(reader, maximumPacketSize);
    const present = reader.remaining;
    if (remainingLength === INCOMPLETE) refuseLength(reader, remainingLength, present);
    end = reader.end = reader.offset + Math.min(remainingLength, present);
    if (remainingLength <= present) packet = readBody(reader, bytes[0]!);
    else refuseCut(reader, bytes[0]!, remainingLength, present);
  });
  const { packetType, fields, protocolVersion } = reader;
  const number = (bytes[0] ?? 0) >> 4;
  const isOlder = version < 5;
  const section = number === 0 || isOlder && number === 15
    ? isOlder ? "2.2.1" : "2.1.2"
    : `3.${number}`;
  return {
    ...{ packetType, section, protocolVersion, bytes: bytes.subarray(0, end), fields, packet },
    fault: fault && inWordsOf(version, fault) as PacketError,
  };
}

/**
 * Reads what there is of a packet. What is missing is the fault, unless there is another before it.
 */
function refuseCut(
  reader: ExplainingReader,
  firstByte: number,
  remainingLength: number,
  present: number,
): never {
  reader.isCut = true;
  const fault = faultOf(() => readBody(reader, firstByte));
  // At the end of the bytes anything may seem wrong that the missing ones would put right.
  const isReal = fault !== undefined &&
    (fault instanceof MalformedPacketError || reader.remaining > 0);
  if (isReal) throw fault;
  return refuseLength(reader, remainingLength, present);
}

/** The fault with which a call ends, if it does. */
function faultOf(call: () => void): PacketError | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (error instanceof PacketError) return error;
    throw error;
  }
}

class ExplainingReader extends Reader {
  readonly fields: ExplainedField[] = [];
  /** Whether the bytes end before the packet does: then nothing is known to be left out. */
  isCut = false;
  readonly #isOlder: boolean;

  /** Explains by the text of this version. */
  constructor(version: ProtocolVersion) {
    super();
    this.protocolVersion = version;
    this.#isOlder = version < 5;
  }

  override byte(field: Field<number>): number {
    return this.#note(field, "byte", super.byte(field));
  }

  override boolean(field: Field<boolean>): boolean {
    return this.#note(field, "byte", super.boolean(field));
  }

  override twoByteInteger(field: Field<number>): number {
    return this.#note(field, "twoByteInteger", super.twoByteInteger(field));
  }

  override fourByteInteger(field: Field<number>): number {
    return this.#note(field, "fourByteInteger", super.fourByteInteger(field));
  }

  override variableByteIntegerIfWhole(field: Field<number>): number {
    const value = super.variableByteIntegerIfWhole(field);
    return value === INCOMPLETE ? value : this.#note(field, "variableByteInteger", value);
  }

  override utf8String(field: Field<string>): string {
    return this.#note(field, "utf8String", super.utf8String(field));
  }

  override utf8StringPair(field: Field): [string, string] {
    const name = super.utf8String(field);
    this.#note({ ...field, name: `${field.name} name` }, "utf8String", name);
    const value = super.utf8String(field);
    this.#note({ ...field, name: `${field.name} value` }, "utf8String", value);
    return [name, value];
  }

  override binaryData(field: Field<Uint8Array>): Uint8Array<ArrayBuffer> {
    const value = super.binaryData(field);
    this.#note(field, "binaryData", value);
    return value;
  }

  override rest(field: Field<Uint8Array>): Uint8Array<ArrayBuffer> {
    const value = super.rest(field);
    this.#note(field, "rest", value);
    return value;
  }

  override leftOut(field: Field<number>, value: number): number {
    super.leftOut(field, value);
    return this.isCut ? value : this.#note(field, "leftOut", value);
  }

  #note<Value extends ExplainedField["value"]>(
    field: Field<Value>,
    encoding: FieldEncoding,
    value: Value,
  ): Value {
    const offset = this.fieldPosition;
    const named = this.#isOlder ? inOlderWords(field) : field;
    this.fields.push({
      name: named.name,
      section: named.section,
      offset,
      length: this.position - offset,
      encoding,
      value,
      isCode: field.isCode ?? false,
      meaning: field.means?.(value),
      bits: (field.bits ?? []).map((bits) => {
        const part = getBits(value as number, bits);
        const { mask } = bits;
        const { name, section } = this.#isOlder ? inOlderWords(bits) : bits;
        return { name, section, mask, value: part, meaning: bits.means?.(part) };
      }),
    });
    return value;
  }
}
