// The limits that Mosquitto and our client set each other: size, number, aliases, and time.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, NotSentError, type QoS } from "../../mod.ts";
import { interopTest, numbers, once, publishOnce, QUICKLY, take, textsOf } from "./interop.ts";
import { everywhereTest } from "./transports.ts";
import { connectMqttJs } from "./mqttjs.ts";
import { Relay } from "./relay.ts";

everywhereTest(
  "A packet over the server's Maximum Packet Size is not sent [MQTT-3.2.2-15]",
  async (server) => {
    await using client = await connect(server.url);
    assertStrictEquals(client.server.maximumPacketSize, 1000);
    const news = await client.subscribe("news", { qos: 2 });
    // Fixed header, Topic Name, Packet Identifier and Property Length are 12 bytes.
    const fits = "x".repeat(1000 - 12);
    for (const qos of [1, 2] as const) {
      await client.publish("news", fits, { qos });
      const error = await assertRejects(
        () => client.publish("news", fits + "x", { qos }),
        RangeError,
      );
      assert(error.message.includes("1000"), error.message);
    }
    await assertRejects(() => client.publish("news", fits + "xxx"), RangeError);
    await assertRejects(() => client.subscribe("x".repeat(1000)), RangeError);
    assertEquals(textsOf(await take(news, 2)), [fits, fits]);
    assertStrictEquals(client.state, "connected");
  },
  { configuration: ["max_packet_size 1000"] },
);

everywhereTest(
  "A message above the Maximum Packet Size of the client does not come",
  async (server) => {
    await using theirs = await connectMqttJs(server.plain);
    await using client = await connect(server.url, { maximumPacketSize: 200 });
    const news = await client.subscribe("news", { qos: 2 });
    for (const qos of [0, 1, 2] as const) {
      await theirs.client.publishAsync("news", "x".repeat(200), { qos });
      await theirs.client.publishAsync("news", `small ${qos}`, { qos });
    }
    assertEquals(textsOf(await take(news, 3)), ["small 0", "small 1", "small 2"]);
    assertStrictEquals(client.state, "connected");
  },
);

for (const maximum of [1, 3]) {
  everywhereTest(
    `No more than ${maximum} messages are in flight at a server that takes no more [MQTT-3.3.4-7] [MQTT-4.9.0-2]`,
    async (server) => {
      await using client = await connect(server.url);
      // It answers one message more with DISCONNECT 0x93.
      assertStrictEquals(client.server.receiveMaximum, maximum);
      const news = await client.subscribe("news", { qos: 1 });
      const sent = numbers(100);
      await Promise.all(sent.map((text, index) => {
        return client.publish("news", text, { qos: index % 2 === 0 ? 1 : 2 });
      }));
      const received = await take(news, 100);
      assertEquals(textsOf(received).sort(), sent.sort());
      assertStrictEquals(client.state, "connected");
    },
    { configuration: [`max_inflight_messages ${maximum}`, "max_queued_messages 0"] },
  );
}

everywhereTest(
  "No more messages than the Receive Maximum of the client are unacknowledged",
  async (server) => {
    await using client = await connect(server.url, { receiveMaximum: 2, ack: "manual" });
    const news = await client.subscribe("news", { qos: 1 });
    const other = await client.subscribe("other");
    for (const text of numbers(3)) await publishOnce(server, "news", text);
    // It comes at once, whatever waits before it.
    await publishOnce(server, "other", "now", { qos: 0 });
    assertEquals(textsOf(await take(other, 1)), ["now"]);
    assertStrictEquals(news.waiting, 2);
    assertEquals(textsOf(await take(news, 3)), numbers(3));
  },
);

for (const qos of [1, 2] as const) {
  interopTest(
    `A loop that is slow reads all that waits at QoS ${qos}, though Mosquitto 2.0.11 exceeds a small Receive Maximum`,
    async (server) => {
      await using client = await connect(server.url, { receiveMaximum: 5 });
      let exceeded = 0;
      client.addEventListener("exceeded", () => exceeded++);
      const news = await client.subscribe("news", { qos });
      const sent = numbers(500);
      await using other = await connect(server.url);
      await Promise.all(sent.map((text) => other.publish("news", text, { qos })));
      const received: string[] = [];
      for await (const message of news) {
        received.push(message.text());
        await new Promise((resolve) => setTimeout(resolve, 0));
        if (received.length === sent.length) break;
      }
      assertEquals(received, sent);
      assertStrictEquals(client.state, "connected");
      assert(exceeded <= 1, `told ${exceeded} times`);
    },
  );

  // Mosquitto 2.0.11 sends up to as many messages more than the Receive Maximum at each acknowledgement, when some wait.
  everywhereTest(
    `A loop that is slow reads all that waits at QoS ${qos}, however much the server sends at once`,
    async (server) => {
      await using client = await connect(server.url);
      const news = await client.subscribe("news", { qos });
      const sent = numbers(500);
      await using other = await connect(server.url);
      await Promise.all(sent.map((text) => other.publish("news", text, { qos })));
      const received: string[] = [];
      for await (const message of news) {
        received.push(message.text());
        await new Promise((resolve) => setTimeout(resolve, 0));
        if (received.length === sent.length) break;
      }
      assertEquals(received, sent);
    },
    { over: qos === 1 ? ["mqtt", "mutual", "wss"] : ["mqtt"] },
  );
}

interopTest(
  "Messages to many topics keep them, with a few Topic Aliases in turn [MQTT-3.2.2-17] [MQTT-3.3.2-9]",
  async (server) => {
    await using relay = new Relay(server);
    await using client = await connect(relay.url, {
      topicAliases: "automatic",
      sessionExpiryInterval: 1000,
      reconnect: QUICKLY,
    });
    assertStrictEquals(client.server.topicAliasMaximum, 3);
    await using other = await connect(server.url, { topicAliasMaximum: 5 });
    const all = await other.subscribe("topic/#", { qos: 2 });
    const topics = Array.from({ length: 200 }, (_, index) => `topic/${(index * index) % 7}`);
    const publish = (qos: QoS) => topics.map((topic) => client.publish(topic, topic, { qos }));
    await Promise.all([...publish(0), ...publish(1), ...publish(2)]);
    const received = await take(all, 3 * topics.length);
    assertEquals(received.map(({ topic }) => topic), textsOf(received));
    // Aliases end with the connection.
    const lost = once(client, "disconnected");
    relay.cut();
    await lost;
    await Promise.all(publish(2));
    assertEquals((await take(all, topics.length)).map(({ topic }) => topic), topics);
  },
  { configuration: ["max_topic_alias 3"] },
);

interopTest("Topic Aliases that the application gives out are sent", async (server) => {
  await using client = await connect(server.url, { topicAliases: "manual" });
  const all = await client.subscribe("#", { qos: 1 });
  await client.publish("a", "1", { qos: 1, topicAlias: 1 });
  await client.publish("", "2", { qos: 1, topicAlias: 1 });
  await client.publish("b", "3", { qos: 1, topicAlias: 1 });
  await client.publish("", "4", { qos: 0, topicAlias: 1 });
  await assertRejects(() => client.publish("a", "", { topicAlias: 11 }), RangeError);
  assertEquals((await take(all, 4)).map(({ topic }) => topic), ["a", "a", "b", "b"]);
});

interopTest(
  "The Message Expiry Interval counts down at the server, and then the message is gone",
  async (server) => {
    await using client = await connect(server.url);
    const published = { qos: 1, retain: true } as const;
    await client.publish("state", "short", { ...published, messageExpiryInterval: 1 });
    await client.publish("state/long", "long", { ...published, messageExpiryInterval: 100 });
    const left = new Set<number | undefined>();
    for (let isThere = true; isThere;) {
      await using state = await client.subscribe("state/#", { qos: 1 });
      await client.publish("state", "end", { qos: 1 });
      isThere = false;
      for await (const message of state) {
        message.ack();
        if (message.text() === "end") break;
        if (message.text() === "short") isThere = true;
        else left.add(message.properties.messageExpiryInterval);
      }
    }
    const seconds = [...left].map(Number);
    assert(Math.max(...seconds) <= 100 && Math.min(...seconds) < 100, seconds.join());
  },
);

interopTest(
  "A message expires in the client while there is no connection, and the others are sent",
  async (server) => {
    await using other = await connect(server.url);
    const news = await other.subscribe("news", { qos: 1 });
    await using relay = new Relay(server);
    await using client = await connect(relay.url, { reconnect: QUICKLY });
    const lost = once(client, "disconnected");
    relay.down();
    await lost;
    const early = client.publish("news", "early", { qos: 1, messageExpiryInterval: 1 });
    const late = client.publish("news", "late", { qos: 1, messageExpiryInterval: 100 });
    const error = await assertRejects(() => early, NotSentError);
    assertStrictEquals(error.kind, "expired");
    relay.up();
    await late;
    await publishOnce(server, "news", "end");
    const [message, end] = await take(news, 2);
    assertEquals([message!.text(), end!.text()], ["late", "end"]);
    assert(message!.properties.messageExpiryInterval! < 100);
  },
);

interopTest(
  "A server without QoS 2 and retained messages is not asked for them [MQTT-3.2.2-11] [MQTT-3.2.2-14]",
  async (server) => {
    await using client = await connect(server.url);
    assertEquals([client.server.maximumQoS, client.server.retainAvailable], [1, false]);
    await assertRejects(() => client.publish("a", "", { qos: 2 }), RangeError);
    await assertRejects(() => client.publish("a", "", { retain: true }), TypeError);
    const news = await client.subscribe("a", { qos: 2 });
    await client.publish("a", "1", { qos: 1 });
    assertEquals(textsOf(await take(news, 1)), ["1"]);
  },
  { configuration: ["max_qos 1", "retain_available false"] },
);

interopTest("The Keep Alive of the server takes the place of the client's", async (server) => {
  await using client = await connect(server.url, { keepAlive: 60 });
  assertStrictEquals(client.server.keepAlive, 10);
}, { configuration: ["max_keepalive 10"] });

interopTest(
  "A client that says nothing keeps its connection by its pings [MQTT-3.1.2-20]",
  async (server) => {
    await using watcher = await connect(server.url);
    const wills = await watcher.subscribe("wills/#");
    await using idle = await connect(server.url, { keepAlive: 3, will: { topic: "wills/idle" } });
    await using relay = new Relay(server);
    await using _ = await connect(relay.url, {
      reconnect: false,
      sessionExpiryInterval: 1000,
      // Longer than the server waits for a ping.
      will: { topic: "wills/end", willDelayInterval: 6 },
    });
    relay.cut();
    assertEquals((await take(wills, 1)).map(({ topic }) => topic), ["wills/end"]);
    assertStrictEquals(idle.state, "connected");
  },
);

everywhereTest("A server whose answers do not come any more is given up", async (server) => {
  await using relay = new Relay(server);
  await using client = await connect(relay.url, { keepAlive: 1, reconnect: QUICKLY });
  const lost = once(client, "disconnected");
  const back = once(client, "connected");
  relay.loseAnswers();
  const { error, willReconnect } = await lost;
  assertEquals([error.kind, willReconnect], ["transient", true]);
  await back;
}, { over: ["mqtt", "mutual", "wss"] });
