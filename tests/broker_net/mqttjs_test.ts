// MQTT.js with the broker, over TCP and over WebSocket.

import { Buffer } from "node:buffer";
import mqtt from "../npm/mqtt.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import type { Broker } from "../../src/broker/mod.ts";
import { connectMqttJs, type MqttJs } from "../interop/mqttjs.ts";
import { brokerTest, numbers, until } from "./broker_net.ts";

/** The texts of the next messages. */
async function texts(client: MqttJs, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) texts.push(String((await client.next()).payload));
  return texts;
}

/** The texts that the session gets when MQTT.js comes back to it: they come with CONNACK, so somebody must listen before. */
async function resumed({ url }: Broker, count: number): Promise<string[]> {
  const client = mqtt.connect(url, { protocolVersion: 5, reconnectPeriod: 0, ...SESSION });
  const texts: string[] = [];
  await new Promise<void>((resolve) => {
    client.on("message", (_topic, payload) => {
      if (texts.push(String(payload)) === count) resolve();
    });
  });
  await client.endAsync();
  return texts;
}

/** A session that lives on. */
const SESSION = {
  clientId: "session",
  clean: false,
  properties: { sessionExpiryInterval: 60 },
} as const;

for (const protocol of ["mqtt", "ws"] as const) {
  const over = `MQTT.js over ${protocol}:`;
  const test = (name: string, test: (broker: Broker) => Promise<void>) =>
    brokerTest(`${over} ${name}`, test, { protocol });

  test("messages of every QoS come back, each once and in order", async (broker) => {
    await using js = await connectMqttJs(broker);
    await js.client.subscribeAsync("a/#", { qos: 2 });
    for (const qos of [0, 1, 2] as const) {
      await Promise.all(numbers(50).map((text) => js.client.publishAsync("a/b", text, { qos })));
      assertEquals(await texts(js, 50), numbers(50));
    }
    await js.client.publishAsync("a/c", "", { qos: 2 });
    const last = await js.next();
    assertEquals([last.topic, last.qos, last.retain, last.dup], ["a/c", 2, false, false]);
  });

  test("a payload of a megabyte comes back whole", async (broker) => {
    await using js = await connectMqttJs(broker);
    await js.client.subscribeAsync("large");
    const text = "0123456789abcdef".repeat(65_536);
    await js.client.publishAsync("large", text);
    assert((await texts(js, 1))[0] === text, "it is another");
  });

  test("retained messages come to who subscribes later", async (broker) => {
    await using js = await connectMqttJs(broker);
    const options = { qos: 1, retain: true } as const;
    await js.client.publishAsync("state/a", "on", options);
    await js.client.publishAsync("state/b", "on", options);
    await js.client.publishAsync("state/b", "", options);
    await js.client.subscribeAsync("state/+", { qos: 1 });
    await js.client.publishAsync("state/a", "off", options);
    const messages = [await js.next(), await js.next()];
    assertEquals(
      messages.map(({ topic, payload, retain }) => [topic, String(payload), retain]),
      [["state/a", "on", true], ["state/a", "off", false]],
    );
    assertStrictEquals(broker.statistics.retained, 1);
  });

  test("the Will is published when the connection breaks, not after a good-bye", async (broker) => {
    await using js = await connectMqttJs(broker);
    await js.client.subscribeAsync("wills/#", { qos: 2 });
    const will = (name: string) => ({
      will: { topic: `wills/${name}`, payload: Buffer.from("gone"), qos: 2 as const },
    });
    {
      await using _ = await connectMqttJs(broker, will("leaves"));
    }
    const cut = await connectMqttJs(broker, will("cut"));
    cut.cut();
    assertStrictEquals((await js.next()).topic, "wills/cut");
    await cut[Symbol.asyncDispose]();
  });

  test("clients of a shared subscription share [MQTT-4.8.2-4]", async (broker) => {
    await using first = await connectMqttJs(broker);
    await using second = await connectMqttJs(broker);
    for (const { client } of [first, second]) {
      await client.subscribeAsync("$share/g/jobs", { qos: 1 });
    }
    await using js = await connectMqttJs(broker);
    await Promise.all(numbers(20).map((text) => js.client.publishAsync("jobs", text, { qos: 1 })));
    const all = [...await texts(first, 10), ...await texts(second, 10)];
    assertEquals(all.sort((a, b) => Number(a) - Number(b)), numbers(20));
  });

  test("a session goes on where it was, and ends when it is to", async (broker) => {
    {
      await using js = await connectMqttJs(broker, SESSION);
      await js.client.subscribeAsync("news", { qos: 2 });
    }
    await using other = await connectMqttJs(broker);
    await other.client.publishAsync("news", "1", { qos: 1 });
    await other.client.publishAsync("news", "2", { qos: 2 });
    assertEquals(await resumed(broker, 2), ["1", "2"]);
    assertStrictEquals(broker.statistics.sessions, 2);
    {
      const properties = { sessionExpiryInterval: 0 };
      await using _ = await connectMqttJs(broker, { ...SESSION, properties });
      assertStrictEquals(broker.statistics.subscriptions, 1);
    }
    await until(() => broker.statistics.sessions === 1);
    assertStrictEquals(broker.statistics.subscriptions, 0);
  });

  test("a request is answered", async (broker) => {
    await using service = await connectMqttJs(broker);
    await service.client.subscribeAsync("service", { qos: 1 });
    await using js = await connectMqttJs(broker);
    await js.client.subscribeAsync("answers/js", { qos: 1 });
    const correlationData = Buffer.from("7");
    await js.client.publishAsync("service", "2 + 2", {
      qos: 1,
      properties: { responseTopic: "answers/js", correlationData },
    });
    const { properties, payload } = await service.next();
    assertStrictEquals(String(payload), "2 + 2");
    await service.client.publishAsync(properties!.responseTopic!, "4", {
      qos: 1,
      properties: { correlationData: properties!.correlationData! },
    });
    const answer = await js.next();
    assertEquals(
      [String(answer.payload), String(answer.properties!.correlationData)],
      ["4", "7"],
    );
  });

  test("Topic Aliases are taken, and properties go through", async (broker) => {
    await using js = await connectMqttJs(broker, { autoAssignTopicAlias: true });
    await js.client.subscribeAsync("#", { qos: 0, properties: { subscriptionIdentifier: 7 } });
    const properties = { contentType: "text/plain", userProperties: { a: ["1", "2"], b: "3" } };
    for (let count = 0; count < 3; count++) {
      for (const topic of ["a", "b"]) await js.client.publishAsync(topic, topic, { properties });
    }
    for (let count = 0; count < 6; count++) {
      const { topic, payload, properties } = await js.next();
      assertStrictEquals(topic, String(payload));
      assertEquals(JSON.parse(JSON.stringify(properties)), {
        contentType: "text/plain",
        userProperties: { a: ["1", "2"], b: "3" },
        subscriptionIdentifier: 7,
      });
    }
  });

  brokerTest(`${over} a client that the broker refuses is told why`, async (broker) => {
    const error = await assertRejects(() => connectMqttJs(broker, { username: "me" }), Error);
    assertStrictEquals((error as Error & { code: number }).code, 0x86);
  }, { protocol, authenticate: () => 0x86 });

  brokerTest(
    `${over} a client of MQTT 3.1.1 is refused where only 5.0 is spoken [MQTT-3.1.2-2]`,
    async (broker) => {
      const error = await assertRejects(() => connectMqttJs(broker, { protocolVersion: 4 }), Error);
      assertMatch(error.message, /unacceptable protocol version/i);
      await using js = await connectMqttJs(broker);
      assertStrictEquals(js.client.connected, true);
    },
    { protocol, versions: [5] },
  );

  test("clients are told when the broker shuts down, and end", async (broker) => {
    const js = await connectMqttJs(broker);
    const told = new Promise<number | undefined>((resolve) => {
      js.client.on("disconnect", ({ reasonCode }) => resolve(reasonCode));
    });
    const closed = new Promise<void>((resolve) => js.client.on("close", resolve));
    await broker.shutDown();
    assertStrictEquals(await told, 0x8b);
    await closed;
    await js[Symbol.asyncDispose]();
  });
}
