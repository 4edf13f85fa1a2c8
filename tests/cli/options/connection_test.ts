// What `pub`, `sub`, `request`, `respond` and `retained` have in common, as processes: every field
// and property of CONNECT, Will and DISCONNECT, and how each ends when there is no connection to be
// had.

import { assertEquals, assertMatch } from "@std/assert";
import { serve } from "../../../src/broker/mod.ts";
import { bytesOf } from "../../hex.ts";
import { freePort } from "../../io/mosquitto.ts";
import { type Answers, echo, granted, Recorder } from "../recorder.ts";
import { run } from "../run.ts";
import { cli, cliBare } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

/** Each command as it comes to its end as soon as it can, with a server that plays along. */
const BRIEFLY: Readonly<
  Record<string, { readonly args: readonly string[]; readonly answers: Answers }>
> = {
  pub: { args: ["-t", "a", "-m", "b"], answers: {} },
  sub: { args: ["-t", "a", "-E"], answers: {} },
  request: { args: ["-t", "a", "-m", "b"], answers: { publish: echo } },
  respond: {
    args: ["-t", "a", "-C", "1"],
    answers: {
      subscribe: (packet) => [
        granted(packet),
        { type: "publish", topic: "a", properties: { responseTopic: "re" } },
      ],
    },
  },
  retained: { args: ["-t", "a", "--settle", "0.05"], answers: {} },
};

const EVERYTHING = [
  ...["-i", "me", "-u", "alice", "-P", "hex:00FF", "-k", "0", "-c", "-x", "7", "-V", "5"],
  ...["--receive-maximum", "1", "--maximum-packet-size", "1000", "--topic-alias-maximum", "2"],
  ...["--request-response-information", "1", "--request-problem-information", "0"],
  ...["--connect-user-property", "a=b=c", "--connect-user-property", "="],
  ...["--authentication-method", "SCRAM", "--authentication-data", "hex:0102"],
  ...["--will-topic", "bye", "--will-payload", "hex:FF00", "--will-qos", "2", "--will-retain"],
  ...["--will-delay-interval", "5", "--will-payload-format-indicator", "0"],
  ...["--will-message-expiry-interval", "6", "--will-content-type", "text/plain"],
  ...["--will-response-topic", "re", "--will-correlation-data", "id"],
  ...["--will-user-property", "x=y"],
  ...["--disconnect-with-will", "--disconnect-session-expiry-interval", "9"],
  ...["--disconnect-reason-string", "done"],
  ...["--disconnect-user-property", "p=q", "--disconnect-user-property", "p=r"],
];

for (const [command, { args, answers }] of Object.entries(BRIEFLY)) {
  Deno.test(`${command} sends every field and property of CONNECT, Will and DISCONNECT`, async () => {
    await using server = new Recorder(answers);
    const { exitCode, stderr } = await cli(server, [command, ...args, ...EVERYTHING]);
    assertEquals(exitCode, 0, stderr);
    const packets = await server.conversation();
    assertEquals<unknown>(packets[0], {
      type: "connect",
      protocolVersion: 5,
      bridgeMode: false,
      cleanStart: false,
      keepAlive: 0,
      properties: {
        sessionExpiryInterval: 7,
        authenticationMethod: "SCRAM",
        authenticationData: bytesOf("0102"),
        requestProblemInformation: false,
        requestResponseInformation: true,
        receiveMaximum: 1,
        topicAliasMaximum: 2,
        userProperties: [["a", "b=c"], ["", ""]],
        maximumPacketSize: 1000,
      },
      clientId: "me",
      will: {
        topic: "bye",
        payload: bytesOf("FF00"),
        qos: 2,
        retain: true,
        properties: {
          payloadFormatIndicator: 0,
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
    assertEquals<unknown>(packets.at(-1), {
      type: "disconnect",
      reasonCode: 0x04,
      properties: {
        sessionExpiryInterval: 9,
        reasonString: "done",
        userProperties: [["p", "q"], ["p", "r"]],
      },
    });
  });

  Deno.test(`${command} --connect-timeout says how long the server may keep it waiting`, async () => {
    await using server = new Recorder({ connect: () => undefined });
    const { exitCode, stderr } = await cli(server, [command, ...args, "--connect-timeout", "0.2"]);
    assertEquals(exitCode, 1);
    assertMatch(
      stderr,
      /^mqtt5: localhost:\d+ did not accept the connection within 200 ms[^\n]*\n$/,
    );
  });

  Deno.test(`${command} --quiet writes nothing to standard error, whatever happens`, async () => {
    const nowhere = { port: freePort() };
    await using refusing = await serve({ port: 0, authenticate: () => 0x88 });
    await using silent = new Recorder({ connect: () => undefined });
    const results = await Promise.all([
      cli(nowhere, [command, ...args, "--quiet"]),
      cli(refusing, [command, ...args, "--quiet"]),
      cli(silent, [command, ...args, "--quiet", "-W", "0.2"]),
      cli(nowhere, [command, "-t", "", "--quiet"]),
      cli(nowhere, [command, ...args, "--quiet", "--options", "/no/such"]),
    ]);
    assertEquals(results.map(({ exitCode }) => exitCode), [1, 0x88, 27, 2, 2]);
    assertEquals(results.map(({ stdout, stderr }) => stdout + stderr), ["", "", "", "", ""]);
  });
}

Deno.test("--quiet silences what is told on the way, too", async () => {
  await using refusing = await serve({ port: 0, authorizePublish: () => 0x87 });
  const refused = await cli(refusing, ["pub", "-t", "a", "-m", "b", "-q", "1", "--quiet"]);
  assertEquals(refused, { exitCode: 0x87, stdout: "", stderr: "" });
  const { args, answers } = BRIEFLY["respond"]!;
  await using server = new Recorder(answers);
  const answered = await cli(server, ["respond", ...args, "--quiet"]);
  assertEquals(answered, { exitCode: 0, stdout: "", stderr: "" });
});

Deno.test("-D sets properties in the words of mosquitto's tools", async () => {
  await using server = new Recorder();
  const { exitCode, stderr } = await cli(server, [
    ...["pub", "-t", "a", "-m", "b", "--will-topic", "bye"],
    ...[
      "-D",
      "connect",
      "session-expiry-interval",
      "7",
      "-D",
      "CONNECT",
      "user-property",
      "a=b",
      "c",
    ],
    ...["-D", "will", "will-delay-interval", "5", "--property", "will", "content-type", "t/p"],
    ...["-D", "publish", "correlation-data", "id", "-D", "publish", "user-property", "-x", ""],
    ...["-D", "disconnect", "reason-string", "done"],
  ]);
  assertEquals(exitCode, 0, stderr);
  const { properties, will } = await server.first("connect");
  assertEquals([properties.sessionExpiryInterval, properties.userProperties], [7, [["a", "b=c"]]]);
  assertEquals(will?.properties, { willDelayInterval: 5, contentType: "t/p" });
  assertEquals((await server.first("publish")).properties, {
    correlationData: new TextEncoder().encode("id"),
    userProperties: [["-x", ""]],
  });
  assertEquals((await server.first("disconnect")).properties, { reasonString: "done" });
});

Deno.test("pub sends the Session Expiry Interval that is given for DISCONNECT in place of its own", async () => {
  await using server = new Recorder();
  const args = [
    "pub",
    "-t",
    "a",
    "-m",
    "b",
    "-q",
    "1",
    "--disconnect-session-expiry-interval",
    "60",
  ];
  assertEquals((await cli(server, args)).exitCode, 0);
  const { properties } = await server.first("disconnect");
  assertEquals(properties, { sessionExpiryInterval: 60 });
});

Deno.test("request asks for no Response Information when it is told so", async () => {
  await using server = new Recorder({ publish: echo });
  const args = ["request", "-t", "a", "-m", "b", "--request-response-information", "0"];
  assertEquals((await cli(server, args)).exitCode, 0);
  const { properties } = await server.first("connect");
  assertEquals(properties.requestResponseInformation, false);
});

Deno.test("a DISCONNECT that may not be sent is refused before anything is sent", async () => {
  // A session that was to end with the connection cannot be kept in the end (§3.14.2.2.2).
  const args = ["sub", "-t", "a", "-E", "--disconnect-session-expiry-interval", "10"];
  const { exitCode, stderr } = await run([...args, "-p", String(freePort())]);
  assertEquals(exitCode, 2, stderr);
  assertMatch(stderr, /^mqtt5: Invalid DISCONNECT: [^\n]*\n$/);
});

Deno.test("without options a command sends what the standard has for them, and no Will", async () => {
  await using server = new Recorder();
  await cli(server, ["sub", "-t", "a", "-E"]);
  const [connect] = await server.all("connect");
  assertEquals<unknown>(connect, {
    type: "connect",
    protocolVersion: 5,
    bridgeMode: false,
    cleanStart: true,
    keepAlive: 60,
    properties: { receiveMaximum: 65_535 },
    clientId: "",
    will: undefined,
    username: undefined,
    password: undefined,
  });
  assertEquals((await server.first("disconnect")).reasonCode, 0x00);
});

Deno.test("--client-id-prefix makes a Client Identifier for each process", async () => {
  await using server = new Recorder();
  await cli(server, ["sub", "-t", "a", "-E", "-I", "sensor-"]);
  assertMatch((await server.first("connect")).clientId, /^sensor-\d+$/);
});

const FAILURES: readonly {
  readonly name: string;
  readonly answers: Answers;
  readonly args?: readonly string[];
  readonly exitCode: number;
  readonly says: RegExp;
}[] = [
  {
    name: "closes without a CONNACK",
    answers: { connect: () => "close" },
    exitCode: 1,
    says: /closed the connection without an answer to CONNECT/,
  },
  {
    name: "never answers, and -W runs out",
    answers: { connect: () => undefined },
    args: ["-W", "0.3"],
    exitCode: 27,
    says: /Timed out after 0\.3 s \(--timeout\)\n/,
  },
  {
    name: "refuses the user",
    answers: { connect: () => ({ type: "connack", reasonCode: 0x86 }) },
    exitCode: 0x86,
    says: /refused the connection: 0x86 Bad User Name or Password/,
  },
  {
    name: "says why it refuses",
    answers: {
      connect: () => ({
        type: "connack",
        reasonCode: 0x9c,
        properties: { reasonString: "gone\x1b[2J", serverReference: "b.example" },
      }),
    },
    exitCode: 0x9c,
    says: /refused the connection: 0x9C Use another server \("gone\\u001b\[2J"\)/,
  },
  {
    name: "breaks the standard",
    answers: { connect: () => ({ type: "pingresp" }) },
    exitCode: 1,
    says: /violated the MQTT protocol/,
  },
];

for (const { name, answers, args = [], exitCode, says } of FAILURES) {
  Deno.test(`a server that ${name} gives exit code ${exitCode} and a reason`, async () => {
    await using server = new Recorder(answers);
    const result = await cli(server, ["sub", "-t", "a", ...args]);
    assertEquals([result.exitCode, result.stdout], [exitCode, ""]);
    assertMatch(result.stderr, /^mqtt5: [^\n]*\n$/);
    assertMatch(result.stderr, says);
  });
}

Deno.test("a refused connection, an unknown host and a missing permission give exit code 1", async () => {
  const nothing = await cli({ port: freePort() }, ["pub", "-t", "a", "-m", "b"]);
  assertMatch(
    nothing.stderr,
    /: connection refused; check that a server listens on this port, or start one [^\n]*\n$/,
  );
  const host = "no-such-host.invalid";
  const unknown = await cliBare([`--allow-net=${host}`], ["sub", "-t", "a", "-h", host]);
  assertMatch(
    unknown.stderr,
    /: no host "no-such-host.invalid"; check its name and your network\n$/,
  );
  const denied = await cliBare([], ["retained", "-t", "a"]);
  assertMatch(denied.stderr, /; run it with --allow-net=localhost:1883\n$/);
  assertEquals([nothing, unknown, denied].map(({ exitCode }) => exitCode), [1, 1, 1]);
});

const USAGE: readonly [string, readonly string[], RegExp][] = [
  [
    "a property of no packet",
    ["-D", "puback", "reason-string", "a"],
    /--property: expected one of subscribe, unsubscribe, connect, will, disconnect, got "puback"/,
  ],
  ["an invalid property", ["-D", "connect", "contenttype", "a"], /CONNECT has no property/],
  [
    "a property's name with a slip",
    ["-D", "subscribe", "user-propertie", "a"],
    /mean user-property\?/,
  ],
  ["a property without its value", ["-D", "connect", "user-property", "a"], /-D needs|needs/],
  ["two kinds of Client Identifier", ["-i", "a", "-I", "b"], /cannot be used together/],
  ["a lasting session without a name", ["-x", "-1"], /needs a --client-id/],
  [
    "an invalid Keep Alive",
    ["-k", "65536"],
    /--keep-alive: expected an integer from 0 to 65535, got "65536"/,
  ],
  ["another version of MQTT", ["-V", "311"], /--protocol-version: only MQTT 5\.0 is supported/],
  [
    "an invalid number of attempts",
    ["--reconnect-attempts", "-1"],
    /--reconnect-attempts: expected an integer from/,
  ],
  ["an invalid time", ["-W", "soon"], /--timeout: expected a number of seconds/],
  ["a longer time than there is", ["-W", "2147484"], /--timeout: expected a number of seconds/],
  [
    "an invalid --connect-timeout",
    ["--connect-timeout", "1h"],
    /--connect-timeout: expected a number of seconds/,
  ],
  ["an unknown kind of trace", ["--trace=half"], /Expected --trace or --trace=full, got "half"/],
  ["a Will without a topic", ["--will-payload", "x"], /--will-payload needs --will-topic/],
  ["a wildcard in the Will Topic", ["--will-topic", "a/#"], /will\.topic contains a wildcard/],
  [
    "an invalid Will QoS",
    ["--will-topic", "a", "--will-qos", "3"],
    /--will-qos: expected 0, 1 or 2/,
  ],
  [
    "authentication data without a method",
    ["--authentication-data", "a"],
    /Invalid CONNECT: /,
  ],
  ["invalid digits", ["--will-topic", "a", "--will-payload", "hex:f"], /hexadecimal digits/],
];

for (const [what, args, says] of USAGE) {
  Deno.test(`${what} is refused with exit code 2, and nothing is sent`, async () => {
    // Nothing listens there: who connected all the same would end with 1.
    const port = String(freePort());
    const { exitCode, stdout, stderr } = await run(["sub", "-t", "a", "-p", port, ...args]);
    assertEquals([exitCode, stdout], [2, ""], stderr);
    assertMatch(stderr, /^mqtt5: [^\n]*\n$/);
    assertMatch(stderr, says);
  });
}

optionsTest(import.meta.url);
