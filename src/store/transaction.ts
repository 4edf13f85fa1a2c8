// Transactions: all that is written within one, or nothing.

import type { Database, Statement } from "./sqlite.ts";

/** Runs transactions of one database. */
export class Transactions {
  readonly #database: Database;
  readonly #onRollbackFailed: (error: unknown) => void;
  #begin: Statement | undefined;
  #commit: Statement | undefined;

  /** `onRollbackFailed` is told of it beside the error that is thrown; the next one tries again. */
  constructor(database: Database, onRollbackFailed: (error: unknown) => void) {
    this.#database = database;
    this.#onRollbackFailed = onRollbackFailed;
  }

  /**
   * Commits what `work` writes, and returns what it returns. When it throws, or the commit fails,
   * usually nothing of it is in the file; but since a commit may succeed and still report an error,
   * it must be harmless to write the same again.
   */
  run<Result>(work: () => Result): Result {
    // Left over from a failure whose rollback failed, too.
    if (this.#database.isTransaction) this.#database.prepare("ROLLBACK").run();
    (this.#begin ??= this.#database.prepare("BEGIN")).run();
    let result: Result;
    try {
      result = work();
      (this.#commit ??= this.#database.prepare("COMMIT")).run();
    } catch (error) {
      try {
        // Releases the lock and discards the changes. SQLite may have rolled back already.
        if (this.#database.isTransaction) this.#database.prepare("ROLLBACK").run();
      } catch (rollbackError) {
        this.#onRollbackFailed(rollbackError);
      }
      throw error;
    }
    return result;
  }
}
