// One direction of a link: packets out of its bytes, each with its place.

import { PacketError } from "../errors.ts";
import { type Packet, PacketDecoder, ReasonCode } from "../packets/mod.ts";

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

/** The version of those that answer in the form of MQTT 3.1 and 3.1.1. */
const VERSION_3 = 4;

/** Reads one direction. */
export class PacketStream {
  readonly #decoder: PacketDecoder;
  #pushed = 0;
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
  }

  /** The next packet; `undefined` when there is none yet, or never again. */
  next(): Packet | undefined {
    if (this.fault !== undefined) return undefined;
    this.start = this.end;
    try {
      const packet = this.#decoder.next();
      if (packet !== undefined) this.end = this.#pushed - this.#decoder.unread;
      return packet;
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      this.fault = faultOf(error);
      return undefined;
    }
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
