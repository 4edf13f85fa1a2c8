// Copies of small packets lie together in larger pieces of memory: to make a piece for each costs
// more than all that is done with the packet.

/** How large a piece is, and the largest packet that is put into one, in bytes. */
const PIECE = 8192;
const LARGEST = 1024;

/** Up to so many bytes a loop is faster than a view of them. */
const LOOP = 128;

/** Copies bytes that will be kept. Whoever keeps a small copy keeps its piece. */
export class PacketStore {
  #piece = new Uint8Array(0);
  #used = 0;

  /** A copy of a part, which nobody writes over. */
  copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start;
    if (length > LARGEST) return bytes.slice(start, end);
    if (this.#used + length > this.#piece.length) {
      this.#piece = new Uint8Array(PIECE);
      this.#used = 0;
    }
    const copy = this.#piece.subarray(this.#used, this.#used += length);
    if (length > LOOP) copy.set(bytes.subarray(start, end));
    else for (let index = 0; index < length; index++) copy[index] = bytes[start + index]!;
    return copy;
  }
}
