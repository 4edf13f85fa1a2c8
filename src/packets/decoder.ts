// Packets out of a stream of bytes, however it is cut. A packet that lies whole in a chunk is
// decoded where it lies; one that does not is gathered in a buffer of its own, which is in
// proportion to the bytes received, whatever a fixed header announces.

import { PacketError } from "../errors.ts";
import { checkBytes, checkKnown } from "../wire/checks.ts";
import {
  checkProtocolVersion,
  PROTOCOL_VERSIONS,
  type ProtocolVersion,
} from "../wire/protocol_version.ts";
import { INCOMPLETE, NO_BYTES, Reader } from "../wire/reader.ts";
import { inWordsOf, type Packet, readBody } from "./codec.ts";
import { BYTES, checkMaximumPacketSize, readFixedHeader, refuseLength } from "./fixed_header.ts";
import { ReasonCode } from "./reason_codes.ts";

/** What a decoder accepts. */
export interface DecoderOptions {
  /**
   * The version of MQTT that the packets are of, until a CONNECT tells: 5, 4 for 3.1.1 or 3 for
   * 3.1. Default: 5.
   */
  readonly protocolVersion?: ProtocolVersion | undefined;
  /** The versions that a CONNECT may have; another is refused with 0x84. Default: 5, 4 and 3. */
  readonly acceptedVersions?: readonly ProtocolVersion[] | undefined;
  /** The most bytes in one packet, our Maximum Packet Size (§3.1.2.11.4). Default: no limit. */
  readonly maximumPacketSize?: number | undefined;
  /**
   * The most Topic Filters in one SUBSCRIBE or UNSUBSCRIBE; a packet with more is refused with
   * 0x97. Default: no limit.
   */
  readonly filtersPerPacket?: number | undefined;
  /**
   * The most User Properties in one packet, or in its Will; a packet with more is refused with
   * 0x97. Default: no limit.
   */
  readonly userPropertiesPerPacket?: number | undefined;
  /**
   * Whether a Response Topic that is empty or has a wildcard is passed on, in place of 0x82
   * [MQTT-3.3.2-14]. A client does so: not every server refuses such a message, and whoever
   * published one would end the connections of all who get it. Default: false.
   */
  readonly passResponseTopics?: boolean | undefined;
}

const NAMES: ReadonlySet<string> = new Set(
  Object.keys(
    {
      protocolVersion: true,
      acceptedVersions: true,
      maximumPacketSize: true,
      filtersPerPacket: true,
      userPropertiesPerPacket: true,
      passResponseTopics: true,
    } satisfies Record<keyof DecoderOptions, true>,
  ),
);

/**
 * The room for a packet that is gathered, to begin with: at most this, however large the packet.
 */
const FIRST_ROOM = 4096;

/**
 * Once this part of a packet is there, there is room for all of it: a buffer that went on growing
 * by doubling would leave as much garbage as the packet has bytes.
 */
const ENOUGH = 1 / 16;

/** What a chunk that waits takes beside its bytes: a view of them. */
const CHUNK = 128;

/**
 * Decodes a stream of packets. Push bytes as they come and take packets until there is none.
 *
 * Payloads and other bytes in a packet are views: of the chunk where the packet lies whole in it,
 * else of a buffer of the packet's own. Once {@linkcode PacketDecoder.next} has given `undefined`,
 * the decoder itself holds nothing of any chunk.
 *
 * @example A packet cut in two
 * ```ts
 * import { PacketDecoder } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new PacketDecoder();
 * decoder.push(new Uint8Array([0xD0]));
 * assertEquals(decoder.next(), undefined);
 * decoder.push(new Uint8Array([0x00]));
 * assertEquals(decoder.next(), { type: "pingresp" });
 * ```
 */
export class PacketDecoder {
  #maximumPacketSize: number;
  readonly #reader = new Reader();
  /** Chunks pushed, from `#begun` on not yet begun. */
  #waiting: Uint8Array[] = [];
  #begun = 0;
  #waitingBytes = 0;
  #chunk: Uint8Array = NO_BYTES;
  #chunkOffset = 0;
  /** The beginning of a packet that does not lie whole in one chunk. */
  #gathered = NO_BYTES;
  #gatheredLength = 0;
  /** How many bytes of it there were when it was last looked at. */
  #lookedAt = 0;
  /** The size of the packet being gathered, as far as its fixed header is there to say. */
  #packetSize = INCOMPLETE;
  #fault: { readonly error: unknown } | undefined;

  /**
   * Makes a decoder for one stream, as from one Network Connection.
   *
   * @throws {RangeError} when `maximumPacketSize` is below 1, or a version is none
   */
  constructor(options: DecoderOptions = {}) {
    checkKnown(options, NAMES, "a decoder");
    const { maximumPacketSize = Infinity, protocolVersion = 5 } = options;
    const { acceptedVersions = PROTOCOL_VERSIONS } = options;
    checkMaximumPacketSize(maximumPacketSize);
    checkProtocolVersion(protocolVersion);
    for (const version of acceptedVersions) checkProtocolVersion(version, "acceptedVersions[]");
    this.#reader.protocolVersion = protocolVersion;
    this.#reader.acceptedVersions = acceptedVersions;
    this.#maximumPacketSize = maximumPacketSize;
    this.#reader.mostFilters = options.filtersPerPacket ?? Infinity;
    this.#reader.mostUserProperties = options.userPropertiesPerPacket ?? Infinity;
    this.#reader.passesResponseTopics = options.passResponseTopics ?? false;
  }

  /**
   * The most bytes in one packet from now on; a packet of which a byte has been looked at was held
   * to what was said before.
   *
   * @throws {RangeError} when it is below 1
   */
  set maximumPacketSize(bytes: number) {
    checkMaximumPacketSize(bytes);
    this.#maximumPacketSize = bytes;
  }

  /** The version of MQTT that the next packet is taken to be of. */
  get protocolVersion(): ProtocolVersion {
    return this.#reader.protocolVersion;
  }

  /**
   * How many bytes of packets that are not whole yet, or not taken, it holds: with the room for
   * what is to come, and for each chunk what an object takes.
   */
  get heldBytes(): number {
    return this.#gathered.length + this.unread + CHUNK * (this.#waiting.length - this.#begun);
  }

  /**
   * Takes the next bytes of the stream, any number. They must not change as long as packets are
   * views of them.
   *
   * @throws {TypeError} when they are no `Uint8Array`
   */
  push(chunk: Uint8Array): void {
    checkBytes(BYTES, chunk);
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
  }

  /** How many bytes have been pushed that no packet has been looked for in. */
  get unread(): number {
    return this.#waitingBytes + this.#chunk.length - this.#chunkOffset;
  }

  /**
   * The next packet; `undefined` when more bytes are needed. Once it has thrown, it throws the same
   * error for ever: where the next packet begins cannot be told.
   *
   * @throws {MalformedPacketError} when the next bytes cannot be a packet
   * @throws {ProtocolError} when the next packet is not allowed, or above the Maximum Packet Size
   *   (0x95)
   *   or over another limit (0x97)
   */
  next(): Packet | undefined {
    if (this.#fault !== undefined) throw this.#fault.error;
    try {
      while (this.#chunkOffset < this.#chunk.length || this.#takeChunk()) {
        const packet = this.#gatheredLength > 0 ? this.#gather() : this.#decodeInPlace();
        if (packet !== undefined) return packet;
      }
      return undefined;
    } catch (fault) {
      const error = inWordsOf(this.protocolVersion, fault);
      this.#fault = { error };
      throw error;
    }
  }

  /**
   * Says that the stream has ended, after {@linkcode PacketDecoder.next} has given `undefined`.
   *
   * @throws {MalformedPacketError} when it has ended in the middle of a packet
   * @throws {TypeError} when there are bytes that `next()` has not been asked for
   */
  end(): void {
    if (this.#fault !== undefined) throw this.#fault.error;
    if (this.#chunkOffset < this.#chunk.length || this.#waiting.length > 0) {
      throw new TypeError("next() must be called until it gives undefined, and then end()");
    }
    if (this.#gatheredLength === 0) return;
    const remainingLength = this.#readFixedHeader(this.#gathered, 0, this.#gatheredLength);
    refuseLength(this.#reader, remainingLength, this.#reader.remaining);
  }

  /** Goes to the next chunk with a byte in it; false when there is none. */
  #takeChunk(): boolean {
    this.#chunkOffset = 0;
    while (this.#begun < this.#waiting.length) {
      this.#chunk = this.#waiting[this.#begun++]!;
      this.#waitingBytes -= this.#chunk.length;
      if (this.#begun === this.#waiting.length) this.#waiting.length = this.#begun = 0;
      if (this.#chunk.length > 0) return true;
    }
    this.#chunk = NO_BYTES;
    this.#reader.pointTo(NO_BYTES);
    return false;
  }

  #decodeInPlace(): Packet | undefined {
    const reader = this.#reader;
    const chunk = this.#chunk;
    const length = this.#readFixedHeader(chunk, this.#chunkOffset, chunk.length);
    if (length !== INCOMPLETE && length <= reader.remaining) {
      const end = reader.end = reader.offset + length;
      const packet = readBody(reader, chunk[this.#chunkOffset]!);
      this.#chunkOffset = end;
      return packet;
    }
    this.#packetSize = length === INCOMPLETE ? INCOMPLETE : reader.position + length;
    this.#take(chunk.length - this.#chunkOffset);
    return undefined;
  }

  /** Goes on with a packet that began in an earlier chunk. */
  #gather(): Packet | undefined {
    const chunk = this.#chunk;
    while (this.#packetSize === INCOMPLETE) {
      if (this.#chunkOffset === chunk.length) return undefined;
      this.#take(1);
      const length = this.#readFixedHeader(this.#gathered, 0, this.#gatheredLength);
      if (length !== INCOMPLETE) this.#packetSize = this.#reader.position + length;
    }
    this.#take(Math.min(this.#packetSize - this.#gatheredLength, chunk.length - this.#chunkOffset));
    if (this.#gatheredLength < this.#packetSize) return undefined;
    this.#readFixedHeader(this.#gathered, 0, this.#packetSize);
    const packet = readBody(this.#reader, this.#gathered[0]!);
    this.#gathered = NO_BYTES;
    this.#gatheredLength = 0;
    this.#lookedAt = 0;
    return packet;
  }

  #roomFor(needed: number): number {
    const size = this.#packetSize;
    if (size === INCOMPLETE) return needed;
    return needed >= size * ENOUGH ? size : Math.max(2 * needed, Math.min(FIRST_ROOM, size));
  }

  /** Moves bytes from the chunk to the packet being gathered. */
  #take(count: number): void {
    const needed = this.#gatheredLength + count;
    if (needed > this.#gathered.length) {
      const room = new Uint8Array(this.#roomFor(needed));
      room.set(this.#gathered.subarray(0, this.#gatheredLength));
      this.#gathered = room;
    }
    const seen = this.#gatheredLength;
    if (seen >= FIRST_ROOM && needed > 2 * this.#lookedAt) {
      this.#lookedAt = seen;
      this.#refuseEarly();
    }
    const end = this.#chunkOffset + count;
    this.#gathered.set(this.#chunk.subarray(this.#chunkOffset, end), this.#gatheredLength);
    this.#gatheredLength = needed;
    this.#chunkOffset = end;
  }

  /**
   * Refuses a packet that has more of something than may be, so that the rest of it is not
   * gathered. Looked for whenever there are twice as many bytes, so at a cost in proportion to
   * them.
   */
  #refuseEarly(): void {
    this.#readFixedHeader(this.#gathered, 0, this.#packetSize);
    try {
      readBody(this.#reader, this.#gathered[0]!);
    } catch (error) {
      // What else is wrong may only seem so, as bytes are missing.
      if (!(error instanceof PacketError) || error.reasonCode === ReasonCode.quotaExceeded) {
        throw error;
      }
    }
  }

  #readFixedHeader(bytes: Uint8Array, start: number, end: number): number {
    this.#reader.pointTo(bytes, start, end);
    return readFixedHeader(this.#reader, this.#maximumPacketSize);
  }
}
