// Messages in flight when the connection is lost: sent again where the server has the session, given up where it has not.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionClosedError } from "../../src/errors.ts";
import type { Packet } from "../../src/packets/mod.ts";
import { assertPending, settle, test } from "./world.ts";

const SESSION = { sessionExpiryInterval: 3600 } as const;

function summary(packets: readonly Packet[]): string[] {
  return packets.map((packet) => {
    const id = "packetId" in packet ? ` ${packet.packetId}` : "";
    const dup = packet.type === "publish" ? ` ${packet.topic}${packet.dup ? " dup" : ""}` : "";
    return packet.type + id + dup;
  });
}

test("Messages in flight are sent again with DUP, their identifiers and in the order of their sending, with Session Present 1 [MQTT-3.3.1-1] [MQTT-4.4.0-1] [MQTT-4.6.0-1]", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const options = { qos: 1 } as const;
  const done = client.publish("done", "", options);
  const published = ["b", "c", "a"].map((topic, index) =>
    client.publish(topic, "", { qos: index === 1 ? 2 : 1 })
  );
  await peer.takePackets();
  peer.send({ type: "puback", packetId: 1 });
  await done;
  peer.far.cut();
  const second = await world.accept({ sessionPresent: true });
  assertEquals(summary(await second.takePackets()), [
    "publish 2 b dup",
    "publish 3 c dup",
    "publish 4 a dup",
  ]);
  for (const promise of published) await assertPending(promise);
  second.far.cut();
  const third = await world.accept({ sessionPresent: true });
  assertStrictEquals((await third.takePackets()).length, 3);
  third.send({ type: "puback", packetId: 4 }, { type: "puback", packetId: 2 });
  third.send({ type: "pubrec", packetId: 3 }, { type: "pubcomp", packetId: 3 });
  await Promise.all(published);
});

test("A message whose PUBREC has come is not sent again, only its PUBREL [MQTT-4.3.3-6]", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const published = client.publish("a", "", { qos: 2 });
  peer.send({ type: "pubrec", packetId: 1, reasonCode: 0x10 });
  await peer.takePackets();
  peer.far.cut();
  const second = await world.accept({ sessionPresent: true });
  assertEquals(summary(await second.takePackets()), ["pubrel 1"]);
  // The server had finished before: that says nothing of the message, its PUBREC does.
  second.send({ type: "pubcomp", packetId: 1, reasonCode: 0x92 });
  assertStrictEquals((await published).reasonCode, 0x10);
});

test("A message in flight is given up with ConnectionClosedError when the server has lost the session, which is not sent again [MQTT-3.2.2-5]", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const published = ([1, 2] as const).map((qos) => client.publish(`${qos}`, "", { qos }));
  const released = client.publish("released", "", { qos: 2 });
  await peer.takePackets();
  peer.send({ type: "pubrec", packetId: 3 });
  await peer.takePackets();
  peer.far.cut();
  await settle();
  const waiting = client.publish("waiting", "", { qos: 1 });
  const rejected = published.map((promise) =>
    assertRejects(() => promise, ConnectionClosedError, "may or may not have arrived")
  );
  const second = await world.accept({ sessionPresent: false });
  for (const { kind } of await Promise.all(rejected)) assertStrictEquals(kind, "transient");
  // Its PUBREC has come: the server has it, whatever else it has lost.
  assertStrictEquals((await released).reasonCode, 0x00);
  assertEquals(summary(await second.takePackets()), ["publish 4 waiting"]);
  second.send({ type: "puback", packetId: 4 });
  await waiting;
});

test("A message that is published while older ones are sent again is not lost by another loss of the connection", async (world) => {
  const { client, peer } = await world.connected(SESSION, { properties: { receiveMaximum: 2 } });
  const published = ["1", "2"].map((topic) => client.publish(topic, "", { qos: 1 }));
  await peer.takePackets();
  peer.far.cut();
  const second = await world.accept({ sessionPresent: true, properties: { receiveMaximum: 1 } });
  assertEquals(summary(await second.takePackets()), ["publish 1 1 dup"]);
  published.push(client.publish("3", "", { qos: 1 }), client.publish("4", "", { qos: 0 }));
  await second.expectNothing();
  second.far.cut();
  const third = await world.accept({ sessionPresent: true });
  assertEquals(summary(await third.takePackets()), [
    "publish 1 1 dup",
    "publish 2 2 dup",
    "publish 3 3",
    "publish 0 4",
  ]);
  for (const packetId of [1, 2, 3]) third.send({ type: "puback", packetId });
  await Promise.all(published);
});

test("A message that is sent again carries its full topic, whatever its alias was [MQTT-3.3.2-7]", async (world) => {
  const aliases = { topicAliasMaximum: 5 };
  const { client, peer } = await world.connected(
    { ...SESSION, topicAliases: "automatic" },
    { properties: aliases },
  );
  for (let count = 0; count < 2; count++) {
    void client.publish("long", "", { qos: 1 }).catch(() => {});
  }
  assertEquals(summary(await peer.takePackets()), ["publish 1 long", "publish 2 "]);
  peer.far.cut();
  const second = await world.accept({ sessionPresent: true, properties: aliases });
  assertEquals(summary(await second.takePackets()), ["publish 1 long dup", "publish 2  dup"]);
  second.far.cut();
  const third = await world.accept({ sessionPresent: true });
  assertEquals(summary(await third.takePackets()), ["publish 1 long dup", "publish 2 long dup"]);
});

test("The Message Expiry Interval of a message that is sent again is as it was: it is not given up for it [MQTT-4.3.3-7]", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const published = client.publish("a", "", { qos: 2, messageExpiryInterval: 5 });
  await peer.expect("publish");
  peer.far.cut();
  await settle();
  await world.clock.advance(0);
  const second = await world.accept({ sessionPresent: true });
  await second.expect("publish");
  await world.clock.advance(20_000);
  await assertPending(published);
  second.send({ type: "pubrec", packetId: 1 }, { type: "pubcomp", packetId: 1 });
  await published;
});

test("An acknowledgement of the old connection that comes too late says nothing on the new one", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const published = client.publish("a", "", { qos: 1 });
  const rejected = assertRejects(() => published, ConnectionClosedError);
  await peer.expect("publish");
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  await rejected;
  second.send({ type: "puback", packetId: 1 }, { type: "pubcomp", packetId: 1 });
  second.send({ type: "pubrec", packetId: 1 });
  assertEquals(summary(await second.takePackets()), ["pubrel 1"]);
  assertStrictEquals(client.state, "connected");
});

test("A client is connected while it still sends again: it takes and subscribes at once", async (world) => {
  const { client, peer } = await world.connected(SESSION, { properties: { receiveMaximum: 1 } });
  void client.publish("a", "", { qos: 1 }).catch(() => {});
  void client.publish("b", "", { qos: 1 }).catch(() => {});
  peer.far.cut();
  const second = await world.accept({ sessionPresent: true, properties: { receiveMaximum: 1 } });
  assertStrictEquals(client.state, "connected");
  const subscribed = client.subscribe("c");
  await second.expect("publish");
  const { packetId } = await second.expect("subscribe");
  second.send({ type: "suback", packetId, reasonCodes: [0] });
  await subscribed;
});
