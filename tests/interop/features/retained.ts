// §3.3.1.3, §3.8.3.1: messages that the server keeps, and who gets them.

import type { Client, RetainHandling } from "../../../mod.ts";
import { type Feature, holds, needs, same } from "./feature.ts";
import type { Fixture } from "./fixture.ts";

/** The features of retained messages. */
export const RETAINED: readonly Feature[] = [
  { name: "Retained messages", section: "§3.3.1.3", check: retained },
  { name: "Retained messages expire", section: "§3.3.2.3.3", check: expiry },
  { name: "Retain As Published", section: "§3.8.3.1", check: retainAsPublished },
  { name: "Retain Handling 0, 1, 2", section: "§3.8.3.1", check: retainHandling },
];

async function retained(fixture: Fixture): Promise<void> {
  needsRetain(fixture);
  const publisher = await fixture.open();
  const topic = fixture.retainedTopic("state");
  const live = await publisher.subscribe(topic, { qos: 0 });
  for (const text of ["old", "new"]) {
    await publisher.publish(topic, text, { qos: 1, retain: true, contentType: text });
    const [message] = await fixture.take(live, 1);
    same("RETAIN of a message as it is published", message!.retain, false);
  }
  const late = await fixture.open();
  const [kept] = await fixture.take(await late.subscribe(topic, { qos: 1 }), 1);
  same("retained message", [kept!.text(), kept!.contentType], ["new", "new"]);
  same("RETAIN of a retained message", kept!.retain, true);
  await publisher.publish(topic, "", { qos: 1, retain: true });
  same("messages once it is removed", await textsAtSubscribe(fixture, topic, 0), []);
}

async function expiry(fixture: Fixture): Promise<void> {
  needsRetain(fixture);
  const client = await fixture.open();
  const [short, long] = [fixture.retainedTopic("short"), fixture.retainedTopic("long")];
  const options = { qos: 1, retain: true } as const;
  await client.publish(short, "short", { ...options, messageExpiryInterval: 1 });
  await client.publish(long, "long", { ...options, messageExpiryInterval: 1000 });
  let fault = "a message is still there after its Message Expiry Interval of 1 s";
  const look = async () => {
    while ((await textsAtSubscribe(fixture, short, 0)).length > 0);
    fault = "a Message Expiry Interval of 1000 s is not counted down";
    for (let left = 1000; left === 1000;) {
      const news = await client.subscribe(long, { qos: 1 });
      const [message] = await fixture.take(news, 1);
      await news.unsubscribe();
      left = message!.properties.messageExpiryInterval ?? 0;
      holds(left > 900 && left <= 1000, `1000 s have become ${left} s after a second or two`);
    }
  };
  await fixture.within(look(), () => fault);
}

async function retainAsPublished(fixture: Fixture): Promise<void> {
  needsRetain(fixture);
  const topic = fixture.retainedTopic("state");
  const kept = await (await fixture.open()).subscribe(topic, { retainAsPublished: true });
  const plain = await (await fixture.open()).subscribe(topic, { retainAsPublished: false });
  const publisher = await fixture.open();
  for (const retain of [true, false]) {
    await publisher.publish(topic, "1", { qos: 1, retain });
    const [asPublished] = await fixture.take(kept, 1);
    same(`RETAIN of ${retain} as published`, asPublished!.retain, retain);
    const [other] = await fixture.take(plain, 1);
    same("RETAIN without Retain As Published", other!.retain, false);
  }
}

async function retainHandling(fixture: Fixture): Promise<void> {
  needsRetain(fixture);
  const topic = fixture.retainedTopic("state");
  await fixture.publish(topic, "kept", { retain: true });
  const client = await fixture.open();
  const cases = [[1, ["kept"]], [1, []], [0, ["kept"]], [2, []]] as const;
  for (const [handling, expected] of cases) {
    const texts = await textsAtSubscribe(fixture, topic, handling, client, expected.length);
    same(`retained messages with Retain Handling ${handling}`, texts, expected);
  }
  await client.unsubscribe(topic);
  const texts = await textsAtSubscribe(fixture, topic, 2, client);
  same("retained messages with Retain Handling 2, of a new subscription", texts, []);
}

/**
 * What a subscription brings before what is published behind it. A server may send retained
 * messages later than others, so those that must come are waited for first.
 */
async function textsAtSubscribe(
  fixture: Fixture,
  topic: string,
  retainHandling: RetainHandling,
  client?: Client,
  expected = 0,
): Promise<string[]> {
  const subscriber = client ?? await fixture.open();
  // At QoS 0: nothing waits for those who do not read what they subscribed to before.
  const state = await subscriber.subscribe(topic, { qos: 0, retainHandling });
  const first = await fixture.take(state, expected);
  await fixture.publish(topic, "end");
  const texts = [...first.map((m) => m.text()), ...await fixture.textsBeforeEnd(state)];
  if (client === undefined) await subscriber.disconnect();
  return texts;
}

function needsRetain({ server }: Fixture): void {
  needs(server.retainAvailable, "CONNACK says Retain Available 0");
}
