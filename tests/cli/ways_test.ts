// Every command reaches a server by every way that there is, by mosquitto's options and by URLs;
// and what is wrong with a way is one sentence, the same in every command and in the library.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect, ConnectionClosedError } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { freePort } from "../io/mosquitto.ts";
import { startProxy } from "../io/proxy_server.ts";
import { run } from "./run.ts";
import { optionsTest } from "./tested_options.ts";
import { type Ways, waysTest } from "./ways.ts";

/** What each command is given beside the way, and what it prints then. */
const COMMANDS: Readonly<Record<string, readonly [args: readonly string[], prints: RegExp]>> = {
  pub: [["-t", "a", "-m", "x", "-q", "1"], /^$/],
  sub: [["-t", "kept", "-C", "1"], /^here\n$/],
  request: [["-t", "echo", "-m", "ping", "-W", "9"], /^ping\n$/],
  respond: [["-t", "ask", "-C", "1"], /^$/],
  retained: [["-t", "kept", "--settle", "0.5"], /^kept here\n$/],
  connect: [[], /\nConnected: /],
};

/** The ways, as words of a command line. */
const WAYS: Readonly<Record<string, (ways: Ways) => readonly string[]>> = {
  "mqtts and --cafile": ({ mosquitto, folder }) => [
    ...[mosquitto.urls.mqtts, "--cafile", `${folder}/ca.pem`],
  ],
  "-h, -p and --cafile": ({ port, folder }) => [
    ...["-h", "localhost", "-p", port("mqtts"), "--cafile", `${folder}/ca.pem`],
  ],
  "-p and --capath": (
    { port, folder },
  ) => ["-p", port("mqtts"), "--capath", `${folder}/authorities`],
  "-L ssl and --tls-alpn": ({ port, folder }) => [
    ...["-L", `ssl://localhost:${port("mqtts")}`, "--cafile", `${folder}/ca.pem`],
    ...["--tls-alpn", "mqtt", "--tls-alpn", "x-amzn-mqtt-ca"],
  ],
  "--cert and --key": ({ port, folder }) => [
    ...["-p", port("mutual"), "--cafile", `${folder}/ca.pem`],
    ...["--cert", `${folder}/client.pem`, "--key", `${folder}/client.key`],
  ],
  "--tls-server-name": ({ port, folder }) => [
    ...["-p", port("elsewhere"), "--cafile", `${folder}/ca.pem`],
    ...["--tls-server-name", "other.example"],
  ],
  "ws": ({ mosquitto }) => [mosquitto.urls.ws],
  "wss, --cafile and --header": ({ mosquitto, folder }) => [
    ...["-L", mosquitto.urls.wss, "--cafile", `${folder}/ca.pem`, "--header", "Cookie=a=b"],
  ],
  "--unix": ({ socket }) => ["--unix", socket],
  "mqtt+unix": ({ mosquitto }) => ["-L", mosquitto.urls.unix],
};

for (const [name, way] of Object.entries(WAYS)) {
  waysTest(`every command reaches Mosquitto by ${name}`, async (ways) => {
    await assertReached(ways, way(ways));
  });
}

for (const protocol of ["socks5", "socks5h", "http"] as const) {
  waysTest(`every command reaches Mosquitto with TLS by --proxy ${protocol}`, async (ways) => {
    const credentials = { username: "alice", password: "s3cret" };
    await using proxy = startProxy({ protocol, credentials });
    const tls = ["--cafile", `${ways.folder}/ca.pem`];
    await assertReached(ways, ["-p", ways.port("mqtts"), ...tls, "--proxy", proxy.url]);
    assertEquals(proxy.requests.length, Object.keys(COMMANDS).length);
    const { stdout } = await run(["connect", ways.mosquitto.url, "--proxy", proxy.url]);
    assertMatch(stdout, /\n {2}credentials +user "alice", password not shown +RFC \d{4}\n/);
    assert(!stdout.includes("s3cret"));
  });
}

/** Sees that every command does its work by this way. */
async function assertReached({ mosquitto }: Ways, way: readonly string[]): Promise<void> {
  await using client = await connect(mosquitto.url);
  await client.publish("kept", "here", { qos: 1, retain: true });
  await client.publish("ask", "?", { qos: 1, retain: true, responseTopic: "answers" });
  const requests = await client.subscribe("echo");
  void (async () => {
    for await (const { payload, properties: { responseTopic, correlationData } } of requests) {
      await client.publish(responseTopic!, payload, { correlationData });
    }
  })();
  await Promise.all(
    Object.entries(COMMANDS).map(async ([command, [args, prints]]) => {
      const { exitCode, stdout, stderr } = await run([command, ...way, ...args]);
      assertEquals(exitCode, 0, `${command}: ${stderr}`);
      assertMatch(stdout, prints, command);
    }),
  );
}

waysTest("--insecure does not check the host name, says so, and checks all else", async (ways) => {
  const { port, folder, mosquitto } = ways;
  const args = [
    "pub",
    "-t",
    "a",
    "-m",
    "x",
    "-p",
    port("elsewhere"),
    "--cafile",
    `${folder}/ca.pem`,
  ];
  const checked = await run(args);
  assertEquals(checked.exitCode, 1);
  assertMatch(
    checked.stderr,
    /: the server's certificate is not for "localhost", .* as --tls-server-name\n$/,
  );
  const unchecked = await run([...args, "--insecure"]);
  assertEquals([unchecked.exitCode, unchecked.stdout], [0, ""]);
  assertEquals(
    unchecked.stderr,
    "mqtt5: --insecure: the host name in the server's certificate is NOT checked\n",
  );
  assertEquals((await run([...args, "--insecure", "--quiet"])).stderr, "");
  const { exitCode, stderr } = await run(["connect", mosquitto.urls.mqtts, "--insecure"]);
  assertEquals(exitCode, 1);
  assertMatch(stderr, /\nmqtt5: [^\n]* give the authority's certificate as --cafile\n$/);
});

waysTest(
  "a certificate that the server misses is asked for by name in every command",
  async (ways) => {
    const tls = ["-p", ways.port("mutual"), "--cafile", `${ways.folder}/ca.pem`];
    for (const [command, [args]] of Object.entries(COMMANDS)) {
      const { exitCode, stderr } = await run([command, ...tls, ...args]);
      assertEquals(exitCode, 1);
      assertMatch(stderr, /^mqtt5: [^\n]* client certificate; give one as --cert and --key\n$/);
    }
  },
);

/** Servers that are something else than the URL says, and what is said then. */
const MISTAKES: Readonly<Record<string, readonly [(ways: Ways) => string, RegExp]>> = {
  "MQTT at a TLS port": [
    ({ port }) => `mqtt://127.0.0.1:${port("mqtts")}`,
    /closed the connection without an answer .* whether it expects TLS \(mqtts:\/\/\)/,
  ],
  "TLS at an MQTT port": [
    ({ mosquitto }) => `mqtts://127.0.0.1:${mosquitto.port}`,
    /closed the connection during the TLS handshake; check that this is its port for TLS/,
  ],
  "WebSocket at an MQTT port": [
    ({ mosquitto }) => `ws://127.0.0.1:${mosquitto.port}`,
    /check that it serves WebSocket on this port, usually 80, or use mqtt:/,
  ],
  "MQTT at a port for WebSocket": [
    ({ port }) => `mqtt://127.0.0.1:${port("ws")}`,
    /: a web server answers on this port; use ws:\/\/ if it serves MQTT over WebSocket/,
  ],
};

for (const [name, [urlOf, says]] of Object.entries(MISTAKES)) {
  waysTest(`${name}: one sentence in every command and in the library`, async (ways) => {
    await assertSameSentence(urlOf(ways), says);
  });
}

/** Sees what everybody says of a server that cannot be connected to. */
async function assertSameSentence(url: string, says: RegExp): Promise<void> {
  const thrown = await connect(url).then(() => undefined, (error) => error);
  assert(thrown instanceof ConnectionClosedError, String(thrown));
  assertMatch(thrown.message, says);
  for (const [command, [args]] of Object.entries(COMMANDS)) {
    const { exitCode, stderr } = await run([command, url, ...args]);
    assertEquals(exitCode, 1, command);
    assertMatch(stderr, /^[^\n]*\n$/);
    assertStringIncludes(stderr, `mqtt5: ${thrown.message}`, command);
  }
}

Deno.test("MQTT at a web server: one sentence in every command and in the library", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("a page"),
  );
  const url = `mqtt://127.0.0.1:${server.addr.port}`;
  await assertSameSentence(url, /a web server answers on this port; use ws:\/\/ if it serves/);
});

Deno.test("WebSocket at a web server: the status, its text and the step are told", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ headers }) =>
      headers.get("authorization") === "Bearer t0ken"
        ? new Response("no such path", { status: 404 })
        : new Response("no token", { status: 401 }),
  );
  const url = `ws://127.0.0.1:${server.addr.port}/mqtt`;
  const without = await run(["pub", url, "-t", "a", "-m", "x"]);
  assertMatch(
    without.stderr,
    /: the server answered 401 Unauthorized, "no token"; check the token or cookie in --header\n$/,
  );
  const token = ["--header", "Authorization=Bearer t0ken", "--header", "X-Other=b=c"];
  const withToken = await run(["connect", url, ...token]);
  assertMatch(
    withToken.stderr,
    /: the server answered 404 Not Found, "no such path"; check the path of the URL, often \/mqtt\n$/,
  );
  assertMatch(withToken.stdout, /\n {2}Authorization: \(not shown\) +from --header\n/);
  assertMatch(withToken.stdout, /\n {2}X-Other: b=c +from --header\n/);
  assertMatch(withToken.stdout, /\n {2}HTTP\/1\.1 404 Not Found +the server refused the WebSocket/);
  assertMatch(withToken.stdout, /\nFailed: step 2 of 2, WebSocket handshake\n$/);
  assert(!withToken.stdout.includes("t0ken"));
  const shown = await run(["connect", url, ...token, "--show-password"]);
  assertStringIncludes(shown.stdout, "Authorization: Bearer t0ken");
});

Deno.test("connect says which step took too long", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const silent = listener.accept();
  const url = `mqtts://127.0.0.1:${listener.addr.port}`;
  const { exitCode, stdout, stderr } = await run(["connect", url, "-W", "0.2"]);
  assertEquals([exitCode, stdout.split("\n").at(-2)], [
    27,
    "Failed: step 2 of 2, TLS handshake",
  ]);
  assertMatch(stderr, /^mqtt5: The TLS handshake with 127\.0\.0\.1:\d+ timed out after 0\.2 s; /);
  (await silent).close();
});

Deno.test("a broker is suggested where one could be started, and nowhere else", async () => {
  const args = ["pub", "-t", "a", "-m", "x"];
  const hint = ", or start one with `mqtt5 broker`\n";
  const here = await run([...args, "-p", String(freePort())]);
  assertStringIncludes(here.stderr, hint);
  for (
    const way of [
      [`mqtts://localhost:${freePort()}`],
      [`ws://localhost:${freePort()}`],
      ["--unix", "/no/such/socket"],
      ["--proxy", `http://localhost:${freePort()}`],
    ]
  ) {
    const { exitCode, stderr } = await run([...args, ...way]);
    assertEquals(exitCode, 1);
    assert(!stderr.includes(hint), stderr);
  }
});

Deno.test("connect is named to look at a server that ends the connection, as it was given", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${listener.addr.port}`;
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(100));
      connection.close();
    }
  })();
  const { stderr } = await run(["pub", `mqtt://bob:s3cret@${address}`, "-t", "a", "-m", "x"]);
  assertStringIncludes(stderr, `; to see the handshake, run \`mqtt5 connect mqtt://${address}\`\n`);
  listener.close();
  await serving;
});

Deno.test("a topic may stand behind mqtt:// and mqtts:// alone", async () => {
  await using broker = await serve({ port: 0 });
  await using client = await connect(broker.url);
  const messages = await client.subscribe("a/b");
  assertEquals((await run(["pub", `${broker.url}/a/b`, "-m", "x", "-q", "1"])).exitCode, 0);
  assertEquals((await messages[Symbol.asyncIterator]().next()).value?.text(), "x");
  for (
    const [url, says] of [
      [
        "ws://localhost/a/b",
        /^mqtt5: No (topic|Topic Filter): give --topic; the path of a ws:\/\/ URL/,
      ],
      [
        "wss://localhost/a/b",
        /^mqtt5: No (topic|Topic Filter): give --topic; the path of a wss:\/\/ URL/,
      ],
      ["mqtt+unix:///a/b", /^mqtt5: No (topic|Topic Filter): give --topic\n$/],
      [
        "mqtts://localhost",
        /^mqtt5: No (topic|Topic Filter): give --topic, or add it to the URL\n$/,
      ],
    ] as const
  ) {
    for (
      const args of [["pub", "-m", "x"], ["sub"], ["request", "-n"], ["respond"], ["retained"]]
    ) {
      const { exitCode, stderr } = await run([...args, url]);
      assertEquals(exitCode, 2);
      assertMatch(stderr, says);
    }
  }
});

const USAGE: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [["mqtt://a", "--cafile", "x"], /--cafile needs TLS: use mqtts:\/\/ instead of mqtt:\/\//],
  [["tcp://a", "--insecure"], /--insecure needs TLS: use mqtts:\/\//],
  [["ws://a", "--tls-alpn", "mqtt"], /--tls-alpn needs TLS: use wss:\/\/ instead of ws:\/\//],
  [
    ["--unix", "/a", "--cafile", "x"],
    /--cafile needs TLS, which cannot be used with a Unix socket/,
  ],
  [["--unix", "a.sock"], /--unix: expected an absolute path, got "a\.sock"/],
  [["--unix", "/a", "-h", "b"], /only once: as a URL, with --host and --port, or with --unix/],
  [["--unix", "/a", "mqtt://b"], /only once: as a URL, /],
  [["--unix", "/a", "--proxy", "http://b"], /--proxy cannot be used with a Unix socket/],
  [["--proxy", "ftp://me:s3cret@b"], /--proxy: ftp:\/\/ is not a proxy scheme/],
  [["--proxy", "http://me:s3cret@b/c"], /--proxy: the URL of the proxy must end after the port/],
  [["--header", "A=b"], /--header needs a server with a ws:\/\/ or wss:/],
  [["ws://a", "--header", "s3cret"], /--header: expected NAME=VALUE/],
  [["ws://a", "--header", "A=b", "--header", "a=c"], /--header "a" can be given only once/],
  [["ws://a", "--header", "Host=b"], /header "Host" cannot be set/],
  [["ws://a", "--header", "A=b\r\nC: d"], /header "A" /],
  [["--cert", "x"], /--cert and --key must be given together/],
  [["--cafile", "/no/such"], /Cannot read --cafile "\/no\/such": no such file or directory\n/],
  [["--capath", "/no/such"], /Cannot read --capath "\/no\/such": no such file or directory\n/],
  [["--cafile", "README.md"], /--cafile README\.md has no certificate in PEM: expected/],
  [["--capath", "tests"], /--capath "tests" contains no certificates/],
  [["--tls-server-name", "a/b"], /--tls-server-name must be a host name, got "a\/b"/],
  [["--tls-alpn", ""], /--tls-alpn must be names of 1 to 255 bytes, got ""/],
];

for (const [args, says] of USAGE) {
  Deno.test(`exit code 2 for ${args.join(" ").replaceAll(/\s+/g, " ")}`, async () => {
    for (const command of [["pub", "-t", "a", "-m", "x"], ["connect"]]) {
      const { exitCode, stdout, stderr } = await run([...command, ...args]);
      assertEquals([exitCode, stdout], [2, ""], stderr);
      assertMatch(stderr, says);
      assertMatch(stderr, /^mqtt5: [^\n]*\n$/);
      assert(!stderr.includes("s3cret"), stderr);
    }
  });
}

waysTest("files that do not belong together are told by their names", async ({ folder }) => {
  const { exitCode, stderr } = await run([
    ...["connect", "-p", String(freePort()), "--cert", `${folder}/client.pem`],
    ...["--key", `${folder}/other.key`],
  ]);
  assertEquals(exitCode, 2);
  assertStringIncludes(
    stderr,
    `--key ${folder}/other.key is not the private key of --cert ${folder}/client.pem`,
  );
  const swapped = await run([
    ...["connect", "-p", String(freePort()), "--cert", `${folder}/client.key`],
    ...["--key", `${folder}/client.pem`],
  ]);
  assertMatch(swapped.stderr, /--cert \S+client\.key has no certificate in PEM/);
});

optionsTest(import.meta.url, waysTest);
