// The command `connect`, against servers made here that answer with given bytes, and against a real
// Mosquitto.

import { assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { decodePacket, encodePacket, type PacketInit } from "../../../mod.ts";
import { bytesOf } from "../../hex.ts";
import { freePort, mosquittoTest, startMosquitto } from "../../io/mosquitto.ts";
import { run, runProcess } from "../run.ts";

/** A server for one connection, and what it has received when the connection is closed. */
interface Scripted extends AsyncDisposable {
  readonly url: string;
  readonly received: Promise<Uint8Array<ArrayBuffer>>;
}

/** Waits for some bytes, answers, then waits for the other end to close, or closes itself. */
function serve(answer: Uint8Array<ArrayBuffer> | undefined, { closes = false } = {}): Scripted {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const received = (async () => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(65_536);
    let length = await connection.read(buffer) ?? 0;
    if (answer !== undefined) await connection.write(answer);
    while (!closes) {
      const count = await connection.read(buffer.subarray(length)).catch(() => null);
      if (count === null) break;
      length += count;
    }
    return buffer.slice(0, length);
  })();
  return {
    url: `mqtt://127.0.0.1:${listener.addr.port}`,
    received,
    async [Symbol.asyncDispose]() {
      listener.close();
      await received.catch(() => {});
    },
  };
}

const ACCEPTED = bytesOf("20 03 00 00 00");

Deno.test("connect sends one whole CONNECT, recognises the CONNACK and disconnects", async () => {
  await using server = serve(ACCEPTED);
  const { exitCode, stdout, stderr } = await run(["connect", server.url, "-i", "thermostat-7"]);
  assertEquals([exitCode, stderr], [0, ""]);
  assertEquals(
    await server.received,
    bytesOf("10 19 00044D515454 05 02 003C 00 000C 746865726D6F737461742D37 E000"),
  );
  assertMatch(stdout, /^→ Client to Server: CONNECT, 27 bytes/m);
  assertMatch(stdout, /^ +9 {2}02 +Connect Flags +§3\.1\.2\.3$/m);
  assertMatch(stdout, /^ +\.\.\.\. \.\.1\. +Clean Start 1: begin a new session +§3\.1\.2\.4$/m);
  assertMatch(stdout, /^← Server to Client: CONNACK, 5 bytes/m);
  assertMatch(stdout, /^→ Client to Server: DISCONNECT, 2 bytes/m);
  assertMatch(
    stdout,
    /\nConnected: 127\.0\.0\.1:\d+ sent Reason Code 0x00, Success \(accepted\)\n$/,
  );
});

Deno.test("connect sends every field and every property that the command line names", async () => {
  await using server = serve(ACCEPTED);
  const { exitCode } = await run([
    ...["connect", server.url, "-i", "a", "-u", "alice", "-P", "hex:00FF", "-k", "0", "-c"],
    ...["--session-expiry-interval", "4294967295", "--receive-maximum", "1"],
    ...["--maximum-packet-size", "1000", "--topic-alias-maximum", "0"],
    ...["--request-response-information", "1", "--request-problem-information", "0"],
    ...["--user-property", "a=b=c", "--user-property", "="],
    ...["--authentication-method", "SCRAM", "--authentication-data", "hex:0102"],
    ...["--will-topic", "bye", "--will-payload", "gone", "--will-qos", "2", "--will-retain"],
    ...["--will-delay-interval", "5", "--will-payload-format-indicator", "1"],
    ...["--will-message-expiry-interval", "6", "--will-content-type", "text/plain"],
    ...["--will-response-topic", "re", "--will-correlation-data", "id"],
    ...["--will-user-property", "x=y"],
  ]);
  assertEquals(exitCode, 0);
  const sent = await server.received;
  assertEquals(decodePacket(sent.subarray(0, -2)), {
    type: "connect",
    protocolVersion: 5,
    bridgeMode: false,
    cleanStart: false,
    keepAlive: 0,
    properties: {
      sessionExpiryInterval: 4_294_967_295,
      authenticationMethod: "SCRAM",
      authenticationData: bytesOf("0102"),
      requestProblemInformation: false,
      requestResponseInformation: true,
      receiveMaximum: 1,
      topicAliasMaximum: 0,
      userProperties: [["a", "b=c"], ["", ""]],
      maximumPacketSize: 1000,
    },
    clientId: "a",
    will: {
      topic: "bye",
      payload: new TextEncoder().encode("gone"),
      qos: 2,
      retain: true,
      properties: {
        payloadFormatIndicator: 1,
        messageExpiryInterval: 6,
        contentType: "text/plain",
        responseTopic: "re",
        correlationData: new TextEncoder().encode("id"),
        willDelayInterval: 5,
        userProperties: [["x", "y"]],
      },
    },
    username: "alice",
    password: bytesOf("00FF"),
  });
});

Deno.test("connect takes user and password from the URL, and does not show the password", async () => {
  await using server = serve(ACCEPTED);
  const url = server.url.replace("//", "//al%40ice:se%3Acret@");
  const { stdout } = await run(["connect", url]);
  const packet = decodePacket((await server.received).subarray(0, -2));
  assertEquals(packet.type === "connect" && packet.username, "al@ice");
  assertEquals(packet.type === "connect" && packet.password, new TextEncoder().encode("se:cret"));
  assertFalse(stdout.includes("cret") || stdout.includes("63 72 65 74"));
  assertStringIncludes(stdout, "7 bytes, not shown");
});

Deno.test("connect takes clusters of options, with a value at the end", async () => {
  await using server = serve(ACCEPTED);
  await run(["connect", server.url, "-ck30", "-iab"]);
  const packet = decodePacket((await server.received).subarray(0, -2));
  assertEquals(packet.type === "connect" && packet.keepAlive, 30);
  assertEquals(packet.type === "connect" && packet.cleanStart, false);
  assertEquals(packet.type === "connect" && packet.clientId, "ab");
});

Deno.test("connect takes values that are empty or begin with a hyphen", async () => {
  await using server = serve(ACCEPTED);
  await run(["connect", "-i", "", "-u", "", "-P", "-x", "--no-clean-start", server.url]);
  const packet = decodePacket((await server.received).subarray(0, -2));
  assertEquals(packet, {
    type: "connect",
    protocolVersion: 5,
    bridgeMode: false,
    cleanStart: false,
    keepAlive: 60,
    properties: {},
    clientId: "",
    will: undefined,
    username: "",
    password: new TextEncoder().encode("-x"),
  });
});

Deno.test("connect shows the password when asked to", async () => {
  await using server = serve(ACCEPTED);
  const { stdout } = await run([
    "connect",
    server.url,
    "-u",
    "a",
    "-P",
    "secret",
    "--show-password",
  ]);
  assertStringIncludes(stdout, '"secret"');
});

Deno.test("connect tells a refusal: Reason Code, its name, the Reason String; and exits with the code", async () => {
  const reasonString = "not \x1b[31mtoday";
  await using server = serve(
    encodePacket({ type: "connack", reasonCode: 0x86, properties: { reasonString } }),
  );
  const { exitCode, stdout, stderr } = await run(["connect", server.url]);
  assertEquals([exitCode, stderr], [0x86, ""]);
  assertMatch(
    stdout,
    /\nRefused: 127\.0\.0\.1:\d+ sent Reason Code 0x86, Bad User Name or Password \([^\n]*\); Reason String "not \\u\{1B\}\[31mtoday"\n$/,
  );
  assertEquals(decodePacket(await server.received).type, "connect");
});

Deno.test("connect tells the Client Identifier that the Server chose", async () => {
  await using server = serve(
    encodePacket({ type: "connack", properties: { assignedClientIdentifier: "auto-1" } }),
  );
  const { stdout } = await run(["connect", server.url]);
  assertMatch(stdout, /\nConnected: [^\n]*; Assigned Client Identifier "auto-1"\n$/);
});

Deno.test("connect takes a CONNACK in many pieces", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(1000));
    connection.setNoDelay();
    for (const byte of ACCEPTED) await connection.write(Uint8Array.of(byte));
    while (await connection.read(new Uint8Array(1000)) !== null);
  })();
  const { exitCode } = await run(["connect", `mqtt://127.0.0.1:${listener.addr.port}`]);
  await server;
  listener.close();
  assertEquals(exitCode, 0);
});

const ANSWERS: readonly {
  readonly name: string;
  readonly answer: Uint8Array<ArrayBuffer> | undefined;
  readonly closes?: boolean;
  readonly says: RegExp;
}[] = [
  {
    name: "a web server",
    answer: new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"),
    says: /: a web server answers on this port; use ws:\/\/ if it serves MQTT over/,
  },
  {
    name: "a server that expects TLS",
    answer: bytesOf("15 03 01 00 02 02 46"),
    says: /: the server speaks TLS on this port; use mqtts:\/\/, or/,
  },
  {
    name: "a server of another protocol, whose answer is escaped",
    answer: new TextEncoder().encode("\x1b[2JSSH-2.0\r\n"),
    says: /: the server does not speak MQTT, it said "\\u001b\[2JSSH-2\.0\\r\\n"; check/,
  },
  {
    name: "a server whose greeting begins like a packet",
    answer: new TextEncoder().encode("220 (vsFTPd 3.0.3)\r\n"),
    says: /: the server does not speak MQTT, it said "220 \(vsFTPd 3\.0\.3\)\\r\\n"; check/,
  },
  {
    name: "a server that closes without a word",
    answer: undefined,
    closes: true,
    says: /closed the connection without an answer to CONNECT; check/,
  },
];

for (const { name, answer, closes = false, says } of ANSWERS) {
  Deno.test(`connect recognises ${name}`, async () => {
    await using server = serve(answer, { closes });
    const { exitCode, stderr } = await run(["connect", server.url]);
    assertEquals(exitCode, 1);
    assertMatch(stderr, /^mqtt5: [^\n]*\n$/);
    assertMatch(stderr, says);
  });
}

const VERDICTS: readonly [string, Uint8Array<ArrayBuffer>, RegExp][] = [
  [
    "a server of MQTT 3.1.1",
    bytesOf("20 02 00 01"),
    /speaks an older version of MQTT, not 5\.0: its .* is 1, .* \(unacceptable protocol version\)\n/,
  ],
  [
    "a server of MQTT 3.1.1 that adds properties",
    bytesOf("20 03 00 05 00"),
    /speaks an older version of MQTT, not 5\.0: its .* is 5, .* \(not authorized\)\n/,
  ],
  ["a broken CONNACK", bytesOf("20 03 02 00 00"), / sent a malformed packet/],
  [
    "a CONNACK over the limit",
    bytesOf("20 FF FF FF 7F"),
    / is too large; see --maximum-packet-size\n/,
  ],
  ["a CONNACK that is cut", bytesOf("20 03 00 00"), / sent a malformed packet/],
  ["another packet", bytesOf("40 02 00 01"), / sent PUBACK instead of CONNACK/],
  ["an AUTH", auth(), /requires another step of authentication with "SCRAM"/],
];

for (const [name, answer, says] of VERDICTS) {
  Deno.test(`connect explains ${name} and gives its verdict`, async () => {
    await using server = serve(answer, { closes: true });
    const { exitCode, stdout, stderr } = await run(["connect", server.url]);
    assertEquals([exitCode, stderr], [1, ""]);
    assertMatch(stdout, /^← Server to Client: [A-Z]+, \d+ bytes/m);
    assertMatch(stdout, /\nFailed: [^\n]*\n$/);
    assertMatch(stdout, says);
  });
}

Deno.test("connect explains a CONNACK that is cut by the end of the connection", async () => {
  await using server = serve(bytesOf("20 09 00"), { closes: true });
  const { exitCode, stdout } = await run(["connect", server.url]);
  assertEquals(exitCode, 1);
  assertStringIncludes(stdout, "CONNACK Connect Reason Code at byte 3 is missing");
});

Deno.test("connect gives up on a silent server after the time allowed", async () => {
  await using server = serve(undefined);
  const { exitCode, stderr } = await run(["connect", server.url, "--timeout", "1"]);
  assertEquals(exitCode, 27);
  assertMatch(stderr, /sent no CONNACK within 1 s; check host and port, or raise --timeout\n$/);
});

Deno.test("connect ends with 130 when it is interrupted", async () => {
  const interrupt = new AbortController();
  await using server = serve(undefined);
  const running = run(["connect", server.url], { signal: interrupt.signal });
  interrupt.abort();
  assertEquals((await running).exitCode, 130);
});

Deno.test("connect tells that nothing listens", async () => {
  const { exitCode, stdout, stderr } = await run(["connect", `mqtt://127.0.0.1:${freePort()}`]);
  assertEquals([exitCode, stdout], [1, ""]);
  assertMatch(
    stderr,
    /^mqtt5: Cannot connect to 127\.0\.0\.1:\d+: connection refused; .* `mqtt5 broker`\n$/,
  );
});

Deno.test("connect reports an unknown host", async () => {
  const { exitCode, stderr } = await runProcess(["--allow-net"], [
    "connect",
    "mqtt://no-such-host.invalid",
  ]);
  assertEquals(exitCode, 1);
  assertMatch(stderr, /: no host "no-such-host\.invalid"; check its name and your network\n$/);
});

Deno.test("connect tells which permission it lacks", async () => {
  const { exitCode, stderr } = await runProcess([], ["connect", "mqtt://127.0.0.1:1"]);
  assertEquals(exitCode, 1);
  assertMatch(stderr, /run it with --allow-net=127\.0\.0\.1:1\n$/);
});

const USAGE: readonly [string, readonly string[], RegExp][] = [
  ["an invalid URL", ["127.0.0.1:1883"], /is not the URL of a server: expected mqtt:/],
  ["another scheme", ["http://127.0.0.1"], /Unknown scheme http:/],
  ["an invalid port", ["mqtt://127.0.0.1:99999"], /is not the URL of a server/],
  ["a broken URL, without its password", ["mqtt://a:secret@:x"], /^mqtt5: "mqtt:\/\/a:…@:x"/],
  ["a % that escapes nothing", ["mqtt://%zz@127.0.0.1"], /write %25/],
  ["a URL that goes on after the port", ["mqtt://a/b?c"], /must end after the port; in a/],
  ["a password with a slash", ["mqtt://a:12/secret@b"], /write \/ as %2F/],
  ["a password with colons", ["mqtt://a:b:secret@c:x"], /^mqtt5: "mqtt:\/\/a:…@c:x" is not/],
  ["a password with invalid digits", ["-P", "hex:secret"], /pairs of hexadecimal digits/],
  ["port 0", ["mqtt://127.0.0.1:0"], /The port must be from 1 to 65535, got 0/],
  ["a host that can be none", ["mqtt://a%20b"], /is not a host name/],
  ["a value for a flag", ["-c", "--full=no"], /--full takes no value/],
  ["an unknown letter in a cluster", ["-cz"], /Unknown option -z/],
  ["a cluster without its value", ["-ck"], /-k needs a value/],
  ["an option with an escape sequence", ["--\x1b[2J"], /Unknown option --\\u\{1B\}\[2J/],
  ["two URLs", ["mqtt://a", "mqtt://b"], /Expected one server URL/],
  ["an unknown option", ["--nope"], /Unknown option --nope/],
  ["an option without its value", ["-i"], /-i needs a value/],
  [
    "an invalid number",
    ["-k", "1e3"],
    /--keep-alive: expected an integer from 0 to 65535, got "1e3"/,
  ],
  [
    "a number out of range",
    ["--receive-maximum", "0"],
    /--receive-maximum: expected an integer from 1/,
  ],
  ["an invalid pair", ["--user-property", "a"], /--user-property: expected NAME=VALUE/],
  ["invalid digits", ["-P", "hex:0"], /--password: expected pairs of hexadecimal digits/],
  ["a Will without a topic", ["--will-retain"], /--will-retain needs --will-topic/],
  ["a wildcard in the Will Topic", ["--will-topic", "a/#"], /will\.topic contains a wildcard/],
  [
    "data without a method",
    ["--authentication-data", "a"],
    /is not allowed without Authentication Method/,
  ],
];

for (const [name, args, says] of USAGE) {
  Deno.test(`connect refuses ${name} with exit code 2`, async () => {
    const { exitCode, stdout, stderr } = await run(["connect", ...args]);
    assertEquals([exitCode, stdout], [2, ""]);
    assertMatch(stderr, /^mqtt5: [^\n]*\n$/);
    assertMatch(stderr, says);
    assertFalse(stderr.includes("secret"));
  });
}

mosquittoTest(
  "connect shows the handshake with a real Mosquitto, with net for it alone",
  async () => {
    await using mosquitto = await startMosquitto();
    const address = `127.0.0.1:${mosquitto.port}`;
    const { exitCode, stdout, stderr } = await runProcess([`--allow-net=${address}`], [
      "connect",
      `mqtt://${address}`,
    ]);
    assertEquals([exitCode, stderr], [0, ""]);
    assertMatch(stdout, /Client Identifier, 0 bytes: the Server +§3\.1\.3\.1\n +is to choose one/);
    assertMatch(stdout, /Assigned Client Identifier, \d+ bytes/);
    assertMatch(stdout, /\nConnected: .*; Assigned Client Identifier "[^"]+"\n$/);
  },
);

mosquittoTest(
  "connect is refused by a real Mosquitto for a bad user, and accepted for a good one",
  async () => {
    await using mosquitto = await startMosquitto({ users: { alice: "secret" } });
    const url = `mqtt://127.0.0.1:${mosquitto.port}`;
    const permissions = [`--allow-net=127.0.0.1:${mosquitto.port}`];
    const login = (...options: string[]) => runProcess(permissions, ["connect", url, ...options]);
    const good = await login("-u", "alice", "-P", "secret");
    assertEquals([good.exitCode, good.stderr], [0, ""]);
    for (const options of [["-u", "alice", "-P", "wrong"], ["-u", "mallory"], []]) {
      const bad = await login(...options);
      assertEquals([bad.exitCode, bad.stderr], [0x87, ""]);
      assertMatch(bad.stdout, /\nRefused: [^\n]* sent Reason Code 0x87, Not authorized \(/);
    }
  },
);

function auth(): Uint8Array<ArrayBuffer> {
  const packet: PacketInit = {
    type: "auth",
    reasonCode: 0x18,
    properties: { authenticationMethod: "SCRAM" },
  };
  return encodePacket(packet);
}
