// The command `retained` as a process: it lists what the server keeps, or removes it, and knows
// when that was all.

import { assert, assertEquals, assertGreaterOrEqual, assertMatch } from "@std/assert";
import type { Client } from "../../../mod.ts";
import type { Broker } from "../../../src/broker/mod.ts";
import { freePort } from "../../io/mosquitto.ts";
import { granted, Recorder } from "../recorder.ts";
import { run } from "../run.ts";
import { begin, brokerTest, cli } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

/** Publishes texts that the server keeps, one under each topic. */
async function keep(client: Client, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [topic, text] of Object.entries(texts)) {
    await client.publish(topic, text, { qos: 1, retain: true, contentType: "t/p" });
  }
}

/** Runs `retained`, which waits for no more than a moment. */
async function retained(
  broker: Broker,
  ...args: string[]
): Promise<readonly [number, string, string]> {
  const { exitCode, stdout, stderr } = await cli(broker, ["retained", "--settle", "0.2", ...args]);
  return [exitCode, stdout, stderr];
}

const KEPT = { "a/1": "one", "a/2": "two\nlines", "b": "three" };

const LISTS: readonly [name: string, args: readonly string[], stdout: string][] = [
  ["topic and payload", ["-t", "a/#"], "a/1 one\na/2 two\nlines\n"],
  ["what any of its filters matches", ["-t", "b", "-t", "a/1"], "a/1 one\nb three\n"],
  [
    "once what two filters match",
    ["-t", "a/1", "-t", "#", "-t", "b"],
    "a/1 one\na/2 two\nlines\nb three\n",
  ],
  ["nothing where there is nothing", ["-t", "c/#"], ""],
  ["what -F says", ["-t", "a/1", "-F", "%r %C %p;", "-N"], "1 t/p one;"],
  ["what -F says, without a Subscription Identifier of its own", ["-t", "a/1", "-F", "%S|"], "|\n"],
];

for (const [name, args, stdout] of LISTS) {
  brokerTest(`retained lists ${name}`, async (broker, client) => {
    await keep(client, KEPT);
    const [exitCode, listed, stderr] = await retained(broker, ...args);
    // Which filter's messages come first is for the server to say.
    const sorted = args.includes("b") ? listed.split(/(?<=\n)(?=[ab])/).sort().join("") : listed;
    assertEquals([exitCode, sorted, stderr], [0, stdout, ""]);
    assertEquals(broker.statistics.retained, 3);
  });
}

brokerTest(
  "retained --json lists what pub --json brings back as it was",
  async (broker, client) => {
    await keep(client, KEPT);
    await client.publish("bytes", new Uint8Array([0xff]), { qos: 1, retain: true });
    const [, before] = await retained(broker, "-t", "#", "--json");
    assertEquals(before.trimEnd().split("\n").length, 4);
    const [exitCode, removed] = await retained(broker, "-t", "#", "--remove", "--json");
    assertEquals([exitCode, withoutTime(removed)], [0, withoutTime(before)]);
    assertEquals(broker.statistics.retained, 0);
    await cli(broker, ["pub", "--json", "-q", "1"], { stdin: removed });
    assertEquals(
      withoutTime((await retained(broker, "-t", "#", "--json"))[1]),
      withoutTime(before),
    );
  },
);

/** Messages as they are, in the order of their topics. */
function withoutTime(lines: string): unknown[] {
  return lines.trimEnd().split("\n").sort().map((line) => {
    const { time, ...message } = JSON.parse(line);
    assert(time !== undefined);
    return message;
  });
}

brokerTest("retained --remove removes what it lists, and nothing else", async (broker, client) => {
  await keep(client, KEPT);
  assertEquals(await retained(broker, "-t", "a/+", "--remove"), [
    0,
    "a/1 one\na/2 two\nlines\n",
    "",
  ]);
  assertEquals(await retained(broker, "-t", "#"), [0, "b three\n", ""]);
});

brokerTest(
  "retained --remove ends with the Reason Code when the server refuses",
  async (broker, client) => {
    await keep(client, KEPT);
    const [exitCode, stdout, stderr] = await retained(broker, "-t", "#", "--remove");
    assertEquals([exitCode, stdout.split("\n").length], [0x87, 5]);
    assertMatch(stderr, /^mqtt5: The server refused to publish to "b": 0x87 [^\n]*\n$/);
    assertEquals(broker.statistics.retained, 1);
  },
  { authorizePublish: (_, { topic, payload }) => topic !== "b" || payload.length > 0 },
);

brokerTest(
  "retained ends with the Reason Code when the server refuses the filter",
  async (broker) => {
    const [exitCode, , stderr] = await retained(broker, "-t", "a");
    assertEquals(exitCode, 0x87);
    assertMatch(stderr, /^mqtt5: The server refused to subscribe to "a": 0x87 [^\n]*\n$/);
  },
  { authorizeSubscribe: () => false },
);

brokerTest("retained leaves out what is published meanwhile", async (broker, client) => {
  await keep(client, KEPT);
  await using listing = begin(broker, ["retained", "-d", "-t", "#", "--settle", "1"]);
  await listing.untilTold(/← SUBACK/);
  await keep(client, { "a/1": "new", "c": "new" });
  const { exitCode, stdout } = await listing.end();
  assertEquals([exitCode, stdout], [0, "a/1 one\na/2 two\nlines\nb three\n"]);
});

Deno.test("retained ends --settle seconds after the last message, by default one", async () => {
  for (const [args, least] of [[["--settle", "0.3"], 250], [[], 900]] as const) {
    await using server = new Recorder({
      subscribe: (packet) => [granted(packet), { type: "publish", topic: "a", retain: true }],
    });
    const before = performance.now();
    const { exitCode, stdout } = await cli(server, ["retained", "-t", "a", ...args]);
    assertEquals([exitCode, stdout], [0, "a (null)\n"]);
    assertGreaterOrEqual(performance.now() - before, least);
  }
});

Deno.test("retained waits anew after each message", async () => {
  await using server = new Recorder();
  const listing = cli(server, ["retained", "-t", "a/+", "--settle", "0.8"]);
  await server.first("subscribe");
  for (const topic of ["a/1", "a/2", "a/3"]) {
    await server.say({ type: "publish", topic, retain: true });
    // Longer than half of what it waits for: who counts from the beginning misses the last.
    await new Promise((resolve) => setTimeout(resolve, 450));
  }
  assertEquals((await listing).stdout, "a/1 (null)\na/2 (null)\na/3 (null)\n");
});

Deno.test("retained ends with 27 when -W runs out before all is settled", async () => {
  await using server = new Recorder();
  const args = ["retained", "-t", "a", "--settle", "60", "-W", "0.3"];
  const { exitCode, stderr } = await cli(server, args);
  assertEquals([exitCode], [27]);
  assertMatch(stderr, /^mqtt5: Timed out after 0\.3 s \(--timeout\)\n$/);
});

const USAGE: readonly [string, readonly string[], RegExp][] = [
  ["no filter", [], /No Topic Filter: give --topic, or add it to the URL/],
  ["an invalid filter", ["-t", "a/#/b"], /Topic Filter "a\/#\/b"/],
  [
    "a shared subscription",
    ["-t", "a", "-t", "$share/group/a"],
    /remove \$share\/… from the filter/,
  ],
  ["two formats", ["-t", "a", "--json", "-F", "%p"], /cannot be used together/],
  ["an invalid time", ["-t", "a", "--settle", "x"], /--settle: expected a number of seconds/],
];

for (const [what, args, says] of USAGE) {
  Deno.test(`retained refuses ${what} with exit code 2, and sends nothing`, async () => {
    // Nothing listens there: who connected all the same would end with 1.
    const { exitCode, stdout, stderr } = await run(["retained", "-p", String(freePort()), ...args]);
    assertEquals([exitCode, stdout], [2, ""], stderr);
    assertMatch(stderr, /^mqtt5: [^\n]*\n$/);
    assertMatch(stderr, says);
  });
}

optionsTest(import.meta.url);
