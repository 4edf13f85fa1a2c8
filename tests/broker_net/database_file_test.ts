// The file of a broker: whose it is, and what it must be.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { connect } from "../../mod.ts";
import { serve, StoreError } from "../../src/broker/mod.ts";
import { take, temporaryFolder, withinPatience } from "./broker_net.ts";
import { Peer } from "./peer.ts";
import { writeVersion0 } from "./version_0.ts";

const SESSION = { clientId: "a", cleanStart: false, sessionExpiryInterval: 1000 } as const;

/** A file with a row in each table, closed. */
async function fillFile(path: string): Promise<void> {
  await using broker = await serve({ listeners: [], path });
  {
    await using client = await connect(broker, {
      ...{ ...SESSION, username: "user" },
      will: { topic: "will", payload: "gone", qos: 1, willDelayInterval: 500 },
    });
    await client.subscribe("news", { qos: 2 });
    using peer = new Peer(broker.connect());
    const properties = { sessionExpiryInterval: 1000 };
    await peer.open({ clientId: "m", cleanStart: false, properties });
    const payload = new Uint8Array([1, 2, 3]);
    await peer.send({ type: "publish", topic: "news", payload, qos: 2, packetId: 9 });
    await peer.expect("pubrec");
    await client.publish("state", "on", { retain: true, qos: 1 });
    await client.disconnect();
    await peer.send({ type: "publish", topic: "news", payload, qos: 2, packetId: 12 });
    await peer.expect("pubrec");
  }
}

Deno.test("A file in use by another broker is refused until that one ends", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broker.db`;
  {
    await using _ = await serve({ listeners: [], path });
    const error = await assertRejects(() => serve({ listeners: [], path }), Error);
    assert(error.message.startsWith(`${path} cannot be used: `), error.message);
  }
  await (await serve({ listeners: [], path })).shutDown();
});

Deno.test("A file that is not a database is refused and not changed", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broker.db`;
  await Deno.writeTextFile(path, "no database\n".repeat(100));
  const error = await assertRejects(() => serve({ listeners: [], path }), Error);
  assert(error.message.startsWith(`${path} cannot be used: `), error.message);
  assertStrictEquals(await Deno.readTextFile(path), "no database\n".repeat(100));
});

Deno.test("A broker that cannot listen releases its file", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broker.db`;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await assertRejects(() => serve({ port: listener.addr.port, path }), Deno.errors.AddrInUse);
  await (await serve({ listeners: [], path })).shutDown();
});

Deno.test("A file with a single changed bit in any value is refused", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broker.db`;
  await fillFile(path);
  const columns = columnsOf(path);
  assertEquals(new Set(columns.map(({ table }) => table)).size, 5);
  for (const { table, column } of columns) {
    const copy = `${folder.path}/${table}-${column}.db`;
    await Deno.copyFile(path, copy);
    const database = new DatabaseSync(copy);
    try {
      database.exec("PRAGMA foreign_keys = OFF");
      // One bit of the first value of the column that there is.
      database.exec(`UPDATE ${table} SET ${column} = CASE typeof(${column})
        WHEN 'text' THEN char(unicode(${column}) + 1) || substr(${column}, 2)
        WHEN 'blob' THEN CAST(substr(${column}, 1, length(${column}) - 1) || x'7f' AS BLOB)
        WHEN 'null' THEN NULL ELSE ${column} + 1 END
        WHERE ${column} = (SELECT max(${column}) FROM ${table})`);
      const { changes } = database.prepare(
        `SELECT count(*) AS changes FROM ${table} WHERE ${column} IS NOT NULL`,
      ).get()!;
      if (changes === 0) continue;
    } finally {
      database.close();
    }
    const error = await assertRejects(() => serve({ listeners: [], path: copy }), StoreError);
    assertStrictEquals(error.kind, "damaged", `${table}.${column}`);
    const why = `${copy} cannot be used: a row of the table "`;
    assert(error.message.startsWith(why), `${table}.${column}: ${error.message}`);
  }
  await (await serve({ listeners: [], path })).shutDown();
});

function columnsOf(path: string): { readonly table: string; readonly column: string }[] {
  const database = new DatabaseSync(path);
  try {
    return database.prepare(`SELECT m.name AS "table", c.name AS "column"
      FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'`).all()
      .map(({ table, column }) => ({ table: String(table), column: String(column) }));
  } finally {
    database.close();
  }
}

Deno.test("A file of the first version is migrated with all of its contents", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broker.db`;
  writeVersion0(path, { clientId: "a", username: "bob" });
  for (let time = 0; time < 2; time++) {
    await using broker = await serve({ listeners: [], path });
    const { sessions, subscriptions, retained } = broker.statistics;
    assertEquals({ sessions, subscriptions, retained }, {
      ...{ sessions: 1, subscriptions: 1, retained: 1 },
    });
  }
  await using broker = await serve({ listeners: [], path });
  await withinPatience((async () => {
    using peer = new Peer(broker.connect());
    const connack = await peer.open({ clientId: "a", username: "bob", cleanStart: false });
    assertStrictEquals(connack.sessionPresent, true);
    const messages = [await peer.expect("publish"), await peer.expect("publish")];
    assertEquals(
      messages.map(({ payload, dup }) => [new TextDecoder().decode(payload), dup]),
      [["in flight", true], ["waiting", false]],
    );
    assertStrictEquals(messages[0]!.packetId, 7);
    // It was received by the broker before.
    await peer.send({ type: "publish", topic: "news", qos: 2, packetId: 9, dup: true });
    assertStrictEquals((await peer.expect("pubrec")).packetId, 9);
    await using client = await connect(broker);
    const [state] = await take(await client.subscribe("state"), 1);
    assertStrictEquals(state!.text(), "on");
    // The Will is due in an hour, and has been asked for with the session.
    await peer.send({ type: "pubrec", packetId: 7 });
    await peer.expect("pubrel");
  })());
});

Deno.test("An empty file and the file of another program are refused and not changed", async () => {
  await using folder = await temporaryFolder();
  const empty = `${folder.path}/empty.db`;
  await Deno.writeTextFile(empty, "");
  const isEmpty = await assertRejects(() => serve({ listeners: [], path: empty }), StoreError);
  assertStrictEquals(isEmpty.kind, "empty");
  const foreign = `${folder.path}/foreign.db`;
  const database = new DatabaseSync(foreign);
  database.exec("CREATE TABLE session (a); CREATE TABLE theirs (b)");
  database.close();
  const before = await Deno.readFile(foreign);
  const isForeign = await assertRejects(() => serve({ listeners: [], path: foreign }), StoreError);
  assertStrictEquals(isForeign.kind, "foreign");
  assertEquals(await Deno.readFile(foreign), before);
});
