// A publisher, a consumer and the broker between them are killed at moments that a seed chooses,
// each with its file. In the end the application's own tables say what has become of each message:
// at QoS 2 each is there exactly once, at QoS 1 at least once, in order, and nothing is left.
// deno run --allow-all tests/prove/durable.ts [RUNS [FIRST SEED]]

import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { connect } from "../../mod.ts";
import { take } from "../interop/interop.ts";
import { BrokerProcess } from "../broker_net/broker_process.ts";
import { Random } from "../../src/testing/random.ts";
import { sayUrl, stop, topicsOf } from "./durable_messages.ts";
import { MortalProcess } from "./mortal_process.ts";
import { runAll } from "./runs.ts";

const RUNS = 25;

/** Each of the three is killed so often. */
const KILLS = 5;

/** A kill comes after up to so many steps, or so many milliseconds of a start. */
const STEPS = { publisher: 20, consumer: 150 };
const START = 300;

/** And so many milliseconds later. */
const LATER = 20;

if (import.meta.main) Deno.exit(await runAll("durable", durable, RUNS, Deno.args));

/** One run; `kills` says how often each process is killed. */
export async function durable(
  seed: number,
  folder: string,
  stack: AsyncDisposableStack,
  kills = KILLS,
): Promise<string> {
  const seeds = new Random(seed);
  const another = () => new Random(seeds.below(1_000_000));
  const [ofBroker, ofPublisher, ofConsumer] = [another(), another(), another()];
  const [publishing, consuming] = [another(), another()];
  const broker = stack.use(await BrokerProcess.start("--file", `${folder}/broker.db`));
  await sayUrl(folder, broker.url);
  const start = (script: string, random: Random) =>
    stack.use(new MortalProcess(script, () => [folder, String(random.below(1_000_000))]));
  const consumer = start("./durable_consumer.ts", consuming);
  // What is published before there is a subscription is for nobody.
  await consumer.steps(1);
  const publisher = start("./durable_publisher.ts", publishing);
  const killBroker = async () => {
    await consumer.steps(ofBroker.below(STEPS.consumer));
    await pause(ofBroker.below(LATER));
    await broker.crash();
    await sayUrl(folder, broker.url);
  };
  const killProcess = async (victim: MortalProcess, steps: number, random: Random) => {
    if (random.onceIn(4)) await pause(random.below(START));
    else await victim.steps(random.below(steps));
    await pause(random.below(LATER));
    await victim.kill();
    victim.start();
  };
  await Promise.all([
    repeat(kills, killBroker),
    repeat(kills, () => killProcess(publisher, STEPS.publisher, ofPublisher)),
    repeat(kills, () => killProcess(consumer, STEPS.consumer, ofConsumer)),
  ]);
  await stop(folder);
  await publisher.end();
  await consumer.end();
  const count = check(folder);
  await checkNothingLeft(broker.url);
  return `${3 * kills} kills, ${count} messages`;
}

/** Compares the tables of the two applications. Returns how many messages there were. */
function check(folder: string): number {
  using publisher = new DatabaseSync(`${folder}/publisher.db`, { readOnly: true });
  using consumer = new DatabaseSync(`${folder}/consumer.db`, { readOnly: true });
  const received = consumer.prepare("SELECT topic, text, id FROM received ORDER BY rowid").all();
  const ids = received.map(({ id }) => id);
  assertEquals(doubled(ids), [], "these were committed twice");
  for (const [topic, qos] of topicsOf()) {
    const sent = publisher.prepare("SELECT text FROM sent WHERE topic = ? ORDER BY rowid")
      .all(topic).map(({ text }) => text);
    const texts = received.filter((row) => row["topic"] === topic).map(({ text }) => text);
    if (qos === 2) assertEquals(doubled(texts), [], `these have come twice to ${topic}`);
    const first = [...new Set(texts)];
    const known = new Set(first);
    const missing = sent.filter((text) => !known.has(text));
    assertEquals(missing, [], `these are lost on their way to ${topic}`);
    assertEquals(first.pop(), "end", `this is behind the end of ${topic}`);
    // What is sent again may come again, but the first of each is in order [MQTT-4.6.0-6].
    const late = first.filter((text, index) =>
      index > 0 && Number(text) <= Number(first[index - 1])
    );
    assertEquals(late, [], `these are out of order in ${topic}`);
    if (topic.startsWith("outbox/")) {
      assertEquals(first, sent, `more came to ${topic} than was sent`);
    }
  }
  const topics = new Set<unknown>(topicsOf().map(([topic]) => topic));
  assertEquals(received.filter(({ topic }) => !topics.has(topic)), [], "nobody has sent these");
  for (const database of [publisher, consumer]) {
    assertEquals(database.prepare("SELECT * FROM mqtt_message").all(), [], "these still wait");
    const unreleased = database.prepare("SELECT * FROM mqtt_delivery WHERE unreleased = 1").all();
    assertEquals(unreleased, [], "these are not at their end");
  }
  return received.length;
}

/** The broker has nothing more for the consumer: a new message is the first that comes. */
async function checkNothingLeft(url: string): Promise<void> {
  const options = { clientId: "consumer", cleanStart: false, sessionExpiryInterval: 1000 };
  await using client = await connect(url, options);
  assert(client.server.sessionPresent, "the broker has lost the session");
  await client.publish("new/1", "", { qos: 1 });
  const [message] = await take(client.messages, 1);
  assertEquals(message!.topic, "new/1", "the broker had this left");
}

function doubled(values: readonly unknown[]): readonly unknown[] {
  const seen = new Set<unknown>();
  return values.filter((value) => seen.size === seen.add(value).size);
}

async function repeat(times: number, work: () => Promise<void>): Promise<void> {
  for (let time = 0; time < times; time++) await work();
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
