// Any byte stream as a transport: web streams, a `Deno.Conn`, or an existing transport.

import { ReadTurns } from "./read_turns.ts";
import type { Transport } from "./transport.ts";

/** A pair of web streams that carry bytes: a QUIC stream, a pair of pipes, a serial line. */
export interface ByteStream {
  /** The bytes from the other end. */
  readonly readable: ReadableStream<Uint8Array>;
  /** The bytes to the other end. */
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * Carries bytes in both directions, in order: a pair of streams, a `Deno.Conn` or a {@linkcode
 * Transport}.
 */
export type ByteChannel = ByteStream | Deno.Conn | Transport;

/** Whether a value is a {@linkcode ByteChannel}. */
export function isByteChannel(value: unknown): value is ByteChannel {
  return isByteStream(value) || isTransport(value);
}

/**
 * A transport for a byte channel. A `Deno.Conn` has streams, too, but its own methods are faster:
 * `ofConnection` uses them. In a page, which has no such connections, it is left out.
 *
 * @throws {TypeError} when the value is not a byte channel, or its streams are locked
 */
export function transportOf(
  channel: ByteChannel,
  ofConnection?: (connection: Deno.Conn) => Transport,
): Transport {
  if (isByteStream(channel)) {
    return ofConnection !== undefined && isTransport(channel)
      ? ofConnection(channel as unknown as Deno.Conn)
      : new StreamTransport(channel);
  }
  if (isTransport(channel)) return channel;
  throw new TypeError(
    "Expected { readable, writable }, a Deno.Conn or a Transport to carry the bytes",
  );
}

function isByteStream(value: unknown): value is ByteStream {
  return typeof value === "object" && value !== null && "readable" in value && "writable" in value;
}

function isTransport(value: unknown): value is Transport {
  return typeof value === "object" && value !== null &&
    ["read", "write", "closeWrite", "close"].every((name) =>
      typeof (value as Record<string, unknown>)[name] === "function"
    );
}

class StreamTransport implements Transport {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** Rejects pending writes when this end closes: they might never settle by themselves. */
  readonly #waiting = new Set<(error: Error) => void>();
  readonly #turns = new ReadTurns();
  #isClosed = false;

  constructor({ readable, writable }: ByteStream) {
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
    // Errors are reported by reads and writes.
    this.#writer.closed.catch(() => {});
    this.#reader.closed.catch(() => {});
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#turns.isOver) await this.#turns.next();
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError(`The stream must carry Uint8Array, got ${typeof value}`);
      }
      this.#turns.count(value.length);
      if (value.length > 0) return value;
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    // A stream may keep the chunk after its write has resolved, so it is given a copy.
    return this.#unlessClosed(this.#writer.write(bytes.slice()));
  }

  closeWrite(): Promise<void> {
    return this.#unlessClosed(this.#writer.close());
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const reject of this.#waiting) reject(closed());
    // These reject if the stream has already ended or failed.
    this.#reader.cancel().catch(() => {});
    this.#writer.abort().catch(() => {});
  }

  #unlessClosed(work: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) reject(closed());
      this.#waiting.add(reject);
      work.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }
}

function closed(): Error {
  return new Error("The connection has been closed");
}
