// What the hooks are told, and when.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { World } from "./world.ts";

Deno.test("authenticate() receives the assigned Client Identifier, the credentials, the address and the whole CONNECT", async () => {
  const told: unknown[] = [];
  await using world = new World({
    authenticate: (client, credentials, { keepAlive }) => {
      told.push(client, credentials, keepAlive);
      return true;
    },
  });
  const client = world.open("192.0.2.1:1234");
  await client.sendConnect("", { username: "u", password: Uint8Array.of(1, 2), keepAlive: 7 });
  assertEquals(told, [
    {
      clientId: "given-1",
      username: "u",
      address: "192.0.2.1:1234",
      listener: undefined,
      certificate: undefined,
      origin: undefined,
      protocolVersion: 5,
    },
    { username: "u", password: Uint8Array.of(1, 2) },
    7,
  ]);
});

Deno.test("A client may have a Password without a User Name, or neither", async () => {
  const told: unknown[] = [];
  await using world = new World({
    authenticate: (_client, { username, password }) => told.push([username, password]) > 0,
  });
  await world.connect("c", { password: Uint8Array.of(1) });
  await world.connect("d");
  assertEquals(told, [[undefined, Uint8Array.of(1)], [undefined, undefined]]);
});

Deno.test("authorizePublish() receives the Topic Name, not the alias, and the rest of the message", async () => {
  const told: unknown[] = [];
  await using world = new World({
    authorizePublish: ({ clientId, username }, { topic, payload, qos, retain }) => {
      told.push([clientId, username, topic, new TextDecoder().decode(payload), qos, retain]);
      return true;
    },
  });
  const client = await world.connect("c", { username: "u" });
  await client.publish("a", "1", { properties: { topicAlias: 1 } });
  await client.publish("", "2", { qos: 2, retain: true, properties: { topicAlias: 1 } });
  assertEquals(told, [["c", "u", "a", "1", 0, false], ["c", "u", "a", "2", 2, true]]);
});

Deno.test("authorizePublish() is called once for a QoS 2 message that is sent twice", async () => {
  let asked = 0;
  await using world = new World({ authorizePublish: () => ++asked > 0 });
  const client = await world.connect("c");
  const message = { type: "publish", topic: "a", qos: 2, packetId: 1 } as const;
  await client.send(message);
  await client.send({ ...message, dup: true });
  assertStrictEquals(asked, 1);
});

Deno.test("authorizeSubscribe() is called for each Topic Filter with its options", async () => {
  const told: unknown[] = [];
  await using world = new World({
    authorizeSubscribe: ({ clientId }, request) => told.push([clientId, request]) > 0,
  });
  const client = await world.connect("c");
  await client.subscribeAll([
    { topicFilter: "$share/g/a", qos: 2 },
    { topicFilter: "b", noLocal: true, retainHandling: 1, retainAsPublished: true },
  ]);
  const rest = { noLocal: false, retainAsPublished: false, retainHandling: 0 };
  assertEquals(told, [
    ["c", { topicFilter: "$share/g/a", qos: 2, ...rest }],
    ["c", { topicFilter: "b", qos: 0, noLocal: true, retainAsPublished: true, retainHandling: 1 }],
  ]);
});

Deno.test("onConnect, onMessage and onDisconnect are called in the order of events", async () => {
  const told: string[] = [];
  await using world = new World({
    onConnect: ({ clientId }) => void told.push(`${clientId} is there`),
    onDisconnect: ({ clientId }, why) => void told.push(`${clientId} is gone: ${why}`),
    onMessage: (client, { topic, qos, retain }) =>
      void told.push(`${client?.clientId} published ${topic} ${qos} ${retain}`),
    authorizePublish: (_client, { topic }) => topic !== "bad",
    authenticate: ({ clientId }) => clientId !== "bad",
  });
  await world.ask("bad");
  const client = await world.connect("c", { will: { topic: "will", qos: 1 } });
  await client.publish("a", "", { qos: 1, retain: true });
  await client.publish("bad", "", { qos: 1 });
  await client.cut();
  const second = await world.connect("c", { keepAlive: 10 });
  const third = await world.connect("c", { keepAlive: 10 });
  await third.disconnect(0x04);
  await second.cut();
  const fourth = await world.connect("d", { keepAlive: 10 });
  await world.advance(15_000);
  const fifth = await world.connect("d");
  await fifth.sendBytes(Uint8Array.of(0, 0));
  await world.connect("e");
  world.engine.shutDown();
  await fourth.cut();
  assertEquals(told, [
    "c is there",
    "c published a 1 true",
    "c published will 1 false",
    "c is gone: the connection broke",
    "c is there",
    "c is gone: the broker closed the connection: Session taken over",
    "c is there",
    "c is gone: the client disconnected with 0x04",
    "d is there",
    "d is gone: the client sent nothing for one and a half times its Keep Alive",
    "d is there",
    told[11]!,
    "e is there",
    "e is gone: the broker closed the connection: Server shutting down",
  ]);
  assert(told[11]!.startsWith("d is gone: "), told[11]);
});

Deno.test("onMessage receives a Will with the client as of its last connection", async () => {
  const told: unknown[] = [];
  await using world = new World({
    onMessage: (client, { topic }) => void told.push([client?.username, topic]),
  });
  const lasting = { properties: { sessionExpiryInterval: 60 } };
  const first = await world.connect("c", { username: "u", ...lasting });
  await first.cut();
  const second = await world.connect("c", { username: "v", will: { topic: "will" }, ...lasting });
  await second.cut();
  assertEquals(told, [["v", "will"]]);
});

Deno.test("onMessage is called before delivery, with whether there are subscribers", async () => {
  const order: string[] = [];
  await using world = new World({ onMessage: (_client, { topic }) => void order.push(topic) });
  const client = await world.connect("c");
  await client.publish("nobody");
  assertEquals(order, ["nobody"]);
});

Deno.test("onSubscribe() and onUnsubscribe() are told what was granted and what was ended, after the answer", async () => {
  const told: unknown[] = [];
  await using world = new World({
    authorizeSubscribe: (_client, { topicFilter }) => topicFilter !== "secret",
    onSubscribe: ({ clientId }, { topicFilter, qos, noLocal }) =>
      void told.push([clientId, topicFilter, qos, noLocal]),
    onUnsubscribe: ({ clientId }, topicFilter) => void told.push([clientId, topicFilter]),
  });
  const client = await world.connect("c", { properties: { sessionExpiryInterval: 60 } });
  await client.subscribeAll([
    { topicFilter: "a", qos: 1 },
    { topicFilter: "secret" },
    { topicFilter: "b/#", noLocal: true },
  ]);
  assertEquals(told.splice(0), [["c", "a", 1, false], ["c", "b/#", 0, true]]);
  await client.subscribe("a", { qos: 2 });
  assertEquals(told.splice(0), [["c", "a", 2, false]]);
  await client.unsubscribe("a", "never");
  assertEquals(told.splice(0), [["c", "a"]]);
  await client.cut();
  await world.connect("c", { cleanStart: true });
  assertEquals(told, []);
});

Deno.test("A failure of onSubscribe() or onUnsubscribe() is told to onError(), and the client has its answer", async () => {
  const errors: unknown[] = [];
  await using world = new World({
    onSubscribe: () => Promise.reject(new Error("late")),
    onUnsubscribe: () => {
      throw new Error("at once");
    },
    onError: (error, { what }) => void errors.push([(error as Error).message, what]),
  });
  const client = await world.connect("c");
  assertStrictEquals(await client.subscribe("a"), 0x00);
  await client.unsubscribe("a");
  assertEquals(errors, [["late", "onSubscribe"], ["at once", "onUnsubscribe"]]);
});
