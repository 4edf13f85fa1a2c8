// A client is taken over, or comes back, while a hook is asked about what it sent before: that does no harm to its session,
// nor to who has it now.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { publishOf } from "./client.ts";
import { slowWorld } from "./pending.ts";

const LASTING = { properties: { sessionExpiryInterval: 60 } };

Deno.test("The Will is not published when a client reconnects before its DISCONNECT, delayed by a slow hook, is handled [MQTT-3.14.4-3] [MQTT-3.1.2-10]", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const witness = await world.connect("witness");
  await witness.subscribe("#");
  const first = await world.connect("c", { will: { topic: "will" }, ...LASTING });
  await first.send(
    publishOf("slow", "1"),
    { type: "disconnect", properties: { sessionExpiryInterval: 0 } },
  );
  const { connack } = await world.join("c", LASTING);
  assertStrictEquals(connack.sessionPresent, false, "DISCONNECT has ended it");
  pending.answer(true);
  await world.settle();
  witness.expectMessage("slow", "1");
  witness.expectNothing();
});

Deno.test("The Will is published once when a client reconnects before its DISCONNECT with Will, delayed by a slow hook, is handled [MQTT-3.1.2-8]", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const witness = await world.connect("witness");
  await witness.subscribe("will");
  const first = await world.connect("c", { will: { topic: "will" }, ...LASTING });
  await first.send(publishOf("slow", "1"), { type: "disconnect", reasonCode: 0x04 });
  await world.connect("c", LASTING);
  pending.answer(true);
  await world.settle();
  witness.expectMessage("will");
  witness.expectNothing();
});

Deno.test("Two clients that connect with the same Client Identifier at once are accepted one after the other [MQTT-3.1.4-3]", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const first = await world.ask("slow", LASTING);
  const second = await world.ask("slow", LASTING);
  pending.answer(true);
  pending.answer(true);
  await world.settle();
  assertStrictEquals(first.expect("connack").sessionPresent, false);
  first.expectDisconnect(0x8e);
  assertStrictEquals(second.expect("connack").sessionPresent, true);
  second.expectNothing();
  assertStrictEquals(world.engine.statistics.sessions, 1);
});

Deno.test("A refused client does not take over the session of an accepted one", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const first = await world.ask("slow");
  pending.answer(true);
  await world.settle();
  first.expect("connack");
  const second = await world.ask("slow");
  pending.answer(false);
  await world.settle();
  second.expectRefusal(0x87);
  first.expectNothing();
});

for (const cleanStart of [false, true]) {
  for (const options of [{}, LASTING]) {
    const what = `${cleanStart ? "starting clean" : "going on"}${
      options === LASTING ? ", of a session that lasts" : ""
    }`;
    Deno.test(`Pending requests of a client that was taken over, ${what}, change nothing, except for its messages`, async () => {
      const { world, pending } = slowWorld();
      await using _ = world;
      const witness = await world.connect("witness");
      await witness.subscribe("+/a", { qos: 2 });
      const first = await world.connect("c", options);
      await first.subscribe("a", { qos: 1 });
      await first.send(
        publishOf("slow/a", "1", { qos: 1, packetId: 1 }),
        { type: "subscribe", packetId: 2, subscriptions: [{ topicFilter: "slow/#" }] },
        { type: "subscribe", packetId: 3, subscriptions: [{ topicFilter: "b" }] },
        { type: "unsubscribe", packetId: 4, topicFilters: ["a"] },
      );
      const second = await world.connect("c", { cleanStart, ...LASTING });
      await second.subscribe("a", { qos: 1 });
      first.expectDisconnect(0x8e);
      while (pending.questions.length > 0) {
        pending.answer(true);
        await world.settle();
      }
      assertEquals(await witness.receiveTexts(), ["1"]);
      assertStrictEquals(world.engine.statistics.subscriptions, 2);
      await witness.publish("a", "2", { qos: 1 });
      second.expectMessage("a", "2");
      second.expectNothing();
    });
  }
}

Deno.test("A QoS 2 message whose hook is pending when its client reconnects is acknowledged once, on the new connection [MQTT-4.3.3-8] [MQTT-4.3.3-10]", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const witness = await world.connect("witness");
  await witness.subscribe("#", { qos: 2 });
  const message = publishOf("slow", "1", { qos: 2, packetId: 7 });
  const first = await world.connect("c", LASTING);
  await first.send(message);
  await first.cut();
  const second = await world.connect("c", LASTING);
  await second.send({ ...message, dup: true });
  second.expectNothing();
  pending.answer(true);
  await world.settle();
  assertEquals(second.link.packets.map(({ type }) => type), ["pubrec"]);
  await second.send({ type: "pubrel", packetId: 7 });
  second.take("pubcomp");
  assertEquals(await witness.receiveTexts(), ["1"]);
  pending.expectNone();
});

Deno.test("A No Local subscription does not receive what the same client published before Clean Start [MQTT-3.8.3-3]", async () => {
  const { world, pending } = slowWorld();
  await using _ = world;
  const first = await world.connect("c", LASTING);
  await first.send(publishOf("slow", "1"));
  const second = await world.connect("c", { cleanStart: true });
  await second.send({
    type: "subscribe",
    packetId: 1,
    subscriptions: [{ topicFilter: "#", noLocal: true }],
  });
  second.expect("suback");
  pending.answer(true);
  await world.settle();
  second.expectNothing();
});
