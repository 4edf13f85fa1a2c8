// Bounds how much of something is done at the same time; what is too much waits for its turn.

import { checkPositive } from "../session/option_checks.ts";

/** Lets so many pieces of work be done at the same time, the others in the order they came. */
export class Turnstile {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /**
   * Has room for so many.
   *
   * @throws {RangeError} when it would be none
   */
  constructor(concurrency: number) {
    this.#free = checkPositive("concurrency", concurrency);
  }

  /** Does some work when it is its turn. */
  async pass<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free < 1) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
