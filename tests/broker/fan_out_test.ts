// A message for very many goes to them in turns, and is the same message to each: its publisher is told when the last one has
// it, in order with its others, and subscriptions that change meanwhile hold from then on.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { encodePacket, type SubscriptionRequestInit } from "../../src/packets/mod.ts";
import { Store } from "../../src/broker/durability/store.ts";
import { PLACE } from "../../src/broker/sizes.ts";
import { FaultPlan } from "../broker_net/faulty_database.ts";
import { settle } from "../io/virtual_clock.ts";
import { type Client, type ConnectOptions, publishOf, textOf } from "./client.ts";
import { World } from "./world.ts";

/** More than a message goes to at once. */
const MANY = 1300;

/** So large that some hundred deliveries are a turn. */
const LARGE = "x".repeat(16_000);

/** So many deliveries of it are no more than a turn. */
const MOST = 10_000 / (16_000 / 512);

/** Many clients that have subscribed to "f". */
async function subscribers(
  world: World,
  request: Partial<SubscriptionRequestInit> = {},
  options: ConnectOptions = {},
): Promise<Client[]> {
  const subscriptions = [{ topicFilter: "f", ...request }];
  const clients = Array.from({ length: MANY }, (_, index) => {
    const client = world.open();
    client.link.send(encodePacket({ type: "connect", clientId: `s${index}`, ...options }));
    client.link.send(encodePacket({ type: "subscribe", packetId: 1, subscriptions }));
    return client;
  });
  await world.settle();
  for (const { link } of clients) link.packets.length = 0;
  return clients;
}

const received = (clients: readonly Client[]) =>
  clients.reduce((count, { link }) => count + link.packets.length, 0);

const texts = ({ link }: Client) =>
  link.packets.map((packet) =>
    packet.type === "publish" ? textOf(packet).slice(0, 1) : packet.type
  );

Deno.test("A message for very many subscribers is delivered in turns, and acknowledged after the last delivery", async () => {
  await using world = new World();
  const clients = await subscribers(world);
  const publisher = await world.connect("p");
  publisher.link.send(encodePacket(publishOf("f", LARGE, { qos: 1, packetId: 1 })));
  let before = 0;
  let turns = 0;
  do {
    await settle();
    const all = received(clients);
    assert(all - before <= MOST, `${all - before} in one turn`);
    assert(all === MANY || publisher.link.packets.length === 0, "it is acknowledged too early");
    before = all;
    turns++;
  } while (world.beginTurn());
  assert(turns >= MANY / MOST);
  assertStrictEquals(before, MANY);
  assertStrictEquals(publisher.expect("puback").reasonCode, 0x00);
});

Deno.test("A message that very many clients will receive when they are back is counted once", async () => {
  await using world = new World();
  const properties = { sessionExpiryInterval: 60 };
  for (const { link } of await subscribers(world, { qos: 1 }, { properties })) link.cut();
  const publisher = await world.connect("p");
  const before = world.engine.statistics.memory;
  assertStrictEquals(await publisher.publish("f", LARGE, { qos: 1 }), 0x00);
  const memory = world.engine.statistics.memory - before;
  assert(memory > MANY * PLACE + LARGE.length && memory < MANY * LARGE.length / 2, `${memory}`);
});

Deno.test("A message for very many subscribers comes after the retained one that a subscriber still waits for [MQTT-4.6.0-5]", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  // More than wait in the queue of a session, and sent before it.
  for (let index = 0; index < 300; index++) {
    await publisher.publish(`e/${index}`, "e", { retain: true, qos: 1 });
  }
  await publisher.publish("f", "older", { retain: true, qos: 1 });
  await subscribers(world);
  const slow = await world.connect("slow", { properties: { receiveMaximum: 1 } });
  await slow.subscribe("#", { qos: 1 });
  await publisher.publish("f", "newer", { retain: true, qos: 1 });
  const seen = (await slow.receive()).filter(({ topic }) => topic === "f");
  assertEquals(seen.map((message) => [textOf(message), message.retain]), [
    ["older", true],
    ["newer", false],
  ]);
});

Deno.test("While a message is delivered to very many subscribers, other clients' messages are delivered, and later ones of the same client wait [MQTT-4.6.0-6]", async () => {
  await using world = new World({ limits: { memory: 1_000_000_000 } });
  const clients = await subscribers(world);
  const other = await world.connect("o");
  await other.subscribe("o");
  const [publisher, next] = [await world.connect("p"), await world.connect("q")];
  publisher.link.send(encodePacket(publishOf("f", `1${LARGE}`)));
  publisher.link.send(encodePacket(publishOf("f", `2${LARGE}`)));
  next.link.send(encodePacket(publishOf("f", `3${LARGE}`)));
  next.link.send(encodePacket(publishOf("o", "")));
  other.link.send(encodePacket(publishOf("o", "its own")));
  for (let turn = 0; turn < 2; turn++) {
    await settle();
    world.beginTurn();
  }
  assert(received(clients) < MANY, "it was over before");
  other.expectMessage("o", "its own");
  await world.settle();
  other.expectMessage("o", "");
  for (const client of clients) {
    assertEquals(texts(client).toSorted(), ["1", "2", "3"]);
    assertEquals(texts(client).filter((text) => text !== "3"), ["1", "2"]);
  }
});

Deno.test("A client that unsubscribes during a large delivery no longer receives the message [MQTT-3.10.4-2]", async () => {
  await using world = new World();
  const clients = await subscribers(world);
  const publisher = await world.connect("p");
  publisher.link.send(encodePacket(publishOf("f", LARGE)));
  await settle();
  const [first, again, last] = [clients[0]!, clients.at(-2)!, clients.at(-1)!];
  assertEquals(received([again, last]), 0);
  const subscriptions = [{ topicFilter: "f", qos: 1 }] as const;
  last.link.send(encodePacket({ type: "unsubscribe", packetId: 2, topicFilters: ["f"] }));
  again.link.send(encodePacket({ type: "subscribe", packetId: 2, subscriptions }));
  const late = await world.open();
  late.link.send(encodePacket({ type: "connect", clientId: "late" }));
  late.link.send(encodePacket({ type: "subscribe", packetId: 1, subscriptions }));
  await world.settle();
  assertEquals(texts(first), ["x"]);
  assertEquals(texts(last), ["unsuback"]);
  assertEquals(texts(again), ["suback", "x"]);
  assertEquals(texts(late), ["connack", "suback"]);
  assertStrictEquals(received(clients), MANY + 1);
});

Deno.test("A message for very many subscribers reaches all of them even if its publisher has disconnected", async () => {
  await using world = new World();
  const clients = await subscribers(world);
  const publisher = await world.connect("p");
  publisher.link.send(encodePacket(publishOf("f", LARGE, { qos: 1, packetId: 1 })));
  await settle();
  assert(received(clients) < MANY);
  await publisher.cut();
  assertStrictEquals(received(clients), MANY);
});

Deno.test("authorizeDelivery() is called for very many subscribers in turns, and those allowed receive the message", async () => {
  let asked = 0;
  await using world = new World({
    authorizeDelivery: ({ clientId }) => {
      asked++;
      return clientId !== "s0" && clientId !== `s${MANY - 1}`;
    },
  });
  const clients = await subscribers(world);
  const publisher = await world.connect("p");
  publisher.link.send(encodePacket(publishOf("f", "")));
  let before = 0;
  do {
    await settle();
    assert(asked - before <= 10_000 / 20, `${asked - before} in one turn`);
    before = asked;
  } while (world.beginTurn());
  assertStrictEquals(asked, MANY);
  assertStrictEquals(received(clients), MANY - 2);
  assertStrictEquals(received([clients[0]!, clients.at(-1)!]), 0);
});

Deno.test("A Will for very many subscribers is delivered in turns", async () => {
  await using world = new World();
  const clients = await subscribers(world);
  const payload = new TextEncoder().encode(LARGE);
  const publisher = await world.connect("p", { will: { topic: "f", payload } });
  publisher.link.cut();
  await settle();
  assert(received(clients) <= MOST);
  await world.settle();
  assertStrictEquals(received(clients), MANY);
});

Deno.test("A message for very many stored sessions is refused when the disk is full before all of them have it", async () => {
  const plan = new FaultPlan("full");
  let now = 0;
  const store = new Store(":memory:", { now: () => now, wall: () => now }, plan.open);
  const properties = { sessionExpiryInterval: 3600 };
  await using world = new World({ onError: () => {} }, {}, store);
  for (let index = 0; index < MANY; index++) {
    const { link } = world.open();
    const subscriptions = [{ topicFilter: "f", qos: 1 }] as const;
    link.send(encodePacket({ type: "connect", clientId: `s${index}`, properties }));
    link.send(encodePacket({ type: "subscribe", packetId: 1, subscriptions }));
  }
  await world.settle();
  await world.cutAll();
  const publisher = await world.connect("p");
  const message = encodePacket(publishOf("f", LARGE, { qos: 1, packetId: 1 }));
  publisher.link.send(message);
  await settle();
  world.beginTurn();
  await settle();
  publisher.expectNothing();
  world.engine.commit();
  await settle();
  world.beginTurn();
  await settle();
  plan.begin();
  await world.settle();
  assertStrictEquals(publisher.expect("puback").reasonCode, 0x97);
  plan.isOver = true;
  now += 10_000;
  world.engine.commit();
  publisher.link.send(message);
  await world.settle();
  assertStrictEquals(publisher.expect("puback").reasonCode, 0x00);
  // Who had it on disk before that was full has it twice, as QoS 1 may.
  for (const [index, times] of [[0, 2], [MANY - 1, 1]] as const) {
    const again = await world.ask(`s${index}`, { cleanStart: false, properties });
    assertStrictEquals((await again.receive()).length, times, `s${index}`);
  }
  store.close();
});

Deno.test("authorizeDelivery() is called for queued messages in turns, and the client is accepted after the last", async () => {
  let asked = 0;
  await using world = new World({
    authorizeDelivery: (_, { topic }) => {
      asked++;
      return topic !== "f/0" && topic !== `f/${MANY - 1}`;
    },
  });
  const properties = { sessionExpiryInterval: 3600 };
  const before = await world.connect("s", { properties });
  await before.subscribe("#", { qos: 1 });
  const publisher = await world.connect("p");
  // Nobody is asked about the same topic twice, but by who connects.
  await before.cut();
  for (let index = 0; index < MANY; index++) {
    publisher.link.send(encodePacket(publishOf(`f/${index}`, "", { qos: 1, packetId: index + 1 })));
    if (index % 100 === 0) await world.settle();
  }
  await world.settle();
  asked = 0;
  const after = world.open();
  after.link.send(encodePacket({ type: "connect", clientId: "s", cleanStart: false, properties }));
  let last = 0;
  do {
    await settle();
    assert(asked - last <= 10_000 / 20, `${asked - last} in one turn`);
    last = asked;
  } while (world.beginTurn());
  assertStrictEquals(asked, MANY - 2);
  after.expect("connack");
  assertStrictEquals(after.link.packets.length, MANY - 2);
});
