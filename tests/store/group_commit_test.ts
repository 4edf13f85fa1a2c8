// A commit that fails is put off, further and further, and told once.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { GroupCommit } from "../../src/store/group_commit.ts";
import { openSqlite } from "../../src/store/sqlite.ts";

function group() {
  const database = openSqlite(":memory:");
  database.exec("CREATE TABLE a (b INTEGER PRIMARY KEY) STRICT");
  const told: string[] = [];
  const world = { now: 1000, told };
  const commits = new GroupCommit(database, {
    path: "a file",
    now: () => world.now,
    onFailed: ({ kind, message }) => void told.push(`${kind}: ${message}`),
  });
  const insert = (value: number) => () =>
    void database.prepare("INSERT INTO a VALUES (?)").run(value);
  const rows = () => database.prepare("SELECT b FROM a").all().map(({ b }) => b);
  return { world, told, commits, insert, rows, database };
}

function failing(message = "database or disk is full", errcode = 13): () => void {
  return () => {
    throw Object.assign(new Error(message), { errcode });
  };
}

Deno.test("What is written in one group is there, or none of it is", () => {
  using cleanup = new DisposableStack();
  const { commits, insert, rows, database } = group();
  cleanup.defer(() => database.close());
  assertStrictEquals(commits.run(insert(1)), true);
  const both = () => {
    insert(2)();
    failing()();
  };
  assertStrictEquals(commits.run(both), false);
  assertStrictEquals(database.isTransaction, false);
  assertEquals(rows(), [1]);
});

Deno.test("After a failure the next try is later and later, up to five seconds, until one succeeds", () => {
  using cleanup = new DisposableStack();
  const { commits, insert, world, database } = group();
  cleanup.defer(() => database.close());
  let tries = 0;
  const pauses: number[] = [];
  for (let time = 0; time < 9; time++) {
    assertStrictEquals(
      commits.run(() => {
        tries++;
        failing()();
      }),
      false,
    );
    pauses.push(commits.retryAt! - world.now);
    world.now = commits.retryAt! - 1;
    assertStrictEquals(commits.run(insert(0)), false, "tried too soon");
    world.now = commits.retryAt!;
  }
  assertStrictEquals(tries, 9);
  assertEquals(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
  assertStrictEquals(commits.run(insert(1)), true);
  assertStrictEquals(commits.isFailing, false);
  assertStrictEquals(commits.run(failing()), false);
  assertStrictEquals(commits.retryAt, world.now + 100);
});

Deno.test("One that is urgent is tried at once", () => {
  using cleanup = new DisposableStack();
  const { commits, insert, rows, database } = group();
  cleanup.defer(() => database.close());
  commits.run(failing());
  assertStrictEquals(commits.run(insert(1), true), true);
  assertEquals(rows(), [1]);
});

Deno.test("Each kind of fault is told once a minute", () => {
  using cleanup = new DisposableStack();
  const { commits, told, world, database } = group();
  cleanup.defer(() => database.close());
  const fail = (...fault: Parameters<typeof failing>) => commits.run(failing(...fault), true);
  for (let time = 0; time < 5; time++) fail();
  fail("disk I/O error", 10);
  fail("disk I/O error", 10);
  world.now += 59_999;
  fail();
  world.now += 1;
  fail();
  assertEquals(told, [
    "full: a file cannot be used: the disk is full; free some space",
    "failed: a file cannot be used: disk I/O error",
    "full: a file cannot be used: the disk is full; free some space",
  ]);
});

Deno.test("A transaction that SQLite has ended, or that could not be ended, is no obstacle", () => {
  using cleanup = new DisposableStack();
  const { commits, insert, rows, database } = group();
  cleanup.defer(() => database.close());
  const ended = () => {
    database.exec("ROLLBACK");
    failing()();
  };
  assertStrictEquals(commits.run(ended), false);
  database.exec("BEGIN; INSERT INTO a VALUES (5)");
  assertStrictEquals(commits.run(insert(1), true), true);
  assertEquals(rows(), [1]);
});
