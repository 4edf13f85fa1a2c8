// What the packets share: how a packet to be encoded is derived from a decoded one, and the Packet
// Identifier.

import { checkInteger } from "../wire/checks.ts";
import type { Field } from "../wire/field.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";

/**
 * A packet to be encoded: only `Required` must be given, for the rest there is a default. `Wider`
 * has the fields that may be of a wider type than when they are decoded, bytes above all: they may
 * lie in any memory.
 *
 * @internal
 */
export type Init<Packet, Required extends keyof Packet, Wider = unknown> =
  & Pick<Packet, Required>
  & {
    readonly [Key in Exclude<keyof Packet, Required>]?:
      | (Key extends keyof Wider ? Wider[Key] : Packet[Key])
      | undefined;
  };

/** How one kind of packet is read and written. */
export interface PacketCodec<Packet, PacketInit> {
  /** Reads the packet after its fixed header, whose first byte carries the flags of PUBLISH. */
  read(reader: Reader, firstByte: number): Packet;
  /** Writes the packet, fixed header and all. */
  write(writer: Writer, packet: PacketInit): void;
}

/** The Packet Identifier of a packet (§2.2.1), defined in `section`. */
export function packetIdentifier(section: string): Field<number> {
  return { key: "packetId", name: "Packet Identifier", section };
}

/** Reads a Packet Identifier, which is never 0. */
export function readPacketId(reader: Reader, field: Field<number>): number {
  const packetId = reader.twoByteInteger(field);
  if (packetId === 0) reader.notAllowed(field, "is 0, which identifies nothing");
  return packetId;
}

/** Writes a Packet Identifier, 1 to 65,535. */
export function writePacketId(
  writer: Writer,
  field: Field<number>,
  packetId: number | undefined,
): void {
  checkInteger(field, packetId, 1, 65_535);
  writer.twoByteInteger(field, packetId);
}
