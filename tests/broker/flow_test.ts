// §4.9 Flow control and §3.1.2.11.4 Maximum Packet Size, each in both directions.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { encodePacket, type PacketInit } from "../../src/packets/mod.ts";
import { publishOf, textOf } from "./client.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 60 } };

Deno.test("A client has at most Receive Maximum unacknowledged messages of QoS 1 and 2, and still receives other packets [MQTT-3.3.4-9] [MQTT-3.3.4-10]", async () => {
  await using world = new World();
  const client = await world.connect("c", { properties: { receiveMaximum: 2 } });
  await client.subscribe("a", { qos: 2 });
  const publisher = await world.connect("p");
  for (let count = 0; count < 6; count++) {
    await publisher.publish("a", `${count}`, { qos: (1 + count % 2) as 1 | 2 });
  }
  const [first, second] = [client.expect("publish"), client.expect("publish")];
  client.expectNothing();
  await client.send({ type: "pingreq" });
  client.expect("pingresp");
  assertStrictEquals(await client.subscribe("b"), 0);
  await client.finish(first);
  assertStrictEquals(textOf(client.expect("publish")), "2");
  client.expectNothing();
  await client.send({ type: "pubrec", packetId: second.packetId });
  client.expect("pubrel");
  client.expectNothing();
  await client.send({ type: "pubcomp", packetId: second.packetId });
  assertStrictEquals(textOf(client.expect("publish")), "3");
  client.expectNothing();
});

Deno.test("A QoS 0 message does not overtake queued messages, and uses no send quota [MQTT-3.3.4-9]", async () => {
  await using world = new World();
  const client = await world.connect("c", { properties: { receiveMaximum: 1 } });
  await client.subscribe("a", { qos: 1 });
  const publisher = await world.connect("p");
  await publisher.publish("a", "1", { qos: 1 });
  await publisher.publish("a", "2", { qos: 1 });
  await publisher.publish("a", "3");
  assertEquals(client.link.packets.length, 1);
  assertEquals(await client.receiveTexts(), ["1", "2", "3"]);
});

Deno.test("A client that reconnects is sent no more messages again at once than its new Receive Maximum [MQTT-3.3.4-9]", async () => {
  await using world = new World();
  const before = await world.connect("c", LASTING);
  await before.subscribe("a", { qos: 1 });
  const publisher = await world.connect("p");
  for (const text of "123") await publisher.publish("a", text, { qos: 1 });
  assertStrictEquals(before.link.packets.length, 3);
  await before.cut();
  const client = await world.connect("c", {
    properties: { ...LASTING.properties, receiveMaximum: 1 },
  });
  assertStrictEquals(client.link.packets.length, 1);
  assertEquals(await client.receiveTexts(), ["1", "2", "3"]);
});

Deno.test("A client that exceeds the broker's Receive Maximum is disconnected", async () => {
  const asked: (() => void)[] = [];
  await using world = new World({
    limits: { receiveMaximum: 2 },
    authorizePublish: () => new Promise((resolve) => asked.push(() => resolve(true))),
  });
  const client = await world.connect("c");
  const messages = [1, 2, 3].map((packetId) => publishOf("a", "1", { qos: 1, packetId }));
  await client.send(...messages);
  client.expectDisconnect(0x93);
  for (let ask = asked.shift(); ask !== undefined; ask = asked.shift()) {
    ask();
    await world.settle();
  }
  assertStrictEquals(world.engine.statistics.clients, 0);
});

Deno.test("A client that reaches the broker's Receive Maximum stays connected", async () => {
  await using world = new World({ limits: { receiveMaximum: 2 } });
  const client = await world.connect("c");
  await client.send(publishOf("a", "1", { qos: 2, packetId: 1 }));
  await client.send(publishOf("a", "1", { qos: 2, packetId: 2 }));
  client.expect("pubrec");
  client.expect("pubrec");
  await client.send({ type: "pubrel", packetId: 1 }, publishOf("a", "", { qos: 2, packetId: 3 }));
  client.expect("pubcomp");
  client.expect("pubrec");
  await client.send(publishOf("a", "1", { qos: 1, packetId: 4 }));
  client.expectDisconnect(0x93);
});

for (const qos of [0, 1, 2] as const) {
  Deno.test(`A message of QoS ${qos} too large for a client is dropped as if delivered, and others receive it [MQTT-3.1.2-24] [MQTT-3.1.2-25]`, async () => {
    await using world = new World();
    const small = await world.connect("c", {
      properties: { maximumPacketSize: 50, receiveMaximum: 1 },
    });
    const large = await world.connect("d", { properties: { maximumPacketSize: 200 } });
    for (const client of [small, large]) await client.subscribe("a", { qos: 2 });
    const publisher = await world.connect("p");
    for (const length of [10, 100, 11]) {
      await publisher.publish("a", "x".repeat(length), { qos });
    }
    assertEquals((await small.receiveTexts()).map(({ length }) => length), [10, 11]);
    assertEquals((await large.receiveTexts()).map(({ length }) => length), [10, 100, 11]);
    assertStrictEquals(world.engine.statistics.dropped, 1);
  });
}

Deno.test("A message of exactly the client's Maximum Packet Size is sent [MQTT-3.1.2-24]", async () => {
  await using world = new World();
  const client = await world.connect("c", { properties: { maximumPacketSize: 50 } });
  await client.subscribe("a", { qos: 1 });
  const publisher = await world.connect("p");
  for (const qos of [0, 1] as const) {
    const whole = 50 - (qos === 0 ? 6 : 8);
    await publisher.publish("a", "x".repeat(whole), { qos });
    await publisher.publish("a", "y".repeat(whole + 1), { qos });
    assertEquals(await client.receiveTexts(), ["x".repeat(whole)]);
  }
});

Deno.test("A queued message too large for the client's new Maximum Packet Size is dropped, and those behind it are not [MQTT-3.1.2-25]", async () => {
  await using world = new World();
  const before = await world.connect("c", LASTING);
  await before.subscribe("a", { qos: 1 });
  const publisher = await world.connect("p");
  await publisher.publish("a", "x".repeat(100), { qos: 1 });
  await before.cut();
  await publisher.publish("a", "y".repeat(100), { qos: 1 });
  await publisher.publish("a", "z", { qos: 1 });
  const client = await world.connect("c", {
    properties: { ...LASTING.properties, maximumPacketSize: 50 },
  });
  assertEquals(await client.receiveTexts(), ["z"]);
  assertStrictEquals(world.engine.statistics.dropped, 2);
});

Deno.test("A retained message too large for the subscriber is dropped [MQTT-3.1.2-25]", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  await publisher.publish("a", "x".repeat(100), { retain: true });
  await publisher.publish("b", "1", { retain: true });
  const client = await world.connect("c", { properties: { maximumPacketSize: 50 } });
  await client.subscribe("#");
  assertEquals(await client.receiveTexts(), ["1"]);
});

Deno.test("A negative acknowledgement fits a small Maximum Packet Size [MQTT-3.1.2-24]", async () => {
  await using world = new World({ authorizePublish: () => false });
  const client = await world.connect("c", { properties: { maximumPacketSize: 20 } });
  assertStrictEquals(await client.publish("a", "1", { qos: 1 }), 0x87);
  assertStrictEquals(await client.publish("a", "1", { qos: 2 }), 0x87);
  client.expectNothing();
});

for (
  const [what, packet] of [
    ["SUBACK", { type: "subscribe", packetId: 1, subscriptions: filters(30) }],
    ["UNSUBACK", {
      type: "unsubscribe",
      packetId: 1,
      topicFilters: filters(30).map(({ topicFilter }) => topicFilter),
    }],
  ] satisfies readonly (readonly [string, PacketInit])[]
) {
  Deno.test(`A client whose ${what} would be too large for it is disconnected, and no other is affected [MQTT-3.1.2-24]`, async () => {
    await using world = new World();
    const other = await world.connect("d");
    const client = await world.connect("c", { properties: { maximumPacketSize: 25 } });
    await client.send(packet);
    client.expectClosed();
    await other.send({ type: "pingreq" });
    other.expect("pingresp");
  });
}

for (const maximumPacketSize of [1, 4, 10]) {
  for (const isAsync of [false, true]) {
    Deno.test(`A client whose Maximum Packet Size of ${maximumPacketSize} is too small for CONNACK is disconnected, with a hook that is ${isAsync ? "a" : ""}sync [MQTT-3.1.2-24]`, async () => {
      await using world = new World({
        authenticate: ({ clientId }) => {
          const verdict = clientId !== "bad";
          return isAsync ? Promise.resolve(verdict) : verdict;
        },
        authorizePublish: () => Promise.resolve(true),
      });
      for (const clientId of ["c", "bad"]) {
        const client = await world.ask(clientId, {
          will: { topic: "will" },
          properties: { maximumPacketSize, sessionExpiryInterval: 60 },
        });
        const codes = client.link.packets.map((packet) =>
          packet.type === "connack" && packet.reasonCode
        );
        // A refusal of 5 bytes may fit.
        assertEquals(codes, maximumPacketSize === 10 && clientId === "bad" ? [0x87] : []);
        assert(client.link.isOver);
      }
      assertStrictEquals(world.engine.statistics.clients, 0);
      await world.connect("d");
    });
  }
}

Deno.test("A packet larger than the broker's Maximum Packet Size ends the connection", async () => {
  await using world = new World({ limits: { maximumPacketSize: 100 } });
  const client = await world.connect("c");
  const fits = publishOf("a", "x".repeat(94));
  assertStrictEquals(encodePacket(fits).length, 100);
  await client.send(fits);
  client.expectNothing();
  await client.send(publishOf("a", "x".repeat(95)));
  client.expectDisconnect(0x95);
});

Deno.test("A CONNECT larger than the broker's Maximum Packet Size is refused", async () => {
  await using world = new World({ limits: { maximumPacketSize: 100 } });
  (await world.ask("x".repeat(100))).expectRefusal(0x95);
});

function filters(count: number): { readonly topicFilter: string }[] {
  return Array.from({ length: count }, (_, index) => ({ topicFilter: `${index}` }));
}
