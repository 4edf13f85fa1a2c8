// Chance that can be repeated: the same seed gives the same numbers, on every machine.

/** Numbers of one seed (Mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A number from 0 up to, but not including, 1. */
  next(): number {
    this.#state = this.#state + 0x6d2b79f5 | 0;
    let bits = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    bits = bits + Math.imul(bits ^ bits >>> 7, 61 | bits) ^ bits;
    return ((bits ^ bits >>> 14) >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 to below `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** Whether something happens that happens once in so many times. */
  onceIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** Takes an item out of a list, any. */
  takeFrom<Item>(items: Item[]): Item | undefined {
    return items.splice(this.below(items.length), 1)[0];
  }

  /** So many bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index++) bytes[index] = this.below(256);
    return bytes;
  }

  /**
   * Numbers of their own for a part of the whole. Nothing is drawn here for it, so that what one
   * part draws changes nothing for the others.
   */
  static for(seed: number, name: string): Random {
    // FNV-1a, so that similar names have nothing in common.
    let hash = 0x811c9dc5 ^ seed;
    for (let index = 0; index < name.length; index++) {
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    }
    return new Random(hash);
  }
}
