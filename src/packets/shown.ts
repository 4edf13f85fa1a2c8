// What was received, as a person reads it: text in quotation marks, bytes in hexadecimal, the
// fields of an explained packet as short phrases. Nothing that a terminal might obey or hide stays
// in it.

import { byteCount } from "../wire/field.ts";
import type { ExplainedField } from "./explain.ts";

/** Escaped text in quotation marks. */
export function quoted(text: string): string {
  return `"${escaped(text.replaceAll(/["\\]/g, "\\$&"))}"`;
}

/**
 * Characters that a terminal might obey, hide or reorder: controls (C0, DEL, C1), formatting
 * characters (bidirectional, zero width), unassigned ones, and white space other than the space.
 * The variation selectors of emoji (U+FE0E, U+FE0F) are harmless. A function, since to make the
 * first one takes a millisecond, and most programs show nothing of what they received.
 */
export function unseen(): RegExp {
  return /(?![ \u{FE0E}\u{FE0F}])[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/gu;
}

/** Text that is safe for a terminal: what it might obey or hide is escaped. */
export function escaped(text: string): string {
  return text.replaceAll(unseen(), escape);
}

/** `"0x1F"`. */
export function hexByte(byte: number): string {
  return `0x${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** `"00 04 4D"`. */
export function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => hexByte(byte).slice(2)).join(" ");
}

/** Fields that only frame the others. */
const FRAMING = /^(MQTT Control Packet type|Remaining Length|(Will )?Property (Length|Identifier))/;

/** How many bytes of a value are shown. */
const SHOWN = 48;

/** A field in a few words, and the section of the standard that defines it. */
export interface Described {
  /** Its name and its value, such as `Keep Alive 30`. */
  readonly text: string;
  /** The section, such as `3.1.2.10`. */
  readonly section: string;
}

/**
 * The value of a field, or those of its bits that are not 0; nothing of a field that only frames
 * others. Of fields that are `hidden`, by their names, the value is not shown.
 */
export function describeField(
  { name, section, value, isCode, meaning, bits }: ExplainedField,
  hidden: readonly string[] = [],
): Described[] {
  if (bits.length > 0) {
    return bits
      .filter(({ name, value }) =>
        value !== 0 && name !== "MQTT Control Packet type" && name !== "Reserved flags"
      )
      .map(({ name, value, section }) => ({ text: `${name} ${value}`, section }));
  }
  if (FRAMING.test(name)) return [];
  if (hidden.includes(name)) return [{ text: `${name} not shown`, section }];
  const shown = typeof value === "string"
    ? quoted(value)
    : value instanceof Uint8Array
    ? textOrSize(value)
    : isCode
    ? `${hexByte(Number(value))}${meaning === undefined ? "" : ` ${meaning}`}`
    : String(value);
  return [{ text: `${name} ${shown}`, section }];
}

function textOrSize(bytes: Uint8Array): string {
  if (bytes.length > SHOWN) return byteCount(bytes.length);
  try {
    return quoted(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return hexBytes(bytes);
  }
}

function escape(character: string): string {
  switch (character) {
    case "\n":
      return "\\n";
    case "\r":
      return "\\r";
    case "\t":
      return "\\t";
    default:
      return `\\u{${character.codePointAt(0)!.toString(16).toUpperCase()}}`;
  }
}
