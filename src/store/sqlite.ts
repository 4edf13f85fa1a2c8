// SQLite, as built into the runtime. It is loaded by name, so that bundlers for browsers ignore it,
// and only when a file is opened, because Node 22 prints a warning that it is experimental. The
// interfaces cover only what is used here, so that a test can substitute a database that fails.

/** A value in a column. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/** A row: its values by the names of their columns. */
export type SqlRow = Record<string, SqlValue>;

/** A prepared statement. */
export interface Statement {
  /** Runs the statement. */
  run(...values: SqlValue[]): unknown;
  /** Runs the statement and returns the rows. */
  all(...values: SqlValue[]): SqlRow[];
}

/** An SQLite database. */
export interface Database {
  /** Whether a transaction is open. SQLite ends one by itself when the disk is full. */
  readonly isTransaction: boolean;
  /** Runs statements without parameters. */
  exec(sql: string): void;
  /** Prepares a statement. */
  prepare(sql: string): Statement;
  /** Closes the database. Uncommitted changes are lost. */
  close(): void;
}

/** Opens the database in a file. With `readOnly` the file must exist. */
export type OpenDatabase = (path: string, options?: { readonly readOnly?: boolean }) => Database;

interface Modules {
  readonly "node:fs": typeof import("node:fs");
  readonly "node:sqlite": typeof import("node:sqlite");
}

/** Where Node, Deno and Bun provide their built-in modules. */
interface Platform {
  readonly process?: {
    readonly getBuiltinModule?: <Name extends keyof Modules>(
      name: Name,
    ) => Modules[Name] | undefined;
  };
}

/**
 * Opens a database, or creates it. `":memory:"` is one that is gone when it is closed.
 *
 * @throws {Error} when the file cannot be opened, or the runtime has no SQLite
 */
export function openSqlite(path: string, { readOnly = false } = {}): Database {
  const sqlite = (globalThis as Platform).process?.getBuiltinModule?.("node:sqlite");
  if (sqlite === undefined) {
    throw new Error("Cannot store anything in a file: this runtime has no node:sqlite");
  }
  return new sqlite.DatabaseSync(path, { readOnly }) as Database;
}

/** Removes a file if it exists and is empty. */
export function removeEmptyFile(path: string): void {
  const fs = (globalThis as Platform).process?.getBuiltinModule?.("node:fs");
  if (fs?.statSync(path, { throwIfNoEntry: false })?.size === 0) fs.rmSync(path);
}
