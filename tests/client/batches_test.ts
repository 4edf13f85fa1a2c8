// More Topic Filters than a server takes in one packet: they are asked for in several, all of it is
// granted or none, and after a lost connection only what was not answered is asked for again.

import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { RefusedError } from "../../src/errors.ts";
import { PacketTooLargeError } from "../../src/errors.ts";
import type { Packet } from "../../src/packets/mod.ts";
import { assertPending, Loop, outcome, settle, test } from "./world.ts";

const SESSION = { sessionExpiryInterval: 60 } as const;
const NINE = ["a", "b", "c", "d", "e", "f", "g", "h", "i"] as const;

function filtersOf(packets: readonly Packet[]): (readonly string[])[] {
  return packets.map((packet) => {
    if (packet.type === "unsubscribe") return packet.topicFilters;
    if (packet.type !== "subscribe") throw new Error(packet.type);
    return packet.subscriptions.map(({ topicFilter }) => topicFilter);
  });
}

test("subscribe() sends at most eight Topic Filters in a packet, without waiting, each with the same properties", async (world) => {
  const { client, peer } = await world.connected();
  const subscribed = client.subscribe(NINE, { qos: 1, userProperties: [["k", "v"]] });
  const packets = await peer.takePackets();
  assertEquals(filtersOf(packets), [NINE.slice(0, 8), ["i"]]);
  for (const packet of packets) {
    assertEquals((packet as Packet & { type: "subscribe" }).properties, {
      subscriptionIdentifiers: [1],
      userProperties: [["k", "v"]],
    });
  }
  const [first, second] = packets as (Packet & { type: "subscribe" })[];
  // The answers may come in any order.
  peer.send({ type: "suback", packetId: second!.packetId, reasonCodes: [0] });
  await assertPending(subscribed);
  peer.send({ type: "suback", packetId: first!.packetId, reasonCodes: [1, 1, 1, 1, 1, 1, 1, 2] });
  const subscription = await subscribed;
  assertEquals(subscription.reasonCodes, [1, 1, 1, 1, 1, 1, 1, 2, 0]);
  assertEquals(subscription.topicFilters, NINE);
  peer.publish("i", [1]);
  assertStrictEquals((await new Loop(subscription).take()).topic, "i");
});

test("filtersPerPacket says how many filters go in one SUBSCRIBE or UNSUBSCRIBE", async (world) => {
  const { client, peer } = await world.connected({ filtersPerPacket: 2 });
  const subscribed = client.subscribe(["a", "b", "c"]);
  await peer.grant();
  await peer.grant();
  const ended = (await subscribed).unsubscribe();
  assertEquals(await peer.release(), ["a", "b"]);
  await assertPending(ended);
  assertEquals(await peer.release(), ["c"]);
  await ended;
  const released = client.unsubscribe(["x", "y", "z"]);
  await peer.release(0x11);
  await peer.release();
  assertEquals(await released, [0x11, 0x11, 0x00]);
});

test("filtersPerPacket may be without limit, and is refused when it is no count", async (world) => {
  const { client, peer } = await world.connected({ filtersPerPacket: Infinity });
  void client.subscribe(NINE).catch(() => {});
  assertEquals(filtersOf(await peer.takePackets()), [[...NINE]]);
  for (const filtersPerPacket of [0, -1, 1.5, NaN]) {
    const error = assertThrows(() => world.client({ filtersPerPacket }), RangeError);
    assertStrictEquals(
      error.message,
      `filtersPerPacket must be a whole number from 1 on, got ${filtersPerPacket}`,
    );
  }
});

test("subscribe() that is refused in one packet says for each filter what was granted, and gives it back", async (world) => {
  const { client, peer } = await world.connected({ filtersPerPacket: 2 });
  const subscribed = client.subscribe(["a", "b", "c", "d", "e"], { qos: 1 });
  await peer.grant([1, 0x87]);
  await assertPending(subscribed);
  const { packetId } = await peer.expect("subscribe");
  const properties = { reasonString: "later" };
  peer.send({ type: "suback", packetId, reasonCodes: [0x97, 0], properties });
  await assertPending(subscribed);
  await peer.grant();
  const error = await assertRejects(() => subscribed, RefusedError);
  assertEquals(error.reasonCodes, [1, 0x87, 0x97, 0, 1]);
  // The first refusal in the order of the filters, with what was said of it.
  assertStrictEquals(
    error.message,
    'The server refused to subscribe to "b": 0x87 Not authorized',
  );
  assertEquals(await peer.release(), ["a", "d"]);
  assertEquals(await peer.release(), ["e"]);
  await peer.expectNothing();
  peer.far.cut();
  await (await world.accept()).expectNothing();
});

test("subscribe() sends nothing when one of its packets cannot be sent", async (world) => {
  const properties = { wildcardSubscriptionAvailable: false, maximumPacketSize: 60 };
  const { client, peer } = await world.connected({ filtersPerPacket: 1 }, { properties });
  await assertRejects(() => client.subscribe(["a", "b", "c/#"]), TypeError, '"c/#"');
  await assertRejects(() => client.subscribe(["a", "b".repeat(60)]), PacketTooLargeError);
  await assertRejects(() => client.unsubscribe(["a", "b".repeat(60)]), PacketTooLargeError);
  await peer.expectNothing();
  // What fits in packets of one filter is no failure, though it would not fit in one packet.
  const subscribed = client.subscribe(["a".repeat(40), "b".repeat(40)]);
  await peer.grant();
  await peer.grant();
  await subscribed;
});

test("subscribe() asks again only for what was not answered when the server has kept the session", async (world) => {
  const { client, peer } = await world.connected({ ...SESSION, filtersPerPacket: 2 });
  const subscribed = client.subscribe(["a", "b", "c", "d"], { qos: 1 });
  await peer.grant();
  peer.far.cut();
  const second = await world.accept({ sessionPresent: true });
  assertEquals(filtersOf(await second.takePackets()), [["c", "d"]]);
  second.far.cut();
  const third = await world.accept({ sessionPresent: true });
  await third.grant([0, 2]);
  assertEquals((await subscribed).reasonCodes, [1, 1, 0, 2]);
  await third.expectNothing();
});

test("subscribe() asks again for all of it when the server has lost the session, and forgets what the last one refused", async (world) => {
  const { client, peer } = await world.connected({ ...SESSION, filtersPerPacket: 2 });
  const subscribed = client.subscribe(["a", "b", "c"], { qos: 1 });
  await peer.grant([1, 0x97]);
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  assertEquals(filtersOf([await second.grant(), await second.grant()]), [["a", "b"], ["c"]]);
  assertEquals((await subscribed).reasonCodes, [1, 1, 1]);
});

test("subscribe() is over when the filters that were not answered have been unsubscribed from meanwhile", async (world) => {
  const { client, peer } = await world.connected({ ...SESSION, filtersPerPacket: 1 });
  const subscribed = client.subscribe(["a", "b"]);
  await peer.grant();
  peer.far.cut();
  await settle();
  const released = client.unsubscribe("b");
  const second = await world.accept({ sessionPresent: true });
  assertEquals(await second.release(), ["b"]);
  await released;
  assertEquals((await subscribed).topicFilters, ["a"]);
  await second.expectNothing();
});

test("A client subscribes again in packets of that size, and a refused one leaves the others", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe(NINE);
  await peer.grant();
  await peer.grant();
  const subscription = await subscribed;
  peer.far.cut();
  const second = await world.accept({ sessionPresent: false });
  assertEquals(filtersOf([await second.grant()]), [NINE.slice(0, 8)]);
  await second.grant([0x87]);
  assertEquals(subscription.topicFilters, NINE.slice(0, 8));
  assertEquals(
    world.told.flatMap(({ type, detail }) => type === "refused" ? [detail.topicFilter] : []),
    ["i"],
  );
  second.far.cut();
  const third = await world.accept({ sessionPresent: true });
  await third.expectNothing();
});

test("A server that takes the client and closes at once is not taken to have refused what could not be asked any more", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const subscribed = client.subscribe(["a", "b"]);
  await peer.grant();
  const subscription = await subscribed;
  peer.far.cut();
  await settle();
  const later = client.subscribe("c");
  const released = client.unsubscribe("x");
  const second = await world.peer();
  await second.expect("connect");
  second.send({ type: "connack", sessionPresent: true }, {
    type: "disconnect",
    reasonCode: 0x89,
  });
  assertStrictEquals((await outcome(later)).status, "pending");
  const third = await world.accept({ sessionPresent: true });
  assertEquals(await third.release(), ["x"]);
  await released;
  assertEquals(filtersOf([await third.grant()]), [["c"]]);
  await later;
  assertEquals(subscription.topicFilters, ["a", "b"]);
  await third.expectNothing();
});
