// Text and bytes on their way to standard output. What was received is escaped here, where it is to
// be.

import { escapedBytes, escapedJson } from "../terminal/text.ts";

const FIRST = 4096;

/** A buffer that grows. */
export class ByteBuffer {
  #bytes = new Uint8Array(FIRST);
  #length = 0;
  readonly #encoder = new TextEncoder();
  readonly #isEscaping: boolean;

  /**
   * A buffer; if its bytes are for a terminal, what was received is escaped, or may be written as
   * it is.
   */
  constructor(isEscaping = false) {
    this.#isEscaping = isEscaping;
  }

  /** How many bytes are in it. */
  get length(): number {
    return this.#length;
  }

  /** What is in it: a view, valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Takes a text of our own, or the person's. */
  text(text: string): void {
    // A UTF-16 unit becomes three bytes at most.
    this.#reserve(text.length * 3);
    this.#length += this.#encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
  }

  /** Takes bytes that were received. */
  received(bytes: Uint8Array): void {
    this.bytes(this.shown(bytes));
  }

  /** Takes a text that was received. */
  receivedText(text: string): void {
    if (this.#isEscaping) this.received(this.#encoder.encode(text));
    else this.text(text);
  }

  /** Takes JSON with texts in it that were received. */
  receivedJson(json: string): void {
    this.text(this.#isEscaping ? escapedJson(json) : json);
  }

  /** What would be written of bytes that were received. */
  shown(bytes: Uint8Array): Uint8Array {
    return this.#isEscaping ? this.#encoder.encode(escapedBytes(bytes)) : bytes;
  }

  /** Takes bytes as they are. */
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
