// Where commands take a user and a password from, and that a password is never shown, whatever
// happens.

import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { type Broker, serve } from "../../../src/broker/mod.ts";
import { freePort } from "../../io/mosquitto.ts";
import { Recorder } from "../recorder.ts";
import { type Result, run } from "../run.ts";
import { cliBare, fileWith } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

const SECRET = "s3cr:t/ü ";
const IN_URL = encodeURIComponent(SECRET);

/** A broker that lets in whoever has the right password, and writes down who came with which. */
async function guarded(): Promise<
  { readonly broker: Broker; readonly seen: unknown[] } & AsyncDisposable
> {
  const seen: unknown[] = [];
  const broker = await serve({
    port: 0,
    authenticate(_, { username, password }) {
      const text = password && new TextDecoder().decode(password);
      seen.push([username, text]);
      return text === SECRET || 0x87;
    },
  });
  return { broker, seen, [Symbol.asyncDispose]: () => broker.shutDown() };
}

/** Sees that no form of the password is in what somebody could read. */
function assertHidden({ stdout, stderr }: Pick<Result, "stdout" | "stderr">): void {
  const bytes = new TextEncoder().encode(SECRET);
  const hex = bytes.toHex().toUpperCase();
  const forms = [SECRET, IN_URL, "s3cr", hex, hex.replaceAll(/..(?=.)/g, "$& "), bytes.toBase64()];
  for (const form of forms) assertFalse((stdout + stderr).includes(form), stdout + stderr);
}

/**
 * Words of command lines. SERVER is a URL without its scheme, FILE a file with the password in its
 * first line.
 */
const SOURCES: readonly {
  readonly name: string;
  readonly args: readonly string[];
  readonly sent?: readonly [string | undefined, string | undefined];
}[] = [
  { name: "the URL", args: [`mqtt://alice:${IN_URL}@SERVER`] },
  { name: "-u and -P", args: ["mqtt://SERVER", "-u", "alice", "-P", SECRET] },
  { name: "-P alone", args: ["mqtt://SERVER", "-P", SECRET], sent: [undefined, SECRET] },
  {
    name: "-P as bytes",
    args: ["mqtt://SERVER", "-u", "alice", "-P", `hex:${new TextEncoder().encode(SECRET).toHex()}`],
  },
  {
    name: "-u and -P rather than the URL",
    args: ["mqtt://bob:pw@SERVER", "-u", "alice", "-P", SECRET],
  },
  { name: "a file", args: ["mqtt://SERVER", "-u", "alice", "--password-file", "FILE"] },
  {
    name: "a file, and the user from the URL",
    args: ["mqtt://alice@SERVER", "--password-file", "FILE"],
  },
  {
    name: "the environment",
    args: ["mqtt://SERVER", "-u", "alice", "--password-env", "MQTT_SECRET"],
  },
  { name: "the user alone", args: ["mqtt://SERVER", "-u", "alice"], sent: ["alice", undefined] },
];

for (const { name, args, sent = ["alice", SECRET] } of SOURCES) {
  Deno.test(`user and password come from ${name}, and the password is not shown`, async () => {
    await using server = await guarded();
    await using file = await fileWith(`${SECRET}\nsecond line\n`);
    const address = `localhost:${server.broker.port}`;
    const permissions = [
      `--allow-net=${address}`,
      `--allow-read=${file.path}`,
      "--allow-env=MQTT_SECRET",
    ];
    const words = args.map((word) => word.replace("SERVER", address).replace("FILE", file.path));
    for (const trace of ["--trace", "--trace=full"]) {
      const result = await cliBare(permissions, ["pub", "-t", "a", "-m", "b", trace, ...words], {
        env: { MQTT_SECRET: SECRET },
      });
      assertEquals(result.exitCode, sent[1] === undefined ? 0x87 : 0, result.stderr);
      assertMatch(result.stderr, /CONNECT, \d+ bytes/);
      if (sent[0] !== undefined) assertMatch(result.stderr, /"alice"/);
      assertHidden(result);
    }
    assertEquals(server.seen, [sent, sent]);
  });
}

const FILES: readonly [name: string, content: string | Uint8Array, password: string][] = [
  ["without an end of line", "a b", "a b"],
  ["with an end of line", "a b\n", "a b"],
  ["with an end of line as on Windows", "a b\r\nc", "a b"],
  ["that is empty", "", ""],
];

for (const [name, content, password] of FILES) {
  Deno.test(`--password-file takes the first line of a file ${name}`, async () => {
    await using server = new Recorder();
    await using file = await fileWith(content);
    const permissions = [`--allow-net=localhost:${server.port}`, `--allow-read=${file.path}`];
    const args = ["sub", "-t", "a", "-E", "-p", String(server.port), "--password-file", file.path];
    assertEquals((await cliBare(permissions, args)).exitCode, 0);
    const connect = await server.first("connect");
    assertEquals(new TextDecoder().decode(connect.password), password);
    assert(connect.password !== undefined);
  });
}

const MISTAKES: readonly [string, readonly string[], RegExp][] = [
  ["two passwords", ["-P", SECRET, "--password-env", "X"], /--password and --password-env cannot/],
  ["a password and a question", ["-P", SECRET, "--ask-password"], /--password and --ask-password/],
  [
    "a file that is not there",
    ["--password-file", "/no/such"],
    /Cannot read the password file "\/no\/such": no such file or directory\n/,
  ],
  [
    "a variable that is not there",
    ["--password-env", "NO_SUCH"],
    /the environment variable "NO_SUCH" is not set/,
  ],
  ["nobody to ask", ["--ask-password"], /needs a terminal on standard input; see --password-file/],
  ["invalid digits", ["-P", `hex:${SECRET}`], /pairs of hexadecimal digits after "hex:"/],
  [
    "a URL with a wrong port",
    [`mqtt://alice:${IN_URL}@localhost:x/a`],
    /"mqtt:\/\/alice:…@localhost:x(\/a)?" is/,
  ],
  [
    "a URL with a slash in the password",
    ["mqtt://alice:s3cr/t@localhost/a"],
    /write|is not the URL/,
  ],
  // It must not be taken for the server alice:12 and a topic.
  ["a URL with digits and a slash in it", ["mqtt://alice:12/s3cr@localhost/a"], /write \/ as %2F/],
  ["a URL with a % that escapes nothing", ["mqtt://alice:s3cr%zz@localhost/a"], /write %25/],
  ["a URL of another scheme", [`http://alice:${IN_URL}@localhost`], /Unknown scheme http:/],
  [
    "two URLs",
    [`mqtt://alice:${IN_URL}@localhost`, `mqtt://${IN_URL}@b`],
    /Expected one server URL/,
  ],
  ["a URL and a host", [`mqtt://alice:${IN_URL}@localhost`, "-h", "a"], /only once: as a URL, /],
];

for (const [what, args, says] of MISTAKES) {
  Deno.test(`${what} is refused with exit code 2, without showing the password`, async () => {
    const port = args.some((word) => word.includes("://")) ? [] : ["-p", String(freePort())];
    const result = await run(["sub", "-t", "a", ...port, ...args], { stdin: "" });
    assertEquals([result.exitCode, result.stdout], [2, ""], result.stderr);
    assertMatch(result.stderr, /^mqtt5: [^\n]*\n$/);
    assertMatch(result.stderr, says);
    assertHidden(result);
  });
}

Deno.test("no way to fail shows the password", async () => {
  await using refusing = await serve({ port: 0, authenticate: () => 0x86 });
  await using closing = new Recorder({ connect: () => "close" });
  await using silent = new Recorder({ connect: () => undefined });
  const places = [refusing.port, closing.port, silent.port, freePort()];
  const codes = await Promise.all(places.map(async (port) => {
    const url = `mqtt://alice:${IN_URL}@localhost:${port}/a`;
    const args = ["sub", "--trace=full", "-W", "0.5", url];
    const result = await cliBare([`--allow-net=localhost:${port}`], args);
    assertHidden(result);
    return result.exitCode;
  }));
  assertEquals(codes, [0x86, 1, 27, 1]);
  const args = ["pub", "-m", "b", `mqtt://alice:${IN_URL}@no-such-host.invalid/a`];
  assertHidden(await cliBare(["--allow-net"], args));
  assertHidden(await cliBare([], args));
});

const hasScript = await Deno.stat("/usr/bin/script").then(() => true, () => false);

Deno.test({
  name: "--ask-password asks on the terminal, and echoes nothing",
  ignore: !hasScript,
  async fn() {
    await using server = await guarded();
    const { port } = server.broker;
    const cli = new URL("../../../cli.ts", import.meta.url).pathname;
    const command = `${Deno.execPath()} run --no-prompt --allow-net=localhost:${port} ${cli} ` +
      `pub -p ${port} -t a -m b -q 1 -u alice --ask-password`;
    // `script` runs a command on a terminal of its own.
    const child = new Deno.Command("/usr/bin/script", {
      args: ["-qec", command, "/dev/null"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    let shown = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      shown += text;
      if (!shown.endsWith("Password: ")) continue;
      // What is taken back with the Backspace key is not part of it, also when it is more than a
      // byte.
      await writer.write(new TextEncoder().encode(`${SECRET}é\u007f\r`));
    }
    await writer.close().catch(() => {});
    assertEquals((await child.status).code, 0, shown);
    assertEquals(server.seen, [["alice", SECRET]]);
    assertHidden({ stdout: shown, stderr: "" });
  },
});

optionsTest(import.meta.url);
