// Slows down who guesses passwords. Logins from an address where several have failed take place one
// after the other, with a pause before each that grows with each failure.

/** Failures that have no consequence: somebody may have mistyped, or a device been forgotten. */
const FREE = 5;

/** The pause after the first failure that has one, in milliseconds; it doubles with each. */
const FIRST_PAUSE = 250;

/** More failures than this are not counted. */
const MOST_FAILURES = 30;

/** After so many milliseconds a failure is forgiven. */
const FORGIVEN = 60_000;

/** Addresses that are remembered, at most. */
const MOST_ADDRESSES = 10_000;

/** Logins of an address that wait, at most; others are refused. */
const MOST_WAITING = 8;

/** What is known of an address. */
interface Failures {
  count: number;
  /** When the count was right. */
  at: number;
  /** When the next login may take place. */
  nextAt: number;
}

/** Remembers where logins have failed. Times are milliseconds of the engine's clock. */
export class LoginDelays {
  readonly #longest: number;
  /** Those that failed longest ago first. */
  readonly #failures = new Map<string, Failures>();

  /** Delays a login for so many milliseconds at most; with 0 for none. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#failures.size;
  }

  /**
   * For how many milliseconds a login is to wait; `undefined` when too many wait before it. What is
   * given an answer takes place.
   */
  waitFor(network: string, now: number): number | undefined {
    const failures = this.#of(network, now);
    if (failures === undefined || failures.count <= FREE) return 0;
    const pause = Math.min(this.#longest, FIRST_PAUSE * 2 ** (failures.count - FREE - 1));
    const at = Math.max(failures.nextAt, now + pause);
    const wait = at - now;
    if (wait > pause * MOST_WAITING) return undefined;
    failures.nextAt = at + pause;
    return wait;
  }

  /** A login from this address has failed. */
  failed(network: string, now: number): void {
    if (this.#longest === 0) return;
    const failures = this.#of(network, now) ?? { count: 0, at: now, nextAt: 0 };
    failures.count = Math.min(failures.count + 1, MOST_FAILURES);
    this.#failures.delete(network);
    if (this.#failures.size >= MOST_ADDRESSES) {
      const [oldest] = this.#failures.keys();
      this.#failures.delete(oldest!);
    }
    this.#failures.set(network, failures);
  }

  /** The failures that are not forgiven; `undefined` when there are none. */
  #of(network: string, now: number): Failures | undefined {
    const failures = this.#failures.get(network);
    if (failures === undefined) return undefined;
    const forgiven = Math.floor((now - failures.at) / FORGIVEN);
    failures.count -= forgiven;
    failures.at += forgiven * FORGIVEN;
    if (failures.count > 0) return failures;
    this.#failures.delete(network);
    return undefined;
  }
}
