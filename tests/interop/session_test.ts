// Sessions at Mosquitto: resumed, expired, taken over, and moved to another client.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, ConnectionClosedError, encodePacket } from "../../mod.ts";
import { once, publishOnce, QUICKLY, take, textsOf, textsUntil, until } from "./interop.ts";
import { everywhereTest } from "./transports.ts";
import { connectMqttJs } from "./mqttjs.ts";
import { Relay } from "./relay.ts";

/** Mosquitto says this since 2.0.15; before, it closes the connection without a word (eclipse/mosquitto#2607). */
const TAKEN_OVER = encodePacket({ type: "disconnect", reasonCode: 0x8e });

const SESSION = { clientId: "a", sessionExpiryInterval: 1000 } as const;

everywhereTest(
  "A connection that breaks is made again, and what came meanwhile arrives in order",
  async (server) => {
    await using relay = new Relay(server);
    await using client = await connect(relay.url, { ...SESSION, reconnect: QUICKLY });
    const news = await client.subscribe("news", { qos: 2 });
    const lost = once(client, "disconnected");
    relay.down();
    const { error, willReconnect } = await lost;
    assertEquals([error.kind, willReconnect], ["transient", true]);
    for (const [text, qos] of [["1", 1], ["2", 2], ["3", 2], ["4", 1]] as const) {
      await publishOnce(server, "news", text, { qos });
    }
    const own = client.publish("news", "5", { qos: 2 });
    assertStrictEquals(client.state, "reconnecting");
    const back = once(client, "connected");
    relay.up();
    const { server: granted } = await back;
    assertStrictEquals(granted.sessionPresent, true);
    assertEquals(textsOf(await take(news, 5)), ["1", "2", "3", "4", "5"]);
    assertStrictEquals((await own).reasonCode, 0);
  },
);

everywhereTest(
  "What came while no client was there waits in client.messages for who subscribes",
  async (server) => {
    {
      await using client = await connect(server.url, SESSION);
      await client.subscribe(["news/+", "other"], { qos: 2 });
    }
    for (
      const [topic, text, qos] of [
        ["news/a", "1", 1],
        ["news/b", "2", 2],
        ["other", "3", 2],
      ] as const
    ) await publishOnce(server, topic, text, { qos });
    await using client = await connect(server.url, { ...SESSION, cleanStart: false });
    assertStrictEquals(client.server.sessionPresent, true);
    const news = await client.subscribe("news/+", { qos: 2 });
    // The server still has both subscriptions.
    await publishOnce(server, "news/c", "4", { qos: 2 });
    await publishOnce(server, "other", "5", { qos: 2 });
    const claimed = await take(news, 3);
    assertEquals(textsOf(claimed), ["1", "2", "4"]);
    assertEquals(claimed.map(({ qos }) => qos), [1, 2, 2]);
    assertEquals(textsOf(await take(client.messages, 2)), ["3", "5"]);
    assertEquals(await client.unsubscribe(["other", "nothing"]), [0x00, 0x11]);
  },
);

everywhereTest(
  "A session that has expired is begun anew, and its subscriptions with it",
  async (server) => {
    await using watcher = await connect(server.url);
    const wills = await watcher.subscribe("wills");
    await using relay = new Relay(server);
    await using client = await connect(relay.url, {
      clientId: "a",
      sessionExpiryInterval: 1,
      reconnect: QUICKLY,
      // It is published when the session ends, and that is long before.
      will: { topic: "wills", willDelayInterval: 1000 },
    });
    const news = await client.subscribe(["news/a", "news/b"], { qos: 1 });
    relay.down();
    await take(wills, 1);
    const early = client.publish("news/a", "early", { qos: 1 });
    const back = once(client, "connected");
    relay.up();
    assertStrictEquals((await back).server.sessionPresent, false);
    await client.publish("news/b", "late", { qos: 1 });
    assertStrictEquals((await early).reasonCode, 0);
    assertEquals(textsOf(await take(news, 2)), ["early", "late"]);
  },
  // It takes seconds.
  { over: ["mqtt", "wss"] },
);

everywhereTest(
  "The name that the server has given is kept when the connection is made again",
  async (server) => {
    await using relay = new Relay(server);
    await using client = await connect(relay.url, {
      sessionExpiryInterval: 1000,
      reconnect: QUICKLY,
    });
    const { clientId } = client.server;
    assert(clientId !== "");
    const news = await client.subscribe("news", { qos: 1 });
    const back = once(client, "connected");
    relay.cut();
    assertStrictEquals((await back).server.sessionPresent, true);
    assertStrictEquals(client.server.clientId, clientId);
    await publishOnce(server, "news", "1");
    assertEquals(textsOf(await take(news, 1)), ["1"]);
    await using other = await connect(server.url);
    assert(other.server.clientId !== clientId);
  },
);

everywhereTest(
  "A session that was saved goes on in another client, with what waits and what is in flight",
  async (server) => {
    await using watcher = await connect(server.url);
    const watched = await watcher.subscribe("out", { qos: 2 });
    await using relay = new Relay(server);
    const first = await connect(relay.url, { ...SESSION, reconnect: QUICKLY });
    await first.subscribe("in", { qos: 2 });
    await first.publish("out", "0", { qos: 2 });
    const lost = once(first, "disconnected");
    relay.down();
    await lost;
    const waiting = [
      first.publish("out", "1", { qos: 2 }),
      first.publish("out", "2", { qos: 1 }),
      first.publish("out", "3"),
    ];
    const session = JSON.parse(JSON.stringify(first.save()));
    const rejected = waiting.map((promise) => assertRejects(() => promise, ConnectionClosedError));
    await first.disconnect();
    for (const error of await Promise.all(rejected)) assertStrictEquals(error.kind, "closed");
    await publishOnce(server, "in", "4", { qos: 2 });
    await using second = await connect(server.url, { session, sessionExpiryInterval: 1000 });
    assertEquals([second.server.clientId, second.server.sessionPresent], ["a", true]);
    // Only those of the same QoS are in order.
    assertEquals(textsOf(await take(watched, 4)).sort(), ["0", "1", "2", "3"]);
    const news = await second.subscribe("in", { qos: 2 });
    assertEquals(textsOf(await take(news, 1)), ["4"]);
  },
);

everywhereTest(
  "CONNECT and DISCONNECT are taken with all their properties, and a session may be ended at last",
  async (server) => {
    const client = await connect(server.url, {
      ...SESSION,
      keepAlive: 0,
      receiveMaximum: 10,
      maximumPacketSize: 100_000,
      topicAliasMaximum: 10,
      requestResponseInformation: true,
      requestProblemInformation: false,
      userProperties: [["a", "1"], ["a", "2"]],
    });
    assertStrictEquals(client.server.sessionExpiryInterval, 1000);
    await client.disconnect({
      sessionExpiryInterval: 0,
      reasonString: "done",
      userProperties: [["a", "1"]],
    });
    await using successor = await connect(server.url, { ...SESSION, cleanStart: false });
    assertStrictEquals(successor.server.sessionPresent, false);
  },
);

for (const successor of ["MQTT.js", "another of our clients"] as const) {
  everywhereTest(
    `A client whose name ${successor} takes over is at its end, after it has read what has come`,
    async (server) => {
      await using relay = new Relay(server, { lastWords: TAKEN_OVER });
      await using client = await connect(relay.url, { ...SESSION, reconnect: QUICKLY });
      let attempts = 0;
      client.addEventListener("reconnecting", () => attempts++);
      const news = await client.subscribe("news", { qos: 1 });
      for (const text of ["1", "2"]) await publishOnce(server, "news", text, { qos: 0 });
      await until(() => news.waiting === 2);
      const options = { clientId: "a", clean: true };
      await using theirs = successor === "MQTT.js"
        ? await connectMqttJs(server.plain, options)
        : undefined;
      await using ours = theirs === undefined
        ? await connect(server.url, { clientId: "a" })
        : undefined;
      const error = await client.closed;
      assertEquals([error?.kind, error?.reasonCode], ["taken over", 0x8e]);
      assertEquals([client.state, attempts], ["closed", 0]);
      const read: string[] = [];
      const reason = await assertRejects(async () => {
        for await (const message of news) read.push(message.text());
      });
      assertStrictEquals(reason, error);
      assertEquals(read, ["1", "2"]);
      assertStrictEquals(await assertRejects(() => client.publish("news", "")), error);
      assertStrictEquals(await assertRejects(() => client.subscribe("news")), error);
      // It has left its successor alone.
      assertStrictEquals(theirs?.client.connected ?? ours?.state, theirs ? true : "connected");
    },
    // Within TLS and WebSocket a relay has no words.
    { over: ["mqtt", "unix"] },
  );
}

everywhereTest(
  "A client that goes on with a session of MQTT.js gets what that has left",
  async (server) => {
    {
      await using theirs = await connectMqttJs(server.plain, {
        clientId: "a",
        properties: { sessionExpiryInterval: 1000 },
      });
      await theirs.client.subscribeAsync("news", { qos: 2 });
    }
    for (const text of ["1", "2", "end"]) await publishOnce(server, "news", text, { qos: 2 });
    await using client = await connect(server.url, { ...SESSION, cleanStart: false });
    assertEquals(await textsUntil(client.messages, "end"), ["1", "2"]);
  },
);
