// §3.1 CONNECT and §3.2 CONNACK: who is let in, as whom, and what it is told.

import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { bytesOf } from "../hex.ts";
import { publishOf } from "./client.ts";
import { World } from "./world.ts";

const CONNECT = "10 0E 00044D515454 05 00 0000 00 0001 63";

Deno.test("A client is accepted with exactly one CONNACK, which is the first packet it receives [MQTT-3.1.4-5] [MQTT-3.2.0-1] [MQTT-3.2.0-2]", async () => {
  await using world = new World();
  const client = await world.ask("c");
  const { reasonCode, sessionPresent } = client.expect("connack");
  assertStrictEquals(reasonCode, 0x00);
  assertStrictEquals(sessionPresent, false);
  await client.publish("a", "1", { qos: 2 });
  await world.advance(3_600_000);
  client.expectNothing();
});

Deno.test("CONNACK contains the broker's limits, but no property that has its default value", async () => {
  await using world = new World();
  const { connack } = await world.join("c");
  assertEquals(connack.properties, {
    receiveMaximum: 1000,
    topicAliasMaximum: 64,
    maximumPacketSize: 16_777_216,
  });
});

Deno.test("CONNACK contains what the options grant and limit [MQTT-3.2.2-9]", async () => {
  await using world = new World({
    maximumQoS: 1,
    retainAvailable: false,
    wildcardSubscriptionAvailable: false,
    subscriptionIdentifierAvailable: false,
    sharedSubscriptionAvailable: false,
    serverKeepAlive: 30,
    limits: {
      receiveMaximum: 5,
      topicAliasMaximum: 6,
      maximumPacketSize: 777,
      sessionExpiryInterval: 100,
    },
  });
  const { connack } = await world.join("c", { properties: { sessionExpiryInterval: 101 } });
  assertEquals(connack.properties, {
    maximumQoS: 1,
    retainAvailable: false,
    wildcardSubscriptionAvailable: false,
    subscriptionIdentifierAvailable: false,
    sharedSubscriptionAvailable: false,
    serverKeepAlive: 30,
    receiveMaximum: 5,
    topicAliasMaximum: 6,
    maximumPacketSize: 777,
    sessionExpiryInterval: 100,
  });
});

Deno.test("CONNACK does not mention options that restrict nothing [MQTT-3.2.2-9]", async () => {
  await using world = new World({
    maximumQoS: 2,
    retainAvailable: true,
    wildcardSubscriptionAvailable: true,
    subscriptionIdentifierAvailable: true,
    sharedSubscriptionAvailable: true,
  });
  const { connack } = await world.join("c");
  assertEquals(Object.keys(connack.properties).length, 3);
});

Deno.test("Client Identifiers of 1 to 23 letters and digits are accepted, and so are others [MQTT-3.1.3-5]", async () => {
  await using world = new World();
  const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (const clientId of letters) await world.connect(clientId);
  for (let length = 1; length <= 23; length++) {
    for (let from = 0; from + length <= letters.length; from += 20) {
      await world.connect(letters.slice(from, from + length));
    }
  }
  for (const clientId of ["x".repeat(65_535), "é/+#$ ", "\u{1F600}"]) {
    await world.connect(clientId);
  }
  assert(world.engine.statistics.clients > 100);
});

Deno.test("A client without a Client Identifier is assigned one that it can use again later [MQTT-3.1.3-6] [MQTT-3.1.3-7]", async () => {
  await using world = new World();
  const lasting = { properties: { sessionExpiryInterval: 60 } };
  const { client, connack } = await world.join("", lasting);
  const { assignedClientIdentifier } = connack.properties;
  assertStrictEquals(assignedClientIdentifier, "given-1");
  await client.subscribe("a", { qos: 1 });
  await client.cut();
  const { connack: again } = await world.join("given-1", lasting);
  assertStrictEquals(again.sessionPresent, true);
  assertStrictEquals(again.properties.assignedClientIdentifier, undefined);
});

Deno.test("A client with a Client Identifier is not assigned one", async () => {
  await using world = new World();
  const { connack } = await world.join("c");
  assert(!("assignedClientIdentifier" in connack.properties));
});

Deno.test("An assigned Client Identifier does not belong to any session, connected or not [MQTT-3.2.2-16]", async () => {
  await using world = new World();
  world.names.push("here", "gone", "free");
  await world.connect("here");
  const gone = await world.connect("gone", { properties: { sessionExpiryInterval: 60 } });
  await gone.cut();
  const { connack } = await world.join("");
  assertStrictEquals(connack.properties.assignedClientIdentifier, "free");
  assertStrictEquals(world.engine.statistics.sessions, 3);
  const { connack: other } = await world.join("");
  assertNotStrictEquals(other.properties.assignedClientIdentifier, "free");
});

for (
  const [what, hex, reasonCode, statement] of [
    ["of another version", "10 0D 00044D515454 06 00 0000 00 0000", 0x84, "MQTT-3.1.2-2"],
    ["with its reserved flag set", "10 0D 00044D515454 05 01 0000 00 0000", 0x81, "MQTT-3.1.4-1"],
    [
      "with a property twice",
      "10 11 00044D515454 05 00 0000 04 1901 1901 0000",
      0x82,
      "MQTT-3.1.4-1",
    ],
  ] as const
) {
  Deno.test(`A client whose CONNECT is one ${what} is refused, and the connection is closed [${statement}] [MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-3.14.0-1]`, async () => {
    await using world = new World();
    const client = world.open();
    await client.sendBytes(bytesOf(hex));
    client.expectRefusal(reasonCode);
  });
}

for (const [what, hex] of [["PUBLISH", "30 04 0001 61 00"], ["nonsense", "00 00"]] as const) {
  Deno.test(`A connection that begins with ${what} is closed without a packet [MQTT-3.14.0-1]`, async () => {
    await using world = new World();
    const client = world.open();
    await client.sendBytes(bytesOf(hex));
    client.expectClosed();
    assertStrictEquals(world.engine.statistics.clients, 0);
  });
}

Deno.test("A second CONNECT ends the connection [MQTT-3.1.0-2] [MQTT-4.13.1-1]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.sendBytes(bytesOf(CONNECT));
  client.expectDisconnect(0x82);
  assertStrictEquals(world.engine.statistics.clients, 0);
});

for (
  const [what, hex, reasonCode] of [
    ["that cannot be parsed", "82 05 0000000000", 0x82],
    ["of QoS 3", "36 06 0001 61 0001 00", 0x81],
    ["with a Topic Alias of 0", "30 07 0001 61 03 23 0000", 0x94],
    ["that only a server sends", "20 03 00 00 00", 0x82],
    ["with a Subscription Identifier", "30 06 0001 61 02 0B 01", 0x82],
  ] as const
) {
  Deno.test(`A packet ${what} ends the connection, and the Will is published [MQTT-4.13.1-1]`, async () => {
    await using world = new World();
    const witness = await world.connect("witness");
    await witness.subscribe("will");
    const client = await world.connect("c", { will: { topic: "will" } });
    await client.sendBytes(bytesOf(hex));
    client.expectDisconnect(reasonCode);
    witness.expectMessage("will");
  });
}

Deno.test("A client is refused with the Reason Code of the hook, and the connection is closed [MQTT-3.1.4-2] [MQTT-3.1.3-8] [MQTT-3.2.2-6] [MQTT-3.2.2-7]", async () => {
  await using world = new World({
    authenticate: ({ clientId }) =>
      clientId === "odd" ? 0x85 : clientId === "unknown" ? 0x86 : true,
  });
  (await world.ask("odd")).expectRefusal(0x85);
  (await world.ask("unknown")).expectRefusal(0x86);
  await world.connect("c");
  assertStrictEquals(world.engine.statistics.clients, 1);
  assertStrictEquals(world.engine.statistics.sessions, 1);
});

Deno.test("Packets of a refused client are not processed [MQTT-3.1.4-6]", async () => {
  await using world = new World({ authenticate: ({ clientId }) => clientId !== "bad" });
  const witness = await world.connect("witness");
  await witness.subscribe("#");
  const client = world.open();
  await client.send(
    { type: "connect", clientId: "bad", will: { topic: "will" } },
    publishOf("a", "1", { retain: true }),
    { type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a" }] },
  );
  client.expectRefusal(0x87);
  witness.expectNothing();
  const { memory: _, ...counts } = world.engine.statistics;
  assertEquals(counts, {
    clients: 1,
    sessions: 1,
    subscriptions: 1,
    retained: 0,
    dropped: 0,
  });
});

Deno.test("Packets sent right after CONNECT are processed once the client is accepted", async () => {
  await using world = new World();
  const witness = await world.connect("witness");
  await witness.subscribe("#");
  const client = world.open();
  await client.send({ type: "connect", clientId: "c" }, publishOf("a", "1"), { type: "pingreq" });
  client.expect("connack");
  client.expect("pingresp");
  witness.expectMessage("a", "1");
});

Deno.test("Every PINGREQ is answered [MQTT-3.12.4-1]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.send({ type: "pingreq" }, { type: "pingreq" });
  client.expect("pingresp");
  client.expect("pingresp");
  client.expectNothing();
});

for (
  const [what, options, will, reasonCode, statement] of [
    ["QoS 1 where there is but QoS 0", { maximumQoS: 0 }, { qos: 1 }, 0x9b, "MQTT-3.2.2-12"],
    ["QoS 2 where there is but QoS 1", { maximumQoS: 1 }, { qos: 2 }, 0x9b, "MQTT-3.2.2-12"],
    [
      "RETAIN where nothing is retained",
      { retainAvailable: false },
      { retain: true },
      0x9a,
      "MQTT-3.2.2-13",
    ],
  ] as const
) {
  Deno.test(`A client whose Will has ${what} is refused [${statement}] [MQTT-3.2.2-7]`, async () => {
    await using world = new World(options);
    const client = await world.ask("c", { will: { topic: "w", ...will } });
    client.expectRefusal(reasonCode);
    assertStrictEquals(world.engine.statistics.sessions, 0);
    await world.connect("c", { will: { topic: "w" } });
  });
}

Deno.test("A client that sends no CONNECT is disconnected, and its place is free again", async () => {
  await using world = new World({ limits: { connections: 1, connectTimeout: 500 } });
  const silent = world.open();
  (await world.ask("c")).expectRefusal(0x89);
  await world.advance(500);
  silent.expectClosed();
  await world.connect("c");
});
