// requestMany(): several responses to one request, until there are enough of them or the time is over.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  ConnectionClosedError,
  NoSubscriberError,
  RefusedError,
  RequestTimeoutError,
} from "../../src/errors.ts";
import type { PublishPacket } from "../../src/packets/mod.ts";
import type { Peer } from "./peer.ts";
import { assertPending, Loop, outcome, settle, test } from "./world.ts";

/** A request that the peer has got, with the subscription for its responses made before. */
async function asked(peer: Peer): Promise<PublishPacket> {
  await peer.grant();
  const packet = await peer.expect("publish");
  peer.send({ type: "puback", packetId: packet.packetId });
  return packet;
}

/** Responds to a request, at QoS 1 with these Packet Identifiers. */
async function respond(peer: Peer, { properties }: PublishPacket, ...packetIds: number[]) {
  const { responseTopic = "", correlationData } = properties;
  for (const packetId of packetIds) {
    peer.send({
      type: "publish",
      topic: responseTopic,
      payload: new TextEncoder().encode(`${packetId}`),
      qos: 1,
      packetId,
      properties: { correlationData },
    });
  }
  await settle();
}

/** The identifiers that the client has acknowledged. */
async function acknowledged(peer: Peer): Promise<number[]> {
  return (await peer.takePackets()).map((packet) => packet.type === "puback" ? packet.packetId : 0);
}

test("requestMany() asks when its loop begins, and yields each response, acknowledged when the next is asked for", async (world) => {
  const { client, peer } = await world.connected();
  const loop = new Loop(client.requestMany("who", "?"));
  await peer.expectNothing();
  const first = loop.next();
  const packet = await asked(peer);
  await respond(peer, packet, 1, 2);
  assertStrictEquals((await first).value?.text(), "1");
  assertEquals(await acknowledged(peer), []);
  assertStrictEquals((await loop.take()).text(), "2");
  assertEquals(await acknowledged(peer), [1]);
  const third = loop.next();
  await assertPending(third);
  assertEquals(await acknowledged(peer), [2]);
  await loop.leave();
});

test("requestMany() ends without an error when the time is over, after the responses that have come", async (world) => {
  const { client, peer } = await world.connected();
  const loop = new Loop(client.requestMany("who", "?", { timeout: 1000 }));
  const first = loop.next();
  const packet = await asked(peer);
  await respond(peer, packet, 1, 2);
  await world.clock.advance(1000);
  await respond(peer, packet, 3);
  assertStrictEquals((await first).value?.text(), "1");
  assertStrictEquals((await loop.take()).text(), "2");
  assertEquals(await outcome(loop.next()), {
    status: "fulfilled",
    value: { value: undefined, done: true },
  });
  assertEquals(client.requests, { inFlight: 0, late: 1, foreign: 0 });
  assertEquals((await acknowledged(peer)).toSorted(), [1, 2, 3]);
});

test("requestMany() ends when the time is over and nobody has responded", async (world) => {
  const { client, peer } = await world.connected();
  const step = new Loop(client.requestMany("who", "?", { timeout: 1000 })).next();
  await asked(peer);
  await world.clock.advance(999);
  await assertPending(step);
  await world.clock.advance(1);
  assertEquals(await step, { value: undefined, done: true });
});

test("requestMany() ends after as many responses as it may have; more are late", async (world) => {
  const { client, peer } = await world.connected();
  const texts: string[] = [];
  const reading = (async () => {
    for await (const message of client.requestMany("who", "?", { limit: 2 })) {
      texts.push(message.text());
    }
  })();
  await respond(peer, await asked(peer), 1, 2, 3);
  await reading;
  assertEquals(texts, ["1", "2"]);
  assertEquals(client.requests, { inFlight: 0, late: 1, foreign: 0 });
  assertEquals((await acknowledged(peer)).toSorted(), [1, 2, 3]);
});

test("A loop over responses that is left ends the wait, and acknowledges what has come", async (world) => {
  const { client, peer } = await world.connected();
  const responses = client.requestMany("who", "?");
  const first = responses.next();
  const packet = await asked(peer);
  await respond(peer, packet, 1, 2);
  assertStrictEquals((await first).value?.text(), "1");
  await responses.return?.();
  assertStrictEquals(client.requests.inFlight, 0);
  assertEquals(await acknowledged(peer), [1, 2]);
  await respond(peer, packet, 3);
  assertStrictEquals(client.requests.late, 1);
});

test("requestMany() throws what request() rejects with, after the responses that have come", async (world) => {
  const { client, peer } = await world.connected();
  const refused = new Loop(client.requestMany("who", "1")).next();
  refused.catch(() => {});
  await peer.grant([0x87]);
  await assertRejects(() => refused, RefusedError);

  const nobody = new Loop(client.requestMany("who", "2")).next();
  nobody.catch(() => {});
  await peer.grant();
  const { packetId } = await peer.expect("publish");
  peer.send({ type: "puback", packetId, reasonCode: 0x10 });
  await settle();
  await assertRejects(() => nobody, NoSubscriberError);

  const controller = new AbortController();
  const aborted = new Loop(client.requestMany("who", "3", { signal: controller.signal }));
  const step = aborted.next();
  const packet = await peer.expect("publish");
  await respond(peer, packet, 1, 2);
  controller.abort(new Error("enough"));
  assertStrictEquals((await step).value?.text(), "1");
  assertStrictEquals((await aborted.take()).text(), "2");
  await assertRejects(() => aborted.next(), Error, "enough");

  const last = new Loop(client.requestMany("who", "4")).next();
  last.catch(() => {});
  await peer.takePackets();
  void client.disconnect({ timeout: 0 });
  await world.clock.advance(0);
  await assertRejects(() => last, ConnectionClosedError);

  const tooLate = client.requestMany("who", "5");
  await assertRejects(() => tooLate.next(), ConnectionClosedError);
  assertEquals(await tooLate.next(), { value: undefined, done: true });
});

test("requestMany() throws when the time is over and the request was not sent", async (world) => {
  const { client, peer } = await world.connected();
  const step = new Loop(client.requestMany("who", "?", { timeout: 1000 })).next();
  step.catch(() => {});
  await peer.expect("subscribe");
  await world.clock.advance(1000);
  const { wasSent } = await assertRejects(() => step, RequestTimeoutError);
  assertStrictEquals(wasSent, false);
});

test("Responses of QoS 0 that nobody reads are bounded by the receive queue, and the drop is told", async (world) => {
  const receiveQueue = { messages: 2, whenFull: "drop newest" } as const;
  const { client, peer } = await world.connected({ receiveQueue });
  const loop = new Loop(client.requestMany("who", "?"));
  const first = loop.next();
  const { properties: { responseTopic = "", correlationData } } = await asked(peer);
  for (const n of [1, 2, 3, 4]) {
    const payload = Uint8Array.of(n);
    peer.send({ type: "publish", topic: responseTopic, payload, properties: { correlationData } });
  }
  await settle();
  assertEquals((await first).value?.payload, Uint8Array.of(1));
  const { message, subscription } = world.told.findLast(({ type }) => type === "dropped")!
    .detail as never;
  assertEquals([(message as { payload: Uint8Array }).payload, subscription], [
    Uint8Array.of(4),
    undefined,
  ]);
  await loop.leave();
});
