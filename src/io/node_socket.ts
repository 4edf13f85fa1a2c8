// A socket of Node's kind as a transport: TCP, TLS or Unix, on Deno, Node and Bun. For what Deno's
// own connections cannot do, client certificates above all, and for where there is no Deno.

import { ReadTurns } from "./read_turns.ts";
import { isDeno } from "./runtime.ts";
import type { Transport } from "./transport.ts";

/** A socket of `node:net`; one of `node:tls` is such a socket, too. */
export type NodeSocket = InstanceType<(typeof import("node:net"))["Socket"]>;

/**
 * The most bytes of one read, as in io/tcp.ts: a queue that is bounded drops what is too much at
 * once.
 */
const LARGEST_CHUNK = 131_072;

/**
 * A connected socket as a transport. The socket must have been made with `allowHalfOpen: true`,
 * else it closes its own side with the other end's. Bytes that have not been read stay in the
 * socket, for whatever takes it over.
 */
export class NodeSocketTransport implements Transport {
  readonly #socket: NodeSocket;
  /** What is to be told the outcome of a write, or of closing this side. */
  readonly #waiting = new Set<Settle>();
  #wakeReader: (() => void) | undefined;
  #isRead = false;
  #isClosed = false;
  #error: Error | undefined;
  /** A read that gives way finds a larger chunk then. */
  readonly #turns = new ReadTurns();
  readonly #below: Readable | undefined;

  /** `below` is the socket that a socket of TLS is on. */
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
      // Without a number it is all that there is, which may be megabytes.
      const size = Math.min(socket.readableLength, LARGEST_CHUNK);
      const chunk: Uint8Array<ArrayBuffer> | null = socket.read(size || undefined);
      if (chunk !== null) {
        this.#turns.count(chunk.length);
        // Not a Buffer, whose slice() would be a view.
        return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
      }
      // In Deno 2.9 the end follows an alert of TLS, too: what the alert says comes first.
      if (this.#error !== undefined) throw this.#error;
      if (socket.readableEnded) return undefined;
      if (socket.destroyed) break;
      this.#below?.readStart?.();
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
      this.#below?.readStop?.();
    }
    throw closed();
  }

  /** Resolves when the system has taken the bytes: they may be overwritten then. */
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
   * Such a listener keeps the socket from flowing: it reads ahead up to its high-water mark, and no
   * more. It does no harm when another transport reads from the socket later.
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

  /** Not every runtime calls back when the socket is closed in the meantime, or has been before. */
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
 * What is below a socket of TLS. In Deno 2.9 TLS reads from there without bound, whether anybody
 * reads from it or not: a server that sends for ever would fill the memory. So it is let read only
 * while somebody waits for bytes.
 */
interface Readable {
  readonly readStart?: () => void;
  readonly readStop?: () => void;
}

type Settle = (error?: Error | null) => void;

function closed(): Error {
  return new Error("The connection has been closed");
}
