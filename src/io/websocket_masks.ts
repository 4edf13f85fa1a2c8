// Masking of RFC 6455, §5.3: the bytes that a client sends are XORed with the four bytes of a mask
// in turn. This takes most of the time that WebSocket framing costs, so it works on four bytes at a
// time where the machine is little-endian.

const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Shorter data is masked byte by byte: aligning it would cost more than it saves. */
const WORTH_WORDS = 16;

/** Masks per call of `getRandomValues()`, since each call is expensive. */
const DRAWN = 64;

/**
 * Masks or unmasks bytes in place, which is the same operation. The lowest eight bits of the mask
 * are for the first byte. Returns the mask for the bytes that follow. `words` is what
 * {@linkcode wordsOf} returns for the bytes.
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

/** The underlying buffer of bytes as 32-bit words, for {@linkcode applyMask}. */
export function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
}

/** Unpredictable masks, one for each frame (RFC 6455, §10.3). */
export class Masks {
  readonly #drawn = new Int32Array(DRAWN);
  #used = DRAWN;

  /** Returns a new mask. */
  next(): number {
    if (this.#used === DRAWN) {
      crypto.getRandomValues(this.#drawn);
      this.#used = 0;
    }
    return this.#drawn[this.#used++]!;
  }
}
