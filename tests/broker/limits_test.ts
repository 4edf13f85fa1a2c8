// Every limit of a broker: up to it all is well, beyond it there is the Reason Code that says so. Where a limit has more to
// it, its own file has that: sessions, queues, flow.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { BrokerLimits, BrokerOptions } from "../../src/broker/mod.ts";
import { BrokerEngine } from "../../src/broker/engine.ts";
import { handshakesWith, limitsWith } from "../../src/broker/limits.ts";
import { publishOf } from "./client.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 60 } };

function hubWith(options: BrokerOptions): BrokerEngine {
  return new BrokerEngine(options, { now: () => 0, newClientId: () => "x", warn: () => {} });
}

Deno.test("Every limit has the default that its documentation says", async () => {
  const source = new URL("../../src/broker/limits.ts", import.meta.url);
  const documented = (await Deno.readTextFile(source))
    .matchAll(/Default:[\s*]*`?([\d,]+|Infinity)[^/]*\*\/\s*readonly (\w+): number/g)
    .map(([, value, name]) => [name!, Number(value!.replaceAll(",", ""))] as const);
  assertEquals(new Map(documented), new Map(Object.entries(hubWith({}).limits)));
});

Deno.test("TLS handshakes take an eighth of the memory at most, but one is always possible", () => {
  const handshakes = (limits: Partial<BrokerLimits>) => handshakesWith(limitsWith(limits));
  assertStrictEquals(handshakes({ memory: 8 * 3 * 65_536 }), 3);
  assertStrictEquals(handshakes({ memory: 8 * 3 * 65_536 - 1 }), 2);
  assertStrictEquals(handshakes({ memory: 1 }), 1);
  assertStrictEquals(handshakes({ connections: 2 }), 2);
});

Deno.test("connections: one too many is refused with 0x89, and accepted when another has closed", async () => {
  await using world = new World({ limits: { connections: 2 } });
  const first = await world.connect("c");
  const second = await world.connect("d");
  (await world.ask("e")).expectRefusal(0x89);
  first.expectNothing();
  second.expectNothing();
  await first.disconnect();
  await world.connect("e");
});

Deno.test("connections: sessions without a connection do not count", async () => {
  await using world = new World({ limits: { connections: 1 } });
  for (const clientId of ["c", "d", "e"]) {
    const client = await world.connect(clientId, LASTING);
    await client.cut();
  }
  assertStrictEquals(world.engine.statistics.sessions, 3);
});

Deno.test("subscriptionsPerSession: one too many is refused with 0x97, one that takes the place of another is not", async () => {
  await using world = new World({ limits: { subscriptionsPerSession: 2 } });
  const client = await world.connect("c");
  const reasonCodes = await client.subscribeAll([
    { topicFilter: "a", qos: 1 },
    { topicFilter: "$share/g/a", qos: 1 },
    { topicFilter: "b", qos: 1 },
    { topicFilter: "a", qos: 2 },
  ]);
  assertEquals(reasonCodes, [1, 1, 0x97, 2]);
  await client.unsubscribe("a");
  assertStrictEquals(await client.subscribe("b"), 0);
  assertStrictEquals(await client.subscribe("c"), 0x97);
  const other = await world.connect("d");
  assertStrictEquals(await other.subscribe("c"), 0);
});

Deno.test("retainedMessages: one too many is refused with 0x97 and goes to nobody, one that takes the place of another is kept", async () => {
  await using world = new World({ limits: { retainedMessages: 2 } });
  const client = await world.connect("c");
  await client.subscribe("#");
  for (const [topic, reasonCode] of [["a", 0], ["b", 0], ["c", 0x97], ["a", 0]] as const) {
    for (const qos of [1, 2] as const) {
      assertStrictEquals(await client.publish(topic, topic, { retain: true, qos }), reasonCode);
    }
  }
  await client.publish("c", "c", { retain: true });
  assertEquals(await client.receiveTexts(), ["a", "a", "b", "b", "a", "a"]);
  await client.publish("a", "", { retain: true });
  assertStrictEquals(await client.publish("c", "c", { retain: true, qos: 1 }), 0);
  assertStrictEquals(world.engine.statistics.retained, 2);
});

Deno.test("retainedMessages: a Will that has no room to be retained goes to its subscribers all the same", async () => {
  await using world = new World({ limits: { retainedMessages: 1 } });
  const witness = await world.connect("witness");
  await witness.publish("a", "1", { retain: true });
  await witness.subscribe("will");
  const client = await world.connect("c", { will: { topic: "will", retain: true } });
  await client.cut();
  witness.expectMessage("will");
  assertStrictEquals(world.engine.statistics.retained, 1);
});

Deno.test("topicLevels: a Topic Name with one too many is refused with 0x90, a Topic Filter with 0x8F", async () => {
  await using world = new World({ limits: { topicLevels: 3 } });
  const client = await world.connect("c");
  await client.subscribe("#", { qos: 2 });
  for (const qos of [1, 2] as const) {
    assertStrictEquals(await client.publish("a/b/c", "", { qos }), 0);
    assertStrictEquals(await client.publish("//", "", { qos }), 0);
    assertStrictEquals(await client.publish("a/b/c/d", "", { qos, retain: true }), 0x90);
    assertStrictEquals(await client.publish("///", "", { qos }), 0x90);
  }
  await client.publish("a/b/c/d", "");
  assertStrictEquals((await client.receive()).length, 4);
  assertStrictEquals(world.engine.statistics.retained, 0);
  assertStrictEquals(await client.subscribe("a/+/#"), 0);
  assertStrictEquals(await client.subscribe("a/b/+/#"), 0x8f);
});

Deno.test("topicLevels: a Will with too many is refused with 0x90", async () => {
  await using world = new World({ limits: { topicLevels: 3 } });
  (await world.ask("c", { will: { topic: "a/b/c/d" } })).expectRefusal(0x90);
  await world.connect("c", { will: { topic: "a/b/c" } });
});

Deno.test("topicLevels: the levels of a Shared Subscription are those of its Topic Filter", async () => {
  await using world = new World({ limits: { topicLevels: 2 } });
  const client = await world.connect("c");
  assertStrictEquals(await client.subscribe("$share/g/a/b"), 0);
  assertStrictEquals(await client.subscribe("$share/g/a/b/c"), 0x8f);
});

Deno.test("connectTimeout: a client that sends no CONNECT in time is disconnected without a packet", async () => {
  await using world = new World({ limits: { connectTimeout: 700 } });
  const client = world.open();
  await client.sendBytes(Uint8Array.of(0x10, 0x0d, 0));
  await world.advance(699);
  client.expectNothing();
  await world.advance(1);
  client.expectClosed();
});

Deno.test("connectTimeout: the time of a hook does not count", async () => {
  await using world = new World({
    limits: { connectTimeout: 700, hookTimeout: 10_001 },
    authenticate: () => new Promise((resolve) => answers.push(() => resolve(true))),
  });
  const answers: (() => void)[] = [];
  const client = await world.ask("c");
  await world.advance(10_000);
  answers[0]!();
  await world.settle();
  client.expect("connack");
  await world.advance(10_000);
  client.expectNothing();
});

Deno.test("receiveMaximum, maximumPacketSize, topicAliasMaximum: they are in CONNACK, and a client that exceeds them is disconnected", async () => {
  const limits = { receiveMaximum: 1, maximumPacketSize: 50, topicAliasMaximum: 1 };
  await using world = new World({ limits });
  const { connack } = await world.join("c");
  assertEquals(connack.properties, {
    receiveMaximum: 1,
    maximumPacketSize: 50,
    topicAliasMaximum: 1,
  });
  for (
    const [packet, reasonCode] of [
      [publishOf("a", "x".repeat(50)), 0x95],
      [publishOf("a", "", { properties: { topicAlias: 2 } }), 0x94],
    ] as const
  ) {
    const client = await world.connect("c");
    await client.send(packet);
    client.expectDisconnect(reasonCode);
  }
});

Deno.test("Limits that are absent or undefined have their defaults", () => {
  const { limits } = hubWith({ limits: { connections: 5, queuedMessages: undefined! } });
  assertStrictEquals(limits.connections, 5);
  assertStrictEquals(limits.maximumPacketSize, 16_777_216);
  assertStrictEquals(limits.sessionExpiryInterval, 604_800);
  assertStrictEquals(limits.queuedMessages, 10_000);
});

const LEAST: Readonly<Record<keyof BrokerLimits, number>> = {
  memory: 1,
  connections: 1,
  connectionsPerAddress: 1,
  loginDelay: 0,
  messagesPerSecond: 1,
  bytesPerSecond: 1,
  connectBytes: 1,
  sessions: 1,
  sessionBytes: 1,
  subscriptionBytes: 1,
  retainedBytes: 1,
  maximumPacketSize: 1,
  sessionExpiryInterval: 0,
  queuedMessages: 1,
  queuedBytes: 1,
  retainedMessages: 1,
  subscriptionsPerSession: 1,
  filtersPerPacket: 1,
  userPropertiesPerPacket: 1,
  topicLevels: 1,
  connectTimeout: 1,
  hookTimeout: 1,
  receiveMaximum: 1,
  topicAliasMaximum: 0,
};

for (const [name, least] of Object.entries(LEAST)) {
  Deno.test(`The limit ${name} must be a number of at least ${least}`, () => {
    assertStrictEquals(
      hubWith({ limits: { [name]: least } }).limits[name as keyof BrokerLimits],
      least,
    );
    for (const value of [least - 1, -1, NaN, -Infinity]) {
      assertThrows(() => hubWith({ limits: { [name]: value } }), RangeError, `limits.${name}`);
    }
    for (const value of ["5", null, true, 5n, {}]) {
      assertThrows(
        () => hubWith({ limits: { [name]: value as number } }),
        TypeError,
        `limits.${name}`,
      );
    }
  });
}

Deno.test("serve() rejects an unknown limit", () => {
  assertThrows(
    () => hubWith({ limits: { conections: 5 } as Partial<BrokerLimits> }),
    TypeError,
    'Unknown limit "conections"',
  );
});

for (
  const [limits, error] of [
    [{ receiveMaximum: 65_536 }, RangeError],
    [{ receiveMaximum: 1.5 }, RangeError],
    [{ receiveMaximum: Infinity }, RangeError],
    [{ topicAliasMaximum: 65_536 }, RangeError],
    [{ topicAliasMaximum: 0.5 }, RangeError],
    [{ maximumPacketSize: 4_294_967_296 }, RangeError],
    [{ maximumPacketSize: 10.5 }, RangeError],
    [{ maximumPacketSize: Infinity }, RangeError],
    [{ sessionExpiryInterval: 0.5 }, RangeError],
  ] as const
) {
  Deno.test(`serve() rejects a limit that CONNACK cannot express: ${JSON.stringify(limits)}`, () => {
    assertThrows(() => hubWith({ limits }), error, Object.keys(limits)[0]!);
  });
}

for (
  const [options, error] of [
    [{ maximumQoS: 3 }, RangeError],
    [{ maximumQoS: "1" }, TypeError],
    [{ retainAvailable: 1 }, TypeError],
    [{ wildcardSubscriptionAvailable: "no" }, TypeError],
    [{ subscriptionIdentifierAvailable: null }, TypeError],
    [{ sharedSubscriptionAvailable: 0 }, TypeError],
    [{ serverKeepAlive: 65_536 }, RangeError],
    [{ serverKeepAlive: -1 }, RangeError],
    [{ serverKeepAlive: 1.5 }, RangeError],
    [{ maximumKeepAlive: 0 }, RangeError],
    [{ maximumKeepAlive: 65_536 }, RangeError],
    [{ maximumKeepAlive: 1.5 }, RangeError],
    [{ maximumKeepAlive: "30" }, TypeError],
    [{ maximumKeepAlive: 30, serverKeepAlive: 30 }, TypeError],
    [{ allowPublishToSys: "yes" }, TypeError],
    [{ responseInformation: "\uD800" }, TypeError],
    [{ responseInformation: 5 }, TypeError],
    [{ overlapping: "none" }, TypeError],
    [{ topicAliases: "manual" }, TypeError],
    [{ limits: null }, TypeError],
    [{ authenticate: "always" }, TypeError],
    [{ onMessage: {} }, TypeError],
    [{ onError: true }, TypeError],
  ] as const
) {
  Deno.test(`serve() rejects an invalid option: ${Deno.inspect(options)}`, () => {
    assertThrows(
      () => hubWith(options as unknown as BrokerOptions),
      error,
      Object.keys(options)[0]!,
    );
  });
}

Deno.test("A limit of Infinity is no limit, where CONNACK does not need it", () => {
  const limits = {
    connections: Infinity,
    sessionExpiryInterval: Infinity,
    queuedMessages: Infinity,
    queuedBytes: Infinity,
    retainedMessages: Infinity,
    subscriptionsPerSession: Infinity,
    filtersPerPacket: Infinity,
    userPropertiesPerPacket: Infinity,
    topicLevels: Infinity,
    connectTimeout: Infinity,
    hookTimeout: Infinity,
  };
  assertEquals({ ...hubWith({ limits }).limits, ...limits }, hubWith({ limits }).limits);
});
