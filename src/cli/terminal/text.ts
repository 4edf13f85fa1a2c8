// Text for a terminal: colours, wrapping, and the escaping of all that was received.

import type { Output } from "../context.ts";

/** Text styles. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** Colours if the output supports them, else plain text. */
export function paintFor({ colors }: Output): Paint {
  const sgr = (code: number) => (text: string) => colors ? `\x1b[${code}m${text}\x1b[0m` : text;
  return {
    bold: sgr(1),
    dim: sgr(2),
    red: sgr(31),
    green: sgr(32),
    yellow: sgr(33),
    cyan: sgr(36),
  };
}

/** Escaped text in quotation marks. */
export function quoted(text: string): string {
  return `"${escaped(text.replaceAll(/["\\]/g, "\\$&"))}"`;
}

/**
 * Characters that a terminal might obey, hide or reorder: controls (C0, DEL, C1), formatting
 * characters (bidirectional, zero width), unassigned ones, and white space other than the space.
 * The variation selectors of emoji (U+FE0E, U+FE0F) are harmless.
 */
const UNSEEN = /(?![ \u{FE0E}\u{FE0F}])[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/gu;

/** Text that is safe for a terminal: what it might obey or hide is escaped. */
export function escaped(text: string): string {
  return text.replaceAll(UNSEEN, escape);
}

/** The same for bytes; those that are not UTF-8 become `\x9B`. */
export function escapedBytes(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = textEnd(bytes, start);
    if (end > start) parts.push(escaped(decoder.decode(bytes.subarray(start, end))));
    if (end < bytes.length) parts.push(`\\x${bytes.subarray(end, end + 1).toHex().toUpperCase()}`);
    start = end + 1;
  }
  return parts.join("");
}

/** JSON with the same value, in which such characters are written `\u009b`. */
export function escapedJson(json: string): string {
  // They occur only in strings: the JSON has no white space.
  return json.replaceAll(UNSEEN, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`,
    ).join(""));
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Where the text that starts at `start` ends: at the end, or at a byte that is not valid UTF-8.
 */
function textEnd(bytes: Uint8Array, start: number): number {
  for (let at = start; at < bytes.length;) {
    const first = bytes[at]!;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length > 1 && !isText(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return bytes.length;
}

function isText(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
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

/** Writes a message to the person on a line of its own; in red if it is a failure. */
export function report(stderr: Output, text: string, isFailure = false): void {
  const { red, yellow } = paintFor(stderr);
  stderr.write(`${(isFailure ? red : yellow)("mqtt5:")} ${escaped(text)}\n`);
}

/** `"0x1F"`. */
export function hexByte(byte: number): string {
  return `0x${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** `"00 04 4D"`. */
export function hexBytes(bytes: Uint8Array): string {
  return bytes.toHex().toUpperCase().replaceAll(/..(?=.)/g, "$& ");
}

/** Breaks text into lines of at most `width` characters, at spaces where possible. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    if (line !== "") line += " ";
    for (const character of word.length > width ? word : [word]) {
      if (line.length + character.length > width && character.length <= width) {
        lines.push(line);
        line = "";
      }
      line += character;
    }
  }
  return [...lines, line];
}
