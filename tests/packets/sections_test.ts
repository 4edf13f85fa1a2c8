// Every field that explainPacket() names is held against an independent transcription of the
// standard's table of contents, in which each field of each packet stands once.

import { assertEquals } from "@std/assert";
import { type ExplainedField, explainPacket } from "../../mod.ts";
import tables from "../conformance/wire_tables.json" with { type: "json" };
import { beside, HOLDERS, PROPERTY_LINES, sampleOf, withLength } from "../build.ts";
import { bytesOf } from "../hex.ts";
import { VECTORS } from "../vectors.ts";

type Sections = Readonly<Record<string, string>>;

const FIELDS: Readonly<Record<string, Sections>> = tables.fields;

Deno.test("explainPacket() gives each field the section in which the standard defines it", () => {
  const explained = new Map<string, string>();
  for (const hex of [...VECTORS.map(({ hex }) => hex), ...everyPropertyInEveryPacket()]) {
    const { packetType, fields } = explainPacket(bytesOf(hex));
    for (const [holder, field] of heldBy(packetType, fields)) {
      for (const { name, section } of [field, ...field.bits]) {
        const place = `${holder}: ${name}`;
        assertEquals(explained.get(place) ?? section, section, place);
        explained.set(place, section);
      }
    }
  }
  assertEquals(
    Object.fromEntries([...explained].sort()),
    Object.fromEntries([...expectedSections()].sort()),
  );
});

/** Every property in each packet that may have it. */
function* everyPropertyInEveryPacket(): Generator<string> {
  for (const holder of HOLDERS) {
    for (const line of PROPERTY_LINES.filter(({ packets }) => packets.includes(holder.name))) {
      yield holder.hex(withLength(beside(holder, line).hex + sampleOf(line)));
    }
  }
}

/** Each field with what holds it: the Will Properties are a holder of their own inside CONNECT. */
function* heldBy(
  packetType: string,
  fields: readonly ExplainedField[],
): Generator<[holder: string, field: ExplainedField]> {
  let holder = packetType;
  for (const field of fields) {
    if (field.name === "Will Property Length") holder = "WILL";
    if (field.name === "Will Topic") holder = packetType;
    yield [holder, field];
  }
}

/** What the tables say of every field, also of those that every packet or every property has. */
function* expectedSections(): Generator<[place: string, section: string]> {
  const { any, ...holders } = FIELDS;
  for (const [holder, sections] of Object.entries(holders)) {
    for (const [name, section] of Object.entries({ ...sections, ...inEvery(holder, any!) })) {
      yield [`${holder}: ${name}`, section];
    }
  }
  for (const { name, type, sections } of tables.properties) {
    for (const [holder, section] of Object.entries(sections as Sections)) {
      const parts = type === "pair" ? [`${name} name`, `${name} value`] : [name];
      for (const part of parts) yield [`${holder}: ${part}`, section];
    }
  }
}

function inEvery(holder: string, sections: Sections): Sections {
  const hasProperties = HOLDERS.some(({ name }) => name === holder);
  const { "Property Identifier": identifier, ...header } = sections;
  return {
    ...(holder === "WILL" ? {} : header),
    ...(hasProperties ? { "Property Identifier": identifier! } : {}),
  };
}
