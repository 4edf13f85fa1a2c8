// Messages that are published without a connection: they wait in order, within limits, and no longer than they live. Each
// one's fate is told.

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import type { Client } from "../../src/client/client.ts";
import type { ConnectOptions } from "../../src/client/options.ts";
import { NotSentError } from "../../src/errors.ts";
import type { Packet } from "../../src/packets/mod.ts";
import { assertPending, outcome, settle, test, type TestWorld } from "./world.ts";

/** A client whose connection is lost. The next one comes when the test takes it, or `delay` milliseconds later. */
async function offline(
  world: TestWorld,
  options: ConnectOptions = {},
  delay = 0,
): Promise<Client> {
  const reconnect = { initialDelay: 2 * delay || 1, maximumDelay: Infinity };
  const { client, peer } = await world.connected({ reconnect, ...options });
  world.clock.chance = delay === 0 ? 0 : 0.5;
  peer.far.cut();
  await settle();
  assertStrictEquals(client.state, "reconnecting");
  return client;
}

function topicsOf(packets: readonly Packet[]): string {
  return packets.map((packet) => packet.type === "publish" ? packet.topic : packet.type).join(" ");
}

test("Messages of every QoS that are published without connection are sent in order with the next one", async (world) => {
  const client = await offline(world);
  const published = [0, 1, 2, 0, 1].map((qos, index) =>
    client.publish(`${index}`, "", { qos: qos as 0 })
  );
  for (const promise of published) await assertPending(promise);
  const peer = await world.accept();
  const packets = await peer.takePackets();
  assertStrictEquals(topicsOf(packets), "0 1 2 3 4");
  // One of QoS 0 is through when it goes, the others when the server says so.
  const statuses = (await Promise.all(published.map(outcome))).map(({ status }) => status);
  assertEquals(statuses, ["fulfilled", "pending", "pending", "fulfilled", "pending"]);
  for (const promise of published) promise.catch(() => {});
});

test("Messages that were never sent survive a session that the server has lost, and what is published later goes behind them", async (world) => {
  const client = await offline(world, { sessionExpiryInterval: 60 });
  const first = client.publish("first", "", { qos: 2 });
  client.addEventListener("connected", () => void client.publish("second", ""));
  const peer = await world.accept({ sessionPresent: false });
  assertStrictEquals(topicsOf(await peer.takePackets()), "first second");
  peer.send({ type: "pubrec", packetId: 1 }, { type: "pubcomp", packetId: 1 });
  await first;
});

test("Too many messages: the new one is refused", async (world) => {
  const client = await offline(world, { sendQueue: { messages: 2 } });
  const kept = [client.publish("1", "", { qos: 1 }), client.publish("2", "", { qos: 1 })];
  const error = await assertRejects(() => client.publish("3", "", { qos: 1 }), NotSentError);
  assertStrictEquals(error.kind, "queue full");
  for (const promise of kept) await assertPending(promise);
  const peer = await world.accept();
  assertStrictEquals(topicsOf(await peer.takePackets()), "1 2");
  for (const promise of kept) promise.catch(() => {});
});

test("Too many messages: the oldest gives way where it is told to", async (world) => {
  const client = await offline(world, { sendQueue: { messages: 2, whenFull: "drop oldest" } });
  const first = client.publish("1", "", { qos: 1 });
  const refused = assertRejects(() => first, NotSentError);
  for (const topic of ["2", "3"]) void client.publish(topic, "");
  assertStrictEquals((await refused).kind, "queue full");
  assertStrictEquals(topicsOf(await (await world.accept()).takePackets()), "2 3");
});

test("Too many bytes: as many of the oldest give way as it takes, or the new one is refused", async (world) => {
  const oldest = await offline(world, { sendQueue: { bytes: 100, whenFull: "drop oldest" } });
  const lost = ["1", "2"].map((topic) => {
    const published = oldest.publish(topic, new Uint8Array(30));
    return assertRejects(() => published, NotSentError);
  });
  void oldest.publish("3", new Uint8Array(30));
  void oldest.publish("4", new Uint8Array(60));
  for (const { kind } of await Promise.all(lost)) assertStrictEquals(kind, "queue full");
  assertStrictEquals(topicsOf(await (await world.accept()).takePackets()), "3 4");

  const newest = await offline(world, { sendQueue: { bytes: 100 } });
  void newest.publish("1", new Uint8Array(30));
  await assertRejects(() => newest.publish("2", new Uint8Array(80)), NotSentError);
  void newest.publish("3", new Uint8Array(60));
  assertStrictEquals(topicsOf(await (await world.accept()).takePackets()), "1 3");
});

test("One message may be larger than all that may wait", async (world) => {
  const client = await offline(world, { sendQueue: { bytes: 10 } });
  void client.publish("big", new Uint8Array(1000));
  assertStrictEquals(topicsOf(await (await world.accept()).takePackets()), "big");
});

test("The limits hold with a connection, too, when the server takes nothing", async (world) => {
  const { client, peer } = await world.connected(
    { sendQueue: { messages: 2 } },
    { properties: { receiveMaximum: 1 } },
  );
  for (let count = 0; count < 3; count++) void client.publish("a", "", { qos: 1 }).catch(() => {});
  const refused = () => client.publish("a", "", { qos: 1 });
  assertStrictEquals((await assertRejects(refused, NotSentError)).kind, "queue full");
  await peer.takePackets();
});

test("queueQoS0: false refuses messages of QoS 0 without connection, and only those, and only then", async (world) => {
  const client = await offline(world, { queueQoS0: false });
  const error = await assertRejects(() => client.publish("0", ""), NotSentError);
  assertStrictEquals(error.kind, "offline");
  void client.publish("1", "", { qos: 1 }).catch(() => {});
  const peer = await world.accept();
  await client.publish("2", "");
  assertStrictEquals(topicsOf(await peer.takePackets()), "1 2");
});

test("The Message Expiry Interval of a message counts down while it waits", async (world) => {
  const client = await offline(world, {}, 200_200);
  for (const qos of [0, 1, 2] as const) {
    const options = { qos, messageExpiryInterval: 600, contentType: "x" };
    void client.publish("a", "", options).catch(() => {});
  }
  const early = client.publish("b", "", { messageExpiryInterval: 200 }).catch((error) => error);
  await world.clock.advance(200_200);
  const peer = await world.accept();
  const packets = await peer.takePackets();
  assertStrictEquals(packets.length, 3);
  // 399.8 seconds are left, and the message lives to their end.
  for (const packet of packets) {
    const properties = { messageExpiryInterval: 400, contentType: "x" };
    assertEquals("properties" in packet && packet.properties, properties);
  }
  assertInstanceOf(await early, NotSentError);
});

test("A message that expires without connection is given up at its time, not later", async (world) => {
  const client = await offline(world, {}, 1_000_000);
  const never = client.publish("never", "", { qos: 1 });
  const late = client.publish("late", "", { messageExpiryInterval: 20 });
  await world.clock.advance(2000);
  const early = client.publish("early", "", { qos: 2, messageExpiryInterval: 5 });
  const rejected = assertRejects(() => early, NotSentError, '"early" expired');
  await world.clock.advance(4999);
  await assertPending(early);
  await world.clock.advance(1);
  assertStrictEquals((await rejected).kind, "expired");
  await assertPending(late);
  const second = assertRejects(() => late, NotSentError, '"late" expired');
  await world.clock.advance(13_000);
  await second;
  await assertPending(never);
  never.catch(() => {});
});

test("A message that waited already when the connection was lost is given up at its time, too", async (world) => {
  const { client, peer } = await world.connected(
    { reconnect: { initialDelay: 1e6, maximumDelay: 1e6 }, sessionExpiryInterval: 60 },
    { properties: { receiveMaximum: 1 } },
  );
  void client.publish("first", "", { qos: 1, messageExpiryInterval: 1 }).catch(() => {});
  const waiting = client.publish("second", "", { qos: 1, messageExpiryInterval: 30 });
  const rejected = assertRejects(() => waiting, NotSentError);
  world.clock.chance = 0.5;
  await world.clock.advance(10_000);
  peer.far.cut();
  await world.clock.advance(19_999);
  await assertPending(waiting);
  await world.clock.advance(1);
  assertStrictEquals((await rejected).kind, "expired");
});

test("A message with a Message Expiry Interval of 0 is given up at once when it has to wait, else sent", async (world) => {
  const online = await world.connected();
  await online.client.publish("now", "", { messageExpiryInterval: 0 });
  assertStrictEquals((await online.peer.expect("publish")).properties.messageExpiryInterval, 0);
  const client = await offline(world, {}, 1000);
  const given = client.publish("then", "", { messageExpiryInterval: 0 });
  const rejected = assertRejects(() => given, NotSentError);
  await world.clock.advance(0);
  assertStrictEquals((await rejected).kind, "expired");
});

test("A message that was aborted does not expire as well, and one that has expired is not aborted", async (world) => {
  const client = await offline(world, {}, 1_000_000);
  const abort = new AbortController();
  const options = { messageExpiryInterval: 5, signal: abort.signal };
  const given = client.publish("a", "", options);
  const rejected = assertRejects(() => given, Error, "enough");
  abort.abort(new Error("enough"));
  await rejected;
  await world.clock.advance(10_000);
  const other = new AbortController();
  const expired = client.publish("a", "", { messageExpiryInterval: 5, signal: other.signal });
  const gone = assertRejects(() => expired, NotSentError);
  await world.clock.advance(5000);
  other.abort(new Error("enough"));
  await gone;
});

test("A message expires while the server's Receive Maximum keeps it waiting, too", async (world) => {
  const { client, peer } = await world.connected(
    { keepAlive: 0 },
    { properties: { receiveMaximum: 1 } },
  );
  void client.publish("first", "", { qos: 1 }).catch(() => {});
  const given = client.publish("second", "", { qos: 1, messageExpiryInterval: 3 });
  const rejected = assertRejects(() => given, NotSentError);
  await world.clock.advance(3000);
  assertStrictEquals((await rejected).kind, "expired");
  assertStrictEquals(topicsOf(await peer.takePackets()), "first");
});
