// Cuts a stream of bytes into packets and explains each: for those who look on, and for peers that
// may meet anything. The decoder of the engine explains nothing, and is faster.

import { concat } from "jsr:@std/bytes@^1/concat";
import type { ProtocolVersion } from "../wire/protocol_version.ts";
import { INCOMPLETE, Reader } from "../wire/reader.ts";
import { explainPacket, type Explanation } from "./explain.ts";
import { readFixedHeader } from "./fixed_header.ts";

/** Cuts a stream of bytes into packets. After a malformed fixed header it stops. */
export class PacketCutter {
  readonly #onPacket: (packet: Explanation) => void;
  readonly #reader = new Reader();
  /** The version of MQTT that the next packet is of; a CONNECT that comes by changes it. */
  protocolVersion: ProtocolVersion;
  /** The bytes of incomplete packets, and how many there are. */
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** The size of the first of them; 0 while it is unknown. */
  #size = 0;

  /** Calls back with each packet once it is complete. */
  constructor(onPacket: (packet: Explanation) => void, protocolVersion: ProtocolVersion = 5) {
    this.#onPacket = onPacket;
    this.protocolVersion = protocolVersion;
  }

  /** Whether a fixed header was malformed, so that nobody knows where the next packet begins. */
  get hasStopped(): boolean {
    return this.#size === Infinity;
  }

  /** The bytes that belong to no complete packet: the beginning of one, or a malformed one. */
  get rest(): Uint8Array {
    return concat(this.#chunks);
  }

  /** Takes the next bytes. They may change afterwards. */
  push(chunk: Uint8Array): void {
    if (this.#size === Infinity) return;
    // The chunk may be overwritten before it is explained.
    this.#chunks.push(chunk.slice());
    this.#length += chunk.length;
    if (this.#length < this.#size) return;
    let rest: Uint8Array = concat(this.#chunks);
    for (this.#size = this.#sizeOf(rest); this.#size > 0 && this.#size <= rest.length;) {
      const { protocolVersion } = this;
      const packet = explainPacket(rest.subarray(0, this.#size), { protocolVersion });
      this.protocolVersion = packet.protocolVersion;
      this.#onPacket(packet);
      rest = rest.subarray(this.#size);
      this.#size = this.#sizeOf(rest);
    }
    this.#chunks = [rest];
    this.#length = rest.length;
  }

  /** The size of the packet at the start; 0 while unknown, `Infinity` if malformed. */
  #sizeOf(bytes: Uint8Array): number {
    this.#reader.protocolVersion = this.protocolVersion;
    this.#reader.pointTo(bytes);
    try {
      const length = readFixedHeader(this.#reader, Infinity);
      return length === INCOMPLETE ? 0 : this.#reader.position + length;
    } catch {
      return Infinity;
    }
  }
}
