// A peer's conduct: packets that can be parsed, and may not be sent now, or not to this end.

import { ProtocolError } from "../errors.ts";
import { type PacketType, ReasonCode } from "../packets/mod.ts";

/** The error for a packet that may not be sent as things are; `rule` says what its field does or has. */
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

/** What breaks the standard when a packet comes that the other role alone may receive. */
export function isFromWrongEnd(type: PacketType): string {
  return `comes from the wrong end: ${type.toUpperCase()} is for the other`;
}
