// The command `pub` as a process: where payloads come from, what it refuses to send, what PUBLISH
// carries, and its pace.

import { assertEquals, assertGreaterOrEqual, assertLess, assertMatch } from "@std/assert";
import { serve } from "../../../src/broker/mod.ts";
import { bytesOf } from "../../hex.ts";
import { freePort } from "../../io/mosquitto.ts";
import { Recorder } from "../recorder.ts";
import { run } from "../run.ts";
import { begin, cli, fileWith, heard } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

const PAYLOADS: readonly {
  readonly name: string;
  readonly args: readonly string[];
  readonly stdin?: string | Uint8Array;
  readonly sent: readonly string[];
}[] = [
  {
    name: "a text, to each topic",
    args: ["-t", "a", "-t", "b", "-m", "hello → you"],
    sent: ["a hello → you", "b hello → you"],
  },
  { name: "a text that begins with a hyphen", args: ["-t", "a", "-m", "-x"], sent: ["a -x"] },
  { name: "an empty text", args: ["-t", "a", "-m", ""], sent: ["a "] },
  { name: "nothing", args: ["-t", "a", "-n"], sent: ["a "] },
  {
    name: "the whole of standard input, line ends and all",
    args: ["-t", "a", "-s"],
    stdin: "one\ntwo\n",
    sent: ["a one\ntwo\n"],
  },
  {
    name: "a line each, also an empty one and one without an end",
    args: ["-t", "a", "-l"],
    stdin: "one\n\n two \nthree",
    sent: ["a one", "a ", "a  two ", "a three"],
  },
  {
    name: "a line each, to each topic",
    args: ["-t", "a", "-t", "b", "-l"],
    stdin: "1\n2\n",
    sent: ["a 1", "b 1", "a 2", "b 2"],
  },
  {
    name: "topic and payload on each line",
    args: ["--topic-line"],
    stdin: "a one\nb  two words\nc\n",
    sent: ["a one", "b  two words", "c "],
  },
  {
    name: "JSON on each line, the topic where the line has none",
    args: ["--json", "-t", "a"],
    stdin: '{"payload":"one"}\n\n{"topic":"b","payload":"dHdv","encoding":"base64"}\n' +
      '{"payload":{"three":3}}\n{}',
    sent: ["a one", "b two", 'a {"three":3}', "a "],
  },
  { name: "no line at all", args: ["-t", "a", "-l"], sent: [] },
];

for (const { name, args, stdin, sent } of PAYLOADS) {
  Deno.test(`pub publishes ${name}`, async () => {
    await using broker = await heard();
    const { exitCode, stdout, stderr } = await cli(broker, ["pub", "-q", "1", ...args], { stdin });
    assertEquals([exitCode, stdout, stderr], [0, "", ""]);
    assertEquals(broker.messages, sent);
  });
}

Deno.test("pub publishes bytes of any kind as they are, from a file or from standard input", async () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index * 31 % 256);
  await using file = await fileWith(bytes);
  for (const args of [["-f", file.path], ["-s"]]) {
    await using server = new Recorder();
    const permissions = [`--allow-read=${file.path}`];
    await cli(server, ["pub", "-t", "a", ...args], { stdin: bytes, permissions });
    const [message] = await server.all("publish");
    assertEquals(message?.payload, bytes);
  }
});

Deno.test("pub says which file it cannot read", async () => {
  const { exitCode, stderr } = await run(["pub", "-t", "a", "-f", "/no/such"]);
  assertEquals(exitCode, 1);
  assertMatch(stderr, /^mqtt5: Cannot read "\/no\/such": [^\n]*\n$/);
});

const PROPERTIES = [
  ...["--payload-format-indicator", "1", "--message-expiry-interval", "60"],
  ...["--content-type", "text/plain", "--response-topic", "answers"],
  ...["--correlation-data", "hex:00FF", "--user-property", "a=b=c", "--user-property", "="],
];

const PROPERTIES_SENT = {
  payloadFormatIndicator: 1,
  messageExpiryInterval: 60,
  contentType: "text/plain",
  responseTopic: "answers",
  correlationData: bytesOf("00FF"),
  userProperties: [["a", "b=c"], ["", ""]],
} as const;

Deno.test("pub sends QoS, RETAIN and every property of PUBLISH", async () => {
  await using server = new Recorder();
  await cli(server, ["pub", "-t", "a", "-m", "b", "-q", "2", "-r", ...PROPERTIES]);
  const { qos, retain, properties } = await server.first("publish");
  assertEquals([qos, retain], [2, true]);
  assertEquals<unknown>(properties, PROPERTIES_SENT);
});

Deno.test("pub takes a Topic Alias, which stands for the topic from the second message on", async () => {
  await using server = new Recorder();
  await cli(server, ["pub", "-t", "a", "-m", "b", "--topic-alias", "3", "--repeat", "2"]);
  assertEquals(
    (await server.all("publish")).map(({ topic, properties }) => [topic, properties.topicAlias]),
    [["a", 3], ["", 3]],
  );
});

Deno.test("pub --json takes QoS, RETAIN and properties from the line, else from the command line", async () => {
  await using server = new Recorder();
  const line = JSON.stringify({
    topic: "b",
    qos: 0,
    retain: false,
    properties: { contentType: "x", correlationData: "AAE=", subscriptionIdentifiers: [7] },
    time: "2026-01-01T00:00:00.000Z",
  });
  const args = ["pub", "--json", "-t", "a", "-q", "1", "-r", ...PROPERTIES];
  await cli(server, args, { stdin: `${line}\n{"payload":"c"}\n` });
  const [first, second] = await server.all("publish");
  assertEquals([first?.topic, first?.qos, first?.retain], ["b", 0, false]);
  assertEquals<unknown>(first?.properties, {
    ...PROPERTIES_SENT,
    contentType: "x",
    correlationData: bytesOf("0001"),
  });
  assertEquals([second?.topic, second?.qos, second?.retain], ["a", 1, true]);
  assertEquals<unknown>(second?.properties, PROPERTIES_SENT);
});

Deno.test("pub --json publishes a payload of JSON with the numbers, order and names of the line", async () => {
  await using server = new Recorder();
  const line = '{"payload": {"b": 1688888483063664642, "10": [1.0], "b": 2}, "qos": 1}';
  await cli(server, ["pub", "--json", "-t", "a"], { stdin: `${line}\n` });
  const { payload } = await server.first("publish");
  assertEquals(
    new TextDecoder().decode(payload),
    '{"b":1688888483063664642,"10":[1.0],"b":2}',
  );
});

Deno.test("pub -M sends the next message when one is acknowledged", async () => {
  await using server = new Recorder();
  const args = ["pub", "-t", "a", "-q", "2", "-l", "-M", "1"];
  assertEquals((await cli(server, args, { stdin: "1\n2\n3\n" })).exitCode, 0);
  const types = (await server.conversation()).map(({ type }) => type);
  const exchange = ["publish", "pubrel"];
  assertEquals(types, ["connect", ...exchange, ...exchange, ...exchange, "disconnect"]);
});

const BAD_LINES: readonly [string, string, RegExp][] = [
  ["is no JSON", "{", /^mqtt5: Line 2 of standard input: invalid JSON: [^\n]*\n$/],
  ["is no object", "[]", /Line 2 of standard input: expected a JSON object\n$/],
  [
    "has a field that no message has",
    '{"topik":"b"}',
    /: unknown field "topik"; did you mean topic\?/,
  ],
  ["has a wrong QoS", '{"qos":3}', /: "qos": expected 0, 1 or 2\n/],
  [
    "has a wrong property",
    '{"properties":{"messageExpiryInterval":-1}}',
    /: "messageExpiryInterval": expected an integer from 0 to 4294967295\n/,
  ],
  [
    "has a payload that is no base64",
    '{"payload":"?","encoding":"base64"}',
    /: "payload": expected base64\n/,
  ],
  ["has a wildcard in its topic", '{"topic":"a/#"}', /: topic contains a wildcard/],
];

for (const [what, line, says] of BAD_LINES) {
  Deno.test(`pub --json publishes what stands before a line that ${what}, and ends with 1`, async () => {
    await using broker = await heard();
    const stdin = `{"payload":"one"}\n${line}\n{"payload":"three"}\n`;
    const { exitCode, stderr } = await cli(broker, ["pub", "--json", "-t", "a", "-q", "1"], {
      stdin,
    });
    assertEquals([exitCode, broker.messages], [1, ["a one"]]);
    assertMatch(stderr, says);
  });
}

Deno.test("pub --topic-line publishes what stands before a line without a topic, and ends with 1", async () => {
  await using broker = await heard();
  const { exitCode, stderr } = await cli(broker, ["pub", "--topic-line", "-q", "1"], {
    stdin: "a 1\n 2\na 3\n",
  });
  assertEquals([exitCode, broker.messages], [1, ["a 1"]]);
  assertMatch(stderr, /^mqtt5: Line 2 of standard input: [^\n]*\n$/);
});

Deno.test("pub --repeat publishes again, and --repeat-delay waits in between", async () => {
  await using broker = await heard();
  const args = ["pub", "-t", "a", "-m", "b", "-q", "1", "--repeat", "3", "--repeat-delay", "0.3"];
  assertEquals((await cli(broker, args)).exitCode, 0);
  assertEquals(broker.messages, ["a b", "a b", "a b"]);
  for (const gap of broker.gaps()) assertGreaterOrEqual(gap, 150);
});

Deno.test("pub --json --timing keeps the time between messages, and without it does not", async () => {
  const stdin = [0, 200, 700].map((time) =>
    `{"payload":"${time}","time":"${new Date(1.7e12 + time).toISOString()}"}\n`
  ).join("");
  const sent = ["a 0", "a 200", "a 700"];
  const args = ["pub", "-t", "a", "-q", "1", "--json"];
  await using paced = await heard();
  await cli(paced, [...args, "--timing"], { stdin });
  assertEquals(paced.messages, sent);
  const [first = 0, second = 0] = paced.gaps();
  assertGreaterOrEqual(first, 100);
  assertGreaterOrEqual(second, 400);
  await using unpaced = await heard();
  await cli(unpaced, args, { stdin });
  assertEquals(unpaced.messages, sent);
  assertLess(Math.max(...unpaced.gaps()), 400);
});

for (const qos of ["1", "2"]) {
  Deno.test(`pub ends with the Reason Code when the server refuses a message of QoS ${qos}`, async () => {
    await using broker = await serve({ port: 0, authorizePublish: () => 0x99 });
    const args = ["pub", "-t", "a", "-m", "b", "-q", qos];
    const { exitCode, stdout, stderr } = await cli(broker, args);
    assertEquals([exitCode, stdout], [0x99, ""]);
    assertMatch(
      stderr,
      /^mqtt5: The server refused to publish to "a": 0x99 Payload format invalid[^\n]*\n$/,
    );
  });
}

Deno.test("pub -l publishes the lines around one that is refused, and ends with the Reason Code", async () => {
  await using broker = await heard({
    authorizePublish: (_, { payload }) => payload.length !== 2 || 0x87,
  });
  const args = ["pub", "-t", "a", "-l", "-q", "1"];
  const { exitCode, stderr } = await cli(broker, args, { stdin: "1\n22\n3\n" });
  assertEquals([exitCode, broker.messages], [0x87, ["a 1", "a 3"]]);
  assertMatch(stderr, /^mqtt5: [^\n]*: 0x87 Not authorized[^\n]*\n$/);
});

Deno.test("pub reports the first refusals one by one, and the rest by their number", async () => {
  await using broker = await serve({ port: 0, authorizePublish: () => false });
  const args = ["pub", "-t", "a", "-l", "-q", "1"];
  const { exitCode, stderr } = await cli(broker, args, { stdin: "x\n".repeat(1000) });
  const lines = stderr.trimEnd().split("\n");
  assertEquals([exitCode, lines.length], [0x87, 6]);
  assertEquals(lines.at(-1), "mqtt5: In total, 1000 messages were not published");
});

Deno.test("pub ends with 1 when the server does not have what the message needs", async () => {
  await using broker = await heard({ maximumQoS: 1 });
  const { exitCode, stderr } = await cli(broker, ["pub", "-t", "a", "-m", "b", "-q", "2"]);
  assertEquals([exitCode, broker.messages], [1, []]);
  assertMatch(stderr, /^mqtt5: qos is 2, [^\n]*\n$/);
});

for (const source of ["-l", "-s"]) {
  Deno.test(`pub ${source} ends with 27 when -W runs out before standard input ends`, async () => {
    await using broker = await serve({ port: 0 });
    await using pub = begin(broker, ["pub", "-t", "a", source, "-W", "0.3"]);
    await pub.type("begun");
    await pub.untilTold(/\n/);
    const { exitCode, stderr } = await pub.end();
    assertEquals([exitCode], [27]);
    assertMatch(stderr, /^mqtt5: Timed out after 0\.3 s \(--timeout\)\n$/);
  });
}

const USAGE: readonly [string, readonly string[], RegExp][] = [
  ["no topic", ["-m", "b"], /No topic: give --topic, or/],
  ["no payload", ["-t", "a"], /No payload: give -m, /],
  [
    "a text and a file",
    ["-t", "a", "-m", "b", "-f", "c"],
    /--message and --file cannot be used together/,
  ],
  ["nothing and all of standard input", ["-t", "a", "-n", "-s"], /--null-message and --stdin-file/],
  ["an empty text and nothing", ["-t", "a", "-m", "", "-n"], /--message and --null-message/],
  ["a text and lines", ["-t", "a", "-m", "b", "-l"], /--message and --stdin-line cannot/],
  ["lines of two kinds", ["--topic-line", "--json"], /--topic-line and --json cannot/],
  [
    "lines with their topics, and a topic",
    ["-t", "a", "--topic-line"],
    /--topic cannot be used with --topic-line/,
  ],
  ["JSON and two topics", ["-t", "a", "-t", "b", "--json"], /--topic can be given only once/],
  ["--timing without JSON", ["-t", "a", "-l", "--timing"], /--timing needs --json/],
  [
    "repeated lines",
    ["-t", "a", "-l", "--repeat", "2"],
    /--repeat and --repeat-delay cannot be used with --stdin-line/,
  ],
  [
    "lines with a delay",
    ["-t", "a", "-l", "--repeat-delay", "1"],
    /--repeat and --repeat-delay cannot be used with --stdin-line/,
  ],
  ["no time", ["-t", "a", "-n", "--repeat", "0"], /--repeat: expected an integer from 1/],
  [
    "an invalid delay",
    ["-t", "a", "-n", "--repeat-delay", "1e3"],
    /--repeat-delay: expected a number of seconds/,
  ],
  [
    "no message in flight",
    ["-t", "a", "-n", "-M", "0"],
    /--max-inflight: expected an integer from 1 to/,
  ],
  ["QoS 3", ["-t", "a", "-n", "-q", "3"], /--qos: expected 0, 1 or 2/],
  ["a wildcard in a topic", ["-t", "a/#", "-n"], /topic contains a wildcard/],
  ["an empty topic", ["-t", "", "-n"], /Invalid message: /],
  [
    "a Topic Alias of 0",
    ["-t", "a", "-n", "--topic-alias", "0"],
    /--topic-alias: expected an integer/,
  ],
  ["a wildcard in a Response Topic", ["-t", "a", "-n", "--response-topic", "#"], /wildcard/],
  ["an invalid pair", ["-t", "a", "-n", "--user-property", "x"], /NAME=VALUE/],
  [
    "the server's own property",
    ["-t", "a", "-n", "--subscription-identifier", "1"],
    /Unknown option/,
  ],
  ["a typing mistake", ["--topik", "a"], /Unknown option --topik; did you mean --topic\?/],
];

for (const [what, args, says] of USAGE) {
  Deno.test(`pub refuses ${what} with exit code 2, and sends nothing`, async () => {
    // Nothing listens there: who connected all the same would end with 1.
    const { exitCode, stdout, stderr } = await run(["pub", "-p", String(freePort()), ...args]);
    assertEquals([exitCode, stdout], [2, ""], stderr);
    assertMatch(stderr, /^mqtt5: [^\n]*\n$/);
    assertMatch(stderr, says);
  });
}

optionsTest(import.meta.url);
