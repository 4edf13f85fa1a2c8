// What a client tells of itself: its state, and events with their details, in order.

import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { ConnectionClosedError, RefusedError } from "../../src/errors.ts";
import { settle, test } from "./world.ts";

test("A client tells each connection, each loss, each attempt and its end, and its state says the same", async (world) => {
  const { client, peer } = await world.connected({ clientId: "c" });
  const first = world.expectTold("connected");
  assertStrictEquals(first.isFirst, true);
  assertStrictEquals(first.server, client.server);
  world.clock.chance = 0.5;

  peer.far.cut(new Error("gone"));
  await settle();
  assertStrictEquals(client.state, "reconnecting");
  const lost = world.expectTold("disconnected");
  assertStrictEquals(lost.willReconnect, true);
  assertStrictEquals(lost.error.message, "The connection to server:1883 was lost: gone");
  assertEquals(world.expectTold("reconnecting"), { attempt: 1, delay: 500, error: undefined });

  world.onDial = () => Promise.reject(new Error("no route"));
  await world.clock.advance(500);
  const again = world.expectTold("reconnecting");
  assertStrictEquals(again.attempt, 2);
  assertStrictEquals(again.delay, 1000);
  assertStrictEquals(again.error?.message, "Cannot connect to server:1883: no route");

  world.onDial = (server, signal) => Promise.resolve(world.open(server, signal));
  await world.clock.advance(1000);
  const second = await world.accept();
  assertStrictEquals(world.expectTold("connected").isFirst, false);
  assertStrictEquals(client.state, "connected");

  second.send({ type: "disconnect", reasonCode: 0x8e });
  await settle();
  const last = world.expectTold("disconnected");
  assertStrictEquals(last.willReconnect, false);
  assertInstanceOf(last.error.cause, RefusedError);
  assertStrictEquals(world.expectTold("closed").error, last.error);
  assertStrictEquals(client.state, "closed");
  assertStrictEquals(await client.closed, last.error);
  assertEquals(world.told, []);
});

test("disconnect() is no lost connection: a client tells only its end", async (world) => {
  const { client, peer } = await world.connected();
  world.expectTold("connected");
  const ended = client.disconnect();
  assertStrictEquals(client.state, "closing");
  await settle();
  peer.close();
  await ended;
  assertStrictEquals(client.state, "closed");
  assertStrictEquals(world.expectTold("closed").error, undefined);
  assertStrictEquals(await client.closed, undefined);
  assertEquals(world.told, []);
});

test("A connection that is lost while the client closes it is told, and no other is made", async (world) => {
  const { client, peer } = await world.connected();
  world.expectTold("connected");
  const published = client.publish("a", "1", { qos: 1 }).catch((error) => error);
  const ended = client.disconnect();
  await peer.expect("publish");
  peer.far.cut();
  await ended;
  const { error, willReconnect } = world.expectTold("disconnected");
  assertStrictEquals(error.kind, "transient");
  assertStrictEquals(willReconnect, false);
  assertStrictEquals(world.expectTold("closed").error, undefined);
  assertInstanceOf(await published, ConnectionClosedError);
  await world.expectNoPeer();
});

test("A listener that is removed hears nothing more", async (world) => {
  const { client, peer } = await world.connected();
  let count = 0;
  const listener = () => count++;
  client.addEventListener("disconnected", listener);
  client.addEventListener("disconnected", () => count += 100, { once: true });
  peer.far.cut();
  const second = await world.accept();
  client.removeEventListener("disconnected", listener);
  second.far.cut();
  await settle();
  assertStrictEquals(count, 101);
});

test("A listener may use the client: publish when connected, give up when disconnected", async (world) => {
  const client = world.client();
  client.addEventListener("connected", () => {
    void client.publish("hello", "");
    void client.publish("world", "", { qos: 1 }).catch(() => {});
  });
  client.addEventListener("disconnected", () => void client.disconnect());
  const started = client.start();
  const peer = await world.accept();
  await started;
  assertStrictEquals((await peer.expect("publish")).topic, "hello");
  assertStrictEquals((await peer.expect("publish")).topic, "world");
  peer.far.cut();
  await settle();
  assertStrictEquals(client.state, "closed");
  await world.expectNoPeer();
});

test('A listener of "reconnecting" may end the client', async (world) => {
  const { client, peer } = await world.connected();
  client.addEventListener("reconnecting", () => void client.disconnect());
  peer.far.cut();
  await settle();
  assertStrictEquals(client.state, "closed");
  await world.expectNoPeer();
});
