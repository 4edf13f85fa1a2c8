// A `Deno.Conn` as a transport: TCP, the plain Network Connection of §4.2, and TLS and Unix sockets
// where Deno provides them.

import { BYTES_A_TURN, ReadTurns } from "./read_turns.ts";
import { nextTurn } from "./runtime.ts";
import type { Slabs } from "./slabs.ts";
import type { Transport } from "./transport.ts";

/**
 * Each read fills the next free part of a buffer, the slab, so that callers may keep a chunk
 * without copying it. Slabs start small; when a single chunk fills one, the next is larger.
 */
const FIRST_SLAB = 256;
const LARGEST_SLAB = 131_072;
/** A read of at least this many bytes probably leads to several answers, one after the other. */
const MUCH = 512;
const NO_BYTES = new Uint8Array(0);
/**
 * So many bytes of a connection are written without delay. A short program has nothing else to
 * send, and Deno loads Node's timers, which takes 5 ms, for the first `setImmediate`.
 */
const HANDFUL = 512;
/** A slab with less than this fraction of the current size free is not read into any more. */
const LEAST_ROOM = 1 / 16;

/** Where to connect, and how long to try. */
export interface TcpOptions {
  /** A host name or an IP address. */
  readonly hostname: string;
  /** 1 to 65,535. */
  readonly port: number;
  /** Cancels the attempt to connect. Has no effect on a connection that is already open. */
  readonly signal: AbortSignal;
}

/**
 * Connects by TCP.
 *
 * @throws {Error} what `Deno.connect` throws when it cannot connect; the signal's reason when it
 *   aborts
 */
export async function connectTcp(options: TcpOptions): Promise<TcpTransport> {
  return new TcpTransport(await openTcp(options));
}

/** Like {@linkcode connectTcp}, but returns the `Deno.TcpConn` itself, for `Deno.startTls`. */
export async function openTcp({ hostname, port, signal }: TcpOptions): Promise<Deno.TcpConn> {
  signal.throwIfAborted();
  const connection = await Deno.connect({ hostname, port, signal }).catch((error) => {
    throw signal.aborted ? signal.reason : error;
  });
  // Packets are already batched before they are written: Nagle's algorithm would only add delay.
  connection.setNoDelay();
  return connection;
}

/** A connection over TCP, with or without TLS, or a Unix socket, as a transport. */
export class TcpTransport implements Transport {
  readonly #connection: Deno.Conn;
  #slab = NO_BYTES;
  readonly #slabs: Slabs | undefined;
  #isReading = false;
  /** The slab as it was before the last read. */
  #before = this.#slab;
  #size = FIRST_SLAB;
  readonly #turns = new ReadTurns();
  /** Whether the last read returned at least {@linkcode MUCH} bytes, or was followed by a write. */
  #isBusy = false;
  /** How many of the first {@linkcode HANDFUL} bytes have been written. */
  #written = 0;
  #closed = false;

  /** `slabs` is a pool of buffers that this connection shares with others. */
  constructor(connection: Deno.Conn, slabs?: Slabs) {
    this.#connection = connection;
    this.#slabs = slabs;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#turns.isOver) await this.#turns.next();
    if (this.#slab.length < this.#size * LEAST_ROOM) {
      this.#slab = this.#slabs?.take(this.#size) ?? new Uint8Array(this.#size);
    }
    const slab = this.#slab;
    this.#isReading = true;
    let count: number | null;
    try {
      count = await this.#connection.read(slab);
    } catch (error) {
      this.#isReading = false;
      if (this.#closed) this.#leave();
      throw error;
    }
    this.#isReading = false;
    if (count === null) return undefined;
    this.#before = slab;
    this.#slab = slab.subarray(count);
    this.#turns.count(count);
    this.#isBusy = count >= MUCH;
    if (count === slab.length) this.#size = Math.min(this.#size * 4, LARGEST_SLAB);
    return slab.subarray(0, count);
  }

  /** A slab that was too small for what came is left, all the same. */
  release(): void {
    const before = this.#before;
    if (this.#slab.length > 0 || before.length === this.#size) this.#slab = before;
    else if (isWhole(before)) {
      this.#slabs?.give(before);
      this.#before = this.#slab;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
    // Deno's write resolves before the code that produces packets has run again, so each write
    // would carry only two or three packets, at the cost of a write with hundreds. A first, small
    // answer is not delayed.
    if (bytes.length >= BYTES_A_TURN) return;
    if (this.#written < HANDFUL) this.#written += bytes.length;
    else if (this.#isBusy) await nextTurn();
    this.#isBusy = true;
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
    // A pending read may still write into the slab.
    if (!this.#isReading) this.#leave();
  }

  /** Returns the slab to the pool, if possible: nothing more will be read into it. */
  #leave(): void {
    if (isWhole(this.#slab)) this.#slabs?.give(this.#slab);
    this.#slab = this.#before = NO_BYTES;
  }
}

/** A transport for a `Deno.Conn` that the application has opened. */
export function connectionTransport(connection: Deno.Conn): Transport {
  if ("setNoDelay" in connection) (connection as Deno.TcpConn).setNoDelay();
  return new TcpTransport(connection);
}

/** Whether the whole slab is free: no chunk in it has been handed out. */
function isWhole(slab: Uint8Array): boolean {
  return slab.length === slab.buffer.byteLength;
}
