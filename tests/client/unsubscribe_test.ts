// unsubscribe(): by Topic Filter, whoever has it; told to the server now or as soon as there is a connection.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { RefusedError } from "../../src/errors.ts";
import { assertPending, Loop, outcome, settle, test } from "./world.ts";

test("unsubscribe() resolves to the server's Reason Codes, also for filters that this client does not have", async (world) => {
  const { client, peer } = await world.connected();
  const userProperties = [["k", "v"]] as const;
  const ended = client.unsubscribe(["a", "b"], { userProperties });
  const { packetId, topicFilters, properties } = await peer.expect("unsubscribe");
  assertEquals(topicFilters, ["a", "b"]);
  assertEquals(properties, { userProperties });
  await assertPending(ended);
  peer.send({ type: "unsuback", packetId, reasonCodes: [0x00, 0x11] });
  assertEquals(await ended, [0x00, 0x11]);
});

test("unsubscribe() rejects with RefusedError when the server refuses", async (world) => {
  const { client, peer } = await world.connected();
  const rejected = assertRejects(() => client.unsubscribe("a"), RefusedError);
  await peer.release(0x87);
  const error = await rejected;
  assertStrictEquals(error.message, "The server refused to unsubscribe: 0x87 Not authorized");
  assertEquals(error.reasonCodes, [0x87]);
});

test("unsubscribe() refuses what is no filter, sends nothing and ends nothing", async (world) => {
  const { client, peer } = await world.connected();
  const subscribed = client.subscribe("a");
  await peer.grant();
  const subscription = await subscribed;
  for (const filters of [[], "", ["a", "b#"], [5]]) {
    await assertRejects(() => client.unsubscribe(filters as string[]), TypeError);
  }
  await assertRejects(() => client.unsubscribe("a".repeat(65_536)), RangeError);
  await assertRejects(
    () => client.unsubscribe("a", { userProperties: ["k"] as never }),
    TypeError,
  );
  await peer.expectNothing();
  peer.publish("a", [1]);
  assertStrictEquals((await new Loop(subscription).take()).topic, "a");
});

test("A Topic Filter that a subscription has twice is unsubscribed once", async (world) => {
  const { client, peer } = await world.connected();
  const subscribed = client.subscribe(["a", "b", "a"]);
  await peer.grant();
  const closed = (await subscribed)[Symbol.asyncDispose]();
  assertEquals((await peer.release()).toSorted(), ["a", "b"]);
  await closed;
});

test("unsubscribe() ends a subscription that began after one which still has another filter", async (world) => {
  const { client, peer } = await world.connected();
  const subscribed = Promise.all([client.subscribe(["a", "b"]), client.subscribe("a")]);
  await peer.grant();
  await peer.grant();
  const [staying, ending] = await subscribed;
  const steps = [new Loop(staying).next(), new Loop(ending).next()];
  const ended = client.unsubscribe("a");
  await peer.release();
  await ended;
  await assertPending(steps[0]!);
  assertEquals((await outcome(steps[1]!)).status, "fulfilled");
});

test("unsubscribe() ends the loops of the subscriptions that had the filter", async (world) => {
  const { client, peer } = await world.connected();
  const subscribed = Promise.all([client.subscribe("a"), client.subscribe(["a", "b"])]);
  await peer.grant();
  await peer.grant();
  const [one, two] = await subscribed;
  const steps = [new Loop(one).next(), new Loop(two).next()];
  const ended = client.unsubscribe("a");
  assertEquals(await peer.release(), ["a"]);
  await ended;
  assertEquals(await outcome(steps[0]!), {
    status: "fulfilled",
    value: { value: undefined, done: true },
  });
  await assertPending(steps[1]!);
  assertEquals(one.topicFilters, []);
  assertEquals(two.topicFilters, ["b"]);
  // What is ended is not subscribed to again, what is not is.
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  assertEquals((await second.grant()).subscriptions.map(({ topicFilter }) => topicFilter), ["b"]);
  await second.expectNothing();
});

test("unsubscribe() ends its wait when its signal aborts, and the server is told all the same", async (world) => {
  const { client, peer } = await world.connected({ sessionExpiryInterval: 60 });
  const reason = new Error("enough");
  const late = { signal: AbortSignal.abort(reason) };
  assertStrictEquals(await assertRejects(() => client.unsubscribe("a", late)), reason);
  await peer.expectNothing();
  const abort = new AbortController();
  const ended = client.unsubscribe("a", { signal: abort.signal });
  await peer.expect("unsubscribe");
  abort.abort(reason);
  assertStrictEquals(await assertRejects(() => ended), reason);
  peer.far.cut();
  const second = await world.accept({ sessionPresent: true });
  assertEquals(await second.release(), ["a"]);
});

test("unsubscribe() without connection waits for the next; a server that has lost the session had no such subscription", async (world) => {
  const { client, peer } = await world.connected({ sessionExpiryInterval: 60 });
  peer.far.cut();
  await settle();
  const first = client.unsubscribe("a");
  await assertPending(first);
  const second = await world.accept({ sessionPresent: true });
  assertEquals(await second.release(), ["a"]);
  assertEquals(await first, [0x00]);
  second.far.cut();
  await settle();
  const last = client.unsubscribe(["a", "b"]);
  const third = await world.accept({ sessionPresent: false });
  assertEquals(await last, [0x11, 0x11]);
  await third.expectNothing();
});

test("subscribe() and unsubscribe() of the same filter without connection both end", async (world) => {
  const { client, peer } = await world.connected({ sessionExpiryInterval: 60 });
  peer.far.cut();
  await settle();
  const subscribed = client.subscribe("a");
  const ended = client.unsubscribe("a");
  const second = await world.accept({ sessionPresent: true });
  for (const packet of await second.takePackets()) {
    if (packet.type !== "unsubscribe" && packet.type !== "subscribe") continue;
    const type = packet.type === "subscribe" ? "suback" : "unsuback";
    second.send({ type, packetId: packet.packetId, reasonCodes: [0] });
  }
  assertStrictEquals((await outcome(ended)).status, "fulfilled");
  assertStrictEquals((await outcome(subscribed)).status, "fulfilled");
});

test("unsubscribe() from what an older session has leaves what still comes to client.messages", async (world) => {
  const { client, peer } = await world.connected(
    { clientId: "c", cleanStart: false, sessionExpiryInterval: 3600 },
    { sessionPresent: true },
  );
  const ended = client.unsubscribe("a");
  const { packetId } = await peer.expect("unsubscribe");
  peer.publish("a", undefined, { qos: 1, packetId: 9 });
  await peer.expectNothing();
  peer.send({ type: "unsuback", packetId, reasonCodes: [0x00] });
  await ended;
  const loop = new Loop(client.messages);
  assertStrictEquals((await loop.take()).topic, "a");
  void loop.next();
  assertStrictEquals((await peer.expect("puback")).packetId, 9);
});
