// §3.2.2.3, §3.1.2.11, §4.9: what each end takes, and that the other keeps to it.

import { type Packet, PacketTooLargeError } from "../../../mod.ts";
import { maximumQoS, needsQoS } from "./delivery.ts";
import { Difference, type Feature, holds, needs, same } from "./feature.ts";
import { type Fixture, numbers, textsOf } from "./fixture.ts";

/** How many messages are published at once. */
const AT_ONCE = 500;

/** A Maximum Packet Size above this is not tried, in bytes. */
const LARGEST = 4_194_304;

/** The features of limits. */
export const LIMITS: readonly Feature[] = [
  { name: "Topic Aliases to the server", section: "§3.3.2.3.4", check: aliasesToServer },
  { name: "Topic Aliases from the server", section: "§3.3.2.3.4", check: aliasesFromServer },
  { name: "Receive Maximum of the server", section: "§3.2.2.3.3", check: serverReceiveMaximum },
  { name: "Receive Maximum of the client", section: "§3.1.2.11.3", check: clientReceiveMaximum },
  { name: "Maximum Packet Size of the server", section: "§3.2.2.3.6", check: serverPacketSize },
  { name: "Maximum Packet Size of the client", section: "§3.1.2.11.4", check: clientPacketSize },
];

async function aliasesToServer(fixture: Fixture): Promise<string> {
  const { topicAliasMaximum } = fixture.server;
  needs(topicAliasMaximum > 0, "its Topic Alias Maximum is 0");
  const client = await fixture.open({ topicAliases: "manual" });
  const topics = [fixture.topic("a"), fixture.topic("b")];
  const news = await client.subscribe(topics, { qos: 1 });
  const options = { qos: maximumQoS(fixture, 1), topicAlias: topicAliasMaximum } as const;
  for (const topic of topics) {
    await client.publish(topic, "with topic", options);
    await client.publish("", "by alias", options);
  }
  const [a, b] = topics;
  same("topics", (await fixture.take(news, 4)).map(({ topic }) => topic), [a, a, b, b]);
  return `Topic Alias Maximum ${topicAliasMaximum}`;
}

async function aliasesFromServer(fixture: Fixture): Promise<string> {
  const maximum = 5;
  const aliases = new Set<number>();
  let withoutTopic = 0;
  const { client } = await fixture.breakable({ topicAliasMaximum: maximum }, (packet) => {
    if (packet.type !== "publish" || packet.properties.topicAlias === undefined) return;
    aliases.add(packet.properties.topicAlias);
    if (packet.topic === "") withoutTopic++;
  });
  const topics = Array.from({ length: 60 }, (_, index) => fixture.topic(`${(index * index) % 7}`));
  const news = await client.subscribe([...new Set(topics)], { qos: 1 });
  const publisher = await fixture.open();
  const qos = maximumQoS(fixture, 1);
  for (const topic of topics) await publisher.publish(topic, topic, { qos });
  const received = await fixture.take(news, topics.length);
  same("topics", received.map(({ topic }) => topic), textsOf(received));
  needs(aliases.size > 0, `the client takes ${maximum}, and the server gives out none`);
  return `${aliases.size} aliases, ${withoutTopic} of ${topics.length} messages without topic`;
}

async function serverReceiveMaximum(fixture: Fixture): Promise<string> {
  needsQoS(fixture, 1);
  const publisher = await fixture.open();
  const subscriber = await fixture.open();
  const news = await subscriber.subscribe(fixture.topic(), { qos: 2 });
  const publishing = Promise.all(
    numbers(AT_ONCE).map((text, index) => {
      const qos = maximumQoS(fixture, index % 2 === 0 ? 1 : 2);
      return publisher.publish(fixture.topic(), text, { qos });
    }),
  );
  const [received] = await Promise.all([
    fixture.take(news, AT_ONCE),
    fixture.within(publishing, () => "not every message was acknowledged"),
  ]);
  const sorted = textsOf(received).toSorted((a, b) => Number(a) - Number(b));
  same("texts", sorted, numbers(AT_ONCE));
  return `${publisher.server.receiveMaximum}; ${AT_ONCE} messages at once`;
}

async function clientReceiveMaximum(fixture: Fixture): Promise<string | void> {
  needsQoS(fixture, 1);
  const receiveMaximum = 3;
  const count = 20;
  let unacknowledged = 0;
  let most = 0;
  const observe = (packet: Packet) => {
    if (packet.type !== "publish" || packet.qos === 0) return;
    most = Math.max(most, ++unacknowledged);
  };
  const { client } = await fixture.breakable(
    { receiveMaximum, ack: "manual", reconnect: false },
    observe,
  );
  const exceeds = () => {
    return `${most} messages were unacknowledged, the Receive Maximum is ${receiveMaximum}`;
  };
  const texts: string[] = [];
  try {
    const news = await client.subscribe(fixture.topic(), { qos: 1 });
    for (const text of numbers(count)) await fixture.publish(fixture.topic(), text);
    for (let index = 0; index < count; index++) {
      // They wait for each other: the server sends no more before there is an acknowledgement.
      const [message] = await fixture.take(news, 1, { ack: false });
      texts.push(message!.text());
      unacknowledged--;
      message!.ack();
    }
    same("texts", texts, numbers(count));
  } catch (error) {
    if (most > receiveMaximum) throw new Difference(exceeds());
    if (client.state !== "connected" || texts.length === count) throw error;
    throw new Difference(`${texts.length} of ${count} messages came, one by one`);
  }
  holds(most <= receiveMaximum, exceeds());
}

async function serverPacketSize(fixture: Fixture): Promise<string> {
  const { maximumPacketSize } = fixture.server;
  needs(maximumPacketSize < Infinity, "CONNACK announces none");
  needs(maximumPacketSize <= LARGEST, `it is ${maximumPacketSize}, too much to try`);
  const client = await fixture.open();
  const topic = fixture.topic();
  const qos = maximumQoS(fixture, 1);
  const news = await client.subscribe(topic, { qos });
  const lengthBytes = maximumPacketSize < 16_384 ? 2 : maximumPacketSize < 2_097_152 ? 3 : 4;
  const fits = maximumPacketSize - (1 + lengthBytes + 2 + topic.length + (qos > 0 ? 2 : 0) + 1);
  try {
    await client.publish(topic, new Uint8Array(fits + 1), { qos });
    throw new Difference("the client sent a packet that is too large");
  } catch (error) {
    if (!(error instanceof PacketTooLargeError)) throw error;
  }
  // With a Subscription Identifier it would be too large for another of the same limits.
  await client.publish(topic, new Uint8Array(fits), { qos });
  const [message] = await fixture.take(news, 1);
  same("size of the payload", message!.payload.length, fits);
  return `${maximumPacketSize} bytes`;
}

async function clientPacketSize(fixture: Fixture): Promise<void> {
  const maximumPacketSize = 500;
  const client = await fixture.open({ maximumPacketSize });
  const news = await client.subscribe(fixture.topic(), { qos: 2 });
  const other = await fixture.open();
  for (let qos = 0; qos <= fixture.server.maximumQoS; qos++) {
    const options = { qos: maximumQoS(fixture, qos as 0 | 1 | 2) };
    await other.publish(fixture.topic(), "x".repeat(maximumPacketSize), options);
    await other.publish(fixture.topic(), `small ${qos}`, options);
    same("texts", textsOf(await fixture.take(news, 1)), [`small ${qos}`]);
  }
  same("state", client.state, "connected");
}
