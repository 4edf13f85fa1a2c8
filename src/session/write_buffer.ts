// What a connection has to send: one buffer is filled while the other is on its way. No timer, no
// copy, one write for all that has come together.

import { PacketTooLargeError } from "../errors.ts";
import { checkPacket, type PacketInit, type ProtocolVersion } from "../packets/mod.ts";
import { writePacket } from "../packets/codec.ts";
import { Writer } from "../wire/writer.ts";
import { type Memory, UNCOUNTED } from "./memory.ts";

/**
 * A buffer in which more than this was sent at once is not kept: an idle connection is to be small.
 */
const KEPT = 262_144;

/** So much room may always be used. */
const FREE = 4096;

/** Buffers with more room than this are given up when nothing waits and memory is short. */
const IDLE = 16_384;

/**
 * Encoded packets on their way out.
 *
 * @internal
 */
export class WriteBuffer {
  readonly #memory: Memory;
  #filling: Writer | undefined;
  #sending: Writer | undefined;
  /** The room of both buffers, as it is counted. */
  #fillingRoom = 0;
  #sendingRoom = 0;
  readonly #options: { maximumPacketSize: number; protocolVersion: ProtocolVersion } = {
    maximumPacketSize: Infinity,
    protocolVersion: 5,
  };

  /** The room of the buffers is counted where `memory` says. */
  constructor(memory: Memory = UNCOUNTED) {
    this.#memory = memory;
  }

  /** How many bytes wait. */
  get length(): number {
    return this.#filling?.length ?? 0;
  }

  /**
   * Whether there is memory for so many bytes more. What has room in the buffer as it is, or is
   * small, always has; what is first in it may use what is in reserve.
   */
  hasMemoryFor(bytes: number): boolean {
    const { length } = this;
    const needed = length + bytes;
    const room = this.#fillingRoom;
    if (needed <= room || needed <= FREE) return true;
    const growth = Math.max(needed, 2 * room) - room;
    return length === 0 ? this.#memory.hasRoomAtAll(growth) : this.#memory.hasRoom(growth);
  }

  /** The most bytes that the peer takes in one packet; `Infinity` for no limit. */
  get maximumPacketSize(): number {
    return this.#options.maximumPacketSize;
  }

  set maximumPacketSize(bytes: number) {
    this.#options.maximumPacketSize = bytes;
  }

  /** The version of MQTT that the peer speaks. */
  get protocolVersion(): ProtocolVersion {
    return this.#options.protocolVersion;
  }

  set protocolVersion(version: ProtocolVersion) {
    this.#options.protocolVersion = version;
  }

  /**
   * Encodes a packet behind the others.
   *
   * @throws {TypeError} when a field is wrong
   * @throws {RangeError} when a field is out of its range
   * @throws {PacketTooLargeError} when the packet is too large for the peer
   */
  write(packet: PacketInit): void {
    const filling = this.#filling ??= new Writer();
    writePacket(filling, packet, this.#options);
    if (filling.capacity !== this.#fillingRoom) this.#count(filling.capacity, this.#sendingRoom);
  }

  /**
   * Encodes a packet behind the others, unless it is too large for the peer: last words need not be
   * said.
   */
  writeIfItFits(packet: PacketInit): void {
    try {
      this.write(packet);
    } catch (error) {
      if (!(error instanceof PacketTooLargeError)) throw error;
    }
  }

  /**
   * Refuses a packet that cannot be written, and writes none: to be asked before anything is done
   * that the packet is to tell.
   *
   * @throws {TypeError} as {@linkcode WriteBuffer.write} does
   * @throws {RangeError} as {@linkcode WriteBuffer.write} does
   * @throws {PacketTooLargeError} as {@linkcode WriteBuffer.write} does
   */
  check(packet: PacketInit): void {
    checkPacket(packet, this.#options);
  }

  /** Puts a packet that is encoded already behind the others. */
  writeEncoded(bytes: Uint8Array): void {
    const filling = this.#filling ??= new Writer();
    filling.rawBytes(bytes);
    if (filling.capacity !== this.#fillingRoom) this.#count(filling.capacity, this.#sendingRoom);
  }

  /** All that waits, which is valid until the next call; `undefined` when nothing does. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    const full = this.#filling;
    if (full === undefined || full.length === 0) {
      this.#rest();
      return undefined;
    }
    const bytes = full.bytes();
    this.#filling = this.#sending;
    this.#filling?.clear();
    this.#sending = bytes.length > KEPT ? undefined : full;
    const room = this.#filling?.capacity ?? 0;
    if (room !== this.#fillingRoom || full.capacity !== this.#sendingRoom) {
      this.#count(room, full.capacity);
    }
    return bytes;
  }

  /** Nothing waits, and nothing is on its way. */
  #rest(): void {
    const room = this.#fillingRoom + this.#sendingRoom;
    if (room <= IDLE) return;
    if (!this.#memory.hasRoom(room)) this.#filling = this.#sending = undefined;
    this.#count(this.#filling?.capacity ?? 0, this.#sending?.capacity ?? 0);
  }

  #count(filling: number, sending: number): void {
    this.#memory.add(filling + sending - this.#fillingRoom - this.#sendingRoom);
    this.#fillingRoom = filling;
    this.#sendingRoom = sending;
  }
}
