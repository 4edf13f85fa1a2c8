// A database in a file: SQLite, which comes with the runtime. To be loaded only where it is used.

import { DatabaseSync } from "node:sqlite";

/** Opens a database, or makes it. `":memory:"` is one that nobody finds again. */
export function openSqlite(path: string): DatabaseSync {
  return new DatabaseSync(path);
}
