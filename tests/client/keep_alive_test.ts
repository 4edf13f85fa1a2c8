// Keep Alive as a client lives it: pings when it has nothing to say, a server that does not answer is left for another
// connection, and after a sleep of the machine it asks at once.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { assertPending, settle, test } from "./world.ts";

test("A client that has nothing to send sends PINGREQ in time, again and again [MQTT-3.1.2-20]", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 60 });
  for (let count = 0; count < 5; count++) {
    await world.clock.advance(58_999);
    await peer.expectNothing();
    await world.clock.advance(1);
    await peer.expect("pingreq");
    peer.send({ type: "pingresp" });
    await settle();
  }
  assertStrictEquals(client.state, "connected");
});

test("A client keeps to the server's Keep Alive, and sends no PINGREQ when that is 0 [MQTT-3.1.2-21] [MQTT-3.2.2-21]", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 60 }, {
    properties: { serverKeepAlive: 10 },
  });
  assertStrictEquals(client.server.keepAlive, 10);
  await world.clock.advance(9000);
  await peer.expect("pingreq");
  const other = await world.connected({ keepAlive: 60 }, { properties: { serverKeepAlive: 0 } });
  await world.clock.advance(1e6);
  await other.peer.expectNothing();
  assertStrictEquals(other.client.state, "connected");
});

test("A server that does not answer PINGREQ in time is left for another connection", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 60, sessionExpiryInterval: 60 });
  world.clock.chance = 0.5;
  await world.clock.advance(59_000);
  await peer.expect("pingreq");
  await world.clock.advance(9999);
  assertStrictEquals(client.state, "connected");
  await world.clock.advance(1);
  assertStrictEquals(client.state, "reconnecting");
  world.expectTold("connected");
  const { error } = world.expectTold("disconnected");
  assertEquals([error.kind, error.message], [
    "transient",
    "server:1883 did not answer a PINGREQ in time",
  ]);
  // The old connection is closed, though nobody at its other end reads.
  await world.clock.advance(1000);
  await peer.expectClosed();
  await world.accept({ sessionPresent: true });
});

test("The wait for PINGRESP is as the option says", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 60, pingTimeout: 500 });
  await world.clock.advance(59_499);
  await peer.expect("pingreq");
  assertStrictEquals(client.state, "connected");
  await world.clock.advance(1);
  await settle();
  assertStrictEquals(client.state === "connected", false);
});

test("Only an answer proves the link: messages of QoS 0, either way, put no PINGREQ off", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 10 });
  for (let second = 0; second < 9; second++) {
    await world.clock.advance(1000);
    if (second === 8) break;
    await client.publish("a", "");
    peer.publish("b");
    await settle();
  }
  const types = (await peer.takePackets()).map(({ type }) => type);
  assertEquals(types.filter((type) => type !== "publish"), ["pingreq"]);
});

test("A client that sends and is answered sends no PINGREQ", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 10 });
  for (let count = 0; count < 20; count++) {
    await world.clock.advance(8000);
    const published = client.publish("a", "", { qos: 1 });
    const { packetId } = await peer.expect("publish");
    peer.send({ type: "puback", packetId });
    await published;
  }
  await peer.expectNothing();
});

test("A sleep of the machine makes the client ask at once whether the server is there", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 3600 });
  await world.clock.advance(60_000);
  await peer.expectNothing();
  world.clock.sleep(5 * 60_000);
  // Its timers slept, too: it looks around every ten seconds.
  await world.clock.advance(10_000);
  await peer.expect("pingreq");
  await world.clock.advance(10_000);
  assertStrictEquals(client.state, "reconnecting");
});

test("After a sleep a server that answers is still the server", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 3600 });
  for (let count = 0; count < 3; count++) {
    world.clock.sleep(60_000);
    await world.clock.advance(10_000);
    await peer.expect("pingreq");
    peer.send({ type: "pingresp" });
    await world.clock.advance(60_000);
    await peer.expectNothing();
  }
  assertStrictEquals(client.state, "connected");
});

test("A clock on the wall that is set a little asks nothing", async (world) => {
  const { peer } = await world.connected({ keepAlive: 3600 });
  for (let count = 0; count < 10; count++) {
    world.clock.sleep(count % 2 === 0 ? 1900 : -1900);
    await world.clock.advance(10_000);
  }
  await peer.expectNothing();
});

test("A client whose bytes nobody takes gives the server up, and what was in flight goes with the next connection", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 60, sessionExpiryInterval: 60 });
  world.clock.chance = 0.5;
  peer.near.stall();
  const published = client.publish("a", "1", { qos: 1 });
  await world.clock.advance(80_000);
  await assertPending(published);
  const second = await world.accept({ sessionPresent: true });
  const { packetId, dup } = await second.expect("publish");
  assertStrictEquals(dup, true);
  second.send({ type: "puback", packetId });
  await published;
  assertStrictEquals(client.state, "connected");
});
