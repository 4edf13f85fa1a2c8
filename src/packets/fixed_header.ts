// §2.1 MQTT Control Packet fixed header: one byte of type and flags, then the Remaining Length.
// Most impossible packets are known from here, before a byte of their body is waited for.

import { type Bits, byteCount, type Field, getBits } from "../wire/field.ts";
import { INCOMPLETE, NOT_SHORTEST, type Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { FIRST_BYTE, PACKET_TYPES, packetName, type PacketType } from "./packet_types.ts";
import { qosMeans } from "./qos.ts";
import { ReasonCode } from "./reason_codes.ts";

const PACKET_NAMES = PACKET_TYPES.map((type) => type === undefined ? "Packet" : packetName(type));

/** By number: an array is faster to look into than the table by name. */
const FIRST_BYTES = PACKET_TYPES.map((type) => type === undefined ? -1 : FIRST_BYTE[type]);

const PACKET_TYPE: Bits = {
  mask: 0b1111_0000,
  key: "type",
  name: "MQTT Control Packet type",
  section: "2.1.2",
  means: (number) => number === 0 ? "no packet" : PACKET_NAMES[number]!,
};
const RESERVED: Bits = { mask: 0b0000_1111, key: "type", name: "Reserved flags", section: "2.1.3" };
const FIRST: Field<number> = {
  key: "type",
  name: "MQTT Control Packet type and flags",
  section: "2.1.1",
  bits: [PACKET_TYPE, RESERVED],
};

/** PUBLISH's flag of a message that may have been sent before. */
export const DUP: Bits = {
  mask: 0b0000_1000,
  key: "dup",
  name: "DUP",
  section: "3.3.1.1",
  means: (bit) => bit === 1 ? "may have been sent before" : "sent for the first time",
};
/** PUBLISH's Quality of Service. */
export const QOS: Bits = {
  mask: 0b0000_0110,
  key: "qos",
  name: "QoS",
  section: "3.3.1.2",
  means: qosMeans,
};
/** PUBLISH's flag of a message to be kept by the Server. */
export const RETAIN: Bits = {
  mask: 0b0000_0001,
  key: "retain",
  name: "RETAIN",
  section: "3.3.1.3",
  means: (bit) => bit === 1 ? "to be kept by the Server, or kept by it" : "not to be kept, or new",
};
const FIRST_OF_PUBLISH: Field<number> = { ...FIRST, bits: [PACKET_TYPE, DUP, QOS, RETAIN] };

const REMAINING_LENGTH: Field<number> = {
  key: "packet",
  name: "Remaining Length",
  section: "2.1.4",
  means: (length) => follows(length),
};

/** The bytes of a packet, or of a part of a stream of packets (§2.1). */
export const BYTES: Field<Uint8Array> = { key: "bytes", name: "Packet", section: "2.1" };

/** Refuses what is no Maximum Packet Size; `Infinity` is one, for no limit. */
export function checkMaximumPacketSize(maximumPacketSize: number): void {
  if (maximumPacketSize >= 1) return;
  throw new RangeError(`maximumPacketSize must be at least 1, got ${maximumPacketSize}`);
}

/** Begins a packet. Give what this returns to {@linkcode closePacket}. */
export function openPacket(writer: Writer, type: PacketType, flags = 0): number {
  writer.byte(FIRST_BYTE[type] | flags);
  return writer.openLength();
}

/** Begins a packet whose Remaining Length is known, and below 128. */
export function openShortPacket(writer: Writer, firstByte: number, remainingLength: number): void {
  writer.byte(firstByte);
  writer.byte(remainingLength);
}

/** Fills in the Remaining Length: what was written since, and `more` bytes that are to follow. */
export function closePacket(writer: Writer, hole: number, more = 0): void {
  writer.closeLength(REMAINING_LENGTH, hole, more);
}

/**
 * Reads a fixed header and returns the Remaining Length, or {@linkcode INCOMPLETE}, with nothing
 * consumed, when the bytes end before it does. A packet of more than `maximumPacketSize` bytes is
 * refused with 0x95, an impossible one at once.
 */
export function readFixedHeader(reader: Reader, maximumPacketSize: number): number {
  if (reader.remaining === 0) return INCOMPLETE;
  const start = reader.offset;
  const firstByte = reader.peek();
  reader.packetType = PACKET_NAMES[firstByte >> 4]!;
  const isPublish = firstByte >> 4 === FIRST_BYTE.publish >> 4;
  reader.byte(isPublish ? FIRST_OF_PUBLISH : FIRST);
  if (isPublish) checkPublishFlags(reader, firstByte);
  else checkFirstByte(reader, firstByte);
  const length = reader.variableByteIntegerIfWhole(REMAINING_LENGTH);
  if (length === INCOMPLETE) {
    reader.offset = start;
    return INCOMPLETE;
  }
  if (length !== 0 && (firstByte === FIRST_BYTE.pingreq || firstByte === FIRST_BYTE.pingresp)) {
    reader.malformed(REMAINING_LENGTH, `is ${length}, not 0`);
  }
  const size = reader.position + length;
  if (size > maximumPacketSize) {
    reader.notAllowed(
      REMAINING_LENGTH,
      `makes ${size} bytes of packet, above the Maximum Packet Size of ${maximumPacketSize}`,
      ReasonCode.packetTooLarge,
    );
  }
  return length;
}

/** Refuses a packet that is longer or shorter than its Remaining Length says. */
export function refuseLength(reader: Reader, remainingLength: number, present: number): never {
  if (present === 0 && remainingLength === INCOMPLETE) reader.malformed(FIRST, "is missing", 0);
  return reader.malformed(
    REMAINING_LENGTH,
    remainingLength === INCOMPLETE
      ? "is missing"
      : `is ${remainingLength}, but ${follows(present)}`,
    1,
  );
}

/** Refuses a packet whose Remaining Length counts bytes after the last field. */
export function refuseExcess(reader: Reader): never {
  return reader.malformed(
    REMAINING_LENGTH,
    `counts ${reader.remaining} more after the last field`,
    reader.position,
  );
}

function checkPublishFlags(reader: Reader, firstByte: number): void {
  const qos = getBits(firstByte, QOS);
  if (qos === 3) reader.malformed(QOS, "is 3 [MQTT-3.3.1-4]");
  if (qos === 0 && getBits(firstByte, DUP) === 1) {
    reader.malformed(DUP, "is 1 at QoS 0 [MQTT-3.3.1-2]");
  }
}

function checkFirstByte(reader: Reader, firstByte: number): void {
  if (firstByte === FIRST_BYTES[firstByte >> 4] && firstByte < FIRST_BYTE.auth) return;
  const type = PACKET_TYPES[firstByte >> 4];
  if (type === "auth" && reader.protocolVersion < 5) {
    reader.notAllowed(PACKET_TYPE, "is 15, which is not a packet");
  }
  if (type === undefined) reader.notAllowed(PACKET_TYPE, "is 0, which is not a packet");
  const flags = getBits(FIRST_BYTE[type], RESERVED);
  const actual = getBits(firstByte, RESERVED);
  if (actual !== flags && !(reader.protocolVersion === 3 && maySendWith(type, actual))) {
    reader.malformed(RESERVED, `are ${bits(actual)}, not ${bits(flags)} [MQTT-2.1.3-1]`);
  }
}

/**
 * Whether MQTT 3.1 has a packet with these flags, too: it has a DUP flag for all that may be sent
 * again, and makes nothing of those of PUBREL and DISCONNECT.
 */
function maySendWith(type: PacketType, flags: number): boolean {
  if (type === "subscribe" || type === "unsubscribe") return flags === 0b1010;
  return type === "pubrel" || type === "disconnect";
}

/** Refuses a Remaining Length in more bytes than it needs. */
export function refuseLongLength(reader: Reader): never {
  return reader.malformed(REMAINING_LENGTH, NOT_SHORTEST, 1);
}

function follows(count: number): string {
  if (count === 0) return "nothing follows";
  return `${byteCount(count)} ${count === 1 ? "follows" : "follow"}`;
}

function bits(flags: number): string {
  return flags.toString(2).padStart(4, "0");
}
