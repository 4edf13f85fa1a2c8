// Messages with all that they carry, from our client to MQTT.js and back, through Mosquitto.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { connect, type QoS } from "../../mod.ts";
import { take } from "./interop.ts";
import { everywhereTest } from "./transports.ts";
import { connectMqttJs } from "./mqttjs.ts";
import { Buffer } from "node:buffer";

const QOS: readonly QoS[] = [0, 1, 2];

/** No text: every byte there is. */
const PAYLOAD = Uint8Array.from({ length: 256 }, (_, index) => index);

const CORRELATION = Uint8Array.of(0, 255, 1);

for (const qos of QOS) {
  everywhereTest(
    `A message of QoS ${qos} reaches MQTT.js as our client published it`,
    async (server) => {
      await using theirs = await connectMqttJs(server.plain);
      await theirs.client.subscribeAsync("news/#", { qos: 2 });
      await using client = await connect(server.url);
      const result = await client.publish("news/local", PAYLOAD, {
        qos,
        contentType: "application/octet-stream",
        responseTopic: "answers/1",
        correlationData: CORRELATION,
        payloadFormatIndicator: 0,
        messageExpiryInterval: 1000,
        userProperties: [["colour", "red"], ["colour", "blue"], ["größe", ""]],
      });
      assertEquals(result, { reasonCode: 0, reasonString: undefined, userProperties: [] });
      const { topic, payload, qos: received, retain, dup, properties = {} } = await theirs.next();
      assertEquals({ topic, qos: received, retain, dup }, {
        topic: "news/local",
        qos,
        retain: false,
        dup: false,
      });
      assertEquals(new Uint8Array(payload as Buffer), PAYLOAD);
      assertStrictEquals(properties.contentType, "application/octet-stream");
      assertStrictEquals(properties.responseTopic, "answers/1");
      assertEquals(new Uint8Array(properties.correlationData!), CORRELATION);
      assertStrictEquals(properties.payloadFormatIndicator, false);
      assertEquals({ ...properties.userProperties }, { colour: ["red", "blue"], größe: "" });
      assertExpiry(properties.messageExpiryInterval);
    },
  );

  everywhereTest(
    `A message of QoS ${qos} reaches our client as MQTT.js published it`,
    async (server) => {
      await using client = await connect(server.url);
      const news = await client.subscribe("news/#", { qos: 2 });
      await using theirs = await connectMqttJs(server.plain);
      await theirs.client.publishAsync("news/local", Buffer.from("21,5 °C"), {
        qos,
        properties: {
          contentType: "text/plain",
          responseTopic: "answers/1",
          correlationData: Buffer.from(CORRELATION),
          payloadFormatIndicator: true,
          messageExpiryInterval: 1000,
          userProperties: { colour: ["red", "blue"], größe: "" },
        },
      });
      const [message] = await take(news, 1);
      const { topic, retain, dup, properties } = message!;
      assertEquals({ topic, qos: message!.qos, retain, dup }, {
        topic: "news/local",
        qos,
        retain: false,
        dup: false,
      });
      assertStrictEquals(message!.text(), "21,5 °C");
      const { messageExpiryInterval, ...others } = properties;
      assertExpiry(messageExpiryInterval);
      assertEquals(others, {
        contentType: "text/plain",
        responseTopic: "answers/1",
        correlationData: CORRELATION,
        payloadFormatIndicator: 1,
        subscriptionIdentifiers: [news.identifier],
        userProperties: [["colour", "red"], ["colour", "blue"], ["größe", ""]],
      });
    },
  );
}

everywhereTest(
  "User Properties keep their order, also those with the same name",
  async (server) => {
    await using client = await connect(server.url);
    const news = await client.subscribe("news", { qos: 1 });
    const userProperties = [["b", "1"], ["a", "2"], ["b", "3"], ["", ""], ["a", "2"]] as const;
    await client.publish("news", "", { qos: 1, userProperties });
    const [message] = await take(news, 1);
    assertEquals(message!.userProperties, userProperties);
  },
);

for (const [published, granted] of [[2, 1], [1, 0], [1, 2], [0, 2]] as const) {
  everywhereTest(
    `A message of QoS ${published} comes with QoS ${
      Math.min(published, granted)
    } to who has subscribed with QoS ${granted}`,
    async (server) => {
      await using client = await connect(server.url);
      const news = await client.subscribe("news", { qos: granted });
      assertEquals(news.reasonCodes, [granted]);
      await client.publish("news", "1", { qos: published });
      const [message] = await take(news, 1);
      assertStrictEquals(message!.qos, Math.min(published, granted));
    },
  );
}

everywhereTest(
  "A message that nobody has subscribed to is taken, and the result says so",
  async (server) => {
    await using client = await connect(server.url);
    const { reasonCode } = await client.publish("nowhere", "", { qos: 1 });
    assertStrictEquals(reasonCode, 0x10);
  },
);

everywhereTest(
  "A topic may have any characters that the standard allows, and be 65,535 bytes long",
  async (server) => {
    await using client = await connect(server.url);
    const all = await client.subscribe("#", { qos: 1 });
    const topics = ["/", " ", "a//b", "größe/\u{1F600}", "\uFEFFa", "x".repeat(65_535)];
    for (const topic of topics) await client.publish(topic, "", { qos: 1 });
    assertEquals((await take(all, topics.length)).map(({ topic }) => topic), topics);
  },
);

function assertExpiry(seconds: number | undefined): void {
  assert(seconds !== undefined && seconds > 900 && seconds <= 1000, `${seconds} seconds are left`);
}
