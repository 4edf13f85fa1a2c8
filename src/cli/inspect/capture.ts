// Records what passes as a capture for Wireshark. The file may be slower than the relay: frames
// wait for it up to a limit, beyond which they are left out and counted. In the capture that is a
// gap in the sequence numbers, as of any packet that was not captured.

import { concat } from "jsr:@std/bytes@^1/concat";
import type { Side } from "../../monitor/mod.ts";
import { type Endpoint, TcpFrames } from "./frames.ts";
import type { LinkInfo } from "./link_observer.ts";
import type { CaptureSink } from "./observer.ts";
import { fileEnd, fileHeader, frameBlock } from "./pcapng.ts";

/** Where a capture is written. */
export interface CaptureWriter {
  /** Writes all of the bytes. */
  write(bytes: Uint8Array): Promise<void>;
}

/** How many bytes may wait for the file. */
const MOST = 16_777_216;

/** The port for MQTT: by it Wireshark knows the protocol, whatever the server's real port is. */
const PORT = 1883;

/** Stand for an end whose address is not known, or is of IPv6 (RFC 5737). */
const UNKNOWN: { readonly [At in Side]: readonly number[] } = {
  client: [192, 0, 2, 2],
  server: [192, 0, 2, 1],
};

/** Records connections. */
export class Capture implements CaptureSink {
  readonly #writer: CaptureWriter;
  readonly #most: number;
  readonly #frames = new Map<number, TcpFrames>();
  #waiting: Uint8Array[] = [];
  #length = 0;
  #dropped = 0;
  #written: Promise<void> | undefined;
  #hasFailed = false;
  /** Calls back once, when the file can no longer be written. */
  readonly #onFailure: (error: unknown) => void;

  /** Writes the beginning of the file at once. */
  constructor(
    writer: CaptureWriter,
    comment: string,
    onFailure: (error: unknown) => void,
    most: number = MOST,
  ) {
    this.#writer = writer;
    this.#onFailure = onFailure;
    this.#most = most;
    this.#queue(fileHeader(comment));
  }

  /** How many frames are missing in the file. */
  get dropped(): number {
    return this.#dropped;
  }

  opened(link: LinkInfo, time: number): void {
    const frames = new TcpFrames({
      client: endpointOf(link.client, "client", link.id),
      server: { ...endpointOf(link.server, "server", link.id), port: PORT },
    });
    this.#frames.set(link.id, frames);
    for (const frame of frames.open()) this.#add(frame, time);
  }

  bytes(link: LinkInfo, from: Side, bytes: Uint8Array, time: number): void {
    for (const frame of this.#frames.get(link.id)!.data(from, bytes)) this.#add(frame, time);
  }

  ended(link: LinkInfo, from: Side, time: number): void {
    this.#add(this.#frames.get(link.id)!.end(from), time);
  }

  closed(link: LinkInfo, fault: string | undefined, time: number): void {
    const frames = this.#frames.get(link.id)!;
    this.#frames.delete(link.id);
    if (fault !== undefined) this.#add(frames.reset("server"), time);
  }

  /** Writes what is left. Resolves when it is written, or cannot be. */
  async finish(time: number): Promise<void> {
    if (!this.#hasFailed) this.#queue(fileEnd(this.#dropped, time));
    await this.#written;
  }

  #add(frame: Uint8Array, time: number): void {
    if (this.#hasFailed || this.#length > 0 && this.#length + frame.length > this.#most) {
      this.#dropped++;
    } else this.#queue(frameBlock(frame, time));
  }

  #queue(block: Uint8Array): void {
    this.#waiting.push(block);
    this.#length += block.length;
    this.#written ??= this.#writeAll();
  }

  /** What is being written counts as waiting until it is written. */
  async #writeAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const blocks = this.#waiting;
        this.#waiting = [];
        for (const part of inParts(blocks)) {
          await this.#writer.write(part);
          this.#length -= part.length;
        }
      }
    } catch (error) {
      this.#hasFailed = true;
      this.#waiting = [];
      this.#length = 0;
      this.#onFailure(error);
    } finally {
      this.#written = undefined;
    }
  }
}

/** How many bytes are written at once, about. */
const AT_ONCE = 262_144;

/** Blocks, several in one. */
function* inParts(blocks: readonly Uint8Array[]): Generator<Uint8Array> {
  let part: Uint8Array[] = [];
  let length = 0;
  for (const block of blocks) {
    part.push(block);
    length += block.length;
    if (length < AT_ONCE) continue;
    yield concat(part);
    part = [];
    length = 0;
  }
  if (length > 0) yield concat(part);
}

/** The ports that a client is given when its own is not known; one for each connection. */
const FIRST_PORT = 49_152;

/** What frames say of the end at an address. */
function endpointOf(text: string, side: Side, id: number): Endpoint {
  const [, address, port] = /^(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(text) ?? [];
  if (address !== undefined) return { address: address.split(".").map(Number), port: Number(port) };
  const [, known] = /:(\d+)$/.exec(text) ?? [];
  return {
    address: UNKNOWN[side],
    port: known === undefined ? FIRST_PORT + id % (0x1_0000 - FIRST_PORT) : Number(known),
  };
}
