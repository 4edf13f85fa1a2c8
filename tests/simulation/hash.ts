// A hash of all that happened, which tells whether two runs were the same. Not for cryptography.

/** FNV-1a, twice with different beginnings, which makes 64 bits. */
export class Hash {
  #low = 0x811c9dc5;
  #high = 0x01234567;

  /** One that goes on from here. */
  copy(): Hash {
    const copy = new Hash();
    copy.#low = this.#low;
    copy.#high = this.#high;
    return copy;
  }

  bytes(bytes: Uint8Array): void {
    let low = this.#low;
    let high = this.#high;
    for (let place = 0; place < bytes.length; place++) {
      low = Math.imul(low ^ bytes[place]!, 0x01000193);
      high = Math.imul(high ^ bytes[place]!, 0x01000193);
    }
    this.#low = low;
    // The two would stay alike in their last bits.
    this.#high = high ^ low >>> 13;
  }

  /** The last 32 bits of a whole number. */
  number(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ value, 0x01000193) ^ this.#low >>> 13;
  }

  text(text: string): void {
    for (let place = 0; place < text.length; place++) this.number(text.charCodeAt(place));
  }

  /** What it is by now, in hexadecimal. */
  get value(): string {
    return [this.#high, this.#low].map((part) => (part >>> 0).toString(16).padStart(8, "0")).join(
      "",
    );
  }
}
