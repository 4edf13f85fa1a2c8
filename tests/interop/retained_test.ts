// Retained messages and the options of a subscription, with Mosquitto.

import { assertEquals } from "@std/assert";
import { connect, type Message } from "../../mod.ts";
import { interopTest, publishOnce, take, textsOf, textsUntil } from "./interop.ts";
import { connectMqttJs } from "./mqttjs.ts";

function marked(messages: readonly Message[]): (readonly [string, boolean])[] {
  return messages.map((message) => [message.text(), message.retain]);
}

interopTest(
  "A retained message comes to who subscribes later, and is told from a new one",
  async (server) => {
    await using client = await connect(server.url);
    await client.publish("state", "old", { qos: 1, retain: true });
    await using theirs = await connectMqttJs(server);
    await theirs.client.subscribeAsync("state", { qos: 1 });
    const state = await client.subscribe("state", { qos: 1 });
    await client.publish("state", "new", { qos: 1, retain: true });
    assertEquals(marked(await take(state, 2)), [["old", true], ["new", false]]);
    for (const expected of [["old", true], ["new", false]]) {
      const { payload, retain } = await theirs.next();
      assertEquals([payload.toString(), retain], expected);
    }
  },
);

interopTest("With retainAsPublished a new message keeps its mark", async (server) => {
  await using client = await connect(server.url);
  const state = await client.subscribe("state", { qos: 1, retainAsPublished: true });
  await client.publish("state", "kept", { qos: 1, retain: true });
  await client.publish("state", "not kept", { qos: 1 });
  assertEquals(marked(await take(state, 2)), [["kept", true], ["not kept", false]]);
});

interopTest("A retained message is gone when an empty one has taken its place", async (server) => {
  await using theirs = await connectMqttJs(server);
  await theirs.client.publishAsync("state", "old", { qos: 1, retain: true });
  await using client = await connect(server.url);
  await client.publish("state", "", { qos: 1, retain: true });
  const state = await client.subscribe("state", { qos: 1 });
  await client.publish("state", "end", { qos: 1 });
  assertEquals(await textsUntil(state, "end"), []);
});

interopTest(
  "Retain Handling 0 brings retained messages with each subscription, 1 with a new one, 2 never",
  async (server) => {
    await publishOnce(server, "state", "old", { retain: true });
    // A session of its own for each, and one subscription after the other: the first is new, the second is not.
    const expected = { 0: ["old", "old"], 1: ["old"], 2: [] };
    for (const retainHandling of [0, 1, 2] as const) {
      const options = { clientId: `handling-${retainHandling}`, sessionExpiryInterval: 60 };
      const brought: string[] = [];
      for (const cleanStart of [true, false]) {
        await using client = await connect(server.url, { ...options, cleanStart });
        const state = await client.subscribe("state", { qos: 1, retainHandling });
        await client.publish("state", "end", { qos: 1 });
        brought.push(...await textsUntil(state, "end"));
      }
      assertEquals(brought, expected[retainHandling]);
    }
  },
);

interopTest(
  "With noLocal a client gets what others publish, not what it publishes itself",
  async (server) => {
    await using client = await connect(server.url);
    const chat = await client.subscribe("chat", { qos: 1, noLocal: true });
    await client.publish("chat", "my own", { qos: 1 });
    await publishOnce(server, "chat", "another's");
    await client.publish("chat", "my own", { qos: 2 });
    await publishOnce(server, "chat", "end");
    assertEquals(await textsUntil(chat, "end"), ["another's"]);
  },
);

interopTest("Each filter of a subscription has options of its own", async (server) => {
  await publishOnce(server, "a", "old a", { retain: true });
  await publishOnce(server, "b", "old b", { retain: true });
  await using client = await connect(server.url);
  const both = await client.subscribe([
    { topicFilter: "a", qos: 2, retainHandling: 2 },
    { topicFilter: "b", qos: 0, noLocal: true },
    "c",
  ], { qos: 1 });
  assertEquals(both.reasonCodes, [2, 0, 1]);
  await client.publish("b", "my own", { qos: 1 });
  await client.publish("a", "new a", { qos: 2 });
  await client.publish("c", "new c", { qos: 2 });
  const messages = await take(both, 3);
  assertEquals(textsOf(messages), ["old b", "new a", "new c"]);
  assertEquals(messages.map(({ qos }) => qos), [0, 2, 1]);
});
