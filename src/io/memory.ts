// A Network Connection within the process: what one end writes the other reads. Needs no
// permission.

import { Queue } from "../session/queue.ts";
import { ReadTurns } from "./read_turns.ts";
import type { Transport } from "./transport.ts";

/** With more unread bytes than this, a write waits until the other end has read some. */
const FULL = 262_144;

/** Two ends of one connection. */
export function memoryTransports(): [Transport, Transport] {
  const there = new Pipe();
  const back = new Pipe();
  return [new MemoryTransport(there, back), new MemoryTransport(back, there)];
}

class MemoryTransport implements Transport {
  readonly #out: Pipe;
  readonly #in: Pipe;
  readonly #turns = new ReadTurns();

  constructor(out: Pipe, into: Pipe) {
    this.#out = out;
    this.#in = into;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#turns.isOver) await this.#turns.next();
    const chunk = await this.#in.read();
    if (chunk !== undefined) this.#turns.count(chunk.length);
    return chunk;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#out.write(bytes);
  }

  closeWrite(): Promise<void> {
    this.#out.end();
    return Promise.resolve();
  }

  close(): void {
    this.#out.end();
    this.#in.abandon();
  }
}

/** One direction. */
class Pipe {
  readonly #chunks = new Queue<Uint8Array>();
  #length = 0;
  #hasEnded = false;
  #isAbandoned = false;
  #reader: ((chunk: Uint8Array | undefined) => void) | undefined;
  #writer: PromiseWithResolvers<void> | undefined;

  read(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      if (this.#hasEnded || this.#isAbandoned) return Promise.resolve(undefined);
      return new Promise((resolve) => this.#reader = resolve);
    }
    this.#length -= chunk.length;
    if (this.#length < FULL) this.#release();
    return Promise.resolve(chunk);
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#isAbandoned) return Promise.reject(new Error("The other end has been closed"));
    // The caller may reuse the buffer.
    const chunk = bytes.slice();
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader(chunk);
      return Promise.resolve();
    }
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < FULL) return Promise.resolve();
    this.#writer ??= Promise.withResolvers<void>();
    return this.#writer.promise;
  }

  /** Nothing more will be written. */
  end(): void {
    this.#hasEnded = true;
    this.#wakeReader();
  }

  /** Nothing more will be read. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#chunks.takeAll();
    this.#wakeReader();
    this.#release();
  }

  #wakeReader(): void {
    this.#reader?.(undefined);
    this.#reader = undefined;
  }

  #release(): void {
    this.#writer?.resolve();
    this.#writer = undefined;
  }
}
