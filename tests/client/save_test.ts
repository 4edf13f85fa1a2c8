// save() and the session option: what is in flight goes on in another process, through JSON or structured clone.

import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { Client } from "../../src/client/client.ts";
import type { Packet } from "../../src/packets/mod.ts";
import type { SavedSession } from "../../src/session/snapshot.ts";
import type { Peer } from "./peer.ts";
import { Loop, settle, test, type TestWorld } from "./world.ts";

const SESSION = { clientId: "c", sessionExpiryInterval: 3600 } as const;

const WAYS: readonly (readonly [name: string, copy: (session: SavedSession) => SavedSession])[] = [
  ["JSON", (session) => JSON.parse(JSON.stringify(session))],
  ["structured clone", (session) => structuredClone(session)],
];

function summary(packets: readonly Packet[]): string[] {
  return packets.map((packet) => {
    if (packet.type !== "publish") {
      return `${packet.type} ${"packetId" in packet && packet.packetId}`;
    }
    const { topic, packetId, dup, payload } = packet;
    return `publish ${packetId} ${topic} ${new TextDecoder().decode(payload)}${dup ? " dup" : ""}`;
  });
}

/** Goes on with a session in what might be another process. */
async function goOn(
  world: TestWorld,
  session: SavedSession,
  sessionPresent: boolean,
): Promise<{ readonly client: Client; readonly peer: Peer }> {
  const client = world.client({ session, sessionExpiryInterval: 3600 });
  const started = client.start();
  const peer = await world.peer();
  const { clientId, cleanStart } = await peer.accept({ sessionPresent });
  assertEquals([clientId, cleanStart], [session.clientId, false]);
  await started;
  return { client, peer };
}

for (const [way, copy] of WAYS) {
  test(`Messages in flight and messages that wait go on in another process, by way of ${way} [MQTT-4.4.0-1] [MQTT-3.1.2-23]`, async (world) => {
    const { client, peer } = await world.connected(SESSION, { properties: { receiveMaximum: 3 } });
    for (
      const [topic, qos] of [["released", 2], ["once", 1], ["exactly", 2], ["waits", 1]] as const
    ) {
      const options = { qos, contentType: "x" };
      void client.publish(topic, `payload of ${topic}`, options).catch(() => {});
    }
    await peer.takePackets();
    peer.send({ type: "pubrec", packetId: 1 });
    await peer.takePackets();
    const saved = copy(client.save());
    peer.far.cut();
    await settle();
    await client.disconnect();

    const next = await goOn(world, saved, true);
    assertEquals(summary(await next.peer.takePackets()), [
      "pubrel 1",
      "publish 2 once payload of once dup",
      "publish 3 exactly payload of exactly dup",
      "publish 4 waits payload of waits",
    ]);
    next.peer.send({ type: "pubcomp", packetId: 1 }, { type: "puback", packetId: 2 });
    next.peer.send({ type: "pubrec", packetId: 3 }, { type: "pubcomp", packetId: 3 });
    next.peer.send({ type: "puback", packetId: 4 });
    await settle();
    assertEquals(next.client.save(), { clientId: "c", inFlight: [], unreleased: [], queued: [] });
    // New messages do not take identifiers that are in use.
    void next.client.publish("new", "", { qos: 1 }).catch(() => {});
  });
}

test("A message of QoS 2 that the application has taken is not delivered again in another process [MQTT-4.3.3-10]", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe("a", { qos: 2 });
  await peer.grant();
  const loop = new Loop(await subscribed);
  peer.publish("a", [1], { qos: 2, packetId: 5 });
  peer.publish("a", [1], { qos: 2, packetId: 6 });
  await loop.takeMany(2);
  await peer.expect("pubrec");
  const saved = structuredClone(client.save());
  assertEquals(saved.unreleased, [5]);
  peer.far.cut();
  await settle();
  await client.disconnect();

  const next = await goOn(world, saved, true);
  next.peer.publish("a", [1], { qos: 2, packetId: 5, dup: true });
  next.peer.publish("a", [1], { qos: 2, packetId: 6, dup: true });
  assertEquals(summary(await next.peer.takePackets()), ["pubrec 5"]);
  const message = await new Loop(next.client.messages).take();
  assertStrictEquals(message.dup, true);
  next.peer.send({ type: "pubrel", packetId: 5 });
  assertEquals(summary(await next.peer.takePackets()), ["pubcomp 5"]);
});

test("A session that the server has lost loses what was in flight, and keeps what was never sent [MQTT-3.2.2-5]", async (world) => {
  const { client, peer } = await world.connected(SESSION, { properties: { receiveMaximum: 1 } });
  for (const topic of ["flies", "waits"]) {
    void client.publish(topic, "", { qos: 1 }).catch(() => {});
  }
  await peer.expect("publish");
  const saved = client.save();
  const next = await goOn(world, saved, false);
  assertEquals(summary(await next.peer.takePackets()), ["publish 1 waits "]);
});

test("The Message Expiry Interval of what waits stands still while it is saved, and counts down otherwise", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  peer.far.cut();
  await settle();
  const published = client.publish("a", "", { qos: 1, messageExpiryInterval: 100 });
  const rejected = assertRejects(() => published);
  world.clock.chance = 0.5;
  world.onDial = () => Promise.reject(new Error("no route"));
  await world.clock.advance(30_000);
  const saved = client.save();
  const ended = client.disconnect();
  await world.clock.advance(1000);
  await Promise.all([ended, rejected]);
  await world.clock.advance(500_000);
  world.onDial = (server, signal) => Promise.resolve(world.open(server, signal));
  const next = await goOn(world, saved, true);
  assertStrictEquals((await next.peer.expect("publish")).properties.messageExpiryInterval, 70);
});

test("save() is a picture: it does not change with the client, and takes nothing from it", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const published = client.publish("a", "1", { qos: 1 });
  await peer.expect("publish");
  const saved = client.save();
  const before = structuredClone(saved);
  peer.send({ type: "puback", packetId: 1 });
  await published;
  assertEquals(saved, before);
  assertStrictEquals(saved.inFlight.length, 1);
  assertStrictEquals(client.save().inFlight.length, 0);
});

test("save() at the end of a client still has what was not through", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const published = client.publish("a", "1", { qos: 2 });
  const rejected = assertRejects(() => published);
  await peer.expect("publish");
  peer.far.cut();
  await settle();
  const waiting = client.publish("b", "2");
  const given = assertRejects(() => waiting);
  await client.disconnect();
  await Promise.all([rejected, given]);
  const next = await goOn(world, client.save(), true);
  assertEquals(summary(await next.peer.takePackets()), ["publish 1 a 1 dup", "publish 0 b 2"]);
});

test("A session of a name that the server gave goes on under that name", async (world) => {
  const properties = { assignedClientIdentifier: "given" };
  const { client } = await world.connected({ sessionExpiryInterval: 60 }, { properties });
  const saved = client.save();
  assertStrictEquals(saved.clientId, "given");
  await goOn(world, saved, true);
});

test("connect() refuses a session together with another name, and one that is none", async (world) => {
  const session: SavedSession = { clientId: "c", inFlight: [], unreleased: [], queued: [] };
  assertThrows(() => world.client({ session, clientId: "d" }), TypeError, "clientId");
  for (const inFlight of [[{ packetId: 0 }], [{ packetId: 1, publish: "4Q" }], [{}]]) {
    assertThrows(() => world.client({ session: { ...session, inFlight } }), TypeError);
  }
  const { client } = await world.connected({ session, clientId: "c" }, { sessionPresent: true });
  assertEquals(client.save(), session);
});

test("cleanStart begins anew with a session, too, and without one goes on with what the server has [MQTT-3.1.2-4]", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  void client.publish("a", "", { qos: 1 }).catch(() => {});
  await peer.expect("publish");
  const session = client.save();
  const anew = world.client({ session, cleanStart: true });
  const started = anew.start();
  const second = await world.peer();
  assertStrictEquals((await second.accept()).cleanStart, true);
  await started;
  await second.expectNothing();
  assertEquals(anew.save().inFlight, []);
  await world.connected({ clientId: "c", cleanStart: false }, { sessionPresent: true });
});
