// What connect() makes of its options: the CONNECT that goes out, and the mistakes that are refused before anything does.

import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { Client } from "../../src/client/client.ts";
import type { ConnectOptions } from "../../src/client/options.ts";
import type { SavedSession } from "../../src/session/snapshot.ts";
import { outcome, test, TestWorld } from "./world.ts";

const text = new TextEncoder();

test("connect() without options sends a CONNECT of the standard's defaults, a new session, 60 seconds and any number of messages [MQTT-3.1.0-1]", async (world) => {
  const client = world.client();
  const started = client.start();
  const peer = await world.peer();
  assertEquals(await peer.expect("connect"), {
    type: "connect",
    protocolVersion: 5,
    bridgeMode: false,
    clientId: "",
    cleanStart: true,
    keepAlive: 60,
    will: undefined,
    username: undefined,
    password: undefined,
    properties: { receiveMaximum: 65_535 },
  });
  assertStrictEquals(client.state, "connecting");
  peer.send({ type: "connack" });
  assertStrictEquals(await started, client);
  assertStrictEquals(client.state, "connected");
});

test("connect() takes every field and every property of CONNECT flat", async (world) => {
  world.client({
    clientId: "thermostat-7",
    cleanStart: false,
    keepAlive: 10,
    username: "user",
    password: "secret",
    will: {
      topic: "gone",
      payload: "thermostat-7",
      qos: 2,
      retain: true,
      willDelayInterval: 5,
      payloadFormatIndicator: 1,
      messageExpiryInterval: 6,
      contentType: "text/plain",
      responseTopic: "answer",
      correlationData: Uint8Array.of(1),
      userProperties: [["w", "1"], ["w", "2"]],
    },
    sessionExpiryInterval: 7,
    receiveMaximum: 8,
    maximumPacketSize: 9000,
    topicAliasMaximum: 11,
    requestResponseInformation: true,
    requestProblemInformation: false,
    userProperties: [["b", "1"], ["a", "2"]],
    authenticationMethod: "m",
    authenticationData: Uint8Array.of(2),
  }).start().catch(() => {});
  const peer = await world.peer();
  assertEquals(await peer.expect("connect"), {
    type: "connect",
    protocolVersion: 5,
    bridgeMode: false,
    clientId: "thermostat-7",
    cleanStart: false,
    keepAlive: 10,
    username: "user",
    password: text.encode("secret"),
    will: {
      topic: "gone",
      payload: text.encode("thermostat-7"),
      qos: 2,
      retain: true,
      properties: {
        willDelayInterval: 5,
        payloadFormatIndicator: 1,
        messageExpiryInterval: 6,
        contentType: "text/plain",
        responseTopic: "answer",
        correlationData: Uint8Array.of(1),
        userProperties: [["w", "1"], ["w", "2"]],
      },
    },
    properties: {
      sessionExpiryInterval: 7,
      receiveMaximum: 8,
      maximumPacketSize: 9000,
      topicAliasMaximum: 11,
      requestResponseInformation: true,
      requestProblemInformation: false,
      userProperties: [["b", "1"], ["a", "2"]],
      authenticationMethod: "m",
      authenticationData: Uint8Array.of(2),
    },
  });
  peer.close();
});

test("connect() keeps values that are 0, empty or false", async (world) => {
  world.client({
    keepAlive: 0,
    username: "",
    password: new Uint8Array(0),
    sessionExpiryInterval: 0,
    topicAliasMaximum: 0,
    requestResponseInformation: false,
    will: { topic: "a", payload: "", willDelayInterval: 0 },
  }).start();
  const connect = await (await world.peer()).accept();
  assertStrictEquals(connect.keepAlive, 0);
  assertStrictEquals(connect.username, "");
  assertEquals(connect.password, new Uint8Array(0));
  assertStrictEquals(connect.properties.sessionExpiryInterval, 0);
  assertStrictEquals(connect.properties.topicAliasMaximum, 0);
  assertStrictEquals(connect.properties.requestResponseInformation, false);
  assertEquals(connect.will?.properties, { willDelayInterval: 0 });
  assertEquals(connect.will?.payload, new Uint8Array(0));
});

for (
  const [what, url, options, username, password] of [
    ["those of the URL", "mqtt://u%40x:p%2Fw@h", {}, "u@x", "p/w"],
    ["the options before the URL", "mqtt://u:p@h", { username: "a", password: "b" }, "a", "b"],
    ["a password alone", "mqtt://:p@h", {}, undefined, "p"],
    [
      "what the function gives, and nothing else",
      "mqtt://u:p@h",
      { credentials: () => ({ username: "f" }) },
      "f",
      undefined,
    ],
    [
      "what a promise brings",
      "mqtt://h",
      { credentials: () => Promise.resolve({ username: "f", password: text.encode("p") }) },
      "f",
      "p",
    ],
  ] as const
) {
  test(`connect() sends as credentials ${what}`, async (world) => {
    world.client(options, url).start();
    const connect = await (await world.peer()).accept();
    assertStrictEquals(connect.username, username);
    assertEquals(connect.password, password && text.encode(password));
  });
}

for (
  const [url, hostname, port, address] of [
    ["mqtt://host", "host", 1883, "host:1883"],
    ["mqtt://HOST:99/", "host", 99, "host:99"],
    ["mqtt://[::1]:5", "::1", 5, "[::1]:5"],
    [new URL("mqtt://10.0.0.1"), "10.0.0.1", 1883, "10.0.0.1:1883"],
  ] as const
) {
  test(`connect() dials ${address} for ${url}`, async (world) => {
    world.client({}, url).start();
    await world.accept();
    assertEquals(world.dialled.map((server) => [server.hostname, server.port, server.address]), [
      [hostname, port, address],
    ]);
  });
}

const SAVED: SavedSession = { clientId: "c", inFlight: [], unreleased: [], queued: [] };

/** Mistakes, and what the message says of them. */
const MISTAKES: readonly (readonly [
  what: string,
  options: object,
  error: typeof TypeError | typeof RangeError,
  says: string,
])[] = [
  ["an unknown option", { keepalive: 5 }, TypeError, "keepalive"],
  ["a Keep Alive out of its range", { keepAlive: 65_536 }, RangeError, "keepAlive"],
  ["a Keep Alive that is no number", { keepAlive: "60" }, TypeError, "keepAlive"],
  ["a Client Identifier that is no string", { clientId: 7 }, TypeError, "clientId"],
  ["a Client Identifier with U+0000", { clientId: "\0" }, TypeError, "U+0000"],
  ["a negative receiveExcess", { receiveExcess: -1 }, RangeError, "receiveExcess"],
  ["a Receive Maximum of 0", { receiveMaximum: 0 }, RangeError, "receiveMaximum"],
  ["a Maximum Packet Size of 0", { maximumPacketSize: 0 }, RangeError, "maximumPacketSize"],
  ["a Will without topic", { will: { payload: "a" } }, TypeError, "will"],
  ["a Will with a wildcard", { will: { topic: "#" } }, TypeError, "wildcard"],
  ["a Will with QoS 3", { will: { topic: "a", qos: 3 } }, RangeError, "qos"],
  ["a Will with an unknown property", { will: { topic: "a", delay: 1 } }, TypeError, "delay"],
  ["a Will whose payload is no bytes", { will: { topic: "a", payload: [1] } }, TypeError, "will"],
  [
    "a Will whose payload is too long",
    { will: { topic: "a", payload: new Uint8Array(65_536) } },
    RangeError,
    "will",
  ],
  ["a password that is no bytes", { password: 1234 }, TypeError, "password"],
  ["a user name that is no string", { username: 1234 }, TypeError, "username"],
  [
    "authentication data without a method",
    { authenticationData: Uint8Array.of(1) },
    TypeError,
    "authenticationData",
  ],
  ["a connectTimeout of 0", { connectTimeout: 0 }, RangeError, "connectTimeout"],
  ["a connectTimeout that is no number", { connectTimeout: NaN }, RangeError, "connectTimeout"],
  ["a pingTimeout below 0", { pingTimeout: -1 }, RangeError, "pingTimeout"],
  ["a wrong ack", { ack: "later" }, TypeError, "ack"],
  ["a wrong topicAliases", { topicAliases: "on" }, TypeError, "topicAliases"],
  ["a wrong sendQueue.whenFull", { sendQueue: { whenFull: "wait" } }, TypeError, "whenFull"],
  ["a sendQueue of no messages", { sendQueue: { messages: 0 } }, RangeError, "messages"],
  ["a receiveQueue of no bytes", { receiveQueue: { bytes: 0 } }, RangeError, "bytes"],
  ["a reconnect factor of 0", { reconnect: { factor: 0 } }, RangeError, "factor"],
  [
    "a session that is none",
    { session: { ...SAVED, unreleased: [0] } },
    TypeError,
    "Packet Identif",
  ],
];

for (const [what, options, error, says] of MISTAKES) {
  test(`connect() refuses ${what} before anything is dialled`, async (world) => {
    assertThrows(() => world.client(options as ConnectOptions), error, says);
    await world.expectNoPeer();
    assertStrictEquals(world.dialled.length, 0);
  });
}

for (
  const [url, says] of [
    ["server", "not the URL"],
    ["http://server", "Unknown scheme http://"],
    ["ws://server/mqtt#part", "no fragment"],
    ["mqtts://server/topic", "must end after the port"],
    ["mqtt+unix://server/run/mqtt.sock", "the path of a Unix socket"],
    ["mqtt+unix:///", "the path of a Unix socket"],
    ["unix:///run/mqtt.sock?a", "ends after the path"],
    ["mqtt+unix:///run/100%", "% in its path"],
    ["mqtt://server/topic", "must end after the port"],
    ["mqtt://server:0", "port"],
    ["mqtt://", "not the URL"],
  ] as const
) {
  Deno.test(`connect() refuses the URL ${url}`, () => {
    const world = new TestWorld();
    assertThrows(() => new Client(world, url, {}), TypeError, says);
    assertThrows(() => new Client(world, ["mqtt://a", url], {}), TypeError, says);
  });
}

Deno.test("connect() refuses a list without URL, and shows no password of one that is wrong", () => {
  const world = new TestWorld();
  assertThrows(() => new Client(world, [], {}), TypeError, "needs the URL of at least");
  const error = assertThrows(() => new Client(world, "mqtt//user:secret@host", {}), TypeError);
  assertStrictEquals(error.message.includes("secret"), false);
});

test("connect() refuses credentials that no CONNECT can carry, and dials nobody", async (world) => {
  const credentials = () => ({ password: 1234 as never });
  const client = world.client({ credentials });
  const started = await outcome(client.start());
  assertStrictEquals(started.status, "rejected");
  assertInstanceOf(started.status === "rejected" && started.reason, TypeError);
  assertStrictEquals(client.state, "closed");
});
