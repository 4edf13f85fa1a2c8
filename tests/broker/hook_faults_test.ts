// What hooks do wrong: they throw, reject, talk nonsense, never answer. It costs that one request,
// whoever is there stays, and it is told.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { BrokerHooks, BrokerOptions, ClientInfo, ErrorContext } from "../../src/broker/mod.ts";
import { Pending } from "./pending.ts";
import { World } from "./world.ts";

/** Longer than a hook may take, in milliseconds. */
const LONG = 10_001;

const failure = new Error("The hook has failed");

/** The ways to fail, with the name of the error that is told. */
const FAULTS: readonly (readonly [string, () => unknown, string])[] = [
  ["throws", () => {
    throw failure;
  }, "Error"],
  ["rejects", () => Promise.reject(failure), "Error"],
  ["talks nonsense", () => "yes", "TypeError"],
  ["talks nonsense later", () => Promise.resolve({}), "TypeError"],
  ["never answers", () => new Promise(() => {}), "TimeoutError"],
];

/**
 * A world with one hook that goes wrong whenever "bad" is in what it is told, and all errors that
 * are told.
 */
function faultyWorld(
  name: keyof BrokerHooks,
  fault: () => unknown,
): { readonly world: World; readonly told: [unknown, ErrorContext][] } {
  const told: [unknown, ErrorContext][] = [];
  const options = {
    [name]: (...args: unknown[]) => JSON.stringify(args).includes("bad") ? fault() : true,
    onError: (error: unknown, context: ErrorContext) => void told.push([error, context]),
  } as BrokerOptions;
  return { world: new World(options), told };
}

function assertTold(
  told: readonly [unknown, ErrorContext][],
  what: string,
  error: string,
  clientId: string,
): void {
  assertEquals(
    told.map(([error, { what, client }]) => [(error as Error).name, what, client?.clientId]),
    [[error, what, clientId]],
  );
}

for (const [way, fault, error] of FAULTS) {
  Deno.test(`authenticate() that ${way} refuses that client, and its error is reported`, async () => {
    const { world, told } = faultyWorld("authenticate", fault);
    await using _ = world;
    const bad = await world.ask("bad");
    await world.advance(LONG);
    bad.expectRefusal(0x87);
    assertTold(told, "authenticate", error, "bad");
    await world.connect("good");
  });

  Deno.test(`authenticateStep() that ${way} refuses that client, and its error is reported`, async () => {
    const { world, told } = faultyWorld("authenticateStep", fault);
    await using _ = world;
    const bad = await world.ask("bad", { properties: { authenticationMethod: "m" } });
    await world.advance(LONG);
    bad.expectRefusal(0x87);
    assertTold(told, "authenticateStep", error, "bad");
  });

  Deno.test(`authorizePublish() that ${way} refuses that message, and its error is reported`, async () => {
    const { world, told } = faultyWorld("authorizePublish", fault);
    await using _ = world;
    const client = await world.connect("c");
    await client.subscribe("#");
    const message = { type: "publish", qos: 1 } as const;
    await client.send(
      { ...message, topic: "bad", packetId: 1 },
      { ...message, topic: "a", packetId: 2 },
    );
    await world.advance(LONG);
    assertStrictEquals(client.take("puback").reasonCode, 0x87);
    assertStrictEquals(client.take("puback").reasonCode, 0x00);
    client.expectMessage("a");
    client.expectNothing();
    assertTold(told, "authorizePublish", error, "c");
  });

  Deno.test(`authorizeSubscribe() that ${way} refuses that subscription, and its error is reported`, async () => {
    const { world, told } = faultyWorld("authorizeSubscribe", fault);
    await using _ = world;
    const client = await world.connect("c");
    const subscriptions = ["a", "bad", "b"].map((topicFilter) => ({ topicFilter }));
    await client.send({ type: "subscribe", packetId: 1, subscriptions });
    await world.advance(LONG);
    assertEquals(client.expect("suback").reasonCodes, [0x00, 0x87, 0x00]);
    assertTold(told, "authorizeSubscribe", error, "c");
  });
}

for (const name of ["onConnect", "onDisconnect", "onMessage"] as const) {
  for (const [way, fault, error] of FAULTS.slice(0, 2)) {
    Deno.test(`${name}() that ${way} changes nothing, and its error is reported`, async () => {
      const { world, told } = faultyWorld(name, fault);
      await using _ = world;
      const client = await world.connect("bad");
      await client.subscribe("a");
      assertStrictEquals(await client.publish("a", "1", { qos: 1 }), 0);
      client.expectMessage("a", "1");
      await client.disconnect();
      assertStrictEquals(world.engine.statistics.clients, 0);
      assertTold(told, name, error, "bad");
    });
  }
}

for (const [way, fault] of FAULTS.slice(0, 2)) {
  Deno.test(`onError() that ${way} ends nothing: both errors are written to the console`, async () => {
    await using world = new World({
      authenticate: ({ clientId }) => {
        if (clientId === "bad") throw new RangeError("No such user");
        return true;
      },
      onError: fault as () => void,
    });
    (await world.ask("bad")).expectRefusal(0x87);
    await world.connect("good");
    assertEquals(world.lines, [
      'mqtt5: error in authenticate, client "bad", here: RangeError: No such user',
      'mqtt5: error in onError, client "bad", here: Error: The hook has failed',
    ]);
  });
}

Deno.test("Errors are written to the console, at most ten lines a minute, followed by the number of those left out", async () => {
  await using world = new World({
    authorizePublish: () => {
      throw new Error("over\nwritten \x1b[2J\u202E");
    },
  });
  const client = await world.connect("c");
  for (let count = 0; count < 25; count++) await client.publish("a");
  const line =
    'mqtt5: error in authorizePublish, client "c", here: Error: over\\u{A}written \\u{1B}[2J\\u{202E}';
  assertEquals(world.lines.splice(0), Array(10).fill(line));
  await world.advance(60_000);
  assertEquals(world.lines.splice(0), ["mqtt5: 15 more errors in the last minute, not shown"]);
  await client.publish("a");
  assertEquals(world.lines.splice(0), [line]);
  await world.advance(60_000);
  assertEquals(world.lines, []);
});

Deno.test("An error that cannot be converted to a string is reported, and a long one is truncated", async () => {
  const errors: unknown[] = [
    {
      toString: () => {
        throw new Error("no");
      },
    },
    "x".repeat(100_000),
  ];
  await using world = new World({
    authorizePublish: () => {
      throw errors.shift();
    },
  });
  const client = await world.connect("c");
  await client.publish("a");
  await client.publish("a");
  assert(world.lines[0]!.endsWith("an error that cannot be converted to a string"), world.lines[0]);
  assert(world.lines[1]!.length < 600);
});

Deno.test("A hook that answers after its timeout changes nothing, and its error is reported", async () => {
  const told: unknown[] = [];
  const pending = new Pending<boolean>();
  await using world = new World({
    authenticate: ({ clientId }) => pending.ask(clientId),
    onError: (error, { what }) => void told.push([(error as Error).name, what]),
    limits: { hookTimeout: 500 },
  });
  const [first, second] = [await world.ask("a"), await world.ask("b")];
  await world.advance(501);
  first.expectRefusal(0x87);
  second.expectRefusal(0x87);
  pending.answer(true, "a");
  pending.fail("b");
  await world.settle();
  first.expectClosed();
  assertStrictEquals(world.engine.statistics.sessions, 0);
  assertEquals(told, [
    ["TimeoutError", "authenticate"],
    ["TimeoutError", "authenticate"],
    ["Error", "authenticate"],
  ]);
});

Deno.test("A hook that answers just before its timeout is no error", async () => {
  const pending = new Pending<boolean>();
  await using world = new World({
    authenticate: ({ clientId }: ClientInfo) => pending.ask(clientId),
  });
  const client = await world.ask("a");
  await world.advance(9999);
  pending.answer(true);
  await world.settle();
  assertStrictEquals(client.expect("connack").reasonCode, 0x00);
  await world.advance(LONG);
  client.expectNothing();
  assertEquals(world.lines, []);
});

Deno.test("A client that disconnects while a hook is pending is forgotten after one timeout, however many requests are left", async () => {
  const { world, told } = faultyWorld("authorizePublish", () => new Promise(() => {}));
  await using _ = world;
  const witness = await world.connect("witness");
  await witness.subscribe("will");
  const client = await world.connect("c", { will: { topic: "will" } });
  const messages = Array.from({ length: 50 }, () => ({ type: "publish", topic: "bad" }) as const);
  await client.send(...messages);
  await client.cut();
  assertStrictEquals(world.engine.statistics.clients, 2);
  await world.advance(10_000);
  assertStrictEquals(world.engine.statistics.clients, 1);
  assertTold(told, "authorizePublish", "TimeoutError", "c");
  witness.expectMessage("will");
});

Deno.test("Requests sent before a client disconnected are processed although a hook is slow", async () => {
  const pending = new Pending<boolean>();
  await using world = new World({ authorizePublish: (_, { topic }) => pending.ask(topic) });
  const witness = await world.connect("witness");
  await witness.subscribe("#");
  const client = await world.connect("c");
  await client.send({ type: "publish", topic: "a" }, { type: "publish", topic: "b" }, {
    type: "disconnect",
  });
  await world.advance(9_999);
  pending.answer(true, "a");
  await world.settle();
  pending.answer(true, "b");
  await world.settle();
  witness.expectMessage("a");
  witness.expectMessage("b");
});
