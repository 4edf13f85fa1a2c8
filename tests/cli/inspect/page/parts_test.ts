// The parts of a packet, which the page lights.

import { assertEquals } from "@std/assert";
import type { PacketDetail, ShownField } from "../../../../src/cli/inspect/page/events.ts";
import { bitsPattern, partAt, partsOf, placeText } from "../../../../src/cli/inspect/page/parts.js";

function field(name: string, offset: number, length: number, more: Partial<ShownField> = {}) {
  const common = { section: "3.1", encoding: "byte", value: 0, text: "0", isCode: false, bits: [] };
  return { ...common, name, offset, length, ...more } as ShownField;
}

const PACKET: PacketDetail = {
  n: 1,
  name: "CONNECT",
  section: "3.1",
  size: 10,
  hex: "",
  isWhole: true,
  isPacket: true,
  fields: [
    field("Flags", 0, 1, {
      part: "Fixed header",
      bits: [
        { name: "High", section: "3.1", mask: 0xf0, value: 1, text: "1" },
        { name: "Low", section: "3.1", mask: 0x01, value: 0, text: "0" },
      ],
    }),
    field("Length", 1, 1, { part: "Fixed header" }),
    field("Name", 2, 6, { part: "Variable header", encoding: "utf8String" }),
    field("Property", 8, 2),
    field("Left out", 10, 0, { encoding: "leftOut" }),
  ],
  json: {},
  findings: [],
};

Deno.test("the parts of a packet are its fields, each followed by its bits, under headings", () => {
  const parts = partsOf(PACKET);
  assertEquals(parts.map(({ index, name, heading, prefix }) => [index, name, heading, prefix]), [
    [0, "Flags", "Fixed header", 0],
    [1, "High", "", 0],
    [2, "Low", "", 0],
    [3, "Length", "", 0],
    [4, "Name", "Variable header", 2],
    [5, "Property", "", 0],
    [6, "Left out", "", 0],
  ]);
});

Deno.test("each byte belongs to one field, and none to what is left out", () => {
  const parts = partsOf(PACKET);
  const names = Array.from({ length: 11 }, (_, offset) => partAt(parts, offset)?.name);
  assertEquals(names, [
    "Flags",
    "Length",
    ...Array(6).fill("Name"),
    "Property",
    "Property",
    undefined,
  ]);
});

Deno.test("a part says in words where it is", () => {
  assertEquals(partsOf(PACKET).map(placeText), [
    "byte 0",
    "bits 7 to 4 of byte 0",
    "bit 0 of byte 0",
    "byte 1",
    "bytes 2 to 7",
    "bytes 8 to 9",
    "left out",
  ]);
});

Deno.test("bits are written with dots for those of others", () => {
  assertEquals(bitsPattern(0b1010_0110, 0b1111_0000), "1010 ....");
  assertEquals(bitsPattern(0b1010_0110, 0b0000_0110), ".... .11.");
});
