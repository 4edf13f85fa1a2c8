// The broker is killed again and again at moments that a seed chooses, while messages go from one client to the other, to a
// session that is offline, and are retained. What was acknowledged is there in the end; what goes at QoS 2 comes once.
// deno run --allow-all tests/prove/kill.ts [RUNS [FIRST SEED]]

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Client, connect, type ConnectOptions } from "../../mod.ts";
import { numbers, QUICKLY, readToEnd, take } from "../broker_net/broker_net.ts";
import { BrokerProcess } from "../broker_net/broker_process.ts";
import { Random } from "../../src/testing/random.ts";
import { runAll } from "./runs.ts";

const RUNS = 200;

/** Messages each way, and topics with a retained one. */
const COUNT = 600;
const TOPICS = 20;

/** The broker is killed up to so often. */
const KILLS = 6;

/** Milliseconds that a kill may come after the message that it waits for. */
const LATER = 30;

const SESSION = { cleanStart: false, sessionExpiryInterval: 1000 } as const;

if (import.meta.main) Deno.exit(await runAll("kill", kill, RUNS, Deno.args));

async function kill(
  seed: number,
  folder: string,
  stack: AsyncDisposableStack,
): Promise<string> {
  const random = new Random(seed);
  const qos = random.onceIn(2) ? 1 : 2;
  const broker = stack.use(await BrokerProcess.start("--file", `${folder}/broker.db`));
  const open = async (options: ConnectOptions) =>
    stack.use(await connect(() => broker.url, { ...SESSION, reconnect: QUICKLY, ...options }));
  const offline = await open({ clientId: "offline" });
  await offline.subscribe("to/+", { qos });
  await offline.disconnect();
  const a = await open({ clientId: "a" });
  const b = await open({ clientId: "b" });
  const toA = await a.subscribe("to/a", { qos });
  const toB = await b.subscribe("to/b", { qos });

  const moments = Array.from({ length: 1 + random.below(KILLS) }, () => random.below(2 * COUNT))
    .sort((x, y) => x - y);
  const kills = moments.length;
  let received = 0;
  let crashing = Promise.resolve();
  const onRead = () => {
    received++;
    while (moments.length > 0 && received >= moments[0]!) {
      moments.shift();
      const later = random.below(LATER);
      crashing = crashing.then(async () => {
        await new Promise((resolve) => setTimeout(resolve, later));
        await broker.crash();
      });
    }
  };
  const send = async (client: Client, topic: string) => {
    const sent = numbers(COUNT).map((text) => client.publish(topic, text, { qos }));
    for (const { reasonCode } of await Promise.all(sent)) assert(reasonCode < 0x80);
    await client.publish(topic, "end", { qos });
  };
  const retain = async () => {
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        numbers(TOPICS).map((topic) =>
          a.publish(`state/${topic}`, String(round), { qos, retain: true })
        ),
      );
    }
  };
  const [, , , atA, atB] = await Promise.all([
    send(b, "to/a"),
    send(a, "to/b"),
    retain(),
    readToEnd(toA, onRead),
    readToEnd(toB, onRead),
  ]);
  await crashing;
  check("at a", atA, qos);
  check("at b", atB, qos);
  // What waits for a session, and what is retained, outlives a kill when nothing goes on, too.
  await broker.crash();
  const again = await open({ clientId: "offline" });
  assertStrictEquals(again.server.sessionPresent, true);
  const streams: Record<string, string[]> = { "to/a": [], "to/b": [] };
  // At QoS 1 the same end may come twice.
  const ended = new Set<string>();
  for await (const message of again.messages) {
    const text = message.text();
    if (text === "end") ended.add(message.topic);
    else streams[message.topic]!.push(text);
    if (ended.size === 2) break;
  }
  for (const [topic, texts] of Object.entries(streams)) check(`offline from ${topic}`, texts, qos);
  const retained = await take(await again.subscribe("state/+", { qos }), TOPICS);
  assertEquals(retained.map((message) => message.text()), Array(TOPICS).fill("4"));
  return `QoS ${qos}, ${kills + 1} kills`;
}

function check(where: string, texts: readonly string[], qos: 1 | 2): void {
  const first = [...new Set(texts)];
  const missing = numbers(COUNT).filter((text) => !first.includes(text));
  assertEquals(missing, [], `these are lost ${where}`);
  // What is sent again may come again, but the first of each is in order [MQTT-4.6.0-6].
  const late = first.filter((text, index) => index > 0 && Number(text) < Number(first[index - 1]));
  assertEquals(late, [], `these are out of order ${where}`);
  if (qos === 2) assertEquals(texts.length, first.length, `some came more than once ${where}`);
}
