// Time limits for many things at once, with one timer: a timer for each would cost more than what
// it watches over.

import type { Clock } from "../io/clock.ts";

/** Something with a time limit. */
export interface Limited {
  /** How long it may take, in milliseconds; `Infinity` for as long as it likes. */
  readonly timeout: number;
  /** When that is over, in milliseconds of the clock. */
  readonly deadline: number;
}

/** What is to end in time. */
export class Deadlines<Item extends Limited> {
  readonly #clock: Clock;
  readonly #onLate: (item: Item) => void;
  /** Those of equal time limits, which are over in the order in which they were added. */
  readonly #byTimeout = new Map<number, Set<Item>>();
  /** When the timer is due. */
  #next = Infinity;
  #cancel = (): void => {};

  /** `onLate` is called for each item whose time is over, which is in here no more. */
  constructor(clock: Clock, onLate: (item: Item) => void) {
    this.#clock = clock;
    this.#onLate = onLate;
  }

  /** Watches over an item. */
  add(item: Item): void {
    if (item.timeout === Infinity) return;
    const equal = this.#byTimeout.get(item.timeout);
    if (equal === undefined) this.#byTimeout.set(item.timeout, new Set([item]));
    else equal.add(item);
    if (item.deadline < this.#next) this.#wait(item.deadline);
  }

  /** An item has ended. The timer goes on: the next item may want it. */
  remove(item: Item): void {
    const equal = this.#byTimeout.get(item.timeout);
    equal?.delete(item);
    if (equal?.size === 0) this.#byTimeout.delete(item.timeout);
  }

  /** Watches over nothing any more. */
  end(): void {
    this.#cancel();
    this.#next = Infinity;
    this.#byTimeout.clear();
  }

  #wait(deadline: number): void {
    this.#cancel();
    this.#next = deadline;
    this.#cancel = this.#clock.at(deadline, () => this.#due());
  }

  #due(): void {
    const now = this.#clock.now();
    this.#next = Infinity;
    const late: Item[] = [];
    let next = Infinity;
    for (const equal of this.#byTimeout.values()) {
      for (const item of equal) {
        if (item.deadline > now) {
          next = Math.min(next, item.deadline);
          break;
        }
        late.push(item);
      }
    }
    for (const item of late) this.remove(item);
    if (next !== Infinity) this.#wait(next);
    for (const item of late) this.#onLate(item);
  }
}
