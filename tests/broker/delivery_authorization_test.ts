// Who may read what: a rule about a topic holds whatever the Topic Filter is that matches it.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { BrokerHooks, BrokerOptions, ClientInfo } from "../../src/broker/mod.ts";
import { Verdicts } from "../../src/broker/verdicts.ts";
import type { Client, ConnectOptions } from "./client.ts";
import { Pending } from "./pending.ts";
import { World } from "./world.ts";

/** Filters that match secret/plans, and do not say so. */
const FILTERS = ["#", "+/#", "+/plans", "secret/#", "$share/g/secret/#", "$share/g/#"];

/** Only the boss may read what is secret. */
const isAllowed = ({ clientId }: ClientInfo, { topic }: { readonly topic: string }): boolean =>
  clientId.startsWith("boss") || !topic.startsWith("secret/");

const HOOKS: readonly (readonly [string, NonNullable<BrokerHooks["authorizeDelivery"]>])[] = [
  ["says no", isAllowed],
  // deno-lint-ignore require-await
  ["says no, async", async (client, message) => isAllowed(client, message)],
  ["throws", (client, message) => {
    if (!isAllowed(client, message)) throw new Error("no");
    return true;
  }],
  ["returns an invalid value", (client, message) => isAllowed(client, message) || 0 as never],
];

const LASTING: ConnectOptions = { cleanStart: false, properties: { sessionExpiryInterval: 3600 } };

/** Publishes something secret and something public, at a QoS, and lets hooks answer. */
async function publishBoth(world: World, publisher: Client, qos: 0 | 1 | 2 = 1): Promise<void> {
  await publisher.publish("secret/plans", "secret", { qos: 0 });
  await world.settle();
  await publisher.send({ type: "publish", topic: "public/plans", qos, packetId: qos && 100 });
  await world.settle();
}

/** The topics of all messages that have come. */
async function topicsOf(client: Client): Promise<string[]> {
  return (await client.receive()).map(({ topic }) => topic);
}

for (const [how, authorizeDelivery] of HOOKS) {
  const options: BrokerOptions = { authorizeDelivery, onError() {} };

  for (const topicFilter of FILTERS) {
    Deno.test(`New, retained and queued messages are not delivered to ${topicFilter} when authorizeDelivery() ${how}`, async () => {
      await using world = new World(options);
      const publisher = await world.connect("p");
      const spy = await world.connect("spy", LASTING);
      await spy.subscribe(topicFilter, { qos: 1 });
      await publishBoth(world, publisher);
      const all = topicFilter.includes("secret") ? [] : ["public/plans"];
      assertEquals(await topicsOf(spy), all);
      await spy.disconnect();
      await publisher.send({ type: "publish", topic: "secret/plans", qos: 1, packetId: 1 });
      await world.settle();
      await publisher.send({ type: "publish", topic: "public/plans", qos: 1, packetId: 2 });
      await world.settle();
      const again = await world.ask("spy", LASTING);
      await world.settle();
      again.expect("connack");
      assertEquals(await topicsOf(again), all);
      await again.unsubscribe(topicFilter);
      for (const topic of ["secret/plans", "public/plans"]) {
        await publisher.publish(topic, "", { retain: true });
      }
      await again.subscribe(topicFilter);
      await world.settle();
      assertEquals(await topicsOf(again), []);
    });
  }

  Deno.test(`A message is retained but not sent when authorizeDelivery() ${how}`, async () => {
    await using world = new World(options);
    const publisher = await world.connect("p");
    for (const topic of ["a", "secret/1", "b", "secret/2", "c"]) {
      await publisher.publish(topic, "x", { retain: true });
    }
    for (const [clientId, topics] of [["spy", 3], ["boss", 5]] as const) {
      const client = await world.connect(clientId);
      await client.subscribe("#");
      await world.settle();
      assertStrictEquals((await topicsOf(client)).length, topics, clientId);
    }
  });

  Deno.test(`A member of a group is passed over when authorizeDelivery() ${how}`, async () => {
    await using world = new World(options);
    const publisher = await world.connect("p");
    const clients: Client[] = [];
    for (const clientId of ["spy1", "boss1", "spy2", "boss2"]) {
      const client = await world.connect(clientId);
      await client.subscribe("$share/g/#");
      clients.push(client);
    }
    for (let count = 0; count < 8; count++) {
      await publisher.publish("secret/plans");
      await world.settle();
    }
    const counts: number[] = [];
    for (const client of clients) counts.push((await client.receive()).length);
    assertEquals(counts, [0, 4, 0, 4]);
  });
}

Deno.test("authorizeDelivery() is called once per session and topic, and again after the client reconnects", async () => {
  const asked: string[] = [];
  await using world = new World({
    authorizeDelivery: ({ clientId }, { topic }) => asked.push(`${clientId} ${topic}`) > 0,
  });
  const publisher = await world.connect("p");
  const [a, b] = [await world.connect("a", LASTING), await world.connect("b")];
  for (const client of [a, b]) {
    await client.subscribeAll([{ topicFilter: "#" }, { topicFilter: "+" }]);
  }
  for (let count = 0; count < 3; count++) {
    await publisher.publish("x");
    await publisher.publish("y");
  }
  assertEquals(asked.splice(0), ["a x", "b x", "a y", "b y"]);
  const again = await world.connect("a", LASTING);
  await publisher.publish("x");
  assertEquals(asked, ["a x"]);
  assertStrictEquals((await again.receive()).length, 1);
});

Deno.test("A publisher receives No matching subscribers when no subscriber may have its message", async () => {
  await using world = new World({ authorizeDelivery: isAllowed });
  const spy = await world.connect("spy");
  await spy.subscribe("#");
  const publisher = await world.connect("p");
  assertStrictEquals(await publisher.publish("secret/a", "", { qos: 1 }), 0x10);
  assertStrictEquals(await publisher.publish("public/a", "", { qos: 1 }), 0x00);
});

Deno.test("A Will is sent only to clients that may have it", async () => {
  for (const [, authorizeDelivery] of HOOKS.slice(0, 2)) {
    await using world = new World({ authorizeDelivery });
    const [spy, boss] = [await world.connect("spy"), await world.connect("boss")];
    for (const client of [spy, boss]) await client.subscribe("#");
    await (await world.connect("c", { will: { topic: "secret/will" } })).cut();
    await world.settle();
    boss.expectMessage("secret/will");
    spy.expectNothing();
  }
});

Deno.test("While authorizeDelivery() is pending, its message and later ones of the same client wait, but no others", async () => {
  const pending = new Pending<boolean>();
  await using world = new World({
    authorizeDelivery: ({ clientId }, { topic }) =>
      topic.startsWith("slow") ? pending.ask(`${clientId} ${topic}`) : true,
  });
  const reader = await world.connect("r");
  await reader.subscribe("#", { qos: 1 });
  const [one, two] = [await world.connect("one"), await world.connect("two")];
  await one.send(
    { type: "publish", topic: "slow", qos: 1, packetId: 1, retain: true },
    { type: "publish", topic: "fast", qos: 1, packetId: 2 },
  );
  await two.publish("fast");
  one.expectNothing();
  assertEquals(await topicsOf(reader), ["fast"]);
  assertEquals(pending.questions, ["r slow"]);
  const late = await world.connect("late");
  await late.subscribe("slow");
  await two.send({ type: "publish", topic: "slow", qos: 1, packetId: 1 });
  // The same is not asked twice.
  assertEquals(pending.questions, ["r slow", "late slow"]);
  pending.answer(true, "r slow");
  await world.settle();
  assertStrictEquals(one.expect("puback").reasonCode, 0x00);
  assertStrictEquals(one.expect("puback").reasonCode, 0x00);
  assertEquals(await topicsOf(reader), ["slow", "fast"]);
  late.expectNothing();
  pending.answer(true, "late slow");
  await world.settle();
  assertStrictEquals(two.take("puback").reasonCode, 0x00);
  assertEquals(await topicsOf(reader), ["slow"]);
  assertEquals(await topicsOf(late), ["slow"]);
});

Deno.test("When authorizeDelivery() never answers, the others receive the message and the hook is not called again at once", async () => {
  const told: string[] = [];
  let asked = 0;
  await using world = new World({
    authorizeDelivery: ({ clientId }) => {
      if (clientId !== "bad") return true;
      asked++;
      return new Promise(() => {});
    },
    onError: (error, { what, client }) =>
      void told.push(`${(error as Error).name} ${what} ${client?.clientId}`),
  });
  const [bad, good] = [await world.connect("bad"), await world.connect("good")];
  for (const client of [bad, good]) await client.subscribe("#");
  const publisher = await world.connect("p");
  await publisher.publish("a");
  good.expectNothing();
  await world.advance(10_000);
  good.expectMessage("a");
  await publisher.publish("a");
  good.expectMessage("a");
  bad.expectNothing();
  assertStrictEquals(asked, 1);
  assertEquals(told, ["TimeoutError authorizeDelivery bad"]);
  await world.advance(10_000);
  await publisher.publish("a");
  assertStrictEquals(asked, 2);
});

Deno.test("A retained message delayed by a hook is sent before later ones, or not at all", async () => {
  const pending = new Pending<boolean>();
  await using world = new World({
    authorizeDelivery: (_client, { topic }) => topic.startsWith("slow") ? pending.ask(topic) : true,
  });
  const publisher = await world.connect("p");
  for (const topic of ["slow1", "a", "slow2", "b"]) {
    await publisher.publish(topic, "", { retain: false });
  }
  for (const topic of ["slow1", "a", "slow2", "b"]) {
    await publisher.publish(topic, "x", { retain: true });
  }
  const reader = await world.connect("r");
  await reader.subscribe("+");
  assertEquals(await topicsOf(reader), []);
  pending.answer(true, "slow1");
  await world.settle();
  assertEquals(await topicsOf(reader), ["slow1", "a"]);
  pending.answer(false, "slow2");
  await world.settle();
  assertEquals(await topicsOf(reader), ["b"]);
});

Deno.test("A hook that answers about a retained message after the client has reconnected is asked again, about the client as it is now", async () => {
  const pending = new Pending<boolean>();
  await using world = new World({
    authorizeDelivery: ({ address }) => pending.ask(address),
  });
  const publisher = await world.connect("p");
  await publisher.publish("a", "x", { retain: true });
  const reader = await world.connect("r", LASTING);
  await reader.subscribe("a");
  await reader.cut();
  const again = world.open("elsewhere");
  await again.sendConnect("r", LASTING);
  again.expect("connack");
  pending.answer(true, "here");
  await world.settle();
  again.expectNothing();
  pending.answer(true, "elsewhere");
  await world.settle();
  again.expectMessage("a", "x");
  pending.expectNone();
});

Deno.test("A client that may not read a topic receives neither its retained message nor new ones", async () => {
  const pending = new Pending<boolean>();
  await using world = new World({
    authorizeDelivery: (client, message) =>
      message.topic === "slow" ? pending.ask("slow") : isAllowed(client, message),
  });
  const publisher = await world.connect("p");
  for (const topic of ["slow", "secret/x", "public/x"]) {
    await publisher.publish(topic, "old", { retain: true });
  }
  const spy = await world.connect("spy");
  await spy.subscribe("#");
  const boss = await world.connect("boss");
  await boss.subscribe("#");
  await publisher.publish("secret/x", "new");
  await publisher.publish("public/x", "new");
  assertEquals(await spy.receiveTexts(), ["old", "new"]);
  assertEquals(await boss.receiveTexts(), ["old", "new", "old", "new"]);
  for (const _ of pending.questions) pending.answer(true);
  await world.settle();
  assertEquals(await spy.receiveTexts(), ["old"]);
});

Deno.test("A client that unsubscribes while a hook is pending receives no retained message", async () => {
  const pending = new Pending<boolean>();
  await using world = new World({ authorizeDelivery: (_client, { topic }) => pending.ask(topic) });
  const publisher = await world.connect("p");
  await publisher.publish("a", "x", { retain: true });
  const reader = await world.connect("r");
  await reader.subscribe("a");
  await reader.unsubscribe("a");
  pending.answer(true);
  await world.settle();
  reader.expectNothing();
});

for (const [how, isAsync] of [["at once", false], ["later", true]] as const) {
  Deno.test(`clearAuthorizations() calls the hook again, also for queued messages: a hook that answers ${how}`, async () => {
    let isOpen = true;
    await using world = new World({
      authorizeDelivery: (_client, { topic }) => {
        const verdict = isOpen || topic === "public";
        return isAsync ? Promise.resolve(verdict) : verdict;
      },
    });
    const publisher = await world.connect("p");
    const one = { ...LASTING, properties: { ...LASTING.properties, receiveMaximum: 1 } };
    const slow = await world.connect("slow", one);
    const away = await world.connect("away", LASTING);
    for (const client of [slow, away]) await client.subscribe("#", { qos: 1 });
    await away.disconnect();
    for (const topic of ["public", "secret", "secret", "public"]) {
      await publisher.send({ type: "publish", topic, qos: 1, packetId: 1 });
      await world.settle();
    }
    isOpen = false;
    world.engine.clearAuthorizations();
    await world.settle();
    assertEquals(await topicsOf(slow), ["public", "public"]);
    await publisher.send({ type: "publish", topic: "secret", qos: 1, packetId: 1 });
    await world.settle();
    assertEquals(await topicsOf(slow), []);
    const again = await world.ask("away", LASTING);
    await world.settle();
    again.expect("connack");
    assertEquals(await topicsOf(again), ["public", "public"]);
    await publisher.send({ type: "publish", topic: "secret", qos: 1, packetId: 1 });
    await world.settle();
    isOpen = true;
    world.engine.clearAuthorizations("slow");
    await publisher.send({ type: "publish", topic: "secret", qos: 1, packetId: 1 });
    await world.settle();
    assertEquals(await topicsOf(slow), ["secret"]);
    assertEquals(await topicsOf(again), []);
  });

  Deno.test(`authorizeDelivery() is called for queued messages with the client as it connects: a hook that answers ${how}`, async () => {
    await using world = new World({
      authorizeDelivery: ({ address }) => {
        const verdict = address === "here";
        return isAsync ? Promise.resolve(verdict) : verdict;
      },
    });
    const client = await world.connect("c", LASTING);
    await client.subscribe("#", { qos: 1 });
    await client.disconnect();
    const publisher = await world.connect("p");
    await publisher.send({ type: "publish", topic: "a", qos: 1, packetId: 1 });
    await world.settle();
    const elsewhere = world.open("elsewhere");
    await elsewhere.sendConnect("c", LASTING);
    await world.settle();
    assertStrictEquals(elsewhere.expect("connack").sessionPresent, true);
    elsewhere.expectNothing();
  });
}

Deno.test("A client waits while the hook decides about its queued messages, and may disconnect meanwhile", async () => {
  const pending = new Pending<boolean>();
  let isSlow = false;
  await using world = new World({
    authorizeDelivery: (_client, { topic }) => isSlow ? pending.ask(topic) : true,
  });
  const client = await world.connect("c", LASTING);
  await client.subscribe("#", { qos: 1 });
  await client.disconnect();
  const publisher = await world.connect("p");
  await publisher.publish("a", "", { qos: 1 });
  isSlow = true;
  const gone = await world.ask("c", LASTING);
  gone.expectNothing();
  await gone.cut();
  pending.answer(false);
  await world.settle();
  const again = await world.ask("c", LASTING);
  again.expectNothing();
  pending.answer(true);
  await world.settle();
  again.expect("connack");
  assertEquals(await topicsOf(again), ["a"]);
});

Deno.test("The number and size of remembered verdicts is bounded", () => {
  const verdicts = new Verdicts();
  let most = 0;
  for (let count = 0; count < 10_000; count++) {
    verdicts.set(`topic/${count}`, true);
    assertStrictEquals(verdicts.get(`topic/${count}`), true);
    most = Math.max(most, verdicts.bytes);
  }
  assert(most > 30_000 && most <= 32_768, `${most}`);
  verdicts.set("x".repeat(65_535), false);
  assertStrictEquals(verdicts.get("x".repeat(65_535)), false);
  verdicts.set("a", true);
  verdicts.set("a", false);
  assertStrictEquals(verdicts.bytes, 65);
  verdicts.delete("a");
  verdicts.delete("a");
  assertStrictEquals(verdicts.bytes, 0);
});
