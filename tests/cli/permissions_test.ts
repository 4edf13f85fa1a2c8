// `--print-permissions`: the line that it prints works when a shell takes it for what it is, with
// prompts disabled; with one permission less it does not, and says which is missing. A password is
// not in it.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Client, connect, type Message } from "../../mod.ts";
import { type Broker, serve } from "../../src/broker/mod.ts";
import { isInstalled, temporaryFolder } from "../broker_net/broker_net.ts";
import {
  assertNeedsEach,
  type Given,
  kindsIn,
  lineOf,
  printed,
  shell,
  start,
} from "./permission_lines.ts";
import { run } from "./run.ts";
import { optionsTest } from "./tested_options.ts";

/** What the tests find at the server and in a folder. */
interface Scene {
  /**
   * A broker with `ping` retained on `ask`, which waits for an answer, and somebody who answers
   * what comes to `echo`.
   */
  readonly port: number;
  /**
   * Has the files `payload`, with `ping` in it, `password`, `options`, and `answer`, a program that
   * prints `pong`.
   */
  readonly folder: string;
}

/** A test with a scene of its own. */
function sceneTest(name: string, test: (scene: Scene) => Promise<void>): void {
  Deno.test(name, async () => {
    await using broker = await serve({ port: 0 });
    await using folder = await temporaryFolder();
    const file = (name: string, text: string) => Deno.writeTextFile(`${folder.path}/${name}`, text);
    await file("payload", "ping");
    await file("password", "secret\n");
    await file("options", JSON.stringify({ "password-file": `${folder.path}/password` }));
    await file("answer", "#!/bin/sh\necho pong\n");
    await Deno.chmod(`${folder.path}/answer`, 0o755);
    await using client = await connect(broker.url, { reconnect: false });
    await client.publish("ask", "ping", { qos: 1, retain: true, responseTopic: "answers" });
    const requests = await client.subscribe("echo");
    void answer(client, requests);
    await test({ port: broker.port, folder: folder.path });
  });
}

/** Answers requests with what they say. */
async function answer(client: Client, requests: AsyncIterable<Message>): Promise<void> {
  for await (const { payload, properties: { responseTopic, correlationData } } of requests) {
    await client.publish(responseTopic!, payload, { correlationData });
  }
}

/** A command line, and the permissions that it needs. */
interface Case extends Given {
  readonly args: string;
  readonly kinds: readonly string[];
}

/** Words are separated by blanks; PORT and FOLDER are those of the scene. */
const CASES: readonly Case[] = [
  { args: "pub -p PORT -t a -m b", kinds: ["net"] },
  { args: "pub -t a -l mqtt://localhost:PORT", stdin: "b\nc\n", kinds: ["net"] },
  { args: "pub -m b -L mqtt://localhost:PORT/a", kinds: ["net"] },
  { args: "pub -h 127.0.0.1 -p PORT -t a -f FOLDER/payload", kinds: ["net", "read"] },
  { args: "pub -p PORT -t a -n --password-file FOLDER/password", kinds: ["net", "read"] },
  { args: "pub -p PORT -t a -n --options FOLDER/options", kinds: ["net", "read"] },
  {
    args: "pub -p PORT -t a -n --password-env SECRET",
    env: { SECRET: "secret" },
    kinds: ["net", "env"],
  },
  { args: "sub -p PORT -t ask -C 1 -d", kinds: ["net"] },
  { args: "request -p PORT -t echo -m ping -W 9", kinds: ["net"] },
  { args: "request -p PORT -t echo -f FOLDER/payload -W 9", kinds: ["net", "read"] },
  { args: "respond -p PORT -t ask -C 1", kinds: ["net"] },
  { args: "respond -p PORT -t ask -C 1 -f FOLDER/payload", kinds: ["net", "read"] },
  { args: "respond -p PORT -t ask -C 1 --exec FOLDER/answer", kinds: ["net", "run"] },
  { args: "respond -p PORT -t ask -C 1 --exec cat", kinds: ["net", "run"] },
  { args: "retained -p PORT -t # --settle .1", kinds: ["net"] },
  { args: "connect -p PORT", kinds: ["net"] },
  { args: "connect mqtt://bob@127.0.0.1:PORT", kinds: ["net"] },
  { args: "demo", kinds: ["net"] },
  { args: "demo connect", kinds: ["net"] },
  { args: "decode C0 00", kinds: [] },
  { args: "decode -", stdin: "C0 00", kinds: [] },
  { args: "completions bash", kinds: [] },
];

for (const { args, kinds, ...given } of CASES) {
  const needs = kinds.length === 0 ? "no permission" : kinds.join(" and ");
  sceneTest(`${args}: needs ${needs}, and no less`, async ({ port, folder }) => {
    const words = args.replace("PORT", String(port)).replace("FOLDER", folder).split(" ");
    // Who wants the defaults in a file to count must let them be read.
    const line = await lineOf(words, args.includes("--options") ? ["--allow-read"] : []);
    assertEquals(kindsIn(line), kinds);
    const { exitCode, stderr } = await shell(line, given);
    assertEquals(exitCode, 0, stderr);
    await assertNeedsEach(line, given);
  });
}

sceneTest("a command that reads two files needs leave for both", async ({ port, folder }) => {
  const [payload, password] = [`${folder}/payload`, `${folder}/password`];
  const args = ["pub", "-p", String(port), "-t", "a", "-f", payload, "--password-file", password];
  const line = await lineOf(args);
  const list = `--allow-read=${password},${payload}`;
  assertStringIncludes(line, ` ${list} `);
  assertEquals((await shell(line)).exitCode, 0);
  for (const [given, lacking] of [[payload, password], [password, payload]]) {
    const { exitCode, stderr } = await shell(line.replace(list, `--allow-read=${given}`));
    assert(exitCode !== 0);
    assertMatch(stderr, /^mqtt5: Cannot read [^\n]*--allow-read\b[^\n]*\n$/);
    assertStringIncludes(stderr, lacking!);
  }
});

/** Where commands connect to, and what the line calls that. */
const SERVERS = [
  [["sub"], "localhost:1883"],
  [["sub", "-h", "127.0.0.1", "-p", "1"], "127.0.0.1:1"],
  [["sub", "-h", "example.org"], "example.org:1883"],
  [["sub", "-p", "1"], "localhost:1"],
  [["sub", "mqtt://example.org/a"], "example.org:1883"],
  [["sub", "-L", "mqtt://bob@example.org:1884/a"], "example.org:1884"],
  [["sub", "-h", "münchen.example"], "xn--mnchen-3ya.example:1883"],
  [["sub", "-h", "::1"], "[::1]:1883"],
  [["sub", "-h", "[::1]", "-p", "1"], "[::1]:1"],
  [["connect", "mqtt://[::1]:1"], "[::1]:1"],
  [["sub", "-h", "fe80::1%eth0"], "[fe80::1%eth0]:1883"],
  [["sub", "mqtts://example.org/a"], "example.org:8883"],
  [["sub", "-h", "example.org", "--cafile", "x"], "example.org:8883"],
  [["sub", "-h", "example.org", "-p", "8883"], "example.org:8883"],
  [["sub", "wss://example.org/mqtt"], "example.org:443"],
  [["sub", "ws://example.org:8080/mqtt?a=b"], "example.org:8080"],
  [["sub", "--unix", "/run/mqtt.sock"], "unix:/run/mqtt.sock"],
  [["sub", "-h", "a.example", "--proxy", "http://p.example:3128"], "p.example:3128"],
  [["sub", "-h", "a.example", "--proxy", "socks5h://p.example"], "p.example:1080"],
  [["sub", "-h", "a.example", "--proxy", "socks5://p.example"], "p.example:1080,a.example"],
  [["sub", "-h", "192.0.2.1", "--proxy", "socks5://p.example"], "p.example:1080"],
  [["broker"], "127.0.0.1:1883"],
  [
    ["broker", "-h", "0.0.0.0", "--allow-anonymous", "-p", "1", "--ws-port", "2"],
    "0.0.0.0:1,0.0.0.0:2",
  ],
  [
    ["broker", "-p", "0", "--tls-port", "1", "--wss-port", "2", "--cert", "c", "--key", "k"],
    "127.0.0.1,127.0.0.1:1,127.0.0.1:2",
  ],
  [
    ["broker", "-h", "localhost", "--tls-port", "1", "--cert", "c", "--key", "k"],
    "localhost:1,127.0.0.1:1",
  ],
  [["broker", "--ws-port", "2"], "127.0.0.1:2"],
  [["broker", "-p", "1", "--unix", "/run/x"], "127.0.0.1:1,unix:/run/x"],
  [["broker", "-h", "::1"], "[::1]:1883"],
  [["broker", "-h", "[::1]", "-p", "1"], "[::1]:1"],
  [["broker", "-h", "::1", "-p", "0"], "[::1]"],
  [["inspect"], "127.0.0.1:1884,localhost:1883"],
  [
    ["inspect", "-l", "0", "-l", "ws://[::1]:1", "mqtts://a.example"],
    "127.0.0.1,[::1]:1,a.example:8883",
  ],
  [
    ["inspect", "-l", "mqtts://localhost:1", "--cert", "c", "--key", "k", "-p", "2"],
    "localhost:1,127.0.0.1:1,localhost:2",
  ],
] as const;

for (const [args, net] of SERVERS) {
  Deno.test(`${args.join(" ")} needs net for ${net}`, async () => {
    const { stdout } = await run([...args, "--print-permissions"]);
    const [, quoted, plain] = / (?:'--allow-net=(.*?)'|--allow-net=(\S+)) /.exec(stdout)!;
    assertEquals(quoted ?? plain, net);
  });
}

Deno.test("broker needs to read its passwords and its access control list", async () => {
  const args = ["broker", "--password-file", "p", "--acl-file", "a", "--print-permissions"];
  const { stdout } = await run(args);
  assertEquals(/ --allow-read=(\S+) /.exec(stdout)?.[1], "p,a");
  assertEquals(/ --allow-write/.test(stdout), false);
});

Deno.test("passwd runs with its line, and needs its file and the next version of it alone", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/passwords`;
  const line = await lineOf(["passwd", file, "alice"]);
  assertEquals(/ --allow-net| --allow-run| --allow-env/.test(line), false);
  const { exitCode, stderr } = await shell(line, { stdin: "secret" });
  assertEquals([exitCode, stderr], [0, ""]);
  assertEquals((await Deno.readTextFile(file)).startsWith("alice:$7$"), true);
  await Deno.remove(folder, { recursive: true });
});

/** Whether this machine has IPv6: the tests themselves may not listen there. */
const { success: hasIPv6 } = await new Deno.Command(Deno.execPath(), {
  args: ["eval", 'Deno.listen({ hostname: "::1", port: 0 }).close()'],
  stderr: "null",
}).output();

Deno.test({
  name: `an IPv6 address is served and reached${hasIPv6 ? "" : " (skipped: no IPv6 here)"}`,
  ignore: !hasIPv6,
  async fn() {
    const broker = start(await lineOf(["broker", "-h", "::1", "-p", "0"]));
    const [, port] = await broker.until(/listening on mqtt:\/\/\[::1\]:(\d+)/);
    for (const server of [["-h", "::1", "-p", port!], [`mqtt://[::1]:${port}`]]) {
      const line = await lineOf(["pub", ...server, "-t", "a", "-m", "b", "-q", "1"]);
      const { exitCode, stderr } = await shell(line);
      assertEquals(exitCode, 0, stderr);
      await assertNeedsEach(line);
    }
    broker.kill("SIGINT");
    await broker.end();
  },
});

/** Runs a broker by its line until it listens, and ends it. */
async function serveBy(line: string): Promise<void> {
  const broker = start(line);
  await broker.until(/listening on \S+\n/);
  broker.kill("SIGINT");
  assertEquals((await broker.end()).exitCode, 0);
}

sceneTest("broker needs net alone, also for WebSocket", async () => {
  const line = await lineOf(["broker", "-p", "0", "--ws-port", "0"]);
  assertEquals(kindsIn(line), ["net"]);
  await serveBy(line);
  await assertNeedsEach(line);
});

sceneTest("broker reads and writes the file of its sessions", async ({ folder }) => {
  const line = await lineOf(["broker", "-p", "0", "-f", `${folder}/broker.db`]);
  assertEquals(kindsIn(line), ["net", "read", "write"]);
  // Twice, as the file is there the second time.
  await serveBy(line);
  await serveBy(line);
  await assertNeedsEach(line);
});

sceneTest("broker reads and writes the file of its Unix socket", async ({ folder }) => {
  const line = await lineOf(["broker", "--unix", `${folder}/mqtt.sock`]);
  assertEquals(kindsIn(line), ["net", "read", "write"]);
  await serveBy(line);
  await assertNeedsEach(line);
});

const hasOpenssl = await isInstalled("openssl", "version");

Deno.test({
  name: `broker reads its certificate${hasOpenssl ? "" : " (skipped: openssl cannot be found)"}`,
  ignore: !hasOpenssl,
  async fn() {
    await using folder = await temporaryFolder();
    const [cert, key] = [`${folder.path}/cert.pem`, `${folder.path}/key.pem`] as const;
    const { success } = await new Deno.Command("openssl", {
      args: [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
        ...["-subj", "/CN=localhost", "-keyout", key, "-out", cert],
      ],
      stderr: "null",
    }).output();
    assert(success);
    const args = ["broker", "--tls-port", "0", "--cert", cert, "--key", key, "--cafile", cert];
    for (const more of [["-p", "0"], ["-h", "localhost"], []]) {
      const line = await lineOf([...args, ...more]);
      assertEquals(kindsIn(line), ["net", "read"]);
      await serveBy(line);
      await assertNeedsEach(line);
    }
  },
});

/** Texts with all that a shell, or Deno's lists, might take for something else. */
const HARD = [
  "two words",
  `"double" and 'single'`,
  "~ $HOME ${HOME} $(date) `date` !! *",
  "two\nlines\n",
  "back\\slash\\",
  "a,b,,c",
  "--message",
  "-x",
  "--print-permissions",
  "Grüße ☃ \t",
  "",
];

Deno.test("topics and payloads stay what they are", async () => {
  await using broker = await serve({ port: 0 });
  await using client = await connect(broker.url, { reconnect: false });
  const messages = (await client.subscribe("#"))[Symbol.asyncIterator]();
  const next = async () => (await messages.next()).value as Message;
  for (const text of HARD) {
    // A topic has no wildcards, and is not empty.
    const topic = text.replaceAll("*", "").replace(/^$/, "/");
    const line = await lineOf(["pub", "-p", String(broker.port), "-t", topic, "-m", text]);
    const { exitCode, stderr } = await shell(line);
    assertEquals(exitCode, 0, stderr);
    const message = await next();
    assertEquals([message.topic, message.text()], [topic, text]);
  }
});

Deno.test("names of files, programs and variables stay what they are", async () => {
  await using broker = await serve({ port: 0 });
  await using folder = await temporaryFolder();
  await using client = await connect(broker.url, { reconnect: false });
  const messages = (await client.subscribe("#"))[Symbol.asyncIterator]();
  const next = async () => (await messages.next()).value as Message;
  const port = String(broker.port);
  // A comma is a matter of its own.
  for (const text of HARD.filter((text) => text !== "" && !text.includes(","))) {
    const path = `${folder.path}/${text}`;
    await Deno.writeTextFile(path, text);
    const line = await lineOf(["pub", "-p", port, "-t", "a", "-f", path]);
    const { exitCode, stderr } = await shell(line);
    assertEquals(exitCode, 0, stderr);
    assertEquals((await next()).text(), text);
  }
  const program = `${folder.path}/it is $a program`;
  await Deno.writeTextFile(program, `#!/bin/sh\nprintf %s "$1"\n`);
  await Deno.chmod(program, 0o755);
  const exec = `"${program}" 'a  "b"'`;
  await client.publish("ask", "?", { qos: 1, retain: true, responseTopic: "answers" });
  assertEquals((await next()).topic, "ask");
  const line = await lineOf(["respond", "-p", port, "-t", "ask", "-C", "1", "--exec", exec]);
  assertEquals((await shell(line)).exitCode, 0);
  assertEquals((await next()).text(), 'a  "b"');
});

Deno.test("a file with a comma in its name can be read and written", async () => {
  await using broker = await serve({ port: 0 });
  await using folder = await temporaryFolder();
  const path = `${folder.path}/a,b,,c`;
  await Deno.writeTextFile(path, "text");
  await using client = await connect(broker.url, { reconnect: false });
  const messages = (await client.subscribe("a"))[Symbol.asyncIterator]();
  const line = await lineOf(["pub", "-p", String(broker.port), "-t", "a", "-f", path]);
  const { exitCode, stderr } = await shell(line);
  assertEquals(exitCode, 0, stderr);
  assertEquals((await messages.next()).value?.text(), "text");
  await serveBy(await lineOf(["broker", "-p", "0", "-f", `${folder.path}/broker,db`]));
});

/** Who has connected, with which password. */
interface Login {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** A broker that writes down who has connected. */
async function serveWithDoor(): Promise<Broker & { readonly logins: readonly Login[] }> {
  const logins: Login[] = [];
  const broker = await serve({
    port: 0,
    authenticate(_, { username, password }) {
      logins.push({ username, password: password && new TextDecoder().decode(password) });
      return true;
    },
  });
  return Object.assign(broker, { logins });
}

/** Ways to give the password `s3cret`, and the user whom they name. */
const PASSWORDS = [
  ["-h localhost -p PORT -u bob -P s3cret", "bob"],
  ["-p PORT -u bob -Ps3cret", "bob"],
  ["-p PORT -u bob -rPs3cret", "bob"],
  ["-p PORT -u bob -q 1 --password s3cret -r", "bob"],
  ["-p PORT --password=s3cret", undefined],
  ["mqtt://bob:s3cret@localhost:PORT", "bob"],
  ["mqtt://:s3cret@localhost:PORT", undefined],
  ["-L mqtt://bob:s3cret@localhost:PORT/topic", "bob"],
  ["--url=mqtt://bob:s3cret@localhost:PORT/topic:with@both", "bob"],
  ["-u alice mqtt://bob:s3cret@localhost:PORT", "alice"],
  ["MQTT://bob:s3cret@localhost:PORT", "bob"],
  ["mqtt://bob@home:s3cret@localhost:PORT", "bob@home"],
] as const;

for (const [args, username] of PASSWORDS) {
  Deno.test(`the password is not in the line: ${args}`, async () => {
    await using broker = await serveWithDoor();
    const words = args.replace("PORT", String(broker.port)).split(" ");
    const { line, told } = await printed(["pub", ...words, "-t", "a", "-m", "b"]);
    assert(!`${line}${told}`.includes("s3cret"), line);
    assertMatch(
      told,
      /^The password is left out: [^\n]* environment variable MQTT5_PASSWORD\.\n$/,
    );
    const env = { MQTT5_PASSWORD: "s3cret" };
    const { exitCode, stderr } = await shell(line, { env });
    assertEquals(exitCode, 0, stderr);
    assertEquals(broker.logins, [{ username, password: "s3cret" }]);
    await assertNeedsEach(line, { env });
  });
}

Deno.test("no part of a password is in the line, whatever is in it", async () => {
  for (const url of ["mqtt://bob:s3c@ret@localhost", "mqtt://bob:s3c:ret@localhost"]) {
    const { stdout, stderr } = await run(["connect", url, "--print-permissions"]);
    assert(!/s3c|ret/.test(`${stdout}${stderr}`), stdout);
    assertStringIncludes(stdout, " mqtt://bob@localhost\n");
  }
});

Deno.test("what only looks like a password stays", async () => {
  for (
    const args of [["mqtt://localhost/a:b%40c"], ["mqtt://bob@localhost/a:b@c"], [
      "-m",
      "a://b:c@d",
    ]]
  ) {
    const { stdout, stderr } = await run(["pub", ...args, "--print-permissions"]);
    assertEquals(stderr, "");
    assertStringIncludes(stdout, args.at(-1)!);
  }
});

Deno.test("the password of a proxy, and tokens in headers, are not in the line", async () => {
  const { exitCode, stdout, stderr } = await run([
    ...["pub", "ws://localhost/mqtt", "-t", "a", "-m", "b", "--print-permissions"],
    ...["--proxy", "socks5h://bob:s3cret:x@p.example:1080", "--header", "X-Plain=1"],
    ...["--header", "Authorization=Bearer s3cret"],
  ]);
  assertEquals(exitCode, 0);
  assert(!`${stdout}${stderr}`.includes("s3cret"), stdout);
  assertStringIncludes(stdout, " --proxy=socks5h://bob@p.example:1080 ");
  assertStringIncludes(stdout, " --header=X-Plain=1 --header=Authorization= ");
  assertEquals(
    stderr,
    "The proxy password is left out: add it to the line.\n" +
      "The value of Authorization is left out: add it to the line.\n",
  );
});

Deno.test("a line without its password says where it is to be", async () => {
  await using broker = await serveWithDoor();
  const line = await lineOf(["sub", "-p", String(broker.port), "-t", "a", "-P", "x"]);
  const { exitCode, stderr } = await shell(line);
  assertEquals([exitCode, broker.logins], [2, []]);
  assertMatch(stderr, /^mqtt5: [^\n]*environment variable "MQTT5_PASSWORD"[^\n]*\n$/);
});

Deno.test("a command line that makes no sense has no line", async () => {
  for (
    const args of [["sub", "-h", "a b"], ["broker", "-p", "x"], ["respond", "--exec", " "], [
      "sub",
      "--unix",
      "/a,b",
    ]]
  ) {
    const { exitCode, stdout } = await run([...args, "--print-permissions"]);
    assertEquals([exitCode, stdout], [2, ""], args.join(" "));
  }
});

optionsTest(import.meta.url);
