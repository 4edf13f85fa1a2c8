// What the reader of the page can filter by.

import { assertEquals } from "@std/assert";
import type { ConnectionRow, PageEntry } from "../../../../src/cli/inspect/page/events.ts";
import {
  isFaulty,
  matches,
  matchesTopic,
  parseFilter,
} from "../../../../src/cli/inspect/page/filter.js";
import { event, packet } from "./entries.ts";

const FINDING = {
  statement: "MQTT-3.3.4-9",
  section: "3.3.4",
  severity: "violation",
  by: "client",
  message: "The Client sends too much",
} as const;

const CONNECTION: ConnectionRow = {
  id: 1,
  client: "10.0.0.8:1234",
  server: "broker:1883",
  listener: "mqtt://127.0.0.1:1884",
  protocol: "MQTT 5.0",
  clientId: "Thermostat-7",
  isOpen: true,
  fault: null,
  openedAt: 0,
  closedAt: null,
  keepAlive: 60,
  sent: { client: { packets: 0, bytes: 0 }, server: { packets: 0, bytes: 0 } },
  lastAt: { client: null, server: null },
  findings: 0,
};

const ENTRIES: readonly PageEntry[] = [
  event(1, "opened"),
  packet(2, "PUBLISH", {
    topic: "home/kitchen/set",
    qos: 2,
    packetId: 7,
    retain: true,
    payload: { size: 5, text: "Hello", isCut: false },
  }),
  packet(3, "PUBLISH", { topic: "a:b c", qos: 0, dup: true, from: "server" }),
  packet(4, "SUBSCRIBE", { topics: ["home/+/set", "$SYS/#", "constructor:x"], packetId: 7 }),
  packet(5, "PUBACK", { packetId: 70, findings: [FINDING] }),
  packet(6, "", { isPacket: false }),
];

function shown(filter: string): readonly number[] {
  const terms = parseFilter(filter);
  return ENTRIES.filter((entry) => matches(terms, entry, CONNECTION)).map(({ n }) => n);
}

Deno.test("a filter shows what has all of its words: of topics, payloads, findings and rules", () => {
  assertEquals(shown(""), [1, 2, 3, 4, 5, 6]);
  assertEquals(shown("HELLO"), [2]);
  assertEquals(shown("home set"), [2, 4]);
  assertEquals(shown("sends 3.3.4-9"), [5]);
  assertEquals(shown("thermostat"), [1, 2, 3, 4, 5, 6]);
  assertEquals(shown('"b c"'), [3]);
  assertEquals(shown("-home"), [1, 3, 5, 6]);
  assertEquals(shown("nothing"), []);
});

Deno.test("a filter goes by type, client, topic, identifier, QoS, sender and marks", () => {
  assertEquals(shown("type:publish"), [2, 3]);
  assertEquals(shown("type:opened"), [1]);
  assertEquals(shown("client:10.0.0.8 type:PUBACK"), [5]);
  assertEquals(shown("client:other"), []);
  assertEquals(shown("topic:home/#"), [2, 4]);
  assertEquals(shown("topic:$SYS/#"), [4]);
  assertEquals(shown("topic:Home/#"), []);
  assertEquals(shown("id:7"), [2, 4]);
  assertEquals(shown("qos:0"), [3]);
  assertEquals(shown("from:server"), [3]);
  assertEquals(shown("-from:client -type:opened"), [3]);
  assertEquals(shown("is:dup"), [3]);
  assertEquals(shown("is:retain"), [2]);
  assertEquals(shown("is:finding"), [5]);
  assertEquals(shown("is:fault"), [5, 6]);
  assertEquals(shown("is:nothing"), []);
});

Deno.test("a colon without a key is one of a topic, and half a filter is none", () => {
  assertEquals(shown("a:b"), [3]);
  assertEquals(shown("type:"), [1, 2, 3, 4, 5, 6]);
  assertEquals(shown("-"), [1, 2, 3, 4, 5, 6]);
  assertEquals(shown('"'), [1, 2, 3, 4, 5, 6]);
  assertEquals(shown("constructor:x"), [4]);
});

Deno.test("the page matches topics as the standard says, $ topics only by their own first level", () => {
  assertEquals(matchesTopic("a/+/c", "a/b/c"), true);
  assertEquals(matchesTopic("a/+", "a/b/c"), false);
  assertEquals(matchesTopic("a/#", "a"), true);
  assertEquals(matchesTopic("+/+", "/"), true);
  assertEquals(matchesTopic("#", "$SYS/a"), false);
  assertEquals(matchesTopic("+/a", "$SYS/a"), false);
  assertEquals(matchesTopic("$SYS/#", "$SYS/a"), true);
  assertEquals(matchesTopic("a/b", "a/b/c"), false);
  assertEquals(matchesTopic("a/b/c", "a/b"), false);
});

Deno.test("faulty are packets with findings, bytes that are no packet, gaps and broken connections", () => {
  assertEquals(ENTRIES.filter(isFaulty).map(({ n }) => n), [5, 6]);
  assertEquals(isFaulty(packet(1, "PUBLISH", { fault: "cannot be decoded" })), true);
  const place = { n: 1, connection: 1, time: 1 };
  assertEquals(isFaulty({ ...place, type: "closed", fault: "reset" }), true);
  assertEquals(isFaulty({ ...place, type: "closed", findings: [] }), true);
  assertEquals(isFaulty({ ...place, type: "missing", from: "client", count: 1 }), true);
  assertEquals(isFaulty({ ...place, type: "ended", from: "client" }), false);
});
