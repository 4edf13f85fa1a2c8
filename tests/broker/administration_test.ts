// What the program that runs a broker may do itself: publish, see who is connected, disconnect somebody.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { RefusedError } from "../../src/errors.ts";
import { connect, json } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { World } from "./world.ts";

Deno.test("publish() reaches subscribers with all that the message has, and retains it", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.subscribe("a", { qos: 2 });
  const options = { qos: 1, retain: true, contentType: "text/plain" } as const;
  const { reasonCode } = await world.engine.publish("a", "1", options);
  await world.settle();
  assertStrictEquals(reasonCode, 0x00);
  const { payload, qos, retain, properties } = client.take("publish");
  assertEquals([new TextDecoder().decode(payload), qos, retain], ["1", 1, false]);
  assertEquals(properties, { contentType: "text/plain" });
  assertStrictEquals(world.engine.statistics.retained, 1);
});

Deno.test("publish() says that nobody has subscribed, and may use $SYS, which clients may not", async () => {
  await using world = new World({ authorizePublish: () => false });
  assertEquals(await world.engine.publish("a", "", {}), { reasonCode: 0x10 });
  const client = await world.connect("c");
  await client.subscribe("$SYS/#");
  assertEquals(await world.engine.publish("$SYS/uptime", "5", {}), { reasonCode: 0x00 });
  await world.settle();
  assertStrictEquals(client.take("publish").topic, "$SYS/uptime");
});

Deno.test("onMessage() is told a message of the program without a client, and authorizeDelivery() is asked", async () => {
  const told: unknown[] = [];
  await using world = new World({
    onMessage: (client, { topic }) => void told.push([client, topic]),
    authorizeDelivery: ({ clientId }) => Promise.resolve(clientId === "good"),
  });
  const [good, bad] = [await world.connect("good"), await world.connect("bad")];
  for (const client of [good, bad]) await client.subscribe("a");
  await world.engine.publish("a", "", {});
  await world.settle();
  assertStrictEquals(good.take("publish").topic, "a");
  bad.expectNothing();
  assertEquals(told, [[undefined, "a"]]);
});

Deno.test("Messages of the program keep their order, though a hook is slow with the first [MQTT-4.6.0-5]", async () => {
  const first = Promise.withResolvers<boolean>();
  let asked = 0;
  await using world = new World({
    authorizeDelivery: () => asked++ === 0 ? first.promise : true,
  });
  const client = await world.connect("c");
  await client.subscribe("#");
  const published = ["a", "b", "c"].map((topic) => world.engine.publish(topic, "", {}));
  await world.settle();
  client.expectNothing();
  first.resolve(true);
  await Promise.all(published);
  await world.settle();
  assertEquals(["a", "b", "c"].map(() => client.take("publish").topic), ["a", "b", "c"]);
});

Deno.test("publish() copies the payload, and counts down the Message Expiry Interval while it waits", async () => {
  const first = Promise.withResolvers<boolean>();
  await using world = new World({ authorizeDelivery: () => first.promise });
  const client = await world.connect("c");
  await client.subscribe("a");
  const payload = Uint8Array.of(1);
  const published = [payload, "late"].map((content, index) =>
    world.engine.publish("a", content, { messageExpiryInterval: 10 - 7 * index })
  );
  payload[0] = 2;
  await world.settle();
  world.now += 4000;
  first.resolve(true);
  await Promise.all(published);
  await world.settle();
  const message = client.take("publish");
  assertEquals(message.payload, Uint8Array.of(1));
  assertStrictEquals(message.properties.messageExpiryInterval, 6);
  client.expectNothing();
});

Deno.test("When the limit of retained messages is reached, publish() rejects at QoS 1, and says so at QoS 0", async () => {
  await using world = new World({ limits: { retainedMessages: 1 } });
  await world.engine.publish("a", "1", { retain: true });
  assertEquals(await world.engine.publish("b", "1", { retain: true }), { reasonCode: 0x97 });
  const error = await assertRejects(
    () => world.engine.publish("b", "1", { qos: 1, retain: true }),
    RefusedError,
    "limit for retained messages",
  );
  assertStrictEquals(error.reasonCode, 0x97);
});

Deno.test("No more messages of the program are under way than limits.queuedMessages", async () => {
  const first = Promise.withResolvers<boolean>();
  await using world = new World({
    limits: { queuedMessages: 2 },
    authorizeDelivery: () => first.promise,
  });
  const client = await world.connect("c");
  await client.subscribe("a");
  const published = [1, 2].map((number) => world.engine.publish("a", String(number), {}));
  assertEquals(await world.engine.publish("a", "3", {}), { reasonCode: 0x97 });
  first.resolve(true);
  await Promise.all(published);
  assertEquals(await world.engine.publish("a", "4", {}), { reasonCode: 0x00 });
  await world.settle();
  const texts = [1, 2, 3].map(() => new TextDecoder().decode(client.take("publish").payload));
  assertEquals(texts, ["1", "2", "4"]);
});

for (
  const [what, args, error, text] of [
    ["a wildcard", ["a/#", ""], TypeError, "wildcard"],
    ["an empty topic", ["", ""], TypeError, "empty"],
    ["$share", ["$share/g/a", ""], TypeError, "Nobody can subscribe"],
    ["too many levels", ["a/b/c", ""], RangeError, "more than 2 levels"],
    ["a payload that is a number", ["a", 5], TypeError, "payload must be"],
    ["an unknown option", ["a", "", { reatin: true }], TypeError, "reatin"],
    ["a Topic Alias", ["a", "", { topicAlias: 1 }], TypeError, "topicAlias"],
    ["a signal", ["a", "", { signal: undefined }], TypeError, "signal"],
    ["a Subscription Identifier", ["a", "", { subscriptionIdentifiers: [1] }], TypeError, "subs"],
    ["QoS 3", ["a", "", { qos: 3 }], RangeError, "qos"],
  ] as const
) {
  Deno.test(`publish() of a broker refuses ${what}`, async () => {
    await using world = new World({ limits: { topicLevels: 2 } });
    const [topic, payload, options = {}] = args as readonly [string, string, object?];
    await assertRejects(() => world.engine.publish(topic, payload, options), error, text);
  });
}

Deno.test("clients() lists who is connected, with what is theirs", async () => {
  await using world = new World();
  const client = await world.connect("c", {
    username: "u",
    properties: { receiveMaximum: 1, sessionExpiryInterval: 60 },
  });
  world.now += 500;
  const other = await world.connect("d");
  await client.subscribe("a", { qos: 1 });
  await client.subscribe("b");
  for (const text of ["1", "2", "3"]) await other.publish("a", text, { qos: 1 });
  const [first, second] = world.engine.clients(5000);
  assertEquals(first, {
    clientId: "c",
    username: "u",
    address: "here",
    listener: undefined,
    certificate: undefined,
    origin: undefined,
    protocolVersion: 5,
    since: 1_005_000,
    subscriptions: 2,
    queued: 2,
    inFlight: 1,
  });
  assertEquals([second?.clientId, second?.since, second?.queued], ["d", 1_005_500, 0]);
  await client.cut();
  assertEquals(world.engine.clients(0).map(({ clientId }) => clientId), ["d"]);
});

Deno.test("disconnect() ends a client's connection with the Reason Code, its Will is published, its session stays", async () => {
  const told: unknown[] = [];
  await using world = new World({
    onDisconnect: ({ clientId }, reason) => void told.push([clientId, reason]),
  });
  const watcher = await world.connect("w");
  await watcher.subscribe("will");
  const client = await world.connect("c", {
    will: { topic: "will" },
    properties: { sessionExpiryInterval: 60 },
  });
  const options = { reasonString: "Maintenance", serverReference: "other" };
  assertStrictEquals(world.engine.disconnect("c", 0x9c, options), true);
  await world.settle();
  const { reasonCode, properties } = client.take("disconnect");
  assertStrictEquals(reasonCode, 0x9c);
  assertEquals(properties, options);
  assert(client.link.isOver);
  assertStrictEquals(watcher.take("publish").topic, "will");
  assertStrictEquals(world.engine.statistics.sessions, 2);
  assertStrictEquals(world.engine.disconnect("c", 0x98, {}), false);
  assertStrictEquals(world.engine.disconnect("nobody", 0x98, {}), false);
  assertEquals(told.length, 1);
});

Deno.test("disconnect() refuses what a server may not send, whether the client is there or not", async () => {
  await using world = new World();
  assertThrows(() => world.engine.disconnect("c", 0x04, {}), RangeError, "server may not send");
  assertThrows(() => world.engine.disconnect("c", 0x10 as 0x98, {}), RangeError);
  const expiry = { sessionExpiryInterval: 5 } as object;
  assertThrows(() => world.engine.disconnect("c", 0x98, expiry), TypeError, "sessionExpiry");
  const wrong = { reason: "a" } as object;
  assertThrows(() => world.engine.disconnect("c", 0x98, wrong), TypeError, "reason");
});

Deno.test("A running broker publishes, lists and disconnects, and does not publish after its end", async () => {
  await using broker = await serve({ listeners: [] });
  await using client = await connect(broker, { clientId: "c", reconnect: false });
  const readings = await client.subscribe("a", { qos: 1 });
  await broker.publish("a", json({ on: true }), { qos: 1 });
  for await (const message of readings.read({ limit: 1 })) {
    assertEquals(message.json<{ readonly on: boolean }>(), { on: true });
    assertStrictEquals(message.contentType, "application/json");
  }
  const [seen] = broker.clients();
  assertEquals([seen?.clientId, seen?.address, seen?.subscriptions], ["c", "memory", 1]);
  assert(Math.abs(seen!.since - Date.now()) < 60_000);
  const lost = client.once("disconnected");
  assertStrictEquals(broker.disconnect("c"), true);
  const { cause } = (await lost).error;
  assertStrictEquals((cause as RefusedError).reasonCode, 0x98);
  await broker.shutDown();
  await assertRejects(() => broker.publish("a", ""), Error, "The broker has shut down");
});
