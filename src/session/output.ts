// What a connection has to send: one buffer is filled while the other is on its way. No timer, no copy, one write for all
// that has come together.

import { PacketTooLargeError } from "../errors.ts";
import { type PacketInit, writePacket, Writer } from "../packets/mod.ts";

/** A buffer in which more than this was sent at once is not kept: an idle connection is to be small. */
const KEPT = 262_144;

/** Encoded packets on their way out. */
export class Output {
  #filling: Writer | undefined;
  #sending: Writer | undefined;
  readonly #options: { maximumPacketSize: number } = { maximumPacketSize: Infinity };

  /** How many bytes wait. */
  get length(): number {
    return this.#filling?.length ?? 0;
  }

  /** The most bytes that the peer takes in one packet; `Infinity` for no limit. */
  get maximumPacketSize(): number {
    return this.#options.maximumPacketSize;
  }

  set maximumPacketSize(bytes: number) {
    this.#options.maximumPacketSize = bytes;
  }

  /**
   * Encodes a packet behind the others.
   *
   * @throws {TypeError} when a field is wrong
   * @throws {RangeError} when a field is out of its range
   * @throws {PacketTooLargeError} when the packet is too large for the peer
   */
  write(packet: PacketInit): void {
    this.#filling ??= new Writer();
    writePacket(this.#filling, packet, this.#options);
  }

  /** Encodes a packet behind the others, unless it is too large for the peer: last words need not be said. */
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
   * @throws {TypeError} as {@linkcode Output.write} does
   * @throws {RangeError} as {@linkcode Output.write} does
   * @throws {PacketTooLargeError} as {@linkcode Output.write} does
   */
  check(packet: PacketInit): void {
    writePacket(new Writer(), packet, this.#options);
  }

  /** Puts a packet that is encoded already behind the others. */
  writeEncoded(bytes: Uint8Array): void {
    this.#filling ??= new Writer();
    this.#filling.rawBytes(bytes);
  }

  /** All that waits, which is valid until the next call; `undefined` when nothing does. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    const full = this.#filling;
    if (full === undefined || full.length === 0) return undefined;
    const bytes = full.bytes();
    this.#filling = this.#sending;
    this.#filling?.clear();
    this.#sending = bytes.length > KEPT ? undefined : full;
    return bytes;
  }
}
