// A caller's mistakes: refused before anything is sent, with an error that names them. None costs the connection anything.

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import type { ConnectOptions } from "../../src/client/options.ts";
import type { PublishOptions } from "../../src/client/publish_options.ts";
import type { Connack } from "./peer.ts";
import { test, type TestWorld } from "./world.ts";

/** One mistake. */
interface Mistake {
  readonly what: string;
  readonly topic?: unknown;
  readonly payload?: unknown;
  readonly options?: object;
  readonly error: typeof TypeError | typeof RangeError;
  readonly says: string;
}

/** Mistakes with any server, or with none at all. */
const MISTAKES: readonly Mistake[] = [
  { what: "an empty topic", topic: "", error: TypeError, says: "opic" },
  { what: "a topic that is no string", topic: 5, error: TypeError, says: "opic" },
  { what: "a topic with +", topic: "a/+", error: TypeError, says: "wildcard" },
  { what: "a topic with #", topic: "#", error: TypeError, says: "wildcard" },
  { what: "a topic with U+0000", topic: "a\0", error: TypeError, says: "U+0000" },
  { what: "a topic with a lone surrogate", topic: "\ud800", error: TypeError, says: "surrogate" },
  { what: "a topic that is too long", topic: "a".repeat(65_536), error: RangeError, says: "65" },
  { what: "a payload that is a number", payload: 21.5, error: TypeError, says: "payload" },
  { what: "a payload that is undefined", payload: undefined, error: TypeError, says: "payload" },
  {
    what: "a payload that is a buffer",
    payload: new ArrayBuffer(1),
    error: TypeError,
    says: "pay",
  },
  { what: "QoS 3", options: { qos: 3 }, error: RangeError, says: "qos" },
  { what: "a QoS that is a string", options: { qos: "1" }, error: TypeError, says: "qos" },
  { what: "a retain that is no boolean", options: { retain: 1 }, error: TypeError, says: "retain" },
  { what: "an unknown option", options: { reatin: true }, error: TypeError, says: "reatin" },
  { what: "dup", options: { dup: true }, error: TypeError, says: "dup" },
  {
    what: "a Subscription Identifier [MQTT-3.3.4-6]",
    options: { subscriptionIdentifiers: [1] },
    error: TypeError,
    says: "subscriptionIdentifiers",
  },
  {
    what: "a Message Expiry Interval below 0",
    options: { messageExpiryInterval: -1 },
    error: RangeError,
    says: "messageExpiryInterval",
  },
  {
    what: "a Message Expiry Interval that is no number",
    options: { messageExpiryInterval: "60" },
    error: TypeError,
    says: "messageExpiryInterval",
  },
  {
    what: "a Payload Format Indicator of 2",
    options: { payloadFormatIndicator: 2 },
    error: RangeError,
    says: "payloadFormatIndicator",
  },
  {
    what: "a Response Topic with a wildcard",
    options: { responseTopic: "a/#" },
    error: TypeError,
    says: "responseTopic",
  },
  {
    what: "Correlation Data that are no bytes",
    options: { correlationData: "id" },
    error: TypeError,
    says: "correlationData",
  },
  {
    what: "User Properties that are no pairs",
    options: { userProperties: { a: "b" } },
    error: TypeError,
    says: "userProperties",
  },
  {
    what: "a Topic Alias, which is off",
    options: { topicAlias: 1 },
    error: TypeError,
    says: "topicAlias",
  },
];

/** Publishes in a state of the client; the mistake is refused in each. */
async function refuses(world: TestWorld, mistake: Mistake, offline: boolean): Promise<void> {
  const { topic = "a", options = {}, error, says } = mistake;
  const payload = "payload" in mistake ? mistake.payload : "";
  const { client, peer } = await world.connected();
  if (offline) peer.far.cut();
  await peer.takePackets();
  for (const qos of [0, 1, 2] as const) {
    await assertRejects(
      () => client.publish(topic as string, payload as string, { qos, ...options }),
      error,
      says,
    );
  }
  const next = offline ? await world.accept() : peer;
  await next.expectNothing();
  assertStrictEquals(client.state, "connected");
}

for (const mistake of MISTAKES) {
  test(`publish() refuses ${mistake.what}`, (world) => refuses(world, mistake, false));
  if (mistake.what.includes("Topic Alias")) continue;
  test(`publish() refuses ${mistake.what}, without connection, too`, (world) =>
    refuses(world, mistake, true));
}

/** What a server does not take. */
const UNAVAILABLE: readonly (readonly [
  what: string,
  connack: Connack["properties"],
  options: PublishOptions,
  connect: ConnectOptions,
  error: typeof TypeError | typeof RangeError,
  says: string,
])[] = [
  [
    "a QoS above its Maximum QoS [MQTT-3.2.2-11]",
    { maximumQoS: 1 },
    { qos: 2 },
    {},
    RangeError,
    "2",
  ],
  ["any QoS but 0 [MQTT-3.2.2-11]", { maximumQoS: 0 }, { qos: 1 }, {}, RangeError, "qos"],
  [
    "retained messages [MQTT-3.2.2-14]",
    { retainAvailable: false },
    { retain: true },
    {},
    TypeError,
    "retain",
  ],
  [
    "a packet so large [MQTT-3.2.2-15]",
    { maximumPacketSize: 50 },
    { qos: 1, contentType: "x".repeat(50) },
    {},
    RangeError,
    "50",
  ],
  [
    "so high a Topic Alias [MQTT-3.3.2-9]",
    { topicAliasMaximum: 3 },
    { topicAlias: 4 },
    { topicAliases: "manual" },
    RangeError,
    "topicAlias",
  ],
];

for (const [what, properties, options, connect, error, says] of UNAVAILABLE) {
  test(`publish() refuses at once what this server does not take: ${what}`, async (world) => {
    const { client, peer } = await world.connected(connect, { properties });
    await assertRejects(() => client.publish("a", "", options), error, says);
    await peer.expectNothing();
  });

  if ("topicAlias" in options) continue;
  test(`publish() rejects what was published without connection when the server does not take it: ${what}`, async (world) => {
    const { client, peer } = await world.connected(connect);
    peer.far.cut();
    await peer.takePackets();
    const published = client.publish("a", "", options).catch((error) => error);
    const good = client.publish("good", "");
    const second = await world.accept({ properties });
    assertInstanceOf(await published, error);
    await good;
    assertStrictEquals((await second.expect("publish")).topic, "good");
    await second.expectNothing();
  });
}

test("publish() refuses at QoS 0 a message that is one byte larger than the server takes, and sends one that is not [MQTT-3.2.2-15]", async (world) => {
  const { client, peer } = await world.connected({}, { properties: { maximumPacketSize: 20 } });
  await client.publish("a", new Uint8Array(14));
  await assertRejects(() => client.publish("a", new Uint8Array(15)), RangeError, "21");
  assertStrictEquals((await peer.expect("publish")).payload.length, 14);
  await peer.expectNothing();
});

test("A mistake leaves no trace: the next message has the first Packet Identifier that is free", async (world) => {
  const { client, peer } = await world.connected();
  for (const { topic = "a", options } of MISTAKES) {
    const publish = () => client.publish(topic as string, 1 as never, { qos: 1, ...options });
    await assertRejects(publish, Error);
  }
  const options = Object.freeze({ qos: 1, contentType: "x" } as const);
  void client.publish("a", "", options).catch(() => {});
  assertEquals((await peer.expect("publish")).packetId, 1);
  assertEquals(client.save().inFlight.length, 1);
});
