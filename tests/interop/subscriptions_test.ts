// Several subscriptions of one client: each gets each message once, whatever copies the server makes of it.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { connect, type Subscription } from "../../mod.ts";
import {
  interopTest,
  numbers,
  once,
  publishOnce,
  QUICKLY,
  take,
  textsOf,
  textsUntil,
  until,
} from "./interop.ts";
import { Relay } from "./relay.ts";

/** Publishes an end, and returns what came to each subscription before it. */
async function textsOfEach(
  publish: (text: string) => Promise<unknown>,
  subscriptions: readonly Subscription[],
): Promise<string[][]> {
  await publish("end");
  const texts: string[][] = [];
  for (const subscription of subscriptions) texts.push(await textsUntil(subscription, "end"));
  return texts;
}

for (const qos of [0, 1, 2] as const) {
  interopTest(`Subscriptions that overlap get each message of QoS ${qos} once`, async (server) => {
    await using client = await connect(server.url);
    const subscriptions = [
      await client.subscribe("home/#", { qos }),
      await client.subscribe("home/+/temperature", { qos }),
      await client.subscribe(["home/kitchen/temperature", "garden/#"], { qos }),
    ];
    const publish = (text: string) => client.publish("home/kitchen/temperature", text, { qos });
    for (const text of numbers(10)) await publish(text);
    const expected = numbers(10);
    assertEquals(await textsOfEach(publish, subscriptions), [expected, expected, expected]);
    assertEquals(subscriptions.map(({ waiting }) => waiting), [0, 0, 0]);
  });

  interopTest(
    `Two subscriptions with the same filter get each message of QoS ${qos} once, and one outlives the other`,
    async (server) => {
      await using client = await connect(server.url);
      const first = await client.subscribe("news", { qos });
      const second = await client.subscribe("news", { qos });
      const publish = (text: string) => client.publish("news", text, { qos });
      await publish("both");
      assertEquals(await textsOfEach(publish, [first, second]), [["both"], ["both"]]);
      await second.unsubscribe();
      await publish("first alone");
      assertEquals(await textsOfEach(publish, [first]), [["first alone"]]);
      const third = await client.subscribe("news", { qos });
      await first.unsubscribe();
      await publish("third alone");
      assertEquals(await textsOfEach(publish, [third]), [["third alone"]]);
      await third.unsubscribe();
      const { reasonCode } = await client.publish("news", "", { qos: 1 });
      assertStrictEquals(reasonCode, 0x10);
    },
  );
}

interopTest(
  "Subscriptions that overlap get each message once after a connection that broke",
  async (server) => {
    await using relay = new Relay(server);
    await using client = await connect(relay.url, {
      sessionExpiryInterval: 1000,
      reconnect: QUICKLY,
    });
    const subscriptions = [
      await client.subscribe("news/#", { qos: 2 }),
      await client.subscribe("news/+", { qos: 2 }),
      await client.subscribe("news/+", { qos: 2 }),
    ];
    const lost = once(client, "disconnected");
    relay.down();
    await lost;
    for (const text of numbers(10)) await publishOnce(server, "news/a", text, { qos: 2 });
    relay.up();
    const publish = (text: string) => client.publish("news/a", text, { qos: 2 });
    const expected = numbers(10);
    assertEquals(await textsOfEach(publish, subscriptions), [expected, expected, expected]);
  },
);

interopTest(
  "A later subscription with a lower QoS takes nothing from the earlier one",
  async (server) => {
    await using client = await connect(server.url);
    const first = await client.subscribe("news", { qos: 2 });
    const second = await client.subscribe("news", { qos: 0 });
    await client.publish("news", "1", { qos: 2 });
    assertEquals((await take(first, 1)).map(({ qos }) => qos), [2]);
    assertEquals(textsOf(await take(second, 1)), ["1"]);
    await second.unsubscribe();
    await client.publish("news", "2", { qos: 2 });
    assertEquals((await take(first, 1)).map(({ qos }) => qos), [2]);
  },
);

interopTest(
  "Subscriptions of a session that was there before get each message once",
  async (server) => {
    const session = { clientId: "a", sessionExpiryInterval: 1000 };
    {
      await using client = await connect(server.url, session);
      await client.subscribe("news/#", { qos: 1 });
      await client.subscribe("news/+", { qos: 1 });
    }
    await using client = await connect(server.url, { ...session, cleanStart: false });
    const subscriptions = [
      await client.subscribe("news/#", { qos: 1 }),
      await client.subscribe("news/+", { qos: 1 }),
    ];
    const publish = (text: string) => client.publish("news/a", text, { qos: 1 });
    for (const text of numbers(10)) await publish(text);
    const expected = numbers(10);
    assertEquals(await textsOfEach(publish, subscriptions), [expected, expected]);
  },
);

interopTest(
  "A subscription that ends does not disturb one that overlaps with it",
  async (server) => {
    await using client = await connect(server.url);
    const wide = await client.subscribe("news/#", { qos: 1 });
    const narrow = await client.subscribe("news/a", { qos: 1 });
    const publish = (text: string) => client.publish("news/a", text, { qos: 1 });
    await publish("1");
    await narrow.unsubscribe();
    await publish("2");
    assertEquals(await textsOfEach(publish, [wide]), [["1", "2"]]);
    assertEquals(await take(narrow, 0), []);
    assertEquals([await client.unsubscribe("news/#"), wide.topicFilters], [[0x00], []]);
  },
);

interopTest(
  "A loop ends with its subscription, and what was not read is acknowledged",
  async (server) => {
    await using client = await connect(server.url, { receiveMaximum: 2 });
    const news = await client.subscribe("news", { qos: 1 });
    await Promise.all(["0", "1"].map((text) => client.publish("news", text, { qos: 1 })));
    await until(() => news.waiting === 2);
    for await (const message of news) {
      assertStrictEquals(message.text(), "0");
      await news.unsubscribe();
    }
    // Were both messages still unacknowledged, no other would come.
    const other = await client.subscribe("other", { qos: 1 });
    await client.publish("other", "2", { qos: 1 });
    assertEquals(textsOf(await take(other, 1)), ["2"]);
  },
);
