// @ts-check
/// <reference lib="dom" />
// What stands above the bytes of a packet: what it is, what was found in it, and the packets that
// belong to it.

/** @import { PacketDetail, PacketEntry } from "./events.ts" */

import { copyButton } from "./clipboard.js";
import { element } from "./dom.js";
import { sectionLink, statementLink } from "./standard.js";
import { clockText, countText, durationText, nameOf, sentenceOf, subjectOf } from "./text.js";

/** So many of the packets that belong together are shown: the first, and the last. */
const FIRST_SHOWN = 4;
const LAST_SHOWN = 8;

/**
 * The elements above the bytes.
 *
 * @param {PacketEntry} entry
 * @param {PacketDetail} packet
 * @param {readonly PacketEntry[]} related The packets of its exchange, itself too.
 * @param {(n: number) => void} select Selects another.
 * @returns {Node[]}
 */
export function headOf(entry, packet, related, select) {
  const { edition, section, size } = packet;
  const way = entry.from === "client" ? "client → server" : "server → client";
  const where = `${way} · ${clockText(entry.time)} · ${countText(size, "byte")} · `;
  const subject = subjectOf(entry);
  const parts = [
    element(
      "div",
      { class: "detail-title" },
      element("h2", { class: `name ${entry.from}` }, nameOf(entry)),
      copyButtons(packet),
    ),
    element(
      "p",
      { class: "muted" },
      where,
      section === undefined ? `#${entry.connection}` : sectionLink(section, edition),
    ),
    subject === "" ? null : element("bdi", { class: "subject" }, subject),
    findingsOf(packet),
    related.length < 2 ? null : exchange(entry, related, select),
  ];
  return parts.filter((part) => part !== null);
}

/** @param {PacketDetail} packet */
function copyButtons({ decode, hex, json }) {
  return element(
    "span",
    { class: "copy" },
    copyButton("Copy hex", () => hex),
    copyButton("Copy JSON", () => JSON.stringify(json, undefined, 2)),
    decode === undefined ? null : copyButton("Copy command", () => decode),
  );
}

/** @param {PacketDetail} packet */
function findingsOf({ fault, findings }) {
  const isTold = findings.some(({ message }) => message === fault);
  const items = [
    ...fault === undefined || isTold ? [] : [element("li", { class: "remark" }, fault)],
    ...findings.map((finding) => findingItem(finding)),
  ];
  return items.length === 0 ? null : element("ul", { class: "findings" }, ...items);
}

/** @param {PacketDetail["findings"][number]} finding */
function findingItem(finding) {
  const { section, severity, statement } = finding;
  const rule = statement === undefined ? sectionLink(section) : statementLink(statement);
  const kind = severity === "warning" ? "remark warning" : "remark";
  return element("li", { class: kind }, `${sentenceOf(finding)} `, rule);
}

/**
 * The packets that belong together, as buttons, each with its time after the first.
 *
 * @param {PacketEntry} entry
 * @param {readonly PacketEntry[]} related
 * @param {(n: number) => void} select
 */
function exchange(entry, related, select) {
  const start = /** @type {PacketEntry} */ (related[0]).time;
  // A PUBLISH may be sent again any number of times.
  const shown = related.filter((_, index) => {
    return index < FIRST_SHOWN || index >= related.length - LAST_SHOWN;
  });
  const steps = shown.map(({ from, n, name, time }, index) => {
    const current = n === entry.n ? "step" : null;
    const when = index === 0
      ? null
      : element("span", { class: "when" }, `+${durationText(time - start)}`);
    const attributes = { type: "button", "aria-current": current, click: () => select(n) };
    return element("button", attributes, `${from === "client" ? "→" : "←"} ${name}`, when);
  });
  return element("nav", { class: "exchange", "aria-label": "Exchange" }, ...steps);
}
