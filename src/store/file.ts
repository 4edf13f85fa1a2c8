// Opens a database file. Before anything is read or written, it is checked that the file belongs to
// this program, that its version is supported, and that it is intact. A file that fails a check is
// rejected and left unchanged.
//
// One fault cannot be detected: a -wal file that was truncated or removed after its process was
// killed. Measured with SQLite 3.53: of 300 commits, 150 are left when it is cut in half, and only
// those of the last checkpoint when it is removed; `quick_check` says ok, and `wal_checkpoint`
// counts the frames that are left. The file is then in the state of an earlier commit, as after a
// crash at that time. A counter of commits within the database would go back with it, and one
// elsewhere needs a second fsync per commit, which halves the number of commits per second.

import {
  type Database,
  type OpenDatabase,
  openSqlite,
  removeEmptyFile,
  type SqlValue,
} from "./sqlite.ts";
import { StoreError } from "./store_error.ts";

/** The format of a file. */
export interface StoreFormat {
  /** SQLite's `application_id`, which identifies the format. */
  readonly applicationId: number;
  /** What it is called in error messages: `"the file of a broker"`. */
  readonly name: string;
  /** The SQL that creates the tables. */
  readonly create: string;
  /** The current version, from 1: SQLite's `user_version`. */
  readonly version: number;
  /** Functions that migrate from the version in question to the next one. */
  readonly migrations: Readonly<Record<number, (database: Database) => void>>;
  /** The tables of version 0, which had neither `application_id` nor `user_version`. */
  readonly firstTables?: readonly string[] | undefined;
}

/**
 * Opens a file, or creates it. No other process can use it until it is closed.
 *
 * @throws {StoreError} when the file cannot be used
 * @throws {Error} when this process has no permission to read or write it
 */
export function openDatabase(
  path: string,
  format: StoreFormat,
  open: OpenDatabase = openSqlite,
): Database {
  let database: Database | undefined;
  let isNew = false;
  try {
    isNew = !exists(path, open);
    database = open(path);
    prepare(database, path, format, isNew);
    return database;
  } catch (cause) {
    const error = StoreError.from(cause, path);
    database?.close();
    // Otherwise the next attempt would find an empty file and could not tell why it is empty.
    if (isNew && open === openSqlite && error.kind !== "locked") removeEmptyFile(path);
    // Deno's own message says which permission is missing.
    throw isNotCapable(cause) ? cause : error;
  }
}

function isNotCapable(cause: unknown): boolean {
  return cause instanceof Error && cause.name === "NotCapable";
}

/**
 * Opening read-only fails when the file does not exist. If it fails for another reason, opening the
 * file to write fails, too, and reports it.
 */
function exists(path: string, open: OpenDatabase): boolean {
  if (path === ":memory:") return false;
  try {
    open(path, { readOnly: true }).close();
    return true;
  } catch {
    return false;
  }
}

function prepare(database: Database, path: string, format: StoreFormat, isNew: boolean): void {
  // In this mode the first process to read the file locks out all others until it closes the file.
  database.prepare("PRAGMA locking_mode = EXCLUSIVE").all();
  transact(database, "BEGIN EXCLUSIVE", () => {
    // Another process may have created it a moment ago.
    if (!isNew || tablesOf(database).length > 0) check(database, path, format);
    else {
      // In one transaction, so that no file with only some of the tables is left behind.
      run(database, format.create);
      run(database, identity(format));
    }
  });
  database.prepare("PRAGMA journal_mode = WAL").all();
  database.prepare("PRAGMA synchronous = FULL").run();
  database.prepare("PRAGMA foreign_keys = ON").run();
  const [{ quick_check: state } = {}] = database.prepare("PRAGMA quick_check(1)").all();
  if (state !== "ok") {
    throw new StoreError("damaged", path, `it is damaged (${state}); ${RESTORE}`);
  }
  const [orphan] = database.prepare("PRAGMA foreign_key_check").all();
  if (orphan !== undefined) {
    const which = `a row of the table "${orphan["table"]}" is damaged`;
    throw new StoreError("damaged", path, `${which}; ${RESTORE}`);
  }
}

const RESTORE = "restore it from a backup, or move it away to start with an empty one";

/** Checks that the file has this format, and migrates it to the current version. */
function check(database: Database, path: string, format: StoreFormat): void {
  const { applicationId, version, migrations, firstTables, name } = format;
  const tables = tablesOf(database);
  const foundId = pragma(database, "application_id");
  const found = Number(pragma(database, "user_version"));
  const isFirst = foundId === 0 && found === 0 && firstTables !== undefined &&
    firstTables.length === tables.length && firstTables.every((table) => tables.includes(table));
  if (!isFirst && foundId !== applicationId) {
    if (tables.length === 0 && foundId === 0) {
      throw new StoreError(
        "empty",
        path,
        "it exists but is empty, perhaps because its -wal file was lost; restore it, or delete " +
          "it to start over",
      );
    }
    const message = `it is a database, but not ${name}; choose another file`;
    throw new StoreError("foreign", path, message);
  }
  if (found > version) {
    const versions = `version ${found}, but this program supports only up to ${version}`;
    throw new StoreError("newer", path, `it has ${versions}; update the program`);
  }
  if (found === version) return;
  for (let step = found; step < version; step++) migrations[step]!(database);
  run(database, identity(format));
}

/** The names of the tables, apart from SQLite's own. */
function tablesOf(database: Database): string[] {
  return database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
    .map(({ name }) => String(name)).filter((name) => !name.startsWith("sqlite_"));
}

function identity({ applicationId, version }: StoreFormat): string {
  return `PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version}`;
}

function pragma(database: Database, name: string): SqlValue | undefined {
  return database.prepare(`PRAGMA ${name}`).all()[0]?.[name];
}

/** Runs statement by statement, since errors of `exec()` have no `errcode`. */
function run(database: Database, statements: string): void {
  for (const sql of statements.split(";")) if (sql.trim() !== "") database.prepare(sql).run();
}

/** Runs `work` within a transaction, which is rolled back when it throws. */
function transact(database: Database, begin: string, work: () => void): void {
  database.prepare(begin).run();
  try {
    work();
    database.prepare("COMMIT").run();
  } catch (error) {
    // SQLite may have ended it already.
    if (database.isTransaction) database.prepare("ROLLBACK").run();
    throw error;
  }
}
