// Timers for sessions that expire, Wills that are delayed, retained messages that expire. A binary
// heap, so that the platform needs only one timer for all of them.

/** A function to be called at some time. */
export interface Timer {
  /** When, in milliseconds of the engine's clock. */
  readonly at: number;
  readonly act: (now: number) => void;
  /** Set it to cancel the timer. */
  isCancelled: boolean;
}

/** Something that waits. */
export interface Wait {
  /** Resolves when it is over. */
  readonly isOver: Promise<void>;
  /** Ends it before its time. */
  readonly end: () => void;
}

/** Below this size the heap is never searched for cancelled timers. */
const MINIMUM_SWEEP_SIZE = 64;

/** Timers, ordered by time. */
export class Timers {
  #heap: Timer[] = [];
  #sweepAt = MINIMUM_SWEEP_SIZE;

  /** The number of timers, including cancelled ones that have not been removed yet. */
  get size(): number {
    return this.#heap.length;
  }

  /** When the next timer is due; `Infinity` when there is none. */
  get deadline(): number {
    this.#dropCancelled();
    return this.#heap[0]?.at ?? Infinity;
  }

  /** Adds a timer. At `Infinity` it never fires. */
  add(at: number, act: (now: number) => void): Timer {
    const timer: Timer = { at, act, isCancelled: false };
    if (at === Infinity) return timer;
    if (this.#heap.length >= this.#sweepAt) this.#sweep();
    this.#heap.push(timer);
    this.#rise(this.#heap.length - 1);
    return timer;
  }

  /** Waits until a time. */
  waitUntil(at: number): Wait {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.add(at, () => resolve());
    const end = () => {
      timer.isCancelled = true;
      resolve();
    };
    return { isOver: promise, end };
  }

  /**
   * Runs the timers that are due, in the order of their time, until `isOver` returns true. When one
   * throws, `onError` is called and the others still run.
   */
  run(
    now: number,
    onError: (error: unknown) => void = rethrow,
    isOver: () => boolean = () => false,
  ): void {
    while (this.deadline <= now) {
      const { act } = this.#takeFirst()!;
      try {
        act(now);
      } catch (error) {
        onError(error);
      }
      if (isOver()) return;
    }
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.isCancelled) this.#takeFirst();
  }

  /**
   * Removes cancelled timers whenever they may outnumber the others: clients that reconnect again
   * and again would fill the heap with them.
   */
  #sweep(): void {
    this.#heap = this.#heap.filter(({ isCancelled }) => !isCancelled);
    // Restores the heap from the bottom, in linear time.
    for (let index = (this.#heap.length >> 1) - 1; index >= 0; index--) this.#sink(index);
    this.#sweepAt = Math.max(MINIMUM_SWEEP_SIZE, 2 * this.#heap.length);
  }

  #takeFirst(): Timer | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #rise(index: number): void {
    const heap = this.#heap;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.at <= heap[index]!.at) return;
      [heap[parent], heap[index]] = [heap[index]!, heap[parent]!];
      index = parent;
    }
  }

  #sink(index: number): void {
    const heap = this.#heap;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      let least = index;
      if (left < heap.length && heap[left]!.at < heap[least]!.at) least = left;
      if (right < heap.length && heap[right]!.at < heap[least]!.at) least = right;
      if (least === index) return;
      [heap[least], heap[index]] = [heap[index]!, heap[least]!];
      index = least;
    }
  }
}

function rethrow(error: unknown): never {
  throw error;
}
