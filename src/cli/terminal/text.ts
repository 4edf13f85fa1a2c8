// Text for a terminal: colours, wrapping, and the escaping of all that was received.

import { escaped, unseen } from "../../packets/shown.ts";
import type { Output } from "../context.ts";

export { escaped, hexByte, hexBytes, quoted } from "../../packets/shown.ts";

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
  return json.replaceAll(unseen(), (character) =>
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

/** Writes a message to the person on a line of its own; in red if it is a failure. */
export function report(stderr: Output, text: string, isFailure = false): void {
  const { red, yellow } = paintFor(stderr);
  stderr.write(`${(isFailure ? red : yellow)("mqtt5:")} ${escaped(text)}\n`);
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
