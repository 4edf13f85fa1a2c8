// @ts-check
// What a whole PUBLISH tells of a topic beyond its row: all of the payload, and the properties.

/** @import { PacketDetail, ShownPayload, TopicRow } from "./events.ts" */

import { payloadFrom, visible } from "./payload.js";

/** The sections of the properties of PUBLISH begin so; the first is of their length. */
const PROPERTIES = "3.3.2.3.";
const PROPERTY_LENGTH = "3.3.2.3.1";

/** The section of the payload. */
const PAYLOAD = "3.3.3";

/**
 * A property for the eyes.
 *
 * @typedef {object} Property
 * @property {string} name
 * @property {string} value with what it means
 * @property {string} section
 */

/**
 * The last payload of a topic: of a long one all that mqtt5 keeps, once it has come, and until then
 * that of the message before.
 *
 * @param {TopicRow} row
 * @param {PacketDetail | undefined} packet
 * @returns {ShownPayload}
 */
export function payloadOf({ last: { payload } }, packet) {
  const field = packet?.fields.find(({ section }) => section === PAYLOAD);
  if (!payload.isCut || packet === undefined || field === undefined) return payload;
  return payloadFrom(packet.hex.slice(2 * field.offset), packet.size - field.offset);
}

/**
 * The properties of a message. Of a User Property the name and the value are one.
 *
 * @param {PacketDetail} packet
 * @returns {Property[]}
 */
export function propertiesIn({ fields }) {
  /** @type {Property[]} */
  const properties = [];
  for (const field of fields) {
    const { name, section, text } = field;
    if (!section.startsWith(PROPERTIES) || section === PROPERTY_LENGTH) continue;
    const last = properties.at(-1);
    const value = visible(text);
    if (name === "User Property value" && last !== undefined) last.value += `: ${value}`;
    else {
      const shown = name === "User Property name" ? "User Property" : name;
      properties.push({ name: shown, value, section });
    }
  }
  return properties;
}
