// A peer's conduct: packets that can be parsed, and may not be sent now, or not to this end.

import { ProtocolError } from "../errors.ts";
import { type PacketType, ReasonCode } from "../packets/mod.ts";

/**
 * The error for a packet that may not be sent as things are; `rule` is the rest of a sentence that
 * begins with the field.
 */
export function protocolError(
  type: PacketType,
  field: string,
  rule: string,
  section: string,
  reasonCode: number = ReasonCode.protocolError,
): ProtocolError {
  const packetType = type.toUpperCase();
  return new ProtocolError({ packetType, field, offset: undefined, rule, section }, reasonCode);
}

/** The error for a packet that may not come at all as things are. */
export function unexpectedPacket(type: PacketType, rule: string, section: string): ProtocolError {
  return protocolError(type, "packet", rule, section);
}

/** The error for a packet that only the other role may receive. */
export function wrongDirection(type: PacketType): ProtocolError {
  return unexpectedPacket(type, "may only be sent in the other direction", "2.1.2");
}
