// A database in a file: SQLite, which comes with the runtime. It is asked for by name, so that a
// bundler for browsers does not stumble over it, and only when a file is opened: on Node it is an
// experiment, of which the process is warned.

import { builtinModule } from "./runtime.ts";

type DatabaseSync = InstanceType<(typeof import("node:sqlite"))["DatabaseSync"]>;

/**
 * Opens a database, or makes it. `":memory:"` is one that nobody finds again.
 *
 * @throws {Error} when the file cannot be opened, or the runtime has no SQLite
 */
export function openSqlite(path: string): DatabaseSync {
  const sqlite = builtinModule("node:sqlite");
  if (sqlite === undefined) {
    throw new Error("This runtime has no node:sqlite, without which nothing can be kept in a file");
  }
  return new sqlite.DatabaseSync(path);
}
