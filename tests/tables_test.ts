// The tables of the codec against an independent transcription of the standard's, in both directions.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  PROPERTIES,
  type PropertyRow,
  REASON_CODES,
  ReasonCode,
  reasonCodeName,
  type ReasonCodeRow,
} from "../mod.ts";
import {
  codesOf,
  isNumber,
  isPositive,
  keyOf,
  PROPERTY_LINES,
  REASON_CODE_LINES,
} from "./build.ts";
import { VECTORS } from "./vectors.ts";

const ROWS: readonly (readonly [string, PropertyRow])[] = Object.entries<PropertyRow>(PROPERTIES);
const CODES: readonly (readonly [string, ReasonCodeRow])[] = Object.entries<ReasonCodeRow>(
  REASON_CODES,
);

/** How the transcription calls each encoding; a boolean is a byte. */
const ENCODINGS: Readonly<Record<PropertyRow["is"], string>> = {
  byte: "byte",
  boolean: "byte",
  twoByteInteger: "u16",
  fourByteInteger: "u32",
  variableByteInteger: "vbi",
  utf8String: "utf8",
  binaryData: "binary",
  utf8StringPair: "pair",
};

Deno.test("PROPERTIES has the 27 properties of Table 2-4, and no other", () => {
  assertStrictEquals(ROWS.length, 27);
  assertEquals(
    ROWS.map(([key, { id, name, is }]) => ({ key, id, name, type: ENCODINGS[is] })).sort(byId),
    PROPERTY_LINES.map((line) => ({
      key: keyOf(line),
      id: line.id,
      name: line.name,
      type: line.type,
    })).sort(byId),
  );
});

Deno.test("PROPERTIES says of every property where it may stand, and nowhere else", () => {
  assertEquals(
    ROWS.map(([, row]) => [row.id, ...holdersOf(row)]).sort(),
    PROPERTY_LINES.map(({ id, packets }) => [id, ...packets.toSorted()]).sort(),
  );
});

Deno.test("PROPERTIES says of every property where it may be repeated, and nowhere else", () => {
  for (const line of PROPERTY_LINES) {
    const row = rowOf(line.id);
    const expected = line.repeatable === true
      ? line.packets
      : line.repeatable === false
      ? []
      : line.packets.filter((packet) => line.repeatable === `${packet} only`);
    assertEquals(
      (row.repeats ?? []).map((holder) => holder.toUpperCase()).sort(),
      expected.toSorted(),
    );
  }
});

Deno.test("PROPERTIES has the bounds of the standard", () => {
  for (const line of PROPERTY_LINES) {
    const row = rowOf(line.id);
    assertStrictEquals(row.minimum ?? 0, isPositive(line) ? 1 : 0, line.name);
    if (line.type !== "byte") assertStrictEquals(row.maximum, undefined, line.name);
    else if (isNumber(line)) assertStrictEquals(row.maximum, 1, line.name);
    else assertStrictEquals(row.is, "boolean", line.name);
    assertStrictEquals(row.outOfBounds ?? 0x82, line.id === 0x23 ? 0x94 : 0x82, line.name);
  }
});

Deno.test("PROPERTIES says what is meant where a limit or a feature is absent", () => {
  const absent = ROWS.flatMap(([name, row]) =>
    row.absent === undefined ? [] : [[name, row.absent] as const]
  );
  assertEquals(Object.fromEntries(absent), {
    receiveMaximum: 65_535,
    topicAliasMaximum: 0,
    maximumQoS: 2,
    retainAvailable: true,
    maximumPacketSize: Infinity,
    wildcardSubscriptionAvailable: true,
    subscriptionIdentifierAvailable: true,
    sharedSubscriptionAvailable: true,
  });
});

Deno.test("PROPERTIES names a section of its own packet for every property", () => {
  const chapters: Readonly<Record<string, string>> = {
    connect: "3.1.2.11.",
    will: "3.1.3.2.",
    connack: "3.2.2.3.",
    publish: "3.3.2.3.",
    puback: "3.4.2.2.",
    pubrec: "3.5.2.2.",
    pubrel: "3.6.2.2.",
    pubcomp: "3.7.2.2.",
    subscribe: "3.8.2.1.",
    suback: "3.9.2.1.",
    unsubscribe: "3.10.2.1.",
    unsuback: "3.11.2.1.",
    disconnect: "3.14.2.2.",
    auth: "3.15.2.2.",
  };
  const sections: string[] = [];
  for (const [key, row] of ROWS) {
    for (const [holder, section] of Object.entries(row.in)) {
      assert(section.startsWith(chapters[holder]!), `${key} in ${holder}`);
      sections.push(section);
    }
  }
  assertStrictEquals(new Set(sections).size, sections.length);
});

Deno.test("REASON_CODES has the codes of Table 2-6 in the packets of §3, and no other", () => {
  const expected = REASON_CODE_LINES.flatMap(({ code, packets }) =>
    packets.map((packet) => pair(code, packet))
  );
  const actual = CODES.flatMap(([, row]) =>
    row.in.map((type) => pair(row.code, type.toUpperCase()))
  );
  // Table 2-6 has 0x8C in DISCONNECT, Table 3-10 has not: it is needed when a re-authentication fails.
  assertEquals(actual.sort(), [...new Set([...expected, pair(0x8c, "DISCONNECT")])].sort());
  assertStrictEquals(new Set(actual).size, actual.length);
});

Deno.test("Every packet has as many Reason Codes as its table in the standard", () => {
  const sizes = {
    CONNACK: 22,
    PUBACK: 9,
    PUBREC: 9,
    PUBREL: 2,
    PUBCOMP: 2,
    SUBACK: 12,
    UNSUBACK: 7,
  };
  for (const [packet, size] of Object.entries({ ...sizes, DISCONNECT: 30, AUTH: 3 })) {
    const type = packet.toLowerCase();
    assertStrictEquals(codesOf(packet).length, size);
    assertStrictEquals(CODES.filter(([, row]) => row.in.some((one) => one === type)).length, size);
  }
});

Deno.test("REASON_CODES names every code as the standard does", () => {
  for (const { code, name } of REASON_CODE_LINES) {
    const names = CODES.filter(([, row]) => row.code === code).map(([, row]) => row.name);
    if (code === 0) {
      assertEquals(names.sort(), ["Granted QoS 0", "Normal disconnection", "Success"]);
    } else assertEquals(names, [name]);
  }
});

Deno.test("REASON_CODES keys are the names of the standard, camelCased", () => {
  for (const [key, { name }] of CODES) {
    assertStrictEquals(key.toLowerCase(), name.replaceAll(/[^A-Za-z0-9]/g, "").toLowerCase());
  }
});

Deno.test("ReasonCode has the code of every row", () => {
  assertEquals({ ...ReasonCode }, Object.fromEntries(CODES.map(([key, { code }]) => [key, code])));
});

Deno.test("reasonCodeName() names a code as its packet does, and none that the packet may not carry", () => {
  assertStrictEquals(reasonCodeName(0x00, "connack"), "Success");
  assertStrictEquals(reasonCodeName(0x00, "suback"), "Granted QoS 0");
  assertStrictEquals(reasonCodeName(0x00, "disconnect"), "Normal disconnection");
  for (const type of new Set(VECTORS.map(({ packet }) => packet.type))) {
    const codes = codesOf(type.toUpperCase());
    for (let code = 0; code < 0x100; code++) {
      assertStrictEquals(reasonCodeName(code, type) !== undefined, codes.includes(code));
    }
  }
});

function byId(a: { readonly id: number }, b: { readonly id: number }): number {
  return a.id - b.id;
}

function holdersOf(row: PropertyRow): string[] {
  return Object.keys(row.in).map((holder) => holder.toUpperCase()).sort();
}

function rowOf(id: number): PropertyRow {
  const found = ROWS.find(([, row]) => row.id === id);
  if (found === undefined) throw new Error(`No row has the identifier ${id}`);
  return found[1];
}

function pair(code: number, packet: string): string {
  return `${code} ${packet}`;
}
