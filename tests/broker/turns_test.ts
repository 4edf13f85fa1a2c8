// Whatever a client sends is worked off in turns of bounded length, and what others ask for comes in between. Messages, packets,
// subscriptions and nodes are counted, never time.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { encodePacket, type PacketInit } from "../../src/packets/mod.ts";
import { PLACE } from "../../src/broker/sizes.ts";
import { Share, Turns } from "../../src/broker/turns.ts";
import { settle } from "../io/virtual_clock.ts";
import { type Client, publishOf } from "./client.ts";
import { World } from "./world.ts";

/** No turn that several compete for has more work than this, and the last piece of it. */
const A_TURN = 10_000 + 300;

/** The same packet very often. */
function repeated(packet: PacketInit, count: number): Uint8Array {
  const one = encodePacket(packet);
  const all = new Uint8Array(one.length * count);
  for (let index = 0; index < count; index++) all.set(one, index * one.length);
  return all;
}

/** By how much something grows in the turn in which it begins, and in each until nobody waits for one. */
async function growth(world: World, size: () => number, begin: () => void): Promise<number[]> {
  const grown: number[] = [];
  let before = size();
  begin();
  do {
    await settle();
    grown.push(size() - before);
    before = size();
  } while (world.beginTurn());
  return grown;
}

/** Many clients that want a topic. */
async function subscribers(world: World, count: number, topicFilter: string): Promise<Client[]> {
  const clients: Client[] = [];
  for (let index = 0; index < count; index++) {
    const client = await world.connect(`s${index}`);
    await client.subscribe(topicFilter);
    clients.push(client);
  }
  return clients;
}

/** Some turns pass: that clients have connected is long ago. */
async function passTurns(world: World, client: Client): Promise<void> {
  client.link.send(repeated(publishOf("nobody", ""), 10_000));
  await world.settle();
}

/** Somebody who wants little has had to wait: turns are short from now on. */
async function makeTurnsShort(world: World): Promise<void> {
  const flooder = await world.connect("flooder");
  const bystander = await world.connect("bystander");
  const flood = repeated(publishOf("nobody", ""), 60_000);
  flooder.link.send(flood);
  await world.settle();
  flooder.link.send(flood);
  await bystander.publish("nobody");
  await flooder.cut();
  await bystander.cut();
}

const received = (clients: readonly Client[]) =>
  clients.reduce((count, { link }) => count + link.packets.length, 0);

Deno.test("A chunk of messages for many subscribers is delivered in turns of bounded length", async () => {
  await using world = new World();
  const clients = await subscribers(world, 50, "f");
  const publisher = await world.connect("p");
  const turns = await growth(
    world,
    () => received(clients),
    () => publisher.link.send(repeated(publishOf("f", ""), 2000)),
  );
  assertStrictEquals(turns.reduce((sum, count) => sum + count), 50 * 2000);
  assert(Math.max(...turns) <= A_TURN, `${Math.max(...turns)} in one turn`);
});

Deno.test("While one client floods others, a message of another client waits for at most two turns", async () => {
  await using world = new World();
  const clients = await subscribers(world, 50, "f");
  const bystander = await world.connect("b");
  await bystander.subscribe("b");
  const publishers = await Promise.all(["p", "q", "r"].map((name) => world.connect(name)));
  for (const { link } of publishers) link.send(repeated(publishOf("f", ""), 2000));
  for (let round = 0; round < 10; round++) {
    bystander.link.send(encodePacket(publishOf("b", `${round}`)));
    await settle();
    for (let turn = 0; turn < 2 && bystander.link.packets.length === 0; turn++) {
      assert(world.beginTurn());
      await settle();
    }
    bystander.expectMessage("b", `${round}`);
  }
  assert(received(clients) < 50 * 2000, "the flood was over before");
  await world.settle();
  assertStrictEquals(received(clients), 3 * 50 * 2000);
});

Deno.test("A chunk of PINGREQ is answered completely, in turns", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await world.connect("d");
  const turns = await growth(
    world,
    () => client.link.packets.length,
    () => client.link.send(repeated({ type: "pingreq" }, 60_000)),
  );
  assertStrictEquals(client.link.packets.length, 60_000);
  assert(Math.max(...turns) <= A_TURN, `${Math.max(...turns)} in one turn`);
});

Deno.test("An acknowledgement is handled at once although the turn is over", async () => {
  await using world = new World();
  const subscriber = await world.connect("s");
  await subscriber.subscribe("a", { qos: 1 });
  const publisher = await world.connect("p");
  await publisher.publish("a", "", { qos: 1 });
  const { packetId } = subscriber.expect("publish");
  publisher.link.send(repeated(publishOf("f", ""), 2000));
  const before = world.engine.statistics.memory;
  subscriber.link.send(encodePacket({ type: "puback", packetId }));
  const released = before - world.engine.statistics.memory;
  assert(released >= PLACE, `${released} bytes are kept no more`);
  await world.settle();
});

Deno.test("A client that sends hundreds of packets waits behind one that sends a single packet", async () => {
  let answered: number | undefined;
  await using world = new World({
    onMessage: (client) =>
      void (client?.clientId === "b" && (answered = pinger.link.packets.length)),
  });
  const pinger = await world.connect("a");
  const bystander = await world.connect("b");
  const publisher = await world.connect("p");
  await passTurns(world, publisher);
  publisher.link.send(repeated(publishOf("f", ""), 2000));
  pinger.link.send(repeated({ type: "pingreq" }, 1000));
  bystander.link.send(repeated(publishOf("b", ""), 1));
  assertStrictEquals(answered, undefined);
  await world.settle();
  // As many as are looked at in a call.
  assertStrictEquals(answered, 64);
  pinger.link.packets.length = 0;
});

Deno.test("Clients that connect at once are accepted in turns, and a published message comes before them", async () => {
  let accepted = 0;
  let acceptedBefore: number | undefined;
  await using world = new World({
    onConnect: () => void accepted++,
    onMessage: () => void (acceptedBefore = accepted),
  });
  const bystander = await world.connect("b");
  await passTurns(world, await world.connect("p"));
  const clients = Array.from({ length: 200 }, () => world.open());
  accepted = 0;
  const turns = await growth(world, () => accepted, () => {
    for (const [index, { link }] of clients.entries()) {
      link.send(encodePacket({ type: "connect", clientId: `c${index}` }));
    }
    bystander.link.send(encodePacket(publishOf("b", "")));
  });
  assertStrictEquals(accepted, clients.length);
  assert(Math.max(...turns) <= A_TURN / 500, `${turns} in a turn`);
  assertStrictEquals(acceptedBefore, turns[0]);
  for (const client of clients) client.expect("connack");
});

Deno.test("SUBSCRIBE and UNSUBSCRIBE with many Topic Filters are processed in turns, and answered after the last [MQTT-3.8.4-5]", async () => {
  await using world = new World({ limits: { filtersPerPacket: 3000 } });
  const client = await world.connect("c");
  await world.connect("d");
  const topicFilters = Array.from({ length: 3000 }, (_, index) => `f/${index}/+`);
  const subscriptions = topicFilters.map((topicFilter) => ({ topicFilter }));
  for (
    const [packet, answer] of [
      [{ type: "subscribe", packetId: 1, subscriptions }, "suback"],
      [{ type: "unsubscribe", packetId: 2, topicFilters }, "unsuback"],
    ] as const
  ) {
    const at = world.engine.statistics.subscriptions;
    const turns = await growth(world, () => {
      const { subscriptions } = world.engine.statistics;
      const isDone = Math.abs(subscriptions - at) === 3000;
      assert(isDone || client.link.packets.length === 0, "it is answered too early");
      return subscriptions;
    }, () => client.link.send(encodePacket(packet)));
    assert(Math.max(...turns.map(Math.abs)) <= A_TURN / 10, `${turns} filters in one turn`);
    assertEquals(client.expect(answer).reasonCodes, Array(3000).fill(0));
  }
});

Deno.test("SUBSCRIBE and UNSUBSCRIBE with long Topic Filters take more turns", async () => {
  await using world = new World();
  const client = await world.connect("c");
  const topicFilters = Array.from({ length: 50 }, (_, index) => `${index}${"x".repeat(32_000)}`);
  const subscriptions = topicFilters.map((topicFilter) => ({ topicFilter }));
  for (
    const packet of [
      { type: "subscribe", packetId: 1, subscriptions },
      { type: "unsubscribe", packetId: 2, topicFilters },
    ] as const
  ) {
    const turns = await growth(
      world,
      () => world.engine.statistics.subscriptions,
      () => client.link.send(encodePacket(packet)),
    );
    // Each is the work of 2000 messages.
    assert(Math.max(...turns.map(Math.abs)) <= A_TURN / 2000, `${turns} filters in one turn`);
  }
  assertStrictEquals(world.engine.statistics.subscriptions, 0);
});

Deno.test("A message published after a SUBSCRIBE that takes many turns is handled after it [MQTT-4.6.0-5]", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await world.connect("d");
  const subscriptions = Array.from({ length: 1000 }, (_, index) => ({ topicFilter: `f/${index}` }));
  await client.send(
    { type: "subscribe", packetId: 1, subscriptions },
    publishOf("f/999", "after it"),
  );
  client.expect("suback");
  client.expectMessage("f/999", "after it");
});

Deno.test("A search for retained messages visits a bounded number of nodes per turn, and messages are delivered in between", async () => {
  await using world = new World();
  const retainer = await world.connect("r");
  for (let index = 0; index < 20_000; index += 500) {
    await retainer.send(
      ...Array.from(
        { length: 500 },
        (_, at) => publishOf(`r/${index + at}`, "x", { retain: true }),
      ),
    );
  }
  const client = await world.connect("c");
  const bystander = await world.connect("b");
  await bystander.subscribe("b");
  const subscriptions = Array.from({ length: 5 }, (_, at) => ({ topicFilter: `+/+/${at}` }));
  client.link.send(encodePacket({ type: "subscribe", packetId: 1, subscriptions }));
  let turns = 0;
  do {
    await settle();
    turns++;
    bystander.link.send(encodePacket(publishOf("b", "")));
  } while (world.beginTurn());
  client.expect("suback");
  // 100,000 nodes, and some.
  assert(turns >= 5 * 20_000 / A_TURN, `all in ${turns} turns`);
  assert(bystander.link.packets.length >= turns - 2, "the bystander has waited");
});

Deno.test("A session with many subscriptions ends at once, and they are removed in turns", async () => {
  await using world = new World({ limits: { filtersPerPacket: 5000 } });
  const client = await world.connect("c");
  const subscriptions = Array.from({ length: 5000 }, (_, index) => ({ topicFilter: `f/${index}` }));
  await client.send({ type: "subscribe", packetId: 1, subscriptions });
  client.expect("suback");
  const publisher = await world.connect("p");
  client.link.cut();
  while (world.engine.statistics.sessions > 1) assert(world.beginTurn());
  assert(world.engine.statistics.subscriptions > 0, "all in one turn");
  await publisher.publish("f/4999", "to nobody", { qos: 1 });
  const again = await world.connect("c");
  again.expectNothing();
  assertStrictEquals(world.engine.statistics.subscriptions, 0);
  await again.send({ type: "subscribe", packetId: 1, subscriptions });
  again.expect("suback");
  await makeTurnsShort(world);
  const turns = await growth(
    world,
    () => world.engine.statistics.subscriptions,
    () => again.link.cut(),
  );
  assert(Math.max(...turns.map(Math.abs)) <= A_TURN / 10, `${turns} in one turn`);
});

Deno.test("Very many sessions that expire at the same time end in turns", async () => {
  await using world = new World();
  const properties = { sessionExpiryInterval: 1 };
  for (let index = 0; index < 2000; index++) {
    const client = world.open();
    await client.sendConnect(`c${index}`, { properties });
    client.link.cut();
  }
  await world.settle();
  await makeTurnsShort(world);
  assertStrictEquals(world.engine.statistics.sessions, 2000);
  world.now += 1000;
  const perTick: number[] = [];
  for (let before = 2000; before > 0;) {
    world.engine.tick();
    const { sessions } = world.engine.statistics;
    perTick.push(before - sessions);
    before = sessions;
    await settle();
    world.beginTurn();
  }
  // A timer comes, and a session ends.
  assert(Math.max(...perTick) <= A_TURN / 60, `${perTick} sessions in one turn`);
});

Deno.test("At shutdown very many clients are disconnected in turns", async () => {
  await using world = new World();
  const clients: Client[] = [];
  for (let index = 0; index < 500; index++) clients.push(await world.connect(`c${index}`));
  let told: Promise<void> | undefined;
  const turns = await growth(world, () => received(clients), () => told = world.engine.shutDown());
  await told;
  for (const client of clients) client.expectDisconnect(0x8b);
  assert(Math.max(...turns) <= A_TURN / 25, `${turns} in one turn`);
});

Deno.test("Clients that have used little time come first, and the others get equal shares", () => {
  const later: (() => void)[] = [];
  const turns = new Turns((callback) => later.push(callback), (error) => {
    throw error;
  });
  const shares = { a: new Share(), b: new Share(), little: new Share() };
  const seen: string[] = [];
  const work = (name: keyof typeof shares, amount: number) => {
    turns.begin(shares[name]);
    seen.push(name);
    for (let done = 0; done < amount; done += 10) {
      if (turns.isOver) return turns.wait(shares[name], () => work(name, amount - done));
      turns.count(10);
    }
  };
  work("a", 120_000);
  work("b", 120_000);
  for (let turn = 0; turn < 6; turn++) {
    for (const callback of later.splice(0)) callback();
    // From the first turn on each has been seen to have much, or little.
    if (turn === 0) seen.length = 0;
    work("little", 10);
    assert(turns.work <= A_TURN, `${turns.work} in one turn`);
  }
  assertEquals(seen.slice(0, 2), ["little", "little"]);
  const counts = ["a", "b"].map((name) => seen.filter((each) => each === name).length);
  assert(Math.abs(counts[0]! - counts[1]!) <= 1, `${counts}`);
});

Deno.test("An error in a turn is reported, and the other waiting work continues", () => {
  const later: (() => void)[] = [];
  const errors: unknown[] = [];
  const turns = new Turns((callback) => later.push(callback), (error) => errors.push(error));
  let isDone = false;
  turns.wait(new Share(), () => {
    throw "a fault";
  });
  turns.wait(new Share(), () => isDone = true);
  for (const callback of later.splice(0)) callback();
  assertEquals(errors, ["a fault"]);
  assert(isDone);
});

Deno.test("forEach() rejects with the error of its callback, in whichever turn", async () => {
  const later: (() => void)[] = [];
  const turns = new Turns((callback) => later.push(callback), () => {});
  const done: number[] = [];
  const all = turns.forEach(new Share(), [1, 2, 3], (item) => {
    if (item === 3) throw new Error("three");
    done.push(item);
    turns.count(100_000);
  }, () => {});
  while (later.length > 0) later.shift()!();
  assertStrictEquals(await all?.catch((error) => error.message), "three");
  assertEquals(done, [1, 2]);
});

Deno.test("Work for all clients waits for two turns of a busy client, unless either has little to do", () => {
  const later: (() => void)[] = [];
  const turns = new Turns((callback) => later.push(callback), (error) => assert(false, `${error}`));
  const busy = new Share();
  let isBusy = true;
  const work = () => {
    if (!isBusy) return;
    turns.begin(busy);
    turns.count(1_000_000);
    turns.wait(busy, work);
  };
  const pass = () => later.splice(0).forEach((callback) => callback());
  /** After how many turns it is done. */
  const turnsUntilDone = (writes = 32) => {
    let isDone = false;
    turns.waitForAll(() => isDone = true, writes);
    for (let count = 1;; count++) {
      pass();
      if (isDone) return count;
    }
  };
  work();
  // The first turns are short.
  assertStrictEquals(turnsUntilDone(), 1);
  for (let turn = 0; turn < 999; turn++) pass();
  assertEquals([turnsUntilDone(), turnsUntilDone()], [3, 3]);
  assertEquals([turnsUntilDone(31), turnsUntilDone()], [1, 3]);
  // Turns in which nothing is deferred do not count.
  for (let turn = 0; turn < 4; turn++) {
    for (let count = 0; count < turn; count++) pass();
    assertStrictEquals(turnsUntilDone(), 3);
  }
  isBusy = false;
  pass();
  assertEquals([turnsUntilDone(), turnsUntilDone()], [1, 1]);
  isBusy = true;
  work();
  turns.wait(new Share(), () => {});
  assertEquals([turnsUntilDone(), turnsUntilDone()], [1, 1]);
});

Deno.test("A client that disconnects while its CONNECT waits for a turn is neither accepted nor refused, and leaves nothing behind", async () => {
  const errors: unknown[] = [];
  await using world = new World({
    limits: { connections: 2 },
    onError: (error) => void errors.push(error),
  });
  const flooder = await world.connect("flooder");
  await world.connect("c");
  flooder.link.send(repeated(publishOf("nobody", ""), 60_000));
  const late = world.open();
  late.link.send(encodePacket({ type: "connect", clientId: "late" }));
  late.link.cut();
  await world.settle();
  assertEquals(errors, []);
  assertEquals(late.link.packets, []);
  assertStrictEquals(world.engine.statistics.sessions, 2);
});
