// §3.8 SUBSCRIBE to §3.11 UNSUBACK: what is answered, and what has changed by then.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { publishOf } from "./client.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 60 } };

Deno.test("Every SUBSCRIBE is answered by a SUBACK with its Packet Identifier [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-2.2.1-6]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  const subscriptions = [{ topicFilter: "a" }];
  for (const packetId of [1, 65_535, 1]) {
    await client.send({ type: "subscribe", packetId, subscriptions });
    assertEquals(client.expect("suback"), {
      type: "suback",
      packetId,
      properties: {},
      reasonCodes: [0],
    });
  }
});

Deno.test("SUBACK has a Reason Code for each Topic Filter, in their order: the QoS that is granted, or a failure [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1]", async () => {
  await using world = new World({
    authorizeSubscribe: (_client, { topicFilter }) => topicFilter.startsWith("ok/"),
    limits: { topicLevels: 3 },
  });
  const client = await world.connect("c");
  const reasonCodes = await client.subscribeAll([
    { topicFilter: "ok/2", qos: 2 },
    { topicFilter: "no", qos: 2 },
    { topicFilter: "ok/0", qos: 0 },
    { topicFilter: "ok/b/c/d", qos: 1 },
    { topicFilter: "ok/1", qos: 1 },
    { topicFilter: "ok/2", qos: 1 },
  ]);
  assertEquals(reasonCodes, [0x02, 0x87, 0x00, 0x8f, 0x01, 0x01]);
  assertStrictEquals(world.engine.statistics.subscriptions, 3);
});

Deno.test("Each Topic Filter of one SUBSCRIBE has its own options, and their common identifier [MQTT-3.8.4-5]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribeAll([
    { topicFilter: "a", qos: 1, noLocal: true },
    { topicFilter: "b", qos: 2, retainAsPublished: true },
    { topicFilter: "c", qos: 0 },
  ], 9);
  for (const topic of ["a", "b", "c"]) {
    await client.publish(topic, "1", { qos: 2, retain: true });
  }
  const messages = await client.receive();
  assertEquals(
    messages.map(({ topic, qos, retain, properties }) => ({ topic, qos, retain, ...properties })),
    [
      { topic: "b", qos: 2, retain: true, subscriptionIdentifiers: [9] },
      { topic: "c", qos: 0, retain: false, subscriptionIdentifiers: [9] },
    ],
  );
});

Deno.test("A refused subscription is not made, and an existing one stays", async () => {
  let isAllowed = true;
  await using world = new World({ authorizeSubscribe: () => isAllowed });
  const client = await world.connect("c");
  await client.subscribe("a", { qos: 1, identifier: 1 });
  isAllowed = false;
  assertStrictEquals(await client.subscribe("a", { qos: 2, identifier: 2 }), 0x87);
  assertStrictEquals(await client.subscribe("b"), 0x87);
  await client.publish("a", "1", { qos: 2 });
  await client.publish("b", "2", { qos: 2 });
  const [message, ...others] = await client.receive();
  assertEquals(others, []);
  assertStrictEquals(message!.qos, 1);
  assertEquals(message!.properties.subscriptionIdentifiers, [1]);
});

Deno.test("A subscription to the same Topic Filter replaces the previous one with all its options [MQTT-3.8.4-3]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a/+", { qos: 2, identifier: 1, retainAsPublished: true });
  assertStrictEquals(await client.subscribe("a/+", { qos: 1 }), 1);
  await client.publish("a/b", "1", { qos: 2, retain: true });
  const message = client.expectMessage("a/b", "1");
  assertStrictEquals(message.qos, 1);
  assertStrictEquals(message.retain, false);
  assertEquals(message.properties, {});
  client.expectNothing();
  await client.subscribe("a/+", { noLocal: true, retainHandling: 2 });
  await client.publish("a/b", "2");
  client.expectNothing();
  assertStrictEquals(world.engine.statistics.subscriptions, 1);
  await client.unsubscribe("a/+");
  assertStrictEquals(world.engine.statistics.subscriptions, 0);
});

Deno.test("A subscription of one session does not replace that of another [MQTT-3.8.4-3]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  const other = await world.connect("d");
  await client.subscribe("a", { qos: 1 });
  await other.subscribe("a", { qos: 2 });
  await client.publish("a", "1", { qos: 2 });
  assertStrictEquals(client.expectMessage("a", "1").qos, 1);
  assertStrictEquals(other.expectMessage("a", "1").qos, 2);
});

Deno.test("Different Topic Filters that match the same topics are different subscriptions", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribeAll([{ topicFilter: "a/#" }, { topicFilter: "a/+" }, {
    topicFilter: "$share/g/a/+",
  }]);
  assertStrictEquals(world.engine.statistics.subscriptions, 3);
  assertEquals(await client.unsubscribe("a/+"), [0x00]);
  assertStrictEquals(world.engine.statistics.subscriptions, 2);
});

Deno.test("Replacing a subscription loses no messages [MQTT-3.8.4-4]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a", { qos: 1 });
  for (let count = 0; count < 20; count++) {
    await client.send(
      publishOf("a", `${count}`, { qos: 1, packetId: 1 + count }),
      {
        type: "subscribe",
        packetId: 1000 + count,
        subscriptions: [{ topicFilter: "a", qos: 1, retainHandling: 2 }],
      },
    );
  }
  const texts = await client.receiveTexts();
  assertEquals(texts, Array.from({ length: 20 }, (_, count) => `${count}`));
});

Deno.test("Packets behind a SUBSCRIBE are handled once all of its filters are subscribed, with a hook that answers at once [MQTT-4.6.0-5]", async () => {
  await using world = new World({ authorizeSubscribe: () => true });
  const client = await world.connect("c");
  // So many take more than one turn.
  const subscriptions = Array.from({ length: 1000 }, (_, index) => ({ topicFilter: `${index}` }));
  await client.send({ type: "subscribe", packetId: 1, subscriptions }, publishOf("999", ""));
  client.expect("suback");
  client.expectMessage("999");
});

Deno.test("A client that has unsubscribed receives no new messages, but still those of its other subscriptions [MQTT-3.10.4-1] [MQTT-3.10.4-2]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribeAll([{ topicFilter: "a/+" }, { topicFilter: "b" }]);
  assertEquals(await client.unsubscribe("a/+"), [0x00]);
  await client.publish("a/b", "1");
  await client.publish("b", "2");
  assertEquals(await client.receiveTexts(), ["2"]);
});

Deno.test("UNSUBSCRIBE removes only the identical Topic Filter, not others that match the same topics [MQTT-3.10.4-1]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribeAll([{ topicFilter: "a/+" }, { topicFilter: "$share/g/a/b" }]);
  const others = ["a/b", "a/#", "A/+", "a/+/", "#", "$share/h/a/b", "$share/g/a/+"];
  assertEquals(await client.unsubscribe(...others), others.map(() => 0x11));
  assertStrictEquals(world.engine.statistics.subscriptions, 2);
  assertEquals(await client.unsubscribe("$share/g/a/b"), [0x00]);
  await client.publish("a/b", "1");
  assertEquals(await client.receiveTexts(), ["1"]);
});

Deno.test("A client unsubscribes from its own subscriptions, not from those of others [MQTT-3.10.4-1]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  const other = await world.connect("d");
  await client.subscribe("a");
  assertEquals(await other.unsubscribe("a"), [0x11]);
  await other.publish("a", "1");
  client.expectMessage("a", "1");
});

Deno.test("Every UNSUBSCRIBE is answered by an UNSUBACK with its Packet Identifier, whether or not there is a subscription [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-2.2.1-6]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  for (const packetId of [1, 65_535]) {
    await client.send({ type: "unsubscribe", packetId, topicFilters: ["a"] });
    assertEquals(client.expect("unsuback"), {
      type: "unsuback",
      packetId,
      properties: {},
      reasonCodes: [0x11],
    });
  }
});

Deno.test("UNSUBACK has a Reason Code for each Topic Filter, in their order [MQTT-3.10.4-6] [MQTT-3.11.3-1]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribeAll([{ topicFilter: "a" }, { topicFilter: "b" }, { topicFilter: "c" }]);
  assertEquals(await client.unsubscribe("b", "x", "a", "b", "a/#"), [0, 0x11, 0, 0x11, 0x11]);
  assertStrictEquals(world.engine.statistics.subscriptions, 1);
});

Deno.test("Messages in flight when a client unsubscribes are completed, even on its next connection [MQTT-3.10.4-3]", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  const before = await world.connect("c", LASTING);
  await before.subscribe("a", { qos: 2 });
  for (const qos of [1, 2, 2] as const) await publisher.publish("a", "1", { qos });
  const first = before.expect("publish");
  const second = before.expect("publish");
  const third = before.expect("publish");
  await before.unsubscribe("a");
  await before.finish(first);
  await before.send({ type: "pubrec", packetId: second.packetId });
  before.expect("pubrel");
  before.expectNothing();
  await before.cut();
  const client = await world.connect("c", LASTING);
  assertStrictEquals(client.expect("pubrel").packetId, second.packetId);
  await client.send({ type: "pubcomp", packetId: second.packetId });
  assertEquals(client.link.packets, [{ ...third, dup: true }]);
  await client.receive();
  await publisher.publish("a", "2", { qos: 2 });
  client.expectNothing();
});

Deno.test("Queued messages are delivered although the client has unsubscribed meanwhile", async () => {
  await using world = new World();
  const client = await world.connect("c", { properties: { receiveMaximum: 1 } });
  await client.subscribe("a", { qos: 1 });
  const publisher = await world.connect("p");
  for (const text of ["1", "2"]) await publisher.publish("a", text, { qos: 1 });
  await client.unsubscribe("a");
  await publisher.publish("a", "3", { qos: 1 });
  assertEquals(await client.receiveTexts(), ["1", "2"]);
});

Deno.test("A subscription lasts as long as its session, not as its connection [MQTT-3.1.2-5]", async () => {
  await using world = new World();
  const before = await world.connect("c", LASTING);
  await before.subscribe("a", { qos: 1, identifier: 3, retainAsPublished: true });
  await before.cut();
  const client = await world.connect("c", LASTING);
  await client.publish("a", "1", { qos: 2, retain: true });
  const message = client.take("publish");
  assertStrictEquals(message.qos, 1);
  assertStrictEquals(message.retain, true);
  assertEquals(message.properties.subscriptionIdentifiers, [3]);
  await client.disconnect(0x00, { sessionExpiryInterval: 0 });
  assertStrictEquals(world.engine.statistics.subscriptions, 0);
});
