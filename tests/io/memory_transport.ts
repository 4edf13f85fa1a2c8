// A Network Connection without a network: two ends in the memory of one process, each a transport. A test may hold bytes
// back, cut the connection, and see what became of it.

import type { Transport } from "../../src/io/transport.ts";

/** A write that waits until the network takes it. */
interface Writing {
  readonly bytes: Uint8Array;
  readonly settled: PromiseWithResolvers<void>;
}

/** One end of a connection. */
export class MemoryTransport implements Transport {
  #other!: MemoryTransport;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.close();
  #incoming: Uint8Array[] = [];
  #hasEnded = false;
  #reader: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  #writings: Writing[] = [];
  #isStalled = false;
  #budget = Infinity;
  #isClosed = false;
  #error: unknown;
  /** How often `close()` was called. */
  closings = 0;
  /** How many writes and bytes were given to it, taken or not. */
  writes = 0;
  written = 0;
  /** Whether `closeWrite()` was called. */
  hasClosedWrite = false;

  /** Use {@linkcode MemoryTransport.pair}. */
  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** Two ends of one connection. A signal closes the first. */
  static pair(signal?: AbortSignal): readonly [MemoryTransport, MemoryTransport] {
    const ends = [new MemoryTransport(signal), new MemoryTransport(undefined)] as const;
    ends[0].#other = ends[1];
    ends[1].#other = ends[0];
    return ends;
  }

  /** Whether this end is closed, by itself or with the network. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** How many chunks have come and were not read. */
  get unread(): number {
    return this.#incoming.length;
  }

  async read(): Promise<Uint8Array | undefined> {
    this.#throwIfClosed();
    if (this.#incoming.length > 0) return this.#incoming.shift();
    if (this.#hasEnded) return undefined;
    if (this.#reader !== undefined) throw new Error("Two reads at once");
    this.#reader = Promise.withResolvers();
    return await this.#reader.promise;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#throwIfClosed();
    if (this.#writings.length > 0) throw new Error("Two writes at once");
    if (bytes.length === 0) throw new Error("A write of nothing");
    if (this.hasClosedWrite) throw new Error("A write after the end");
    this.writes++;
    this.written += bytes.length;
    const writing: Writing = { bytes, settled: Promise.withResolvers() };
    this.#writings.push(writing);
    if (!this.#isStalled) this.#flow();
    await writing.settled.promise;
  }

  async closeWrite(): Promise<void> {
    this.#throwIfClosed();
    if (this.#writings.length > 0) throw new Error("An end in the middle of a write");
    this.hasClosedWrite = true;
    this.#other.#end();
    await Promise.resolve();
  }

  close(): void {
    this.closings++;
    if (this.#isClosed) return;
    this.#shut(undefined);
    this.#other.#end();
  }

  /** From now on this end's writes wait: the other end, or the network, takes nothing. */
  stall(): void {
    this.#isStalled = true;
  }

  /** The network takes again what this end writes. */
  resume(): void {
    this.#isStalled = false;
    this.#flow();
  }

  /** The network breaks down once this end has sent so many more bytes: perhaps in the middle of a packet. */
  cutAfter(bytes: number): void {
    this.#budget = bytes;
  }

  /** The network is gone, for both ends. */
  cut(error: unknown = new Error("The network is down")): void {
    this.#other.#shut(error);
    this.#shut(error);
  }

  /** All that has come and was not read, without waiting. */
  takeIncoming(): Uint8Array[] {
    return this.#incoming.splice(0);
  }

  /** Bytes may change once they are written, not before: so they are copied as late as can be. */
  #flow(): void {
    for (const { bytes, settled } of this.#writings.splice(0)) {
      if (this.#other.#isClosed) {
        settled.reject(new Error("Broken pipe"));
        continue;
      }
      const sent = bytes.slice(0, this.#budget);
      this.#budget -= sent.length;
      if (sent.length > 0) this.#other.#take(sent);
      settled.resolve();
      if (sent.length < bytes.length) this.cut();
    }
  }

  #take(bytes: Uint8Array): void {
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader === undefined) this.#incoming.push(bytes);
    else reader.resolve(bytes);
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#hasEnded = true;
    this.#reader?.resolve(undefined);
    this.#reader = undefined;
  }

  #shut(error: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#error = this.#signal?.aborted ? this.#signal.reason : error;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#reader?.reject(this.#reason());
    this.#reader = undefined;
    for (const { settled } of this.#writings.splice(0)) settled.reject(this.#reason());
  }

  #throwIfClosed(): void {
    this.#signal?.throwIfAborted();
    if (this.#isClosed) throw this.#reason();
  }

  #reason(): unknown {
    return this.#error ?? new Error("The transport is closed");
  }
}
