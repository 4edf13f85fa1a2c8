// One direction of a link: packets out of its bytes, each with its place.

import { PacketError } from "../errors.ts";
import { type Packet, PacketDecoder, ReasonCode } from "../packets/mod.ts";
import { PACKET_TYPES } from "../packets/packet_types.ts";

/** Why a direction cannot be read any further. */
export interface StreamFault {
  /** The normative statement that the bytes break, where one has a number. */
  readonly statement: string | undefined;
  /** The section of the standard. */
  readonly section: string;
  /** One sentence. */
  readonly message: string;
  /** Whether the packet is merely larger than the monitor keeps. */
  readonly isTooLarge: boolean;
  /** The version of MQTT that a CONNECT or a CONNACK speaks in place of 5, where it does. */
  readonly otherVersion: number | undefined;
}

/** What the fixed header of a packet says of it. */
export interface Announced {
  readonly type: Packet["type"];
  /** How many bytes the packet has in all. */
  readonly size: number;
}

const NOTHING = new Uint8Array(0);

/** The longest fixed header (§2.1). */
const LONGEST_HEADER = 5;

/** The version of those that answer in the form of MQTT 3.1 and 3.1.1. */
const VERSION_3 = 4;

/** Reads one direction. */
export class PacketStream {
  readonly #decoder: PacketDecoder;
  #pushed = 0;
  /** The first bytes of the packet that is not whole yet. */
  #header: number[] = [];
  /** What was pushed last, until it has been read. */
  #chunk: Uint8Array = NOTHING;
  /** Where the last packet began, in bytes from the beginning of the direction. */
  start = 0;
  /** Where the next packet begins. */
  end = 0;
  /** Set once the bytes could not be read. */
  fault: StreamFault | undefined;

  /** Reads packets up to `largestPacket` bytes. */
  constructor(largestPacket: number) {
    this.#decoder = new PacketDecoder({
      maximumPacketSize: largestPacket,
      passResponseTopics: true,
      acceptedVersions: [5],
    });
  }

  /** Takes the next bytes. */
  push(bytes: Uint8Array): void {
    if (this.fault !== undefined) return;
    this.#pushed += bytes.length;
    this.#decoder.push(bytes);
    this.#chunk = bytes;
  }

  /** The next packet; `undefined` when there is none yet, or never again. */
  next(): Packet | undefined {
    if (this.fault !== undefined) return undefined;
    this.start = this.end;
    try {
      const packet = this.#decoder.next();
      if (packet === undefined) this.#keepHeader();
      else {
        this.end = this.#pushed - this.#decoder.unread;
        if (this.#header.length > 0) this.#header = [];
      }
      return packet;
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      this.#keepHeader();
      this.fault = faultOf(error);
      return undefined;
    }
  }

  /** What is known of the packet that is not whole; `undefined` when there is none. */
  get announced(): Announced | undefined {
    const header = this.#header;
    const type = PACKET_TYPES[header[0]! >> 4];
    const last = header.findIndex((byte, at) => at > 0 && byte < 0x80);
    if (type === undefined || last === -1) return undefined;
    let length = 0;
    for (let at = last; at > 0; at--) length = length << 7 | header[at]! & 0x7f;
    return { type, size: last + 1 + length };
  }

  #keepHeader(): void {
    const chunk = this.#chunk;
    this.#chunk = NOTHING;
    const from = Math.max(0, chunk.length - (this.#pushed - this.end));
    const missing = LONGEST_HEADER - this.#header.length;
    if (missing > 0) this.#header.push(...chunk.subarray(from, from + missing));
  }
}

function faultOf(error: PacketError): StreamFault {
  const { message, section, reasonCode, packetType } = error;
  const isOlderAnswer = packetType === "CONNACK" &&
    reasonCode === ReasonCode.unsupportedProtocolVersion;
  return {
    statement: /\[(MQTT-[\d.]+-\d+)\]/.exec(message)?.[1],
    section,
    message,
    isTooLarge: reasonCode === ReasonCode.packetTooLarge,
    otherVersion: error.protocolVersion ?? (isOlderAnswer ? VERSION_3 : undefined),
  };
}
