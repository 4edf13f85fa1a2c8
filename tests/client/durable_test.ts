// A client with a store: nothing that promises something leaves before what it promises is on disk,
// and a process that is killed goes on where its store is.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { startClient } from "../../src/client/client.ts";
import type { ConnectOptions } from "../../src/client/options.ts";
import { ConnectionClosedError, NotSentError, RefusedError } from "../../src/errors.ts";
import { MemoryStore } from "./memory_store.ts";
import { begin, kill, none, OPTIONS, summary } from "./processes.ts";
import { assertPending, Loop, outcome, settle, test, URL_OF_SERVER } from "./world.ts";

test("A message of QoS 1 or 2 is on disk before it is sent, with all that a turn brings in one commit", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  store.isSlow = true;
  const { commits } = store;
  const published = [1, 2, 1].map((qos) => client.publish("a", "1", { qos: qos as 1 | 2 }));
  await peer.expectNothing();
  store.finish();
  assertEquals(summary(await peer.takePackets()), ["publish 1 a", "publish 2 a", "publish 3 a"]);
  assertStrictEquals(store.commits, commits + 1);
  assertStrictEquals(store.disk.messages.size, 3);
  peer.send({ type: "puback", packetId: 1 }, { type: "puback", packetId: 3 });
  peer.send({ type: "pubrec", packetId: 2 });
  await peer.expectNothing();
  store.finish();
  assertEquals(summary(await peer.takePackets()), ["pubrel 2"]);
  assertEquals([...store.disk.messages.values()].map(({ isReleased }) => isReleased), [true]);
  peer.send({ type: "pubcomp", packetId: 2 });
  await settle();
  store.finish();
  await Promise.all(published);
  assertStrictEquals(store.disk.messages.size, 0);
  store.isSlow = false;
});

test("What was in flight and what waited goes on in the next process, in its order [MQTT-4.4.0-1] [MQTT-4.6.0-1]", async (world) => {
  const store = new MemoryStore();
  const properties = { receiveMaximum: 3 };
  const { client, peer } = await begin(world, store, { properties });
  for (const [topic, qos] of [["released", 2], ["once", 1], ["twice", 2], ["waits", 1]] as const) {
    void client.publish(topic, topic, { qos }).catch(() => {});
  }
  await peer.takePackets();
  peer.send({ type: "pubrec", packetId: 1 });
  await peer.takePackets();
  const next = await kill(client, peer, store);
  const again = await begin(world, next, { sessionPresent: true, properties });
  assertStrictEquals(again.cleanStart, false);
  assertEquals(summary(await again.peer.takePackets()), [
    "pubrel 1",
    "publish 2 once dup",
    "publish 3 twice dup",
  ]);
  again.peer.send({ type: "puback", packetId: 2 });
  assertEquals(summary(await again.peer.takePackets()), ["publish 2 waits"]);
});

test("What was in flight in a lost session is sent anew in the next process with what is left of its Message Expiry Interval", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  void client.publish("a", "", { qos: 1, messageExpiryInterval: 100 }).catch(none);
  await peer.takePackets();
  const next = await kill(client, peer, store);
  world.clock.sleep(30_000);
  const again = await begin(world, next, {}, { onSessionLost: "resend" });
  const left = (await again.peer.takePackets()).map((packet) =>
    packet.type === "publish" && packet.properties.messageExpiryInterval
  );
  assertEquals(left, [70]);
});

test("What was put into flight after a restart is behind what was in flight before it", async (world) => {
  const store = new MemoryStore();
  const first = await begin(world, store);
  for (const topic of ["a", "b", "c"]) void first.client.publish(topic, "", { qos: 1 }).catch(none);
  await first.peer.takePackets();
  first.peer.send({ type: "puback", packetId: 1 });
  await settle();
  const second = await kill(first.client, first.peer, store);
  const middle = await begin(world, second, { sessionPresent: true });
  void middle.client.publish("d", "", { qos: 1 }).catch(none);
  await middle.peer.takePackets();
  const third = await kill(middle.client, middle.peer, second);
  const last = await begin(world, third, { sessionPresent: true });
  const topics = (await last.peer.takePackets()).map((packet) => "topic" in packet && packet.topic);
  assertEquals(topics, ["b", "c", "d"]);
});

test("A message of QoS 2 that was acknowledged is not delivered again, though its PUBREC was lost [MQTT-4.3.3-10]", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const loop = new Loop(client.messages);
  peer.send({ type: "publish", topic: "a", qos: 2, packetId: 7 });
  const message = await loop.take();
  store.isSlow = true;
  assert(message.ack());
  await peer.expectNothing();
  store.finish();
  assertEquals(summary(await peer.takePackets()), ["pubrec 7"]);
  store.isSlow = false;
  const next = await kill(client, peer, store);
  const again = await begin(world, next, { sessionPresent: true });
  again.peer.send({ type: "publish", topic: "a", qos: 2, packetId: 7, dup: true });
  assertEquals(summary(await again.peer.takePackets()), ["pubrec 7"]);
  next.isSlow = true;
  again.peer.send({ type: "pubrel", packetId: 7 });
  await again.peer.expectNothing();
  next.finish();
  assertEquals(summary(await again.peer.takePackets()), ["pubcomp 7"]);
  next.isSlow = false;
});

test("A message has one deliveryId until it is acknowledged, in the next process too", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, {}, { ack: "manual" });
  const publish = { type: "publish", topic: "a", packetId: 7 } as const;
  peer.send({ ...publish, qos: 1 }, { ...publish, qos: 2, packetId: 8 }, {
    ...publish,
    qos: 0,
    packetId: 0,
  });
  const [one, two, none] = await new Loop(client.messages).takeMany(3);
  assertStrictEquals(none!.deliveryId, undefined);
  const next = await kill(client, peer, store);
  const again = await begin(world, next, { sessionPresent: true }, { ack: "manual" });
  const loop = new Loop(again.client.messages);
  again.peer.send(
    { ...publish, qos: 1, dup: true },
    { ...publish, qos: 2, packetId: 8, dup: true },
  );
  const [oneAgain, twoAgain] = await loop.takeMany(2);
  assertEquals([oneAgain!.deliveryId, twoAgain!.deliveryId], [one!.deliveryId, two!.deliveryId]);
  assert(one!.deliveryId !== two!.deliveryId);
  oneAgain!.ack();
  await again.peer.expect("puback");
  again.peer.send({ ...publish, qos: 1 });
  const newOne = await loop.take();
  assert(newOne.deliveryId !== one!.deliveryId, newOne.deliveryId);
  newOne.ack();
});

test("After a lost session what was never sent is sent; what was in flight is rejected, and said to may have arrived", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, { properties: { receiveMaximum: 1 } });
  const receipt = await client.enqueue("flew", "1");
  void client.publish("waits", "2", { qos: 2 }).catch(none);
  await peer.takePackets();
  const next = await kill(client, peer, store);
  const again = await begin(world, next, { sessionPresent: false });
  assertEquals(summary(await again.peer.takePackets()), ["publish 1 waits"]);
  const found = await again.client.receipt(receipt.id);
  const error = await assertRejects(() => found!.done, ConnectionClosedError);
  assert(error.message.includes("may or may not have arrived"), error.message);
});

test('With onSessionLost "resend" what was in flight is sent anew, before what waits', async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, { properties: { receiveMaximum: 2 } });
  for (const topic of ["a", "b", "c"]) void client.publish(topic, "", { qos: 2 }).catch(none);
  await peer.takePackets();
  const next = await kill(client, peer, store);
  const options = { onSessionLost: "resend" } as const;
  const again = await begin(world, next, { sessionPresent: false }, options);
  const packets = await again.peer.takePackets();
  assertEquals(summary(packets), ["publish 1 a", "publish 2 b", "publish 3 c"]);
});

test("A receipt tells the outcome in a later process, and a waiting message can be cancelled", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, { properties: { receiveMaximum: 2 } });
  const receipts = [];
  for (const topic of ["taken", "refused", "waits", "cancelled"]) {
    receipts.push(await client.enqueue(topic, "1"));
  }
  const [taken, refused, waits, cancelled] = receipts;
  await peer.takePackets();
  assertStrictEquals(await taken!.cancel(), false, "it is in flight");
  assertStrictEquals(await cancelled!.cancel(), true);
  await assertRejects(() => cancelled!.done.then(), Error);
  peer.send({ type: "puback", packetId: 1, reasonCode: 0x10 });
  peer.send({ type: "puback", packetId: 2, reasonCode: 0x97 });
  await settle();
  const next = await kill(client, peer, store);
  const again = await begin(world, next, { sessionPresent: true });
  const find = async (receipt = taken!) => (await again.client.receipt(receipt.id))!;
  assertStrictEquals((await (await find()).done).reasonCode, 0x10);
  const no = await assertRejects(async () => (await find(refused)).done, RefusedError, '"refused"');
  assertStrictEquals(no.reasonCode, 0x97);
  await assertRejects(async () => (await find(cancelled)).done, NotSentError, "was cancelled");
  const pending = await Array.fromAsync(again.client.receipts());
  assertEquals(pending.map(({ id }) => id), [waits!.id]);
  assertStrictEquals(await again.client.receipt("other-1"), undefined);
  assertStrictEquals(await again.client.receipt("store-999"), undefined);
});

test("What waits is read from the store in windows, and keeps its order", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, { properties: { receiveMaximum: 10 } });
  const count = 3000;
  for (let number = 0; number < count; number++) {
    void client.publish(`${number}`, "", { qos: 1 }).catch(none);
  }
  await settle();
  const next = await kill(client, peer, store);
  assertStrictEquals(next.disk.messages.size, count);
  const again = await begin(world, next, {
    sessionPresent: true,
    properties: { receiveMaximum: 9 },
  });
  const topics: number[] = [];
  for (let packets; (packets = await again.peer.takePackets()).length > 0;) {
    for (const packet of packets) {
      if (packet.type !== "publish") continue;
      topics.push(Number(packet.topic));
      again.peer.send({ type: "puback", packetId: packet.packetId });
    }
  }
  assertEquals(topics, Array.from({ length: count }, (_, number) => number));
  assertStrictEquals(next.disk.messages.size, 0);
});

test("A message that expires while it waits in the store is given up, by the clock on the wall", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, { properties: { receiveMaximum: 1 } });
  await client.enqueue("flies", "");
  const receipt = await client.enqueue("expires", "", { messageExpiryInterval: 10 });
  await peer.takePackets();
  const next = await kill(client, peer, store);
  world.clock.sleep(11_000);
  const again = await begin(world, next, { sessionPresent: true });
  assertEquals(summary(await again.peer.takePackets()), ["publish 1 flies dup"]);
  await assertRejects(
    async () => (await again.client.receipt(receipt.id))!.done,
    NotSentError,
    "expired",
  );
});

test("While nothing can be stored messages are refused, nothing is sent that promises, and then it goes on", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const failures: Error[] = [];
  client.addEventListener("storefailed", ({ detail }) => failures.push(detail.error));
  void client.publish("before", "", { qos: 2 });
  await peer.expect("publish");
  store.failure = new Error("the disk is full");
  peer.send({ type: "pubrec", packetId: 1 });
  await peer.expectNothing();
  await assertRejects(() => client.publish("new", "", { qos: 1 }), Error, "the disk is full");
  await assertRejects(() => client.enqueue("new", ""), Error, "the disk is full");
  await client.publish("never stored", "", { qos: 0 });
  store.failure = undefined;
  await world.clock.advance(10_000);
  assertEquals(summary(await peer.takePackets()), ["pubrel 1", "publish 0 never stored"]);
  assertEquals(failures.map(({ message }) => message), ["the disk is full"]);
  peer.send({ type: "pubcomp", packetId: 1 });
  await client.enqueue("after", "");
  assertEquals(summary(await peer.takePackets()), ["publish 2 after"]);
});

test("A new message that cannot be stored is refused and never sent, whatever it was on its way with", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  store.failure = new Error("the disk is full");
  const published = client.publish("lost", "", { qos: 2 });
  await assertRejects(() => published, Error, "the disk is full");
  await peer.expectNothing();
  await world.clock.advance(1000);
  await peer.expectClosed();
  store.failure = undefined;
  await world.clock.advance(10_000);
  const again = await world.accept({ sessionPresent: true });
  assertEquals(summary(await again.takePackets()), []);
  assertStrictEquals(store.disk.messages.size, 0);
  store.full = new Error("maximumBytes");
  await assertRejects(() => client.publish("no room", "", { qos: 1 }), Error, "maximumBytes");
});

test("A store needs a clientId and a sessionExpiryInterval, and is given back in the end", async (world) => {
  const store = new MemoryStore();
  const refused: readonly [ConnectOptions, string][] = [
    [{ clientId: "" }, "clientId"],
    [{ sessionExpiryInterval: 0 }, "sessionExpiryInterval"],
    [{ session: { clientId: "c", inFlight: [], unreleased: [], queued: [] } }, "session"],
    [{ store: undefined, onSessionLost: "resend" }, "onSessionLost"],
    [{ onSessionLost: "forget" as "resend" }, "onSessionLost"],
  ];
  for (const [options, says] of refused) {
    const start = () => startClient(world, URL_OF_SERVER, { ...OPTIONS, store, ...options });
    await assertRejects(start, TypeError, says);
  }
  assertStrictEquals(store.isOpen, false);
  const { client } = await begin(world, store);
  await assertRejects(() => client.enqueue("a", "", { qos: 0 }), TypeError, "qos 0");
  const signal = { signal: new AbortController().signal, qos: 1 } as const;
  await assertRejects(() => client.enqueue("a", "", signal), TypeError, "signal");
  assertStrictEquals(store.isOpen, true);
  const ended = client.disconnect();
  await world.clock.advance(1000);
  await ended;
  assertStrictEquals(store.isOpen, false);
  const without = await world.connected();
  await assertRejects(() => without.client.enqueue("a", ""), TypeError, "no store");
  assertThrows(() => without.client.receipts(), TypeError, "no store");
});

test("A store is given back when there is no server, too", async (world) => {
  const store = new MemoryStore();
  world.onDial = () => Promise.reject(new Error("no server"));
  const start = () => startClient(world, URL_OF_SERVER, { ...OPTIONS, store });
  await assertRejects(start, ConnectionClosedError);
  assertStrictEquals(store.isOpen, false);
});

test("publish() of a client that ends rejects, and its message is there for the next process", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const published = client.publish("a", "", { qos: 1 });
  await peer.expect("publish");
  const ended = client.disconnect({ timeout: 10 });
  await assertPending(published);
  await world.clock.advance(1010);
  await ended;
  assertStrictEquals((await outcome(published)).status, "rejected");
  assertStrictEquals(store.disk.messages.size, 1);
});

test("A request is not in the store, as nobody would wait for its response; at QoS 2 it is refused", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const response = client.request("a", "");
  const { subscriptions } = await peer.grant();
  assertStrictEquals(subscriptions[0]!.topicFilter, "mqtt5/responses/c");
  const { packetId, qos, properties } = await peer.expect("publish");
  assertEquals([qos, store.disk.messages.size], [1, 0]);
  peer.send({ type: "puback", packetId });
  const { responseTopic = "", correlationData } = properties;
  peer.send({ type: "publish", topic: responseTopic, properties: { correlationData } });
  await response;
  await assertRejects(() => client.request("a", "", { qos: 2 }), TypeError);
  assertThrows(() => client.requestMany("a", "", { qos: 2 }), TypeError);
  await peer.expectNothing();
});
