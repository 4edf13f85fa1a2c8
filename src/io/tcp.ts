// A connection of Deno's as a transport: TCP, the plain Network Connection of §4.2, and what else
// Deno connects by.

import { BYTES_A_TURN, ReadTurns } from "./read_turns.ts";
import { nextTurn } from "./runtime.ts";
import type { Slabs } from "./slabs.ts";
import type { Transport } from "./transport.ts";

/**
 * Reads go into slices of a slab, one after the other, so that a chunk may be kept as it is. A slab
 * is small as long as the chunks are: one that a chunk has filled is followed by a larger one.
 */
const FIRST_SLAB = 256;
const LARGEST_SLAB = 131_072;
/** Whoever reads as many bytes at once will have more than one answer, one after the other. */
const MUCH = 512;
const NO_BYTES = new Uint8Array(0);
/** A slab with less than this part of it free is left to the chunks in it. */
const LEAST_ROOM = 1 / 16;

/** Where to connect, and how long to try. */
export interface TcpOptions {
  /** A host name or an IP address. */
  readonly hostname: string;
  /** 1 to 65,535. */
  readonly port: number;
  /** Gives up connecting. Once there is a connection, it does nothing more. */
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

/** The connection as Deno has it: {@linkcode connectTcp}. */
export async function openTcp({ hostname, port, signal }: TcpOptions): Promise<Deno.TcpConn> {
  signal.throwIfAborted();
  const connection = await Deno.connect({ hostname, port, signal }).catch((error) => {
    throw signal.aborted ? signal.reason : error;
  });
  // Packets are gathered before they are written: to wait for more would only cost time.
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
  /** Whether the last read has brought much, or something has been written since. */
  #isBusy = false;
  #closed = false;

  /** `slabs` are shared with other connections. */
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
    // It resolves before those who make packets had a turn: they would go in twos and threes, each
    // write for as much as hundreds together. Who answers a message or two is not held up.
    if (bytes.length >= BYTES_A_TURN) return;
    if (this.#isBusy) await nextTurn();
    this.#isBusy = true;
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
    // Bytes may still come into it.
    if (!this.#isReading) this.#leave();
  }

  /** Nothing more will be read. */
  #leave(): void {
    if (isWhole(this.#slab)) this.#slabs?.give(this.#slab);
    this.#slab = this.#before = NO_BYTES;
  }
}

/** A connection of Deno's as a transport. */
export function connectionTransport(connection: Deno.Conn): Transport {
  if ("setNoDelay" in connection) (connection as Deno.TcpConn).setNoDelay();
  return new TcpTransport(connection);
}

/** Whether nothing in a slab is kept: it is free from its beginning. */
function isWhole(slab: Uint8Array): boolean {
  return slab.length === slab.buffer.byteLength;
}
