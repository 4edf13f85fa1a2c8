// §2 MQTT Control Packet format: every packet, to bytes and from bytes. A kind of packet is a file,
// a line of Table 2-1 in packet_types.ts, and a line of the table here: the types and the dispatch
// follow from it, and the compiler names what is missing.

import { PacketError, PacketTooLargeError } from "../errors.ts";
import { checkBytes } from "../wire/checks.ts";
import { checkProtocolVersion, type ProtocolVersion } from "../wire/protocol_version.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { PUBACK, PUBCOMP, PUBREC, PUBREL } from "./ack.ts";
import { AUTH } from "./auth.ts";
import { CONNACK } from "./connack.ts";
import { CONNECT } from "./connect.ts";
import { DISCONNECT } from "./disconnect.ts";
import {
  BYTES,
  checkMaximumPacketSize,
  readFixedHeader,
  refuseExcess,
  refuseLength,
} from "./fixed_header.ts";
import { inOlderStatements } from "./older_versions.ts";
import type { PacketCodec } from "./packet.ts";
import { PACKET_TYPES, type PacketType } from "./packet_types.ts";
import { PINGREQ, PINGRESP } from "./ping.ts";
import { PROPERTIES } from "./properties.ts";
import { PUBLISH, type PublishInit, readPublish, writePublish } from "./publish.ts";
import { SUBACK, SUBSCRIBE } from "./subscribe.ts";
import { UNSUBACK, UNSUBSCRIBE } from "./unsubscribe.ts";

/** Every kind of packet. */
const PACKETS = {
  connect: CONNECT,
  connack: CONNACK,
  publish: PUBLISH,
  puback: PUBACK,
  pubrec: PUBREC,
  pubrel: PUBREL,
  pubcomp: PUBCOMP,
  subscribe: SUBSCRIBE,
  suback: SUBACK,
  unsubscribe: UNSUBSCRIBE,
  unsuback: UNSUBACK,
  pingreq: PINGREQ,
  pingresp: PINGRESP,
  disconnect: DISCONNECT,
  auth: AUTH,
} as const satisfies {
  readonly [Type in PacketType]: PacketCodec<{ readonly type: Type }, { readonly type: Type }>;
};

/** @internal */
type PacketTable = typeof PACKETS;

/** A packet as it is decoded: every field is there. */
export type Packet = ReturnType<PacketTable[PacketType]["read"]>;

/**
 * A packet to be encoded: a field with a default may be left out. Every {@linkcode Packet} is one.
 */
export type PacketInit = Parameters<PacketTable[PacketType]["write"]>[1];

/** The table without what is particular to a kind of packet. */
const CODECS: Readonly<Record<string, PacketCodec<Packet, PacketInit> | undefined>> = PACKETS;

/** What an encoder must know about the receiver. */
export interface EncodeOptions {
  /**
   * The most bytes that the receiver takes in one packet, its Maximum Packet Size (§3.1.2.11.4,
   * §3.2.2.3.6). To fit, an answer loses its User Properties, then its Reason String. Default: no
   * limit.
   */
  readonly maximumPacketSize?: number | undefined;
  /**
   * The version of MQTT that the receiver speaks: 5, 4 for 3.1.1 or 3 for 3.1. What an older one
   * has no place for, properties above all, is left out; what would mean something else without it,
   * such as No Local, is refused. A CONNECT that has a `protocolVersion` is of that. Default: 5.
   */
  readonly protocolVersion?: ProtocolVersion | undefined;
}

/** What a decoder must know that the bytes do not tell. */
export interface DecodeOptions {
  /**
   * The version of MQTT that the packet is of: 5, 4 for 3.1.1 or 3 for 3.1. A CONNECT tells by
   * itself. Default: 5.
   */
  readonly protocolVersion?: ProtocolVersion | undefined;
}

/**
 * Encodes one packet, in the shortest of its forms, into a buffer of its own.
 *
 * @throws {TypeError} when a field has the wrong type, or what the standard forbids to send
 * @throws {RangeError} when a number or a length is out of its range
 * @throws {PacketTooLargeError} when the packet is too large for the receiver, or for the standard
 *
 * @example A PUBLISH
 * ```ts
 * import { encodePacket } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodePacket({
 *   type: "publish",
 *   topic: "a",
 *   payload: new TextEncoder().encode("hi"),
 * });
 * assertEquals(bytes, new Uint8Array([0x30, 0x06, 0x00, 0x01, 0x61, 0x00, 0x68, 0x69]));
 * ```
 */
export function encodePacket(
  packet: PacketInit,
  options: EncodeOptions = {},
): Uint8Array<ArrayBuffer> {
  const writer = new Writer(expectedSize(packet));
  writePacket(writer, packet, options);
  return writer.finish();
}

/**
 * Encodes one packet behind what the writer has already. When it throws, the writer is as it was.
 *
 * @throws {TypeError} as {@linkcode encodePacket} does
 * @throws {RangeError} as {@linkcode encodePacket} does
 */
export function writePacket(
  writer: Writer,
  packet: PacketInit,
  { maximumPacketSize = Infinity, protocolVersion = 5 }: EncodeOptions = {},
): void {
  checkMaximumPacketSize(maximumPacketSize);
  if (protocolVersion !== 5) checkProtocolVersion(protocolVersion);
  writer.protocolVersion = protocolVersion;
  const start = writer.length;
  try {
    writeWhole(writer, packet);
    if (writer.length - start <= maximumPacketSize) return;
    for (const shorter of shortened(packet)) {
      writer.truncate(start);
      writeWhole(writer, shorter);
      if (writer.length - start <= maximumPacketSize) return;
    }
    throw new PacketTooLargeError(
      `The packet has ${
        writer.length - start
      } bytes, but the receiver accepts at most ${maximumPacketSize}`,
    );
  } catch (error) {
    writer.truncate(start);
    throw error;
  }
}

/**
 * Refuses what {@linkcode encodePacket} would refuse, and does nothing else.
 *
 * @throws {TypeError} as {@linkcode encodePacket} does
 * @throws {RangeError} as {@linkcode encodePacket} does
 * @throws {PacketTooLargeError} as {@linkcode encodePacket} does
 */
export function checkPacket(packet: PacketInit, options?: EncodeOptions): void {
  writePacket(new Writer(), packet, options);
}

/**
 * The packet as it becomes smaller: without its User Properties, then without its Reason String
 * too.
 */
function* shortened(packet: PacketInit): Generator<PacketInit> {
  if (!("properties" in packet) || !(packet.type in PROPERTIES.reasonString.in)) return;
  const properties = { ...packet.properties, userProperties: undefined };
  yield { ...packet, properties } as PacketInit;
  yield { ...packet, properties: { ...properties, reasonString: undefined } } as PacketInit;
}

/**
 * A guess that is right for a PUBLISH without properties, so that its buffer need not be copied.
 */
function expectedSize(packet: PacketInit): number {
  if (packet.type !== "publish") return 64;
  const { topic, qos = 0, payload } = packet;
  const length = 3 + (topic?.length ?? 0) + (qos === 0 ? 0 : 2) + (payload?.length ?? 0);
  return length + (length < 0x80 ? 2 : length < 0x4000 ? 3 : length < 0x20_0000 ? 4 : 5);
}

/**
 * Decodes exactly one whole packet. Payloads and other bytes in it are views of `bytes`, not
 * copies.
 *
 * @throws {TypeError} when `bytes` is no `Uint8Array`
 * @throws {MalformedPacketError} when the bytes are not one whole packet
 * @throws {ProtocolError} when the packet is not allowed
 *
 * @example A PUBACK in its shortest form
 * ```ts
 * import { decodePacket } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(decodePacket(new Uint8Array([0x40, 0x02, 0x00, 0x01])), {
 *   type: "puback",
 *   packetId: 1,
 *   reasonCode: 0x00,
 *   properties: {},
 * });
 * ```
 */
export function decodePacket(
  bytes: Uint8Array,
  { protocolVersion = 5 }: DecodeOptions = {},
): Packet {
  checkBytes(BYTES, bytes);
  checkProtocolVersion(protocolVersion);
  const reader = new Reader();
  reader.protocolVersion = protocolVersion;
  reader.pointTo(bytes);
  try {
    const remainingLength = readFixedHeader(reader, Infinity);
    const present = reader.remaining;
    if (remainingLength !== present) refuseLength(reader, remainingLength, present);
    return readBody(reader, bytes[0]!);
  } catch (error) {
    throw inWordsOf(reader.protocolVersion, error);
  }
}

/** An error of a reader, in the words of the version that it has read. */
export function inWordsOf(version: ProtocolVersion, error: unknown): unknown {
  return version < 5 && error instanceof PacketError ? inOlderStatements(error) : error;
}

/** Reads what follows a fixed header, up to the reader's end, which is the packet's. */
export function readBody(reader: Reader, firstByte: number): Packet {
  const packet = readFields(reader, firstByte);
  if (reader.remaining > 0) refuseExcess(reader);
  return packet;
}

function readFields(reader: Reader, firstByte: number): Packet {
  const type = PACKET_TYPES[firstByte >> 4]!;
  return type === "publish" ? readPublish(reader, firstByte) : readOther(reader, firstByte, type);
}

/**
 * What comes by the million does not pass the table: to look a name up takes as long as to read an
 * acknowledgement. PUBLISH is apart, so that the compiler has room to inline it.
 */
function readOther(reader: Reader, firstByte: number, type: PacketType): Packet {
  switch (type) {
    case "puback":
      return PUBACK.read(reader, firstByte);
    case "pubrec":
      return PUBREC.read(reader, firstByte);
    case "pubrel":
      return PUBREL.read(reader, firstByte);
    case "pubcomp":
      return PUBCOMP.read(reader, firstByte);
    default:
      return CODECS[type]!.read(reader, firstByte);
  }
}

function writeWhole(writer: Writer, packet: PacketInit): void {
  if (packet.type === "publish") writePublish(writer, packet);
  else writeOther(writer, packet);
}

function writeOther(writer: Writer, packet: Exclude<PacketInit, PublishInit>): void {
  switch (packet.type) {
    case "puback":
      return PUBACK.write(writer, packet);
    case "pubrec":
      return PUBREC.write(writer, packet);
    case "pubrel":
      return PUBREL.write(writer, packet);
    case "pubcomp":
      return PUBCOMP.write(writer, packet);
  }
  const codec = CODECS[packet.type];
  if (codec?.write === undefined) {
    throw new TypeError(`type must be the name of a packet, got ${packet.type}`);
  }
  codec.write(writer, packet);
}
