// The newest of what was observed. Readers follow at their own pace, each with a cursor; what is
// overwritten before a reader has come to it is counted for that reader.

/** Something that takes room. */
export interface Sized {
  /** How many bytes it takes, about. */
  readonly room: number;
}

/** How much is kept. */
export interface RingLimits {
  /** The most entries. */
  readonly entries: number;
  /** The most bytes. */
  readonly bytes: number;
}

/** Keeps the newest entries, in their order. The newest one is kept however large it is. */
export class EntryRing<Entry extends Sized> {
  readonly #limits: RingLimits;
  /** Each entry lies at its number, modulo the most entries. */
  readonly #slots: (Entry | undefined)[] = [];
  /** The number of the oldest entry that is kept: so many have been given up. */
  #oldest = 0;
  #total = 0;
  #bytes = 0;
  #isClosed = false;
  #wake: PromiseWithResolvers<void> | undefined;

  /** Keeps nothing yet. */
  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  /** How many entries there have been. */
  get total(): number {
    return this.#total;
  }

  /** How many bytes are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the newest; the oldest go, as far as they must. Returns its number: 0 for the first. */
  add(entry: Entry): number {
    const { entries, bytes } = this.#limits;
    if (this.#total - this.#oldest === entries) this.#forget();
    const number = this.#total++;
    this.#slots[number % entries] = entry;
    this.#bytes += entry.room;
    while (this.#bytes > bytes && this.#total - this.#oldest > 1) this.#forget();
    this.#wakeAll();
    return number;
  }

  /** The entry with a number, if it is kept. */
  get(number: number): Entry | undefined {
    const isKept = number >= this.#oldest && number < this.#total;
    return isKept ? this.#slots[number % this.#limits.entries] : undefined;
  }

  /** No more comes: whoever waits is told. */
  close(): void {
    this.#isClosed = true;
    this.#wakeAll();
  }

  /** Follows from the oldest entry that is kept. */
  follow(): RingCursor<Entry> {
    let next = this.#oldest;
    const total = () => this.#total;
    return {
      get behind() {
        return total() - next;
      },
      take: (most) => {
        const missed = Math.max(0, this.#oldest - next);
        const first = next += missed;
        const end = Math.min(next + most, this.#total);
        const entries: Entry[] = [];
        for (; next < end; next++) entries.push(this.#slots[next % this.#limits.entries]!);
        return { missed, first, entries };
      },
      skip: (count) => {
        next = Math.min(next + count, this.#total);
      },
      more: async () => {
        while (next === this.#total && !this.#isClosed) {
          this.#wake ??= Promise.withResolvers();
          await this.#wake.promise;
        }
        return next < this.#total;
      },
    };
  }

  #forget(): void {
    const slot = this.#oldest++ % this.#limits.entries;
    this.#bytes -= this.#slots[slot]!.room;
    this.#slots[slot] = undefined;
  }

  #wakeAll(): void {
    this.#wake?.resolve();
    this.#wake = undefined;
  }
}

/** Reads a ring from the oldest entry to the newest. */
export interface RingCursor<Entry> {
  /** How many entries are still to come, lost ones too. */
  readonly behind: number;
  /** The next entries, the number of the first of them, and how many were lost before it. */
  take(most: number): {
    readonly missed: number;
    readonly first: number;
    readonly entries: readonly Entry[];
  };
  /** Leaves the next ones out, as far as there are any. */
  skip(count: number): void;
  /** Resolves when there are more; to `false` when there never will be. */
  more(): Promise<boolean>;
}
