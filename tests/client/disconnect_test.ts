// disconnect() and `await using`: what was published goes through, DISCONNECT is said, the connection is closed; and it always
// ends, whatever the server does or does not do.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionClosedError } from "../../src/errors.ts";
import type { PacketOf } from "./peer.ts";
import { assertPending, outcome, settle, test } from "./world.ts";

test("disconnect() says DISCONNECT, nothing after it, and closes the connection [MQTT-3.14.4-1] [MQTT-3.14.4-2]", async (world) => {
  const { client, peer } = await world.connected();
  const ended = client.disconnect();
  assertEquals(await peer.expect("disconnect"), {
    type: "disconnect",
    reasonCode: 0x00,
    properties: {},
  });
  assertStrictEquals(peer.near.hasClosedWrite, true);
  await assertPending(ended);
  peer.close();
  await ended;
  await peer.expectClosed();
  world.assertNothingLeft();
});

test("disconnect() closes the connection when the server does not, after a second", async (world) => {
  const { client, peer } = await world.connected();
  const ended = client.disconnect();
  await world.clock.advance(999);
  await assertPending(ended);
  await world.clock.advance(1);
  await ended;
  await peer.expect("disconnect");
  await peer.expectClosed();
});

test("disconnect() waits until what was published is through: in flight, waiting for its turn, and at QoS 0", async (world) => {
  const { client, peer } = await world.connected({}, { properties: { receiveMaximum: 1 } });
  const published = ([1, 2, 0] as const).map((qos) => client.publish(`${qos}`, "", { qos }));
  const ended = client.disconnect();
  assertStrictEquals((await peer.expect("publish")).topic, "1");
  peer.send({ type: "puback", packetId: 1 });
  const { packetId } = await peer.expect("publish");
  assertStrictEquals((await peer.expect("publish")).topic, "0");
  peer.send({ type: "pubrec", packetId });
  await peer.expect("pubrel");
  await peer.expectNothing();
  peer.send({ type: "pubcomp", packetId });
  await peer.expect("disconnect");
  peer.close();
  await ended;
  for (const promise of published) assertStrictEquals((await promise).reasonCode, 0x00);
});

test("disconnect() sends what waits in a full send buffer first", async (world) => {
  const { client, peer } = await world.connected();
  peer.near.stall();
  const payload = new Uint8Array(100_000);
  const published = Array.from({ length: 10 }, () => client.publish("a", payload));
  const ended = client.disconnect();
  await world.clock.advance(1000);
  peer.near.resume();
  const types = (await peer.takePackets()).map(({ type }) => type);
  assertEquals(types, [...Array(10).fill("publish"), "disconnect"]);
  peer.close();
  await Promise.all([ended, ...published]);
});

test("disconnect() waits for the bytes of messages that were accepted and are not written yet", async (world) => {
  const { client, peer } = await world.connected();
  peer.near.stall();
  await client.publish("a", new Uint8Array(10_000_000));
  await client.publish("b", "");
  const ended = client.disconnect();
  await world.clock.advance(4999);
  await assertPending(ended);
  peer.near.resume();
  const types = (await peer.takePackets()).map(({ type }) => type);
  assertEquals(types, ["publish", "publish", "disconnect"]);
  peer.close();
  await ended;
});

test("disconnect() takes nothing more: publish(), subscribe() and unsubscribe() reject at once", async (world) => {
  const { client, peer } = await world.connected();
  void client.publish("a", "", { qos: 1 }).catch(() => {});
  await peer.expect("publish");
  void client.disconnect();
  assertStrictEquals(client.state, "closing");
  const asks = () => [
    client.publish("b", ""),
    client.publish("b", "", { qos: 1 }),
    client.subscribe("b"),
    client.unsubscribe("b"),
  ];
  for (const promise of asks()) {
    const error = await assertRejects(() => promise, ConnectionClosedError);
    assertStrictEquals(error.kind, "closed");
  }
  await peer.expectNothing();
  await world.clock.advance(10_000);
  assertStrictEquals(client.state, "closed");
  for (const promise of asks()) {
    const error = await assertRejects(() => promise, ConnectionClosedError);
    assertStrictEquals(error.kind, "closed");
  }
});

test("disconnect() goes on acknowledging what it is sent while it waits", async (world) => {
  const { client, peer } = await world.connected();
  const subscribed = client.subscribe("a", { qos: 1 });
  await peer.grant();
  const loop = (await subscribed)[Symbol.asyncIterator]();
  void client.publish("b", "", { qos: 1 }).catch(() => {});
  const { packetId } = await peer.expect("publish");
  const step = loop.next();
  const ended = client.disconnect();
  peer.publish("a", [1], { qos: 1, packetId: 9 });
  await step;
  const last = loop.next();
  assertStrictEquals((await peer.expect("puback")).packetId, 9);
  peer.send({ type: "puback", packetId });
  await peer.expect("disconnect");
  peer.close();
  await ended;
  assertEquals(await last, { value: undefined, done: true });
});

test("disconnect() waits no longer than its timeout for acknowledgements that never come", async (world) => {
  for (
    const [options, timeout] of [[{}, 5000], [{ timeout: 200 }, 200], [{ timeout: 0 }, 0]] as const
  ) {
    const { client, peer } = await world.connected();
    const published = client.publish("a", "", { qos: 1 });
    const rejected = assertRejects(() => published, ConnectionClosedError);
    await peer.expect("publish");
    const ended = client.disconnect(options);
    if (timeout > 0) await world.clock.advance(timeout - 1);
    if (timeout > 0) await peer.expectNothing();
    await world.clock.advance(1);
    await peer.expect("disconnect");
    peer.close();
    await ended;
    assertStrictEquals((await rejected).kind, "closed");
  }
});

test("disconnect() ends when the server never reads", async (world) => {
  const { client, peer } = await world.connected();
  peer.near.stall();
  for (let count = 0; count < 10; count++) {
    void client.publish("a", new Uint8Array(100_000)).catch(() => {});
  }
  const ended = client.disconnect({ timeout: 300 });
  await world.clock.advance(1300);
  assertStrictEquals((await outcome(ended)).status, "fulfilled");
  world.assertNothingLeft();
});

test("disconnect() ends when the connection breaks while it waits, and makes no other", async (world) => {
  const { client, peer } = await world.connected();
  void client.publish("a", "", { qos: 1 }).catch(() => {});
  const ended = client.disconnect();
  await peer.expect("publish");
  peer.far.cut();
  assertStrictEquals((await outcome(ended)).status, "fulfilled");
  await world.expectNoPeer();
});

test("disconnect() while the client reconnects ends at once: in the wait, while dialling, before CONNACK", async (world) => {
  const never = (_: unknown, signal: AbortSignal) =>
    new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    );
  const { onDial } = world;
  for (const stage of ["wait", "dialling", "CONNACK", "credentials"] as const) {
    let asked = 0;
    const { client, peer } = await world.connected({
      credentials: () => ++asked > 1 && stage === "credentials" ? new Promise(() => {}) : {},
    });
    if (stage === "dialling") world.onDial = never;
    const waiting = client.publish("a", "", { qos: 1 });
    const rejected = assertRejects(() => waiting, ConnectionClosedError);
    await peer.expect("publish");
    peer.far.cut();
    if (stage === "wait") await settle();
    else await world.clock.advance(0);
    if (stage === "CONNACK") await (await world.peer()).expect("connect");
    assertStrictEquals(client.state, "reconnecting");
    const ended = client.disconnect();
    assertStrictEquals((await outcome(ended)).status, "fulfilled", stage);
    await rejected;
    world.assertNothingLeft();
    world.onDial = onDial;
  }
});

test("disconnect() in whatever moment of a new connection ends it, and it is not connected again", async (world) => {
  for (let turns = 0; turns < 25; turns++) {
    const { client, peer } = await world.connected();
    peer.far.cut();
    const second = await world.peer();
    await second.expect("connect");
    second.send({ type: "connack" });
    for (let turn = 0; turn < turns; turn++) await undefined;
    const ended = client.disconnect({ timeout: 1 });
    assertStrictEquals(client.state, "closing");
    client.addEventListener("connected", () => assertStrictEquals(client.state, "closing"));
    await world.clock.advance(2000);
    assertStrictEquals((await outcome(ended)).status, "fulfilled");
    assertStrictEquals(client.state, "closed");
    world.assertNothingLeft();
  }
});

test("disconnect() twice, or at the end, ends twice, and says DISCONNECT once", async (world) => {
  const { client, peer } = await world.connected();
  const ended = [client.disconnect(), client.disconnect({ reasonCode: 0x04 })];
  assertStrictEquals((await peer.expect("disconnect")).reasonCode, 0x00);
  await assertPending(ended[1]!);
  peer.close();
  await Promise.all(ended);
  await client.disconnect();
  await peer.expectClosed();
});

test("disconnect() of a client that is at its end waits for its connection to be closed", async (world) => {
  const { client, peer } = await world.connected();
  peer.send({ type: "disconnect", reasonCode: 0x8e });
  await settle();
  assertStrictEquals(client.state, "closed");
  const ended = client.disconnect();
  await assertPending(ended);
  peer.close();
  await ended;
  world.assertNothingLeft();
});

test("await using ends a client", async (world) => {
  const { client, peer } = await world.connected();
  const disposing = (async () => {
    await using used = client;
    await used.publish("a", "");
  })();
  assertEquals((await peer.takePackets()).map(({ type }) => type), ["publish", "disconnect"]);
  peer.close();
  await disposing;
  assertStrictEquals(client.state, "closed");
});

test("disconnect() says DISCONNECT in whatever moment after a message it is called", async (world) => {
  for (let turns = 0; turns < 12; turns++) {
    const { client, peer } = await world.connected();
    const subscribed = client.subscribe("a", { qos: 1 });
    await peer.grant();
    const loop = (await subscribed)[Symbol.asyncIterator]();
    const step = loop.next().then(async () => {
      for (let turn = 0; turn < turns; turn++) await undefined;
      void client.disconnect();
    });
    peer.publish("a", [1], { qos: 1, packetId: 1 });
    await step;
    await peer.expect("disconnect");
    peer.close();
  }
});

test("disconnect() before everything that was published is encoded sends all of it, and its options last", async (world) => {
  const { client, peer } = await world.connected();
  for (let count = 0; count < 5; count++) void client.publish(`${count}`, "");
  void client.disconnect({ reasonString: "done" });
  const packets = await peer.takePackets();
  assertStrictEquals(packets.length, 6);
  const last = packets.at(-1) as PacketOf<"disconnect">;
  assertStrictEquals(last.properties.reasonString, "done");
});
