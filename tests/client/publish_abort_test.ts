// The signal of publish(): what was not sent never is; what is in flight goes on, and only the wait ends.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { NotSentError } from "../../src/errors.ts";
import { assertPending, test } from "./world.ts";

const REASON = new Error("enough");

test("publish() with a signal that has aborted sends nothing", async (world) => {
  const { client, peer } = await world.connected();
  for (const qos of [0, 1, 2] as const) {
    const publish = () => client.publish("a", "", { qos, signal: AbortSignal.abort(REASON) });
    assertStrictEquals(await assertRejects(publish), REASON);
  }
  await peer.expectNothing();
});

test("A message that is aborted while it waits for a connection is never sent", async (world) => {
  const { client, peer } = await world.connected();
  peer.far.cut();
  await peer.takePackets();
  const abort = new AbortController();
  const { signal } = abort;
  const given = [0, 1, 2].map((qos) => client.publish("up", "", { qos: qos as 0, signal }));
  void client.publish("kept", "", { qos: 1 }).catch(() => {});
  abort.abort(REASON);
  for (const promise of given) assertStrictEquals(await assertRejects(() => promise), REASON);
  const second = await world.accept();
  assertStrictEquals((await second.expect("publish")).topic, "kept");
  await second.expectNothing();
});

test("A message that is aborted while it waits for the Receive Maximum is never sent", async (world) => {
  const { client, peer } = await world.connected({}, { properties: { receiveMaximum: 1 } });
  const abort = new AbortController();
  const first = client.publish("first", "", { qos: 1 });
  const given = client.publish("up", "", { qos: 2, signal: abort.signal });
  const third = client.publish("third", "", { qos: 1 });
  await peer.expect("publish");
  abort.abort(REASON);
  assertStrictEquals(await assertRejects(() => given), REASON);
  peer.send({ type: "puback", packetId: 1 });
  await first;
  const { topic, packetId } = await peer.expect("publish");
  assertStrictEquals(topic, "third");
  peer.send({ type: "puback", packetId });
  await third;
});

test("A message of QoS 0 that is aborted while the send buffer is full is never sent", async (world) => {
  const { client, peer } = await world.connected();
  peer.near.stall();
  const abort = new AbortController();
  for (let count = 0; count < 5; count++) void client.publish("big", new Uint8Array(100_000));
  const given = client.publish("up", "", { signal: abort.signal });
  await assertPending(given);
  abort.abort(REASON);
  assertStrictEquals(await assertRejects(() => given), REASON);
  peer.near.resume();
  assertEquals((await peer.takePackets()).map((packet) => "topic" in packet && packet.topic), [
    ...["big", "big", "big", "big", "big"],
  ]);
});

for (const qos of [1, 2] as const) {
  test(`A message of QoS ${qos} that is aborted in flight is delivered all the same`, async (world) => {
    const { client, peer } = await world.connected({ sessionExpiryInterval: 60 });
    const abort = new AbortController();
    const given = client.publish("a", "", { qos, signal: abort.signal });
    await peer.expect("publish");
    abort.abort(REASON);
    assertStrictEquals(await assertRejects(() => given), REASON);
    peer.far.cut();
    const second = await world.accept({ sessionPresent: true });
    const { dup, packetId } = await second.expect("publish");
    assertStrictEquals(dup, true);
    if (qos === 1) second.send({ type: "puback", packetId });
    else {
      second.send({ type: "pubrec", packetId });
      await second.expect("pubrel");
      second.send({ type: "pubcomp", packetId });
    }
    await second.expectNothing();
    assertEquals(client.save().inFlight, []);
  });
}

test("A message that is aborted in flight leaves those that wait as they are", async (world) => {
  const { client, peer } = await world.connected({}, { properties: { receiveMaximum: 1 } });
  const abort = new AbortController();
  const given = client.publish("flies", "", { qos: 1, signal: abort.signal });
  const rejected = assertRejects(() => given);
  const waiting = ["1", "2", "3"].map((topic) => client.publish(topic, "", { qos: 1 }));
  await peer.expect("publish");
  abort.abort(REASON);
  await rejected;
  for (const [packetId, topic] of [[1, "1"], [2, "2"]] as const) {
    peer.send({ type: "puback", packetId });
    assertStrictEquals((await peer.expect("publish")).topic, topic);
  }
  const last = client.publish("last", "");
  await peer.expectNothing();
  peer.send({ type: "puback", packetId: 3 });
  assertStrictEquals((await peer.expect("publish")).topic, "3");
  assertStrictEquals((await peer.expect("publish")).topic, "last");
  peer.send({ type: "puback", packetId: 4 });
  await Promise.all([...waiting, last]);
});

test("A signal that aborts when the message is through does nothing", async (world) => {
  const { client, peer } = await world.connected();
  const abort = new AbortController();
  const { signal } = abort;
  const published = client.publish("a", "", { qos: 1, signal });
  peer.send({ type: "puback", packetId: 1 });
  await published;
  await client.publish("b", "", { signal });
  await peer.takePackets();
  abort.abort(REASON);
  await client.publish("c", "");
  assertStrictEquals((await peer.expect("publish")).topic, "c");
});

test("A signal that aborts after its message found no room does not disturb the others", async (world) => {
  const { client, peer } = await world.connected({ sendQueue: { messages: 3 } });
  peer.far.cut();
  await peer.takePackets();
  const abort = new AbortController();
  for (const topic of ["1", "2", "3"]) void client.publish(topic, "");
  const dropped = () => client.publish("4", "", { signal: abort.signal });
  await assertRejects(dropped, NotSentError);
  abort.abort(REASON);
  // Three wait still, and there is no room for more.
  await assertRejects(() => client.publish("5", ""), NotSentError);
  const second = await world.accept();
  assertStrictEquals((await second.takePackets()).length, 3);
  // The order is kept, and disconnect() knows when nothing waits.
  const ended = client.disconnect();
  await second.expect("disconnect");
  second.close();
  await ended;
});
