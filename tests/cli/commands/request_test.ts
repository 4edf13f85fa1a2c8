// The command `request` as a process: what it asks, what it takes for the answer and what not, and
// how it ends.

import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { PublishOptions } from "../../../mod.ts";
import { serve, type ServeOptions } from "../../../src/broker/mod.ts";
import { bytesOf } from "../../hex.ts";
import { freePort } from "../../io/mosquitto.ts";
import { echo, Recorder } from "../recorder.ts";
import { run } from "../run.ts";
import { begin, brokerTest, cli, fileWith } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

Deno.test("request names a topic of its own for the answer, and marks the request", async () => {
  const asked: PublishOptions[] = [];
  for (let time = 0; time < 2; time++) {
    await using server = new Recorder({ publish: echo });
    assertEquals((await cli(server, ["request", "-t", "ask", "-m", "x"])).stdout, "x\n");
    const { subscriptions: [subscription] } = await server.first("subscribe");
    const { properties } = await server.first("publish");
    assertEquals(properties.responseTopic, subscription?.topicFilter);
    asked.push(properties);
  }
  const [first, second] = asked;
  assertMatch(first?.responseTopic ?? "", /^mqtt5\/responses\/[\w-]{20,}$/);
  assertNotEquals(first?.responseTopic, second?.responseTopic);
  assertNotEquals(first?.correlationData, second?.correlationData);
});

brokerTest("request names the topic below what the server suggests", async (broker, client) => {
  const requests = await client.subscribe("ask");
  await using request = begin(broker, ["request", "-t", "ask", "-n"]);
  for await (const { responseTopic = "", correlationData } of requests) {
    assertMatch(responseTopic, /^answers\/for\/you\/./);
    await client.publish(responseTopic, "x", { correlationData });
    break;
  }
  assertEquals((await request.end()).exitCode, 0);
}, { responseInformation: "answers/for/you" });

Deno.test("request sends QoS, RETAIN and every property of PUBLISH and SUBSCRIBE", async () => {
  await using server = new Recorder({ publish: echo });
  const { exitCode, stdout } = await cli(server, [
    ...["request", "-t", "ask", "-m", "x", "-e", "re", "-q", "1", "-r"],
    ...["--payload-format-indicator", "1", "--message-expiry-interval", "60"],
    ...["--content-type", "text/plain", "--correlation-data", "hex:00FF", "--topic-alias", "1"],
    ...["--user-property", "a=b", "--subscription-identifier", "9", "-M", "20"],
    ...["--subscribe-user-property", "c=d"],
  ]);
  assertEquals([exitCode, stdout], [0, "x\n"]);
  const subscribe = await server.first("subscribe");
  assertEquals(subscribe.properties, {
    subscriptionIdentifiers: [9],
    userProperties: [["c", "d"]],
  });
  assertEquals(subscribe.subscriptions.map(({ topicFilter, qos }) => [topicFilter, qos]), [[
    "re",
    1,
  ]]);
  const { topic, qos, retain, properties } = await server.first("publish");
  assertEquals([topic, qos, retain], ["ask", 1, true]);
  assertEquals(properties, {
    payloadFormatIndicator: 1,
    messageExpiryInterval: 60,
    contentType: "text/plain",
    responseTopic: "re",
    correlationData: bytesOf("00FF"),
    topicAlias: 1,
    userProperties: [["a", "b"]],
  });
});

const REQUESTS: readonly {
  readonly name: string;
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly stdout: string;
}[] = [
  { name: "a file", args: ["-f", "FILE"], stdout: "in a file\n" },
  { name: "standard input", args: ["-s"], stdin: "one\ntwo", stdout: "one\ntwo\n" },
  { name: "nothing, and prints the topic", args: ["-n", "-e", "re", "-v"], stdout: "re (null)\n" },
  { name: "a text, and prints as -F says", args: ["-m", "x", "-F", "<%p>", "-N"], stdout: "<x>" },
];

for (const { name, args, stdin, stdout } of REQUESTS) {
  Deno.test(`request asks with ${name}`, async () => {
    await using server = new Recorder({ publish: echo });
    await using file = await fileWith("in a file");
    const permissions = [`--allow-read=${file.path}`];
    const words = args.map((word) => word === "FILE" ? file.path : word);
    const result = await cli(server, ["request", "-t", "ask", ...words], { stdin, permissions });
    assertEquals([result.exitCode, result.stdout], [0, stdout]);
  });
}

Deno.test("request --json prints the whole answer", async () => {
  await using server = new Recorder({ publish: echo });
  const args = [
    "request",
    "-t",
    "ask",
    "-m",
    "x",
    "-e",
    "re",
    "--correlation-data",
    "id",
    "--json",
  ];
  const { time: _, ...answer } = JSON.parse((await cli(server, args)).stdout);
  assertEquals(answer, {
    topic: "re",
    payload: "x",
    qos: 0,
    retain: false,
    properties: { correlationData: "aWQ=" },
  });
});

brokerTest("request passes over the answers to others", async (broker, client) => {
  const requests = await client.subscribe("ask");
  const args = [
    "request",
    "-d",
    "-t",
    "ask",
    "-n",
    "-e",
    "shared/re",
    "--correlation-data",
    "mine",
  ];
  await using request = begin(broker, args);
  for await (const { responseTopic = "" } of requests) {
    await client.publish(responseTopic, "a stranger's", { correlationData: bytesOf("00") });
    const correlationData = new TextEncoder().encode("mine");
    await client.publish(responseTopic, "mine", { correlationData });
    break;
  }
  const { exitCode, stdout } = await request.end();
  assertEquals([exitCode, stdout], [0, "mine\n"]);
});

brokerTest(
  "request -e takes an answer without Correlation Data, but not one that was retained before",
  async (broker, client) => {
    await client.publish("re", "retained before", { retain: true, qos: 1 });
    const requests = await client.subscribe("ask");
    await using request = begin(broker, ["request", "-t", "ask", "-n", "-e", "re"]);
    for await (const { responseTopic = "" } of requests) {
      await client.publish(responseTopic, "a stranger's", { correlationData: bytesOf("00") });
      await client.publish(responseTopic, "without");
      break;
    }
    const { exitCode, stdout } = await request.end();
    assertEquals([exitCode, stdout], [0, "without\n"]);
  },
);

for (const [option, answer] of [["-R", "fresh"], ["-v", "re stale"]] as const) {
  brokerTest(
    `request ${option} prints "${answer}" when an answer was retained`,
    async (broker, client) => {
      const correlationData = new TextEncoder().encode("mine");
      await client.publish("re", "stale", { retain: true, qos: 1, correlationData });
      const requests = await client.subscribe("ask");
      const args = ["request", "-t", "ask", "-n", "-e", "re", "--correlation-data", "mine"];
      await using request = begin(broker, [...args, option]);
      for await (const _ of requests) {
        await client.publish("re", "fresh", { correlationData });
        break;
      }
      assertEquals((await request.end()).stdout, `${answer}\n`);
    },
  );
}

Deno.test("request -q 1 ends at once when the server says that nobody has subscribed", async () => {
  await using broker = await serve({ port: 0 });
  const { exitCode, stderr } = await cli(broker, ["request", "-t", "a", "-n", "-q", "1"]);
  assertEquals(exitCode, 1);
  assertEquals(stderr, 'mqtt5: Nobody has subscribed to "a", so nobody can respond\n');
});

Deno.test("request ends with 27 when nobody answers within -W", async () => {
  await using broker = await serve({ port: 0 });
  const { exitCode, stdout, stderr } = await cli(broker, ["request", "-t", "a", "-n", "-W", "0.3"]);
  assertEquals([exitCode, stdout], [27, ""]);
  assertMatch(stderr, /^mqtt5: Timed out after 0\.3 s \(--timeout\)\n$/);
});

Deno.test("request ends with 27 when -W runs out before standard input ends", async () => {
  await using broker = await serve({ port: 0 });
  await using request = begin(broker, ["request", "-t", "a", "-s", "-W", "0.3"]);
  await request.type("begun");
  await request.untilTold(/\n/);
  const { exitCode, stderr } = await request.end();
  assertEquals([exitCode], [27]);
  assertMatch(stderr, /^mqtt5: Timed out after 0\.3 s \(--timeout\)\n$/);
});

const REFUSALS: readonly [string, ServeOptions, number][] = [
  ["request", { authorizePublish: () => 0x99 }, 0x99],
  ["topic for the answer", { authorizeSubscribe: () => 0x8f }, 0x8f],
];

for (const [what, options, code] of REFUSALS) {
  Deno.test(`request ends with the Reason Code when the server refuses the ${what}`, async () => {
    await using broker = await serve({ port: 0, ...options });
    const { exitCode, stderr } = await cli(broker, ["request", "-t", "a", "-n", "-q", "1"]);
    assertEquals(exitCode, code);
    assertMatch(stderr, /^mqtt5: The server refused to [^\n]*\n$/);
  });
}

const USAGE: readonly [string, readonly string[], RegExp][] = [
  ["no message in flight", ["-t", "a", "-n", "-M", "0"], /--max-inflight: expected an integer/],
  ["no topic", ["-n"], /No topic: give --topic, or/],
  ["no payload", ["-t", "a"], /No payload: give -m, /],
  ["two payloads", ["-t", "a", "-m", "b", "-n"], /--message and --null-message/],
  ["a wildcard", ["-t", "a/#", "-n"], /wildcard/],
  ["a wildcard for the answer", ["-t", "a", "-n", "-e", "b/+"], /wildcard/],
  ["an empty topic for the answer", ["-t", "a", "-n", "-e", ""], /empty|Topic Name/],
  ["two formats", ["-t", "a", "-n", "--json", "-F", "x"], /cannot be used together/],
];

for (const [what, args, says] of USAGE) {
  Deno.test(`request refuses ${what} with exit code 2, and sends nothing`, async () => {
    // Nothing listens there: who connected all the same would end with 1.
    const { exitCode, stdout, stderr } = await run(["request", "-p", String(freePort()), ...args]);
    assertEquals([exitCode, stdout], [2, ""], stderr);
    assertMatch(stderr, /^mqtt5: [^\n]*\n$/);
    assertMatch(stderr, says);
  });
}

optionsTest(import.meta.url);
