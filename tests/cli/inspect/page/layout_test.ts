// Where the rows of the page's diagram lie.

import { assertEquals } from "@std/assert";
import type { PageEntry } from "../../../../src/cli/inspect/page/events.ts";
import { Exchanges } from "../../../../src/cli/inspect/page/exchanges.js";
import {
  gapText,
  LANES,
  Layout,
  remarksHeight,
  remarksOf,
} from "../../../../src/cli/inspect/page/layout.js";
import { event, packet } from "./entries.ts";

const FINDING = {
  statement: "MQTT-3.3.4-9",
  section: "3.3.4",
  severity: "violation",
  by: "client",
  message: "The Client sends too much",
} as const;

function layoutOf(entries: readonly PageEntry[]): Layout {
  const exchanges = new Exchanges();
  const layout = new Layout(exchanges);
  for (const entry of entries) {
    exchanges.add(entry);
    layout.add(entry);
  }
  return layout;
}

Deno.test("rows lie below each other, higher after a pause of a second and with findings", () => {
  const { rows, bottom } = layoutOf([
    event(1, "opened"),
    packet(2, "PUBLISH"),
    packet(3, "PUBLISH", { time: 1001 }),
    packet(4, "PUBLISH", { time: 2001, findings: [FINDING] }),
    packet(5, "PUBLISH", { time: 2001, findings: [FINDING, FINDING, FINDING] }),
  ]);
  assertEquals(rows.map(({ pause }) => pause), [0, 0, 0, 1000, 0]);
  assertEquals(rows.map(({ height }) => height), [28, 40, 40, 40 + 26 + 18, 40 + 2 * 18]);
  assertEquals(rows.map(({ top }) => top), [0, 28, 68, 108, 192]);
  assertEquals(bottom, 192 + 76);
});

Deno.test("a gap between numbers is one of entries left out, however many of the others are hidden", () => {
  const layout = new Layout(new Exchanges());
  layout.skip(packet(5, "PUBLISH"));
  layout.add(packet(6, "PUBLISH"));
  layout.skip(packet(9, "PUBLISH"));
  layout.skip(packet(10, "PUBLISH"));
  layout.add(packet(14, "PUBLISH", { time: 2006 }));
  layout.add(packet(15, "PUBLISH", { time: 2006 }));
  layout.add(packet(17, "PUBLISH", { time: 2006 }));
  assertEquals(layout.rows.map(({ omitted }) => omitted), [0, 5, 0, 1]);
  assertEquals(layout.rows.map(gapText), ["", "2.0 s, 5 omitted", "", "1 omitted"]);
  assertEquals(layout.rows.map(({ height }) => height), [40, 66, 40, 66]);
});

Deno.test("a row is found by its height and by its number, also when older ones are gone", () => {
  const layout = layoutOf([2, 3, 4, 5].map((n) => packet(n, "PUBLISH")));
  assertEquals([-5, 0, 39, 40, 1000].map((y) => layout.indexAt(y)), [0, 0, 0, 1, 3]);
  assertEquals([2, 3, 5, 9].map((n) => layout.indexOf(n)), [0, 1, 3, -1]);
  layout.dropBefore(4);
  assertEquals([layout.top, layout.bottom, layout.rows.length], [80, 160, 2]);
  assertEquals([layout.indexAt(80), layout.indexAt(125), layout.indexOf(4)], [0, 1, 0]);
  layout.dropBefore(100);
  assertEquals([layout.top, layout.rows.length, layout.indexOf(4)], [160, 0, -1]);
});

Deno.test("a lane joins the packets of an exchange, and is free after the last of them", () => {
  const { rows } = layoutOf([
    packet(1, "PUBLISH", { qos: 2, packetId: 1 }),
    packet(2, "PUBLISH", { qos: 1, packetId: 2 }),
    packet(3, "PUBREC", { packetId: 1, from: "server" }),
    packet(4, "PUBACK", { packetId: 2, from: "server" }),
    packet(5, "PUBREL", { packetId: 1 }),
    packet(6, "PUBCOMP", { packetId: 1, from: "server" }),
    packet(7, "PUBLISH"),
  ]);
  assertEquals(rows.map(({ lanes }) => lanes.map((lane) => lane?.part)), [
    ["start"],
    ["through", "start"],
    ["member", "through"],
    ["through", "end"],
    ["member"],
    ["end"],
    [],
  ]);
});

Deno.test("an exchange whose last packet is not shown has a lane no longer than it lasts", () => {
  const exchanges = new Exchanges();
  const entries = [
    packet(1, "PUBLISH", { qos: 1, packetId: 1 }),
    packet(2, "PUBACK", { packetId: 1, from: "server" }),
    packet(3, "PUBLISH"),
  ];
  for (const entry of entries) exchanges.add(entry);
  const layout = new Layout(exchanges);
  for (const entry of entries) if (entry.name === "PUBLISH") layout.add(entry);
  assertEquals(layout.rows.map(({ lanes }) => lanes.length), [1, 0]);
});

Deno.test("there are no more lanes than fit, and none for ever", () => {
  const open = Array.from({ length: 9 }, (_, n) => packet(n, "PUBLISH", { qos: 1, packetId: n }));
  const more = Array.from({ length: 400 }, (_, n) => packet(9 + n, "PUBLISH"));
  const { rows } = layoutOf([...open, ...more]);
  assertEquals(rows[8]?.lanes.length, LANES);
  assertEquals(rows.at(-1)?.lanes, []);
});

Deno.test("what cannot be decoded is a remark, unless it was found already", () => {
  const { message } = FINDING;
  const texts = (...entry: Parameters<typeof packet>) => {
    return remarksOf(packet(...entry)).map(({ text }) => text);
  };
  assertEquals(texts(1, "CONNECT", { fault: "too short" }), ["too short"]);
  assertEquals(texts(1, "CONNECT", { fault: message, findings: [FINDING] }), [message]);
  const other = { ...FINDING, statement: undefined, severity: "warning" } as const;
  assertEquals(remarksOf(packet(1, "CONNECT", { findings: [other] })), [
    { text: message, rule: "§3.3.4", isWarning: true },
  ]);
});

Deno.test("what was missing when a connection was closed are remarks below that", () => {
  const closed = { type: "closed", n: 1, connection: 1, time: 1, fault: "reset" } as const;
  assertEquals(remarksOf(closed), []);
  const findings = [{ ...FINDING, severity: "warning" as const }];
  assertEquals(remarksOf({ ...closed, findings }), [
    { text: FINDING.message, rule: "[MQTT-3.3.4-9]", isWarning: true },
  ]);
  assertEquals(remarksHeight({ ...closed, findings }) > remarksHeight(closed), true);
});
