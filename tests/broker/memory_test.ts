// Every byte that a client makes the broker keep is counted, and what is too much gets the Reason Code
// that says so, while others go on. Each World is at 0 when all clients and sessions are gone.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { BrokerLimits, BrokerOptions } from "../../src/broker/mod.ts";
import { bytesOfText, type Client, publishOf } from "./client.ts";
import { sessionBytes } from "../../src/broker/sizes.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 3600 } };

/** A topic of many levels. */
function deep(name: string, levels = 128): string {
  return name + "/a".repeat(levels - 1);
}

function worldWith(limits: Partial<BrokerLimits>, options: BrokerOptions = {}): World {
  return new World({ ...options, limits });
}

/** Another client is served as ever. */
async function assertServed(world: World, clientId = "bystander"): Promise<void> {
  const client = await world.connect(clientId);
  assertStrictEquals(await client.subscribe(clientId, { qos: 1 }), 1);
  assertStrictEquals(await client.publish(clientId, "hello", { qos: 1 }), 0x00);
  assertEquals(await client.receiveTexts(), ["hello"]);
  await client.disconnect();
}

/** A session with a subscription, whose client is away. */
async function withSleeper(world: World, topicFilter = "a"): Promise<Client> {
  const sleeper = await world.connect("sleeper", LASTING);
  await sleeper.subscribe(topicFilter, { qos: 1 });
  await sleeper.cut();
  return await world.connect("p");
}

Deno.test("subscriptionBytes: filters of many levels are refused with 0x97, until others are removed", async () => {
  await using world = worldWith({ subscriptionBytes: 8500 });
  const client = await world.connect("c");
  const codes: number[] = [];
  for (let count = 0; count < 20; count++) codes.push(await client.subscribe(deep(`${count}`)));
  assertStrictEquals(codes.indexOf(0x97), 6);
  assert(codes.slice(6).every((code) => code === 0x97));
  assert(world.engine.statistics.memory < 60_000);
  // The same again takes nothing.
  assertStrictEquals(await client.subscribe(deep("0"), { qos: 1 }), 1);
  await client.unsubscribe(deep("0"));
  assertStrictEquals(await client.subscribe(deep("x")), 0);
  assertStrictEquals(await client.subscribe(deep("y")), 0x97);
  await assertServed(world);
});

Deno.test("memory: many clients with filters of many levels are refused with 0x97, and others are not", async () => {
  await using world = worldWith({ memory: 2_000_000 });
  let refused = 0;
  for (let clients = 0; clients < 15; clients++) {
    const client = await world.connect(`c${clients}`);
    const subscriptions = Array.from({ length: 100 }, (_, count) => ({
      topicFilter: deep(`${clients}-${count}`),
    }));
    refused += (await client.subscribeAll(subscriptions)).filter((code) => code === 0x97).length;
  }
  assert(refused > 150, `${refused} were refused`);
  assert(world.engine.statistics.memory < 2_000_000);
  await assertServed(world);
});

Deno.test("retainedBytes: retained messages with long topics, large payloads or many User Properties get 0x97", async () => {
  const userProperties = Array.from({ length: 1000 }, (): [string, string] => ["", "a"]);
  for (
    const [topic, payload, properties, room] of [
      [(name: string) => name + "x".repeat(15_000), "x", {}, 16],
      [(name: string) => name, "x".repeat(100_000), {}, 4],
      [(name: string) => name, "x", { userProperties }, 4],
    ] as const
  ) {
    await using world = worldWith({ retainedBytes: 500_000 });
    const client = await world.connect("c");
    const options = { qos: 1, retain: true, properties } as const;
    const codes: number[] = [];
    for (let count = 0; count < 20; count++) {
      codes.push(await client.publish(topic(`${count}`), payload, options));
    }
    assertStrictEquals(codes.indexOf(0x97), room);
    assertStrictEquals(world.engine.statistics.retained, room);
    // What takes the place of another has its room.
    assertStrictEquals(await client.publish(topic("0"), payload, options), 0x10);
    await assertServed(world);
    for (let count = 0; count < room; count++) {
      await client.publish(topic(`${count}`), "", { retain: true });
    }
  }
});

Deno.test("queuedBytes: User Properties are counted, and the publisher receives 0x97 when no subscriber has room", async () => {
  await using world = worldWith({ queuedBytes: 100_000 });
  const publisher = await withSleeper(world);
  const userProperties = [["a", "x".repeat(30_000)]] as [string, string][];
  const codes: number[] = [];
  for (const qos of [1, 1, 1, 1, 2] as const) {
    codes.push(await publisher.publish("a", "", { qos, properties: { userProperties } }));
  }
  assertEquals(codes, [0, 0, 0, 0x97, 0x97]);
  assertStrictEquals(world.engine.statistics.dropped, 2);
});

Deno.test("sessionBytes: the memory that a message uses is counted, even if it is small on the wire", async () => {
  await using world = worldWith({ sessionBytes: 1_000_000 });
  const publisher = await withSleeper(world);
  const userProperties = Array.from({ length: 1000 }, (): [string, string] => ["", ""]);
  let taken = 0;
  while (await publisher.publish("a", "", { qos: 1, properties: { userProperties } }) === 0) {
    taken++;
  }
  assertStrictEquals(taken, 8);
  const again = await world.connect("sleeper", LASTING);
  assertStrictEquals((await again.receive()).length, taken);
  assertStrictEquals(await publisher.publish("a", "", { qos: 1 }), 0);
});

Deno.test("A message for which only some subscribers had room is acknowledged with Success", async () => {
  await using world = worldWith({ queuedMessages: 1 });
  const publisher = await withSleeper(world, "+");
  const other = await world.connect("d");
  assertStrictEquals(await publisher.publish("a", "1", { qos: 1 }), 0);
  assertStrictEquals(await publisher.publish("a", "2", { qos: 1 }), 0x97);
  await other.subscribe("a", { qos: 1 });
  assertStrictEquals(await publisher.publish("a", "3", { qos: 1 }), 0);
  assertEquals(await other.receiveTexts(), ["3"]);
  // Retained is taken, too.
  assertStrictEquals(await publisher.publish("b", "4", { qos: 2, retain: true }), 0);
  assertStrictEquals(await publisher.publish("c", "5", { qos: 2 }), 0x97);
});

Deno.test("onDropped receives the clients for whom there was no room or the message was too large", async () => {
  const told: unknown[] = [];
  await using world = worldWith({ queuedMessages: 1 }, {
    onDropped: ({ clientId }, { topic }, why) => void told.push([clientId, topic, why]),
  });
  const publisher = await withSleeper(world, "+");
  await publisher.publish("a", "1", { qos: 1 });
  await publisher.publish("b", "2", { qos: 1 });
  const small = await world.connect("small", { properties: { maximumPacketSize: 20 } });
  await small.subscribe("c");
  await publisher.publish("c", "x".repeat(20));
  assertEquals(told, [["sleeper", "b", "no room"], ["small", "c", "too large"]]);
  assertStrictEquals(world.engine.statistics.dropped, 2);
});

Deno.test("A message queued for many clients is counted once, until the last of them has received it", async () => {
  await using world = new World();
  const sleepers = Array.from({ length: 10 }, (_, count) => `s${count}`);
  for (const clientId of sleepers) {
    const client = await world.connect(clientId, LASTING);
    await client.subscribe("a", { qos: 1 });
    await client.cut();
  }
  const publisher = await world.connect("p");
  const before = world.engine.statistics.memory;
  await publisher.publish("a", "x".repeat(100_000), { qos: 1 });
  let { memory } = world.engine.statistics;
  assert(memory - before > 100_000 && memory - before < 110_000 + 131_072, `${memory - before}`);
  for (const [index, clientId] of sleepers.entries()) {
    const client = await world.connect(clientId, { properties: { sessionExpiryInterval: 0 } });
    assertStrictEquals((await client.receive()).length, 1);
    await client.cut();
    const released = memory - world.engine.statistics.memory;
    assertStrictEquals(released > 100_000, index === sleepers.length - 1, `after ${clientId}`);
    memory -= released;
  }
});

Deno.test("sessionBytes: a session of exactly that size begins, one with a name of one more byte does not", async () => {
  const clientId = "x".repeat(10);
  const nowhere = { username: undefined, address: "", listener: undefined, origin: undefined };
  const limit = sessionBytes({ clientId, certificate: undefined, ...nowhere }, undefined);
  await using world = worldWith({ sessionBytes: limit });
  await world.connect(clientId);
  (await world.ask(`${clientId}x`)).expectRefusal(0x97);
});

Deno.test("sessions: one too many is refused with 0x97, but not an existing one", async () => {
  await using world = worldWith({ sessions: 3 });
  for (const clientId of ["a", "b", "c"]) await (await world.connect(clientId, LASTING)).cut();
  (await world.ask("d", LASTING)).expectRefusal(0x97);
  (await world.ask("d")).expectRefusal(0x97);
  for (const cleanStart of [false, true]) {
    await (await world.connect("a", { ...LASTING, cleanStart })).cut();
  }
  const last = await world.connect("b");
  await last.cut();
  await world.connect("d");
});

Deno.test("memory: sessions with long names and Wills are refused with 0x97 when there are too many bytes, small ones are not", async () => {
  await using world = worldWith({ memory: 4_000_000, connectBytes: 500_000 });
  const payload = new Uint8Array(65_535);
  const userProperties = Array.from({ length: 4 }, (): [string, string] => [
    "x".repeat(60_000),
    "",
  ]);
  const will = { topic: "will", payload, properties: { willDelayInterval: 3600, userProperties } };
  let taken = 0;
  for (let count = 0; count < 20; count++) {
    const client = await world.ask(`${count}${"x".repeat(60_000)}`, { ...LASTING, will });
    if (client.expect("connack").reasonCode === 0x97) client.expectClosed();
    else taken++;
    await client.cut();
  }
  assert(taken > 2 && taken < 12, `${taken} were taken`);
  assert(world.engine.statistics.memory < 4_000_000);
  await assertServed(world);
});

Deno.test("connectBytes: a larger CONNECT is refused with 0x95 at its fixed header, even if only its Will is large", async () => {
  await using world = new World();
  const will = {
    topic: "x".repeat(65_535),
    payload: new Uint8Array(65_535),
    properties: { correlationData: new Uint8Array(65_535) },
  };
  await (await world.connect("c", { will })).disconnect();
  const client = world.open();
  await client.sendBytes(Uint8Array.of(0x10, 0x80, 0x80, 0x40));
  client.expectRefusal(0x95);
  const large = await world.connect("d");
  assertStrictEquals(await large.publish("a", "x".repeat(1_000_000), { qos: 1 }), 0x10);
});

Deno.test("connectBytes: packets that follow a pending CONNECT are limited as well", async () => {
  await using world = worldWith({ connectBytes: 1000 }, {
    authenticate: () => new Promise(() => {}),
  });
  const client = await world.ask("c");
  await client.sendBytes(new Uint8Array(2000));
  client.expectRefusal(0x97);
});

Deno.test("memory: incomplete packets end their connections with 0x97 when they use too much memory", async () => {
  await using world = worldWith({ memory: 8_000_000 });
  const clients: Client[] = [];
  for (let count = 0; count < 10; count++) {
    const client = await world.connect(`c${count}`);
    const part = new Uint8Array(1_000_000);
    // There is to be room for all of it, which is 2 MiB.
    part.set([0x30, 0x80, 0x80, 0x80, 0x01, 0, 1, 0x61, 0]);
    client.link.send(part);
    clients.push(client);
  }
  await world.settle();
  const ended = clients.filter(({ link }) => link.isOver);
  assert(ended.length > 0 && ended.length < 10, `${ended.length} have ended`);
  for (const client of ended) client.expectDisconnect(0x97);
  assert(world.engine.statistics.memory < 8_000_000);
  await assertServed(world);
});

Deno.test("memory: bytes for clients that do not read are counted, and further messages are dropped", async () => {
  await using world = worldWith({ memory: 12_000_000 });
  const sleepers: Client[] = [];
  for (let count = 0; count < 20; count++) {
    const client = await world.connect(`c${count}`);
    await client.subscribe("flood", { qos: 1 });
    client.link.stall();
    sleepers.push(client);
  }
  const publisher = await world.connect("p");
  const payload = "x".repeat(50_000);
  for (let count = 0; count < 100; count++) await publisher.publish("flood", payload);
  assert(world.engine.statistics.dropped > 0);
  assert(world.engine.statistics.memory <= 12_000_000);
  while (await publisher.publish("flood", payload, { qos: 1 }) !== 0x97);
  assert(world.engine.statistics.memory <= 12_000_000);
  await assertServed(world);
  // Who reads again gets what was kept, and has room for more.
  for (const sleeper of sleepers) sleeper.link.goOn();
  for (const sleeper of sleepers) await sleeper.receive();
  assertStrictEquals(await publisher.publish("flood", payload, { qos: 1 }), 0x00);
});

Deno.test("memory: a message for which there is none waits, and is sent when there is some again", async () => {
  await using world = worldWith({ memory: 4_000_000 });
  const publisher = await world.connect("p");
  const client = await world.connect("c", { properties: { receiveMaximum: 1 } });
  await client.subscribe("a", { qos: 1 });
  for (const length of [300_000, 500_000]) {
    assertStrictEquals(await publisher.publish("a", "x".repeat(length), { qos: 1 }), 0);
  }
  const first = client.expectMessage("a");
  const others: Client[] = [];
  for (let count = 0; count < 40; count++) others.push(await world.connect(`other${count}`));
  for (const other of others) {
    if (world.engine.statistics.memory >= 3_850_000) break;
    // A sixteenth of a packet with 96,000 bytes, for which there is room for all of it then.
    const part = new Uint8Array(6100);
    part.set([0x30, 0x80, 0xee, 0x05, 0, 1, 0x61, 0]);
    other.link.send(part);
  }
  assert(world.engine.statistics.memory >= 3_850_000);
  await client.finish(first);
  await world.advance(1000);
  assertStrictEquals(client.link.packets.length, 0);
  for (const other of others) await other.cut();
  await world.advance(1000);
  client.expectMessage("a");
});

Deno.test("memory: QoS 2 messages that are never released are refused with 0x97", async () => {
  await using world = worldWith({ sessionBytes: 100_000 });
  let refused = 0;
  for (let connection = 0; connection < 3; connection++) {
    const client = await world.connect("c", LASTING);
    for (let packetId = 1; packetId <= 300; packetId++) {
      const id = connection * 300 + packetId;
      await client.send(publishOf("a", "", { qos: 2, packetId: id }));
      if (client.expect("pubrec").reasonCode === 0x97) refused++;
    }
    await client.cut();
  }
  assert(refused > 200, `${refused} were refused`);
});

Deno.test("memory: the topics of Topic Aliases are counted until the connection ends", async () => {
  await using world = new World();
  const client = await world.connect("c");
  const before = world.engine.statistics.memory;
  const topic = "x".repeat(60_000);
  for (let topicAlias = 1; topicAlias <= 10; topicAlias++) {
    await client.publish(topic, "", { properties: { topicAlias } });
  }
  assert(world.engine.statistics.memory - before > 600_000);
  await client.publish("y", "", { properties: { topicAlias: 1 } });
  assert(world.engine.statistics.memory - before < 660_000);
});

Deno.test("memory: automatic Topic Aliases are limited in number and length, whatever the client accepts", async () => {
  await using world = new World({ topicAliases: "automatic" });
  const client = await world.connect("c", { properties: { topicAliasMaximum: 65_535 } });
  await client.subscribe("#");
  const publisher = await world.connect("p");
  for (let count = 0; count < 1100; count++) await publisher.publish(`${count}`, "");
  const aliases = (await client.receive()).map(({ properties }) => properties.topicAlias);
  assertStrictEquals(Math.max(...aliases.map((alias) => alias ?? 0)), 1024);
  await publisher.publish("x".repeat(257), "");
  const [message] = await client.receive();
  assertStrictEquals(message!.properties.topicAlias, undefined);
});

Deno.test("memory: a connection counts with its sockets and TLS state, and may not use the part left to existing ones", () => {
  const peer = { address: "127.0.0.1:1", listener: "mqtt://127.0.0.1:1883" };
  const secure = { address: "127.0.0.1:1", listener: "mqtts://127.0.0.1:8883" };
  for (const [each, room, bytes] of [[peer, 47, 18 * 1024], [secure, 13, 64 * 1024]] as const) {
    const world = worldWith({ memory: 1_000_000 });
    const guests = [];
    while (world.engine.hasRoomFor(each)) guests.push(world.engine.open(each, () => {}));
    assertStrictEquals(guests.length, room);
    assertStrictEquals(world.engine.statistics.memory, room * bytes);
    for (const guest of guests) world.engine.close(guest);
    assertStrictEquals(world.engine.statistics.memory, 0);
  }
});

Deno.test("connections: a few beyond the limit are refused with CONNACK, the rest are closed at once", () => {
  const world = worldWith({ connections: 10 });
  const peer = { address: "127.0.0.1:1" };
  let open = 0;
  for (; world.engine.hasRoomFor(peer); open++) world.engine.open(peer, () => {});
  assertStrictEquals(open, 10 + 64);
});

Deno.test("memory: parts of CONNECT are copied, so that its chunk is not kept", async () => {
  await using world = new World();
  const before = world.engine.statistics.memory;
  const client = await world.connect("c", {
    username: "u",
    password: bytesOfText("p".repeat(50_000)),
  });
  // The buffer that was read into is counted as long as whoever reads may use it.
  await client.send({ type: "pingreq" });
  client.expect("pingresp");
  assert(world.engine.statistics.memory - before < 30_000);
});

Deno.test("memory: existing clients continue when no more sessions can begin", async () => {
  await using world = worldWith({ memory: 400_000 });
  const client = await world.connect("here");
  await client.subscribe("here", { qos: 1 });
  let code = 0;
  let index = 0;
  for (; code === 0; index++) {
    const newcomer = await world.ask(`newcomer-${index}`, LASTING);
    code = newcomer.expect("connack").reasonCode;
    await newcomer.cut();
  }
  assertStrictEquals(code, 0x97);
  assert(world.engine.statistics.memory <= 350_000);
  // Their own sessions are not refused to those who come back.
  const again = await world.connect("newcomer-0", { ...LASTING, cleanStart: false });
  await again.cut();
  assertStrictEquals(await client.publish("here", "x".repeat(5000), { qos: 1 }), 0x00);
  assertEquals((await client.receiveTexts())[0]!.length, 5000);
});

Deno.test("memory: a client comes back to its session when there is no room for new ones", async () => {
  await using world = worldWith({ memory: 400_000 });
  const clients = Array.from({ length: 100 }, (_, index) => `c${index}`);
  for (const clientId of clients) {
    const client = await world.connect(clientId, LASTING);
    await client.subscribe("a", { qos: 1 });
    await client.cut();
  }
  const publisher = await world.connect("p");
  // What is left to sessions that there are is used, too.
  while (world.engine.statistics.memory <= 350_000) await publisher.publish("a", "", { qos: 1 });
  (await world.ask("new", LASTING)).expectRefusal(0x97);
  const again = await world.connect("c0", { ...LASTING, cleanStart: false });
  assert((await again.receive()).length > 0);
});
