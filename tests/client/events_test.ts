// What a client tells of itself: its state, and events with their details, in order.

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionClosedError, RefusedError } from "../../src/errors.ts";
import { assertPending, settle, test } from "./world.ts";

test("A client tells each connection, each loss, each attempt and its end, and its state says the same", async (world) => {
  const { client, peer } = await world.connected({ clientId: "c" });
  const first = world.expectTold("connected");
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
  assertStrictEquals(world.expectTold("connected").server, client.server);
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

test("once() waits for the next event of a type, and for that one alone", async (world) => {
  const { client, peer } = await world.connected();
  const lost = client.once("disconnected");
  const back = client.once("connected");
  await assertPending(lost);
  peer.far.cut(new Error("gone"));
  const { error, willReconnect } = await lost;
  assertStrictEquals(error.message, "The connection to server:1883 was lost: gone");
  assertStrictEquals(willReconnect, true);
  await assertPending(back);
  await world.accept();
  assertStrictEquals((await back).server, client.server);
});

test("once() rejects when the client closes first: with its error, or because it is closed", async (world) => {
  const { client, peer } = await world.connected();
  const back = client.once("connected").catch((error) => error);
  const closed = client.once("closed");
  peer.send({ type: "disconnect", reasonCode: 0x8e });
  const error = (await closed).error;
  assertInstanceOf(error, ConnectionClosedError);
  assertStrictEquals(await back, error);
  assertStrictEquals(await client.once("connected").catch((error) => error), error);
  assertStrictEquals((await client.once("closed")).error, error);

  const { client: other, peer: its } = await world.connected();
  const never = other.once("dropped").catch((error) => error);
  const ended = other.disconnect();
  await settle();
  its.close();
  await ended;
  assertEquals([(await never).name, (await never).kind], ["ConnectionClosedError", "closed"]);
  assertStrictEquals((await other.once("closed")).error, undefined);
});

test("once() ends when its signal aborts, and leaves no listener", async (world) => {
  const { client, peer } = await world.connected();
  let listeners = 0;
  const [add, remove] = [client.addEventListener, client.removeEventListener];
  client.addEventListener = (...args: unknown[]) => {
    listeners++;
    return add.apply(client, args as never);
  };
  client.removeEventListener = (...args: unknown[]) => {
    listeners--;
    return remove.apply(client, args as never);
  };
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = client.once("disconnected", { signal }).catch((error) => error);
  await settle();
  assertStrictEquals(listeners, 2);
  controller.abort("enough");
  assertStrictEquals(await waiting, "enough");
  assertStrictEquals(await client.once("connected", { signal }).catch((error) => error), "enough");
  const lost = client.once("disconnected");
  peer.far.cut();
  await lost;
  assertStrictEquals(listeners, 0);
});

test("once() refuses an event that there is none of, and an unknown option", async (world) => {
  const { client } = await world.connected();
  await assertRejects(() => client.once("conected" as "connected"), TypeError, '"conected"');
  const wrong = { timeout: 5 } as object;
  await assertRejects(() => client.once("connected", wrong), TypeError, '"timeout" of once()');
});
