// What is to happen in a virtual world, in the order of time and, at one time, of arrival. After
// each entry all microtasks that it leads to run to their end, before the next: JavaScript runs
// them in one order only, so that a run is like the next.

import { nextTurn } from "../io/runtime.ts";

/** Time goes in steps of so many to a millisecond: then sums of times are exact. */
export const STEPS = 1024;

/** Something that is to happen. */
interface Entry {
  readonly time: number;
  /** Of several at one time the one that came first is the first. */
  readonly number: number;
  readonly isTraffic: boolean;
  /** `undefined` once it has happened, or was cancelled. */
  callback: (() => void) | undefined;
}

/** Somebody who waits until all that is due by a time has happened. */
interface Waiter {
  readonly target: number;
  readonly resolve: () => void;
}

/** How a schedule runs. */
export interface ScheduleOptions {
  /**
   * Whether what is due happens by itself, with all of the traffic: then time moves as far as the
   * traffic takes. Default: only {@linkcode Schedule.run} and {@linkcode Schedule.step} do
   * anything.
   */
  readonly runsByItself?: boolean | undefined;
  /** Is told what an entry throws. */
  readonly onError: (error: unknown) => void;
}

/** The time of a world, and what is to happen in it. */
export class Schedule {
  readonly #options: ScheduleOptions;
  /** A heap: the next one is the first. */
  readonly #entries: Entry[] = [];
  #now = 0;
  #count = 0;
  #steps = 0;
  /** How many entries that wait are traffic. */
  #traffic = 0;
  /** How many wait who cannot make time pass. */
  #waiting = 0;
  /** How far {@linkcode Schedule.run} is to go. */
  #target = -Infinity;
  /** Who waits for it. */
  #waiters: Waiter[] = [];
  #isRunning = false;
  #isEnded = false;

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  /** When something happens next; `Infinity` if nothing does. */
  get next(): number {
    return this.#first?.time ?? Infinity;
  }

  /** How many entries have happened. */
  get steps(): number {
    return this.#steps;
  }

  /** Whether bytes are on their way. */
  get hasTraffic(): boolean {
    return this.#traffic > 0;
  }

  /**
   * Calls back at `time`, or at once in its turn if that is over. Returns what prevents it.
   *
   * @throws {RangeError} when the time is not a number
   */
  at(time: number, callback: () => void, isTraffic = false): () => void {
    if (Number.isNaN(time)) throw new RangeError("The time of a callback is not a number");
    if (this.#isEnded || time === Infinity) return () => {};
    const entry: Entry = {
      time: Math.max(Math.ceil(time * STEPS) / STEPS, this.#now),
      number: this.#count++,
      isTraffic,
      callback,
    };
    if (isTraffic) this.#traffic++;
    this.#push(entry);
    this.#wakeIfAlone();
    return () => {
      if (entry.callback === undefined) return;
      entry.callback = undefined;
      if (isTraffic) this.#traffic--;
    };
  }

  /** Lets the next entry happen, whenever it is due. Resolves to false if there is none. */
  async step(): Promise<boolean> {
    if (!this.#happen(true)) return false;
    await nextTurn();
    return true;
  }

  /**
   * Lets happen what is due until `time`, with all that it leads to until then. Resolves when it is
   * that late, and nothing is left to do.
   */
  async run(time: number): Promise<void> {
    // What the caller has begun before is to be there.
    await nextTurn();
    const target = Math.ceil(time * STEPS) / STEPS;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push({ target, resolve });
    this.#target = Math.max(this.#target, target);
    if (!this.#isRunning) void this.#runDue();
    await promise;
  }

  /**
   * Somebody waits who cannot make time pass: a schedule that runs by itself goes on until what is
   * returned is called.
   */
  hurry(): () => void {
    let isWaiting = true;
    this.#waiting++;
    this.#wakeIfAlone();
    return () => {
      if (isWaiting) this.#waiting--;
      isWaiting = false;
    };
  }

  /** Nothing happens any more. */
  end(): void {
    this.#isEnded = true;
    this.#entries.length = 0;
    this.#traffic = 0;
  }

  /** Whether something is to happen now. */
  get #isDue(): boolean {
    const first = this.#first;
    if (first === undefined) return false;
    return first.time <= Math.max(this.#now, this.#target) ||
      this.#options.runsByItself === true && this.#traffic + this.#waiting > 0;
  }

  #wakeIfAlone(): void {
    if (this.#options.runsByItself !== true) return;
    if (!this.#isRunning && this.#isDue) void this.#runDue();
  }

  async #runDue(): Promise<void> {
    this.#isRunning = true;
    // Whoever has woken it goes on first.
    await nextTurn();
    while (this.#tellWaiters() || this.#happen()) await nextTurn();
    this.#isRunning = false;
  }

  /** Tells those whose time has come. Returns whether there are any: they go on first. */
  #tellWaiters(): boolean {
    if (this.#waiters.length === 0) return false;
    const { next } = this;
    const ready = this.#waiters.filter(({ target }) => target < next);
    if (ready.length === 0) return false;
    this.#waiters = this.#waiters.filter(({ target }) => target >= next);
    for (const { target, resolve } of ready) {
      this.#now = Math.max(this.#now, target);
      resolve();
    }
    return true;
  }

  /** Lets the next entry happen, if it is due. */
  #happen(isDue = this.#isDue): boolean {
    const entry = this.#first;
    if (!isDue || entry === undefined) return false;
    this.#pop();
    const callback = entry.callback!;
    entry.callback = undefined;
    if (entry.isTraffic) this.#traffic--;
    this.#now = Math.max(this.#now, entry.time);
    this.#steps++;
    try {
      callback();
    } catch (error) {
      this.#options.onError(error);
    }
    return true;
  }

  /** The next entry; those that were cancelled go. */
  get #first(): Entry | undefined {
    for (;;) {
      const [first] = this.#entries;
      if (first === undefined || first.callback !== undefined) return first;
      this.#pop();
    }
  }

  #push(entry: Entry): void {
    const entries = this.#entries;
    let index = entries.length;
    entries.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(entry, entries[parent]!)) break;
      entries[index] = entries[parent]!;
      index = parent;
    }
    entries[index] = entry;
  }

  #pop(): void {
    const entries = this.#entries;
    const last = entries.pop()!;
    const { length } = entries;
    if (length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(entries[child + 1]!, entries[child]!)) child++;
      if (!isBefore(entries[child]!, last)) break;
      entries[index] = entries[child]!;
      index = child;
    }
    entries[index] = last;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.time < other.time || one.time === other.time && one.number < other.number;
}
