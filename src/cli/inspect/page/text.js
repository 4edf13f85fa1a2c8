// @ts-check
// Numbers, times and packets as short texts, the same in the diagram, in lists and in exports.

import { visible } from "./payload.js";

/** @import { PacketEntry, PageEntry } from "./events.ts" */

const NUMBER = new Intl.NumberFormat("en");

/** So many characters of a payload are shown in a row. */
const PAYLOAD_SHOWN = 40;

/**
 * A number with separators: `12,345`.
 *
 * @param {number} value
 */
export function numberText(value) {
  return NUMBER.format(value);
}

/**
 * A count with its noun: `1 packet`, `12,345 packets`.
 *
 * @param {number} value
 * @param {string} noun
 */
export function countText(value, noun) {
  return `${numberText(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/**
 * A size: `42 B`, `1.4 kB`, `12 MB`.
 *
 * @param {number} bytes
 */
export function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const [value, unit] = bytes < 999_500 ? [bytes / 1000, "kB"] : [bytes / 1_000_000, "MB"];
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/**
 * A length of time: `0.8 ms`, `12 ms`, `3.4 s`, `12 min 5 s`.
 *
 * @param {number} milliseconds
 */
export function durationText(milliseconds) {
  if (milliseconds < 9.95) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 9950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${numberText(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/**
 * The time of day to the millisecond: `14:02:07.120`.
 *
 * @param {number} time In milliseconds since 1970.
 */
export function clockText(time) {
  const date = new Date(time);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${clock}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/**
 * What a packet is called in a row.
 *
 * @param {PacketEntry} packet
 */
export function nameOf({ name, isPacket, findings }) {
  if (isPacket) return name;
  // What breaks a rule of MQTT is meant to be MQTT.
  return findings.length > 0 ? "malformed packet" : "not MQTT";
}

/**
 * The particulars of a packet, the most telling first; the topic and the payload stand apart.
 *
 * @param {PacketEntry} packet
 * @returns {string[]}
 */
export function particularsOf(packet) {
  const { name, qos, dup, retain, packetId, alias, reason, isWhole } = packet;
  /** @type {string[]} */
  const parts = [];
  if (dup) parts.push("DUP");
  if (qos !== undefined) parts.push(`QoS ${qos}`);
  if (retain) parts.push("retain");
  if (packetId !== undefined) parts.push(`id ${packetId}`);
  if (alias !== undefined) parts.push(`alias ${alias}`);
  const tells = reason !== undefined && (reason.code !== 0 || TELLING.has(name));
  if (reason !== undefined && tells) parts.push(reason.name);
  if (!isWhole) parts.push("cut off");
  return parts;
}

/** Packets whose Reason Code is shown when it is 0, too. */
const TELLING = new Set(["CONNACK", "SUBACK", "UNSUBACK", "DISCONNECT", "AUTH"]);

/**
 * What a packet is about: its topic, Topic Filters or Client Identifier.
 *
 * @param {PacketEntry} packet
 */
export function subjectOf({ topic, topics, clientId }) {
  return visible(topics?.join(", ") ?? topic ?? clientId ?? "");
}

/**
 * The beginning of a payload in one line, where it is text.
 *
 * @param {PacketEntry} packet
 */
export function payloadText({ payload }) {
  const text = payload?.text;
  if (text === undefined || text === "") return "";
  const short = visible(text.slice(0, PAYLOAD_SHOWN).replaceAll(/\s+/g, " "));
  return payload?.isCut || text.length > PAYLOAD_SHOWN ? `${short}…` : short;
}

/**
 * What has happened on a connection, with what was found then.
 *
 * @param {Exclude<PageEntry, PacketEntry>} entry
 */
export function eventText(entry) {
  const findings = entry.type === "closed" ? entry.findings ?? [] : [];
  return [briefText(entry), ...findings.map(findingText)].join("; ");
}

/**
 * What has happened on a connection.
 *
 * @param {Exclude<PageEntry, PacketEntry>} entry
 */
export function briefText(entry) {
  switch (entry.type) {
    case "opened":
      return "connected";
    case "ended":
      return `the ${entry.from} sends no more`;
    case "missing":
      return `${sizeText(entry.count)} of the ${entry.from} are missing`;
    case "closed":
      return entry.fault === undefined ? "closed" : `closed: ${entry.fault}`;
  }
}

/** @typedef {import("../../../monitor/mod.ts").Finding} Finding */

/**
 * The rule that a finding goes by: `[MQTT-3.3.4-9]` or `§3.3.4`.
 *
 * @param {Pick<Finding, "statement" | "section">} finding
 */
export function ruleOf({ statement, section }) {
  return statement === undefined ? `§${section}` : `[${statement}]`;
}

/**
 * What a finding says, without its rule.
 *
 * @param {Finding} finding
 */
export function sentenceOf(finding) {
  return visible(finding.message.replace(ruleOf(finding), "").replace("()", "").trim());
}

/**
 * A finding as a sentence with its rule.
 *
 * @param {Finding} finding
 */
export function findingText(finding) {
  return `${sentenceOf(finding)} ${ruleOf(finding)}`;
}
