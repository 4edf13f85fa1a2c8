// Sessions of `sub`, as processes: what they go on with, what they leave behind, and how
// subscriptions are ended.

import { assertEquals, assertMatch } from "@std/assert";
import type { PacketInit } from "../../../mod.ts";
import { until, withinPatience } from "../../interop/interop.ts";
import { type Answers, granted, Recorder } from "../recorder.ts";
import { begin, brokerTest, cli, publish } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

brokerTest(
  "sub -c -i goes on with a session, and prints what came while it was away",
  async (broker, client) => {
    const session = ["sub", "-d", "-c", "-i", "me", "-x", "60", "-q", "1"];
    assertEquals((await cli(broker, [...session, "-t", "a", "-E"])).exitCode, 0);
    await publish(client, ["a", "1"], ["a", "2"]);
    // What it does not ask for again comes all the same, and is printed.
    const { stdout } = await cli(broker, [...session, "-t", "b", "-C", "2"]);
    assertEquals(stdout, "1\n2\n");
    await publish(client, ["b", "3"], ["a", "4"]);
    assertEquals(
      (await cli(broker, [...session, "-t", "a", "-v", "-C", "2"])).stdout,
      "b 3\na 4\n",
    );
  },
);

brokerTest(
  "sub acknowledges what it has printed, and leaves the rest in the session",
  async (broker, client) => {
    const session = ["sub", "-c", "-i", "me", "-x", "-1", "-q", "1", "-t", "a"];
    assertEquals((await cli(broker, [...session, "-E"])).exitCode, 0);
    await publish(client, ["a", "1"], ["a", "2"], ["a", "3"]);
    assertEquals((await cli(broker, [...session, "-C", "1"])).stdout, "1\n");
    assertEquals((await cli(broker, [...session, "-C", "2"])).stdout, "2\n3\n");
  },
);

brokerTest(
  "sub without -x leaves no session, and without -c begins a new one",
  async (broker) => {
    assertEquals((await cli(broker, ["sub", "-i", "me", "-t", "a", "-E"])).exitCode, 0);
    // The one that is left is the test's own. The broker may hear the last word after the process
    // has ended.
    await withinPatience(until(() => broker.statistics.sessions === 1));
    assertEquals((await cli(broker, ["sub", "-i", "me", "-x", "60", "-t", "a", "-E"])).exitCode, 0);
    assertEquals(broker.statistics.subscriptions, 1);
    assertEquals((await cli(broker, ["sub", "-i", "me", "-x", "60", "-t", "b", "-E"])).exitCode, 0);
    assertEquals(broker.statistics.subscriptions, 1);
  },
);

/** What the session brings, and what the subscription brings. */
const MESSAGE = { type: "publish", qos: 1, payload: new Uint8Array(1_000_000).fill(0x78) } as const;
const OLDER = { ...MESSAGE, topic: "old", packetId: 1 };
const NEWER = { ...MESSAGE, topic: "new", packetId: 2 };
const SESSION: PacketInit = { type: "connack", sessionPresent: true };

const ORDERS: readonly [name: string, answers: Answers][] = [
  ["one after the other", {
    connect: () => [SESSION, OLDER],
    subscribe: (packet) => [granted(packet), NEWER],
  }],
  ["at once", {
    connect: () => SESSION,
    subscribe: (packet) => [OLDER, granted(packet), NEWER],
  }],
];

for (const [name, answers] of ORDERS) {
  Deno.test(`sub -C counts messages of session and subscription that come ${name}`, async () => {
    await using server = new Recorder(answers);
    const args = ["sub", "-c", "-i", "me", "-t", "new", "-q", "1", "-v", "-C", "1"];
    await using sub = begin(server, args);
    await server.first("subscribe");
    // Nobody reads what it writes for a while: it must not end meanwhile.
    await Promise.race([server.conversation(), new Promise((resolve) => setTimeout(resolve, 300))]);
    const { exitCode, stdout } = await sub.end();
    assertEquals([exitCode, stdout.slice(0, 8), stdout.length], [0, "old xxxx", 1_000_005]);
    assertEquals((await server.all("puback")).map(({ packetId }) => packetId), [1]);
  });
}

brokerTest("sub -U ends a subscription of the session", async (broker, client) => {
  const session = ["sub", "-c", "-i", "me", "-x", "∞"];
  await cli(broker, [...session, "-t", "a", "-t", "b", "-t", "c", "-E"]);
  assertEquals((await cli(broker, [...session, "-U", "a", "-U", "b", "-E"])).exitCode, 0);
  assertEquals(broker.statistics.subscriptions, 1);
  await using sub = begin(broker, [...session, "-d", "-U", "a", "-C", "1"]);
  await sub.untilTold(/← UNSUBACK/);
  await publish(client, ["a", "1"], ["b", "2"], ["c", "3"]);
  assertEquals((await sub.end()).stdout, "3\n");
});

Deno.test("sub sends the properties of UNSUBSCRIBE, and asks for no subscription", async () => {
  await using server = new Recorder();
  const properties = [
    "--unsubscribe-user-property",
    "a=b",
    "-D",
    "unsubscribe",
    "user-property",
    "c",
    "d",
  ];
  assertEquals((await cli(server, ["sub", "-U", "a", "-E", ...properties])).exitCode, 0);
  assertEquals((await server.all("subscribe")).length, 0);
  const unsubscribe = await server.first("unsubscribe");
  assertEquals(unsubscribe.topicFilters, ["a"]);
  assertEquals(unsubscribe.properties, { userProperties: [["a", "b"], ["c", "d"]] });
});

Deno.test("sub ends with the Reason Code when the server refuses to unsubscribe", async () => {
  await using server = new Recorder({
    unsubscribe: ({ packetId }) => ({ type: "unsuback", packetId, reasonCodes: [0x87] }),
  });
  const { exitCode, stderr } = await cli(server, ["sub", "-U", "a", "-t", "b"]);
  assertEquals(exitCode, 0x87);
  assertMatch(stderr, /^mqtt5: The server refused to unsubscribe: 0x87 [^\n]*\n$/);
});

optionsTest(import.meta.url);
