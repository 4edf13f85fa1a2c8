// §3.8, §3.10, §4.7, §4.8: who gets which messages, and how many times.

import { ReasonCode } from "../../../mod.ts";
import { maximumQoS } from "./delivery.ts";
import { type Feature, holds, needs, same } from "./feature.ts";
import { type Fixture, numbers, textsOf } from "./fixture.ts";

/** The largest Subscription Identifier. */
const LARGEST = 268_435_455;

/** How many messages are shared. */
const SHARED = 60;

/** The features of subscriptions. */
export const SUBSCRIPTIONS: readonly Feature[] = [
  { name: "Wildcards", section: "§4.7.1", check: wildcards },
  { name: "Topics that begin with $", section: "§4.7.2", check: dollar },
  { name: "Unsubscribe", section: "§3.10, §3.11", check: unsubscribe },
  { name: "No Local", section: "§3.8.3.1", check: noLocal },
  { name: "Subscription Identifiers", section: "§3.8.2.1.2", check: identifiers },
  { name: "Shared subscriptions", section: "§4.8.2", check: shared },
];

async function wildcards(fixture: Fixture): Promise<void> {
  needsWildcards(fixture);
  const cases = [
    ["+", ["a"]],
    ["+/b", ["a/b"]],
    ["a/#", ["a", "a/b", "a/b/c"]],
    ["#", ["a", "a/b", "a/b/c", "/"]],
    ["a/+/c", ["a/b/c"]],
    ["+/+", ["a/b", "/"]],
  ] as const;
  const client = await fixture.open();
  const topics = ["a", "a/b", "a/b/c", "/"];
  for (const [filter, expected] of cases) {
    const news = await client.subscribe(fixture.topic(filter), { qos: 1 });
    for (const topic of topics) {
      await client.publish(fixture.topic(topic), topic, { qos: maximumQoS(fixture, 1) });
    }
    same(`topics for ${filter}`, textsOf(await fixture.take(news, expected.length)), expected);
    same(`further topics for ${filter}`, news.waiting, 0);
    await news.unsubscribe();
  }
}

async function dollar(fixture: Fixture): Promise<void> {
  needsWildcards(fixture);
  const client = await fixture.open();
  const all = await client.subscribe(["#", "+/#"], { qos: 0, retainHandling: 2 });
  // Behind all that others publish, and that a server tells of itself from time to time.
  let strange: string | undefined;
  const work = async () => {
    for await (const { topic } of all) {
      if (topic === fixture.topic()) break;
      if (topic.startsWith("$")) strange ??= topic;
    }
  };
  const reading = work();
  const status = await client.subscribe("$SYS/#", { qos: 0 }).catch(() => undefined);
  await client.publish(fixture.topic(), "end", { qos: maximumQoS(fixture, 1) });
  await fixture.within(reading, () => "the message did not come by #");
  same("topic that # or +/# has brought", strange, undefined);
  await status?.unsubscribe();
}

async function unsubscribe(fixture: Fixture): Promise<void> {
  const client = await fixture.open();
  const [one, two] = [fixture.topic("1"), fixture.topic("2")];
  const news = await client.subscribe([one, two], { qos: 1 });
  const codes = await client.unsubscribe([one, fixture.topic("never")]);
  same("Reason Codes", codes, [ReasonCode.success, ReasonCode.noSubscriptionExisted]);
  for (const topic of [one, two]) {
    await client.publish(topic, topic, { qos: maximumQoS(fixture, 1) });
  }
  same("topics", textsOf(await fixture.take(news, 1)), [two]);
}

async function noLocal(fixture: Fixture): Promise<void> {
  const client = await fixture.open();
  const news = await client.subscribe(fixture.topic(), { qos: 1, noLocal: true });
  const qos = maximumQoS(fixture, 1);
  await client.publish(fixture.topic(), "own", { qos });
  await fixture.publish(fixture.topic(), "end", { qos });
  same("the client's own messages", await fixture.textsBeforeEnd(news), []);
}

async function identifiers(fixture: Fixture): Promise<string> {
  needs(
    fixture.server.subscriptionIdentifierAvailable,
    "CONNACK says Subscription Identifier Available 0",
  );
  needsWildcards(fixture);
  let copies = 0;
  const seen: number[] = [];
  const { client } = await fixture.breakable({}, (packet) => {
    if (packet.type !== "publish") return;
    copies++;
    seen.push(...packet.properties.subscriptionIdentifiers ?? []);
  });
  const options = { qos: 1 } as const;
  const exact = await client.subscribe(fixture.topic("a"), {
    ...options,
    subscriptionIdentifier: 1,
  });
  const wild = await client.subscribe(fixture.topic("+"), {
    ...options,
    subscriptionIdentifier: LARGEST,
  });
  await client.publish(fixture.topic("a"), "both", { qos: maximumQoS(fixture, 1) });
  await fixture.until(
    () => seen.includes(1) && seen.includes(LARGEST),
    () => `the identifiers were ${seen.join(" and ")}, expected 1 and ${LARGEST}`,
  );
  await fixture.take(exact, 1);
  await fixture.take(wild, 1);
  return copies === 1 ? "one copy for both" : "a copy for each";
}

async function shared(fixture: Fixture): Promise<string> {
  needs(
    fixture.server.sharedSubscriptionAvailable,
    "CONNACK says Shared Subscription Available 0",
  );
  const texts: Record<string, string[]> = { a1: [], a2: [], b: [] };
  const total = () => Object.values(texts).flat().length;
  for (const [group, member] of [["a", "a1"], ["a", "a2"], ["b", "b"]] as const) {
    const client = await fixture.open();
    const news = await client.subscribe(`$share/${group}/${fixture.topic()}`, { qos: 1 });
    const read = async () => {
      for await (const message of news) {
        texts[member]!.push(message.text());
        message.ack();
      }
    };
    // It ends with the client.
    read().catch(() => {});
  }
  const publisher = await fixture.open();
  for (const text of numbers(SHARED)) {
    await publisher.publish(fixture.topic(), text, { qos: maximumQoS(fixture, 1) });
  }
  await fixture.until(() => total() >= 2 * SHARED, () => `${total()} of ${2 * SHARED} came`);
  const inOrder = (list: readonly string[]) => list.toSorted((a, b) => Number(a) - Number(b));
  const { a1, a2, b } = texts as { a1: string[]; a2: string[]; b: string[] };
  same("messages of the group with two members", inOrder([...a1, ...a2]), numbers(SHARED));
  same("messages of the group with one member", b, numbers(SHARED));
  holds(a1.length > 0 || a2.length > 0, "nobody got a message");
  return `${a1.length} and ${a2.length} of ${SHARED} to two members`;
}

function needsWildcards({ server }: Fixture): void {
  needs(server.wildcardSubscriptionAvailable, "CONNACK says Wildcard Subscription Available 0");
}
