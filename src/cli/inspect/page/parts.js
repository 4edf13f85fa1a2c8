// @ts-check
// The parts of a packet as one list: its fields, and below a byte made of bits, those bits. And
// which part a byte belongs to.

/** @import { PacketDetail, ShownField } from "./events.ts" */

/**
 * @typedef {object} Part
 * @property {number} index Its place in the list.
 * @property {string} name
 * @property {string} section
 * @property {string} text The value and what it means.
 * @property {string} heading The part of the packet that begins here; empty if none does.
 * @property {number} offset The first of its bytes.
 * @property {number} length How many there are; 0 of what is left out.
 * @property {number} prefix How many of them are its length (§1.5.4).
 * @property {number | undefined} mask Which bits of its byte; all if `undefined`.
 * @property {ShownField} field The field that it is, or belongs to.
 */

/**
 * The parts in their order.
 *
 * @param {PacketDetail} packet
 * @returns {Part[]}
 */
export function partsOf({ fields }) {
  /** @type {Part[]} */
  const parts = [];
  let heading = "";
  for (const field of fields) {
    const { bits, encoding, length, name, offset, part = heading, section, text } = field;
    const hasPrefix = encoding === "utf8String" || encoding === "binaryData";
    parts.push({
      ...{ index: parts.length, name, section, text, offset, length, field },
      heading: part === heading ? "" : part,
      prefix: hasPrefix ? 2 : 0,
      mask: undefined,
    });
    heading = part;
    for (const { mask, name, section, text } of bits) {
      const place = { offset, length, field, heading: "", prefix: 0 };
      parts.push({ index: parts.length, name, section, text, mask, ...place });
    }
  }
  return parts;
}

/**
 * The field that a byte belongs to.
 *
 * @param {readonly Part[]} parts
 * @param {number} offset
 * @returns {Part | undefined}
 */
export function partAt(parts, offset) {
  // A field stands before its bits.
  return parts.find((part) => offset >= part.offset && offset < part.offset + part.length);
}

/**
 * Eight bits as they are written: those of the mask, and dots for the others.
 *
 * @param {number} byte
 * @param {number} mask
 */
export function bitsPattern(byte, mask) {
  const digits = Array.from({ length: 8 }, (_, index) => {
    const bit = 0x80 >> index;
    return (mask & bit) === 0 ? "." : (byte & bit) === 0 ? "0" : "1";
  }).join("");
  return `${digits.slice(0, 4)} ${digits.slice(4)}`;
}

/**
 * Where a part is, in words: `byte 0`, `bytes 2 to 7`, `bits 7 to 4 of byte 0`.
 *
 * @param {Part} part
 */
export function placeText({ length, mask, offset }) {
  if (length === 0) return "left out";
  const bytes = length === 1 ? `byte ${offset}` : `bytes ${offset} to ${offset + length - 1}`;
  if (mask === undefined) return bytes;
  const high = 31 - Math.clz32(mask);
  const low = 31 - Math.clz32(mask & -mask);
  return high === low ? `bit ${high} of ${bytes}` : `bits ${high} to ${low} of ${bytes}`;
}
