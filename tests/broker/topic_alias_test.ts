// §3.3.2.3.4 Topic Alias, in both directions: a matter of one connection, which nobody else ever sees.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { publishOf, textOf } from "./client.ts";
import { World } from "./world.ts";

Deno.test("A Topic Alias up to the maximum stands for the topic that it came with, at any QoS [MQTT-3.3.2-12]", async () => {
  await using world = new World({ limits: { topicAliasMaximum: 3 } });
  const { client, connack } = await world.join("c");
  assertStrictEquals(connack.properties.topicAliasMaximum, 3);
  const other = await world.connect("d");
  await other.subscribe("#", { qos: 2 });
  for (const topicAlias of [1, 2, 3]) {
    await client.publish(`t${topicAlias}`, "", { properties: { topicAlias } });
  }
  for (const topicAlias of [3, 1, 2]) {
    await client.publish("", "", { qos: 2, properties: { topicAlias } });
  }
  await client.publish("new", "", { qos: 1, properties: { topicAlias: 1 } });
  await client.publish("", "", { properties: { topicAlias: 1 } });
  const messages = await other.receive();
  assertEquals(
    messages.map(({ topic }) => topic),
    ["t1", "t2", "t3", "t3", "t1", "t2", "new", "new"],
  );
  for (const { properties } of messages) assertEquals(properties, {});
});

Deno.test("A Topic Alias of one client means nothing to another", async () => {
  await using world = new World();
  const client = await world.connect("c");
  const other = await world.connect("d");
  await client.publish("a", "", { properties: { topicAlias: 1 } });
  await other.send(publishOf("", "1", { properties: { topicAlias: 1 } }));
  other.expectDisconnect(0x82);
  client.expectNothing();
});

for (const topicAliasMaximum of [0, 3]) {
  Deno.test(`A Topic Alias over the maximum of ${topicAliasMaximum} ends the connection`, async () => {
    await using world = new World({ limits: { topicAliasMaximum } });
    const client = await world.connect("c");
    const properties = { topicAlias: topicAliasMaximum + 1 };
    await client.send(publishOf("a", "1", { properties }));
    client.expectDisconnect(0x94);
  });
}

Deno.test("A message that is retained by its Topic Alias is retained by its topic", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.publish("a", "1", { properties: { topicAlias: 1 } });
  await client.publish("", "2", { retain: true, properties: { topicAlias: 1 } });
  await client.subscribe("a");
  const message = client.expectMessage("a", "2");
  assertEquals(message.properties, {});
});

for (const topicAliasMaximum of [undefined, 0]) {
  Deno.test(`A client with a Topic Alias Maximum of ${topicAliasMaximum} receives no Topic Aliases [MQTT-3.1.2-27]`, async () => {
    await using world = new World({ topicAliases: "automatic" });
    const client = await world.connect("c", { properties: { topicAliasMaximum } });
    await client.subscribe("#", { qos: 1 });
    for (const qos of [0, 1, 0, 1] as const) await client.publish("a", "1", { qos });
    for (const message of await client.receive()) {
      assertStrictEquals(message.topic, "a");
      assertStrictEquals(message.properties.topicAlias, undefined);
    }
  });
}

Deno.test("A client receives no Topic Aliases when the broker assigns none", async () => {
  await using world = new World();
  const client = await world.connect("c", { properties: { topicAliasMaximum: 10 } });
  await client.subscribe("#", { qos: 1 });
  for (const qos of [0, 1, 0, 1] as const) await client.publish("a", "1", { qos });
  for (const message of await client.receive()) assertEquals(message.properties, {});
});

for (const [identifier, qos] of [[undefined, 0], [7, 0], [undefined, 1], [7, 2]] as const) {
  Deno.test(`A client receives Topic Aliases up to its maximum, at QoS ${qos}, with Subscription Identifier ${identifier} [MQTT-3.1.2-26] [MQTT-3.3.2-11]`, async () => {
    await using world = new World({ topicAliases: "automatic" });
    const client = await world.connect("c", { properties: { topicAliasMaximum: 2 } });
    const other = await world.connect("d");
    for (const each of [client, other]) {
      await each.subscribe("#", { qos, ...identifier !== undefined && { identifier } });
    }
    const publisher = await world.connect("p");
    const topics: string[] = [];
    for (const topic of ["a", "b", "a", "c", "b", "a", "a"]) {
      await publisher.publish(topic, topic, { qos });
    }
    const messages = await client.receive();
    const meanings = new Map<number, string>();
    for (const message of messages) {
      const { topicAlias } = message.properties;
      assert(topicAlias === undefined || topicAlias >= 1 && topicAlias <= 2, `${topicAlias}`);
      if (topicAlias !== undefined && message.topic !== "") meanings.set(topicAlias, message.topic);
      topics.push(message.topic === "" ? meanings.get(topicAlias!)! : message.topic);
    }
    assertEquals(topics, messages.map(textOf));
    assert(messages.some(({ topic }) => topic === ""), "an alias stands for a topic");
    for (const message of await other.receive()) assertStrictEquals(message.topic, textOf(message));
  });
}
