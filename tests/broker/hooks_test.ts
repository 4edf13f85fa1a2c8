// What the hooks say, sync or async, and what is made of it. Whatever a hook does wrong refuses that one request, and harms
// nobody else.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { BrokerHooks, BrokerMessage, ClientInfo } from "../../src/broker/mod.ts";
import { encodePacket, type PacketInit, type SubscriptionRequest } from "../../src/packets/mod.ts";
import { bytesOfText } from "./client.ts";
import { World } from "./world.ts";

/** The ways in which a hook may give an answer. */
const WAYS:
  readonly (readonly [string, <Answer>(answer: () => Answer) => Answer | Promise<Answer>])[] = [
    ["sync", (answer) => answer()],
    // deno-lint-ignore require-await
    ["async", async (answer) => answer()],
    ["async, after some time,", async (answer) => {
      await new Promise((resolve) => setImmediate(resolve));
      return answer();
    }],
  ];

/** Answers of a hook that refuse. What is no answer at all does, too. */
const REFUSALS: readonly (readonly [string, () => unknown, number])[] = [
  ["says no", () => false, 0x87],
  ["says no with a Reason Code", () => 0x97, 0x97],
  ["says that something is wrong", () => 0x80, 0x80],
  ["throws", () => {
    throw new Error("The hook has failed");
  }, 0x87],
  ["says nothing", () => undefined, 0x87],
  ["says null", () => null, 0x87],
  ["says something that is no answer", () => "yes", 0x87],
  ["says NaN", () => NaN, 0x87],
  ["says a number that is no Reason Code here", () => 0x92, 0x87],
  ["says a number that is no byte", () => 1000, 0x87],
];

/** A hook that gives such an answer, whatever its type. */
function saying<Name extends keyof BrokerHooks>(
  name: Name,
  answer: () => unknown,
  isAsked: (...args: unknown[]) => boolean = () => true,
): BrokerHooks {
  return { [name]: (...args: unknown[]) => isAsked(...args) ? answer() : true } as BrokerHooks;
}

for (const [way, by] of WAYS) {
  for (const [what, answer, reasonCode] of REFUSALS) {
    Deno.test(`A client is refused when authenticate(), ${way} ${what} [MQTT-3.1.4-2]`, async () => {
      const isBad = (client: unknown) => (client as ClientInfo).clientId === "bad";
      await using world = new World(saying("authenticate", () => by(answer), isBad));
      const client = await world.ask("bad", { will: { topic: "will" } });
      await world.settle();
      client.expectRefusal(reasonCode);
      assertStrictEquals(world.engine.statistics.sessions, 0);
      await world.connect("good");
    });

    Deno.test(`A message is refused when authorizePublish(), ${way} ${what}`, async () => {
      const isBad = (_: unknown, message: unknown) => (message as BrokerMessage).topic === "bad";
      await using world = new World(saying("authorizePublish", () => by(answer), isBad));
      const witness = await world.connect("witness");
      await witness.subscribe("#");
      const client = await world.connect("c");
      await client.send(
        { type: "publish", topic: "bad", retain: true },
        { type: "publish", topic: "bad", qos: 1, packetId: 1 },
        { type: "publish", topic: "bad", qos: 2, packetId: 2 },
        { type: "publish", topic: "good", qos: 1, packetId: 3 },
      );
      for (let turn = 0; turn < 9; turn++) await world.settle();
      const acks = [client.take("puback"), client.take("puback"), client.take("pubrec")];
      assertEquals(acks.map(({ packetId, reasonCode }) => [packetId, reasonCode]), [
        [1, reasonCode],
        [3, 0x00],
        [2, reasonCode],
      ]);
      client.expectNothing();
      witness.expectMessage("good");
      witness.expectNothing();
      assertStrictEquals(world.engine.statistics.retained, 0);
    });

    Deno.test(`A subscription is refused when authorizeSubscribe(), ${way} ${what} [MQTT-3.8.4-7]`, async () => {
      const isBad = (_: unknown, request: unknown) =>
        (request as SubscriptionRequest).topicFilter === "bad";
      await using world = new World(saying("authorizeSubscribe", () => by(answer), isBad));
      const client = await world.connect("c");
      const topicFilters = ["a", "bad", "b"];
      await client.send({
        type: "subscribe",
        packetId: 1,
        subscriptions: topicFilters.map((topicFilter) => ({ topicFilter, qos: 1 })),
      });
      await world.settle();
      assertEquals(client.expect("suback").reasonCodes, [1, reasonCode, 1]);
      assertStrictEquals(world.engine.statistics.subscriptions, 2);
    });
  }

  Deno.test(`What hooks allow that are ${way} is done`, async () => {
    await using world = new World({
      authenticate: () => by(() => true),
      authorizePublish: () => by(() => true),
      authorizeSubscribe: () => by(() => true),
    });
    const client = await world.ask("c", { will: { topic: "will" } });
    for (let turn = 0; turn < 2; turn++) await world.settle();
    assertStrictEquals(client.expect("connack").reasonCode, 0);
    await client.send({ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a" }] });
    await world.settle();
    assertEquals(client.expect("suback").reasonCodes, [0]);
    await client.send({ type: "publish", topic: "a", qos: 2, packetId: 1 });
    await world.settle();
    assertStrictEquals(client.take("pubrec").reasonCode, 0);
    client.expectMessage("a");
  });

  Deno.test(`What authorizePublish(), ${way} says about a Will, it says about its client [MQTT-3.1.4-2]`, async () => {
    await using world = new World({
      authorizePublish: ({ clientId }, { topic, payload, qos, retain }) =>
        by(() => {
          assertEquals({ topic, payload, qos, retain }, {
            topic: "will",
            payload: bytesOfText("1"),
            qos: 2,
            retain: true,
          });
          return clientId === "good";
        }),
    });
    const will = { topic: "will", payload: bytesOfText("1"), qos: 2, retain: true } as const;
    const bad = await world.ask("bad", { will });
    const good = await world.ask("good", { will });
    await world.settle();
    bad.expectRefusal(0x87);
    assertStrictEquals(good.expect("connack").reasonCode, 0);
    await good.disconnect();
  });
}

for (const [what, code] of [["0x00", 0x00], ["0x10", 0x10]] as const) {
  Deno.test(`A hook that says ${what} allows a message`, async () => {
    await using world = new World({ authorizePublish: () => code });
    const client = await world.connect("c");
    await client.subscribe("a");
    await client.publish("a", "1");
    client.expectMessage("a", "1");
  });
}

Deno.test("The result of a synchronous hook is applied at once", async () => {
  await using world = new World({
    authenticate: () => true,
    authorizePublish: () => true,
    authorizeSubscribe: () => true,
  });
  const client = world.open();
  const packets: readonly PacketInit[] = [
    { type: "connect", clientId: "c", will: { topic: "w" } },
    { type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a" }] },
    { type: "publish", topic: "b", qos: 1, packetId: 2 },
  ];
  for (const packet of packets) client.link.send(encodePacket(packet));
  assertEquals(client.link.packets.map(({ type }) => type), ["connack", "suback", "puback"]);
});

Deno.test("A hook may return a thenable", async () => {
  const thenable = {
    then: (resolve: (verdict: boolean) => void) => queueMicrotask(() => resolve(false)),
  };
  await using world = new World(saying("authenticate", () => thenable));
  (await world.ask("c")).expectRefusal(0x87);
});

Deno.test("Hooks are called as methods of the options", async () => {
  class Options {
    readonly allowed = "c";
    authenticate({ clientId }: ClientInfo): boolean {
      return clientId === this.allowed;
    }
    authorizePublish({ clientId }: ClientInfo): boolean {
      return clientId === this.allowed;
    }
    authorizeSubscribe({ clientId }: ClientInfo): boolean {
      return clientId === this.allowed;
    }
  }
  await using world = new World(new Options());
  (await world.ask("d")).expectRefusal(0x87);
  const client = await world.connect("c");
  assertStrictEquals(await client.subscribe("a"), 0);
  assertStrictEquals(await client.publish("a", "1", { qos: 1 }), 0);
});
