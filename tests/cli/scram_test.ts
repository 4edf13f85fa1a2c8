// `--auth-method`: commands that prove a password by SCRAM, and never send it.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { scramAuthentication, scramKeys, serve } from "../../src/broker/mod.ts";
import { Recorder } from "./recorder.ts";
import { run } from "./run.ts";
import { optionsTest } from "./tested_options.ts";

const USERS = new Map([
  ["alice", await scramKeys("SCRAM-SHA-256", "s3cret", { iterations: 4096 })],
  ["bob", await scramKeys("SCRAM-SHA-512", "s3cret", { iterations: 4096 })],
]);

/** A broker that lets in whoever proves a password, and writes down who came. */
async function guarded() {
  const joined: unknown[] = [];
  const broker = await serve({
    ...scramAuthentication((username) => USERS.get(username), { iterations: 4096 }),
    port: 0,
    onConnect: ({ username }) => void joined.push(username),
  });
  return {
    url: `mqtt://localhost:${broker.port}`,
    joined,
    [Symbol.asyncDispose]: () => broker.shutDown(),
  };
}

for (const [username, method] of [["alice", "SCRAM-SHA-256"], ["bob", "SCRAM-SHA-512"]] as const) {
  Deno.test(`pub proves its password by ${method}, and says nothing of it`, async () => {
    await using server = await guarded();
    const args = ["-u", username, "-P", "s3cret", "--auth-method", method, "-t", "a", "-m", "b"];
    const result = await run(["pub", server.url, "-q", "1", ...args]);
    assertEquals(result, { exitCode: 0, stdout: "", stderr: "" });
    assertEquals(server.joined, [username]);
  });

  Deno.test(`connect explains each step of ${method}`, async () => {
    await using server = await guarded();
    const url = server.url.replace("//", `//${username}:s3cret@`);
    const { exitCode, stdout, stderr } = await run(["connect", url, "--auth-method", method]);
    assertEquals([exitCode, stderr], [0, ""]);
    const packets = Array.from(
      stdout.matchAll(/^([←→]) .*: ([A-Z]+),/gm),
      ([, way, type]) => way! + type,
    );
    assertEquals(packets, ["→CONNECT", "←AUTH", "→AUTH", "←CONNACK", "→DISCONNECT"]);
    assertMatch(stdout, /\nConnected: [^\n]* sent Reason Code 0x00, Success[^\n]*\n$/);
    assertStringIncludes(stdout, "User Name Flag 0");
    assertEquals(stdout.includes("s3cret"), false);
    assertEquals(stdout.match(/\d+ bytes, not shown/g)?.length, 4);
  });
}

Deno.test("a command with another password is refused", async () => {
  await using server = await guarded();
  const args = [server.url, "-u", "alice", "-P", "x", "--auth-method", "SCRAM-SHA-256"];
  const connected = await run(["connect", ...args]);
  assertEquals([connected.exitCode, connected.stderr], [0x87, ""]);
  assertMatch(connected.stdout, /\nRefused: [^\n]* sent Reason Code 0x87, Not authorized/);
  const published = await run(["pub", ...args, "-t", "a", "-m", "b"]);
  assertEquals(published.exitCode, 0x87);
  assertMatch(published.stderr, /refused the connection: 0x87 Not authorized; check --username/);
});

for (const command of [["connect"], ["pub", "-t", "a", "-m", "b"]]) {
  Deno.test(`${command[0]} does not go on with a server that proves nothing`, async () => {
    await using server = new Recorder();
    const url = `mqtt://localhost:${server.port}`;
    const args = [url, "-u", "alice", "-P", "x", "--auth-method", "SCRAM-SHA-256"];
    const { exitCode, stdout, stderr } = await run([...command, ...args]);
    assertEquals(exitCode, 1);
    assertStringIncludes(
      stdout + stderr,
      `localhost:${server.port} did not pass authentication: the server has not proven that it ` +
        "knows the password",
    );
    const packets = await server.conversation();
    assertEquals(packets.map(({ type }) => type), ["connect", "disconnect"]);
  });
}

for (
  const [what, args, says] of [
    [
      "a method that there is none of",
      ["-u", "a", "-P", "b", "--auth-method", "SCRAM-SHA-1"],
      'expected SCRAM-SHA-256 or SCRAM-SHA-512, got "SCRAM-SHA-1"',
    ],
    ["no user", ["-P", "b", "--auth-method", "SCRAM-SHA-256"], "--auth-method needs a --username"],
    [
      "no password",
      ["-u", "a", "--auth-method", "SCRAM-SHA-256"],
      "--auth-method needs a password",
    ],
    [
      "two methods",
      ["--auth-method", "SCRAM-SHA-256", "--authentication-method", "x"],
      "cannot be combined with --authentication-method",
    ],
    ["a password that SASLprep refuses", [
      "-u",
      "a",
      "-P",
      "hex:07",
      "--auth-method",
      "SCRAM-SHA-256",
    ], "--auth-method: The password has the character U+0007"],
  ] as const
) {
  Deno.test(`${what} is a wrong command line`, async () => {
    for (const command of [["connect"], ["pub", "-t", "a", "-m", "b"]]) {
      const { exitCode, stdout, stderr } = await run([...command, "mqtt://localhost:1", ...args]);
      assertEquals([exitCode, stdout], [2, ""], stderr);
      assertStringIncludes(stderr, says);
    }
  });
}

optionsTest(import.meta.url);
