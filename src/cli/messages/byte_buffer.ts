// Gathers text and bytes for standard output, and escapes what was received if that is a terminal.

import { escapedBytes, escapedJson } from "../terminal/text.ts";

const FIRST = 4096;

/** A buffer that grows. */
export class ByteBuffer {
  #bytes = new Uint8Array(FIRST);
  #length = 0;
  readonly #encoder = new TextEncoder();
  readonly #isEscaping: boolean;

  /**
   * An empty buffer.
   *
   * @param isEscaping whether received bytes are escaped
   */
  constructor(isEscaping = false) {
    this.#isEscaping = isEscaping;
  }

  /** How many bytes are in it. */
  get length(): number {
    return this.#length;
  }

  /** The content: a view, valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Adds text that was not received. */
  text(text: string): void {
    // A UTF-16 unit becomes three bytes at most.
    this.#reserve(text.length * 3);
    this.#length += this.#encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
  }

  /** Adds received bytes. */
  received(bytes: Uint8Array): void {
    this.bytes(this.shown(bytes));
  }

  /** Adds received text. */
  receivedText(text: string): void {
    if (this.#isEscaping) this.received(this.#encoder.encode(text));
    else this.text(text);
  }

  /** Adds JSON that contains received text. */
  receivedJson(json: string): void {
    this.text(this.#isEscaping ? escapedJson(json) : json);
  }

  /** Received bytes as they are written. */
  shown(bytes: Uint8Array): Uint8Array {
    return this.#isEscaping ? this.#encoder.encode(escapedBytes(bytes)) : bytes;
  }

  /** Adds bytes unchanged. */
  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
