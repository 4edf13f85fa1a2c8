// A client with a store where things meet: a queue that is full, a message that is cancelled on its
// way, a store that is slow, fails or says that it has failed, a session that is lost.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ConnectionClosedError, NotSentError } from "../../src/errors.ts";
import { startClient } from "../../src/client/client.ts";
import { begin, kill, none, OPTIONS, summary } from "./processes.ts";
import { MemoryStore } from "./memory_store.ts";
import type { Peer } from "./peer.ts";
import { assertPending, outcome, settle, test, URL_OF_SERVER } from "./world.ts";

/** Acknowledges everything as it comes, until nothing comes. Returns the topics. */
async function acknowledgeAll(peer: Peer): Promise<string[]> {
  const topics: string[] = [];
  for (let packets; (packets = await peer.takePackets()).length > 0;) {
    for (const packet of packets) {
      if (packet.type !== "publish") continue;
      topics.push(packet.topic);
      if (packet.qos > 0) peer.send({ type: "puback", packetId: packet.packetId });
    }
  }
  return topics;
}

test("Messages of QoS 0 that take the room of the queue drop no stored message, and hold none up", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, { properties: { receiveMaximum: 1 } }, {
    sendQueue: { messages: 4, whenFull: "drop oldest" },
  });
  const published = ["1", "2", "3", "4", "5", "6", "7"].map((topic) =>
    client.publish(topic, "", { qos: 1 })
  );
  assertEquals(summary(await peer.takePackets()), ["publish 1 1"]);
  for (let count = 0; count < 4; count++) void client.publish("zero", "").catch(none);
  await settle();
  peer.send({ type: "puback", packetId: 1 });
  const topics = await acknowledgeAll(peer);
  assertEquals(topics.filter((topic) => topic !== "zero"), ["2", "3", "4", "5", "6", "7"]);
  await Promise.all(published);
});

test("What was in flight in a lost session is sent anew in its order, however much there is room for", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const topics = Array.from({ length: 1500 }, (_, number) => `${number}`);
  for (const topic of topics.slice(0, 1400)) void client.publish(topic, "", { qos: 1 }).catch(none);
  await peer.takePackets();
  const next = await kill(client, peer, store);
  const again = await begin(world, next, { properties: { receiveMaximum: 50 } }, {
    onSessionLost: "resend",
    sendQueue: { messages: 100 },
  });
  const published = topics.slice(1400).map((topic) => again.client.publish(topic, "", { qos: 1 }));
  assertEquals(await acknowledgeAll(again.peer), topics);
  await Promise.all(published);
  assertStrictEquals(next.disk.messages.size, 0);
});

test("A signal takes back a message that waits in the store, or is on its way there", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, { properties: { receiveMaximum: 1 } }, {
    sendQueue: { messages: 1 },
  });
  void client.publish("flies", "", { qos: 1 });
  void client.publish("queued", "", { qos: 1 });
  const stop = new AbortController();
  const { signal } = stop;
  const stored = client.publish("stored", "", { qos: 1, signal });
  await peer.takePackets();
  store.isSlow = true;
  const entering = client.publish("entering", "", { qos: 1, signal });
  await settle();
  stop.abort(new Error("stop"));
  for (const promise of [stored, entering]) await assertRejects(() => promise, Error, "stop");
  store.isSlow = false;
  store.finish();
  await settle();
  peer.send({ type: "puback", packetId: 1 });
  assertEquals(await acknowledgeAll(peer), ["queued"]);
  assertStrictEquals(store.disk.messages.size, 0);
});

test("A message is cancelled once, whoever asks; then it is so on disk, and what is behind it goes on", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, { properties: { receiveMaximum: 1 } }, {
    sendQueue: { messages: 1 },
  });
  const receipts = [];
  for (const topic of ["flies", "queued", "stored", "last"]) {
    receipts.push(await client.enqueue(topic, ""));
  }
  const [, queued, stored] = receipts;
  store.isSlow = true;
  const cancelled = [queued!.cancel(), stored!.cancel(), stored!.cancel()];
  for (const promise of cancelled) await assertPending(promise);
  for (let commit = 0; commit < 4; commit++) {
    store.finish();
    await settle();
  }
  store.isSlow = false;
  store.finish();
  assertEquals(await Promise.all(cancelled), [true, true, false]);
  assertEquals(summary(await peer.takePackets()), ["publish 1 flies"]);
  peer.send({ type: "puback", packetId: 1 });
  assertEquals(await acknowledgeAll(peer), ["last"]);
});

test("Behind messages that were all cancelled while they were read, the next is read", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, { properties: { receiveMaximum: 1 } }, {
    sendQueue: { messages: 2 },
  });
  const receipts = [];
  for (const topic of ["flies", "queued 1", "queued 2", "stored 1", "stored 2", "last"]) {
    receipts.push(await client.enqueue(topic, ""));
  }
  const [, queued1, queued2, stored1, stored2] = receipts;
  const reads: number[] = [];
  const waiting = store.waiting.bind(store);
  store.waiting = (after, count) => {
    reads.push(after);
    return waiting(after, count);
  };
  store.isSlow = true;
  const ofStored = [stored1!.cancel(), stored2!.cancel()];
  for (const promise of ofStored) await assertPending(promise);
  reads.length = 0;
  const ofQueued = [queued1!.cancel(), queued2!.cancel()];
  for (const promise of ofQueued) await assertPending(promise);
  const last = [queued2, stored2].map((receipt) => Number(receipt!.id.replace("store-", "")));
  assertEquals(reads.slice(-2), last);
  store.isSlow = false;
  store.finish();
  assertEquals(await Promise.all([...ofStored, ...ofQueued]), [true, true, true, true]);
  assertEquals(summary(await peer.takePackets()), ["publish 1 flies"]);
  peer.send({ type: "puback", packetId: 1 });
  assertEquals(await acknowledgeAll(peer), ["last"]);
});

test("A message that waits in memory expires without a connection, too", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  peer.far.cut();
  await settle();
  const receipt = await client.enqueue("expires", "", { messageExpiryInterval: 10 });
  const { done } = receipt;
  done.catch(none);
  await world.clock.advance(9_000);
  await assertPending(done);
  await world.clock.advance(2_000);
  await assertRejects(() => done, NotSentError, "expired");
  assertStrictEquals(store.disk.messages.size, 0);
});

test("Nobody is told that a message expired before that is stored, as the next process might send it", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, undefined, { sendQueue: { messages: 1 } });
  peer.far.cut();
  await settle();
  const options = { qos: 1, messageExpiryInterval: 10 } as const;
  const promises = ["in memory", "in the store"].map((topic) => client.publish(topic, "", options));
  for (const promise of promises) promise.catch(none);
  await settle();
  assertStrictEquals(store.disk.messages.size, 2);
  store.failure = new Error("the disk is full");
  await world.clock.advance(20_000);
  for (const promise of promises) await assertPending(promise);
  store.failure = undefined;
  await world.clock.advance(6_000);
  for (const promise of promises) await assertRejects(() => promise, NotSentError, "expired");
  assertStrictEquals(store.disk.messages.size, 0);
});

test("Messages that expire while nothing can be stored are given up once", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, { properties: { receiveMaximum: 1 } }, {
    sendQueue: { messages: 1 },
    keepAlive: 0,
  });
  for (const topic of ["flies", "queued"]) void client.publish(topic, "", { qos: 1 });
  const options = { qos: 1, messageExpiryInterval: 10 } as const;
  const expired = [client.publish("x", "", options), client.publish("y", "", options)];
  const last = client.publish("last", "", { qos: 1 });
  await peer.takePackets();
  store.failure = new Error("the disk is full");
  for (const promise of expired) promise.catch(none);
  await world.clock.advance(60_000);
  store.failure = undefined;
  await world.clock.advance(6_000);
  for (const promise of expired) await assertRejects(() => promise, NotSentError, "expired");
  peer.send({ type: "puback", packetId: 1 });
  assertEquals(await acknowledgeAll(peer), ["queued", "last"]);
  await last;
  assertStrictEquals(store.disk.messages.size, 0);
});

test("A commit that reports a failure and has written leaves nothing that was refused", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  store.failure = new Error("nobody knows");
  store.isWrittenAllTheSame = true;
  await assertRejects(() => client.publish("refused", "", { qos: 1 }), Error, "nobody knows");
  store.failure = undefined;
  await world.clock.advance(1_000);
  assertStrictEquals(store.disk.messages.size, 0);
  peer.far.cut();
  await (await world.accept({ sessionPresent: true })).expectNothing();
});

test("A commit that fails at the end rejects who waits for it, and the store is given back", async (world) => {
  const store = new MemoryStore();
  const { client } = await begin(world, store);
  store.isSlow = true;
  const enqueued = client.enqueue("a", "");
  await settle();
  store.failure = new Error("the disk is gone");
  const ended = client.disconnect();
  enqueued.catch(none);
  for (let turn = 0; turn < 5; turn++) {
    store.finish();
    await world.clock.advance(2_000);
  }
  assertStrictEquals((await outcome(ended)).status, "fulfilled");
  await assertRejects(() => enqueued, Error, "the disk is gone");
  assertStrictEquals(store.isOpen, false);
});

test("After its end a client's receipts reject, and nothing is cancelled", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, { properties: { receiveMaximum: 1 } });
  await client.enqueue("flies", "");
  const receipt = await client.enqueue("waits", "");
  await kill(client, peer, store);
  const { done } = receipt;
  assertStrictEquals((await outcome(done)).status, "rejected");
  await assertRejects(() => receipt.cancel(), ConnectionClosedError);
});

test("A receipt whose outcome is kept no more says so when it is asked", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const receipt = await client.enqueue("a", "");
  assertEquals(await acknowledgeAll(peer), ["a"]);
  store.disk.receipts.clear();
  await assertRejects(() => receipt.done, ConnectionClosedError, "not kept any more");
});

test("An outcome is told as soon as it is stored, whatever else is to be stored", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const receipt = await client.enqueue("a", "");
  await peer.expect("publish");
  store.isSlow = true;
  peer.send({ type: "puback", packetId: 1 });
  await settle();
  const { done } = receipt;
  void client.publish("b", "", { qos: 1 }).catch(none);
  await assertPending(done);
  store.finish();
  assertStrictEquals((await outcome(done)).status, "fulfilled");
  store.isSlow = false;
  store.finish();
});

test("A message whose PUBACK comes with the end of the connection waits for nothing any more", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const published = client.publish("a", "", { qos: 1 });
  const next = client.publish("b", "", { qos: 1 });
  await peer.takePackets();
  const from = store.written.length;
  peer.send({ type: "puback", packetId: 1 }, { type: "disconnect", reasonCode: 0x8b });
  await published;
  await settle();
  assertEquals(store.written.slice(from).map(({ type }) => type), ["settled"]);
  next.catch(none);
});

test("What was acknowledged and could not be stored is forgotten with its session", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, {}, { ack: "manual", keepAlive: 0 });
  const messages = client.messages[Symbol.asyncIterator]();
  peer.send({ type: "publish", topic: "a", qos: 1, packetId: 7 });
  const message = (await messages.next()).value!;
  store.isSlow = true;
  store.failure = new Error("the disk is full");
  message.ack();
  await settle();
  peer.far.cut();
  await settle();
  await world.clock.advance(1_000);
  store.isSlow = false;
  store.finish();
  await world.clock.advance(5_000);
  store.failure = undefined;
  await world.clock.advance(60_000);
  const again = world.peers.at(-1)!;
  assert(again !== peer);
  await again.accept({ sessionPresent: false });
  await settle();
  assertEquals([...store.disk.deliveries.keys()], []);
  void client.publish("goes on", "", { qos: 1 }).catch(none);
  assertEquals(summary(await again.takePackets()), ["publish 1 goes on"]);
});

test("Very many messages of one turn are committed as they come; a store that is slow bounds them", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const { commits } = store;
  const payload = new Uint8Array(1_048_576);
  const publish = () => client.publish("large", payload, { qos: 1 });
  for (let count = 0; count < 5; count++) publish().catch(none);
  assertStrictEquals(store.commits, commits + 4);
  await settle();
  store.isSlow = true;
  const published = Array.from({ length: 70 }, publish);
  for (const promise of published) promise.catch(none);
  const statuses = await Promise.all(published.map(outcome));
  assertStrictEquals(statuses[60]!.status, "pending");
  const refused = await assertRejects(() => published[69]!, NotSentError);
  assertStrictEquals(refused.kind, "queue full");
  store.isSlow = false;
  store.finish();
  await peer.takePackets();
});

test("What a transaction publishes while the client connects is sent", async (world) => {
  const { openStore } = await import("../../src/store/client_store.ts");
  const store = openStore(":memory:");
  const started = startClient(world, URL_OF_SERVER, { ...OPTIONS, store });
  store.transaction((_database, publish) => publish("early", "1"));
  const peer = await world.accept();
  const client = world.adopt(await started);
  assertEquals(summary(await peer.takePackets()), ["publish 1 early"]);
  store.transaction((_database, publish) => publish("late", "2"));
  assertEquals(summary(await peer.takePackets()), ["publish 2 late"]);
  const { inside } = store.transaction(() => ({ inside: client.publish("a", "", { qos: 1 }) }));
  await assertRejects(() => inside, TypeError, "publish by the function that it is given");
  await peer.expectNothing();
  peer.send({ type: "puback", packetId: 1 }, { type: "puback", packetId: 2 });
  await settle();
  const ended = client.disconnect();
  await world.clock.advance(1_000);
  await ended;
  store.close();
});

test("What has been stored is sent while the next is being stored, and nothing before", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  store.isSlow = true;
  void client.publish("a", "", { qos: 1 }).catch(none);
  await settle();
  void client.publish("b", "", { qos: 1 }).catch(none);
  await peer.expectNothing();
  store.finish();
  assertEquals(summary(await peer.takePackets()), ["publish 1 a"]);
  store.finish();
  assertEquals(summary(await peer.takePackets()), ["publish 2 b"]);
  store.isSlow = false;
});

test("What was refused is not sent when the store works again at once", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  store.failure = new Error("for a moment");
  await assertRejects(() => client.publish("refused", "", { qos: 1 }), Error, "for a moment");
  store.failure = undefined;
  await world.clock.advance(900);
  await peer.expectNothing();
});

test("A message that is acknowledged twice over in the last bytes of a connection waits for nothing", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const published = client.publish("a", "", { qos: 2 });
  await peer.takePackets();
  const from = store.written.length;
  const packetId = 1;
  peer.send(
    { type: "pubrec", packetId },
    { type: "pubcomp", packetId },
    { type: "disconnect", reasonCode: 0x8b },
  );
  await published;
  await settle();
  assertEquals(store.written.slice(from).map(({ type }) => type), ["settled"]);
});

test("After a message that was refused by its PUBREC its identifier is a new message's, in the next process too", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, {}, { ack: "manual" });
  const publish = { type: "publish", topic: "a", qos: 2, packetId: 7 } as const;
  peer.send(publish);
  const refused = (await client.messages[Symbol.asyncIterator]().next()).value!;
  refused.ack(0x87);
  await peer.expect("pubrec");
  const next = await kill(client, peer, store);
  const again = await begin(world, next, { sessionPresent: true }, { ack: "manual" });
  again.peer.send(publish);
  const other = (await again.client.messages[Symbol.asyncIterator]().next()).value!;
  assert(other.deliveryId !== refused.deliveryId);
});

test("A transaction that fails takes nothing else along; one that works makes its message the past", async (world) => {
  const { openStore } = await import("../../src/store/client_store.ts");
  const store = openStore(":memory:");
  const started = startClient(world, URL_OF_SERVER, { ...OPTIONS, store });
  const peer = await world.accept();
  const client = world.adopt(await started);
  const messages = client.messages[Symbol.asyncIterator]();
  const publish = { type: "publish", topic: "a", qos: 2, packetId: 7 } as const;
  peer.send(publish);
  const message = (await messages.next()).value!;
  void client.publish("beside", "", { qos: 1 });
  const failing = () =>
    message.commit(() => {
      throw new RangeError("of the application");
    });
  assertThrows(failing, RangeError, "of the application");
  assertEquals(summary(await peer.takePackets()), ["publish 1 beside"]);
  const inFlight = () =>
    store.transaction((database) => database.prepare("SELECT id FROM mqtt_message").all().length);
  assertStrictEquals(inFlight(), 1);
  assertStrictEquals(message.commit(() => 7), 7);
  assertEquals(summary(await peer.takePackets()), ["pubrec 7"]);
  peer.send({ type: "puback", packetId: 1 }, { type: "pubrel", packetId: 7 }, publish);
  const other = (await messages.next()).value!;
  assert(other.deliveryId !== message.deliveryId);
  await settle();
  const ended = client.disconnect();
  await world.clock.advance(1_000);
  await ended;
  store.close();
});

test("A message that is cancelled and expires while nothing can be stored is given up once, and never sent", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store, { properties: { receiveMaximum: 1 } }, {
    sendQueue: { messages: 1 },
    keepAlive: 0,
  });
  const receipts = [];
  for (const topic of ["flies", "queued", "stored", "last"]) {
    const options = topic === "stored" ? { messageExpiryInterval: 10 } : {};
    receipts.push(await client.enqueue(topic, "", options));
  }
  await peer.takePackets();
  store.failure = new Error("the disk is full");
  const cancelled = receipts[2]!.cancel();
  await settle();
  peer.send({ type: "puback", packetId: 1 });
  await world.clock.advance(11_000);
  store.failure = undefined;
  await world.clock.advance(6_000);
  assertStrictEquals(await cancelled, true);
  assertEquals(await acknowledgeAll(peer), ["queued", "last"]);
  assertStrictEquals(store.disk.messages.size, 0);
  assertStrictEquals(await client.receipt(receipts[2]!.id.replace("store", "other")), undefined);
});

test("What the server has released is not sent anew, though the session is lost", async (world) => {
  const store = new MemoryStore();
  const { client, peer } = await begin(world, store);
  const receipt = await client.enqueue("a", "", { qos: 2 });
  await peer.takePackets();
  peer.send({ type: "pubrec", packetId: 1 });
  await peer.expect("pubrel");
  const next = await kill(client, peer, store);
  const again = await begin(world, next, {}, { onSessionLost: "resend" });
  await again.peer.expectNothing();
  assertStrictEquals((await (await again.client.receipt(receipt.id))!.done).reasonCode, 0);
});

test("Whether there is room is asked for all that is on its way to the store", async (world) => {
  const store = new MemoryStore();
  const { client } = await begin(world, store);
  const asked = () => store.asked;
  void client.publish("a", "1234567890", { qos: 1 }).catch(none);
  const first = asked();
  void client.publish("a", "1234567890", { qos: 1 }).catch(none);
  assert(asked() >= first + 10, `${asked()} after ${first}`);
});
