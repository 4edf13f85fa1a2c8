// What survives on a virtual disk, and what can go wrong with it.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Store } from "../../src/store/client_store.ts";
import { StoreError } from "../../src/store/mod.ts";
import { VirtualDisk } from "../../src/testing/virtual_disk.ts";
import { VirtualProcess } from "../../src/testing/virtual_process.ts";
import { Random } from "../../src/testing/random.ts";
import { Schedule } from "../../src/testing/schedule.ts";

class Machine {
  readonly disk: VirtualDisk = new VirtualDisk();
  readonly schedule: Schedule = new Schedule({
    onError: (error) => {
      throw error;
    },
  });
  #count = 0;

  process(): VirtualProcess {
    const random = Random.for(1, `${++this.#count}`);
    return new VirtualProcess({ name: "meter", schedule: this.schedule, random });
  }

  open(process: VirtualProcess = this.process()): Store {
    return new Store("meter.db", {}, this.disk.opener(process));
  }
}

/** The topics of the messages in a store. */
function topics(store: Store): string[] {
  return store.transaction((database) =>
    database.prepare("SELECT count(*) AS count FROM mqtt_message").all()
      .map(({ count }) => `${count}`)
  );
}

function publish(store: Store): void {
  store.transaction((_database, publish) => publish("a", "b", { clientId: "meter", qos: 1 }));
}

Deno.test("a file survives its process, with what was committed and nothing else", () => {
  const machine = new Machine();
  const process = machine.process();
  const store = machine.open(process);
  publish(store);
  assertThrows(
    () =>
      store.transaction((database) => {
        database.exec("DELETE FROM mqtt_message");
        process.kill();
      }),
    Error,
  );
  assertThrows(() => publish(store), Error);
  assertEquals(topics(machine.open()), ["1"]);
});

Deno.test("a file belongs to one process until that has closed it, or is dead", () => {
  const machine = new Machine();
  const process = machine.process();
  const store = machine.open(process);
  const refused = () => assertEquals(assertThrows(() => machine.open(), StoreError).kind, "locked");
  refused();
  store.close();
  const next = machine.process();
  machine.open(next);
  refused();
  next.kill();
  machine.open().close();
});

Deno.test("a commit fails, or is the last before a crash, or only seems to fail", () => {
  const fates = {
    "fails": ["0", "failed", true],
    "fails after it was done": ["1", "failed", true],
    "crashes before": ["0", "failed", false],
    "crashes after": ["1", "failed", false],
  } as const;
  for (const [fate, [count, kind, isAlive]] of Object.entries(fates)) {
    const machine = new Machine();
    const process = machine.process();
    const store = machine.open(process);
    machine.disk.onCommit = () => fate as keyof typeof fates;
    assertEquals(assertThrows(() => publish(store), StoreError).kind, kind);
    machine.disk.onCommit = undefined;
    assertEquals(process.isAlive, isAlive, fate);
    if (isAlive) store.close();
    assertEquals(topics(machine.open()), [count], fate);
  }
});

Deno.test("nothing can be written while the disk is full, and all can be read", () => {
  const machine = new Machine();
  const store = machine.open();
  publish(store);
  machine.disk.isFull = true;
  assertEquals(assertThrows(() => publish(store), StoreError).kind, "full");
  assertEquals(store.clientIds, ["meter"]);
  machine.disk.isFull = false;
  publish(store);
  assertEquals(topics(store), ["2"]);
});

Deno.test("a file whose first commit fails is not there", () => {
  const machine = new Machine();
  machine.disk.onCommit = () => "fails";
  assertThrows(() => machine.open(), StoreError);
  assertEquals(machine.disk.paths, []);
  machine.disk.onCommit = undefined;
  machine.open();
  assertEquals(machine.disk.paths, ["meter.db"]);
  machine.disk.delete("meter.db");
  assertEquals(machine.disk.paths, []);
});

Deno.test("a database in memory is gone when it is closed", () => {
  const machine = new Machine();
  const open = () => new Store(":memory:", {}, machine.disk.opener(machine.process()));
  const [one, other] = [open(), open()];
  publish(one);
  assertEquals(topics(other), ["0"]);
  one.close();
  assertEquals(machine.disk.paths, []);
});

Deno.test("time and chance within SQL are those of the world", async () => {
  const machine = new Machine();
  const store = machine.open();
  await machine.schedule.run(90_061_500);
  const rows = store.transaction((database) =>
    database.prepare(
      "SELECT datetime() AS a, datetime('now', '+1 day') AS b, CURRENT_TIMESTAMP AS c, " +
        "unixepoch('subsec') AS d, strftime('%Y', 'now') AS e, date('2001-02-03') AS f, " +
        "strftime('%H:%M', '2001-02-03 04:05') AS g, unixepoch() AS h, time() AS i, " +
        "julianday('2001-02-03 12:00') AS j",
    ).all()
  );
  assertEquals({ ...rows[0] }, {
    a: "2026-01-02 01:01:01",
    b: "2026-01-03 01:01:01",
    c: "2026-01-02 01:01:01",
    d: Date.UTC(2026, 0, 2, 1, 1, 1, 500) / 1000,
    e: "2026",
    f: "2001-02-03",
    g: "04:05",
    h: Date.UTC(2026, 0, 2, 1, 1, 1) / 1000,
    i: "01:01:01",
    j: 2_451_944,
  });
  const draw = (machine: Machine) =>
    machine.open().transaction((database) =>
      database.prepare("SELECT hex(randomblob(8)) AS a, random() % 1000 AS b").all()
    );
  const drawn = draw(new Machine());
  assertEquals(drawn, draw(new Machine()));
  assert(/^[0-9A-F]{16}$/.test(`${drawn[0]!["a"]}`));
});

Deno.test("a disk that has ended keeps nothing open, not even what nobody finds any more", () => {
  const machine = new Machine();
  const open = machine.disk.opener(machine.process());
  const deleted = open("deleted.db");
  deleted.exec("CREATE TABLE a (b)");
  machine.disk.delete("deleted.db");
  const empty = open("empty.db");
  empty.close();
  assertEquals(deleted.prepare("SELECT * FROM a").all(), []);
  machine.disk.end();
  assertThrows(() => deleted.prepare("SELECT * FROM a"), Error, "not open");
});
