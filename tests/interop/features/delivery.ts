// §4.3, §4.6, §3.3: messages from one client to another, each with all that belongs to it.

import { type QoS, ReasonCode } from "../../../mod.ts";
import { type Feature, needs, same } from "./feature.ts";
import { type Fixture, numbers, textsOf } from "./fixture.ts";

/** How many messages show that the order is kept. */
const COUNT = 200;

/** So large is the largest payload, in bytes, if the server takes it. */
const LARGE = 1_048_576;

/** So much of a packet may be no payload, in bytes. */
const OVERHEAD = 200;

/** The features of delivery. */
export const DELIVERY: readonly Feature[] = [
  { name: "QoS 0, in order", section: "§4.3.1, §4.6", check: (fixture) => inOrder(fixture, 0) },
  { name: "QoS 1, in order", section: "§4.3.2, §4.6", check: (fixture) => inOrder(fixture, 1) },
  { name: "QoS 2, in order", section: "§4.3.3, §4.6", check: (fixture) => inOrder(fixture, 2) },
  { name: "No higher QoS than granted", section: "§3.8.4", check: lowerQoS },
  { name: "All PUBLISH properties forwarded", section: "§3.3.2.3", check: properties },
  { name: "Large payloads", section: "§3.3.3", check: large },
  { name: "Empty payloads", section: "§3.3.3", check: empty },
  { name: "Request and response", section: "§4.10", check: request },
  { name: "Messages expire while they wait", section: "§3.3.2.3.3", check: expiry },
];

async function inOrder(fixture: Fixture, qos: QoS): Promise<void> {
  needsQoS(fixture, qos);
  const subscriber = await fixture.open();
  const publisher = await fixture.open();
  const news = await subscriber.subscribe(fixture.topic(), { qos });
  same("granted QoS", news.reasonCodes, [qos]);
  const sent = numbers(COUNT);
  const publishing = Promise.all(sent.map((text) => {
    return publisher.publish(fixture.topic(), text, { qos });
  }));
  const [received] = await Promise.all([
    fixture.take(news, COUNT),
    fixture.within(publishing, () => "not every message was acknowledged"),
  ]);
  same("texts", textsOf(received), sent);
  same("QoS", [...new Set(received.map((message) => message.qos))], [qos]);
}

async function lowerQoS(fixture: Fixture): Promise<void> {
  needsQoS(fixture, 2);
  const client = await fixture.open();
  for (const granted of [0, 1, 2] as const) {
    const topic = fixture.topic(String(granted));
    const news = await client.subscribe(topic, { qos: granted });
    for (const qos of [0, 1, 2] as const) {
      await client.publish(topic, `${qos}`, { qos });
      const [message] = await fixture.take(news, 1);
      same(
        `QoS of what was published at ${qos} and subscribed to at ${granted}`,
        message!.qos,
        Math.min(qos, granted),
      );
    }
  }
}

async function properties(fixture: Fixture): Promise<void> {
  const client = await fixture.open();
  const news = await client.subscribe(fixture.topic(), { qos: 1 });
  const sent = {
    payloadFormatIndicator: 1,
    messageExpiryInterval: 1000,
    contentType: "text/plain; charset=utf-8",
    responseTopic: fixture.topic("answers"),
    correlationData: Uint8Array.of(0, 1, 254, 255),
    userProperties: [["b", "1"], ["a", "2"], ["b", "1"], ["", "ä€😀"]],
  } as const;
  const qos = maximumQoS(fixture, 1);
  await client.publish(fixture.topic(), "ä€😀", { ...sent, qos });
  const [message] = await fixture.take(news, 1);
  const received = message!.properties;
  same("payload", message!.text(), "ä€😀");
  for (const name of Object.keys(sent) as (keyof typeof sent)[]) {
    if (name === "messageExpiryInterval") continue;
    same(name, received[name], sent[name]);
  }
  const left = received.messageExpiryInterval ?? 0;
  same("Message Expiry Interval, at most 1000", left > 900 && left <= 1000 ? 1000 : left, 1000);
}

async function large(fixture: Fixture): Promise<string> {
  const size = Math.min(LARGE, fixture.server.maximumPacketSize - OVERHEAD);
  const payload = Uint8Array.from({ length: size }, (_, index) => (index * 31) >> 3);
  const client = await fixture.open();
  const qos = maximumQoS(fixture, 2);
  const news = await client.subscribe(fixture.topic(), { qos });
  for (let time = 0; time < 2; time++) {
    await client.publish(fixture.topic(), payload, { qos });
    const [message] = await fixture.take(news, 1);
    same("size", message!.payload.length, size);
    same("first difference", message!.payload.findIndex((byte, at) => byte !== payload[at]), -1);
  }
  return `${size} bytes`;
}

async function empty(fixture: Fixture): Promise<void> {
  const client = await fixture.open();
  const news = await client.subscribe(fixture.topic());
  await client.publish(fixture.topic(), "");
  const [message] = await fixture.take(news, 1);
  same("payload", message!.payload, new Uint8Array(0));
}

async function request(fixture: Fixture): Promise<void> {
  const qos = maximumQoS(fixture, 1);
  const responder = await fixture.open();
  const requests = await responder.subscribe(fixture.topic("requests"), { qos });
  const requester = await fixture.open();
  const answers = await requester.subscribe(fixture.topic("answers"), { qos });
  for (const correlationData of [Uint8Array.of(1), Uint8Array.of(2, 0, 255)]) {
    await requester.publish(fixture.topic("requests"), "question", {
      qos,
      responseTopic: fixture.topic("answers"),
      correlationData,
    });
    const [question] = await fixture.take(requests, 1);
    await responder.publish(question!.responseTopic ?? fixture.topic("nowhere"), "answer", {
      qos,
      ...question!.correlationData && { correlationData: question!.correlationData },
    });
    const [answer] = await fixture.take(answers, 1);
    same("answer", answer!.text(), "answer");
    same("Correlation Data", answer!.correlationData, correlationData);
  }
}

/** Servers that count in whole seconds need up to two for one. */
const TWO_SECONDS = 2100;

async function expiry(fixture: Fixture): Promise<void> {
  needsQoS(fixture, 1);
  const session = { clientId: fixture.clientId(), sessionExpiryInterval: 60 };
  const first = await fixture.open(session);
  needs(first.server.sessionExpiryInterval > 0, "sessions end with their connections");
  await first.subscribe(fixture.topic(), { qos: 1 });
  await first.disconnect();
  await fixture.publish(fixture.topic(), "short", { messageExpiryInterval: 1 });
  await fixture.publish(fixture.topic(), "long", { messageExpiryInterval: 1000 });
  await fixture.publish(fixture.topic(), "without end");
  // What is to expire needs time to do so.
  await new Promise((resolve) => setTimeout(resolve, TWO_SECONDS));
  const second = await fixture.open({ ...session, cleanStart: false });
  const [one, two] = await fixture.take(second.messages, 2);
  same("texts", textsOf([one!, two!]), ["long", "without end"]);
  const left = one!.properties.messageExpiryInterval ?? 0;
  same("Message Expiry Interval counted down", left > 900 && left < 1000 ? "yes" : left, "yes");
  same("Message Expiry Interval of none", two!.properties.messageExpiryInterval, undefined);
  same("answer to UNSUBSCRIBE", await second.unsubscribe(fixture.topic()), [ReasonCode.success]);
}

/** Throws unless the server has a QoS. */
export function needsQoS({ server }: Fixture, qos: QoS): void {
  needs(server.maximumQoS >= qos, `its Maximum QoS is ${server.maximumQoS}`);
}

/** The highest QoS that the server has, up to one. */
export function maximumQoS({ server }: Fixture, qos: QoS): QoS {
  return Math.min(server.maximumQoS, qos) as QoS;
}
