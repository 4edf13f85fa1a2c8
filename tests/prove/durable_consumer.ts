// The consumer of prove:durable, a process that is killed again and again: it writes what it is
// given into a table of its own, in one transaction with the acknowledgement. An empty line tells
// that it goes on.
// deno run --allow-all tests/prove/durable_consumer.ts FOLDER SEED

import { assert } from "@std/assert";
import { connect, ConnectionClosedError, type Message } from "../../mod.ts";
import { openStore } from "../../src/store/mod.ts";
import { until } from "../interop/interop.ts";
import { Random } from "../../src/testing/random.ts";
import { durableOptions, topicsOf, urlIn } from "./durable_messages.ts";

/** What a transaction throws that is to leave nothing behind. */
class RolledBack extends Error {}

const [folder = ".", seed = "1"] = Deno.args;
const random = new Random(Number(seed));
using store = openStore(`${folder}/consumer.db`);
const wasSubscribed = store.transaction((database) => {
  database.exec("CREATE TABLE IF NOT EXISTS received (topic TEXT, text TEXT, id TEXT) STRICT");
  database.exec("CREATE TABLE IF NOT EXISTS subscribed (number INTEGER PRIMARY KEY)");
  return database.prepare("SELECT * FROM subscribed").all().length > 0;
});
const client = await connect(() => urlIn(folder), {
  ...durableOptions("consumer", store),
  ack: "manual",
  receiveMaximum: 1 + random.below(50),
});
assert(!wasSubscribed || client.server.sessionPresent, "the broker has lost the session");
const subscription = await client.subscribe("+/+", { qos: 2 });
if (!wasSubscribed) {
  store.transaction((database) => database.exec("INSERT INTO subscribed DEFAULT VALUES"));
}
console.log();
const left = new Set(topicsOf().map(([topic]) => topic));
for (const topic of [...left]) if (hasEnd(topic)) left.delete(topic);
for await (const message of left.size === 0 ? [] : subscription) {
  if (random.onceIn(10)) rollBack(message);
  take(message);
  if (message.text() === "end" && hasEnd(message.topic)) left.delete(message.topic);
  if (left.size === 0) break;
  console.log();
}
// The end of QoS 2 is a matter of the two, but it has to come.
await until(() => read("SELECT * FROM mqtt_delivery WHERE unreleased = 1").length === 0);
await client.disconnect();

function take(message: Message): void {
  try {
    message.commit((database) => {
      const statement = database.prepare("INSERT INTO received VALUES (?, ?, ?)");
      statement.run(message.topic, message.text(), message.deliveryId!);
    });
  } catch (error) {
    // It comes again.
    if (!(error instanceof ConnectionClosedError)) throw error;
  }
}

/** What is rolled back is neither in the table nor acknowledged. */
function rollBack(message: Message): void {
  try {
    message.commit((database) => {
      database.exec("INSERT INTO received VALUES ('rolled back', '', '')");
      throw new RolledBack();
    });
  } catch (error) {
    if (!(error instanceof RolledBack || error instanceof ConnectionClosedError)) throw error;
  }
}

function hasEnd(topic: string): boolean {
  return read("SELECT * FROM received WHERE text = 'end' AND topic = ?", topic).length > 0;
}

function read(sql: string, ...values: string[]): readonly unknown[] {
  return store.transaction((database) => database.prepare(sql).all(...values));
}
