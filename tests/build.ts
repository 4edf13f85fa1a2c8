// The bytes of packets, put together without the code under test: what a test expects must not come from what it tests.
// Everything is a string of hexadecimal digits, and nothing here is clever.

import type { AuthPacket, Packet, PublishPacket } from "../mod.ts";
import tables from "./conformance/wire_tables.json" with { type: "json" };

/** A line of the independent transcription of Table 2-4. */
export type PropertyLine = (typeof tables.properties)[number];

/** The independent transcription of Table 2-4 and of the Reason Code tables of §3. */
export const PROPERTY_LINES: readonly PropertyLine[] = tables.properties;
export const REASON_CODE_LINES: readonly (typeof tables.reasonCodes)[number][] = tables.reasonCodes;

export function u8(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, "0");
}

export function u16(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, "0");
}

export function u32(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, "0");
}

/** A Variable Byte Integer: seven bits a byte, the low ones first. */
export function vbi(value: number): string {
  return value < 128 ? u8(value) : u8(128 + value % 128) + vbi(Math.floor(value / 128));
}

export function lengthOf(hex: string): number {
  return hex.replaceAll(/\s/g, "").length / 2;
}

export function binary(hex: string): string {
  return u16(lengthOf(hex)) + hex;
}

export function text(value: string): string {
  return binary(new TextEncoder().encode(value).toHex());
}

/** A fixed header and what it counts. */
export function whole(firstByte: string, ...body: string[]): string {
  return firstByte + vbi(lengthOf(body.join(""))) + body.join("");
}

export function withLength(hex: string): string {
  return vbi(lengthOf(hex)) + hex;
}

/** Something with properties, the rest of it as short as can be. */
export interface Holder {
  /** As in the conformance table. */
  readonly name: string;
  /** As a type of packet, or "will". */
  readonly type: Exclude<Packet["type"], "pingreq" | "pingresp"> | "will";
  /** The byte where the Property Length begins, as long as the Remaining Length takes one byte. */
  readonly at: number;
  /** The whole packet around a Property Length and properties. */
  readonly hex: (lengthAndProperties: string) => string;
  /** The same packet, decoded. */
  readonly packet: (properties: object) => Packet;
  /** Properties that must be there, and as they are decoded. */
  readonly required?: { readonly hex: string; readonly properties: object };
}

const CONNECT = "00044D515454 05";
const METHOD = { hex: "15 0001 6D", properties: { authenticationMethod: "m" } };

export const HOLDERS: readonly Holder[] = [
  {
    name: "CONNECT",
    type: "connect",
    at: 12,
    hex: (properties) => whole("10", CONNECT, "00 0000", properties, "0000"),
    packet: (properties) => ({ ...PLAIN_CONNECT, properties }),
  },
  {
    name: "WILL",
    type: "will",
    at: 15,
    hex: (properties) =>
      whole("10", CONNECT, "04 0000 00", "0000", properties, "0001 77", "0001 78"),
    packet: (properties) => ({
      ...PLAIN_CONNECT,
      will: { topic: "w", payload: Uint8Array.of(0x78), qos: 0, retain: false, properties },
    }),
  },
  {
    name: "CONNACK",
    type: "connack",
    at: 4,
    hex: (properties) => whole("20", "00 00", properties),
    packet: (properties) => ({ type: "connack", sessionPresent: false, reasonCode: 0, properties }),
  },
  {
    name: "PUBLISH",
    type: "publish",
    at: 5,
    hex: (properties) => whole("30", "0001 61", properties, "FF"),
    packet: (properties) => ({ ...PLAIN_PUBLISH, properties, payload: Uint8Array.of(0xff) }),
  },
  acknowledgement("PUBACK", "puback", "40"),
  acknowledgement("PUBREC", "pubrec", "50"),
  acknowledgement("PUBREL", "pubrel", "62"),
  acknowledgement("PUBCOMP", "pubcomp", "70"),
  {
    name: "SUBSCRIBE",
    type: "subscribe",
    at: 4,
    hex: (properties) => whole("82", "0001", properties, "0001 61 00"),
    packet: (properties) => ({
      type: "subscribe",
      packetId: 1,
      properties,
      subscriptions: [
        { topicFilter: "a", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
      ],
    }),
  },
  {
    name: "SUBACK",
    type: "suback",
    at: 4,
    hex: (properties) => whole("90", "0001", properties, "00"),
    packet: (properties) => ({ type: "suback", packetId: 1, properties, reasonCodes: [0] }),
  },
  {
    name: "UNSUBSCRIBE",
    type: "unsubscribe",
    at: 4,
    hex: (properties) => whole("A2", "0001", properties, "0001 61"),
    packet: (properties) => ({ type: "unsubscribe", packetId: 1, properties, topicFilters: ["a"] }),
  },
  {
    name: "UNSUBACK",
    type: "unsuback",
    at: 4,
    hex: (properties) => whole("B0", "0001", properties, "00"),
    packet: (properties) => ({ type: "unsuback", packetId: 1, properties, reasonCodes: [0] }),
  },
  {
    name: "DISCONNECT",
    type: "disconnect",
    at: 3,
    hex: (properties) => whole("E0", "00", properties),
    packet: (properties) => ({ type: "disconnect", reasonCode: 0, properties }),
  },
  {
    name: "AUTH",
    type: "auth",
    at: 3,
    hex: (properties) => whole("F0", "18", properties),
    packet: (properties) => ({
      type: "auth",
      reasonCode: 0x18,
      properties: properties as AuthPacket["properties"],
    }),
    required: METHOD,
  },
];

/** A PUBLISH of nothing to "a". */
export const PLAIN_PUBLISH = {
  type: "publish",
  dup: false,
  qos: 0,
  retain: false,
  topic: "a",
  packetId: 0,
  properties: {},
  payload: new Uint8Array(0),
} as const satisfies Packet;

/** A CONNECT in which nothing is set. */
export const PLAIN_CONNECT = {
  type: "connect",
  protocolVersion: 5,
  bridgeMode: false,
  cleanStart: false,
  keepAlive: 0,
  properties: {},
  clientId: "",
  will: undefined,
  username: undefined,
  password: undefined,
} as const satisfies Packet;

function acknowledgement(
  name: string,
  type: "puback" | "pubrec" | "pubrel" | "pubcomp",
  firstByte: string,
): Holder {
  return {
    name,
    type,
    at: 5,
    hex: (properties) => whole(firstByte, "0001 00", properties),
    packet: (properties) => ({ type, packetId: 1, reasonCode: 0, properties }),
  };
}

/** What must stand beside a property: itself aside, what the packet requires, and a method beside its data. */
export function beside(
  holder: Holder,
  line: PropertyLine,
): { readonly hex: string; readonly properties: object } {
  if (line.id === 0x15) return { hex: "", properties: {} };
  if (line.id === 0x16) return METHOD;
  return holder.required ?? { hex: "", properties: {} };
}

/** The name of a property in our packet objects. */
export function keyOf({ name }: PropertyLine): string {
  if (name === "Subscription Identifier") return "subscriptionIdentifiers";
  if (name === "User Property") return "userProperties";
  const joined = name.replaceAll(" ", "");
  return joined[0]!.toLowerCase() + joined.slice(1);
}

/** Whether a property is always an array in our packet objects. */
export function isArray({ id }: PropertyLine): boolean {
  return id === 0x0b || id === 0x26;
}

/** Whether a byte is a number to us, and not a boolean. */
export function isNumber({ id }: PropertyLine): boolean {
  return id === 0x01 || id === 0x24;
}

/** Whether a property may not be 0. */
export function isPositive({ id }: PropertyLine): boolean {
  return id === 0x0b || id === 0x21 || id === 0x23 || id === 0x27;
}

/** Values of a property, as bytes and as decoded. */
export function samplesOf(
  line: PropertyLine,
): { readonly hex: string; readonly value: unknown }[] {
  const least = isPositive(line) ? 1 : 0;
  switch (line.type) {
    case "byte":
      return [0, 1].map((bit) => ({ hex: u8(bit), value: isNumber(line) ? bit : bit === 1 }));
    case "u16":
      return [least, 0x0102, 65_535].map((value) => ({ hex: u16(value), value }));
    case "u32":
      return [least, 0x01020304, 0x80000000, 4_294_967_295].map((value) => ({
        hex: u32(value),
        value,
      }));
    case "vbi":
      return [least, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455].map((value) => ({
        hex: vbi(value),
        value,
      }));
    case "utf8": {
      // A Response Topic is a Topic Name, which is never empty.
      const shortest = line.name === "Response Topic" ? "r" : "";
      return [shortest, "a/b", "\uFEFF\u0001é€😀\uFFFF"].map((value) => ({
        hex: text(value),
        value,
      }));
    }
    case "binary":
      return [
        { hex: "0000", value: new Uint8Array(0) },
        { hex: "0003 00FF80", value: Uint8Array.of(0x00, 0xff, 0x80) },
      ];
    case "pair":
      return [
        { hex: "0000 0000", value: ["", ""] },
        { hex: "0001 6B 0002 C3A9", value: ["k", "é"] },
      ];
    default:
      throw new Error(`No values are known of the type ${line.type}`);
  }
}

/** A property with its first value: a short one. */
export function sampleOf(line: PropertyLine): string {
  return u8(line.id) + samplesOf(line)[0]!.hex;
}

/** The first byte of every packet, as in Table 2-1 and Table 2-2; PUBLISH at QoS 0. */
export const FIRST_BYTES: readonly (readonly [name: string, firstByte: number])[] = [
  ["CONNECT", 0x10],
  ["CONNACK", 0x20],
  ["PUBLISH", 0x30],
  ["PUBACK", 0x40],
  ["PUBREC", 0x50],
  ["PUBREL", 0x62],
  ["PUBCOMP", 0x70],
  ["SUBSCRIBE", 0x82],
  ["SUBACK", 0x90],
  ["UNSUBSCRIBE", 0xa2],
  ["UNSUBACK", 0xb0],
  ["PINGREQ", 0xc0],
  ["PINGRESP", 0xd0],
  ["DISCONNECT", 0xe0],
  ["AUTH", 0xf0],
];

/** Packets with a Reason Code: where it stands and what comes with it. */
export interface ReasonCodeHolder {
  readonly name: string;
  /** The byte of the Reason Code. */
  readonly at: number;
  /** The statement of the standard that limits the codes. */
  readonly statement: string;
  /** The packet with a Reason Code, as short as can be. */
  readonly hex: (code: number) => string;
  /** The same packet, decoded. */
  readonly packet: (code: number) => object;
}

export const REASON_CODE_HOLDERS: readonly ReasonCodeHolder[] = [
  {
    name: "CONNACK",
    at: 3,
    statement: "MQTT-3.2.2-8",
    hex: (code) => `20 03 00 ${u8(code)} 00`,
    packet: (reasonCode) => ({
      type: "connack",
      sessionPresent: false,
      reasonCode,
      properties: {},
    }),
  },
  ackCodes("PUBACK", "40", "MQTT-3.4.2-1"),
  ackCodes("PUBREC", "50", "MQTT-3.5.2-1"),
  ackCodes("PUBREL", "62", "MQTT-3.6.2-1"),
  ackCodes("PUBCOMP", "70", "MQTT-3.7.2-1"),
  {
    name: "SUBACK",
    at: 6,
    statement: "MQTT-3.9.3-2",
    hex: (code) => `90 05 0001 00 01 ${u8(code)}`,
    packet: (code) => ({ type: "suback", packetId: 1, properties: {}, reasonCodes: [1, code] }),
  },
  {
    name: "UNSUBACK",
    at: 6,
    statement: "MQTT-3.11.3-2",
    hex: (code) => `B0 05 0001 00 11 ${u8(code)}`,
    packet: (code) => ({
      type: "unsuback",
      packetId: 1,
      properties: {},
      reasonCodes: [0x11, code],
    }),
  },
  {
    name: "DISCONNECT",
    at: 2,
    statement: "MQTT-3.14.2-1",
    hex: (code) => code === 0 ? "E0 00" : `E0 01 ${u8(code)}`,
    packet: (reasonCode) => ({ type: "disconnect", reasonCode, properties: {} }),
  },
  {
    name: "AUTH",
    at: 2,
    statement: "MQTT-3.15.2-1",
    hex: (code) => `F0 06 ${u8(code)} 04 ${METHOD.hex}`,
    packet: (reasonCode) => ({
      type: "auth",
      reasonCode,
      properties: { authenticationMethod: "m" },
    }),
  },
];

function ackCodes(name: string, firstByte: string, statement: string): ReasonCodeHolder {
  const type = name.toLowerCase();
  return {
    name,
    at: 4,
    statement,
    hex: (code) => code === 0 ? `${firstByte} 02 0001` : `${firstByte} 03 0001 ${u8(code)}`,
    packet: (reasonCode) => ({ type, packetId: 1, reasonCode, properties: {} }),
  };
}

/** The Reason Codes that a packet may carry; 0x8C in DISCONNECT by Table 2-6 alone. */
export function codesOf(packet: string): number[] {
  const codes = REASON_CODE_LINES.filter((line) => line.packets.includes(packet))
    .map((line) => line.code);
  return packet === "DISCONNECT" && !codes.includes(0x8c) ? [...codes, 0x8c] : codes;
}

/** The end of a test's name: the statements that it proves. */
export function cited(statements: readonly string[] | undefined): string {
  return (statements ?? []).map((statement) => ` [${statement}]`).join("");
}

/** A packet that must be a PUBLISH. */
export function publishOf(packet: Packet | undefined): PublishPacket {
  if (packet?.type !== "publish") throw new Error(`Not a PUBLISH: ${Deno.inspect(packet)}`);
  return packet;
}
