// What is thrown within the client is no lost connection: it ends the client, which says what it
// was. To connect again would hide it, for ever perhaps.

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import type { Client } from "../../src/client/client.ts";
import { ConnectionClosedError } from "../../src/errors.ts";
import { outcome, settle, test, type TestWorld } from "./world.ts";

const failure = new RangeError("Maximum call stack size exceeded");

/** From now on telling of this type of event fails. */
function failAt(client: Client, type: string): void {
  const original = client.dispatchEvent;
  client.dispatchEvent = (event) => {
    if (event.type === type) throw failure;
    return original.call(client, event);
  };
}

async function assertEnded(world: TestWorld, client: Client): Promise<void> {
  const ended = await outcome(client.closed);
  const error = ended.status === "fulfilled" ? ended.value : undefined;
  assertInstanceOf(error, ConnectionClosedError);
  assertStrictEquals(error?.kind, "internal");
  assertStrictEquals(error?.cause, failure);
  assertStrictEquals(error?.message, "Internal error: Maximum call stack size exceeded");
  assertStrictEquals(client.state, "closed");
  await world.expectNoPeer();
  assertStrictEquals(await assertRejects(() => client.publish("a", "b")), error);
}

test("What is thrown while a message is delivered ends the client, with DISCONNECT 0x83 and what it was", async (world) => {
  const { client, peer } = await world.connected({ receiveQueue: { messages: 1 } });
  const publish = () => client.publish("b", "", { qos: 1 });
  const rejected = assertRejects(publish, ConnectionClosedError);
  await peer.expect("publish");
  failAt(client, "dropped");
  peer.publish("a", [1]);
  peer.publish("a", [2]);
  await settle();
  const { reasonCode } = await peer.expect("disconnect");
  assertStrictEquals(reasonCode, 0x83);
  await assertEnded(world, client);
  assertStrictEquals((await rejected).cause, failure);
  const told = world.told.map(({ type }) => type);
  assertEquals(told, ["connected", "disconnected", "closed"]);
});

test("What is thrown when a client is connected again ends it", async (world) => {
  const { client, peer } = await world.connected();
  failAt(client, "connected");
  peer.far.cut();
  await world.accept();
  await settle();
  await assertEnded(world, client);
});

test("What is thrown while the end of a connection is told ends the client, and nothing hangs", async (world) => {
  const { client, peer } = await world.connected();
  failAt(client, "disconnected");
  peer.far.cut();
  await settle();
  await assertEnded(world, client);
});

test("What is thrown while attempts are told ends the client", async (world) => {
  const { client, peer } = await world.connected();
  failAt(client, "reconnecting");
  peer.far.cut();
  await settle();
  await assertEnded(world, client);
});

test("unsubscribe() that the server has no room for ends nothing", async (world) => {
  const { client, peer } = await world.connected({}, { properties: { maximumPacketSize: 30 } });
  const subscribed = client.subscribe("a");
  await peer.grant();
  const subscription = await subscribed;
  await assertRejects(() => client.unsubscribe(["a", "b".repeat(30)]), RangeError);
  await peer.expectNothing();
  peer.publish("a", [1]);
  const step = await subscription[Symbol.asyncIterator]().next();
  assertStrictEquals(step.value?.topic, "a");
});
