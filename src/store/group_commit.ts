// Many changes, one commit, and what becomes of them when it fails. Any statement may fail, and so
// may the commit, for as long as the disk is full or for ever. Then nothing of the group is in the
// file, the next tries are put off further and further, and what is wrong is told once, not once
// for each of them.

import type { Database, Statement } from "./sqlite.ts";
import { StoreError, type StoreErrorCode } from "./store_error.ts";

/**
 * How long after a failure to try again; each time twice as long, up to the most. In milliseconds.
 */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5000;

/** How long the same fault is not told again, in milliseconds. */
const SILENCE = 60_000;

/** What a group commit works with. */
export interface GroupCommitSetup {
  /** The file, for messages. */
  readonly path: string;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Something could not be stored: told once for each kind of fault. */
  readonly onFailed: (error: StoreError) => void;
}

/** Commits groups of changes. */
export class GroupCommit {
  readonly #database: Database;
  readonly #setup: GroupCommitSetup;
  readonly #told = new Map<StoreErrorCode, number>();
  #begin: Statement | undefined;
  #commit: Statement | undefined;
  #pause = 0;
  #retryAt: number | undefined;

  constructor(database: Database, setup: GroupCommitSetup) {
    this.#database = database;
    this.#setup = setup;
  }

  /** Whether the last try has failed. */
  get isFailing(): boolean {
    return this.#retryAt !== undefined;
  }

  /** When there is to be another try; `undefined` when the last one has not failed. */
  get retryAt(): number | undefined {
    return this.#retryAt;
  }

  /**
   * Commits what `write` writes. False when that has failed, or the last try has and the next is
   * not due: then nothing of it is in the file, unless the file has been lost sight of at the very
   * end, so that writing the same again must do no harm.
   */
  run(write: () => void, isUrgent = false): boolean {
    if (!isUrgent && this.#retryAt !== undefined && this.#setup.now() < this.#retryAt) return false;
    try {
      // One that could not be rolled back.
      if (this.#database.isTransaction) this.#database.prepare("ROLLBACK").run();
      (this.#begin ??= this.#database.prepare("BEGIN")).run();
      write();
      (this.#commit ??= this.#database.prepare("COMMIT")).run();
    } catch (error) {
      this.#fail(error);
      return false;
    }
    this.#retryAt = undefined;
    this.#pause = 0;
    return true;
  }

  #fail(error: unknown): void {
    const now = this.#setup.now();
    this.#pause = Math.min(Math.max(FIRST_PAUSE, 2 * this.#pause), LONGEST_PAUSE);
    this.#retryAt = now + this.#pause;
    try {
      // Not to hold a lock, nor what has been written in vain. SQLite may have ended it already.
      if (this.#database.isTransaction) this.#database.prepare("ROLLBACK").run();
    } catch (error) {
      this.#tell(error, now);
    }
    this.#tell(error, now);
  }

  #tell(cause: unknown, now: number): void {
    const error = StoreError.from(cause, this.#setup.path);
    const toldAt = this.#told.get(error.code);
    if (toldAt !== undefined && now < toldAt + SILENCE) return;
    this.#told.set(error.code, now);
    this.#setup.onFailed(error);
  }
}
