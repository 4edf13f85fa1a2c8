// A socket of `node:net` or `node:tls` as a transport, on Deno, Node and Bun. On Deno it is used
// for what Deno's own connections cannot do, above all client certificates.

import { ReadTurns } from "./read_turns.ts";
import { isDeno } from "./runtime.ts";
import type { Transport } from "./transport.ts";

/** A socket of `node:net`; one of `node:tls` is such a socket, too. */
export type NodeSocket = InstanceType<(typeof import("node:net"))["Socket"]>;

/**
 * The largest chunk, as in io/tcp.ts: a bounded queue would drop messages if too many arrived in
 * one chunk.
 */
const LARGEST_CHUNK = 131_072;

/**
 * A connected socket as a transport. The socket must have been created with `allowHalfOpen: true`;
 * otherwise it closes its own side as soon as the peer closes the other. Unread bytes stay in the
 * socket, for a TLS socket on top of it.
 */
export class NodeSocketTransport implements Transport {
  readonly #socket: NodeSocket;
  /** Callbacks of writes and of `closeWrite()` that are still pending. */
  readonly #waiting = new Set<Settle>();
  #wakeReader: (() => void) | undefined;
  #isRead = false;
  #isClosed = false;
  #error: Error | undefined;
  readonly #turns = new ReadTurns();
  readonly #below: Readable | undefined;

  /** `below` is the TCP socket under a TLS socket. */
  constructor(socket: NodeSocket, below?: NodeSocket) {
    this.#socket = socket;
    this.#below = isDeno
      ? (below as { readonly _handle?: Readable } | undefined)?._handle
      : undefined;
    this.#below?.readStop?.();
    socket.on("error", (error) => this.#error ??= error);
    socket.on("close", () => {
      this.#wake();
      for (const settle of this.#waiting) settle(this.#error ?? closed());
    });
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#turns.isOver) await this.#turns.next();
    const socket = this.#socket;
    if (!this.#isRead) this.#beginToRead();
    while (!this.#isClosed) {
      // Without a size, read() returns everything in the buffer, which may be megabytes.
      const size = Math.min(socket.readableLength, LARGEST_CHUNK);
      const chunk: Uint8Array<ArrayBuffer> | null = socket.read(size || undefined);
      if (chunk !== null) {
        this.#turns.count(chunk.length);
        // Not as a Buffer: its slice() returns a view, not a copy.
        return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
      }
      // In Deno 2.9 a TLS alert is followed by the end of the stream: report the alert first.
      if (this.#error !== undefined) throw this.#error;
      if (socket.readableEnded) return undefined;
      if (socket.destroyed) break;
      this.#below?.readStart?.();
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
      this.#below?.readStop?.();
    }
    throw closed();
  }

  /** Resolves when the system has copied the bytes: the caller may then reuse them. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#settled((settle) => this.#socket.write(bytes, settle));
  }

  closeWrite(): Promise<void> {
    return this.#settled((settle) => this.#socket.end(settle));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.#wake();
  }

  /**
   * A `readable` listener keeps the socket in paused mode: it reads ahead up to its high-water mark
   * only. The listener is harmless when another transport reads from the socket later.
   */
  #beginToRead(): void {
    this.#isRead = true;
    const wake = () => this.#wake();
    this.#socket.on("readable", wake);
    this.#socket.on("end", wake);
  }

  #wake(): void {
    this.#wakeReader?.();
    this.#wakeReader = undefined;
  }

  /** Not every runtime calls back if the socket is closed before or during the operation. */
  #settled(act: (settle: Settle) => void): Promise<void> {
    if (this.#socket.destroyed) return Promise.reject(this.#error ?? closed());
    return new Promise((resolve, reject) => {
      const settle = (error?: Error | null) => {
        this.#waiting.delete(settle);
        if (error) reject(this.#error ?? error);
        else resolve();
      };
      this.#waiting.add(settle);
      act(settle);
    });
  }
}

/**
 * The handle of the socket under a TLS socket. In Deno 2.9 the TLS socket reads from it without
 * limit, even when nobody reads the result, so a server could fill the memory. Reading is therefore
 * enabled only while a read is pending.
 */
interface Readable {
  readonly readStart?: () => void;
  readonly readStop?: () => void;
}

type Settle = (error?: Error | null) => void;

function closed(): Error {
  return new Error("The connection has been closed");
}
