// What becomes of commands when the connection is lost in the middle: they go on, and say so; or
// end, when they are told not to try again, or cannot.

import { assertEquals, assertMatch } from "@std/assert";
import { serve } from "../../src/broker/mod.ts";
import { numbers } from "../interop/interop.ts";
import { granted, Recorder } from "./recorder.ts";
import { begin, brokerTest, cli, heard, Relay } from "./server.ts";
import { optionsTest } from "./tested_options.ts";

Deno.test("sub says that the server exceeds the Receive Maximum, and prints every message", async () => {
  await using server = new Recorder({
    subscribe: (packet) => [
      granted(packet),
      ...[1, 2, 3].map((packetId) => {
        const payload = new TextEncoder().encode(`${packetId}`);
        return { type: "publish", topic: "a", qos: 1, packetId, payload } as const;
      }),
    ],
  });
  const args = ["sub", "-t", "a", "-q", "1", "--receive-maximum", "1", "-C", "3"];
  const { exitCode, stdout, stderr } = await cli(server, args);
  assertEquals([exitCode, stdout], [0, "1\n2\n3\n"]);
  const told = "mqtt5: The server exceeds the Receive Maximum of 1; its messages are kept\n";
  assertEquals(stderr, told);
});

Deno.test("pub says that it ignores a Client Identifier that the server assigned unasked", async () => {
  await using server = new Recorder({
    connect: () => ({ type: "connack", properties: { assignedClientIdentifier: "theirs" } }),
  });
  const unasked = await cli(server, ["pub", "-i", "mine", "-t", "a", "-m", "1"]);
  assertEquals([unasked.exitCode, unasked.stderr], [
    0,
    'mqtt5: The server assigned the Client Identifier "theirs" to a client that has one, "mine"; ' +
    "it is ignored\n",
  ]);
  const asked = await cli(server, ["pub", "-t", "a", "-m", "1"]);
  assertEquals([asked.exitCode, asked.stderr], [0, ""]);
});

const TWICE = /← SUBACK[^]*← SUBACK/;

Deno.test("pub -l -q 1 loses nothing when the connection is lost in the middle, and says so", async () => {
  const lines = numbers(500);
  let taken = 0;
  await using broker = await heard({
    onMessage() {
      if (++taken === 200) relay.cut();
    },
  });
  await using relay = new Relay(broker);
  const args = ["pub", "-t", "a", "-l", "-q", "1"];
  const { exitCode, stderr } = await cli(relay, args, { stdin: lines.join("\n") });
  assertEquals(exitCode, 0);
  assertMatch(
    stderr,
    /^mqtt5: [^\n]*; reconnecting\nmqtt5: Reconnected, and the server resumed the session\n$/,
  );
  // What was not acknowledged has been sent again, in the order in which it was sent first.
  assertEquals([...new Set(broker.messages)], lines.map((line) => `a ${line}`));
});

Deno.test("pub -l goes on with lines that come after the connection was lost", async () => {
  await using broker = await heard();
  await using relay = new Relay(broker);
  await using pub = begin(relay, ["pub", "-t", "a", "-l", "-q", "2"]);
  await pub.type("1\n");
  await broker.until(1);
  relay.cut();
  await pub.untilTold(/reconnecting/);
  await pub.type("2\n");
  await broker.until(2);
  assertEquals((await pub.end()).exitCode, 0);
  assertEquals(broker.messages, ["a 1", "a 2"]);
});

brokerTest(
  "sub goes on after a lost connection, and does not miss a session that was to end with it",
  async (broker, client) => {
    await using relay = new Relay(broker);
    await using sub = begin(relay, ["sub", "-d", "-t", "a", "-C", "2"]);
    await sub.untilTold(/← SUBACK/);
    await client.publish("a", "1", { qos: 1 });
    await sub.until(/1\n/);
    relay.cut();
    await sub.untilTold(TWICE);
    await client.publish("a", "2", { qos: 1 });
    const { exitCode, stdout, stderr } = await sub.end();
    assertEquals([exitCode, stdout], [0, "1\n2\n"]);
    assertMatch(stderr, /\nmqtt5: [^\n]*; reconnecting\n/);
    assertMatch(stderr, /\nmqtt5: Reconnected\n/);
  },
);

Deno.test("sub -x says that the server has lost the session", async () => {
  let connections = 0;
  await using server = new Recorder({
    subscribe: (packet) => ++connections === 1 ? "close" : granted(packet),
  });
  const { exitCode, stderr } = await cli(server, ["sub", "-E", "-t", "a", "-x", "60"]);
  assertEquals(exitCode, 0);
  assertMatch(
    stderr,
    /^mqtt5: [^\n]*; reconnecting\nmqtt5: Reconnected, but the server has lost the session\n$/,
  );
});

Deno.test("sub asks again for what the server refuses for a passing reason, and says so", async () => {
  let asked = 0;
  await using server = new Recorder({
    subscribe: (packet) => {
      asked++;
      const { packetId } = packet;
      if (asked === 2) return { type: "suback", packetId, reasonCodes: [0x97] };
      const payload = new TextEncoder().encode(`${asked}`);
      return [granted(packet), { type: "publish", topic: "a", payload }];
    },
  });
  await using relay = new Relay(server);
  await using sub = begin(relay, ["sub", "-t", "a", "-C", "2"]);
  await sub.until(/1\n/);
  relay.cut();
  const { exitCode, stdout, stderr } = await sub.end();
  assertEquals([exitCode, stdout], [0, "1\n3\n"]);
  assertMatch(
    stderr,
    /\nmqtt5: [^\n]*"a": 0x97 Quota exceeded; asking again in \d\.\d s\n$/,
  );
});

brokerTest(
  "sub -x -q 2 prints each message once, however often the connection is lost",
  async (broker, client) => {
    await using relay = new Relay(broker);
    const args = ["sub", "-d", "-i", "me", "-x", "60", "-t", "a", "-q", "2", "-C", "3"];
    await using sub = begin(relay, args);
    await sub.untilTold(/← SUBACK/);
    for (const number of [1, 2]) {
      await client.publish("a", `${number}`, { qos: 2 });
      await sub.until(new RegExp(`${number}\n`));
      // Nobody knows how far its acknowledgement has come.
      relay.cut();
    }
    await client.publish("a", "3", { qos: 2 });
    const { exitCode, stdout, stderr } = await sub.end();
    assertEquals([exitCode, stdout], [0, "1\n2\n3\n"]);
    assertMatch(stderr, /\nmqtt5: Reconnected, and the server resumed the session\n/);
  },
);

Deno.test("sub goes on with a broker that has been started again on the same port", async () => {
  const before = await serve({ port: 0 });
  const { port } = before;
  await using sub = begin(before, ["sub", "-d", "-t", "a", "-C", "1"]);
  await sub.untilTold(/← SUBACK/);
  await before.shutDown();
  await sub.untilTold(/mqtt5: [^\n]* 0x8B Server shutting down; reconnecting\n/);
  await using after = await serve({ port });
  await sub.untilTold(TWICE);
  assertEquals((await cli(after, ["pub", "-t", "a", "-m", "b"])).exitCode, 0);
  const { exitCode, stdout } = await sub.end();
  assertEquals([exitCode, stdout], [0, "b\n"]);
});

Deno.test("sub ends with the Reason Code when the server refuses it after a lost connection", async () => {
  const before = await serve({ port: 0 });
  const { port } = before;
  for (const hook of ["authenticate", "authorizeSubscribe"] as const) {
    await using first = hook === "authenticate" ? before : await serve({ port });
    await using sub = begin(first, ["sub", "-d", "-t", "a"]);
    await sub.untilTold(/← SUBACK/);
    await first.shutDown();
    await using _ = await serve({ port, [hook]: () => 0x87 });
    const { exitCode, stderr } = await sub.end();
    assertEquals(exitCode, 0x87);
    assertMatch(stderr, /\nmqtt5: [^\n]*refused [^\n]*: 0x87 Not authorized\n/);
  }
});

for (const args of [["sub", "-t", "a"], ["pub", "-t", "a", "-l"]]) {
  Deno.test(`${args[0]} --reconnect-attempts 0 ends with 1 when the connection is lost`, async () => {
    await using broker = await serve({ port: 0 });
    await using relay = new Relay(broker);
    await using command = begin(relay, [...args, "-d", "--reconnect-attempts", "0"]);
    await command.untilTold(args[0] === "sub" ? /← SUBACK/ : /← CONNACK/);
    relay.cut();
    await command.untilTold(/mqtt5: /);
    const { exitCode, stderr } = await command.end();
    assertEquals(exitCode, 1);
    assertMatch(stderr, /\nmqtt5: localhost:\d+ closed the connection without a DISCONNECT\n$/);
  });
}

Deno.test("--reconnect-attempts says how often to try, and why that was in vain", async () => {
  await using server = new Recorder({ subscribe: () => "close" });
  await using sub = begin(server, ["sub", "-t", "a", "--reconnect-attempts", "1"]);
  await sub.untilTold(/reconnecting\n/);
  const { exitCode, stderr } = await sub.end();
  assertEquals(exitCode, 1);
  assertMatch(stderr, /\nmqtt5: Gave up after 1 attempts: [^\n]*\n$/);
});

Deno.test("pub ends with 1 when the server loses the session with a message in flight", async () => {
  await using server = new Recorder({ publish: () => "close" });
  const { exitCode, stderr } = await cli(server, ["pub", "-t", "a", "-m", "b", "-q", "1"]);
  assertEquals(exitCode, 1);
  assertMatch(stderr, /\nmqtt5: [^\n]*"a" was in flight: it may or may not have arrived\n$/);
});

Deno.test("Ctrl-C ends the wait for another attempt", async () => {
  await using server = new Recorder({ subscribe: () => "close" });
  await using sub = begin(server, ["sub", "-t", "a"]);
  await sub.untilTold(/reconnecting\n/);
  server.close();
  await sub.untilTold(/attempt \d+ in/);
  sub.kill("SIGINT");
  assertEquals((await sub.end()).exitCode, 0);
});

optionsTest(import.meta.url);
