// What throws within the broker ends one connection, at most, and is told: never the process, never
// anybody else's message, and nothing is half done.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { type ErrorContext, serve, type Transport } from "../../src/broker/mod.ts";
import { ServerConnection } from "../../src/session/server_connection.ts";
import { Pending } from "./pending.ts";
import { publishOf, textOf } from "./client.ts";
import { World } from "./world.ts";

/** As V8 throws it where a program calls itself too deeply. */
const overflow = new RangeError("Maximum call stack size exceeded");

/** An `onError` that remembers what it is told. */
function witness() {
  const told: [unknown, ErrorContext][] = [];
  const onError = (error: unknown, context: ErrorContext) => void told.push([error, context]);
  return { told, onError };
}

/** `method` of every connection throws while `body` runs. */
async function failing(
  method: "suback" | "publish" | "trySendEncoded" | "disconnect",
  isAffected: (connection: ServerConnection) => boolean,
  body: () => Promise<void>,
): Promise<void> {
  const { prototype } = ServerConnection;
  const original = prototype[method];
  const isOwn = Object.hasOwn(prototype, method);
  Object.defineProperty(prototype, method, {
    configurable: true,
    writable: true,
    value(this: ServerConnection, ...args: unknown[]) {
      if (isAffected(this)) throw overflow;
      return Reflect.apply(original, this, args);
    },
  });
  try {
    await body();
  } finally {
    if (isOwn) Object.defineProperty(prototype, method, { value: original });
    else delete (prototype as Partial<ServerConnection>)[method];
  }
}

Deno.test("A message too large for one client, with or without a Topic Alias, is dropped for that client only [MQTT-3.1.2-25]", async () => {
  const { told, onError } = witness();
  await using world = new World({ topicAliases: "automatic", onError });
  const properties = { maximumPacketSize: 60, topicAliasMaximum: 1 };
  const small = await world.connect("small", { properties });
  const other = await world.connect("other");
  for (const client of [small, other]) await client.subscribe("t");
  const publisher = await world.connect("publisher");
  for (const size of [5, 100, 6]) await publisher.publish("t", "x".repeat(size));
  publisher.expectNothing();
  assertEquals((await other.receiveTexts()).map(({ length }) => length), [5, 100, 6]);
  assertEquals(
    (await small.receive()).map((message) => [message.topic, textOf(message).length]),
    [["t", 5], ["", 6]],
  );
  assertStrictEquals(world.engine.statistics.dropped, 1);
  assertEquals(told, []);
});

for (const isThere of [false, true]) {
  Deno.test(`A client whose CONNACK cannot be sent changes nothing, ${isThere ? "though another has its session" : "though a message comes for its session in the same turn"}`, async () => {
    const { told, onError } = witness();
    const pending = new Pending<boolean>();
    let isAsked = false;
    await using world = new World({
      onError,
      authenticate: ({ clientId }) => isAsked && clientId === "c" ? pending.ask("c") : true,
      authorizePublish: (_client, { topic }) => topic === "slow" ? pending.ask("slow") : true,
    });
    const properties = { sessionExpiryInterval: 3600 };
    const client = await world.connect("c", { properties });
    await client.subscribe("slow", { qos: 1 });
    if (!isThere) await client.cut();
    const publisher = await world.connect("publisher");
    await publisher.send(publishOf("slow", "1", { qos: 1, packetId: 1 }));
    isAsked = true;
    const next = await world.ask("c", { properties: { ...properties, maximumPacketSize: 4 } });
    pending.answer(true, "c");
    pending.answer(true, "slow");
    await world.settle();
    next.expectClosed();
    assertStrictEquals(publisher.expect("puback").reasonCode, 0x00);
    isAsked = false;
    if (isThere) assertEquals(await client.receiveTexts(), ["1"]);
    const back = isThere ? client : await world.connect("c", { properties });
    assertEquals(await back.receiveTexts(), isThere ? [] : ["1"]);
    assertEquals(told, []);
  });
}

Deno.test("A client whose SUBACK is too large for it is granted no subscription, and loses none", async () => {
  await using world = new World();
  const properties = { sessionExpiryInterval: 3600, maximumPacketSize: 40 };
  const client = await world.connect("c", { properties });
  const filters = Array.from({ length: 50 }, (_, index) => `t${index}`);
  await client.subscribe("t0");
  await client.subscribe("t1");
  const requests = filters.map((topicFilter) => ({ topicFilter, qos: 1 }) as const);
  await client.send({ type: "subscribe", packetId: 9, subscriptions: requests });
  client.expectClosed();
  assertStrictEquals(world.engine.statistics.subscriptions, 2);
  const again = await world.connect("c", { properties });
  await again.send({ type: "unsubscribe", packetId: 9, topicFilters: filters });
  again.expectClosed();
  assertStrictEquals(world.engine.statistics.subscriptions, 2);
});

Deno.test("A Will refused with a Reason Code that CONNACK does not have is refused with 0x87", async () => {
  const { told, onError } = witness();
  await using world = new World({ onError, authorizePublish: () => 0x91 });
  const client = await world.ask("c", { will: { topic: "t" } });
  client.expectRefusal(0x87);
  assertEquals(told, []);
});

Deno.test("A connection that fails during routing is closed with 0x83 and reported, and the others receive the message", async () => {
  for (const qos of [0, 1] as const) {
    const { told, onError } = witness();
    await using world = new World({ onError });
    const members = new Map<string, Awaited<ReturnType<typeof world.connect>>>();
    for (const name of ["a", "bad", "z"]) {
      const client = await world.connect(name, { properties: { sessionExpiryInterval: 60 } });
      await client.subscribe("t", { qos });
      members.set(name, client);
    }
    const publisher = await world.connect("publisher");
    let count = 0;
    // The second of the three connections that are given the message.
    await failing(qos === 0 ? "trySendEncoded" : "publish", () => count++ === 1, async () => {
      assertStrictEquals(await publisher.publish("t", "1", { qos }), 0x00);
    });
    const bad = members.get("bad")!;
    bad.expectDisconnect(0x83);
    for (const name of ["a", "z"]) assertEquals(await members.get(name)!.receiveTexts(), ["1"]);
    assertEquals(
      told.map(([error, { what, client }]) => [error, what, client?.clientId]),
      [[overflow, "the connection", "bad"]],
    );
    assertStrictEquals(world.engine.statistics.clients, 3);
    publisher.expectNothing();
  }
});

Deno.test("A stack overflow is reported, and not mistaken for a packet that is too large", async () => {
  const { told, onError } = witness();
  await using world = new World({ onError });
  const client = await world.connect("c");
  await failing("suback", () => true, async () => {
    await client.send({
      type: "subscribe",
      packetId: 1,
      subscriptions: [{ topicFilter: "t" }],
    });
  });
  client.expectDisconnect(0x83);
  assertEquals(told.map(([error, { client }]) => [error, client?.clientId]), [[overflow, "c"]]);
});

Deno.test("A client whose DISCONNECT cannot be sent at shutdown does not prevent the others' DISCONNECT", async () => {
  const { told, onError } = witness();
  await using world = new World({ onError });
  const clients = [await world.connect("a"), await world.connect("b"), await world.connect("c")];
  let count = 0;
  await failing("disconnect", () => count++ === 0, async () => {
    world.engine.shutDown();
    await world.settle();
  });
  assert(clients.every(({ link }) => link.isOver));
  assertStrictEquals(told.length, 1);
});

Deno.test("A connection for which intercept() throws is closed and reported, and the next one is served", async () => {
  const { told, onError } = witness();
  let count = 0;
  const intercept = (transport: Transport) => {
    if (count++ === 0) throw overflow;
    return transport;
  };
  await using broker = await serve({
    listeners: [],
    limits: { connections: 1 },
    intercept,
    onError,
  });
  assertStrictEquals(await broker.connect().read(), undefined);
  assertEquals(told, [[overflow, { what: "intercept", client: undefined }]]);
  await using client = await connect(broker);
  await client.publish("t", "1", { qos: 1 });
});
