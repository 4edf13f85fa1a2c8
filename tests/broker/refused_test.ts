// onRefused(): which connections are refused, and why.

import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { type BrokerOptions, type Refusal, serve } from "../../src/broker/mod.ts";
import { ReasonCode } from "../../src/packets/mod.ts";
import { bytesOf } from "../hex.ts";
import { bytesOfText, type Client } from "./client.ts";
import { World } from "./world.ts";

/** A world, and what `onRefused` is told in it. */
function worldWith(options: BrokerOptions = {}): { world: World; refusals: Refusal[] } {
  const refusals: Refusal[] = [];
  const onRefused = (refusal: Refusal) => void refusals.push(refusal);
  return { world: new World({ ...options, onRefused }), refusals };
}

/** What a client does, and why it is refused. */
const REFUSED: readonly {
  readonly who: string;
  readonly does: (client: Client) => Promise<void>;
  readonly options?: BrokerOptions;
  readonly why: Refusal["why"];
  readonly message: RegExp;
  readonly reasonCode?: number;
  readonly clientId?: string;
}[] = [
  {
    who: "A client of MQTT 3.1.1",
    options: { versions: [5] },
    does: (client) => client.sendBytes(bytesOf("10 0D 00044D515454 04 02 003C 0001 63")),
    why: "version",
    message: /^the client speaks MQTT 3\.1\.1, and this broker MQTT 5\.0 only$/,
    reasonCode: 0x84,
  },
  {
    who: "A client of MQTT 3.1",
    options: { versions: [5] },
    does: (client) => client.sendBytes(bytesOf("10 0F 00064D5149736470 03 02 003C 0001 63")),
    why: "version",
    message: /^the client speaks MQTT 3\.1, /,
    reasonCode: 0x84,
  },
  {
    who: "A bridge of MQTT 3.1.1",
    options: { versions: [5] },
    does: (client) => client.sendBytes(bytesOf("10 0D 00044D515454 84 02 003C 0001 63")),
    why: "version",
    message: /^the client speaks MQTT 3\.1\.1, /,
    reasonCode: 0x84,
  },
  {
    who: "A client of MQTT 6",
    does: (client) => client.sendBytes(bytesOf("10 0E 00044D515454 06 02 003C 00 0001 63")),
    why: "version",
    message: /^the client speaks version 6 of MQTT, /,
    reasonCode: 0x84,
  },
  ...["GET / HTTP/1.1\r\n\r\n", `POST /a HTTP/1.1\r\nHost: ${"x".repeat(100)}\r\n\r\n`].map(
    (request) => ({
      who: `A client with ${request.slice(0, 5)}`,
      does: (client: Client) => client.sendBytes(bytesOfText(request)),
      why: "not MQTT" as const,
      message: /^the client speaks HTTP, not MQTT$/,
    }),
  ),
  {
    who: "A client of TLS",
    does: (client) => client.sendBytes(bytesOf("16 03 01 00 05 01 00 00 01 03")),
    why: "not MQTT",
    message: /^the client speaks TLS, not MQTT$/,
  },
  {
    who: "A client of SSH",
    does: (client) => client.sendBytes(bytesOfText("SSH-2.0-OpenSSH\r\n")),
    why: "not MQTT",
    message: /^the client did not begin with CONNECT$/,
  },
  {
    who: "A client that begins with PINGREQ",
    does: (client) => client.send({ type: "pingreq" }),
    why: "not MQTT",
    message: /^the client did not begin with CONNECT$/,
  },
  {
    who: "A client with wrong credentials",
    options: { authenticate: () => ReasonCode.badUserNameOrPassword },
    does: (client) => client.sendConnect("c", { username: "u" }),
    why: "credentials",
    message: /^Bad User Name or Password \(0x86\)$/,
    reasonCode: 0x86,
    clientId: "c",
  },
  {
    who: "A client that is not authorized",
    options: { authenticate: () => Promise.resolve(false) },
    does: (client) => client.sendConnect("c"),
    why: "credentials",
    message: /^Not authorized \(0x87\)$/,
    reasonCode: 0x87,
    clientId: "c",
  },
  {
    who: "A client with an Authentication Method that the broker does not know",
    does: (client) => client.sendConnect("c", { properties: { authenticationMethod: "x" } }),
    why: "credentials",
    message: /^Bad authentication method \(0x8C\)$/,
    reasonCode: 0x8c,
    clientId: "c",
  },
  {
    who: "A client beyond the limit of connections",
    options: { limits: { connections: 1 } },
    does: (client) => client.sendConnect("c"),
    why: "limit",
    message: /^Server busy \(0x89\): The server is at its connection limit$/,
    reasonCode: 0x89,
  },
  {
    who: "A client with too large a CONNECT",
    options: { limits: { connectBytes: 1024 } },
    does: (client) => client.sendConnect("c".repeat(2000)),
    why: "limit",
    message: /^CONNECT Remaining Length /,
    reasonCode: 0x95,
  },
  {
    who: "A client that takes no packet as large as CONNACK",
    does: (client) => client.sendConnect("c", { properties: { maximumPacketSize: 5 } }),
    why: "limit",
    message: /^the client's Maximum Packet Size leaves no room for CONNACK$/,
    clientId: "c",
  },
  {
    who: "A client with a broken CONNECT",
    does: (client) => client.sendBytes(bytesOf("10 0E 00044D515454 05 01 0000 00 0001 63")),
    why: "malformed",
    message: /^CONNECT Reserved at byte 9 is 1 \[MQTT-3\.1\.2-3\] \(§3\.1\.2\.3\)$/,
    reasonCode: 0x81,
  },
  {
    who: "A client with a Will that the broker does not offer",
    options: { maximumQoS: 0 },
    does: (client) => client.sendConnect("c", { will: { topic: "w", qos: 1 } }),
    why: "not supported",
    message: /^QoS not supported \(0x9B\)$/,
    reasonCode: 0x9b,
    clientId: "c",
  },
  {
    who: "A client that a hook sends elsewhere",
    options: { authenticate: () => ReasonCode.useAnotherServer },
    does: (client) => client.sendConnect("c"),
    why: "unavailable",
    message: /^Use another server \(0x9C\)$/,
    reasonCode: 0x9c,
    clientId: "c",
  },
];

for (const { who, does, options, why, message, reasonCode, clientId } of REFUSED) {
  Deno.test(`${who} is refused, and onRefused() is told why`, async () => {
    const { world, refusals } = worldWith(options);
    await using _ = world;
    world.open("another");
    const client = world.open("192.0.2.1:5", { listener: "mqtt://192.0.2.9:1883" });
    await does(client);
    const [refusal] = refusals;
    assertEquals([refusals.length, refusal?.why, refusal?.reasonCode], [1, why, reasonCode]);
    assertMatch(refusal!.message, message);
    const { address, listener } = refusal!;
    assertEquals([address, listener], ["192.0.2.1:5", "mqtt://192.0.2.9:1883"]);
    assertStrictEquals(refusal!.client?.clientId, clientId);
  });
}

Deno.test("Clients that send no CONNECT in time are refused, with what they seem to speak", async () => {
  const { world, refusals } = worldWith();
  await using _ = world;
  world.open("silent");
  await world.open("half").sendBytes(bytesOf("10 0E 00044D"));
  // As MQTT it is the beginning of a PUBREC with 79 bytes.
  await world.open("http").sendBytes(bytesOfText("POST / HTTP/1.1\r\n"));
  await world.advance(10_000);
  assertEquals(refusals.map(({ address, why, message }) => [address, why, message]), [
    ["silent", "timeout", "the client sent no CONNECT in time"],
    ["half", "timeout", "the client sent no CONNECT in time"],
    ["http", "not MQTT", "the client speaks HTTP, not MQTT"],
  ]);
});

Deno.test("What a client speaks is told by its first bytes, not by those that follow", async () => {
  const { world, refusals } = worldWith();
  await using _ = world;
  const client = world.open();
  await client.sendBytes(bytesOf("10 14 00044D515454 05 01 0000 00 0007"));
  await client.sendBytes(bytesOfText("GET / x"));
  assertEquals(refusals.map(({ why }) => why), ["malformed"]);
});

Deno.test("Who goes away by itself is not refused, nor is who was accepted", async () => {
  const { world, refusals } = worldWith();
  await using _ = world;
  await world.open().cut();
  const half = world.open();
  await half.sendBytes(bytesOf("10 0E 00044D"));
  await half.cut();
  const client = await world.connect("c");
  await client.sendBytes(bytesOf("F0 00"));
  client.expectDisconnect(0x82);
  await (await world.connect("d")).disconnect();
  assertEquals(refusals, []);
});

Deno.test("An onRefused() that fails is reported, and stops nothing", async () => {
  const errors: unknown[] = [];
  await using world = new World({
    onRefused: () => {
      throw new Error("oops");
    },
    onError: (_, { what }) => void errors.push(what),
  });
  await world.open().sendBytes(bytesOf("F0 00"));
  assertEquals(errors, ["onRefused"]);
  await world.connect("c");
});

Deno.test("A connection that there is no room for is refused at once", async () => {
  const refusals: Refusal[] = [];
  await using broker = await serve({
    listeners: [],
    limits: { memory: 1 },
    onRefused: (refusal) => void refusals.push(refusal),
  });
  const transport = broker.connect();
  assertStrictEquals(await transport.read().catch(() => undefined), undefined);
  assertEquals(refusals.map(({ why, address, message }) => [why, address, message]), [
    ["limit", "memory", "the broker has no room for another connection"],
  ]);
});
