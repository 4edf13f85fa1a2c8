// The page's diagram as Mermaid and as SVG: hostile names stay names.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { PageEntry } from "../../../../src/cli/inspect/page/events.ts";
import { Exchanges } from "../../../../src/cli/inspect/page/exchanges.js";
import { Layout } from "../../../../src/cli/inspect/page/layout.js";
import { mermaidText } from "../../../../src/cli/inspect/page/mermaid.js";
import { diagramSvg } from "../../../../src/cli/inspect/page/svg.js";
import { event, packet } from "./entries.ts";

const FINDING = {
  statement: "MQTT-3.3.4-9",
  section: "3.3.4",
  severity: "violation",
  by: "client",
  message: "The Client sends too much",
} as const;

const ENTRIES: readonly PageEntry[] = [
  event(1, "opened"),
  packet(2, "CONNECT", { clientId: "a" }),
  packet(3, "PUBLISH", { topic: "a/b", qos: 2, packetId: 7, findings: [FINDING] }),
  packet(4, "PUBREC", { from: "server", packetId: 7, time: 5000 }),
  { ...event(5, "closed", 2), time: 5001 },
];

function rowsOf(entries: readonly PageEntry[]) {
  const layout = new Layout(new Exchanges());
  for (const entry of entries) layout.add(entry);
  return layout.rows;
}

function hueOf({ n }: PageEntry): number {
  return n >= 3 ? 1 : -1;
}

Deno.test("a conversation is a sequence diagram of Mermaid, with a participant for each connection", () => {
  assertEquals(
    mermaidText(rowsOf(ENTRIES), new Map([[1, "thermostat"]])),
    [
      "sequenceDiagram",
      "  participant C1 as thermostat",
      "  participant C2 as client #35;2",
      "  participant S as server",
      "  Note over C1,S: connected",
      "  C1->>S: CONNECT, a, 10 B",
      "  C1->>S: PUBLISH, QoS 2, id 7, a/b, 10 B",
      "  Note over C1,S: The Client sends too much #91;MQTT-3.3.4-9#93;",
      "  Note over C1,S: 5.0 s",
      "  S->>C1: PUBREC, id 7, 10 B",
      "  Note over C2,S: closed",
      "",
    ].join("\n"),
  );
});

Deno.test("nothing in a topic or a Client Identifier is markup to Mermaid", () => {
  const topic = 'x;\nC1->>S: "#<b>%%{init}';
  const text = mermaidText(rowsOf([packet(1, "PUBLISH", { topic })]), new Map([[1, "a\nend;#"]]));
  assertEquals(text.split("\n"), [
    "sequenceDiagram",
    "  participant C1 as a#10;end#59;#35;",
    "  participant S as server",
    "  C1->>S: PUBLISH, x#59;#92;nC1-#62;#62;S#58; #34;#35;#60;b#62;#37;#37;#123;init#125;, 10 B",
    "",
  ]);
});

Deno.test("a long topic is cut in a diagram of Mermaid", () => {
  const text = mermaidText(rowsOf([packet(1, "PUBLISH", { topic: "x".repeat(500) })]), new Map());
  assertStringIncludes(text, `${"x".repeat(80)}…`);
  assert(text.length < 250);
});

Deno.test("a drawing has an arrow for each packet, pauses, findings, and the names of connections", () => {
  const svg = diagramSvg(rowsOf(ENTRIES), new Map([[1, "thermostat"]]), hueOf);
  assertEquals(svg.match(/class="arrow"/g)?.length, 3);
  // The fault, and the two colours.
  assertEquals([...svg.matchAll(/<tspan fill="(.*?)">(.*?)</g)].map(([, ...found]) => found), [
    ["#39435a", "CONNECT"],
    ["#b3211b", "PUBLISH"],
    ["#97480a", "PUBREC"],
  ]);
  for (const part of [">QoS 2 · id 7 · a/b · 10 B<", ">5.0 s<", " thermostat<", " #2<"]) {
    assertStringIncludes(svg, part);
  }
  assertStringIncludes(svg, 'class="fault"');
  assertStringIncludes(svg, ">The Client sends too much [MQTT-3.3.4-9]<");
});

Deno.test("a drawing of one connection has its name above the lifeline", () => {
  const svg = diagramSvg(rowsOf(ENTRIES.slice(0, 3)), new Map([[1, "thermostat"]]), hueOf);
  assertStringIncludes(svg, ">thermostat<");
  assertEquals(diagramSvg([], new Map(), hueOf).includes("</svg>"), true);
});

Deno.test("nothing in a topic is markup to a drawing, and what XML cannot have is replaced", () => {
  const names = new Map([[1, "<b>\u0000\u001b\ud800"]]);
  const rows = rowsOf([packet(1, "PUBLISH", { topic: "<script>&amp;\u001b" })]);
  const svg = diagramSvg(rows, names, hueOf);
  assertStringIncludes(svg, "&lt;script&gt;&amp;amp;\\u{1b}");
  assertStringIncludes(svg, "&lt;b&gt;\ufffd\ufffd\ufffd");
});
