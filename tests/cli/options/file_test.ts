// `--options FILE`: defaults by long names, for all commands in one file; the command line goes
// before.

import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { freePort } from "../../io/mosquitto.ts";
import { Recorder } from "../recorder.ts";
import { type Result, run } from "../run.ts";
import { brokerTest, cli, cliBare, fileWith, type Place } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

/** Runs a command as a process that takes these defaults from a file. */
async function withDefaults(
  server: Place,
  defaults: unknown,
  args: readonly string[],
): Promise<Result> {
  await using file = await fileWith(JSON.stringify(defaults));
  const permissions = [`--allow-read=${file.path}`];
  return await cli(server, [...args, "--options", file.path], { permissions });
}

Deno.test("--options takes texts, numbers, flags and lists by their long names", async () => {
  await using server = new Recorder();
  const defaults = {
    "message": 21.5,
    "topic": ["a", "b"],
    "qos": 1,
    "retain": true,
    "client-id": "me",
    "request-problem-information": false,
    "username": "alice",
    "password": "secret",
    "user-property": "a=b",
    "keep-alive": 0,
    "no-clean-start": false,
  };
  const result = await withDefaults(server, defaults, ["pub"]);
  assertEquals(result, { exitCode: 0, stdout: "", stderr: "" });
  const { clientId, cleanStart, keepAlive, username, password, properties } = await server.first(
    "connect",
  );
  assertEquals([clientId, cleanStart, keepAlive, username], ["me", true, 0, "alice"]);
  assertEquals(properties.requestProblemInformation, false);
  assertEquals(new TextDecoder().decode(password), "secret");
  const messages = await server.all("publish");
  assertEquals(messages.map(({ topic, qos, retain }) => [topic, qos, retain]), [
    ["a", 1, true],
    ["b", 1, true],
  ]);
  assertEquals(messages[0]?.properties, { userProperties: [["a", "b"]] });
  assertEquals(new TextDecoder().decode(messages[0]?.payload), "21.5");
});

Deno.test("the command line goes before --options, a list in place of the list", async () => {
  await using server = new Recorder();
  const defaults = { "message": "x", "topic": ["a", "b"], "qos": 2, "client-id": "file" };
  const args = ["pub", "-t", "c", "-q", "0", "-m", "y"];
  assertEquals((await withDefaults(server, defaults, args)).exitCode, 0);
  const messages = await server.all("publish");
  assertEquals(messages.map(({ topic, qos }) => [topic, qos]), [["c", 0]]);
  assertEquals(new TextDecoder().decode(messages[0]?.payload), "y");
  assertEquals((await server.first("connect")).clientId, "file");
});

brokerTest(
  "--options serves all commands: what another one has is passed over",
  async (broker, client) => {
    const defaults = {
      "host": "localhost",
      "port": broker.port,
      "settle": "0.1",
      "repeat": 2,
      "count": 2,
      "exec": "true",
      "maximum-qos": 1,
      "verbose": true,
      "timeout": 20,
    };
    await using file = await fileWith(JSON.stringify(defaults));
    const permissions = [`--allow-net=localhost:${broker.port}`, `--allow-read=${file.path}`];
    const options = ["--options", file.path];
    await client.publish("a", "kept", { retain: true, qos: 1 });
    const listed = await cliBare(permissions, ["retained", "-t", "#", ...options]);
    assertEquals([listed.exitCode, listed.stdout], [0, "a kept\n"]);
    const messages = await client.subscribe("a", { retainHandling: 2 });
    const published = await cliBare(permissions, ["pub", "-t", "a", "-m", "x", "-r", ...options]);
    assertEquals(published.exitCode, 0);
    let count = 0;
    for await (const message of messages) {
      assertEquals(message.text(), "x");
      if (++count === 2) break;
    }
    const subscribed = await cliBare(permissions, ["sub", "-t", "a", "-C", "1", ...options]);
    assertEquals([subscribed.exitCode, subscribed.stdout], [0, "a x\n"]);
  },
);

Deno.test("--options may say to be quiet", async () => {
  const defaults = { "quiet": true };
  const { exitCode, stderr } = await withDefaults({ port: freePort() }, defaults, [
    "sub",
    "-t",
    "a",
  ]);
  assertEquals([exitCode, stderr], [1, ""]);
});

brokerTest("--options may say to trace, compactly or in full", async (broker) => {
  const trace = async (value: unknown) =>
    (await withDefaults(broker, { "trace": value }, ["sub", "-t", "a", "-E"])).stderr;
  assertMatch(await trace("full"), /→ CONNECT[^\n]*\n {2}Fixed header\n/);
  assertMatch(await trace(true), /→ CONNECT[^\n]*\n {4}10 /);
  assertEquals(await trace(false), "");
});

Deno.test("a server on the command line goes before the one in --options, in whatever form", async () => {
  await using server = new Recorder();
  await using file = await fileWith(JSON.stringify({ "host": "localhost", "port": 1 }));
  const permissions = [`--allow-net=localhost:${server.port}`, `--allow-read=${file.path}`];
  const args = ["sub", "-E", "--options", file.path, `mqtt://localhost:${server.port}/a`];
  const { exitCode, stderr } = await cliBare(permissions, args);
  assertEquals([exitCode, stderr], [0, ""]);
});

const MISTAKES: readonly [
  name: string,
  content: string | Uint8Array,
  says: RegExp,
][] = [
  ["an unknown name", '{"topik":"a"}', /: unknown option --topik; did you mean --topic\?/],
  ["a name like none", '{"xyzzyxyzzy":"a"}', /unknown option --xyzzyxyzzy; see --help=all/],
  ["a short name", '{"t":"a"}', /unknown option --t/],
  ["a name of JavaScript's own", '{"toString":true}', /unknown option --toString/],
  ["another file of options", '{"options":"b"}', /unknown option --options/],
  [
    "a text for a flag",
    '{"exit-after-subscribe":"yes"}',
    /"exit-after-subscribe": expected true or false/,
  ],
  ["a list for one value", '{"qos":[1]}', /"qos": expected a string or a number/],
  ["an object for a value", '{"client-id":{}}', /"client-id": expected a string or a number/],
  ["nothing for a value", '{"client-id":null}', /"client-id": expected a string or a number/],
  ["a number out of range", '{"qos":3}', /--qos: expected 0, 1 or 2/],
  ["no object", '["-t","a"]', /expected a JSON object with long names of options/],
  ["no JSON", "topic: a", /: invalid JSON: /],
  ["bytes that are not UTF-8", new Uint8Array([0x22, 0xe9, 0x22]), /": expected UTF-8$/m],
];

for (const [name, content, says] of MISTAKES) {
  Deno.test(`--options refuses a file with ${name}, and nothing is sent`, async () => {
    await using file = await fileWith(content);
    const args = ["sub", "-t", "a", "-p", String(freePort()), "--options", file.path];
    const { exitCode, stdout, stderr } = await run(args);
    assertEquals([exitCode, stdout], [2, ""], stderr);
    assertMatch(stderr, /^mqtt5: [^\n]*\n$/);
    assertMatch(stderr, says);
  });
}

Deno.test("--options says which file it cannot read, and never shows a password", async () => {
  const missing = await run(["pub", "--options", "/no/such"]);
  assertEquals(missing.exitCode, 2);
  assertMatch(
    missing.stderr,
    /^mqtt5: Cannot read the options file "\/no\/such": no such file or directory\n$/,
  );
  await using file = await fileWith('{"password":"s3cret","password-env":"X","topic":"a","qos":1}');
  const { exitCode, stderr } = await run(["sub", "-p", String(freePort()), "--options", file.path]);
  assertEquals(exitCode, 2);
  assertNotMatch(stderr, /s3cret/);
});

optionsTest(import.meta.url);
