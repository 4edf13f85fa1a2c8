// Whatever a peer can make the broker do is done in turns of bounded length, and between two of
// them sockets and timers are looked at. A turn is so much work, counted and not timed: messages
// delivered, nodes visited, packets looked at. When it is over, everybody waits for the next one:
// first those who have had little lately, then the others, each as much as the next.

import { Queue } from "../session/queue.ts";

/** What work costs, in about 0.06 microseconds each. */
export const Work = {
  /** A packet is looked at. */
  packet: 8,
  /** A message goes to a client at once. One more is for each 512 bytes. */
  delivery: 2,
  /** A message is kept for a session. */
  keep: 5,
  /** Bytes are written to a socket. */
  write: 25,
  /** A message is retained. One more is for each 256 bytes of its payload. */
  retain: 40,
  /** A node of a tree of topics is visited. */
  node: 1,
  /** A subscription is added or taken out, and the garbage collector looks at it. */
  subscription: 60,
  /** A text is put into a tree of topics, for each of so many characters. */
  text: 1 / 16,
  /** Something is looked at: a member of a group, say. */
  look: 1,
  /** A hook is asked, or what it has said is looked up. */
  hook: 20,
  /** A client connects: a connection and a session are made, and the garbage collector copies them. */
  connect: 500,
  /** A session ends. */
  end: 50,
  /** A timer has come: of a session, of a message. */
  timer: 10,
} as const;

/**
 * So much work is done in a turn while somebody waits who wants little: less than a millisecond.
 */
const SHORT_TURN = 10_000;

/** So much when nobody does: the longer a turn is, the more goes in one write. */
const LONG_TURN = 100_000;

/** For so many turns after somebody has waited who wanted little the turns are short. */
const MEMORY = 500;

/** So are the first ones, since code that has just been loaded runs several times slower. */
const FIRST = 50;

/**
 * In so many long turns one after the other nothing is done for all while somebody has more to do:
 * what is published in them goes in one write.
 */
const HELD = 2;

/** Who has had less than this lately is served first: less than {@linkcode LEAST}. */
const LITTLE = 64;

/** Who waits gets at least so much in a turn. */
const LEAST = 100;

/** Somebody who has work done. */
export class Share {
  /** The number of the turn in which the last of it was done. */
  turn = 0;
  /** How much lately: what was done in a turn before counts half as much. */
  work = 0;
}

/** Cuts work into turns. */
export class Turns {
  readonly #later: (callback: () => void) => void;
  readonly #onError: (error: unknown) => void;
  readonly #light = new Queue<() => void>();
  readonly #heavy = new Queue<() => void>();
  #share = new Share();
  /** Which turn it is. */
  #number = 1;
  #work = 0;
  /** How much of it is on an account. */
  #settled = 0;
  /** At so much work the one whose work is done has to stop. */
  #limit = SHORT_TURN;
  /** How many turns are short from now on. */
  #short = FIRST;
  /** In how many turns what is to be done for all has been held back. */
  #held = 0;
  #isArranged = false;
  #isRunning = false;

  /**
   * `later` calls back when all that is ready to be done has been done. `onError` is told what a
   * callback throws.
   */
  constructor(later: (callback: () => void) => void, onError: (error: unknown) => void) {
    this.#later = later;
    this.#onError = onError;
  }

  /** The work done in this turn. */
  get work(): number {
    return this.#work;
  }

  /** Whether no more is to be done in this turn, or not for this one. */
  get isOver(): boolean {
    return this.#work >= this.#limit;
  }

  /** What is counted from now on is done for somebody. */
  begin(share: Share): void {
    if (this.#share === share && share.turn === this.#number) return;
    this.#settle();
    this.#age(share);
    this.#share = share;
  }

  /** Work has been done. */
  count(work: number): void {
    this.#work += work;
    if (this.#work >= this.#limit) this.#arrange();
  }

  /** So much work will be done for somebody: who is new is not one who wants little. */
  expect(share: Share, work: number): void {
    this.#age(share);
    share.work += work;
  }

  /**
   * Calls back in a later turn. Who has had much of this one comes after those who have had little.
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
   * Calls back in one of the next turns, before those who have had much: of what is done for all. It
   * is the next one when somebody waits who wants little, or nobody does.
   */
  waitForAll(callback: () => void): void {
    this.#light.push(callback);
    this.#arrange();
  }

  /**
   * Does something for each item, in as many turns as it takes, and then what is to be done then.
   * Takes a promise only if it is more than one turn.
   */
  forEach<Item>(
    share: Share,
    items: Iterable<Item>,
    each: (item: Item, index: number) => void,
    then: () => void,
  ): Promise<void> | undefined {
    const iterator = items[Symbol.iterator]();
    let index = 0;
    /** Whether all is done. */
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

  /** What has been done is on the account of who it was done for. */
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

  /** A turn begins. */
  #run(): void {
    this.#isArranged = false;
    this.#settle();
    this.#number++;
    this.#work = 0;
    this.#settled = 0;
    if (this.#short > 0) this.#short--;
    const length = this.#short > 0 ? SHORT_TURN : LONG_TURN;
    this.#isRunning = true;
    // In a long turn nobody else is among those who are served first.
    const mayBeHeld = length === LONG_TURN && this.#heavy.length > 0 && this.#light.length > 0;
    const isHeld = mayBeHeld && this.#held < HELD;
    this.#held = isHeld ? this.#held + 1 : 0;
    // Half of the turn is for those who have had much: nobody waits for ever.
    if (!isHeld) this.#serve(this.#light, this.#heavy.length > 0 ? length / 2 : length);
    this.#serve(this.#heavy, length);
    this.#isRunning = false;
    this.#limit = length;
    if (this.#light.length + this.#heavy.length > 0 || this.isOver) this.#arrange();
  }

  /** Serves those who wait, each for as much as the next, until so much work has been done. */
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
