// Which packets the page joins.

import { assertEquals } from "@std/assert";
import type { PageEntry } from "../../../../src/cli/inspect/page/events.ts";
import { Exchanges } from "../../../../src/cli/inspect/page/exchanges.js";
import { event, packet } from "./entries.ts";

/** The numbers of the entries of each exchange. */
function exchangesOf(entries: readonly PageEntry[]): readonly (readonly number[])[] {
  const exchanges = new Exchanges();
  const found = entries.map((entry) => exchanges.add(entry)?.exchange);
  return [...new Set(found)].flatMap((exchange) =>
    exchange === undefined ? [] : [exchange.members]
  );
}

Deno.test("the page joins PUBLISH, PUBREC, PUBREL and PUBCOMP, in both directions, by their identifier", () => {
  const found = exchangesOf([
    packet(1, "PUBLISH", { qos: 2, packetId: 7 }),
    packet(2, "PUBLISH", { qos: 2, packetId: 7, from: "server" }),
    packet(3, "PUBREC", { packetId: 7, from: "server" }),
    packet(4, "PUBREC", { packetId: 7 }),
    packet(5, "PUBREL", { packetId: 7 }),
    packet(6, "PUBCOMP", { packetId: 7, from: "server" }),
    packet(7, "PUBREL", { packetId: 7, from: "server" }),
    packet(8, "PUBCOMP", { packetId: 7 }),
  ]);
  assertEquals(found, [[1, 3, 5, 6], [2, 4, 7, 8]]);
});

Deno.test("an identifier that is used again after its acknowledgement begins another exchange", () => {
  const found = exchangesOf([
    packet(1, "PUBLISH", { qos: 1, packetId: 7 }),
    packet(2, "PUBACK", { packetId: 7, from: "server" }),
    packet(3, "PUBLISH", { qos: 1, packetId: 7 }),
    packet(4, "PUBACK", { packetId: 7, from: "server" }),
    packet(5, "PUBACK", { packetId: 7, from: "server" }),
  ]);
  assertEquals(found, [[1, 2], [3, 4]]);
});

Deno.test("a PUBREC that refuses ends its exchange", () => {
  const reason = { code: 0x87, name: "Not authorized" };
  const found = exchangesOf([
    packet(1, "PUBLISH", { qos: 2, packetId: 7 }),
    packet(2, "PUBREC", { packetId: 7, from: "server", reason }),
    packet(3, "PUBREL", { packetId: 7 }),
  ]);
  assertEquals(found, [[1, 2]]);
});

Deno.test("a PUBLISH with DUP joins the one that it repeats, on the next connection of the client too", () => {
  const exchanges = new Exchanges();
  const entries = [
    packet(1, "CONNECT", { clientId: "a" }),
    packet(2, "PUBLISH", { qos: 1, packetId: 7 }),
    event(3, "closed"),
    packet(4, "CONNECT", { clientId: "a", connection: 2 }),
    packet(5, "PUBLISH", { qos: 1, packetId: 7, dup: true, connection: 2 }),
    packet(6, "PUBACK", { packetId: 7, from: "server", connection: 2 }),
  ];
  const memberships = entries.map((entry) => exchanges.add(entry));
  assertEquals(memberships[1]?.exchange.members, [2, 5, 6]);
  assertEquals(memberships.map((membership) => membership?.isRepeated), [
    false,
    false,
    undefined,
    false,
    true,
    false,
  ]);
  assertEquals(memberships[1]?.exchange.isDone, true);
});

Deno.test("a second PUBREL is known to be one", () => {
  const exchanges = new Exchanges();
  exchanges.add(packet(1, "PUBLISH", { qos: 2, packetId: 7 }));
  assertEquals(exchanges.add(packet(2, "PUBREL", { packetId: 7 }))?.isRepeated, false);
  assertEquals(exchanges.add(packet(3, "PUBREL", { packetId: 7 }))?.isRepeated, true);
});

Deno.test("exchanges of a connection without a Client Identifier end with it", () => {
  const found = exchangesOf([
    packet(1, "PUBLISH", { qos: 1, packetId: 7 }),
    event(2, "closed"),
    packet(3, "PUBACK", { packetId: 7, from: "server" }),
  ]);
  assertEquals(found, [[1]]);
});

Deno.test("the page joins requests with their answers, and AUTH with the CONNECT or the round it is in", () => {
  const success = { code: 0, name: "Success" };
  const found = exchangesOf([
    packet(1, "CONNECT"),
    packet(2, "AUTH", { from: "server" }),
    packet(3, "AUTH"),
    packet(4, "CONNACK", { from: "server" }),
    packet(5, "SUBSCRIBE", { packetId: 1 }),
    packet(6, "PINGREQ"),
    packet(7, "UNSUBSCRIBE", { packetId: 2 }),
    packet(8, "PINGRESP", { from: "server" }),
    packet(9, "UNSUBACK", { packetId: 2, from: "server" }),
    packet(10, "SUBACK", { packetId: 1, from: "server" }),
    packet(11, "AUTH"),
    packet(12, "AUTH", { from: "server" }),
    packet(13, "AUTH"),
    packet(14, "AUTH", { from: "server", reason: success }),
    packet(15, "AUTH"),
    packet(16, "DISCONNECT"),
  ]);
  assertEquals(found, [[1, 2, 3, 4], [5, 10], [6, 8], [7, 9], [11, 12, 13, 14], [15]]);
});

Deno.test("of one exchange at most 200 packets are remembered, the first of them always", () => {
  const exchanges = new Exchanges();
  const first = exchanges.add(packet(1, "PUBLISH", { qos: 1, packetId: 7 }));
  for (let n = 2; n <= 500; n++) {
    exchanges.add(packet(n, "PUBLISH", { qos: 1, packetId: 7, dup: true }));
  }
  const members = first?.exchange.members ?? [];
  assertEquals([members.length, members[0], members.at(-1)], [200, 1, 500]);
});
