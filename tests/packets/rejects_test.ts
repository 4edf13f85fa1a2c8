// What a decoder must refuse, as far as bytes alone decide it: with which error, with which Reason Code, at which byte.
// Expected is what the standard says, or, where it leaves a choice, what this library has chosen; never what happens.

import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  decodePacket,
  type DecoderOptions,
  explainPacket,
  MalformedPacketError,
  PacketDecoder,
  PacketError,
  ProtocolError,
} from "../../mod.ts";
import {
  beside,
  cited,
  codesOf,
  FIRST_BYTES,
  HOLDERS,
  lengthOf,
  PROPERTY_LINES,
  REASON_CODE_HOLDERS,
  sampleOf,
  samplesOf,
  text,
  u8,
  vbi,
  whole,
  withLength,
} from "../build.ts";
import { bytesOf } from "../hex.ts";

/** Bytes that must be refused. The error is a MalformedPacketError for 0x81, else a ProtocolError. */
interface Reject {
  readonly name: string;
  readonly hex: string;
  readonly reasonCode: number;
  readonly field: string;
  readonly offset: number;
  readonly statements?: readonly string[];
}

const MALFORMED = 0x81;
const PROTOCOL = 0x82;

/** Bytes that begin with a broken packet, whole as far as its Remaining Length says. */
const REJECTS: readonly Reject[] = [
  ...fixedHeaders(),
  ...connects(),
  ...connacks(),
  ...publishes(),
  ...acknowledgements(),
  ...subscribes(),
  ...disconnectsAndAuths(),
  ...topicFilters(),
];

/** Bytes that are not as many as their Remaining Length says: a matter of decodePacket() alone. */
const WRONG_LENGTHS: readonly (readonly [name: string, hex: string])[] = [
  ["no bytes but the first", "C0"],
  ["a Remaining Length that ends in the middle", "30 80"],
  ["fewer bytes than the Remaining Length says", "40 02 00"],
  ["no bytes where the Remaining Length says some", "40 02"],
  ["more bytes than the Remaining Length says", "40 02 0001 00"],
  ["two packets", "C0 00 C0 00"],
  ["a byte after a packet without a body", "D0 00 00"],
];

Deno.test("decodePacket() refuses no bytes at all as malformed", () => {
  const error = outcomeOf(() => decodePacket(new Uint8Array(0)));
  assertRefused(error, MALFORMED, "MQTT Control Packet type and flags", 0);
});

for (const [name, hex] of WRONG_LENGTHS) {
  Deno.test(`decodePacket() refuses ${name} as malformed`, () => {
    const error = outcomeOf(() => decodePacket(bytesOf(hex)));
    assertRefused(error, MALFORMED, "Remaining Length", 1);
  });
}

for (const { name, hex, reasonCode, field, offset, statements } of REJECTS) {
  Deno.test(`Decoders refuse ${name} with 0x${u8(reasonCode)}${cited(statements)}`, () => {
    assertRefusedByAll(hex, reasonCode, field, offset);
  });
}

for (const [name, right] of FIRST_BYTES) {
  if (name === "PUBLISH") continue;
  const statements = flagStatements(name);
  Deno.test(`Decoders refuse ${name} with any wrong flags at its first byte${cited(["MQTT-2.1.3-1", ...statements])}`, () => {
    for (let flags = 0; flags < 0x10; flags++) {
      const first = right & 0xf0 | flags;
      if (first === right) continue;
      assertRefusedAtOnce(u8(first), MALFORMED, "Reserved flags", 0);
      assertRefused(
        outcomeOf(() => decodePacket(bytesOf(`${u8(first)} 02 0001`))),
        MALFORMED,
        "Reserved flags",
        0,
      );
    }
  });
}

Deno.test("Decoders refuse QoS 3 at the first byte [MQTT-3.3.1-4]", () => {
  for (const first of ["36", "37", "3E", "3F"]) {
    assertRefusedAtOnce(first, MALFORMED, "QoS", 0);
    assertRefusedByAll(whole(first, "0001 61 0001 00"), MALFORMED, "QoS", 0);
  }
});

Deno.test("Decoders refuse DUP at QoS 0 at the first byte [MQTT-3.3.1-2]", () => {
  for (const first of ["38", "39"]) {
    assertRefusedAtOnce(first, MALFORMED, "DUP", 0);
    assertRefusedByAll(whole(first, "0001 61 00"), MALFORMED, "DUP", 0);
  }
});

Deno.test("Decoders refuse packet type 0 at the first byte", () => {
  for (let flags = 0; flags < 0x10; flags++) {
    assertRefusedAtOnce(u8(flags), PROTOCOL, "MQTT Control Packet type", 0);
  }
});

Deno.test("PacketDecoder refuses a Remaining Length of five bytes at its fourth", () => {
  assertRefusedAtOnce("30 80808080", MALFORMED, "Remaining Length", 1);
  assertRefusedAtOnce("30 FFFFFFFF", MALFORMED, "Remaining Length", 1);
});

Deno.test("PacketDecoder refuses PINGREQ and PINGRESP with a body at the fixed header", () => {
  for (const first of ["C0", "D0"]) {
    assertRefusedAtOnce(`${first} 01`, MALFORMED, "Remaining Length", 1);
    assertRefusedAtOnce(`${first} FFFFFF7F`, MALFORMED, "Remaining Length", 1);
  }
});

Deno.test("PacketDecoder refuses a packet above the Maximum Packet Size at its fixed header", () => {
  for (
    const [maximumPacketSize, hex] of [
      [1, "C0 00"],
      [5, "30 04"],
      [129, "30 80 01"],
      [268_435_459, "30 FF FF FF 7F"],
    ] as const
  ) {
    assertRefusedAtOnce(hex, 0x95, "Remaining Length", 1, { maximumPacketSize });
  }
});

Deno.test("PacketDecoder accepts a packet of exactly the Maximum Packet Size", () => {
  for (const hex of ["C0 00", "30 04 0001 61 00", `30 8001 0001 61 00 ${"00".repeat(124)}`]) {
    const bytes = bytesOf(hex);
    const decoder = new PacketDecoder({ maximumPacketSize: bytes.length });
    decoder.push(bytes);
    assertEquals(decoder.next(), decodePacket(bytes));
    const stricter = new PacketDecoder({ maximumPacketSize: bytes.length - 1 });
    stricter.push(bytes);
    assertRefused(outcomeOf(() => stricter.next()), 0x95, "Remaining Length", 1);
  }
});

Deno.test("PacketDecoder waits for the largest packet of all where there is no Maximum Packet Size", () => {
  const decoder = new PacketDecoder();
  decoder.push(bytesOf("30 FFFFFF7F 0001 61 00"));
  assertStrictEquals(decoder.next(), undefined);
});

Deno.test("PacketDecoder gives the packets before a fault in the same chunk, then the same error for ever", () => {
  const decoder = new PacketDecoder();
  decoder.push(bytesOf("C0 00 40 02 0001 E1 00 D0 00"));
  assertEquals(decoder.next(), { type: "pingreq" });
  assertEquals(decoder.next()?.type, "puback");
  const error = outcomeOf(() => decoder.next());
  assertRefused(error, MALFORMED, "Reserved flags", 0);
  decoder.push(bytesOf("C0 00"));
  assertStrictEquals(outcomeOf(() => decoder.next()), error);
  assertStrictEquals(outcomeOf(() => decoder.next()), error);
});

Deno.test("PacketDecoder keeps throwing the same error after a fault in a packet that was cut", () => {
  const decoder = new PacketDecoder();
  decoder.push(bytesOf("40 02 00"));
  assertStrictEquals(decoder.next(), undefined);
  decoder.push(bytesOf("00 C0 00"));
  const error = outcomeOf(() => decoder.next());
  assertRefused(error, PROTOCOL, "Packet Identifier", 2);
  assertStrictEquals(outcomeOf(() => decoder.next()), error);
});

for (const { name, at, statement, hex } of REASON_CODE_HOLDERS) {
  Deno.test(`Decoders refuse every Reason Code that is none of ${name} [${statement}]`, () => {
    const codes = codesOf(name);
    for (let code = 0; code < 0x100; code++) {
      if (codes.includes(code)) continue;
      // Those of MQTT 3 are told apart.
      const isOlder = name === "CONNACK" && code < 6;
      assertRefusedByAll(hex(code), isOlder ? 0x84 : PROTOCOL, REASON_CODE_NAMES[name]!, at);
    }
  });
}

for (const holder of HOLDERS) {
  const first = holder.at + 1;

  Deno.test(`Decoders refuse every property that ${holder.name} may not have`, () => {
    for (const line of PROPERTY_LINES) {
      if (line.packets.includes(holder.name)) continue;
      const hex = holder.hex(withLength(sampleOf(line)));
      assertRefusedByAll(hex, MALFORMED, "Property Identifier", first);
    }
  });

  Deno.test(`Decoders refuse every Property Identifier that is none, in ${holder.name}`, () => {
    const known = new Set(PROPERTY_LINES.map(({ id }) => id));
    for (let id = 0; id < 0x80; id++) {
      if (known.has(id)) continue;
      const hex = holder.hex(withLength(u8(id) + "00000000"));
      assertRefusedByAll(hex, MALFORMED, "Property Identifier", first);
    }
    for (const id of [0x80, 0x101, 0x4000, 0x1f_ffff + 2, 268_435_455]) {
      const hex = holder.hex(withLength(vbi(id) + "00000000"));
      assertRefusedByAll(hex, MALFORMED, "Property Identifier", first);
    }
  });

  Deno.test(`Decoders refuse a Property Identifier in a longer form than it needs, in ${holder.name} [MQTT-1.5.5-1]`, () => {
    for (const id of ["A600", "A68000", "A6808000", "A680808000"]) {
      const hex = holder.hex(withLength(`${id} 0000 0000`));
      assertRefusedByAll(hex, MALFORMED, "Property Identifier", first);
    }
  });

  Deno.test(`Decoders refuse every property twice in ${holder.name} that may stand once`, () => {
    for (const line of PROPERTY_LINES) {
      if (!line.packets.includes(holder.name) || mayRepeat(line.id, holder.name)) continue;
      const other = beside(holder, line).hex;
      const sample = sampleOf(line);
      assertRefusedByAll(
        holder.hex(withLength(sample + other + sample)),
        PROTOCOL,
        "Property Identifier",
        first + lengthOf(sample + other),
      );
    }
  });

  Deno.test(`Decoders refuse every property of ${holder.name} that runs past the Property Length`, () => {
    for (const line of PROPERTY_LINES) {
      if (!line.packets.includes(holder.name)) continue;
      const other = beside(holder, line).hex;
      for (const sample of samplesOf(line)) {
        const properties = other + u8(line.id) + sample.hex;
        // Every length that ends inside the property: bytes for the rest of it follow, but are not its own.
        for (let length = lengthOf(other) + 1; length < lengthOf(properties); length++) {
          const hex = holder.hex(vbi(length) + properties);
          assertRefusedByAll(hex, MALFORMED, line.name, undefined);
        }
      }
    }
  });

  Deno.test(`Decoders refuse a Property Length past the end of ${holder.name}`, () => {
    const name = holder.name === "WILL" ? "Will Property Length" : "Property Length";
    const rest = lengthOf(holder.hex("00")) - holder.at - 1;
    for (const length of [rest + 1, 127, 128, 268_435_455]) {
      assertRefusedByAll(holder.hex(vbi(length)), MALFORMED, name, holder.at);
    }
  });

  Deno.test(`Decoders refuse a Property Length of ${holder.name} in a longer form than it needs, or longer than four bytes [MQTT-1.5.5-1]`, () => {
    const name = holder.name === "WILL" ? "Will Property Length" : "Property Length";
    for (const length of ["8000", "808000", "80808000", "8080808000", "FFFFFFFF7F"]) {
      assertRefusedByAll(holder.hex(length), MALFORMED, name, holder.at);
    }
  });

  Deno.test(`Decoders refuse values of the properties of ${holder.name} that are out of bounds`, () => {
    for (const line of PROPERTY_LINES) {
      if (!line.packets.includes(holder.name)) continue;
      const other = beside(holder, line).hex;
      for (const [value, reasonCode] of forbiddenValues(line)) {
        const hex = holder.hex(withLength(other + u8(line.id) + value));
        assertRefusedByAll(hex, reasonCode, line.name, first + lengthOf(other) + 1);
      }
    }
  });
}

const TEXT_FAULTS = [
  ["an overlong form", "C0AF"],
  ["an overlong form of three bytes", "E0809F"],
  ["an overlong form of four bytes", "F08FBFBF"],
  ["an encoded high surrogate", "EDA080"],
  ["an encoded low surrogate", "EDBFBF"],
  ["a pair of encoded surrogates", "EDA0BDEDB880"],
  ["more than U+10FFFF", "F4908080"],
  ["a lead byte of five bytes", "F888808080"],
  ["a continuation byte alone", "80"],
  ["a character cut short", "61E282"],
  ["a byte that is never used", "FF"],
] as const;

for (const { name, at, hex, field, statements } of textPlaces()) {
  Deno.test(`Decoders refuse a ${name} that is not well-formed${cited(["MQTT-1.5.4-1", ...statements])}`, () => {
    for (const [, fault] of TEXT_FAULTS) {
      // At the beginning, in the middle and at the end, and in a string too long for any shortcut.
      for (const bytes of [fault, fault + "62", "61" + fault, "61".repeat(100) + fault]) {
        assertRefusedByAll(hex(bytes), MALFORMED, field, at(hex(bytes)));
      }
    }
  });

  Deno.test(`Decoders refuse U+0000 in a ${name} [MQTT-1.5.4-2]`, () => {
    for (const bytes of ["00", "6100", "0061", "C3A900", "61".repeat(100) + "00"]) {
      assertRefusedByAll(hex(bytes), MALFORMED, field, at(hex(bytes)));
    }
  });

  Deno.test(`Decoders refuse a ${name} that is longer than the packet`, () => {
    const bytes = bytesOf(hex("78797A"));
    // The length alone is raised to the most; only the string itself has these three characters.
    const start = indexOf(bytes, [0x00, 0x03, 0x78, 0x79, 0x7a]);
    bytes[start] = 0xff;
    assertRefusedByAll(bytes.toHex(), MALFORMED, field, at(bytes.toHex()));
  });
}

function fixedHeaders(): Reject[] {
  const field = "Remaining Length";
  const longForms = ["8000", "808000", "80808000", "FF00", "FF8000", "FFFF8000", "FFFF00"];
  return [
    ...longForms.map((length): Reject => ({
      name: `a Remaining Length of ${length}, not its shortest form,`,
      hex: `30 ${length} 0001 61 00`,
      reasonCode: MALFORMED,
      field,
      offset: 1,
      statements: ["MQTT-1.5.5-1"],
    })),
    ...["8080808000", "FFFFFFFF7F", "8080808001", "FFFFFFFFFF"].map((length): Reject => ({
      name: `a Remaining Length of ${length}, five bytes,`,
      hex: `30 ${length} 0001 61 00`,
      reasonCode: MALFORMED,
      field,
      offset: 1,
    })),
    ...["C0 01 00", "D0 01 00", "D0 02 0000"].map((hex): Reject => ({
      name: `a ping with a body, ${hex},`,
      hex,
      reasonCode: MALFORMED,
      field,
      offset: 1,
    })),
    // Excess is found where it begins: after the last field.
    ...[
      ["CONNECT", `10 0E 00044D515454 05 00 0000 00 0000 00`],
      ["CONNACK", "20 04 00 00 00 00"],
      ["PUBACK", "40 05 0001 00 00 00"],
      ["PUBREC", "50 05 0001 00 00 00"],
      ["PUBREL", "62 05 0001 00 00 00"],
      ["PUBCOMP", "70 05 0001 00 00 00"],
      ["DISCONNECT", "E0 03 00 00 00"],
      ["AUTH", "F0 07 18 04 15 0001 70 00"],
    ].map(([name, hex]): Reject => ({
      name: `${name} with a byte after its last field`,
      hex: hex!,
      reasonCode: MALFORMED,
      field,
      offset: lengthOf(hex!) - 1,
    })),
  ];
}

/** CONNECT with these flags, up to the Property Length, without the payload. */
function connect(flags: string, ...payload: string[]): string {
  return whole("10", `00044D515454 05 ${flags} 003C 00`, ...payload);
}

function connects(): Reject[] {
  const unsupported = 0x84;
  const end = 13;
  return [
    ...[
      "0004 6D717474",
      "0004 4D515458",
      "0003 4D5154",
      "0000",
      "0005 4D51545435",
    ].map((name): Reject => ({
      name: `CONNECT with the Protocol Name ${name}`,
      hex: whole("10", name, "05 02 003C 00 0000"),
      reasonCode: unsupported,
      field: "Protocol Name",
      offset: 2,
      statements: ["MQTT-3.1.2-1"],
    })),
    ...[0, 3, 6, 0x85, 0xff].map((version): Reject => ({
      name: `CONNECT with Protocol Version ${version}`,
      hex: whole("10", `00044D515454 ${u8(version)} 02 003C 00 0000`),
      reasonCode: unsupported,
      field: "Protocol Version",
      offset: 8,
    })),
    ...["01", "03", "FF"].map((flags): Reject => ({
      name: `CONNECT with flags 0x${flags}, of which bit 0 is reserved,`,
      hex: connect(flags, "0000", "00 0001 77 0000", "0000", "0000"),
      reasonCode: MALFORMED,
      field: "Reserved",
      offset: 9,
      statements: ["MQTT-3.1.2-3"],
    })),
    ...["1C", "3E", "18"].map((flags): Reject => ({
      name: `CONNECT with Will QoS 3, flags 0x${flags},`,
      hex: connect(flags, "0000", "00 0001 77 0000"),
      reasonCode: MALFORMED,
      field: "Will QoS",
      offset: 9,
      statements: ["MQTT-3.1.2-12"],
    })),
    ...["08", "10", "0A", "28"].map((flags): Reject => ({
      name: `CONNECT with a Will QoS and no Will, flags 0x${flags},`,
      hex: connect(flags, "0000"),
      reasonCode: MALFORMED,
      field: "Will QoS",
      offset: 9,
      statements: ["MQTT-3.1.2-11"],
    })),
    ...["20", "22"].map((flags): Reject => ({
      name: `CONNECT with Will Retain and no Will, flags 0x${flags},`,
      hex: connect(flags, "0000"),
      reasonCode: MALFORMED,
      field: "Will Retain",
      offset: 9,
      statements: ["MQTT-3.1.2-13"],
    })),
    missing("CONNECT", "the Protocol Name", whole("10"), "Protocol Name", 2),
    missing("CONNECT", "half of its Protocol Name", whole("10", "0004 4D51"), "Protocol Name", 2),
    missing("CONNECT", "the Protocol Version", whole("10", "00044D515454"), "Protocol Version", 8),
    missing("CONNECT", "the Connect Flags", whole("10", "00044D515454 05"), "Connect Flags", 9),
    missing("CONNECT", "the Keep Alive", whole("10", "00044D515454 05 00"), "Keep Alive", 10),
    missing(
      "CONNECT",
      "half its Keep Alive",
      whole("10", "00044D515454 0500 00"),
      "Keep Alive",
      10,
    ),
    missing("CONNECT", "properties", whole("10", "00044D515454 05 00 0000"), "Property Length", 12),
    missing("CONNECT", "a Client Identifier", connect("00"), "Client Identifier", end, [
      "MQTT-3.1.3-3",
    ]),
    missing("CONNECT", "Will Properties", connect("04", "0000"), "Will Property Length", end + 2, [
      "MQTT-3.1.2-9",
    ]),
    missing("CONNECT", "a Will Topic", connect("04", "0000 00"), "Will Topic", end + 3, [
      "MQTT-3.1.2-9",
    ]),
    missing(
      "CONNECT",
      "a Will Payload",
      connect("04", "0000 00 0001 77"),
      "Will Payload",
      end + 6,
      ["MQTT-3.1.2-9"],
    ),
    missing(
      "CONNECT",
      "half its Will Payload",
      connect("04", "0000 00 0001 77 0002 78"),
      "Will Payload",
      end + 6,
    ),
    missing("CONNECT", "the User Name of its flags", connect("80", "0000"), "User Name", end + 2, [
      "MQTT-3.1.2-17",
    ]),
    missing("CONNECT", "the Password of its flags", connect("40", "0000"), "Password", end + 2, [
      "MQTT-3.1.2-19",
    ]),
    missing(
      "CONNECT",
      "half its Password",
      connect("C0", "0000", "0001 75", "0002 70"),
      "Password",
      end + 5,
    ),
    {
      name: "CONNECT with a User Name and no User Name Flag",
      hex: connect("00", "0000", text("user")),
      reasonCode: MALFORMED,
      field: "Remaining Length",
      offset: end + 2,
      statements: ["MQTT-3.1.2-16"],
    },
    {
      name: "CONNECT with a Password and no Password Flag",
      hex: connect("80", "0000", text("user"), text("pass")),
      reasonCode: MALFORMED,
      field: "Remaining Length",
      offset: end + 8,
      statements: ["MQTT-3.1.2-18"],
    },
    ...["+", "#", "w/+", "w/#"].map((topic): Reject => ({
      name: `CONNECT with the Will Topic ${topic}`,
      hex: connect("04", "0000 00", text(topic), "0000"),
      reasonCode: MALFORMED,
      field: "Will Topic",
      offset: end + 3,
      statements: ["MQTT-4.7.0-1"],
    })),
    {
      name: "CONNECT with an empty Will Topic",
      hex: connect("04", "0000 00 0000 0000"),
      reasonCode: PROTOCOL,
      field: "Will Topic",
      offset: end + 3,
      statements: ["MQTT-4.7.3-1"],
    },
    {
      name: "CONNECT with an empty Response Topic in its Will",
      hex: connect("04", "0000 03 08 0000", text("w"), "0000"),
      reasonCode: PROTOCOL,
      field: "Response Topic",
      offset: end + 4,
      statements: ["MQTT-4.7.3-1"],
    },
    {
      name: "CONNECT with Authentication Data and no Authentication Method",
      hex: whole("10", "00044D515454 05 00 0000 04 16 0001 78 0000"),
      reasonCode: PROTOCOL,
      field: "Authentication Data",
      offset: 14,
    },
  ];
}

function missing(
  packet: string,
  what: string,
  hex: string,
  field: string,
  offset: number,
  statements: readonly string[] = [],
): Reject {
  return {
    name: `${packet} without ${what}`,
    hex,
    reasonCode: MALFORMED,
    field,
    offset,
    statements,
  };
}

function connacks(): Reject[] {
  return [
    ...["02", "80", "FE", "FF", "03"].map((flags): Reject => ({
      name: `CONNACK with flags 0x${flags}, of which bits 7 to 1 are reserved,`,
      hex: `20 03 ${flags} 00 00`,
      reasonCode: MALFORMED,
      field: "Reserved",
      offset: 2,
      statements: ["MQTT-3.2.2-1"],
    })),
    ...[0x80, 0x87, 0x9f].map((code): Reject => ({
      name: `CONNACK with a session present and Reason Code 0x${u8(code)}`,
      hex: `20 03 01 ${u8(code)} 00`,
      reasonCode: PROTOCOL,
      field: "Session Present",
      offset: 2,
      statements: ["MQTT-3.2.2-6"],
    })),
    ...[
      ...["20 02 00 00", "20 02 01 00", "20 02 00 06", "20 02 00 FF"],
      ...[1, 2, 3, 4, 5].flatMap((code) => [
        `20 02 00 ${u8(code)}`,
        `20 03 00 ${u8(code)} 00`,
        `20 03 01 ${u8(code)} 00`,
        `20 04 00 ${u8(code)} 01 00`,
      ]),
    ].map((hex): Reject => ({
      name: `a CONNACK of MQTT 3, ${hex},`,
      hex,
      reasonCode: 0x84,
      field: "Connect Reason Code",
      offset: 3,
    })),
    missing("CONNACK", "a body", "20 00", "Connect Acknowledge Flags", 2),
    missing("CONNACK", "a Reason Code", "20 01 00", "Connect Reason Code", 3),
    {
      name: "CONNACK with a Reason Code that neither MQTT 5.0 nor MQTT 3 has",
      hex: "20 03 00 06 00",
      reasonCode: PROTOCOL,
      field: "Connect Reason Code",
      offset: 3,
      statements: ["MQTT-3.2.2-8"],
    },
    {
      name: "CONNACK with Authentication Data and no Authentication Method",
      hex: "20 07 00 00 04 16 0001 78",
      reasonCode: PROTOCOL,
      field: "Authentication Data",
      offset: 6,
    },
  ];
}

function publishes(): Reject[] {
  return [
    ...["#", "+", "a/#", "a/+/b", "a+", "#a"].map((topic): Reject => ({
      name: `PUBLISH to ${topic}`,
      hex: whole("30", text(topic), "00"),
      reasonCode: MALFORMED,
      field: "Topic Name",
      offset: 2,
      statements: ["MQTT-3.3.2-2", "MQTT-4.7.0-1"],
    })),
    {
      name: "PUBLISH of an empty topic without a Topic Alias",
      hex: "30 03 0000 00",
      reasonCode: PROTOCOL,
      field: "Topic Name",
      offset: 2,
      statements: ["MQTT-4.7.3-1"],
    },
    {
      name: "PUBLISH of an empty topic with other properties than a Topic Alias",
      hex: "32 07 0000 0001 02 0101",
      reasonCode: PROTOCOL,
      field: "Topic Name",
      offset: 2,
      statements: ["MQTT-4.7.3-1"],
    },
    ...["32", "3A", "34", "3D"].map((first): Reject => ({
      name: `PUBLISH 0x${first} with Packet Identifier 0`,
      hex: whole(first, "0001 61 0000 00"),
      reasonCode: PROTOCOL,
      field: "Packet Identifier",
      offset: 5,
    })),
    {
      name: "PUBLISH with Topic Alias 0",
      hex: "30 07 0001 61 03 230000",
      reasonCode: 0x94,
      field: "Topic Alias",
      offset: 7,
      statements: ["MQTT-3.3.2-8"],
    },
    ...["#", "+", "a/#", "a/+"].map((topic): Reject => ({
      name: `PUBLISH with the Response Topic ${topic}`,
      hex: whole("30", "0001 61", withLength("08" + text(topic))),
      reasonCode: PROTOCOL,
      field: "Response Topic",
      offset: 7,
      statements: ["MQTT-3.3.2-14"],
    })),
    {
      name: "PUBLISH with an empty Response Topic",
      hex: "30 07 0001 61 03 08 0000",
      reasonCode: PROTOCOL,
      field: "Response Topic",
      offset: 7,
      statements: ["MQTT-4.7.3-1"],
    },
    missing("PUBLISH", "a body", "30 00", "Topic Name", 2),
    missing("PUBLISH", "half its topic", "30 03 0002 61", "Topic Name", 2),
    missing("PUBLISH", "half the length of its topic", "30 01 00", "Topic Name", 2),
    missing("PUBLISH", "a Packet Identifier", "32 03 0001 61", "Packet Identifier", 5),
    missing("PUBLISH", "half a Packet Identifier", "34 04 0001 61 00", "Packet Identifier", 5),
    missing("PUBLISH", "a Property Length at QoS 0", "30 03 0001 61", "Property Length", 5),
    missing("PUBLISH", "a Property Length at QoS 1", "32 05 0001 61 0001", "Property Length", 7),
    missing("PUBLISH", "half its Property Length", "30 04 0001 61 80", "Property Length", 5),
  ];
}

function acknowledgements(): Reject[] {
  return [
    ["PUBACK", "40"],
    ["PUBREC", "50"],
    ["PUBREL", "62"],
    ["PUBCOMP", "70"],
    ["SUBSCRIBE", "82"],
    ["SUBACK", "90"],
    ["UNSUBSCRIBE", "A2"],
    ["UNSUBACK", "B0"],
  ].flatMap(([name, first]): Reject[] => [
    missing(name!, "a body", `${first} 00`, "Packet Identifier", 2),
    missing(name!, "half its Packet Identifier", `${first} 01 00`, "Packet Identifier", 2),
    {
      name: `${name} with Packet Identifier 0`,
      hex: `${first} 02 0000`,
      reasonCode: PROTOCOL,
      field: "Packet Identifier",
      offset: 2,
    },
    ...(Number(`0x${first}`) >= 0x80
      ? [missing(name!, "a Property Length", `${first} 02 0001`, "Property Length", 4)]
      : []),
  ]);
}

function subscribes(): Reject[] {
  const subscribe = (filter: string, options: string) =>
    whole("82", "0001 00", text(filter), options);
  const empty = (name: string, hex: string, statements: readonly string[]): Reject => ({
    name: `${name} with an empty payload`,
    hex,
    reasonCode: PROTOCOL,
    field: "Payload",
    offset: 5,
    statements,
  });
  return [
    empty("SUBSCRIBE", "82 03 0001 00", ["MQTT-3.8.3-2"]),
    empty("SUBACK", "90 03 0001 00", []),
    empty("UNSUBSCRIBE", "A2 03 0001 00", ["MQTT-3.10.3-2"]),
    empty("UNSUBACK", "B0 03 0001 00", []),
    missing("SUBSCRIBE", "options", subscribe("a", ""), "Subscription Options", 8),
    missing(
      "SUBSCRIBE",
      "options of its second filter",
      whole("82", "0001 00 0001 61 00 0001 62"),
      "Subscription Options",
      12,
    ),
    missing("SUBSCRIBE", "half a filter", whole("82", "0001 00 0002 61"), "Topic Filter", 5),
    missing(
      "UNSUBSCRIBE",
      "half its second filter",
      whole("A2", "0001 00 0001 61 00"),
      "Topic Filter",
      8,
    ),
    ...["40", "80", "C0", "41"].map((options): Reject => ({
      name: `SUBSCRIBE with options 0x${options}, of which bits 7 and 6 are reserved,`,
      hex: subscribe("a", options),
      reasonCode: MALFORMED,
      field: "Reserved",
      offset: 8,
      statements: ["MQTT-3.8.3-5"],
    })),
    ...["03", "0F", "23"].map((options): Reject => ({
      name: `SUBSCRIBE at QoS 3, options 0x${options},`,
      hex: subscribe("a", options),
      reasonCode: PROTOCOL,
      field: "Maximum QoS",
      offset: 8,
    })),
    ...["30", "3C", "32"].map((options): Reject => ({
      name: `SUBSCRIBE with Retain Handling 3, options 0x${options},`,
      hex: subscribe("a", options),
      reasonCode: PROTOCOL,
      field: "Retain Handling",
      offset: 8,
    })),
    ...["04", "0E", "2E"].map((options): Reject => ({
      name: `SUBSCRIBE with No Local on a Shared Subscription, options 0x${options},`,
      hex: subscribe("$share/g/a", options),
      reasonCode: PROTOCOL,
      field: "No Local",
      offset: 17,
      statements: ["MQTT-3.8.3-4"],
    })),
    {
      name: "SUBSCRIBE with two Subscription Identifiers",
      hex: whole("82", "0001 04 0B01 0B02 0001 61 00"),
      reasonCode: PROTOCOL,
      field: "Property Identifier",
      offset: 7,
    },
  ];
}

function disconnectsAndAuths(): Reject[] {
  const withoutMethod = (hex: string, offset: number): Reject => ({
    name: `AUTH without an Authentication Method, ${hex},`,
    hex,
    reasonCode: PROTOCOL,
    field: "Authentication Method",
    offset,
  });
  return [
    withoutMethod("F0 00", 2),
    withoutMethod("F0 02 18 00", 3),
    withoutMethod("F0 02 00 00", 3),
    withoutMethod("F0 06 18 04 1F 0001 78", 3),
    missing("AUTH", "a Property Length", "F0 01 18", "Property Length", 3),
    {
      name: "AUTH with Authentication Data and no Authentication Method",
      hex: "F0 06 18 04 16 0001 78",
      reasonCode: PROTOCOL,
      field: "Authentication Data",
      offset: 5,
    },
  ];
}

function topicFilters(): Reject[] {
  const faults: [filter: string, statement: string][] = [
    ["", "MQTT-4.7.3-1"],
    ["#/a", "MQTT-4.7.1-1"],
    ["a/#/b", "MQTT-4.7.1-1"],
    ["a#", "MQTT-4.7.1-1"],
    ["a/#b", "MQTT-4.7.1-1"],
    ["##", "MQTT-4.7.1-1"],
    ["#/", "MQTT-4.7.1-1"],
    ["a+", "MQTT-4.7.1-2"],
    ["a/+b/c", "MQTT-4.7.1-2"],
    ["++", "MQTT-4.7.1-2"],
    ["$share//a", "MQTT-4.8.2-1"],
    ["$share/", "MQTT-4.8.2-1"],
    ["$share/g", "MQTT-4.8.2-2"],
    ["$share/g/", "MQTT-4.8.2-2"],
    ["$share/+/a", "MQTT-4.8.2-2"],
    ["$share/g#/a", "MQTT-4.8.2-2"],
    ["$share/g+h/a", "MQTT-4.8.2-2"],
    ["$share/g/a#", "MQTT-4.7.1-1"],
    ["$share/g/+a", "MQTT-4.7.1-2"],
  ];
  return faults.flatMap(([filter, statement]): Reject[] => [
    {
      name: `SUBSCRIBE to "${filter}"`,
      hex: whole("82", "0001 00", text(filter), "00"),
      reasonCode: MALFORMED,
      field: "Topic Filter",
      offset: 5,
      statements: [statement],
    },
    {
      name: `UNSUBSCRIBE from "${filter}"`,
      hex: whole("A2", "0001 00 0001 61", text(filter)),
      reasonCode: MALFORMED,
      field: "Topic Filter",
      offset: 8,
      statements: [statement],
    },
  ]);
}

/** Somewhere in a packet that text stands. */
interface TextPlace {
  readonly name: string;
  readonly field: string;
  readonly statements: readonly string[];
  /** The whole packet around the bytes of the text. */
  readonly hex: (bytes: string) => string;
  /** The byte of the packet where the text begins, with its length. */
  readonly at: (packet: string) => number;
}

/** Every place for text in every packet. */
function textPlaces(): TextPlace[] {
  const place = (
    name: string,
    field: string,
    statements: readonly string[],
    before: string,
    around: (bytes: string) => string,
  ): TextPlace => ({
    name,
    field,
    statements,
    hex: around,
    // Behind the first byte, the Remaining Length and what stands before it.
    at: (packet) => 1 + remainingLengthSize(packet) + lengthOf(before),
  });
  const header = "00044D515454 05";
  const fixed: TextPlace[] = [
    place(
      "Protocol Name",
      "Protocol Name",
      [],
      "",
      (bytes) => whole("10", stringOf(bytes), "05 02 0000 00 0000"),
    ),
    place(
      "Client Identifier",
      "Client Identifier",
      ["MQTT-3.1.3-4"],
      `${header} 02 0000 00`,
      (bytes) => whole("10", `${header} 02 0000 00`, stringOf(bytes)),
    ),
    place(
      "Will Topic",
      "Will Topic",
      ["MQTT-3.1.3-11"],
      `${header} 04 0000 00 0000 00`,
      (bytes) => whole("10", `${header} 04 0000 00 0000 00`, stringOf(bytes), "0000"),
    ),
    place(
      "User Name",
      "User Name",
      ["MQTT-3.1.3-12"],
      `${header} 80 0000 00 0000`,
      (bytes) => whole("10", `${header} 80 0000 00 0000`, stringOf(bytes)),
    ),
    place(
      "Topic Name",
      "Topic Name",
      ["MQTT-3.3.2-1"],
      "",
      (bytes) => whole("30", stringOf(bytes), "00"),
    ),
    place(
      "Topic Filter of SUBSCRIBE",
      "Topic Filter",
      ["MQTT-3.8.3-1"],
      "0001 00",
      (bytes) => whole("82", "0001 00", stringOf(bytes), "00"),
    ),
    place(
      "Topic Filter of UNSUBSCRIBE",
      "Topic Filter",
      ["MQTT-3.10.3-1"],
      "0001 00",
      (bytes) => whole("A2", "0001 00", stringOf(bytes)),
    ),
  ];
  const inProperties = HOLDERS.flatMap((holder) =>
    PROPERTY_LINES.filter((line) => line.packets.includes(holder.name)).flatMap((line) => {
      const statements = line.id === 0x08
        ? ["MQTT-3.3.2-13"]
        : line.id === 0x03
        ? ["MQTT-3.3.2-19"]
        : [];
      const ofPair = line.type === "pair" ? ["MQTT-1.5.7-1"] : [];
      const inside = (what: string, before: string, after: string): TextPlace => ({
        name: `${what} of ${holder.name}`,
        field: line.name,
        statements: [...statements, ...ofPair],
        hex: (bytes) => holder.hex(withLength(before + stringOf(bytes) + after)),
        at: (packet) =>
          holder.at - 1 + remainingLengthSize(packet) + propertyLengthSize(packet, holder.at) +
          lengthOf(before),
      });
      const id = u8(line.id);
      if (line.type === "utf8") return [inside(line.name, beside(holder, line).hex + id, "")];
      if (line.type !== "pair") return [];
      const other = beside(holder, line).hex;
      return [
        inside(`${line.name}'s name`, other + id, "0000"),
        inside(`${line.name}'s value`, other + id + "0001 6E", ""),
      ];
    })
  );
  return [...fixed, ...inProperties];
}

function stringOf(bytes: string): string {
  return bytesOf(bytes).length.toString(16).padStart(4, "0") + bytes;
}

function remainingLengthSize(packet: string): number {
  return bytesOf(packet)[1]! < 0x80 ? 1 : 2;
}

function propertyLengthSize(packet: string, at: number): number {
  return bytesOf(packet)[at - 1 + remainingLengthSize(packet)]! < 0x80 ? 1 : 2;
}

function indexOf(bytes: Uint8Array, wanted: readonly number[]): number {
  return bytes.findIndex((_, index) =>
    wanted.every((byte, offset) => bytes[index + offset] === byte)
  );
}

/** The values of a property that its type allows and the standard forbids, each with its Reason Code. */
function forbiddenValues(
  line: (typeof PROPERTY_LINES)[number],
): [hex: string, reasonCode: number][] {
  if (line.type === "byte") return [["02", PROTOCOL], ["FF", PROTOCOL]];
  switch (line.id) {
    case 0x08:
      return [[text("a/#"), PROTOCOL], [text("+/a"), PROTOCOL]];
    case 0x0b:
      return [["00", PROTOCOL]];
    case 0x21:
      return [["0000", PROTOCOL]];
    case 0x23:
      return [["0000", 0x94]];
    case 0x27:
      return [["00000000", PROTOCOL]];
    default:
      return [];
  }
}

function mayRepeat(id: number, holder: string): boolean {
  return id === 0x26 || id === 0x0b && holder === "PUBLISH";
}

function flagStatements(name: string): string[] {
  const statements: Record<string, string> = {
    PUBREL: "MQTT-3.6.1-1",
    SUBSCRIBE: "MQTT-3.8.1-1",
    UNSUBSCRIBE: "MQTT-3.10.1-1",
    DISCONNECT: "MQTT-3.14.1-1",
    AUTH: "MQTT-3.15.1-1",
  };
  return statements[name] === undefined ? [] : [statements[name]];
}

/** The Reason Code by the name that the standard gives it in each packet. */
const REASON_CODE_NAMES: Readonly<Record<string, string>> = {
  CONNACK: "Connect Reason Code",
  PUBACK: "PUBACK Reason Code",
  PUBREC: "PUBREC Reason Code",
  PUBREL: "PUBREL Reason Code",
  PUBCOMP: "PUBCOMP Reason Code",
  SUBACK: "Subscribe Reason Code",
  UNSUBACK: "Unsubscribe Reason Code",
  DISCONNECT: "Disconnect Reason Code",
  AUTH: "Authenticate Reason Code",
};

/** A broken packet is refused whole, in pieces, after others, and in explanation. */
function assertRefusedByAll(
  hex: string,
  reasonCode: number,
  field: string,
  offset: number | undefined,
): void {
  const bytes = bytesOf(hex);
  assertRefused(outcomeOf(() => decodePacket(bytes)), reasonCode, field, offset);
  assertRefused(explainPacket(bytes).fault, reasonCode, field, offset);

  const afterAnother = new PacketDecoder();
  afterAnother.push(bytesOf("C0 00" + hex));
  assertEquals(afterAnother.next(), { type: "pingreq" });
  assertRefused(outcomeOf(() => afterAnother.next()), reasonCode, field, offset);

  const bytewise = new PacketDecoder();
  for (const byte of bytes) bytewise.push(Uint8Array.of(byte));
  assertRefused(outcomeOf(() => bytewise.next()), reasonCode, field, offset);
}

/** These bytes are enough for a decoder to refuse the packet: the last of them is the one that decides. */
function assertRefusedAtOnce(
  hex: string,
  reasonCode: number,
  field: string,
  offset: number,
  options?: DecoderOptions,
): void {
  const decoder = new PacketDecoder(options);
  const bytes = bytesOf(hex);
  decoder.push(bytes.subarray(0, -1));
  assertStrictEquals(decoder.next(), undefined);
  decoder.push(bytes.subarray(-1));
  assertRefused(outcomeOf(() => decoder.next()), reasonCode, field, offset);
}

function assertRefused(
  outcome: unknown,
  reasonCode: number,
  field: string,
  offset: number | undefined,
): void {
  if (!(outcome instanceof PacketError)) {
    throw new Error(`Accepted, though ${field} is wrong: ${Deno.inspect(outcome)}`);
  }
  const wanted = reasonCode === MALFORMED ? MalformedPacketError : ProtocolError;
  assertEquals(
    {
      error: outcome.constructor.name,
      reasonCode: outcome.reasonCode,
      field: outcome.field,
      offset: offset === undefined ? undefined : outcome.offset,
    },
    { error: wanted.name, reasonCode, field, offset },
    outcome.message,
  );
}

function outcomeOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
