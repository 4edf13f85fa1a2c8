// A fair scheduler. Everything that a peer can make the broker do is done in turns of bounded
// length; between two turns sockets and timers are polled. The length of a turn is measured in
// units of work, not in time: messages delivered, nodes visited, packets examined. In the next turn
// those are served first for whom little work was done lately; the others then get equal shares.

import { Queue } from "../session/queue.ts";

/** The cost of each kind of work, in units of about 0.06 microseconds. */
export const Work = {
  /** A packet is examined. */
  packet: 8,
  /** A message is sent to a client at once; plus 1 for each 512 bytes. */
  delivery: 2,
  /** A message is queued for a session. */
  keep: 5,
  /** Bytes are written to a socket. */
  write: 25,
  /** A message is retained; plus 1 for each 256 bytes of its payload. */
  retain: 40,
  /** A node of a topic tree is visited. */
  node: 1,
  /** A subscription is added or removed; includes the work of the garbage collector. */
  subscription: 60,
  /** A topic is added to a tree, for each of its characters. */
  text: 1 / 16,
  /** An item is examined, such as a member of a shared subscription. */
  look: 1,
  /** A hook is called, or its earlier answer is looked up. */
  hook: 20,
  /** A client connects: a connection and a session are created, and the collector copies them. */
  connect: 500,
  /** A session ends. */
  end: 50,
  /** A timer of a session or a message fires. */
  timer: 10,
} as const;

/** The length of a turn while a light share is waiting: less than a millisecond. */
const SHORT_TURN = 10_000;

/** The length of a turn otherwise: the longer a turn is, the more goes into one write. */
const LONG_TURN = 100_000;

/** How many turns stay short after a light share has waited. */
const MEMORY = 500;

/**
 * How many turns are short at the start: code that is not optimized yet is several times slower.
 */
const FIRST = 50;

/**
 * For how many consecutive long turns work for all is deferred while heavy shares are waiting, so
 * that what is published in these turns goes into one write.
 */
const HELD = 2;

/** With fewer writes than this nothing is deferred: few subscribers would only be left idle. */
const MANY_WRITES = 32;

/** A share with less recent work than this is light: it is served first. */
const LITTLE = 64;

/** The least work that a waiting share may do in a turn. */
const LEAST = 100;

/** Whoever work is done for, such as a client, with how much was done for it lately. */
export class Share {
  /** The number of the turn in which work was last done for it. */
  turn = 0;
  /** The recent work: with each turn, earlier work counts half as much. */
  work = 0;
}

/** Divides work into turns. */
export class Turns {
  readonly #later: (callback: () => void) => void;
  readonly #onError: (error: unknown) => void;
  readonly #light = new Queue<() => void>();
  readonly #heavy = new Queue<() => void>();
  #share = new Share();
  /** The number of the current turn. */
  #number = 1;
  #work = 0;
  /** How much of the work has been added to a share. */
  #settled = 0;
  /** The amount of work at which the current share has to stop. */
  #limit = SHORT_TURN;
  /** How many of the next turns are short. */
  #short = FIRST;
  /** For how many consecutive turns work for all has been deferred. */
  #held = 0;
  /** How many writes the work for all that is waiting consists of. */
  #writes = 0;
  #isArranged = false;
  #isRunning = false;

  /**
   * `later` must call back after everything that is ready to run has run. `onError` is called with
   * what a callback throws.
   */
  constructor(later: (callback: () => void) => void, onError: (error: unknown) => void) {
    this.#later = later;
    this.#onError = onError;
  }

  /** The work done in this turn. */
  get work(): number {
    return this.#work;
  }

  /** Whether the turn, or the current share's part of it, is used up. */
  get isOver(): boolean {
    return this.#work >= this.#limit;
  }

  /** Work that is counted from now on is done for `share`. */
  begin(share: Share): void {
    if (this.#share === share && share.turn === this.#number) return;
    this.#settle();
    this.#age(share);
    this.#share = share;
  }

  /** Adds work to the current turn and share. */
  count(work: number): void {
    this.#work += work;
    if (this.#work >= this.#limit) this.#arrange();
  }

  /** Charges work to a share in advance, so that a newcomer is not taken for a light share. */
  expect(share: Share, work: number): void {
    this.#age(share);
    share.work += work;
  }

  /**
   * Calls back in a later turn: for light shares before heavy ones.
   */
  wait(share: Share, callback: () => void): void {
    this.#settle();
    this.#age(share);
    const wantsLittle = share.work < LITTLE;
    if (wantsLittle) this.#short = MEMORY;
    (wantsLittle ? this.#light : this.#heavy).push(callback);
    this.#arrange();
  }

  /**
   * Calls back in one of the next turns, before heavy shares: for work that is done for all. It is
   * the very next turn, unless there are many `writes` to do and heavy shares keep the turns long;
   * see {@linkcode HELD}.
   */
  waitForAll(callback: () => void, writes: number): void {
    this.#writes = writes;
    this.#light.push(callback);
    this.#arrange();
  }

  /**
   * Calls `each` for every item, in as many turns as needed, and finally `then`. Returns a promise
   * only if it takes more than one turn.
   */
  forEach<Item>(
    share: Share,
    items: Iterable<Item>,
    each: (item: Item, index: number) => void,
    then: () => void,
  ): Promise<void> | undefined {
    const iterator = items[Symbol.iterator]();
    let index = 0;
    /** Returns whether all items are done. */
    const goOn = (): boolean => {
      this.begin(share);
      do {
        const { done, value } = iterator.next();
        if (done === true) {
          then();
          return true;
        }
        each(value, index++);
      } while (!this.isOver);
      return false;
    };
    if (goOn()) return undefined;
    return new Promise((resolve, reject) => {
      const again = () => {
        try {
          if (goOn()) resolve();
          else this.wait(share, again);
        } catch (error) {
          reject(error);
        }
      };
      this.wait(share, again);
    });
  }

  /** Adds the work done since the last call to the current share. */
  #settle(): void {
    this.#share.work += this.#work - this.#settled;
    this.#settled = this.#work;
  }

  #age(share: Share): void {
    if (share.turn === this.#number) return;
    share.work *= 0.5 ** (this.#number - share.turn);
    share.turn = this.#number;
  }

  #arrange(): void {
    if (this.#isArranged || this.#isRunning) return;
    this.#isArranged = true;
    this.#later(() => this.#run());
  }

  /** Runs one turn. */
  #run(): void {
    this.#isArranged = false;
    this.#settle();
    this.#number++;
    this.#work = 0;
    this.#settled = 0;
    if (this.#short > 0) this.#short--;
    const length = this.#short > 0 ? SHORT_TURN : LONG_TURN;
    this.#isRunning = true;
    // In a long turn the light queue contains nothing but work for all.
    const mayBeHeld = length === LONG_TURN && this.#heavy.length > 0 && this.#light.length > 0;
    const isHeld = mayBeHeld && this.#writes >= MANY_WRITES && this.#held < HELD;
    this.#held = isHeld ? this.#held + 1 : 0;
    // Half of the turn is reserved for heavy shares, so that they do not starve.
    if (!isHeld) this.#serve(this.#light, this.#heavy.length > 0 ? length / 2 : length);
    this.#serve(this.#heavy, length);
    this.#isRunning = false;
    this.#limit = length;
    if (this.#light.length + this.#heavy.length > 0 || this.isOver) this.#arrange();
  }

  /** Serves the waiting callbacks with equal shares, until the turn's work has reached `until`. */
  #serve(waiting: Queue<() => void>, until: number): void {
    while (waiting.length > 0 && this.#work < until) {
      const equal = Math.max(LEAST, (until - this.#work) / waiting.length);
      this.#limit = Math.min(until, this.#work + equal);
      const callback = waiting.shift()!;
      try {
        callback();
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
