// @ts-check
// What a payload is, as far as its bytes tell: a number, JSON, text or bytes; and how it is written
// so that nothing in it is invisible.

import { isJson } from "./payload_json.js";

/**
 * A payload, or its beginning.
 *
 * @typedef {object} Payload
 * @property {number} size how many bytes it has
 * @property {string} [text] what there is of it, if that is UTF-8
 * @property {string} [hex] what there is of it, if it is not
 * @property {boolean} isCut whether there is more than this
 */

/** @typedef {"empty" | "number" | "json" | "text" | "bytes"} PayloadKind */

const NUMBER = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/;

/** What is not seen where it stands, or moves what stands beside it. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\ufffc\ufffd]/gu;

/** @type {Readonly<Record<string, string>>} */
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0" };

/** How many bytes stand on a line of a dump. */
const LINE = 16;

/**
 * The number that a text is.
 *
 * @param {string} text
 * @returns {number | undefined}
 */
export function numberIn(text) {
  if (!NUMBER.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}

/**
 * What a payload seems to be.
 *
 * @param {Payload} payload
 * @returns {PayloadKind}
 */
export function payloadKind({ size, text, isCut }) {
  if (size === 0) return "empty";
  if (text === undefined) return "bytes";
  if (!isCut && numberIn(text) !== undefined) return "number";
  if (!/^\s*[[{]/.test(text)) return "text";
  return isCut || isJson(text) ? "json" : "text";
}

/**
 * A text in which all characters that are not seen stand as they would in a string of JavaScript.
 *
 * @param {string} text
 * @param {{ keepsLines?: boolean }} [options] whether ends of lines and tabs stay
 * @returns {string}
 */
export function visible(text, { keepsLines = false } = {}) {
  return text.replaceAll(INVISIBLE, (character) => {
    if (keepsLines && (character === "\n" || character === "\t")) return character;
    const number = /** @type {number} */ (character.codePointAt(0));
    return NAMED[character] ?? `\\u{${number.toString(16)}}`;
  });
}

/**
 * A payload in so many characters on one line.
 *
 * @param {Payload} payload
 * @param {number} length
 * @returns {string}
 */
export function preview({ size, text, hex, isCut }, length) {
  if (size === 0) return "";
  const all = text === undefined
    ? (hex ?? "").slice(0, 3 * length).replaceAll(/..(?=.)/g, "$& ")
    : visible(text.slice(0, length + 1).replaceAll(/\s+/g, " "));
  return all.length > length || isCut ? `${all.slice(0, length)}…` : all;
}

/**
 * The lines of a dump: where each begins, its bytes, and the characters of ASCII among them.
 *
 * @param {string} hex
 * @returns {{ offset: string, bytes: string, characters: string }[]}
 */
export function dump(hex) {
  const lines = [];
  for (let at = 0; at < hex.length; at += 2 * LINE) {
    const bytes = Array.from(hex.slice(at, at + 2 * LINE).matchAll(/../g), ([byte]) => byte);
    const characters = bytes.map((byte) => {
      const code = parseInt(byte, 16);
      return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : "·";
    });
    const offset = (at / 2).toString(16).padStart(4, "0");
    lines.push({ offset, bytes: bytes.join(" "), characters: characters.join("") });
  }
  return lines;
}

/**
 * The bytes of a payload in hexadecimal, as far as they are known.
 *
 * @param {Payload} payload
 * @returns {string}
 */
export function hexOf({ text, hex }) {
  if (hex !== undefined) return hex;
  return Array.from(
    new TextEncoder().encode(text ?? ""),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
}

/**
 * A payload from its bytes in hexadecimal; text if they are UTF-8.
 *
 * @param {string} hex
 * @param {number} size how many bytes the whole payload has
 * @returns {Payload}
 */
export function payloadFrom(hex, size) {
  const isCut = hex.length < 2 * size;
  const bytes = Uint8Array.from(hex.matchAll(/../g), ([byte]) => parseInt(byte, 16));
  try {
    // A cut may go through a character.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes, { stream: isCut });
    return { size, text, isCut };
  } catch {
    return { size, hex, isCut };
  }
}
