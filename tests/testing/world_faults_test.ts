// What a test can do to its world, and what its application sees of it.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { connect, ConnectionClosedError } from "../../mod.ts";
import { World } from "../../src/testing/mod.ts";

const METER = { clientId: "meter-7", sessionExpiryInterval: 86_400 };

Deno.test("a store survives its process, and the next one sends what is in it, once", async () => {
  await using world = new World();
  await world.startBroker("broker", { path: "broker.db" });
  await using ledger = await connect(world.server(), { clientId: "ledger" });
  await using rows = await ledger.subscribe("meters/#", { qos: 2 });
  const read: string[] = [];
  void (async () => {
    for await (const row of rows) read.push(row.text());
  })();

  const meter = world.process("meter");
  const first = { ...METER, store: meter.openStore("meter.db") };
  const client = await connect(meter.server(), first);
  world.partition("meter");
  await client.enqueue("meters/7", "4711", { qos: 2 });
  meter.kill();
  assertEquals([meter.isAlive, read], [false, []]);
  world.heal();
  const again = world.process("meter");
  await using _next = await connect(again.server(), {
    ...METER,
    store: again.openStore("meter.db"),
  });
  await world.advance(1000);
  assertEquals(read, ["4711"]);
});

Deno.test("a partition is noticed by Keep Alive, and ends when it heals", async () => {
  await using world = new World();
  await world.startBroker();
  await using client = await connect(world.server(), { clientId: "sensor-7", keepAlive: 10 });
  world.partition("application", "broker");
  await world.advance(60_000);
  assertEquals(client.state, "reconnecting");
  world.heal();
  await world.until(client.once("connected"));
});

Deno.test("a stalled connection is half-open: the client finds out by its Keep Alive", async () => {
  await using world = new World();
  await world.startBroker();
  await using client = await connect(world.server(), { clientId: "sensor-7", keepAlive: 10 });
  const lost = client.once("disconnected");
  world.stall(client, "to client");
  await world.advance(9000);
  assertEquals(client.state, "connected");
  const { error } = await world.until(lost);
  assert(error.message.includes("did not answer a PINGREQ"), error.message);
});

Deno.test("what was stalled and resumes arrives", async () => {
  await using world = new World();
  await world.startBroker();
  await using client = await connect(world.server(), { clientId: "sensor-7" });
  world.stall(client, "to server");
  const published = client.publish("a", "b", { qos: 1 });
  await world.advance(1000);
  world.resume(client, "to server");
  await published;
});

Deno.test("a link is cut in the middle of a packet, and QoS 1 brings the message all the same", async () => {
  for (let after = 1; after < 12; after++) {
    await using world = new World();
    await world.startBroker();
    await using client = await connect(world.server(), METER);
    const read = await client.subscribe("a", { qos: 1 });
    world.cut("meter-7", { after, way: after % 2 === 0 ? "to server" : "to client" });
    await world.until(client.publish("a", "0123456789", { qos: 1 }));
    for await (const message of read) {
      assertEquals(message.text(), "0123456789");
      break;
    }
  }
});

Deno.test("a second client of the same identifier takes the session over", async () => {
  await using world = new World();
  await world.startBroker();
  const client = await connect(world.server(), METER);
  await using _other = await connect(world.process("another").server(), METER);
  const error = await client.closed;
  assertEquals([error?.kind, client.state], ["taken over", "closed"]);
});

Deno.test("a broker in a world keeps time: an hour of Session Expiry takes none", async () => {
  await using world = new World();
  const broker = await world.startBroker();
  const client = await connect(world.server(), { clientId: "a", sessionExpiryInterval: 3600 });
  await client.disconnect();
  await world.advance(3_599_000);
  assertEquals(broker.statistics.sessions, 1);
  await world.advance(2000);
  assertEquals(broker.statistics.sessions, 0);
});

Deno.test("a laptop that has slept for an hour connects again at once", async () => {
  await using world = new World();
  await world.startBroker();
  const laptop = world.process("laptop");
  await using client = await connect(laptop.server(), { ...METER, keepAlive: 60 });
  await world.advance(1000);
  const before = laptop.date;
  laptop.suspend();
  await world.advance(3_600_000);
  assertEquals(client.state, "connected");
  laptop.resume();
  await world.until(client.once("connected"), { within: 60_000 });
  assert(laptop.date >= before + 3_600_000);
});

Deno.test("the clock on the wall may be set while a client is connected", async () => {
  await using world = new World();
  await world.startBroker();
  const laptop = world.process("laptop");
  await using client = await connect(laptop.server(), { ...METER, keepAlive: 10 });
  for (const jump of [86_400_000, -172_800_000]) {
    laptop.jumpWallClock(jump);
    await world.advance(60_000);
    assertEquals(client.state, "connected");
  }
  assertEquals(laptop.date, world.date - 86_400_000);
});

Deno.test("dials are refused, not answered, or hung up on", async () => {
  await using world = new World();
  await world.startBroker();
  const options = { clientId: "sensor-7", connectTimeout: 5000 };
  const failure = async () => {
    const error = await assertRejects(
      () => world.until(connect(world.server(), options)),
      ConnectionClosedError,
    );
    return [error.code, error.message];
  };
  world.answerDials("refuse");
  assertEquals(await failure(), ["refused", "Cannot connect to broker: connection refused"]);
  world.answerDials("black hole");
  assertEquals((await failure())[0], "timeout");
  world.answerDials("hang up");
  assertEquals((await failure())[1], "The server closed the connection without a DISCONNECT");
  world.answerDials();
  await using _client = await connect(world.server(), options);
});

Deno.test("a slow network delivers all, a little at a time", async () => {
  await using world = new World();
  await world.startBroker();
  await using client = await connect(world.server(), { clientId: "sensor-7" });
  world.deliverSlowly();
  await client.publish("a", "b".repeat(100), { qos: 1 });
  assertEquals(world.now, 2000);
  world.deliver();
  await client.publish("a", "b", { qos: 1 });
  assertEquals(world.now, 2000);
});

Deno.test("two brokers in one world are the two servers of a client", async () => {
  await using world = new World();
  await world.startBroker("a");
  await world.startBroker("b");
  await using client = await connect([world.server("a"), world.server("b")], METER);
  world.crashBroker("a");
  await world.until(client.once("connected"));
  assertEquals(client.state, "connected");
  await assertRejects(() => world.startBroker("b"), Error, "Cannot listen at b");
  await assertRejects(() => world.restartBroker("c"), TypeError, 'no broker "c"');
});

Deno.test("who has no connection cannot lose it", async () => {
  await using world = new World();
  assertThrows(() => world.cut("sensor-7"), TypeError, '"sensor-7" has no connection');
  assertThrows(() => world.stall("sensor-7"), TypeError, '"sensor-7" has no connection');
});

Deno.test("a client whose identifier the server has assigned is found", async () => {
  await using world = new World();
  await world.startBroker();
  await using client = await connect(world.server());
  world.cut(client);
  await world.advance(0);
  assertEquals(client.state, "reconnecting");
});

Deno.test("a broker whose disk is full refuses, says so to nobody else, and goes on", async () => {
  await using world = new World();
  await world.startBroker("broker", { path: "broker.db" });
  await using client = await connect(world.server(), METER);
  await client.subscribe("a", { qos: 1 });
  world.disk.isFull = true;
  await assertRejects(() => client.publish("a", "b", { qos: 1 }), Error, "Quota exceeded");
  world.disk.isFull = false;
  await world.advance(10_000);
  await client.publish("a", "b", { qos: 1 });
});

Deno.test("what fails inside a broker is reported when the world ends", async () => {
  const world = new World();
  await world.startBroker("broker", {
    onMessage: () => {
      throw new Error("The hook is broken");
    },
  });
  const client = await connect(world.server());
  await client.publish("a", "b", { qos: 1 });
  const error = await assertRejects(() => world[Symbol.asyncDispose](), Error);
  assertEquals([error.message, `${error.cause}`], [
    "Error in onMessage of a broker",
    "Error: The hook is broken",
  ]);
});

Deno.test("options that make no sense are refused", async () => {
  await using world = new World();
  await assertRejects(() => world.advance(-1), RangeError, "milliseconds");
  await assertRejects(
    // deno-lint-ignore no-explicit-any
    () => world.startBroker("broker", { port: 1883 } as any),
    TypeError,
    "port has no meaning in a virtual world",
  );
  const wrong = { latency: -1, jitter: -1, bytesPerSecond: 0, buffer: 0 };
  for (const [name, value] of Object.entries(wrong)) {
    assertThrows(() => new World({ network: { [name]: value } }), RangeError, name);
  }
  for (const pieces of [0, 0.5, [0, 5], [3, 2]] as const) {
    assertThrows(() => new World({ network: { pieces } }), RangeError, "pieces");
  }
});

Deno.test("what belonged to a process that is dead can be disposed", async () => {
  await using world = new World();
  await using _broker = await world.startBroker();
  const meter = world.process("meter");
  using store = meter.openStore("meter.db");
  await using client = await connect(meter.server(), { ...METER, store });
  const closing = client.disconnect();
  meter.kill("silent");
  await closing;
  world.crashBroker();
});

Deno.test("a broker that shuts down ends, though a connection is stalled", async () => {
  await using world = new World();
  await using broker = await world.startBroker();
  await using client = await connect(world.server(), METER);
  world.stall(client);
  await broker.shutDown();
  assert(world.now <= 2000, `${world.now}`);
});

Deno.test("a broker has a process, which sleeps and has a clock on the wall as others have", async () => {
  await using world = new World();
  await world.startBroker();
  await using client = await connect(world.server(), { ...METER, keepAlive: 10 });
  const machine = world.process("broker");
  machine.suspend();
  await world.advance(10_000);
  machine.jumpWallClock(5000);
  assertEquals([machine.date, client.state], [world.date + 5000, "connected"]);
  await world.advance(10_000);
  assertEquals(client.state, "reconnecting");
  machine.resume();
  await world.until(client.once("connected"));
  world.crashBroker();
  assertEquals([world.process("broker").isAlive, machine.isAlive], [false, false]);
});

Deno.test("a partition of a name that nothing has is refused, with the names that there are", async () => {
  await using world = new World();
  assertThrows(
    () => world.partition("meter"),
    RangeError,
    'The world has no process "meter": nothing is in it yet',
  );
  await world.startBroker();
  world.process("meter");
  world.server("later");
  for (const part of [() => world.partition("metre"), () => world.heal("broker", "metre")]) {
    assertThrows(
      part,
      RangeError,
      'The world has no process "metre": it has "application", "broker", "later", "meter"',
    );
  }
  world.partition("meter", "later");
  world.heal("meter", "later");
  world.heal();
});
