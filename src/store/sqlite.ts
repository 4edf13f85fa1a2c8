// SQLite, which comes with the runtime. It is asked for by name, so that a bundler for browsers
// does not stumble over it, and only when a file is opened: on Node 22 it is an experiment, of
// which the process is warned. The interfaces are as much of it as is used here, so that a test can
// put another database, one that fails, in its place.

/** A value in a database. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/** A row, by the names of its columns. */
export type SqlRow = Record<string, SqlValue>;

/** A statement of a database. */
export interface Statement {
  /** Does it. */
  run(...values: SqlValue[]): unknown;
  /** Does it, and gives the rows. */
  all(...values: SqlValue[]): SqlRow[];
}

/** A database that speaks SQL as SQLite does. */
export interface Database {
  /** Whether a transaction is open: SQLite ends one by itself when the disk is full. */
  readonly isTransaction: boolean;
  /** Does some statements without values. */
  exec(sql: string): void;
  /** Makes a statement ready. */
  prepare(sql: string): Statement;
  /** Closes it. What was not committed is gone. */
  close(): void;
}

/** Opens the database of a file. With `readOnly` the file must be there. */
export type OpenDatabase = (path: string, options?: { readonly readOnly?: boolean }) => Database;

interface Modules {
  readonly "node:fs": typeof import("node:fs");
  readonly "node:sqlite": typeof import("node:sqlite");
}

/** Where Node, Deno and Bun have their own modules. */
interface Platform {
  readonly process?: {
    readonly getBuiltinModule?: <Name extends keyof Modules>(
      name: Name,
    ) => Modules[Name] | undefined;
  };
}

/**
 * Opens a database, or makes it. `":memory:"` is one that nobody finds again.
 *
 * @throws {Error} when the file cannot be opened, or the runtime has no SQLite
 */
export function openSqlite(path: string, { readOnly = false } = {}): Database {
  const sqlite = (globalThis as Platform).process?.getBuiltinModule?.("node:sqlite");
  if (sqlite === undefined) {
    throw new Error("This runtime has no node:sqlite, without which nothing can be kept in a file");
  }
  return new sqlite.DatabaseSync(path, { readOnly }) as Database;
}

/** Removes a file, if it is there and nothing is in it. */
export function removeEmptyFile(path: string): void {
  const fs = (globalThis as Platform).process?.getBuiltinModule?.("node:fs");
  if (fs?.statSync(path, { throwIfNoEntry: false })?.size === 0) fs.rmSync(path);
}
