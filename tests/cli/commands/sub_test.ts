// The command `sub` as a process: what it asks for, what it prints and leaves out, its sessions,
// and how it ends.

import { assertEquals, assertMatch } from "@std/assert";
import { type Client, connect } from "../../../mod.ts";
import type { Broker } from "../../../src/broker/mod.ts";
import { freePort } from "../../io/mosquitto.ts";
import { granted, Recorder } from "../recorder.ts";
import { run } from "../run.ts";
import { begin, brokerTest, cli, publish, type Sent } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

/**
 * What `sub` prints of messages that are published as soon as it has subscribed, and how it ends.
 */
async function printed(
  broker: Broker,
  client: Client,
  args: readonly string[],
  ...messages: readonly Sent[]
): Promise<readonly [exitCode: number, stdout: string]> {
  await using sub = begin(broker, ["sub", "-d", ...args]);
  await sub.untilTold(/← SUBACK/);
  await publish(client, ...messages);
  const { exitCode, stdout } = await sub.end();
  return [exitCode, stdout];
}

const RETAINED: Sent = ["kept", "old", { retain: true }];
const LAST: Sent = ["last", "end"];

const PRINTED: readonly {
  readonly name: string;
  readonly args: readonly string[];
  readonly messages: readonly Sent[];
  readonly stdout: string | RegExp;
}[] = [
  {
    name: "prints payloads, a line each, and ends after -C messages",
    args: ["-t", "a/+", "-t", "b", "-C", "3"],
    messages: [["a/1", "one"], ["c", "no"], ["b", ""], ["b", "two\nlines"], ["a/2", "too many"]],
    // An empty payload counts, and is no line, as in mosquitto_sub.
    stdout: "one\ntwo\nlines\n",
  },
  {
    name: "-v prints the topic, too",
    args: ["-t", "a/#", "-v", "-C", "2"],
    messages: [["a/b", "one"], ["a", ""]],
    stdout: "a/b one\na (null)\n",
  },
  {
    name: "-F prints as the format says",
    args: ["-t", "a", "-q", "1", "-F", "%t|%p|%x|%l|%q|%r|%C|%R|%D|%P|%%\\t", "-C", "1"],
    messages: [["a", "hé", {
      contentType: "text/plain",
      responseTopic: "re",
      correlationData: new Uint8Array([0x69, 0x64]),
      userProperties: [["k", "v"], ["l", "w"]],
    }]],
    stdout: "a|hé|68c3a9|3|1|0|text/plain|re|id|k:v l:w|%\t\n",
  },
  {
    name: "-N prints no end of line",
    args: ["-t", "a", "-N", "-C", "2"],
    messages: [["a", "one"], ["a", "two"]],
    stdout: "onetwo",
  },
  {
    name: "-T leaves out what matches, and does not count it",
    args: ["-t", "#", "-T", "a/#", "-T", "+/x", "-v", "-C", "2"],
    messages: [["a/b", "no"], ["c/x", "no"], ["c/y", "yes"]],
    stdout: "kept old\nc/y yes\n",
  },
  {
    name: "-R leaves out what was retained",
    args: ["-t", "#", "-R", "-C", "1"],
    messages: [LAST],
    stdout: "end\n",
  },
  {
    name: "--retain-handling 2 has no retained messages sent",
    args: ["-t", "#", "--retain-handling", "2", "-C", "1"],
    messages: [LAST],
    stdout: "end\n",
  },
  {
    name: "--retained-only ends at the first message that was not",
    args: ["-t", "#", "--retained-only"],
    messages: [LAST],
    stdout: "old\n",
  },
  {
    name: "--retain-as-published keeps RETAIN as it was published",
    args: ["-t", "#", "-F", "%t %r", "--retain-as-published", "-C", "3"],
    messages: [["new", "1", { retain: true }], LAST],
    stdout: "kept 1\nnew 1\nlast 0\n",
  },
  {
    name: "tells by RETAIN what was there before from what is published now",
    args: ["-t", "#", "-F", "%t %r", "-C", "2"],
    messages: [["new", "1", { retain: true }]],
    stdout: "kept 1\nnew 0\n",
  },
  {
    name: "--subscription-identifier marks the messages",
    args: ["-t", "a", "--subscription-identifier", "268435455", "-F", "%S", "-C", "1"],
    messages: [["a", "1"]],
    stdout: "268435455\n",
  },
  {
    name: "-F %j keeps a payload of JSON as it came",
    args: ["-t", "a", "-F", "%j", "-C", "1"],
    messages: [["a", '{"b": 1688888483063664642, "10": 1.0}']],
    stdout: /,"payloadlen":37,"payload":"{\\"b\\": 1688888483063664642, \\"10\\": 1.0}"}\n$/,
  },
  {
    name: "-F shows no Subscription Identifier that nobody asked for",
    args: ["-t", "a", "-F", "%S %J", "-C", "1"],
    messages: [["a", "1.0", { contentType: "n" }]],
    stdout: /^ {"tst":[^,]*,.*,"payloadlen":3,"properties":{"content-type":"n"},"payload":1.0}\n$/,
  },
  {
    name: "--json shows no Subscription Identifier that nobody asked for",
    args: ["-t", "a", "--json", "-C", "1", "-M", "1"],
    messages: [["a", "1"]],
    stdout: /^{"topic":"a","payload":"1","qos":0,"retain":false,"properties":{},"time":/,
  },
];

for (const { name, args, messages, stdout } of PRINTED) {
  brokerTest(`sub ${name}`, async (broker, client) => {
    await publish(client, RETAINED);
    // What stands first in the output is retained, where the filters match it.
    const [exitCode, text] = await printed(broker, client, args, ...messages);
    assertEquals(exitCode, 0);
    if (typeof stdout === "string") assertEquals(text, stdout);
    else assertMatch(text, stdout);
  });
}

brokerTest(
  "sub --json prints all there is to say of a message, a line each",
  async (broker, client) => {
    const payload = new Uint8Array([0xff, 0x00]);
    const before = Date.now();
    const [, stdout] = await printed(
      broker,
      client,
      ["-t", "a", "-q", "2", "--json", "-C", "2", "--subscription-identifier", "7"],
      ["a", "x\ny", {
        qos: 2,
        contentType: "t",
        correlationData: payload,
        userProperties: [["k", "v"]],
      }],
      ["a", payload],
    );
    const [first, second] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    const { time, ...rest } = first;
    assertEquals(rest, {
      topic: "a",
      payload: "x\ny",
      qos: 2,
      retain: false,
      properties: {
        contentType: "t",
        correlationData: "/wA=",
        subscriptionIdentifiers: [7],
        userProperties: [["k", "v"]],
      },
    });
    assertEquals(Date.parse(time) >= before && Date.parse(time) <= Date.now(), true, time);
    assertEquals([second.payload, second.encoding, second.qos], ["/wA=", "base64", 1]);
  },
);

brokerTest("sub prints bytes as they are", async (broker, client) => {
  await using sub = begin(broker, ["sub", "-d", "-t", "a", "-F", "%X", "-C", "1"]);
  await sub.untilTold(/← SUBACK/);
  await publish(client, ["a", new Uint8Array([0x80, 0xff, 0x00])]);
  assertEquals((await sub.end()).stdout, "80FF00\n");
});

brokerTest(
  "sub --remove-retained removes what it has printed, and nothing else",
  async (broker, client) => {
    await publish(client, ["a/1", "x", { retain: true }], ["a/2", "y", { retain: true }], RETAINED);
    const args = ["-t", "a/+", "--remove-retained", "--no-local", "-T", "a/2", "-C", "2"];
    // What is published meanwhile was not retained when it comes.
    const meanwhile: Sent = ["a/3", "new", { retain: true }];
    assertEquals(await printed(broker, client, args, meanwhile), [0, "x\nnew\n"]);
    assertEquals(broker.statistics.retained, 3);
  },
);

Deno.test("sub sends the options of a subscription and every property of SUBSCRIBE", async () => {
  await using server = new Recorder();
  await cli(server, [
    ...["sub", "-E", "-t", "a/#", "-t", "b", "-q", "2", "--no-local", "--retain-as-published"],
    ...["--retain-handling", "1", "--subscription-identifier", "5"],
    ...["--user-property", "a=b=c", "--user-property", "="],
  ]);
  const { properties, subscriptions } = await server.first("subscribe");
  const options = { qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 1 } as const;
  assertEquals(subscriptions, [
    { topicFilter: "a/#", ...options },
    { topicFilter: "b", ...options },
  ]);
  assertEquals(properties, {
    subscriptionIdentifiers: [5],
    userProperties: [["a", "b=c"], ["", ""]],
  });
});

for (
  const [args, expected] of [[[], [8, 1]], [["--filters-per-packet", "5"], [5, 4]]] as const
) {
  Deno.test(
    `sub ${args.join(" ")} asks a server that takes ${expected[0]} Topic Filters a packet for nine`,
    async () => {
      const sizes: number[] = [];
      await using server = new Recorder({
        subscribe: (packet) => {
          sizes.push(packet.subscriptions.length);
          return packet.subscriptions.length > expected[0] ? "close" : granted(packet);
        },
      });
      const filters = Array.from("abcdefghi", (filter) => ["-t", filter]).flat();
      const result = await cli(server, ["sub", "-E", ...args, ...filters]);
      assertEquals([result.exitCode, result.stderr], [0, ""]);
      assertEquals(sizes, expected);
    },
  );
}

Deno.test("sub -E disconnects as soon as the server has granted all", async () => {
  await using server = new Recorder();
  const { exitCode, stdout, stderr } = await cli(server, ["sub", "-E", "-t", "a"]);
  assertEquals([exitCode, stdout, stderr], [0, "", ""]);
  const packets = await server.conversation();
  assertEquals(packets.map(({ type }) => type), ["connect", "subscribe", "disconnect"]);
});

brokerTest(
  "sub ends with the Reason Code when the server refuses a Topic Filter",
  async (broker) => {
    const { exitCode, stdout, stderr } = await cli(broker, ["sub", "-t", "a", "-t", "secret"]);
    assertEquals([exitCode, stdout], [0x87, ""]);
    assertMatch(stderr, /^mqtt5: The server refused to subscribe to "secret": 0x87 [^\n]*\n$/);
  },
  { authorizeSubscribe: (_, { topicFilter }) => topicFilter !== "secret" },
);

brokerTest("sub ends with the Reason Code when a limit is reached", async (broker) => {
  const { exitCode, stderr } = await cli(broker, ["sub", "-t", "a", "-t", "b"]);
  assertEquals(exitCode, 0x97);
  assertMatch(stderr, /^mqtt5: The server refused to subscribe to "b": 0x97 Quota exceeded\n$/);
}, { limits: { subscriptionsPerSession: 1 } });

brokerTest(
  "sub ends with the Reason Code when another client takes its name",
  async (broker) => {
    await using sub = begin(broker, ["sub", "-d", "-t", "a", "-i", "me"]);
    await sub.untilTold(/← SUBACK/);
    await using _ = await connect(broker.url, { clientId: "me" });
    const { exitCode, stderr } = await sub.end();
    assertEquals(exitCode, 0x8e);
    assertMatch(stderr, /\nmqtt5: localhost:\d+ closed the connection: 0x8E Session taken over\n$/);
  },
);

brokerTest(
  "sub ends with 27 when -W runs out, and prints what has come before",
  async (broker, client) => {
    await publish(client, RETAINED);
    const { exitCode, stdout, stderr } = await cli(broker, ["sub", "-t", "#", "-W", "1"]);
    assertEquals([exitCode, stdout], [27, "old\n"]);
    assertMatch(stderr, /^mqtt5: Timed out after 1 s \(--timeout\)\n$/);
  },
);

Deno.test("sub prints what comes before the SUBACK, too", async () => {
  await using server = new Recorder({
    subscribe: (
      packet,
    ) => [{ type: "publish", topic: "a", payload: new Uint8Array([0x31]) }, granted(packet)],
  });
  assertEquals((await cli(server, ["sub", "-t", "a", "-C", "1"])).stdout, "1\n");
});

const USAGE: readonly [string, readonly string[], RegExp][] = [
  ["no Topic Filter", [], /No Topic Filter: give --topic/],
  ["an invalid Topic Filter", ["-t", "a#"], /Topic Filter "a#"/],
  ["an invalid -T", ["-t", "a", "-T", "a/#/b"], /Topic Filter "a\/#\/b"/],
  ["an invalid -U", ["-U", ""], /Topic Filter ""/],
  ["two formats", ["-t", "a", "-v", "--json"], /--verbose and --json cannot be used together/],
  ["a format with an unknown letter", ["-t", "a", "-F", "%y"], /--format: unknown letter "%y"/],
  ["-R with --retained-only", ["-t", "a", "-R", "--retained-only"], /cannot be used together/],
  ["QoS 3", ["-t", "a", "-q", "3"], /--qos: expected 0, 1 or 2, got "3"/],
  ["no message in flight", ["-t", "a", "-M", "0"], /--max-inflight: expected an integer from 1 to/],
  [
    "no filter per packet",
    ["-t", "a", "--filters-per-packet", "0"],
    /--filters-per-packet: expected an integer from 1/,
  ],
  ["no message", ["-t", "a", "-C", "0"], /--count: expected an integer from 1/],
  [
    "an invalid Retain Handling",
    ["-t", "a", "--retain-handling", "3"],
    /--retain-handling: expected/,
  ],
  ["an identifier of 0", ["-t", "a", "--subscription-identifier", "0"], /from 1 to 268435455/],
  ["a lasting session without a name", ["-t", "a", "-c"], /needs a --client-id/],
];

for (const [what, args, says] of USAGE) {
  Deno.test(`sub refuses ${what} with exit code 2, and sends nothing`, async () => {
    // Nothing listens there: who connected all the same would end with 1.
    const { exitCode, stdout, stderr } = await run(["sub", "-p", String(freePort()), ...args]);
    assertEquals([exitCode, stdout], [2, ""], stderr);
    assertMatch(stderr, /^mqtt5: [^\n]*\n$/);
    assertMatch(stderr, says);
  });
}

optionsTest(import.meta.url);
