// A clock that stands still until a test moves it. What is due on the way happens in its order, each with all that follows
// from it, so that a day of waiting takes no time and a run is like the next.

import type { Clock } from "../../src/io/clock.ts";

/** A callback that waits for its time. */
interface Timer {
  readonly time: number;
  readonly callback: () => void;
}

/** Time and chance in the hands of a test. */
export class VirtualClock implements Clock {
  readonly #timers = new Set<Timer>();
  // Not at 0, which something might take for "never".
  #now = 1_000_000;
  #lead = 0;
  /** What `random()` says. */
  chance = 0;

  /** How many callbacks wait. */
  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  lead(): number {
    return this.#lead;
  }

  at(time: number, callback: () => void): () => void {
    if (Number.isNaN(time)) throw new RangeError("A callback has no time");
    const timer = { time, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  random(): number {
    return this.chance;
  }

  /** Time passes, in milliseconds; 0 lets happen what is due now. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    await settle();
    for (let timer = this.#next(until); timer !== undefined; timer = this.#next(until)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.time);
      timer.callback();
      await settle();
    }
    this.#now = until;
  }

  /** The machine sleeps: time passes on the wall, and no timer has noticed it. */
  sleep(milliseconds: number): void {
    this.#lead += milliseconds;
  }

  /** Of those that are due by then the first; of several at the same time the one that was set first. */
  #next(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.time <= until && timer.time < (first?.time ?? Infinity)) first = timer;
    }
    return first;
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
