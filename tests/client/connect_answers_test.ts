// What a server may say, or do, where a CONNACK belongs: connect() rejects with it, and the connection is closed.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type CloseKind, ConnectionClosedError } from "../../src/errors.ts";
import type { Peer } from "./peer.ts";
import { test } from "./world.ts";

/** The answers of servers of MQTT 3 that refuse, in the two forms that there are. */
const OLDER = [
  "unacceptable protocol version",
  "identifier rejected",
  "server unavailable",
  "bad user name or password",
  "not authorized",
].flatMap((meaning, index) => [
  [index + 1, meaning, `20 02 00 0${index + 1}`] as const,
  [index + 1, meaning, `20 03 00 0${index + 1} 00`] as const,
]);

type Answer = readonly [
  what: string,
  answer: (peer: Peer) => void,
  kind: CloseKind,
  says: string,
  reasonCode?: number,
];

/** What a server may do instead of a proper answer. */
const ANSWERS: readonly Answer[] = [
  ["closes", (peer) => peer.close(), "transient", "closed the connection without an answer"],
  ["is cut off", (peer) => peer.far.cut(new Error("reset")), "transient", "reset"],
  ...OLDER.map(([code, meaning, hex]): Answer => [
    `answers ${hex} as MQTT 3 does`,
    (peer) => peer.sendHex(hex),
    "configuration",
    "server:1883 speaks an older version of MQTT, not 5.0: its CONNACK Connect Reason Code is " +
    `${code}, a return code of MQTT 3 (${meaning})`,
    0x84,
  ]),
  [
    "answers with a Reason Code of MQTT 5.0 in the form of MQTT 3",
    (peer) => peer.sendHex("20 02 00 84"),
    "configuration",
    "server:1883 speaks an older version of MQTT, not 5.0: its CONNACK Connect Reason Code is " +
    "132, in the form of MQTT 3, without properties",
    0x84,
  ],
  [
    "closes in the middle of its CONNACK",
    (peer) => {
      peer.sendHex("20 03 00");
      peer.close();
    },
    "transient",
    "closed",
  ],
  ["sends garbage", (peer) => peer.sendHex("48 54 54 50 2F 31"), "protocol", "violated", 0x81],
  [
    "sends a PUBLISH first",
    (peer) => peer.sendHex("30 04 0001 61 00"),
    "protocol",
    "CONNACK",
    0x82,
  ],
  ["sends a CONNECT", (peer) => peer.send({ type: "connect" }), "protocol", "CONNACK", 0x82],
  ["sends a PINGRESP first", (peer) => peer.sendHex("D0 00"), "protocol", "CONNACK", 0x82],
  [
    "sends AUTH unasked",
    (peer) => {
      peer.send({ type: "auth", reasonCode: 0x18, properties: { authenticationMethod: "m" } });
    },
    "protocol",
    "Authentication Method",
    0x82,
  ],
  [
    "says Session Present to a new session",
    (peer) => peer.send({ type: "connack", sessionPresent: true }),
    "protocol",
    "Session Present",
    0x82,
  ],
  [
    "says Response Information unasked",
    (peer) => peer.send({ type: "connack", properties: { responseInformation: "a" } }),
    "protocol",
    "Response Information",
    0x82,
  ],
  [
    "takes no packet of a useful size",
    (peer) => peer.send({ type: "connack", properties: { maximumPacketSize: 4 } }),
    "protocol",
    "Maximum Packet Size",
    0x82,
  ],
];

for (const [what, answer, kind, says, reasonCode] of ANSWERS) {
  test(`connect() rejects when the server ${what} before CONNACK`, async (world) => {
    const client = world.client();
    const rejected = assertRejects(() => client.start(), ConnectionClosedError, says);
    const peer = await world.peer();
    await peer.expect("connect");
    answer(peer);
    // The client waits for the server to close, but not for ever.
    await world.clock.advance(1000);
    const error = await rejected;
    assertStrictEquals(error.kind, kind);
    assertStrictEquals(error.reasonCode, reasonCode);
    assertStrictEquals(client.state, "closed");
    await peer.takePackets();
    await peer.expectClosed();
    world.assertNothingLeft();
  });
}

test("connect() rejects when the server asks for a step of authentication that nobody takes", async (world) => {
  const started = world.client({ authenticationMethod: "SCRAM" }).start();
  const peer = await world.peer();
  await peer.expect("connect");
  const properties = { authenticationMethod: "SCRAM" };
  peer.send({ type: "auth", reasonCode: 0x18, properties });
  const error = await assertRejects(() => started, ConnectionClosedError, '"SCRAM"');
  assertStrictEquals(error.kind, "configuration");
  await peer.expectClosed();
});

test("A CONNACK behind an AUTH that nobody takes makes no connection", async (world) => {
  const client = world.client({ authenticationMethod: "SCRAM" });
  const rejected = assertRejects(() => client.start(), ConnectionClosedError, '"SCRAM"');
  const peer = await world.peer();
  const properties = { authenticationMethod: "SCRAM" };
  peer.send(
    { type: "auth", reasonCode: 0x18, properties },
    { type: "connack", properties },
  );
  await world.clock.advance(100_000);
  await rejected;
  assertStrictEquals(world.dialled.length, 1);
  assertEquals(world.told.map(({ type }) => type), ["closed"]);
});

test("A client that is told of a session that it does not have closes the connection [MQTT-3.2.2-4]", async (world) => {
  const first = world.client({ clientId: "c" });
  const rejected = assertRejects(() => first.start(), ConnectionClosedError, "no such session");
  const peer = await world.accept({ sessionPresent: true });
  assertStrictEquals((await peer.expect("disconnect")).reasonCode, 0x82);
  peer.close();
  await rejected;
  await peer.expectClosed();
});

test("A client with a Client Identifier of its own keeps it, whatever the server assigns", async (world) => {
  const properties = { assignedClientIdentifier: "somebody else" };
  const options = { clientId: "c", sessionExpiryInterval: 60 };
  const { client, peer } = await world.connected(options, { properties });
  assertStrictEquals(client.server?.clientId, "c");
  assertStrictEquals(client.server?.assignedClientIdentifier, "somebody else");
  assertStrictEquals(client.save().clientId, "c");
  peer.far.cut();
  const second = await world.peer();
  const connect = await second.accept({ sessionPresent: true, properties });
  assertStrictEquals(connect.clientId, "c");
  await world.clock.advance(0);
  assertStrictEquals(client.state, "connected");
});

test("A client says nothing between CONNECT and CONNACK, with an Authentication Method or without [MQTT-3.1.2-30]", async (world) => {
  for (const authenticationMethod of [undefined, "SCRAM"]) {
    const client = world.client({ keepAlive: 1, authenticationMethod });
    const rejected = assertRejects(() => client.start(), ConnectionClosedError);
    const peer = await world.peer();
    await peer.expect("connect");
    await world.clock.advance(29_999);
    await peer.expectNothing();
    await world.clock.advance(1);
    await rejected;
    await peer.expectClosed();
  }
});
