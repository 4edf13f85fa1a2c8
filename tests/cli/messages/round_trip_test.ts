// `sub --json | pub --json`: what one broker sends, another gets, message for message. And much of
// it: nothing is lost.

import { assertEquals } from "@std/assert";
import { connect, type Message, type PublishOptions } from "../../../mod.ts";
import { type Broker, serve } from "../../../src/broker/mod.ts";
import { linesOf } from "../../../src/cli/terminal/stdin.ts";

const CLI = new URL("../../../cli.ts", import.meta.url).pathname;

/** The words that run a command against a broker, for a shell. */
function command(port: number, args: string): string {
  const deno = `'${Deno.execPath()}' run --quiet --no-prompt --allow-net=localhost:${port}`;
  return `${deno} '${CLI}' ${args} --port ${port}`;
}

/** Starts a line of a shell. */
function shell(line: string): Deno.ChildProcess {
  return new Deno.Command("sh", { args: ["-c", line], stdout: "piped", stderr: "piped" }).spawn();
}

/** Resolves when somebody has subscribed beside the `count` subscriptions that there are. */
async function subscribed(broker: Broker, count: number): Promise<void> {
  while (broker.statistics.subscriptions <= count) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What is the same on both sides: the server adds Subscription Identifiers for who it sends to. */
function kept({ topic, payload, qos, retain, properties }: Message): unknown {
  const { subscriptionIdentifiers: _, messageExpiryInterval, ...others } = properties;
  // It counts down while a message waits.
  const isLong = messageExpiryInterval && messageExpiryInterval > 3_999_999_000;
  return { topic, payload: payload.slice(), qos, retain, isLong, properties: others };
}

/** Numbers that look like chance, and are the same each time. */
function* numbers(): Generator<number, never> {
  for (let state = 1;;) yield state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
}

/**
 * A message with all properties that a client may set, or some, and a payload that is text or not.
 */
function messageOf(index: number, random: () => number): [string, Uint8Array, PublishOptions] {
  const bytes = (most: number) =>
    Uint8Array.from({ length: random() % most }, () => (random() >> 8) & 0xff);
  const texts = ["", "é\u{1F600}", "a b\tc", '"\\/\u0001', "\uFEFFx", "\u2028", "line\nline\r"];
  const text = () => texts[random() % texts.length]!;
  const has = () => index % 3 === 0 || random() % 2 === 0;
  const payload = index % 2 === 0 ? bytes(200) : new TextEncoder().encode(text().repeat(5));
  return [`in/${index % 17}/ü ${index}`, payload, {
    qos: (random() >> 4) % 3 as 0 | 1 | 2,
    ...has() && { payloadFormatIndicator: (index & 1) as 0 | 1 },
    ...has() && { messageExpiryInterval: 4_000_000_000 },
    ...has() && { contentType: text() },
    ...has() && { responseTopic: `answers/${index}` },
    ...has() && { correlationData: bytes(30) },
    ...has() && { userProperties: [["k", text()], ["k", text()], ["", String(index)]] as const },
  }];
}

Deno.test("10,000 messages with all properties and any payload go through sub --json | pub --json as they are", async () => {
  const COUNT = 10_000;
  await using first = await serve({ port: 0 });
  await using second = await serve({ port: 0 });
  await using source = await connect(first.url);
  await using target = await connect(second.url);
  const sent = await source.subscribe("in/#", { qos: 2 });
  const received = await target.subscribe("in/#", { qos: 2 });
  const sub = command(first.port, `sub -t 'in/#' -q 2 --json -C ${COUNT}`);
  const pipe = shell(`${sub} | ${command(second.port, "pub --json")}`);
  await subscribed(first, 1);
  const lists = Promise.all([listOf(sent, COUNT), listOf(received, COUNT)]);
  const chance = numbers();
  let last: Promise<unknown> = Promise.resolve();
  for (let index = 0; index < COUNT; index++) {
    last = source.publish(...messageOf(index, () => chance.next().value));
    if (index % 500 === 0) await last;
  }
  const { code, stdout, stderr } = await pipe.output();
  assertEquals([code, stdout.length, new TextDecoder().decode(stderr)], [0, 0, ""]);
  const [before, after] = await lists;
  // There are three orders, one for each QoS (§4.6).
  for (const qos of [0, 1, 2]) {
    const [wanted, got] = [ofQoS(before, qos), ofQoS(after, qos)];
    assertEquals(got.length, wanted.length);
    // One by one: to tell all that differs between thousands takes all memory.
    wanted.forEach((message, index) => assertEquals(got[index], message));
  }
});

function ofQoS(messages: readonly Message[], qos: number): readonly unknown[] {
  return messages.filter((message) => message.qos === qos).map(kept);
}

async function listOf(messages: AsyncIterable<Message>, count: number): Promise<Message[]> {
  const list: Message[] = [];
  for await (const message of messages) {
    message.ack();
    if (list.push(message) === count) break;
  }
  return list;
}

Deno.test("1,000,000 lines through pub -l and sub -C at QoS 1: none is lost, none comes twice, all in order", async () => {
  const COUNT = 1_000_000;
  await using broker = await serve({ port: 0 });
  const sub = shell(command(broker.port, `sub -t lines -q 1 -C ${COUNT}`));
  await subscribed(broker, 0);
  const pub = shell(`seq 1 ${COUNT} | ${command(broker.port, "pub -t lines -q 1 -l")}`);
  let count = 0;
  const decoder = new TextDecoder();
  const stdin = { readable: sub.stdout, isTerminal: false };
  for await (const lines of linesOf(stdin, new AbortController().signal)) {
    for (const line of lines) {
      count++;
      const text = decoder.decode(line);
      if (text !== String(count)) throw new Error(`Line ${count} is ${text}`);
    }
  }
  assertEquals(count, COUNT);
  for (const child of [sub.stderr, pub.stderr]) assertEquals(await new Response(child).text(), "");
  await pub.stdout.cancel();
  assertEquals([(await sub.status).code, (await pub.status).code], [0, 0]);
});
