// How commands end when they are told to: with a good-bye, so that the Will is published only where
// that is wanted, and with an exit code that says whether it was their natural end.

import { assertEquals, assertMatch } from "@std/assert";
import { Recorder } from "./recorder.ts";
import { runUnread } from "./run.ts";
import { begin, brokerTest, cli, type Heard, heard } from "./server.ts";
import { optionsTest } from "./tested_options.ts";

/** A broker that also says why its first client has gone. */
async function farewell(): Promise<Heard & { readonly why: Promise<string> }> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const broker = await heard({ onDisconnect: (_, why) => resolve(why) });
  return Object.assign(broker, { why: promise });
}

const WILL = ["--will-topic", "bye", "--will-payload", "gone"];
const NORMAL = "the client disconnected with 0x00";

/** What a command does until it is told to end, what shows that it does, and its exit code then. */
const LASTING: readonly {
  readonly args: readonly string[];
  readonly works: RegExp;
  readonly exitCode: number;
}[] = [
  { args: ["sub", "-t", "a"], works: /← SUBACK/, exitCode: 0 },
  { args: ["respond", "-t", "a"], works: /← SUBACK/, exitCode: 0 },
  { args: ["pub", "-t", "a", "-l", "-q", "1"], works: /← CONNACK/, exitCode: 130 },
  { args: ["request", "-t", "a", "-n"], works: /→ PUBLISH/, exitCode: 130 },
  { args: ["retained", "-t", "a", "--settle", "60"], works: /← SUBACK/, exitCode: 130 },
];

for (const { args, works, exitCode } of LASTING) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.test(`${args[0]} sends DISCONNECT on ${signal}, and ends with ${exitCode}`, async () => {
      await using broker = await farewell();
      await using command = begin(broker, [...args, "-d", ...WILL]);
      await command.untilTold(works);
      command.kill(signal);
      // Its standard input is open all the time: the signal alone has it end.
      await command.untilTold(/→ DISCONNECT/);
      assertEquals(await broker.why, NORMAL);
      const { exitCode: code, stdout } = await command.end();
      assertEquals([code, stdout], [exitCode, ""]);
      assertEquals(broker.messages.filter((message) => message.startsWith("bye")), []);
    });
  }
}

for (const args of [["sub"], ["respond"], ["pub", "-l"]]) {
  Deno.test(`${args[0]} ends with 130 when it is interrupted before there is a connection`, async () => {
    await using server = new Recorder({ connect: () => undefined });
    await using running = begin(server, [...args, "-t", "a"]);
    await server.first("connect");
    running.kill("SIGINT");
    await server.conversation();
    const { exitCode, stderr } = await running.end();
    assertEquals([exitCode, stderr], [130, ""]);
  });
}

Deno.test("pub -l has published what came before it was interrupted", async () => {
  await using broker = await farewell();
  await using pub = begin(broker, ["pub", "-t", "a", "-l", "-q", "1", "-d"]);
  await pub.type("one\ntwo\nthr");
  await broker.until(2);
  pub.kill("SIGINT");
  await pub.untilTold(/→ DISCONNECT/);
  assertEquals((await pub.end()).exitCode, 130);
  assertEquals([await broker.why, broker.messages], [NORMAL, ["a one", "a two"]]);
});

Deno.test("--disconnect-with-will has the Will published at the natural end", async () => {
  await using broker = await farewell();
  const args = ["pub", "-t", "a", "-m", "b", ...WILL, "--disconnect-with-will"];
  assertEquals((await cli(broker, args)).exitCode, 0);
  assertEquals(await broker.why, "the client disconnected with 0x04");
  assertEquals(broker.messages, ["a b", "bye gone"]);
});

Deno.test("--disconnect-with-will has the Will published after Ctrl-C", async () => {
  await using broker = await farewell();
  await using sub = begin(broker, ["sub", "-d", "-t", "a", ...WILL, "--disconnect-with-will"]);
  await sub.untilTold(/← SUBACK/);
  sub.kill("SIGINT");
  assertEquals((await sub.end()).exitCode, 0);
  await broker.why;
  assertEquals(broker.messages, ["bye gone"]);
});

Deno.test("a command that is killed says nothing, and its Will is published", async () => {
  await using broker = await farewell();
  await using sub = begin(broker, ["sub", "-d", "-t", "a", ...WILL]);
  await sub.untilTold(/← SUBACK/);
  sub.kill("SIGKILL");
  await sub.end();
  await broker.why;
  assertEquals(broker.messages, ["bye gone"]);
});

Deno.test("a command that times out sends DISCONNECT", async () => {
  await using broker = await farewell();
  assertEquals((await cli(broker, ["sub", "-t", "a", "-W", "0.3", ...WILL])).exitCode, 27);
  assertEquals([await broker.why, broker.messages], [NORMAL, []]);
});

brokerTest(
  "sub ends quietly, with 0, when nobody reads its output any more",
  async ({ port }, client) => {
    await client.publish("a", "b", { retain: true, qos: 1 });
    const args = ["sub", "-p", `${port}`, "-t", "a"];
    const result = await runUnread([`--allow-net=localhost:${port}`], args, "");
    assertEquals(result, { exitCode: 0, stderr: "" });
  },
);

Deno.test("a command that has failed sends DISCONNECT, too", async () => {
  await using server = new Recorder({
    subscribe: ({ packetId }) => ({ type: "suback", packetId, reasonCodes: [0x87] }),
  });
  const { exitCode, stderr } = await cli(server, ["sub", "-t", "a", ...WILL]);
  assertEquals(exitCode, 0x87);
  assertMatch(stderr, /^mqtt5: [^\n]*\n$/);
  assertEquals((await server.all("disconnect")).map(({ reasonCode }) => reasonCode), [0x00]);
});

optionsTest(import.meta.url);
