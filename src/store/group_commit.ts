// Commits many changes in one transaction, and handles its failure. Any statement and the commit
// itself may fail, for as long as the disk is full, or for good. Then nothing of the group is in
// the file, the pauses before further attempts get longer and longer, and each kind of fault is
// reported once in a while, not for every attempt.

import type { Database } from "./sqlite.ts";
import { StoreError, type StoreErrorKind } from "./store_error.ts";
import { Transactions } from "./transaction.ts";

/**
 * The pause after a failure, in milliseconds: doubled after each further one, up to the longest.
 */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5000;

/** For how long the same kind of fault is not reported again, in milliseconds. */
const REPORT_INTERVAL = 60_000;

/** Dependencies of {@linkcode GroupCommit}. */
export interface GroupCommitSetup {
  /** The path of the file, for error messages. */
  readonly path: string;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Called when a commit has failed; once a minute at most for each kind of fault. */
  readonly onFailed: (error: StoreError) => void;
}

/** Commits groups of changes, and retries after a failure. */
export class GroupCommit {
  readonly #transactions: Transactions;
  readonly #setup: GroupCommitSetup;
  readonly #reportedAt = new Map<StoreErrorKind, number>();
  #pause = 0;
  #retryAt: number | undefined;

  constructor(database: Database, setup: GroupCommitSetup) {
    this.#setup = setup;
    this.#transactions = new Transactions(database, (error) => this.#report(error));
  }

  /** Whether the last attempt has failed. */
  get isFailing(): boolean {
    return this.#retryAt !== undefined;
  }

  /** When to try again; `undefined` when the last attempt has succeeded. */
  get retryAt(): number | undefined {
    return this.#retryAt;
  }

  /**
   * Commits what `write` writes. Returns false when this fails, or when the pause after a failure
   * is not over and `isUrgent` is false. Usually nothing of it is in the file then; but since a
   * commit may succeed and still report an error, it must be harmless to write the same again.
   */
  run(write: () => void, isUrgent = false): boolean {
    if (!isUrgent && this.#retryAt !== undefined && this.#setup.now() < this.#retryAt) return false;
    try {
      this.#transactions.run(write);
    } catch (error) {
      this.#fail(error);
      return false;
    }
    this.#retryAt = undefined;
    this.#pause = 0;
    return true;
  }

  #fail(error: unknown): void {
    this.#pause = Math.min(Math.max(FIRST_PAUSE, 2 * this.#pause), LONGEST_PAUSE);
    this.#retryAt = this.#setup.now() + this.#pause;
    this.#report(error);
  }

  #report(cause: unknown): void {
    const now = this.#setup.now();
    const error = StoreError.from(cause, this.#setup.path);
    const reportedAt = this.#reportedAt.get(error.kind);
    if (reportedAt !== undefined && now < reportedAt + REPORT_INTERVAL) return;
    this.#reportedAt.set(error.kind, now);
    this.#setup.onFailed(error);
  }
}
