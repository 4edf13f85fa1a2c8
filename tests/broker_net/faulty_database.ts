// A database that fails: at its n-th call, or from then on, as SQLite fails when the disk is full, breaks, or is made
// read-only, or when somebody else has locked the file. A commit that fails may have been done all the same.

import { type Database, openSqlite, type Statement } from "../../src/store/sqlite.ts";

/** How a database fails. */
export type Fault = "full" | "input/output" | "read-only" | "busy" | "done, but not said";

/** SQLite's code and its words: https://sqlite.org/rescode.html */
const ERRORS: Readonly<Record<Fault, readonly [errcode: number, message: string]>> = {
  "full": [13, "database or disk is full"],
  "input/output": [10, "disk I/O error"],
  "read-only": [8, "attempt to write a readonly database"],
  "busy": [5, "database is locked"],
  "done, but not said": [10, "disk I/O error"],
};

/** When calls fail. All databases that are opened with it share it. */
export class FaultPlan {
  /** Calls made. */
  calls = 0;
  /** How many calls have failed. */
  failed = 0;
  /** How many commits have been done. */
  commits = 0;
  readonly #fault: Fault;
  #from: number;
  #until: number;
  /** Whether no call fails any more: there is room again. */
  isOver = false;

  /** Calls from the `from`-th on fail, of which the first is 1, until the `until`-th, which does not. */
  constructor(fault: Fault, from = Infinity, until = Infinity) {
    this.#fault = fault;
    this.#from = from;
    this.#until = until;
  }

  /** Whether a commit that fails may have been done. */
  get isUncertain(): boolean {
    return this.#fault === "done, but not said";
  }

  /** From now on all calls fail. */
  begin(): void {
    this.#from = this.calls + 1;
    this.#until = Infinity;
    this.isOver = false;
  }

  /** Opens a database that fails as planned. */
  readonly open = (path: string, options?: { readonly readOnly?: boolean }): Database => {
    return this.#call("", undefined, () => this.#wrap(openSqlite(path, options)));
  };

  #wrap(database: Database): Database {
    return {
      get isTransaction() {
        return database.isTransaction;
      },
      exec: (sql) => this.#call(sql, database, () => database.exec(sql)),
      prepare: (sql) => {
        const statement = this.#call(sql, database, () => database.prepare(sql));
        return {
          run: (...values) => {
            this.#call(sql, database, () => statement.run(...values));
            if (sql === "COMMIT") this.commits++;
          },
          all: (...values) => this.#call(sql, database, () => statement.all(...values)),
        } satisfies Statement;
      },
      // Closed it is in any case.
      close: () => database.close(),
    };
  }

  #call<Result>(sql: string, database: Database | undefined, call: () => Result): Result {
    const number = ++this.calls;
    if (this.isOver || number < this.#from || number >= this.#until) return call();
    this.failed++;
    if (this.#fault === "done, but not said" && sql === "COMMIT") call();
    // As SQLite does.
    if (this.#fault === "full" && database?.isTransaction) database.exec("ROLLBACK");
    const [errcode, message] = ERRORS[this.#fault];
    throw Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR", errcode });
  }
}
