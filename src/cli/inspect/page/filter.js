// @ts-check
// What the reader types to filter the conversation: words, and `key:value`. All of them have to
// match; `-` before one means that it must not.

/** @import { ConnectionRow, PacketEntry, PageEntry } from "./events.ts" */

import { eventText, findingText, nameOf } from "./text.js";

/**
 * @typedef {object} Term
 * @property {boolean} isNot
 * @property {string} key Empty for a word.
 * @property {string} value In lower case, but for topics.
 */

/** The keys, each with what it means, for the page's help. */
export const FILTER_KEYS = Object.freeze({
  type: "packets of a type: type:publish",
  client: "a Client Identifier or address: client:thermostat",
  topic: "a topic, or those of a Topic Filter: topic:home/+/set",
  id: "a Packet Identifier: id:7",
  qos: "a QoS: qos:2",
  from: "who has sent it: from:server",
  is: "is:dup, is:retain, is:fault, is:finding",
});

/**
 * Reads a filter. A value with spaces stands in quotes.
 *
 * @param {string} text
 * @returns {Term[]}
 */
export function parseFilter(text) {
  const terms = text.matchAll(/(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S*))/gi);
  return Array.from(terms, ([, minus, name = "", quoted, bare = ""]) => {
    const key = name.toLowerCase();
    const value = quoted ?? bare;
    // Topics may have colons, too.
    const isKey = key === "" || Object.hasOwn(FILTER_KEYS, key);
    const whole = isKey ? value : `${name}:${value}`;
    return {
      isNot: minus === "-",
      key: isKey ? key : "",
      value: key === "topic" ? whole : whole.toLowerCase(),
    };
  }).filter(({ value }) => value !== "");
}

/**
 * Whether an entry is shown.
 *
 * @param {readonly Term[]} terms
 * @param {PageEntry} entry
 * @param {ConnectionRow | undefined} connection
 */
export function matches(terms, entry, connection) {
  return terms.every((term) => matchesTerm(term, entry, connection) !== term.isNot);
}

/**
 * Whether something is wrong with an entry.
 *
 * @param {PageEntry} entry
 */
export function isFaulty(entry) {
  if (entry.type === "packet") {
    return entry.findings.length > 0 || entry.fault !== undefined || !entry.isPacket;
  }
  if (entry.type === "closed") return entry.fault !== undefined || entry.findings !== undefined;
  return entry.type === "missing";
}

/**
 * Whether a topic matches a Topic Filter (§4.7).
 *
 * @param {string} filter
 * @param {string} topic
 */
export function matchesTopic(filter, topic) {
  const levels = filter.split("/");
  const parts = topic.split("/");
  // §4.7.2: wildcards do not stand for the first level of $SYS and the like.
  if (topic.startsWith("$") && (levels[0] === "+" || levels[0] === "#")) return false;
  for (const [index, level] of levels.entries()) {
    if (level === "#") return true;
    if (index >= parts.length || level !== "+" && level !== parts[index]) return false;
  }
  return levels.length === parts.length;
}

/**
 * @param {Term} term
 * @param {PageEntry} entry
 * @param {ConnectionRow | undefined} connection
 */
function matchesTerm({ key, value }, entry, connection) {
  switch (key) {
    case "":
      return `${textOf(entry)}\n${placeOf(entry, connection)}`.toLowerCase().includes(value);
    case "client":
      return placeOf(entry, connection).toLowerCase().includes(value);
    case "type":
      return typeOf(entry).toLowerCase() === value;
    case "from":
      return "from" in entry && entry.from === value;
    default:
      return entry.type === "packet" && matchesPacket(key, value, entry);
  }
}

/**
 * @param {string} key
 * @param {string} value
 * @param {PacketEntry} packet
 */
function matchesPacket(key, value, packet) {
  switch (key) {
    case "topic":
      return topicsOf(packet).some((topic) => topic === value || matchesTopic(value, topic));
    case "id":
      return packet.packetId === Number(value);
    case "qos":
      return packet.qos === Number(value);
    case "is":
      return is(value, packet);
    default:
      return false;
  }
}

/**
 * @param {string} value
 * @param {PacketEntry} packet
 */
function is(value, packet) {
  switch (value) {
    case "dup":
      return packet.dup === true;
    case "retain":
      return packet.retain === true;
    case "finding":
      return packet.findings.length > 0;
    case "fault":
      return isFaulty(packet);
    default:
      return false;
  }
}

/** @param {PageEntry} entry */
function typeOf(entry) {
  return entry.type === "packet" ? nameOf(entry) : entry.type;
}

/** @param {PacketEntry} packet */
function topicsOf({ topic, topics = [] }) {
  return topic === undefined ? topics : [topic];
}

/**
 * @param {PageEntry} entry
 * @param {ConnectionRow | undefined} connection
 */
function placeOf(entry, connection) {
  const named = entry.type === "packet" ? entry.clientId : undefined;
  return [named, connection?.clientId, connection?.client, `#${entry.connection}`].join("\n");
}

/** @param {PageEntry} entry */
function textOf(entry) {
  if (entry.type !== "packet") return eventText(entry);
  const { fault, findings, payload, reason } = entry;
  const parts = [nameOf(entry), ...topicsOf(entry), reason?.name, fault, payload?.text];
  return [...parts, ...findings.map(findingText)].join("\n");
}
