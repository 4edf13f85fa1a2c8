// Text for a terminal. Nothing from the wire reaches it unescaped.

import type { Output } from "./command.ts";

/** Ways to set text off. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** Colours where the output takes them, else plain text. */
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

/**
 * Text in quotation marks, with every character escaped that a terminal might obey or hide: controls, formatting and
 * unassigned characters, and all white space but the blank.
 */
export function quoted(text: string): string {
  return `"${escaped(text.replaceAll(/["\\]/g, "\\$&"))}"`;
}

/** Likewise, without quotation marks. */
export function escaped(text: string): string {
  return text.replaceAll(/(?! )[\p{C}\p{Z}]/gu, escape);
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

/** Tells the person something, on a line of its own; in red when it is a failure. */
export function tellOf(stderr: Output, text: string, isFailure = false): void {
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

/** Breaks text into lines of at most `width` characters, at blanks where there are some. */
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
