// A file of ours is told from all others before anything is read from it or written to it.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { openDatabase, type StoreFormat } from "../../src/store/file.ts";
import { type Database, openSqlite } from "../../src/store/sqlite.ts";
import { StoreError, type StoreErrorKind } from "../../src/store/store_error.ts";

const FORMAT: StoreFormat = {
  applicationId: 0x1234,
  name: "the file of a test",
  create: "CREATE TABLE a (b TEXT) STRICT",
  version: 2,
  firstTables: ["old"],
  migrations: {
    0: (database) => database.prepare("ALTER TABLE old RENAME TO a").run(),
    1: (database) => database.prepare("UPDATE a SET b = b || '!'").run(),
  },
};

function fileTest(name: string, test: (path: string) => void): void {
  Deno.test(name, () => {
    const folder = Deno.makeTempDirSync({ prefix: "mqtt5-store-" });
    try {
      test(`${folder}/file.db`);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

/** Makes a file with some rows, as it is when it has been closed. */
function make(path: string, rows = 1): void {
  const database = openDatabase(path, FORMAT);
  const insert = database.prepare("INSERT INTO a VALUES (?)");
  database.exec("BEGIN");
  for (let row = 0; row < rows; row++) insert.run(`row ${row} ${"x".repeat(100)}`);
  database.exec("COMMIT");
  database.close();
}

/** Does something to a file as SQLite. */
function alter(path: string, alter: (database: Database) => void): void {
  const database = openSqlite(path);
  alter(database);
  database.close();
}

/** The file is refused, with its name and what is wrong with it, and left as it is. */
function assertRefused(path: string, kind: StoreErrorKind, why: RegExp): void {
  const before = Deno.readFileSync(path);
  const error = assertThrows(() => openDatabase(path, FORMAT), StoreError);
  assertStrictEquals(error.kind, kind, error.message);
  assertStrictEquals(error.path, path);
  assert(error.message.startsWith(`${path} cannot be used: `), error.message);
  assert(why.test(error.message), error.message);
  assertEquals(Deno.readFileSync(path), before);
}

fileTest("A file that is not there is made, and found again", (path) => {
  make(path, 3);
  const database = openDatabase(path, FORMAT);
  assertStrictEquals(database.prepare("SELECT * FROM a").all().length, 3);
  database.close();
});

fileTest("A file that another one uses is refused, until that one closes it", (path) => {
  const database = openDatabase(path, FORMAT);
  const error = assertThrows(() => openDatabase(path, FORMAT), StoreError);
  assertStrictEquals(error.kind, "locked");
  assert(
    /another process is using it; stop that process, or choose another file$/.test(error.message),
  );
  database.close();
  openDatabase(path, FORMAT).close();
});

fileTest("A file with nothing in it is refused: what was in it is lost", (path) => {
  Deno.writeFileSync(path, new Uint8Array());
  assertRefused(path, "empty", /exists but is empty.*delete it to start over/);
});

fileTest(
  "A database whose write-ahead log is lost, with all that was in it, is refused",
  (path) => {
    alter(path, (database) => database.exec("PRAGMA journal_mode = WAL"));
    assertRefused(path, "empty", /-wal file/);
  },
);

fileTest("A text is refused", (path) => {
  Deno.writeTextFileSync(path, "no database\n".repeat(1000));
  assertRefused(path, "foreign", /not a database; choose another file/);
});

fileTest("A database of another program is refused", (path) => {
  alter(path, (database) => database.exec("CREATE TABLE theirs (a)"));
  assertRefused(path, "foreign", /not the file of a test; choose another file/);
  Deno.removeSync(path);
  alter(path, (database) => {
    database.exec("PRAGMA application_id = 77; CREATE TABLE a (b); PRAGMA user_version = 2");
  });
  assertRefused(path, "foreign", /not the file of a test/);
});

fileTest("A file of a later version is refused", (path) => {
  make(path);
  alter(path, (database) => database.exec("PRAGMA user_version = 3"));
  assertRefused(path, "newer", /version 3, but this program supports only up to 2/);
});

fileTest("A file of each earlier version is brought up to date", (path) => {
  alter(path, (database) => {
    database.exec("CREATE TABLE old (b TEXT) STRICT; INSERT INTO old VALUES ('x')");
  });
  for (let time = 0; time < 2; time++) {
    const database = openDatabase(path, FORMAT);
    assertEquals(database.prepare("SELECT b FROM a").all().map(({ b }) => b), ["x!"]);
    database.close();
  }
  alter(path, (database) => database.exec("PRAGMA user_version = 1"));
  const database = openDatabase(path, FORMAT);
  assertEquals(database.prepare("SELECT b FROM a").all().map(({ b }) => b), ["x!!"]);
  database.close();
});

fileTest("A migration that fails leaves the file as it was", (path) => {
  alter(path, (database) => database.exec("CREATE TABLE old (c TEXT) STRICT"));
  assertRefused(path, "failed", /no such column/);
});

fileTest("A file that has been cut is refused", (path) => {
  make(path, 1000);
  const size = Deno.statSync(path).size;
  Deno.truncateSync(path, size - 8192);
  assertRefused(path, "damaged", /damaged.*restore it from a backup/);
  Deno.truncateSync(path, 50);
  assertRefused(path, "damaged", /damaged/);
});

fileTest("A file with a page of zeros is refused", (path) => {
  make(path, 1000);
  const bytes = Deno.readFileSync(path);
  bytes.fill(0, 8192, 12_288);
  Deno.writeFileSync(path, bytes);
  assertRefused(path, "damaged", /damaged/);
});

fileTest("A file that cannot be made leaves nothing that would be refused later", (path) => {
  const broken = { ...FORMAT, create: "CREATE TABLE a (b); NONSENSE" };
  assertThrows(() => openDatabase(path, broken), StoreError);
  openDatabase(path, FORMAT).close();
});

Deno.test("A folder, and a file in a folder that is not there, are refused by name", () => {
  for (const path of [Deno.cwd(), `${Deno.cwd()}/not/there.db`]) {
    const error = assertThrows(() => openDatabase(path, FORMAT), StoreError);
    assert(error.message.startsWith(`${path} cannot be used: `), error.message);
  }
});
