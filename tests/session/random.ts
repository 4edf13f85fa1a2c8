// Chance that can be repeated: the same seed gives the same numbers.

/** Numbers of one seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 to below `count` (Mulberry32). */
  below(count: number): number {
    this.#state = this.#state + 0x6d2b79f5 | 0;
    let bits = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    bits = bits + Math.imul(bits ^ bits >>> 7, 61 | bits) ^ bits;
    return Math.floor(((bits ^ bits >>> 14) >>> 0) / 4_294_967_296 * count);
  }

  /** Whether something happens that happens once in so many times. */
  onceIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** Takes an item out of a list, any. */
  takeFrom<Item>(items: Item[]): Item | undefined {
    return items.splice(this.below(items.length), 1)[0];
  }
}
