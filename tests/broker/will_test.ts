// §3.1.2.5 Wills: when they are published, when they are not, and as what.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { encodePacket, type PropertiesOf, type WillInit } from "../../src/packets/mod.ts";
import { bytesOf } from "../hex.ts";
import { bytesOfText, type Client } from "./client.ts";
import { World } from "./world.ts";

const WILL: WillInit = { topic: "will", payload: bytesOfText("gone") };

/** A client with a Will, and another that waits for it. */
async function withWill(
  world: World,
  will: WillInit = WILL,
  properties: PropertiesOf<"connect"> = {},
): Promise<{ readonly client: Client; readonly witness: Client }> {
  const witness = await world.connect("witness");
  await witness.subscribe("#", { qos: 2 });
  const client = await world.connect("c", { will, keepAlive: 10, properties });
  return { client, witness };
}

for (
  const [what, end] of [
    ["the network breaks down", (client) => client.cut()],
    ["DISCONNECT asks for it", (client) => client.disconnect(0x04)],
    ["DISCONNECT tells of an error", (client) => client.disconnect(0x80)],
    ["the client breaks the standard", (client) => client.sendBytes(bytesOf("00 00"))],
    ["the client is silent", (_client, world) => world.advance(15_000)],
    ["another client takes its name", async (_client, world) => {
      await world.connect("c");
    }],
    ["DISCONNECT cannot be parsed", (client) => client.sendBytes(bytesOf("E0 02 00 01"))],
  ] satisfies readonly (readonly [string, (client: Client, world: World) => Promise<void>])[]
) {
  Deno.test(`A Will is published once when ${what} [MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT-3.1.2-10]`, async () => {
    await using world = new World();
    const { client, witness } = await withWill(world);
    witness.expectNothing();
    await end(client, world);
    witness.expectMessage("will", "gone");
    await client.cut();
    await world.advance(1_000_000);
    witness.expectNothing();
  });
}

Deno.test("A Will is not published after a normal DISCONNECT [MQTT-3.1.2-10] [MQTT-3.14.4-3]", async () => {
  await using world = new World();
  const { client, witness } = await withWill(world);
  await client.disconnect(0x00);
  await client.cut();
  await world.advance(1_000_000);
  witness.expectNothing();
});

Deno.test("A discarded Will does not come back with the session [MQTT-3.1.2-10] [MQTT-3.14.4-3]", async () => {
  await using world = new World();
  const lasting = { sessionExpiryInterval: 60 };
  const { client, witness } = await withWill(world, WILL, lasting);
  await client.disconnect(0x00);
  const again = await world.connect("c", { properties: lasting });
  await again.cut();
  await world.advance(1_000_000);
  witness.expectNothing();
});

Deno.test("A Will belongs to its connection: the next one has another, or none", async () => {
  await using world = new World();
  const lasting = { sessionExpiryInterval: 60 };
  const { client, witness } = await withWill(world, WILL, lasting);
  await client.cut();
  witness.expectMessage("will", "gone");
  const other = await world.connect("c", { will: { topic: "other" }, properties: lasting });
  await other.cut();
  witness.expectMessage("other");
  const without = await world.connect("c", { properties: lasting });
  await without.cut();
  await world.advance(1_000_000);
  witness.expectNothing();
});

Deno.test("A Will is published with its QoS, its properties and its User Properties in order [MQTT-3.1.3-10]", async () => {
  await using world = new World();
  const properties = {
    payloadFormatIndicator: 1,
    messageExpiryInterval: 100,
    contentType: "text/plain",
    responseTopic: "r",
    correlationData: Uint8Array.of(1, 2),
    userProperties: [["b", "1"], ["a", "2"], ["b", "1"]],
  } as const;
  const { client, witness } = await withWill(world, {
    ...WILL,
    qos: 2,
    properties: { ...properties, willDelayInterval: 0 },
  });
  await client.cut();
  const message = witness.expectMessage("will", "gone");
  assertEquals(message.properties, properties);
  assertStrictEquals(message.qos, 2);
});

for (const qos of [0, 1, 2] as const) {
  Deno.test(`A Will of QoS ${qos} waits for subscribers that are gone, or not [MQTT-4.5.0-1]`, async () => {
    await using world = new World();
    const lasting = { properties: { sessionExpiryInterval: 60 } };
    const sleeper = await world.connect("s", lasting);
    await sleeper.subscribe("will", { qos: 2 });
    await sleeper.cut();
    const { client } = await withWill(world, { ...WILL, qos });
    await client.cut();
    const again = await world.connect("s", lasting);
    assertEquals(await again.receiveTexts(), qos === 0 ? [] : ["gone"]);
  });
}

Deno.test("A Will without RETAIN is not retained, and does not replace a retained message [MQTT-3.1.2-14]", async () => {
  await using world = new World();
  const { client, witness } = await withWill(world);
  await client.publish("will", "before", { retain: true });
  await witness.receive();
  await client.cut();
  const message = witness.expectMessage("will", "gone");
  assertStrictEquals(message.retain, false);
  await witness.subscribe("will");
  witness.expectMessage("will", "before");
});

Deno.test("A Will with RETAIN is retained [MQTT-3.1.2-15]", async () => {
  await using world = new World();
  const { client, witness } = await withWill(world, { ...WILL, retain: true });
  await witness.subscribe("will", { retainAsPublished: true });
  await witness.unsubscribe("#");
  await client.cut();
  assertStrictEquals(witness.expectMessage("will", "gone").retain, true);
  assertStrictEquals(world.engine.statistics.retained, 1);
  const late = await world.connect("late");
  await late.subscribe("will");
  assertStrictEquals(late.expectMessage("will", "gone").retain, true);
});

Deno.test("A Will with RETAIN and an empty payload deletes the retained message [MQTT-3.1.2-15] [MQTT-3.3.1-6]", async () => {
  await using world = new World();
  const { client, witness } = await withWill(world, { topic: "will", retain: true });
  await client.publish("will", "before", { retain: true });
  await client.cut();
  assertEquals(await witness.receiveTexts(), ["before", ""]);
  assertStrictEquals(world.engine.statistics.retained, 0);
});

Deno.test("A Will's Message Expiry Interval begins when it is published", async () => {
  await using world = new World();
  const { client } = await withWill(world, {
    ...WILL,
    qos: 1,
    retain: true,
    properties: { messageExpiryInterval: 20 },
  });
  for (let count = 0; count < 10; count++) {
    await world.advance(9000);
    await client.send({ type: "pingreq" });
  }
  await client.cut();
  await world.advance(5000);
  const late = await world.connect("late");
  await late.subscribe("will");
  assertStrictEquals(late.expect("publish").properties.messageExpiryInterval, 15);
  await world.advance(15_000);
  assertStrictEquals(world.engine.statistics.retained, 0);
});

Deno.test("A Will is authorized like a message of its client, when the client connects", async () => {
  await using world = new World({
    authorizePublish: (_client, { topic }) => topic !== "forbidden",
  });
  (await world.ask("c", { will: { topic: "forbidden" } })).expectRefusal(0x87);
  assertStrictEquals(world.engine.statistics.sessions, 0);
  const { client, witness } = await withWill(world);
  await client.cut();
  witness.expectMessage("will", "gone");
});

Deno.test("A Will is copied: the buffer it was received in may change", async () => {
  await using world = new World();
  const witness = await world.connect("witness");
  await witness.subscribe("will");
  const correlationData = Uint8Array.of(7);
  const client = world.open();
  const bytes = encodePacket({
    type: "connect",
    clientId: "c",
    will: { ...WILL, properties: { correlationData } },
  });
  client.link.send(bytes);
  bytes.fill(0);
  client.expect("connack");
  await client.cut();
  assertEquals(witness.expectMessage("will", "gone").properties, { correlationData });
});

Deno.test("A client subscribed to the topic of its own Will receives it when it reconnects", async () => {
  await using world = new World();
  const lasting = { properties: { sessionExpiryInterval: 60 } };
  const client = await world.connect("c", { will: { ...WILL, qos: 1 }, ...lasting });
  await client.subscribe("will", { qos: 1 });
  await client.cut();
  const again = await world.connect("c", lasting);
  assertEquals(await again.receiveTexts(), ["gone"]);
});
