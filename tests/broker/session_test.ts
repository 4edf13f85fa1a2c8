// §4.1 Session State at the broker: what is kept of a client that is gone, how long, and what Clean Start does with it.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { publishOf, textOf } from "./client.ts";
import { World } from "./world.ts";

const DAY = 24 * 3600;
const NEVER = 0xffff_ffff;

function lasting(sessionExpiryInterval: number) {
  return { properties: { sessionExpiryInterval } };
}

/** Whether the session of "c" is there. It is none the better or worse for having been asked for. */
async function isPresent(world: World, sessionExpiryInterval = 0): Promise<boolean> {
  const { client, connack } = await world.join("c", lasting(sessionExpiryInterval));
  await client.cut();
  return connack.sessionPresent;
}

Deno.test("Without a session to go on with, one begins [MQTT-3.1.2-6] [MQTT-3.2.2-3]", async () => {
  await using world = new World();
  const { connack } = await world.join("c", { cleanStart: false });
  assertStrictEquals(connack.sessionPresent, false);
  assertStrictEquals(connack.reasonCode, 0x00);
  assertStrictEquals(world.engine.statistics.sessions, 1);
});

Deno.test("A client goes on with its session: its subscriptions, and the messages that wait for it [MQTT-3.1.2-5] [MQTT-3.1.4-4] [MQTT-3.2.2-3] [MQTT-4.5.0-1] [MQTT-3.1.2-23]", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  const before = await world.connect("c", lasting(60));
  await before.subscribe("a/+", { qos: 2 });
  await before.cut();
  for (const qos of [1, 2] as const) await publisher.publish("a/b", `while away ${qos}`, { qos });
  const { client, connack } = await world.join("c", lasting(60));
  assertStrictEquals(connack.sessionPresent, true);
  assertStrictEquals(connack.reasonCode, 0x00);
  await publisher.publish("a/c", "there again");
  assertEquals(await client.receiveTexts(), ["while away 1", "while away 2", "there again"]);
});

Deno.test("Clean Start begins a new session with nothing of the old one [MQTT-3.1.2-4] [MQTT-3.1.4-4] [MQTT-3.2.2-2]", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  const before = await world.connect("c", lasting(60));
  await before.subscribe("a", { qos: 1 });
  await before.cut();
  await publisher.publish("a", "while away", { qos: 1 });
  const { client, connack } = await world.join("c", { cleanStart: true, ...lasting(60) });
  assertStrictEquals(connack.sessionPresent, false);
  assertStrictEquals(connack.reasonCode, 0x00);
  await publisher.publish("a", "there again", { qos: 1 });
  client.expectNothing();
  assertStrictEquals(world.engine.statistics.subscriptions, 0);
  await client.cut();
  assertStrictEquals(await isPresent(world), true, "the new one lasts as it was asked to");
});

Deno.test("Clean Start without an existing session begins one [MQTT-3.2.2-2]", async () => {
  await using world = new World();
  const { connack } = await world.join("c", { cleanStart: true });
  assertStrictEquals(connack.sessionPresent, false);
  assertStrictEquals(connack.reasonCode, 0x00);
});

Deno.test("Sessions are told apart by Client Identifiers alone [MQTT-3.1.3-2]", async () => {
  await using world = new World();
  const first = await world.connect("c", { username: "u", ...lasting(60) });
  await first.cut();
  const { connack: other } = await world.join("C", { username: "u", ...lasting(60) });
  assertStrictEquals(other.sessionPresent, false);
  const { connack: same } = await world.join("c", { username: "v", ...lasting(60) });
  assertStrictEquals(same.sessionPresent, true);
});

Deno.test("A resumed session continues the messages in flight to the client [MQTT-3.1.2-5] [MQTT-3.1.2-23]", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  const before = await world.connect("c", lasting(60));
  await before.subscribe("a", { qos: 2 });
  await publisher.publish("a", "1", { qos: 1 });
  await publisher.publish("a", "2", { qos: 2 });
  await publisher.publish("a", "3", { qos: 2 });
  const sent = [1, 2, 3].map(() => before.expect("publish"));
  await before.send({ type: "pubrec", packetId: sent[1]!.packetId });
  before.expect("pubrel");
  await before.cut();
  const client = await world.connect("c", lasting(60));
  assertStrictEquals(client.expect("pubrel").packetId, sent[1]!.packetId);
  for (const index of [0, 2]) {
    const again = client.expect("publish");
    assertEquals(again, { ...sent[index]!, dup: true });
    await client.finish(again);
  }
  await client.send({ type: "pubcomp", packetId: sent[1]!.packetId });
  client.expectNothing();
});

Deno.test("A resumed session continues the messages in flight from the client [MQTT-3.1.2-5]", async () => {
  await using world = new World();
  const subscriber = await world.connect("s");
  await subscriber.subscribe("a", { qos: 2 });
  const message = publishOf("a", "once", { qos: 2, packetId: 7 });
  const before = await world.connect("c", lasting(60));
  await before.send(message);
  before.expect("pubrec");
  await before.cut();
  const client = await world.connect("c", lasting(60));
  await client.send({ ...message, dup: true });
  assertStrictEquals(client.expect("pubrec").reasonCode, 0x00);
  await client.send({ type: "pubrel", packetId: 7 });
  assertStrictEquals(client.expect("pubcomp").reasonCode, 0x00);
  assertEquals(await subscriber.receiveTexts(), ["once"]);
});

Deno.test("A session without Session Expiry Interval ends with its connection", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a");
  await client.cut();
  assertEquals(world.engine.statistics.sessions, 0);
  assertEquals(world.engine.statistics.subscriptions, 0);
  assertStrictEquals(await isPresent(world), false);
});

Deno.test("A session ends exactly when its Session Expiry Interval has passed since the disconnect [MQTT-4.1.0-2] [MQTT-3.1.2-23]", async () => {
  await using world = new World();
  const client = await world.connect("c", lasting(60));
  await client.subscribe("a");
  await world.advance(600_000);
  await client.cut();
  await world.advance(59_999);
  assertStrictEquals(world.engine.statistics.sessions, 1);
  await world.advance(1);
  assertStrictEquals(world.engine.statistics.sessions, 0);
  assertStrictEquals(world.engine.statistics.subscriptions, 0);
  assertStrictEquals(await isPresent(world), false);
});

Deno.test("A session does not end while its client is connected [MQTT-4.1.0-1]", async () => {
  await using world = new World();
  const before = await world.connect("c", lasting(60));
  await before.subscribe("a");
  await before.cut();
  await world.advance(59_000);
  const client = await world.connect("c", lasting(60));
  await world.advance(365 * DAY * 1000);
  const publisher = await world.connect("p");
  await publisher.publish("a", "1");
  client.expectMessage("a", "1");
  await client.cut();
  await world.advance(59_999);
  assertStrictEquals(await isPresent(world), true);
});

Deno.test("The Session Expiry Interval of the latest CONNECT applies", async () => {
  await using world = new World();
  const first = await world.connect("c", lasting(60));
  await first.cut();
  const second = await world.connect("c", lasting(600));
  await second.cut();
  await world.advance(599_000);
  assertStrictEquals(await isPresent(world, 0), true);
  assertStrictEquals(world.engine.statistics.sessions, 0);
});

Deno.test("A month of Session Expiry passes at once", async () => {
  await using world = new World({ limits: { sessionExpiryInterval: 31 * DAY } });
  const { client, connack } = await world.join("c", lasting(31 * DAY));
  assertStrictEquals(connack.properties.sessionExpiryInterval, undefined);
  await client.cut();
  await world.advance(31 * DAY * 1000 - 1);
  assertStrictEquals(world.engine.statistics.sessions, 1);
  await world.advance(1);
  assertStrictEquals(world.engine.statistics.sessions, 0);
});

for (const [asked, granted] of [[101, 100], [NEVER, 100], [100, undefined], [99, undefined]]) {
  Deno.test(`A client that asks for ${asked} s when the maximum is 100 s receives ${granted}`, async () => {
    await using world = new World({ limits: { sessionExpiryInterval: 100 } });
    const { client, connack } = await world.join("c", lasting(asked!));
    assertStrictEquals(connack.properties.sessionExpiryInterval, granted);
    await client.cut();
    await world.advance((granted ?? asked!) * 1000 - 1);
    assertStrictEquals(world.engine.statistics.sessions, 1);
    await world.advance(1);
    assertStrictEquals(world.engine.statistics.sessions, 0);
  });
}

Deno.test("A broker that keeps no sessions announces a Session Expiry Interval of 0", async () => {
  await using world = new World({ limits: { sessionExpiryInterval: 0 } });
  const { client, connack } = await world.join("c", lasting(60));
  assertStrictEquals(connack.properties.sessionExpiryInterval, 0);
  await client.cut();
  assertStrictEquals(world.engine.statistics.sessions, 0);
  const { connack: other } = await world.join("d");
  assertStrictEquals(other.properties.sessionExpiryInterval, undefined);
});

Deno.test("A session with an infinite Session Expiry Interval never expires if the broker allows it", async () => {
  await using world = new World({ limits: { sessionExpiryInterval: Infinity } });
  const { client, connack } = await world.join("c", lasting(NEVER));
  assertStrictEquals(connack.properties.sessionExpiryInterval, undefined);
  await client.cut();
  assertStrictEquals(world.engine.deadline, Infinity);
  await world.advance(1000 * 365 * DAY * 1000);
  const { client: last, connack: again } = await world.join("c", { cleanStart: false });
  assertStrictEquals(again.sessionPresent, true);
  await last.disconnect();
  assertStrictEquals(world.engine.statistics.sessions, 0);
});

for (const [before, after] of [[60, 10], [60, 600], [60, NEVER], [NEVER, 5]] as const) {
  Deno.test(`DISCONNECT changes a Session Expiry Interval of ${before} s to ${after} s`, async () => {
    await using world = new World({ limits: { sessionExpiryInterval: 100_000 } });
    const client = await world.connect("c", lasting(before));
    await client.disconnect(0x00, { sessionExpiryInterval: after });
    await world.advance(Math.min(after, 100_000) * 1000 - 1);
    assertStrictEquals(world.engine.statistics.sessions, 1);
    await world.advance(1);
    assertStrictEquals(world.engine.statistics.sessions, 0);
  });
}

Deno.test("DISCONNECT with a Session Expiry Interval of 0 ends the session at once", async () => {
  await using world = new World();
  const client = await world.connect("c", lasting(60));
  await client.subscribe("a");
  await client.disconnect(0x00, { sessionExpiryInterval: 0 });
  assertStrictEquals(world.engine.statistics.sessions, 0);
  assertStrictEquals(world.engine.statistics.subscriptions, 0);
});

Deno.test("DISCONNECT without a Session Expiry Interval keeps that of CONNECT", async () => {
  await using world = new World();
  const client = await world.connect("c", lasting(60));
  await client.disconnect();
  await world.advance(59_999);
  assertStrictEquals(world.engine.statistics.sessions, 1);
});

Deno.test("DISCONNECT cannot extend a session whose Session Expiry Interval was 0, and the Will is published", async () => {
  await using world = new World();
  const witness = await world.connect("witness");
  await witness.subscribe("will");
  const client = await world.connect("c", { will: { topic: "will" } });
  await client.send({ type: "disconnect", properties: { sessionExpiryInterval: 60 } });
  client.expectDisconnect(0x82);
  assertStrictEquals(world.engine.statistics.sessions, 1, "that of the witness");
  witness.expectMessage("will");
});

Deno.test("Messages in flight are neither lost nor doubled however often the link breaks", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  let client = await world.connect("c", lasting(60));
  await client.subscribe("a", { qos: 2 });
  for (let count = 0; count < 20; count++) {
    await publisher.publish("a", `${count}`, { qos: 2 });
  }
  const received: string[] = [];
  for (let count = 0; count < 20; count++) {
    const message = client.take("publish");
    received.push(textOf(message));
    await client.finish(message);
    await client.cut();
    client = await world.connect("c", lasting(60));
  }
  assertEquals(received, Array.from({ length: 20 }, (_, count) => `${count}`));
  client.expectNothing();
});
