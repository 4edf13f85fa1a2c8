// The publisher of prove:durable, a process that is killed again and again: it writes what it
// publishes into tables of its own, in the file of its session. An empty line says that it goes on.
// deno run --allow-all tests/prove/durable_publisher.ts FOLDER SEED

import { connect, type Receipt } from "../../mod.ts";
import { openStore, type StoreDatabase } from "../../src/store/mod.ts";
import { Random } from "../../src/testing/random.ts";
import { durableOptions, isStopped, topicsOf, urlIn } from "./durable_messages.ts";

/** At most so many messages at a time. */
const BURST = 8;

/** So many bursts may be on their way. */
const AHEAD = 4;

/** The pause after each burst, in milliseconds: the consumer waits for the disk at each message. */
const PAUSE = 30;

/** What a transaction throws that is to leave nothing behind. */
class RolledBack extends Error {}

const [folder = ".", seed = "1"] = Deno.args;
const random = new Random(Number(seed));
using store = openStore(`${folder}/publisher.db`);
const start = store.transaction((database) => {
  database.exec("CREATE TABLE IF NOT EXISTS starts (number INTEGER PRIMARY KEY)");
  database.exec("CREATE TABLE IF NOT EXISTS sent (topic TEXT, text TEXT) STRICT");
  database.exec("CREATE TABLE IF NOT EXISTS ended (number INTEGER PRIMARY KEY)");
  database.exec("INSERT INTO starts DEFAULT VALUES");
  return count(database, "starts");
});
const client = await connect(() => urlIn(folder), durableOptions("publisher", store));
let number = 0;
const underway: Receipt[] = [];
const published: Promise<void>[] = [];
while (!isStopped(folder)) {
  const receipt = await burst();
  underway.push(receipt);
  if (underway.length > AHEAD) await underway.shift()!.done;
  console.log();
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
}
await Promise.all(published);
end();
for await (const receipt of client.receipts()) await receipt.done;
await client.disconnect();

/** One burst of each kind. Returns the receipt of the last message. */
async function burst(): Promise<Receipt> {
  const size = 1 + random.below(BURST);
  const names = outbox(size);
  await Promise.all(Array.from({ length: 1 + random.below(size) }, () => tell(enqueue)));
  published.push(tell(publish), tell(publish));
  return (await client.receipt(names.at(-1)!))!;
}

/** Rows, and the messages that tell of them, together. */
function outbox(size: number): readonly string[] {
  if (random.onceIn(3)) rollBack(size);
  return store.transaction((database, publish) => {
    const first = count(database, "sent WHERE topic LIKE 'outbox/%'");
    return Array.from({ length: size }, (_, index) => {
      const qos = 1 + (first + index) % 2 as 1 | 2;
      const topic = `outbox/${qos}`;
      insert(database, topic, `${first + index}`);
      return publish(topic, `${first + index}`, { qos });
    });
  });
}

/** What is rolled back is neither in the table nor sent. */
function rollBack(size: number): void {
  try {
    store.transaction((database, publish) => {
      for (let index = 0; index < size; index++) {
        insert(database, "outbox/2", "rolled back");
        publish("outbox/2", "rolled back", { qos: 2 });
      }
      throw new RolledBack();
    });
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
  }
}

/** A message of which the table is told when there is a promise: each has a text of its own. */
async function tell(
  send: (topic: string, text: string, qos: 1 | 2) => Promise<string>,
): Promise<void> {
  const qos = 1 + random.below(2) as 1 | 2;
  const text = `${start * 1_000_000 + number++}`;
  const topic = await send(send.name, text, qos);
  store.transaction((database) => insert(database, topic, text));
}

async function enqueue(name: string, text: string, qos: 1 | 2): Promise<string> {
  await client.enqueue(`${name}/${qos}`, text, { qos });
  return `${name}/${qos}`;
}

async function publish(name: string, text: string, qos: 1 | 2): Promise<string> {
  await client.publish(`${name}/${qos}`, text, { qos });
  return `${name}/${qos}`;
}

/** The last message of each topic, once. */
function end(): void {
  store.transaction((database, publish) => {
    if (count(database, "ended") > 0) return;
    for (const [topic, qos] of topicsOf()) publish(topic, "end", { qos });
    database.exec("INSERT INTO ended DEFAULT VALUES");
  });
}

function insert(database: StoreDatabase, topic: string, text: string): void {
  database.prepare("INSERT INTO sent VALUES (?, ?)").run(topic, text);
}

function count(database: StoreDatabase, table: string): number {
  return Number(database.prepare(`SELECT count(*) AS count FROM ${table}`).all()[0]!["count"]);
}
