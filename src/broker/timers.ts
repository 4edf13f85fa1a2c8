// What is to be done at some time: sessions that end, Wills that are due, retained messages that
// expire. A binary heap.

/** Something to be done. */
export interface Timer {
  /** When, in milliseconds of the engine's clock. */
  readonly at: number;
  /** What. */
  readonly act: (now: number) => void;
  /** Whether it is not to be done any more. */
  isCancelled: boolean;
}

/** So many appointments are never looked through for cancelled ones. */
const FEW = 64;

/** Appointments in the order of their time. */
export class Timers {
  #heap: Timer[] = [];
  #sweepAt = FEW;

  /** How many there are, with those cancelled ones that have not been forgotten yet. */
  get size(): number {
    return this.#heap.length;
  }

  /** When the next is due; `Infinity` when there is none. */
  get deadline(): number {
    this.#dropCancelled();
    return this.#heap[0]?.at ?? Infinity;
  }

  /** Adds one. At `Infinity` it never comes. */
  add(at: number, act: (now: number) => void): Timer {
    const appointment: Timer = { at, act, isCancelled: false };
    if (at === Infinity) return appointment;
    if (this.#heap.length >= this.#sweepAt) this.#sweep();
    this.#heap.push(appointment);
    this.#rise(this.#heap.length - 1);
    return appointment;
  }

  /**
   * Does what is due, the first first, until `isOver` says that it is enough for now. What one of
   * them throws `onError` is told, and the others are done all the same.
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
   * Forgets the cancelled ones, each time that there may be more of them than of others: clients
   * come back again and again.
   */
  #sweep(): void {
    this.#heap = this.#heap.filter(({ isCancelled }) => !isCancelled);
    // A heap again, from below: each is compared with two others, most of the times.
    for (let index = (this.#heap.length >> 1) - 1; index >= 0; index--) this.#sink(index);
    this.#sweepAt = Math.max(FEW, 2 * this.#heap.length);
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
