// @ts-check
/// <reference lib="dom" />
// One row of the diagram: an arrow from one lifeline to the other with what it carries, or what has
// happened on the connection.

/** @import { PacketEntry, PageEntry } from "./events.ts" */
/** @import { Membership } from "./exchanges.js" */
/** @import { Lane, Remark, Row } from "./layout.js" */

import { element } from "./dom.js";
import { isFaulty } from "./filter.js";
import { FINDINGS_SHOWN, gapText, remarksHeight, remarksOf } from "./layout.js";
import {
  briefText,
  clockText,
  nameOf,
  particularsOf,
  payloadText,
  sizeText,
  subjectOf,
} from "./text.js";

/**
 * Fills an option with a row.
 *
 * @param {HTMLElement} option
 * @param {Row} row
 * @param {object} about
 * @param {string} about.connection What the connection is called; empty if it need not be said.
 * @param {Membership | undefined} about.membership
 * @param {boolean} about.isRelated Whether it belongs to the exchange of the selected packet.
 */
export function drawRow(option, row, { connection, membership, isRelated }) {
  const { entry, lanes } = row;
  const gap = gapText(row);
  option.className = `option row ${entry.type}`;
  option.classList.toggle("related", isRelated);
  // The time and the lanes are beside the arrow, above the remarks.
  option.style.setProperty("--below", `${remarksHeight(entry)}px`);
  if (gap !== "") option.append(element("span", { class: "pause" }, gap));
  const time = element("span", { class: "time" }, element("span", {}, clockText(entry.time)));
  const isPacket = entry.type === "packet";
  if (connection !== "" && isPacket) time.append(element("bdi", { class: "chip" }, connection));
  const body = isPacket ? packetBody(entry, membership) : eventBody(entry, connection);
  option.append(time, lanesOf(lanes), body);
}

/**
 * @param {Exclude<PageEntry, PacketEntry>} entry
 * @param {string} connection
 */
function eventBody(entry, connection) {
  const text = `${connection} ${briefText(entry)}`.trim();
  const kind = isFaulty(entry) ? "event fault" : "event";
  // What does not fit is in the tip.
  const event = element("bdi", { class: kind, title: text }, text);
  return element("span", { class: "told" }, event, ...remarkLines(remarksOf(entry)));
}

/**
 * @param {PacketEntry} packet
 * @param {Membership | undefined} membership
 */
function packetBody(packet, membership) {
  const particulars = particularsOf(packet).map((part) => {
    const isMark = part === "DUP" || part === "cut off";
    return element("span", { class: isMark ? "mark" : null }, part);
  });
  // DUP says it already.
  if (membership?.isRepeated && !packet.dup) {
    particulars.push(element("span", { class: "mark" }, "again"));
  }
  const subject = subjectOf(packet);
  const payload = payloadText(packet);
  const remarks = remarksOf(packet);
  const isFaulty = remarks.some(({ isWarning }) => !isWarning) || !packet.isPacket;
  const hue = membership?.exchange.hue ?? -1;
  return element(
    "span",
    { class: `message from-${packet.from} hue${hue}${isFaulty ? " faulty" : ""}` },
    element(
      "span",
      { class: "label" },
      element("span", { class: "unseen" }, packet.from === "client" ? "to server" : "to client"),
      element("b", {}, nameOf(packet)),
      ...particulars,
      subject === "" ? null : element("bdi", { class: "subject" }, subject),
      payload === "" ? null : element("bdi", { class: "payload" }, payload),
      element("span", { class: "size" }, sizeText(packet.size)),
    ),
    element("span", { class: "line" }),
    ...remarkLines(remarks),
  );
}

/** @param {readonly Remark[]} remarks The first of them have a line. */
function remarkLines(remarks) {
  return remarks.slice(0, FINDINGS_SHOWN).map(({ text, rule, isWarning }, index) => {
    const more = remarks.length - FINDINGS_SHOWN;
    const isLast = index === FINDINGS_SHOWN - 1 && more > 0;
    return element(
      "span",
      { class: isWarning ? "remark warning" : "remark" },
      element("span", {}, text),
      element("b", {}, isLast ? `${rule} and ${more} more` : rule),
    );
  });
}

/** @param {readonly (Lane | undefined)[]} lanes */
function lanesOf(lanes) {
  return element(
    "span",
    { class: "lanes" },
    ...lanes.map((lane) => {
      const kind = lane === undefined ? "" : ` ${lane.part} hue${lane.exchange.hue}`;
      return element("span", { class: `lane${kind}` });
    }),
  );
}
