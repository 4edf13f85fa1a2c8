// An explained packet as lines: offset, bytes in hexadecimal, meaning, and section of the standard.

import {
  type ExplainedBits,
  type ExplainedField,
  type Explanation,
  type PacketError,
  type ProtocolVersion,
  reasonCodeName,
} from "../../packets/mod.ts";
import { byteCount, putBits } from "../../wire/field.ts";
import type { Output } from "../context.ts";
import { hexByte, hexBytes, type Paint, paintFor, quoted, wrap } from "../terminal/text.ts";

/** How much is shown. */
export interface FormatOptions {
  /** Whether long values are shown to their last byte. */
  readonly full?: boolean;
  /** Names of fields whose values are not shown. */
  readonly hidden?: readonly string[];
}

/** Some bytes and what they are. */
interface Row {
  /** Their offset, if it is shown. */
  readonly offset?: number;
  /** The bytes, on as many lines as they need. */
  readonly bytes: readonly string[];
  readonly text: string;
  readonly section?: string;
}

const BYTES_ON_A_LINE = 8;
const BYTES_WIDTH = BYTES_ON_A_LINE * 3 - 1;
const OFFSET_WIDTH = 6;

/** How many bytes of a value are shown, unless it is shown in full. */
const SHOWN = 64;

/** Names of the parts of a packet, by the third number in the section that defines a field (§2). */
const PARTS = ["", "Fixed header", "Variable header", "Payload"];

/** Fields that are secret. */
export const SECRETS: readonly string[] = ["Password", "Authentication Data"];

/** A packet in full, with its direction, without its secrets. */
export function formatWhole(way: string, packet: Explanation, output: Output): string {
  const options = { full: true, hidden: SECRETS };
  return `${way} ${formatHeading(packet, output)}${formatExplanation(packet, output, options)}`;
}

/** One line that names a packet of `size` bytes, if not all of them are at hand. */
export function formatHeading(
  { packetType, section, bytes, protocolVersion }: Explanation,
  output: Output,
  size: number = bytes.length,
): string {
  const { bold, dim } = paintFor(output);
  return `${bold(packetType)}, ${byteCount(size)} ${
    dim(`${editionOf(protocolVersion)}§${section}`)
  }\n`;
}

/** Which standard's sections they are, if not those of MQTT 5.0; MQTT 3.1 has no numbers. */
export function editionOf(version: ProtocolVersion): string {
  return version < 5 ? "MQTT 3.1.1 " : "";
}

/** The lines that explain a packet to the last byte, or to its fault. */
export function formatExplanation(
  { fields, fault, bytes, protocolVersion }: Explanation,
  output: Output,
  options: FormatOptions = {},
): string {
  const paint = paintFor(output);
  const columns = Math.min(Math.max(output.columns, 60), 120);
  const lines: string[] = [];
  let part = "";
  for (const field of fields) {
    const next = partOf(field, protocolVersion < 5) ?? part;
    if (next !== part) lines.push(`  ${paint.bold(next)}`);
    part = next;
    for (const row of rowsOf(field, bytes, options)) {
      for (const line of linesOf(row, paint, columns)) lines.push(line);
    }
  }
  const last = fault === undefined ? [] : faultLines(fault, fields, bytes, paint, columns, options);
  return [...lines, ...last].map((line) => `${line}\n`).join("");
}

/** A fault as a sentence. */
function faultSentence({ message, reasonCode, edition }: PacketError): string {
  // Before MQTT 5.0 the connection is closed, and nothing is said.
  if (edition !== undefined) return message;
  const name = reasonCodeName(reasonCode, "disconnect") ?? reasonCodeName(reasonCode, "connack");
  return `${message}: Reason Code ${hexByte(reasonCode)}, ${name}`;
}

/** The part of the packet that begins with a field; `undefined` if it can be in any. */
export function partOf(
  { section }: ExplainedField,
  isOlder: boolean,
): string | undefined {
  const [chapter, first, second] = section.split(".");
  if (chapter === "2") return first === (isOlder ? "2" : "1") ? PARTS[1] : undefined;
  return PARTS[Number(second)];
}

function rowsOf(field: ExplainedField, packet: Uint8Array, options: FormatOptions): Row[] {
  const { name, section, offset, length, meaning } = field;
  const bytes = packet.subarray(offset, offset + length);
  switch (field.encoding) {
    case "utf8String":
    case "binaryData": {
      const head: Row = {
        offset,
        bytes: [hexBytes(bytes.subarray(0, 2))],
        text: `${name}, ${byteCount(length - 2)}`,
        section,
      };
      return length === 2
        ? [{ ...head, ...meaning && { text: `${head.text}: ${meaning}` } }]
        : [head, valueRow(field, bytes.subarray(2), offset + 2, options)];
    }
    case "rest":
      return length === 0
        ? [{ bytes: [], text: `${name}, 0 bytes`, section }]
        : [{ ...valueRow(field, bytes, offset, options), section }];
    case "leftOut":
      return [{
        bytes: ["omitted"],
        text: `${name} ${valueOf(field)}${suffix(meaning)}`,
        section,
      }];
    default: {
      const text = field.bits.length > 0 ? name : `${name} ${valueOf(field)}${suffix(meaning)}`;
      return [
        { offset, bytes: [hexBytes(bytes)], text, section },
        ...field.bits.map((bits) => bitsRow(bits)),
      ];
    }
  }
}

/** The value of a field and what it means, in a line; of a field made of bits, `""`. */
export function fieldText(field: ExplainedField): string {
  const { value, meaning, bits } = field;
  if (bits.length > 0) return "";
  if (value instanceof Uint8Array) return shownText(value, false) + suffix(meaning);
  if (typeof value !== "string") return valueOf(field) + suffix(meaning);
  return shownText(new TextEncoder().encode(value), false) + suffix(meaning);
}

/** The value of some bits and what it means. */
export function bitsText({ value, meaning }: ExplainedBits): string {
  return `${value}${suffix(meaning)}`;
}

function valueOf({ value, isCode }: ExplainedField): string {
  return isCode ? hexByte(Number(value)) : String(value);
}

/** Text or bytes, without their length. */
function valueRow(
  { name, encoding, meaning }: ExplainedField,
  bytes: Uint8Array,
  offset: number,
  { full = false, hidden = [] }: FormatOptions,
): Row {
  if (hidden.includes(name)) {
    return { offset, bytes: ["··"], text: `${byteCount(bytes.length)}, not shown` };
  }
  const label = encoding === "rest" ? `${name}, ${byteCount(bytes.length)}: ` : "";
  const text = `${label}${shownText(bytes, full)}${suffix(meaning)}`;
  return { offset, bytes: hexLines(bytes, full), text };
}

/** The beginning of a value, or all of it, as text, if it is text. */
function shownText(bytes: Uint8Array, full: boolean): string {
  const shown = bytes.subarray(0, full ? bytes.length : SHOWN);
  const text = textOf(shown);
  return text === undefined ? "not text" : quoted(text) + (shown.length < bytes.length ? " …" : "");
}

function bitsRow(bits: ExplainedBits): Row {
  const { name, section, mask, value } = bits;
  const byte = putBits(value, bits);
  const digits = Array.from({ length: 8 }, (_, index) => {
    const bit = 0x80 >> index;
    return (mask & bit) === 0 ? "." : (byte & bit) === 0 ? "0" : "1";
  }).join("");
  return {
    bytes: [`${digits.slice(0, 4)} ${digits.slice(4)}`],
    text: `  ${name} ${bitsText(bits)}`,
    section,
  };
}

function suffix(meaning: string | undefined): string {
  return meaning === undefined ? "" : `: ${meaning}`;
}

/** The bytes as text, if they are; a character cut at the end is omitted. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return decoder.decode(bytes, { stream: true });
  } catch {
    return undefined;
  }
}

function hexLines(bytes: Uint8Array, full: boolean): string[] {
  const end = full ? bytes.length : Math.min(bytes.length, SHOWN);
  const lines: string[] = [];
  for (let start = 0; start < end; start += BYTES_ON_A_LINE) {
    lines.push(hexBytes(bytes.subarray(start, Math.min(start + BYTES_ON_A_LINE, end))));
  }
  if (end < bytes.length) lines.push(`${byteCount(bytes.length - end)} more`);
  return lines;
}

function linesOf({ offset, bytes, text, section }: Row, paint: Paint, columns: number): string[] {
  const mark = section === undefined ? "" : `§${section}`;
  const room = columns - OFFSET_WIDTH - 2 - BYTES_WIDTH - 2;
  const indent = text.length - text.trimStart().length;
  const texts = wrap(text.trimStart(), room - indent - (mark === "" ? 0 : mark.length + 1))
    .map((line) => " ".repeat(indent) + line);
  const count = Math.max(bytes.length, texts.length);
  return Array.from({ length: count }, (_, index) => {
    const line = texts[index] ?? "";
    const isFirst = index === 0;
    const place = (isFirst && offset !== undefined ? String(offset) : "").padStart(OFFSET_WIDTH);
    const gap = " ".repeat(Math.max(1, room - line.length - mark.length));
    const end = isFirst && mark !== "" ? gap + paint.dim(mark) : "";
    return `${paint.dim(place)}  ${
      paint.cyan((bytes[index] ?? "").padEnd(BYTES_WIDTH))
    }  ${line}${end}`
      .trimEnd();
  });
}

function faultLines(
  fault: PacketError,
  fields: readonly ExplainedField[],
  packet: Uint8Array,
  paint: Paint,
  columns: number,
  { full = false }: FormatOptions,
): string[] {
  const last = fields.at(-1);
  const offset = last === undefined ? 0 : last.offset + last.length;
  const rest = packet.subarray(offset);
  const lines = rest.length === 0
    ? []
    : linesOf({ offset, bytes: hexLines(rest, full), text: "not read" }, paint, columns);
  const sentence = wrap(faultSentence(fault), columns - 4);
  return [...lines, ...sentence.map((line) => `  ${paint.red(line)}`)];
}
