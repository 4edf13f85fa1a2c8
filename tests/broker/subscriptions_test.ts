// The table of subscriptions: who wants a message, and whose turn it is among those that share.

import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { Account } from "../../src/broker/account.ts";
import {
  type Group,
  nextMember,
  type Subscription,
  SubscriptionTable,
} from "../../src/broker/routing/subscriptions.ts";
import { countThings } from "./things.ts";

interface Subscriber {
  readonly name: string;
}

const ALICE: Subscriber = { name: "alice" };
const BOB: Subscriber = { name: "bob" };
const CAROL: Subscriber = { name: "carol" };

function subscription(
  subscriber: Subscriber,
  topicFilter: string,
  identifier?: number,
): Subscription<Subscriber> {
  const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  return { subscriber, request: { topicFilter, ...options }, identifier };
}

function tableOf(...entries: readonly Subscription<Subscriber>[]): SubscriptionTable<Subscriber> {
  const table = new SubscriptionTable<Subscriber>();
  for (const each of entries) table.add(each);
  return table;
}

/** Who wants a topic by subscriptions that are not shared, and by which. */
function singles(table: SubscriptionTable<Subscriber>, topic: string): Record<string, string[]> {
  return Object.fromEntries(
    table.match(topic).single.map((entries) => [
      entries[0]!.subscriber.name,
      entries.map(({ request }) => request.topicFilter).toSorted(),
    ]),
  );
}

/** The one group that wants a topic. */
function groupOf(table: SubscriptionTable<Subscriber>, topic: string): Group<Subscriber> {
  const { groups } = table.match(topic);
  assertStrictEquals(groups.length, 1);
  return groups[0]!;
}

/** Whose turn it is, so many times. */
function turns(group: Group<Subscriber>, count: number, rank: Rank = () => 2): string {
  return Array.from({ length: count }, () => nextMember(group, rank)!.subscriber.name[0]).join("");
}

type Rank = (subscription: Subscription<Subscriber>) => 0 | 1 | 2;

Deno.test("Matching subscriptions are grouped by subscriber", () => {
  const table = tableOf(
    subscription(ALICE, "a/+"),
    subscription(BOB, "a/b"),
    subscription(ALICE, "a/#"),
    subscription(ALICE, "c"),
  );
  assertEquals(singles(table, "a/b"), { alice: ["a/#", "a/+"], bob: ["a/b"] });
  assertEquals(singles(table, "c"), { alice: ["c"] });
  assertEquals(singles(table, "d"), {});
});

Deno.test("A subscription replaces one of the same subscriber and filter, but not that of another subscriber [MQTT-3.8.4-3]", () => {
  const table = tableOf(
    subscription(ALICE, "a", 1),
    subscription(BOB, "a", 2),
    subscription(ALICE, "a", 3),
  );
  assertStrictEquals(table.size, 2);
  const identifiers = table.match("a").single.flat().map(({ identifier }) => identifier);
  assertEquals(identifiers.toSorted(), [2, 3]);
});

Deno.test("Remembered matches are discarded when somebody subscribes or unsubscribes", () => {
  const table = tableOf(subscription(ALICE, "a", 1));
  assertEquals(singles(table, "a"), { alice: ["a"] });
  table.add(subscription(BOB, "#"));
  assertEquals(singles(table, "a"), { alice: ["a"], bob: ["#"] });
  table.add(subscription(ALICE, "a", 2));
  assert(table.match("a").single.flat().some(({ identifier }) => identifier === 2));
  table.remove(ALICE, "a");
  assertEquals(singles(table, "a"), { bob: ["#"] });
});

Deno.test("Matches of a topic are remembered until there are too many topics", () => {
  const table = tableOf(subscription(ALICE, "a/#"));
  const first = table.match("a/0");
  assertStrictEquals(table.match("a/0"), first);
  for (let topic = 1; topic < 5000; topic++) {
    assertEquals(singles(table, `a/${topic}`), { alice: ["a/#"] });
  }
  assertNotStrictEquals(table.match("a/0"), first);
  assertEquals(table.match("a/0"), first);
});

Deno.test("The matches that are remembered may take a megabyte and a half to the byte", () => {
  const account = new Account();
  const table = new SubscriptionTable<Subscriber>(undefined, account);
  table.add(subscription(ALICE, "#"));
  // With its topic and one match, an entry takes 256 + 64 + 64 bytes.
  const topicOf = (number: number) => String(number).padStart(64, "0");
  const first = table.match(topicOf(0));
  for (let number = 1; number < 4096; number++) table.match(topicOf(number));
  assertStrictEquals(account.bytes, 1_572_864);
  assertStrictEquals(table.match(topicOf(0)), first);
  table.match(topicOf(4096));
  assertStrictEquals(account.bytes, 384);
});

Deno.test("Removing a subscription that does not exist changes nothing", () => {
  const table = tableOf(subscription(ALICE, "a"), subscription(ALICE, "$share/g/a"));
  table.remove(BOB, "a");
  table.remove(ALICE, "b");
  table.remove(ALICE, "a/#");
  table.remove(ALICE, "$share/h/a");
  table.remove(BOB, "$share/g/a");
  assertStrictEquals(table.size, 2);
  table.remove(ALICE, "a");
  table.remove(ALICE, "a");
  assertStrictEquals(table.size, 1);
  assertEquals(singles(table, "a"), {});
  assertStrictEquals(table.match("a").groups.length, 1);
  table.remove(ALICE, "$share/g/a");
  assertStrictEquals(table.size, 0);
  assertStrictEquals(table.match("a").groups.length, 0);
});

Deno.test("A table keeps nothing of removed subscriptions", () => {
  const filters = ["a", "a/b", "a/#", "$share/g/a", "$share/h/a", "$share/g/a/+/b"];
  const things = countThings(() => {
    const table = tableOf(
      ...filters.flatMap((filter) => [subscription(ALICE, filter), subscription(BOB, filter)]),
    );
    for (const filter of filters) table.remove(ALICE, filter);
    for (const filter of filters.toReversed()) table.remove(BOB, filter);
  });
  assert(things.made > 10, "something is counted");
  assertStrictEquals(things.left, 0);
});

Deno.test("A Shared Subscription differs from a subscription to the same filter without a share name", () => {
  const table = tableOf(
    subscription(ALICE, "a"),
    subscription(ALICE, "$share/g/a"),
    subscription(BOB, "$share/g/a"),
  );
  assertStrictEquals(table.size, 3);
  assertEquals(singles(table, "a"), { alice: ["a"] });
  assertStrictEquals(groupOf(table, "a").members.size, 2);
  table.remove(ALICE, "a");
  assertEquals(singles(table, "a"), {});
  assertStrictEquals(groupOf(table, "a").members.size, 2);
});

Deno.test("Groups with different share names or filters each receive a message", () => {
  const table = tableOf(
    subscription(ALICE, "$share/g/a/b"),
    subscription(BOB, "$share/h/a/b"),
    subscription(CAROL, "$share/g/a/+"),
    subscription(CAROL, "$share/g/c"),
  );
  assertStrictEquals(table.match("a/b").groups.length, 3);
  assertStrictEquals(table.match("c").groups.length, 1);
});

Deno.test("A group takes turns", () => {
  const shared = [ALICE, BOB, CAROL].map((subscriber) => subscription(subscriber, "$share/g/a"));
  const table = tableOf(...shared);
  assertStrictEquals(turns(groupOf(table, "a"), 7), "abcabca");
});

Deno.test("A group keeps its turn when somebody joins, and when a subscription is replaced", () => {
  const table = tableOf(subscription(ALICE, "$share/g/a"), subscription(BOB, "$share/g/a"));
  assertStrictEquals(turns(groupOf(table, "a"), 1), "a");
  table.add(subscription(CAROL, "$share/g/a"));
  // Who joins comes last.
  assertStrictEquals(turns(groupOf(table, "a"), 3), "bac");
  table.add(subscription(ALICE, "$share/g/a", 7));
  assertStrictEquals(turns(groupOf(table, "a"), 3), "bac");
  assertStrictEquals(groupOf(table, "a").members.get(ALICE)!.identifier, 7);
});

for (
  const [leaving, before, after] of [
    [ALICE, 1, "bcbc"],
    [BOB, 1, "caca"],
    [ALICE, 2, "cbcb"],
    [BOB, 2, "caca"],
    [CAROL, 2, "abab"],
    [CAROL, 3, "abab"],
    [ALICE, 3, "bcbc"],
  ] as const
) {
  Deno.test(`A group keeps its order when ${leaving.name} leaves it after ${before} messages`, () => {
    const shared = [ALICE, BOB, CAROL].map((subscriber) => subscription(subscriber, "$share/g/a"));
    const table = tableOf(...shared);
    turns(groupOf(table, "a"), before);
    table.remove(leaving, "$share/g/a");
    assertStrictEquals(turns(groupOf(table, "a"), 4), after);
  });
}

Deno.test("A group forgets members that have left it", () => {
  const table = tableOf(subscription(ALICE, "$share/g/a"), subscription(BOB, "$share/g/a"));
  const group = groupOf(table, "a");
  turns(group, 2);
  table.remove(BOB, "$share/g/a");
  assertEquals([...group.members.keys()], [ALICE]);
});

Deno.test("A message goes to a ready member, else to a connected one, else to any", () => {
  const shared = [ALICE, BOB, CAROL].map((subscriber) => subscription(subscriber, "$share/g/a"));
  const group = groupOf(tableOf(...shared), "a");
  const rankOf = (ranks: Readonly<Record<string, 0 | 1 | 2>>): Rank => ({ subscriber }) =>
    ranks[subscriber.name]!;
  assertStrictEquals(turns(group, 4, rankOf({ alice: 2, bob: 0, carol: 2 })), "acac");
  assertStrictEquals(turns(group, 3, rankOf({ alice: 1, bob: 2, carol: 1 })), "bbb");
  assertStrictEquals(turns(group, 4, rankOf({ alice: 0, bob: 1, carol: 1 })), "cbcb");
  assertStrictEquals(turns(group, 4, rankOf({ alice: 0, bob: 0, carol: 0 })), "cabc");
  assertStrictEquals(turns(group, 2, rankOf({ alice: 1, bob: 0, carol: 0 })), "aa");
});

Deno.test("In a group without members it is nobody's turn", () => {
  assertStrictEquals(nextMember({ members: new Map() }, () => 2), undefined);
});

Deno.test("Finding the next member does not depend on the number of members", () => {
  const members = Array.from({ length: 1000 }, (_, at) => ({ name: `${at}` }) as Subscriber);
  const group = groupOf(tableOf(...members.map((each) => subscription(each, "$share/g/a"))), "a");
  let looks = 0;
  for (const values = group.members.values.bind(group.members); looks === 0;) {
    group.members.values = () => {
      const all = values();
      const { next } = all;
      all.next = () => (looks++, next.call(all));
      return all;
    };
    nextMember(group, () => 2);
  }
  assertStrictEquals(looks, 1);
});

Deno.test("A subscription without wildcards discards only the remembered matches of its own topic", () => {
  const table = tableOf(subscription(ALICE, "a"), subscription(BOB, "b"));
  const matches = table.match("a");
  table.add(subscription(CAROL, "b"));
  assertStrictEquals(table.match("a"), matches);
  assertStrictEquals(table.match("b").single.length, 2);
  table.remove(BOB, "b");
  assertStrictEquals(table.match("a"), matches);
  assertStrictEquals(table.match("b").single.length, 1);
  table.add(subscription(CAROL, "+"));
  assertStrictEquals(table.match("a").single.length, 2);
});
