// TCP, the plain Network Connection of §4.2.

import type { Transport } from "./transport.ts";

/** Where to connect, and how long to try. */
export interface TcpOptions {
  /** A host name or an IP address. */
  readonly hostname: string;
  /** 1 to 65,535. */
  readonly port: number;
  /** Closes the connection when it aborts, while it is being made and afterwards. */
  readonly signal: AbortSignal;
}

/** Reads go into slices of a slab, one after the other, so that a chunk may be kept as it is. */
const SLAB = 65_536;
/** A slab with less room is left to the chunks in it. */
const LEAST_ROOM = 4096;

/**
 * Connects to a server.
 *
 * @throws {Error} what `Deno.connect` throws when it cannot connect; the signal's reason when it aborts
 */
export async function connectTcp({ hostname, port, signal }: TcpOptions): Promise<Transport> {
  signal.throwIfAborted();
  const connection = await Deno.connect({ hostname, port, signal }).catch((error) => {
    throw signal.aborted ? signal.reason : error;
  });
  return new TcpTransport(connection, signal);
}

class TcpTransport implements Transport {
  readonly #connection: Deno.TcpConn;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.close();
  #slab = new Uint8Array(0);
  #closed = false;

  constructor(connection: Deno.TcpConn, signal: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#slab.length < LEAST_ROOM) this.#slab = new Uint8Array(SLAB);
    const slab = this.#slab;
    const count = await this.#unlessAborted(() => this.#connection.read(slab));
    if (count === null) return undefined;
    this.#slab = slab.subarray(count);
    return slab.subarray(0, count);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#unlessAborted(() => this.#connection.write(bytes.subarray(sent)));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#connection.close();
  }

  async #unlessAborted<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      throw this.#signal.aborted ? this.#signal.reason : error;
    }
  }
}
