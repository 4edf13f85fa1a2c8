// What can go wrong, as a tree:
//
//   TypeError, RangeError      a caller's mistake: built in, thrown before anything is sent
//   Error
//   └── PacketError            a peer's mistake: where it stands and which rule it breaks
//       ├── MalformedPacketError   the bytes cannot be parsed            0x81
//       └── ProtocolError          parsed, and not allowed               0x82 and others
//
// A message is one sentence: what, where, which rule, which section of the standard.

/** Where a packet breaks a rule of the standard, and which. */
export interface PacketFault {
  /** The packet's name in the standard, such as `"PUBLISH"`. */
  readonly packetType: string;
  /** The field's name in the standard, such as `"Topic Name"`. */
  readonly field: string;
  /** Where the field begins, in bytes from the first byte of the packet. */
  readonly offset: number;
  /** What is wrong, as the rest of a sentence that begins with the field's name. */
  readonly rule: string;
  /** The section of the standard that says so, such as `"3.3.2.1"`. */
  readonly section: string;
}

/**
 * A packet that breaks the standard. Either a {@linkcode MalformedPacketError} or a {@linkcode ProtocolError}; both say
 * where the fault is and which Reason Code answers it.
 */
export abstract class PacketError extends Error implements PacketFault {
  /** The Reason Code to close the Network Connection with (§4.13). */
  readonly reasonCode: number;
  readonly packetType: string;
  readonly field: string;
  readonly offset: number;
  readonly rule: string;
  readonly section: string;

  /** Makes the message from the fault. */
  constructor(reasonCode: number, fault: PacketFault) {
    const { packetType, field, offset, rule, section } = fault;
    super(`${packetType} ${field} at byte ${offset} ${rule} (§${section})`);
    this.reasonCode = reasonCode;
    this.packetType = packetType;
    this.field = field;
    this.offset = offset;
    this.rule = rule;
    this.section = section;
  }
}

/**
 * Bytes that cannot be parsed as a packet of MQTT 5.0 (§1.2, §4.13.1). Its {@linkcode PacketError.reasonCode} is always
 * 0x81, Malformed Packet.
 *
 * @example What is wrong, and where
 * ```ts
 * import { decodePacket, MalformedPacketError } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const error = assertThrows(
 *   () => decodePacket(new Uint8Array([0x36, 0x00])),
 *   MalformedPacketError,
 * );
 * assertEquals(error.reasonCode, 0x81);
 * assertEquals(error.section, "3.3.1.2");
 * ```
 */
export class MalformedPacketError extends PacketError {
  /** Tells the errors apart in logs. */
  override readonly name = "MalformedPacketError";

  /** Makes the error for a fault. */
  constructor(fault: PacketFault) {
    super(0x81, fault);
  }
}

/**
 * A packet that can be parsed and is not allowed (§1.2, §4.13.1). Its {@linkcode PacketError.reasonCode} is 0x82,
 * Protocol Error, unless the standard names another, such as 0x95, Packet too large.
 *
 * @example A packet over the announced limit is refused as soon as its fixed header is read
 * ```ts
 * import { PacketDecoder, ProtocolError } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const decoder = new PacketDecoder({ maximumPacketSize: 1024 });
 * decoder.push(new Uint8Array([0x30, 0xFF, 0xFF, 0xFF, 0x7F]));
 * const error = assertThrows(() => decoder.next(), ProtocolError);
 * assertEquals(error.reasonCode, 0x95);
 * ```
 */
export class ProtocolError extends PacketError {
  /** Tells the errors apart in logs. */
  override readonly name = "ProtocolError";

  /** Makes the error for a fault that the standard answers with `reasonCode`. */
  constructor(fault: PacketFault, reasonCode = 0x82) {
    super(reasonCode, fault);
  }
}
