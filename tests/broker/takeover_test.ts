// §3.1.4 A client connects with the name of one that is there: the one that was there before is sent away.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { bytesOfText, publishOf } from "./client.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 60 } };

Deno.test("A client that connects with the Client Identifier of another disconnects it with 0x8E [MQTT-3.1.4-3] [MQTT-3.14.2-2]", async () => {
  await using world = new World();
  const first = await world.connect("c");
  const second = await world.connect("c");
  const { properties } = first.expectDisconnect(0x8e);
  assertStrictEquals(properties.sessionExpiryInterval, undefined);
  second.expectNothing();
  assertEquals(world.engine.statistics.clients, 1);
  assertEquals(world.engine.statistics.sessions, 1);
});

Deno.test("A client that takes over a session resumes it [MQTT-3.1.4-3] [MQTT-3.1.2-5]", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  const first = await world.connect("c", LASTING);
  await first.subscribe("a", { qos: 1 });
  await publisher.publish("a", "1", { qos: 1 });
  const sent = first.expectMessage("a", "1");
  const { client, connack } = await world.join("c", LASTING);
  assertStrictEquals(connack.sessionPresent, true);
  assertEquals(client.expect("publish"), { ...sent, dup: true });
  await publisher.publish("a", "2", { qos: 1 });
  client.expectMessage("a", "2");
  first.expectDisconnect(0x8e);
});

Deno.test("A session with Session Expiry Interval 0 ends when its connection is taken over", async () => {
  await using world = new World();
  const first = await world.connect("c");
  await first.subscribe("a");
  const { connack } = await world.join("c", LASTING);
  assertStrictEquals(connack.sessionPresent, false);
  assertStrictEquals(world.engine.statistics.subscriptions, 0);
  first.expectDisconnect(0x8e);
});

Deno.test("Clean Start disconnects the other client and ends its session [MQTT-3.1.4-3] [MQTT-3.1.2-4]", async () => {
  await using world = new World();
  const first = await world.connect("c", LASTING);
  await first.subscribe("a");
  const { client, connack } = await world.join("c", { cleanStart: true, ...LASTING });
  first.expectDisconnect(0x8e);
  assertStrictEquals(connack.sessionPresent, false);
  assertStrictEquals(world.engine.statistics.subscriptions, 0);
  await client.cut();
  await world.advance(59_999);
  assertStrictEquals(world.engine.statistics.sessions, 1);
});

Deno.test("The end of a connection that was taken over does not affect the new one", async () => {
  await using world = new World();
  const first = await world.connect("c", { ...LASTING, will: { topic: "will" } });
  const second = await world.connect("c", { ...LASTING, will: { topic: "will" } });
  await second.subscribe("will");
  await first.cut();
  await world.advance(3_600_000);
  second.expectNothing();
  assertStrictEquals(world.engine.statistics.sessions, 1);
});

Deno.test("After many takeovers of one Client Identifier one connection is left", async () => {
  await using world = new World();
  const clients = [await world.connect("c", LASTING)];
  for (let count = 0; count < 50; count++) {
    clients.push(await world.connect("c", { ...LASTING, cleanStart: count % 3 === 0 }));
    clients.shift()!.expectDisconnect(0x8e);
  }
  assertStrictEquals(world.engine.statistics.clients, 1);
  assertStrictEquals(world.engine.statistics.sessions, 1);
  clients[0]!.expectNothing();
});

Deno.test("A refused client disconnects no other", async () => {
  await using world = new World({
    authenticate: (_client, { password }) => password !== undefined,
  });
  const first = await world.connect("c", { password: bytesOfText("p") });
  (await world.ask("c")).expectRefusal(0x87);
  first.expectNothing();
});

Deno.test("A connection with an assigned Client Identifier can be taken over", async () => {
  await using world = new World();
  const { client, connack } = await world.join("");
  await world.connect(connack.properties.assignedClientIdentifier!);
  client.expectDisconnect(0x8e);
});

for (
  const [what, first, cleanStart, isPublished] of [
    ["without delay", { will: { topic: "w" }, ...LASTING }, false, true],
    ["without delay, by a clean start", { will: { topic: "w" }, ...LASTING }, true, true],
    [
      "with a delay",
      { will: { topic: "w", properties: { willDelayInterval: 30 } }, ...LASTING },
      false,
      false,
    ],
    [
      "with a delay, by a clean start",
      { will: { topic: "w", properties: { willDelayInterval: 30 } }, ...LASTING },
      true,
      true,
    ],
    [
      "with a delay, whose session ends with the connection",
      { will: { topic: "w", properties: { willDelayInterval: 30 } } },
      false,
      true,
    ],
  ] as const
) {
  Deno.test(
    `The Will of a client that is taken over, ${what}, is ${
      isPublished ? "" : "not "
    }published [MQTT-3.1.2-8] [MQTT-3.1.3-9]`,
    async () => {
      await using world = new World();
      const witness = await world.connect("witness");
      await witness.subscribe("w");
      await world.connect("c", first);
      await world.connect("c", { cleanStart, ...LASTING });
      if (isPublished) witness.expectMessage("w");
      await world.advance(3_600_000);
      witness.expectNothing();
    },
  );
}

Deno.test("A message published before a takeover is delivered", async () => {
  await using world = new World();
  const witness = await world.connect("witness");
  await witness.subscribe("a", { qos: 2 });
  const first = await world.connect("c", LASTING);
  await first.send(publishOf("a", "1", { qos: 2, packetId: 1 }));
  const second = await world.connect("c", LASTING);
  await second.send(publishOf("a", "1", { qos: 2, packetId: 1, dup: true }));
  assertStrictEquals(second.expect("pubrec").packetId, 1);
  assertEquals(await witness.receiveTexts(), ["1"]);
});
