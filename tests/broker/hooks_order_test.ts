// While a hook is asked about one thing of a client, the next ones of that client wait, and nobody else does. Whoever is gone
// when the answer comes is not harmed by it, nor is who took its place.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Verdict } from "../../src/broker/mod.ts";
import { publishOf } from "./client.ts";
import { Pending, slowWorld } from "./pending.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 60 } };

Deno.test("Packets of one client are processed in order, however long a hook takes for each [MQTT-4.6.0-5]", async () => {
  const pending = new Pending<Verdict<0x00 | 0x87>>();
  await using world = new World({ authorizePublish: (_client, { topic }) => pending.ask(topic) });
  const witness = await world.connect("witness");
  await witness.subscribe("#");
  const client = await world.connect("c");
  await client.send(
    publishOf("1", "", { qos: 1, packetId: 1 }),
    publishOf("2", ""),
    publishOf("3", "", { qos: 2, packetId: 3 }),
    { type: "pingreq" },
    publishOf("4", "", { qos: 1, packetId: 4 }),
  );
  for (const topic of ["1", "2", "3", "4"]) {
    witness.expectNothing();
    assertEquals(pending.questions, [topic]);
    pending.answer(topic !== "3");
    await world.settle();
    if (topic !== "3") witness.expectMessage(topic);
  }
  assertEquals(
    client.link.packets.filter(({ type }) => type !== "pingresp")
      .map((packet) => [packet.type, "reasonCode" in packet && packet.reasonCode]),
    [["puback", 0x00], ["pubrec", 0x87], ["puback", 0x00]],
  );
});

Deno.test("An acknowledgement does not wait for the hooks of later packets", async () => {
  const pending = new Pending<boolean>();
  await using world = new World({ authorizePublish: (_client, { topic }) => pending.ask(topic) });
  const client = await world.connect("c");
  await client.send(
    publishOf("1", "", { qos: 1, packetId: 1 }),
    publishOf("2", "", { qos: 1, packetId: 2 }),
  );
  pending.answer(true, "1");
  await world.settle();
  assertStrictEquals(client.expect("puback").packetId, 1);
  pending.answer(true, "2");
  await world.settle();
  assertStrictEquals(client.expect("puback").packetId, 2);
});

Deno.test("A pending hook of one client does not delay other clients", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const witness = await world.connect("witness");
  await witness.subscribe("#");
  const client = await world.connect("c");
  await client.send(publishOf("slow", "1"), publishOf("a", "2"));
  const other = await world.connect("d");
  assertStrictEquals(await other.publish("b", "3", { qos: 2 }), 0);
  assertStrictEquals(await other.subscribe("x"), 0);
  witness.expectMessage("b", "3");
  witness.expectNothing();
  pending.answer(true);
  await world.settle();
  witness.expectMessage("slow", "1");
  witness.expectMessage("a", "2");
});

Deno.test("A client receives messages of others while its hook is pending", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const client = await world.connect("c");
  await client.subscribe("a", { qos: 1 });
  await client.send(publishOf("slow", ""));
  const other = await world.connect("d");
  await other.publish("a", "1", { qos: 1 });
  client.expectMessage("a", "1");
  pending.answer(true);
  await world.settle();
});

Deno.test("A subscription receives no messages while its hook is pending, and all of them after SUBACK", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const publisher = await world.connect("p");
  await publisher.publish("slow/a", "retained", { retain: true });
  pending.answer(true);
  await world.settle();
  const client = await world.connect("c");
  const subscriptions = [{ topicFilter: "a" }, { topicFilter: "slow/#" }, {
    topicFilter: "slow/+",
  }];
  await client.send(
    { type: "subscribe", packetId: 1, subscriptions },
    { type: "unsubscribe", packetId: 2, topicFilters: ["slow/+"] },
  );
  await publisher.publish("a", "early");
  client.expectNothing();
  pending.answer(false, "slow/#");
  await world.settle();
  client.expectNothing();
  pending.answer(true, "slow/+");
  await world.settle();
  assertEquals(client.expect("suback").reasonCodes, [0, 0x87, 0]);
  client.expectMessage("slow/a", "retained");
  assertEquals(client.expect("unsuback").reasonCodes, [0]);
  client.expectNothing();
});

Deno.test("Packets sent before the connection was lost are processed when the hook answers, and the Will follows", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const witness = await world.connect("witness");
  await witness.subscribe("#");
  const client = await world.connect("c", { will: { topic: "will" } });
  await client.send(publishOf("slow", "1"), publishOf("a", "2"));
  await client.cut();
  witness.expectNothing();
  assertStrictEquals(world.engine.statistics.sessions, 2);
  pending.answer(true);
  await world.settle();
  witness.expectMessage("slow", "1");
  witness.expectMessage("a", "2");
  witness.expectMessage("will");
  assertStrictEquals(world.engine.statistics.sessions, 1);
});

Deno.test("What has come before the end of the connection counts, though a hook was pending when it came: a DISCONNECT, too [MQTT-3.14.4-3]", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const witness = await world.connect("witness");
  await witness.subscribe("#");
  const client = await world.connect("c", { will: { topic: "will" }, ...LASTING });
  await client.send(publishOf("slow", "1"));
  const properties = { sessionExpiryInterval: 0 };
  await client.send(publishOf("a", "2"), { type: "disconnect", properties });
  await client.cut();
  witness.expectNothing();
  pending.answer(true);
  await world.settle();
  witness.expectMessage("slow", "1");
  witness.expectMessage("a", "2");
  witness.expectNothing();
  assertStrictEquals(world.engine.statistics.sessions, 1);
});

Deno.test("A client that disconnects while authenticate() is pending leaves nothing behind [MQTT-3.1.4-6]", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const witness = await world.connect("witness");
  await witness.subscribe("will");
  const client = await world.ask("slow", { will: { topic: "will" }, ...LASTING });
  await client.cut();
  pending.answer(true);
  await world.settle();
  client.expectClosed();
  witness.expectNothing();
  assertStrictEquals(world.engine.statistics.clients, 1);
  assertStrictEquals(world.engine.statistics.sessions, 1);
});

Deno.test("A client that disconnects while its Will is being authorized is not accepted, and its Will is not published [MQTT-3.1.4-6]", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const witness = await world.connect("witness");
  await witness.subscribe("#");
  const client = await world.ask("c", { will: { topic: "slow" }, ...LASTING });
  assertEquals(pending.questions, ["slow"]);
  await client.cut();
  pending.answer(true);
  await world.settle();
  client.expectClosed();
  witness.expectNothing();
  assertStrictEquals(world.engine.statistics.sessions, 1);
});

Deno.test("DISCONNECT or an invalid packet sent while a hook is pending is handled afterwards", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const polite = await world.open();
  await polite.send({ type: "connect", clientId: "slow1" }, { type: "disconnect" });
  const rude = await world.open();
  await rude.send({ type: "connect", clientId: "slow2" });
  await rude.sendBytes(Uint8Array.of(0, 0));
  assertEquals(pending.questions, ["slow1", "slow2"]);
  pending.answer(true);
  pending.answer(true);
  await world.settle();
  polite.expect("connack");
  polite.expectClosed();
  rude.expect("connack");
  rude.expectDisconnect(0x82);
});

Deno.test("A broker that shuts down while hooks are pending finishes all of them", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const client = await world.connect("c");
  await client.send(publishOf("slow", ""), publishOf("a", ""));
  const asking = await world.ask("slow2");
  world.engine.shutDown();
  await world.settle();
  client.expectDisconnect(0x8b);
  asking.expectClosed();
  while (pending.questions.length > 0) {
    pending.answer(true);
    await world.settle();
  }
  assertStrictEquals(world.engine.statistics.clients, 0);
  assertStrictEquals(world.engine.statistics.sessions, 0);
});

Deno.test("While a hook is pending at most 16 KiB are read from its client", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const witness = await world.connect("witness");
  await witness.subscribe("a");
  const client = await world.connect("c");
  await client.send(publishOf("slow", ""));
  const payload = "x".repeat(1000);
  for (let count = 0; count < 100; count++) await client.send(publishOf("a", payload));
  assertStrictEquals(client.link.unread, 100 - Math.ceil(16_384 / 1006));
  pending.answer(true);
  await world.settle();
  assertStrictEquals((await witness.receiveTexts()).length, 100);
});
