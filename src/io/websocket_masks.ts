// The masks of RFC 6455, §5.3: each byte that a client sends is XORed with one of four, in turn.
// Most of the time that a WebSocket costs goes here, so it is done four bytes at a time wherever
// the machine's byte order allows it.

const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Fewer bytes than this are masked one by one. */
const WORTH_WORDS = 16;

/** How many masks are drawn at once. */
const DRAWN = 64;

/**
 * Masks bytes in place, or unmasks them, which is the same. The mask is a number with the byte that
 * comes next in its lowest eight bits; the result is the mask for what follows.
 */
export function applyMask(
  bytes: Uint8Array,
  start: number,
  end: number,
  mask: number,
  words: Int32Array,
): number {
  let at = start;
  if (end - start >= WORTH_WORDS && isLittleEndian) {
    const offset = bytes.byteOffset;
    while ((offset + at & 3) !== 0) {
      bytes[at]! ^= mask;
      at++;
      mask = mask >>> 8 | mask << 24;
    }
    const last = offset + end >> 2;
    let word = offset + at >> 2;
    for (; word + 4 <= last; word += 4) {
      words[word]! ^= mask;
      words[word + 1]! ^= mask;
      words[word + 2]! ^= mask;
      words[word + 3]! ^= mask;
    }
    for (; word < last; word++) words[word]! ^= mask;
    at = last * 4 - offset;
  }
  for (; at < end; at++) {
    bytes[at]! ^= mask;
    mask = mask >>> 8 | mask << 24;
  }
  return mask;
}

/** The whole words of the buffer that bytes lie in, for {@linkcode applyMask}. */
export function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
}

/** Masks that nobody can guess, one for each frame (RFC 6455, §10.3). */
export class Masks {
  readonly #drawn = new Int32Array(DRAWN);
  #used = DRAWN;

  /** A new one. */
  next(): number {
    if (this.#used === DRAWN) {
      crypto.getRandomValues(this.#drawn);
      this.#used = 0;
    }
    return this.#drawn[this.#used++]!;
  }
}
