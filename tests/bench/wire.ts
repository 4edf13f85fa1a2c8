// What carries the bytes of a benchmark's own ends, whatever it is: what `Deno.Conn` has, and what a socket of Node's kind is
// made to have.

import type { Socket } from "node:net";

/** Bytes both ways. */
export interface Wire {
  /** Reads into the buffer, and resolves to how many bytes; `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes the bytes, or the first of them, and resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** A socket of Node's kind. */
export class SocketWire implements Wire {
  readonly #socket: Socket;
  /** What did not fit into the buffer. */
  #rest: Uint8Array | undefined;
  #wake = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    for (const event of ["readable", "end", "close"]) socket.on(event, () => this.#wake());
    // The end tells.
    socket.on("error", () => {});
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk: Uint8Array | null = this.#rest ?? this.#socket.read();
      if (chunk !== null) {
        const taken = chunk.subarray(0, buffer.length);
        buffer.set(taken);
        this.#rest = taken.length < chunk.length ? chunk.subarray(taken.length) : undefined;
        return taken.length;
      }
      if (this.#socket.readableEnded || this.#socket.destroyed) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
