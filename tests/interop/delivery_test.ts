// Delivery at QoS 1 and 2 when the network breaks at bad moments, and when both ends allow one message at a time.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Client, connect } from "../../mod.ts";
import { numbers, once, publishOnce, QUICKLY, take, textsOf, textsUntil } from "./interop.ts";
import { everywhereTest } from "./transports.ts";
import { Relay } from "./relay.ts";

const SESSION = { sessionExpiryInterval: 1000, reconnect: QUICKLY } as const;

everywhereTest(
  "A message whose acknowledgement is lost is sent again, and at QoS 2 it arrives once [MQTT-4.4.0-1]",
  async (server) => {
    await using watcher = await connect(server.url);
    const watched = await watcher.subscribe("out", { qos: 2 });
    await using relay = new Relay(server);
    await using client = await connect(relay.url, { ...SESSION, clientId: "a" });
    relay.loseAnswers();
    const twice = client.publish("out", "exactly once", { qos: 2 });
    const once1 = client.publish("out", "at least once", { qos: 1 });
    // The server passes it on at once, so that now it has both.
    assertEquals(textsOf(await take(watched, 1)), ["at least once"]);
    const back = once(client, "connected");
    relay.cut();
    assertStrictEquals((await back).server.sessionPresent, true);
    assertEquals([(await twice).reasonCode, (await once1).reasonCode], [0, 0]);
    await publishOnce(server, "out", "end", { qos: 2 });
    assertEquals((await textsUntil(watched, "end")).sort(), ["at least once", "exactly once"]);
  },
);

everywhereTest(
  "A session that is saved with a message in flight goes on in another client: it arrives once",
  async (server) => {
    await using watcher = await connect(server.url);
    const watched = await watcher.subscribe("out", { qos: 2 });
    await using relay = new Relay(server);
    const first = await connect(relay.url, { ...SESSION, clientId: "a" });
    relay.loseAnswers();
    const lost = Promise.allSettled([
      first.publish("out", "exactly once", { qos: 2 }),
      first.publish("out", "at least once", { qos: 1 }),
    ]);
    assertEquals(textsOf(await take(watched, 1)), ["at least once"]);
    const session = JSON.parse(JSON.stringify(first.save()));
    relay.down();
    await first.disconnect();
    assertEquals((await lost).map(({ status }) => status), ["rejected", "rejected"]);
    await using second = await connect(server.url, { ...SESSION, session });
    assertStrictEquals(second.server.sessionPresent, true);
    await second.publish("out", "end", { qos: 2 });
    assertEquals((await textsUntil(watched, "end")).sort(), ["at least once", "exactly once"]);
  },
);

for (
  const [from, to] of [["publishes", "out"], ["receives", "in"], ["does both", "both"]] as const
) {
  everywhereTest(
    `A stream of QoS 2 that a client ${from} survives a network that breaks again and again`,
    async (server) => {
      await using stable = await connect(server.url);
      await using relay = new Relay(server);
      await using client = await connect(relay.url, { ...SESSION, clientId: "a" });
      const [sender, receiver]: Client[] = to === "out"
        ? [client, stable]
        : to === "in"
        ? [stable, client]
        : [client, client];
      const stream = await receiver!.subscribe("stream", { qos: 2 });
      const sent = numbers(300);
      const published = Promise.all(
        sent.map((text) => sender!.publish("stream", text, { qos: 2 })),
      );
      let connections = 0;
      client.addEventListener("connected", () => connections++);
      const received: string[] = [];
      for await (const message of stream) {
        received.push(message.text());
        if (received.length % 50 === 25) relay.cut();
        if (received.length === sent.length) {
          message.ack();
          break;
        }
      }
      assertEquals((await published).map(({ reasonCode }) => reasonCode), sent.map(() => 0));
      assertEquals(received, sent);
      await sender!.publish("stream", "end", { qos: 2 });
      assertEquals(await textsUntil(stream, "end"), []);
      assert(connections > 0);
    },
  );
}

for (const qos of [1, 2] as const) {
  everywhereTest(
    `A message of QoS ${qos} that the client refuses is done with, like those that it takes`,
    async (server) => {
      await using relay = new Relay(server);
      await using client = await connect(relay.url, {
        ...SESSION,
        clientId: "a",
        receiveMaximum: 1,
      });
      const news = await client.subscribe("news", { qos });
      for (const text of numbers(3)) await publishOnce(server, "news", text, { qos });
      const received: string[] = [];
      for await (const message of news) {
        received.push(message.text());
        message.ack(message.text() === "1" ? 0x83 : 0x00, { reasonString: "as it is" });
        if (received.length === 3) break;
      }
      assertEquals(received, numbers(3));
      // With its answer the server has had the acknowledgements before it.
      await client.publish("other", "", { qos: 1 });
      const back = once(client, "connected");
      relay.cut();
      assertStrictEquals((await back).server.sessionPresent, true);
      await publishOnce(server, "news", "end", { qos });
      assertEquals(await textsUntil(news, "end"), []);
    },
  );
}

everywhereTest(
  "A thousand messages of QoS 2 may be published without waiting for any",
  async (server) => {
    await using client = await connect(server.url);
    const stream = await client.subscribe("stream", { qos: 2 });
    const sent = numbers(1000);
    const [results, received] = await Promise.all([
      Promise.all(sent.map((text) => client.publish("stream", text, { qos: 2 }))),
      take(stream, 1000),
    ]);
    assertEquals(results.map(({ reasonCode }) => reasonCode), sent.map(() => 0));
    assertEquals(textsOf(received), sent);
  },
);

everywhereTest(
  "A loop may publish at QoS 2 and wait for it, though both ends allow one message at a time",
  async (server) => {
    await using client = await connect(server.url, { receiveMaximum: 1 });
    assertStrictEquals(client.server.receiveMaximum, 1);
    const questions = await client.subscribe("questions", { qos: 2 });
    const answers = await client.subscribe("answers", { qos: 0 });
    const asked = numbers(50);
    const published = Promise.all(
      asked.map((text) => client.publish("questions", text, { qos: 2 })),
    );
    let left = asked.length;
    for await (const question of questions) {
      await client.publish("answers", question.payload, { qos: 2 });
      question.ack();
      if (--left === 0) break;
    }
    await published;
    assertEquals(textsOf(await take(answers, asked.length)), asked);
  },
  { configuration: ["max_inflight_messages 1"] },
);
