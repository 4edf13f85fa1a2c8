// What it costs that nothing is lost: a client with a store against one without, beside what this disk and bare SQLite do in
// the same run. It judges nothing: it prints. A commit takes as long as the disk says, so only ratios tell anything.
// deno run --allow-all tests/bench/store.ts

import { type Client, connect } from "../../mod.ts";
import { openStore, type SessionStorage, type Store } from "../../src/store/mod.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { makeFolder } from "./brokers.ts";
import { compare, type Measurement, median, type Side, table, takeTurns } from "./harness.ts";
import { type Peer, startPeer } from "./peer_process.ts";
import { FEWER, IN_FLIGHT, KEEP_ALIVE, PAYLOAD, sourceFilter, TOPIC } from "./trial.ts";

/** Turns for each work: an odd number, so that a median is one of them. */
const ROUNDS = 5;

/** Turns of the start with many messages, each of which takes a new file. */
const STARTS = 3;

/** Messages that are in the store when a client starts. */
const PENDING = 100_000;

/** Messages that are received and committed one by one in a turn, and bytes that are synchronized one by one. */
const ONE_BY_ONE = 500;

/** About as many bytes as a stored message has. */
const ROW = 200;

/** What is measured in turns: nanoseconds for a message. */
const WORKS = {
  fsync: "append 200 bytes, fsync, one by one",
  sqlite1: "bare SQLite, insert and delete, in as many commits as QoS 1",
  durable1: "publish QoS 1, 1,000 in flight, with a store",
  plain1: "  without a store",
  sqlite2: "bare SQLite, insert, update and delete, likewise for QoS 2",
  durable2: "publish QoS 2, 1,000 in flight, with a store",
  plain2: "  without a store",
  commit1: "receive QoS 1, message.commit() with a row",
  commit2: "receive QoS 2, likewise",
} as const;

type WorkName = keyof typeof WORKS;

/** How many times as fast as something else it is to be, at least. */
const GOALS: Partial<Record<WorkName, readonly (readonly [WorkName, number])[]>> = {
  durable1: [["fsync", 20], ["sqlite1", 0.5], ["plain1", 0]],
  durable2: [["fsync", 0], ["sqlite2", 0.5], ["plain2", 0]],
  commit1: [["fsync", 0]],
  commit2: [["fsync", 0]],
};

/** How many messages a commit has stored, by the last turn; bare SQLite does the same. */
const grouping = { 1: 100, 2: 100 };

if (import.meta.main) {
  await using folder = await makeFolder();
  await using peer = await startPeer();
  console.log(`Deno ${Deno.version.deno}, ${Deno.build.target}, files in ${folder.path}\n`);
  const line = table(Object.values(WORKS));
  line("topic 36 bytes, payload 64", "messages/s", "times", "as fast as", "at least", "met");
  const measured = await measure(folder.path, peer);
  for (const name of Object.keys(WORKS) as WorkName[]) {
    const values = measured[name];
    line(WORKS[name], perSecond(median(values)));
    for (const [other, atLeast] of GOALS[name] ?? []) {
      const { ratio } = compare(values, measured[other]);
      const met = atLeast === 0 ? "" : ratio >= atLeast ? "yes" : "NO";
      line("", "", ratio.toFixed(2), other, atLeast === 0 ? "" : `${atLeast}`, met);
    }
  }
  console.log(
    `\nmessages a commit: ${grouping[1].toFixed(0)} at QoS 1, ${grouping[2].toFixed(0)} at QoS 2`,
  );
  const starts: Started[] = [];
  for (let round = 0; round < STARTS; round++) starts.push(await start(folder.path, peer));
  const of = (name: keyof Started) => `${median(starts.map((each) => each[name])).toFixed(0)} ms`;
  console.log(
    `start with ${PENDING.toLocaleString("en")} pending: opened after ${of("opened")}, ` +
      `first acknowledged after ${of("first")}, all after ${of("all")}`,
  );
}

async function measure(folder: string, peer: Peer): Promise<Record<WorkName, number[]>> {
  await using stack = new AsyncDisposableStack();
  const sides: Record<WorkName, Side> = {
    fsync: stack.use(appending(`${folder}/log`)),
    sqlite1: stack.use(bareSqlite(`${folder}/bare1.db`, 1)),
    durable1: stack.use(await publishing(peer, 1, `${folder}/durable1.db`)),
    plain1: stack.use(await publishing(peer, 1)),
    sqlite2: stack.use(bareSqlite(`${folder}/bare2.db`, 2)),
    durable2: stack.use(await publishing(peer, 2, `${folder}/durable2.db`)),
    plain2: stack.use(await publishing(peer, 2)),
    commit1: stack.use(await committing(peer, 1, `${folder}/commit1.db`)),
    commit2: stack.use(await committing(peer, 2, `${folder}/commit2.db`)),
  };
  const names = Object.keys(sides) as WorkName[];
  // The first turn warms up, and tells the grouping.
  for (const name of [...names].reverse()) await sides[name].run();
  const measured = await takeTurns(names.map((name) => once(sides[name])), ROUNDS);
  return Object.fromEntries(names.map((name, index) => [name, measured[index]!])) as Record<
    WorkName,
    number[]
  >;
}

/** Nanoseconds for an operation, of one run. */
function once(side: Side): Measurement {
  return async () => {
    const start = performance.now();
    await side.run();
    return (performance.now() - start) * 1e6 / side.operations;
  };
}

/** What the disk does at best, one by one. */
function appending(path: string): Side & Disposable {
  const file = Deno.openSync(path, { create: true, append: true });
  const bytes = new Uint8Array(ROW);
  return {
    operations: ONE_BY_ONE,
    run() {
      for (let count = 0; count < ONE_BY_ONE; count++) {
        file.writeSync(bytes);
        file.syncDataSync();
      }
    },
    [Symbol.dispose]: () => file.close(),
  };
}

/** Each commit inserts a group of rows and deletes the group before; at QoS 2 it updates one in between. */
function bareSqlite(path: string, qos: 1 | 2): Side & Disposable {
  const database = openSqlite(path);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = FULL");
  database.exec(
    "CREATE TABLE message (id INTEGER PRIMARY KEY, bytes BLOB, released INTEGER) STRICT",
  );
  const insert = database.prepare("INSERT INTO message VALUES (?, ?, 0)");
  const remove = database.prepare("DELETE FROM message WHERE id = ?");
  const release = database.prepare("UPDATE message SET released = 1 WHERE id = ?");
  const bytes = new Uint8Array(ROW);
  let last = 0;
  return {
    operations: FEWER,
    run() {
      const group = Math.max(1, Math.round(grouping[qos]));
      for (let done = 0; done < FEWER; done += group) {
        database.exec("BEGIN");
        for (let count = 0; count < group; count++) {
          insert.run(++last, bytes);
          if (qos === 2 && last > group) release.run(last - group);
          if (last > qos * group) remove.run(last - qos * group);
        }
        database.exec("COMMIT");
      }
    },
    [Symbol.dispose]: () => database.close(),
  };
}

/** Publishes with 1,000 messages in flight. */
async function publishing(peer: Peer, qos: 1 | 2, path?: string): Promise<Side & AsyncDisposable> {
  const store = path === undefined ? undefined : openStore(path);
  let commits = 0;
  const counted = store && counting(store, () => commits++);
  const client = await begin(peer, counted);
  const options = { qos };
  return {
    operations: FEWER,
    async run() {
      let left = FEWER;
      commits = 0;
      const publishers = Array.from({ length: IN_FLIGHT }, async () => {
        while (left-- > 0) await client.publish(TOPIC, PAYLOAD, options);
      });
      await Promise.all(publishers);
      if (commits > 0) grouping[qos] = FEWER / commits;
    },
    async [Symbol.asyncDispose]() {
      await client.disconnect();
      store?.close();
    },
  };
}

/** Receives, and writes a row of its own for each message, together with the acknowledgement. */
async function committing(peer: Peer, qos: 1 | 2, path: string): Promise<Side & AsyncDisposable> {
  const store = openStore(path);
  store.transaction((database) => database.exec("CREATE TABLE own (topic TEXT, payload BLOB)"));
  const client = await begin(peer, store);
  return {
    operations: ONE_BY_ONE,
    async run() {
      await using subscription = await client.subscribe(sourceFilter(qos, ONE_BY_ONE), { qos });
      let left = ONE_BY_ONE;
      for await (const message of subscription) {
        message.commit((database) =>
          database.prepare("INSERT INTO own VALUES (?, ?)").run(message.topic, message.payload)
        );
        if (--left === 0) break;
      }
    },
    async [Symbol.asyncDispose]() {
      await client.disconnect();
      store.close();
    },
  };
}

/** Milliseconds from the beginning. */
interface Started {
  readonly opened: number;
  readonly first: number;
  readonly all: number;
}

/** A process that finds many messages in its store. */
async function start(folder: string, peer: Peer): Promise<Started> {
  const path = `${folder}/pending.db`;
  {
    using store = openStore(path);
    for (let group = 0; group < PENDING / 1000; group++) {
      store.transaction((_database, publish) => {
        for (let count = 0; count < 1000; count++) publish(TOPIC, PAYLOAD, { clientId: "pending" });
      });
    }
  }
  const begun = performance.now();
  const since = () => performance.now() - begun;
  const store = openStore(path);
  const client = await begin(peer, store, "pending");
  const opened = since();
  let first: number | undefined;
  let last;
  for await (const receipt of client.receipts()) {
    last = receipt;
    first ??= await receipt.done.then(since);
  }
  await last?.done;
  const all = since();
  await client.disconnect();
  store.close();
  await Deno.remove(path);
  return { opened, first: first ?? 0, all };
}

function begin(peer: Peer, store: ClientStore | undefined, clientId = "bench"): Promise<Client> {
  return connect(peer.url, {
    clientId,
    keepAlive: KEEP_ALIVE,
    receiveMaximum: IN_FLIGHT,
    reconnect: false,
    ...store !== undefined && { store, sessionExpiryInterval: 3600 },
  });
}

type ClientStore = Pick<Store, "open">;

/** The same store, whose commits are counted. */
function counting(store: Store, onCommit: () => void): ClientStore {
  return {
    open(clientId) {
      const storage = store.open(clientId);
      const commit = storage.commit.bind(storage);
      storage.commit = (changes: Parameters<SessionStorage["commit"]>[0]) => {
        onCommit();
        return commit(changes);
      };
      return storage;
    },
  };
}

function perSecond(nanoseconds: number): string {
  return Math.round(1e9 / nanoseconds).toLocaleString("en");
}
