// explainPacket() is held against the bytes themselves: its fields must tile them, and every value is read again from its
// place by a few lines here that know only §1.5.

import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { decodePacket, type ExplainedField, explainPacket, PacketError } from "../../mod.ts";
import { FIRST_BYTES } from "../build.ts";
import { bytesOf, hexOf } from "../hex.ts";
import { BOUNDARY_VECTORS, VECTORS } from "../vectors.ts";

Deno.test("explainPacket() accounts for every byte of every packet once, in order", () => {
  for (const { hex } of [...VECTORS, ...BOUNDARY_VECTORS]) {
    const bytes = bytesOf(hex);
    const { fields } = explainPacket(bytes);
    assertStrictEquals(tiledUpTo(fields), bytes.length);
  }
});

Deno.test("explainPacket() gives the packet that decodePacket() gives, and its name", () => {
  const names = FIRST_BYTES.map(([name]) => name);
  for (const { hex, packet } of VECTORS) {
    const bytes = bytesOf(hex);
    const explanation = explainPacket(bytes);
    assertEquals(explanation.packet, packet);
    assertEquals(explanation.packet, decodePacket(bytes));
    assertStrictEquals(explanation.fault, undefined);
    assertStrictEquals(hexOf(explanation.bytes), hexOf(bytes));
    assertStrictEquals(explanation.packetType, packet.type.toUpperCase());
    assert(names.includes(explanation.packetType));
  }
});

Deno.test("explainPacket() gives every value as it stands in its bytes", () => {
  for (const { hex } of VECTORS) {
    const bytes = bytesOf(hex);
    for (const field of explainPacket(bytes).fields) {
      const expected = valueIn(bytes.subarray(field.offset, field.offset + field.length), field);
      assertEquals(field.value, expected, field.name);
    }
  }
});

Deno.test("explainPacket() names every field, with its section of the standard", () => {
  for (const { hex } of VECTORS) {
    for (const field of explainPacket(bytesOf(hex)).fields) {
      for (const { name, section, meaning } of [field, ...field.bits]) {
        assertMatch(section, /^[1-4](\.[1-9][0-9]*)+$/);
        assertMatch(name, /^[A-Z]/);
        if (meaning !== undefined) assertMatch(meaning, /^\S(.*[^\s.])?$/);
      }
    }
  }
});

Deno.test("explainPacket() names the section of the whole packet, and of Table 2-1 where there is none", () => {
  for (const [index, [, firstByte]] of FIRST_BYTES.entries()) {
    assertStrictEquals(explainPacket(Uint8Array.of(firstByte)).section, `3.${index + 1}`);
  }
  for (const hex of ["", "00", "0F 00"]) {
    assertStrictEquals(explainPacket(bytesOf(hex)).section, "2.1.2");
  }
});

Deno.test("explainPacket() accounts for every bit of a byte of flags once, the highest first", () => {
  let flags = 0;
  for (const { hex } of VECTORS) {
    for (const { bits, value } of explainPacket(bytesOf(hex)).fields) {
      if (bits.length === 0) continue;
      flags++;
      let sum = 0;
      let before = 0x100;
      for (const { mask, value: part } of bits) {
        assert(mask < before && (sum & mask) === 0);
        assertStrictEquals(part, Number(value) >> shiftOf(mask) & mask >> shiftOf(mask));
        sum |= mask;
        before = mask;
      }
      assertStrictEquals(sum, 0xff);
    }
  }
  // At least the first byte of every packet is made of bits.
  assert(flags >= VECTORS.length);
});

Deno.test("explainPacket() takes apart every byte that is made of bits", () => {
  const withBits = (hex: string) =>
    explainPacket(bytesOf(hex)).fields.filter(({ bits }) => bits.length > 0).map((
      { offset, bits },
    ) => `${offset}: ${bits.map(({ name, value }) => `${name} ${value}`).join(", ")}`);
  assertEquals(withBits("10 0D 00044D515454 05 02 0000 00 0000"), [
    "0: MQTT Control Packet type 1, Reserved flags 0",
    "9: User Name Flag 0, Password Flag 0, Will Retain 0, Will QoS 0, Will Flag 0, Clean Start 1, Reserved 0",
  ]);
  assertEquals(withBits("3D 06 0001 61 0001 00"), [
    "0: MQTT Control Packet type 3, DUP 1, QoS 2, RETAIN 1",
  ]);
  assertEquals(withBits("20 03 01 00 00"), [
    "0: MQTT Control Packet type 2, Reserved flags 0",
    "2: Reserved 0, Session Present 1",
  ]);
  assertEquals(withBits("82 07 0001 00 0001 61 2D"), [
    "0: MQTT Control Packet type 8, Reserved flags 2",
    "8: Reserved 0, Retain Handling 2, Retain As Published 1, No Local 1, Maximum QoS 1",
  ]);
});

Deno.test("explainPacket() explains a packet field by field", () => {
  const { fields } = explainPacket(
    bytesOf("10 17 00044D515454 05 02 003C 03 210014 0007 66757A7A697368"),
  );
  assertEquals(
    fields.map(({ name, section, offset, length, encoding, value }) => [
      offset,
      length,
      name,
      section,
      encoding,
      value,
    ]),
    [
      [0, 1, "MQTT Control Packet type and flags", "2.1.1", "byte", 0x10],
      [1, 1, "Remaining Length", "2.1.4", "variableByteInteger", 23],
      [2, 6, "Protocol Name", "3.1.2.1", "utf8String", "MQTT"],
      [8, 1, "Protocol Version", "3.1.2.2", "byte", 5],
      [9, 1, "Connect Flags", "3.1.2.3", "byte", 2],
      [10, 2, "Keep Alive", "3.1.2.10", "twoByteInteger", 60],
      [12, 1, "Property Length", "3.1.2.11.1", "variableByteInteger", 3],
      [13, 1, "Property Identifier", "2.2.2.2", "variableByteInteger", 0x21],
      [14, 2, "Receive Maximum", "3.1.2.11.3", "twoByteInteger", 20],
      [16, 9, "Client Identifier", "3.1.3.1", "utf8String", "fuzzish"],
    ],
  );
});

Deno.test("explainPacket() explains the first packet of several", () => {
  const explanation = explainPacket(bytesOf("40 02 0001 C0 00"));
  assertStrictEquals(hexOf(explanation.bytes), "40020001");
  assertStrictEquals(explanation.packet?.type, "puback");
  assertStrictEquals(explanation.fault, undefined);
});

Deno.test("explainPacket() explains a broken packet up to the fault", () => {
  const rows: [hex: string, names: string[], field: string][] = [
    ["", [], FIRST],
    ["E1 00", [FIRST], "Reserved flags"],
    ["00 00", [FIRST], "MQTT Control Packet type"],
    ["30 8000", [FIRST], "Remaining Length"],
    ["40 02 0000", [FIRST, LENGTH, "Packet Identifier"], "Packet Identifier"],
    [
      "40 03 0001 01",
      [FIRST, LENGTH, "Packet Identifier", "PUBACK Reason Code"],
      "PUBACK Reason Code",
    ],
    ["30 05 0001 61 01 7F", [
      FIRST,
      LENGTH,
      "Topic Name",
      "Property Length",
      "Property Identifier",
    ], "Property Identifier"],
    ["30 04 0002 C328", [FIRST, LENGTH], "Topic Name"],
    ["40 02 00", [FIRST, LENGTH], "Packet Identifier"],
  ];
  for (const [hex, names, field] of rows) {
    const { fields, packet, fault } = explainPacket(bytesOf(hex));
    assertEquals(fields.map(({ name }) => name), names, hex);
    assertStrictEquals(packet, undefined);
    assertStrictEquals(fault?.field, field, hex);
  }
});

Deno.test("explainPacket() names what a short form leaves out, but not what is cut off", () => {
  const leftOut = (hex: string) =>
    explainPacket(bytesOf(hex)).fields
      .filter(({ encoding }) => encoding === "leftOut")
      .map(({ name, offset, length, value }) => [name, offset, length, value]);
  assertEquals(leftOut("62 02 0001"), [
    ["PUBREL Reason Code", 4, 0, 0x00],
    ["Property Length", 4, 0, 0],
  ]);
  assertEquals(leftOut("E0 01 04"), [["Property Length", 3, 0, 0]]);
  assertEquals(leftOut("E0 02 04 00"), []);
  assertEquals(leftOut("62 03 0001"), []);
});

Deno.test("explainPacket() explains what there is of a packet cut short", () => {
  for (const { hex } of VECTORS) {
    const bytes = bytesOf(hex);
    const { fields } = explainPacket(bytes);
    for (let length = 0; length < bytes.length; length++) {
      const cut = explainPacket(bytes.subarray(0, length));
      assertStrictEquals(cut.packet, undefined);
      assert(cut.fault instanceof PacketError);
      assertStrictEquals(cut.fault!.reasonCode, 0x81);
      assertStrictEquals(cut.bytes.length, length);
      // Whatever is explained is the same as in the whole packet; only a payload without a length is shorter.
      cut.fields.filter(({ encoding }) => encoding !== "rest")
        .forEach((field, index) => assertEquals(field, fields[index]));
      assert(tiledUpTo(cut.fields) >= Math.min(cut.fault!.offset!, length));
    }
  }
});

Deno.test("explainPacket() tells which values are codes", () => {
  const { fields } = explainPacket(bytesOf("E0 07 8E 05 11 00000001"));
  assertEquals(fields.filter(({ isCode }) => isCode).map(({ name }) => name), [
    "Disconnect Reason Code",
    "Property Identifier",
  ]);
});

Deno.test("explainPacket() tells a fault from what only seems one at the end of a packet cut short", () => {
  for (
    const [properties, field] of [["03 210000", LENGTH], [
      "04 210000 21",
      "Receive Maximum",
    ]] as const
  ) {
    const { fault } = explainPacket(bytesOf(`10 20 0004 4D515454 05 02 003C ${properties}`));
    assertStrictEquals(fault?.field, field);
  }
});

Deno.test("explainPacket() explains what lies before any wrong bit, and no byte twice", () => {
  for (const { hex } of VECTORS) {
    const bytes = bytesOf(hex);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const { fields, fault, bytes: explained } = explainPacket(flipped);
      const end = tiledUpTo(fields);
      if (fault === undefined) assertStrictEquals(end, explained.length);
      else assert(end >= fault.offset! && end <= explained.length);
    }
  }
});

const FIRST = "MQTT Control Packet type and flags";
const LENGTH = "Remaining Length";

/** Where fields that follow each other without a gap end. */
function tiledUpTo(fields: readonly ExplainedField[]): number {
  let end = 0;
  for (const { offset, length, name } of fields) {
    assertStrictEquals(offset, end, name);
    end += length;
  }
  return end;
}

/** The value of a field, read from its own bytes by the rules of §1.5. */
function valueIn(bytes: Uint8Array, { encoding, value }: ExplainedField): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (encoding) {
    case "byte":
      assertStrictEquals(bytes.length, 1);
      return typeof value === "boolean" ? bytes[0] === 1 : bytes[0];
    case "twoByteInteger":
      assertStrictEquals(bytes.length, 2);
      return view.getUint16(0);
    case "fourByteInteger":
      assertStrictEquals(bytes.length, 4);
      return view.getUint32(0);
    case "variableByteInteger":
      return bytes.reduce((sum, byte, index) => sum + byte % 128 * 128 ** index, 0);
    case "utf8String":
      assertStrictEquals(bytes.length, 2 + view.getUint16(0));
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(2));
    case "binaryData":
      assertStrictEquals(bytes.length, 2 + view.getUint16(0));
      return bytes.subarray(2);
    case "rest":
      return bytes;
    case "leftOut":
      assertStrictEquals(bytes.length, 0);
      return 0;
    default:
      return encoding satisfies never;
  }
}

function shiftOf(mask: number): number {
  return Math.log2(mask & -mask);
}
