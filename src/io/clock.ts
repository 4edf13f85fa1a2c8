// Time and randomness. Code that needs them is given a clock, so that tests can replace it.

/** A source of time and randomness. */
export interface Clock {
  /** Milliseconds since some moment. Never goes back. */
  now(): number;
  /**
   * By how much the clock on the wall is ahead of {@linkcode Clock.now}, in milliseconds. It grows
   * when the machine has slept, or when somebody has set the clock.
   */
  lead(): number;
  /** Calls back once, at `time` or later. Returns what prevents it. */
  at(time: number, callback: () => void): () => void;
  /** A number from 0 up to, but not including, 1. */
  random(): number;
}

/** The clock of a virtual world, which stands in for that of this machine. */
export interface WorldClock extends Clock {
  /** Resolves when everything that is ready to run has run. */
  endOfTurn(): Promise<void>;
  /**
   * Something closes, which takes some seconds if the network fails: time passes by itself until
   * the promise settles. Resolves when that has happened, or never will, as its process is dead, so
   * that `await using` ends in any case. Rejects as the promise does.
   */
  passUntil(closed: Promise<void>): Promise<void>;
}

/** The longest delay that the platform's timers support. */
const LONGEST = 2_147_483_647;

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  lead: () => Date.now() - performance.now(),
  at(time, callback) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wait = () => {
      // The platform drops fractions, and would be early.
      const left = Math.ceil(time - performance.now());
      timer = setTimeout(left > LONGEST ? wait : callback, Math.min(Math.max(left, 0), LONGEST));
    };
    wait();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/**
 * Milliseconds since 1970 by the clock on the wall, which goes on when nothing runs, and which
 * somebody may set.
 */
export function wallTime(): number {
  return Date.now();
}
