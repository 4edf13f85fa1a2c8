// @ts-check
// The diagram as a drawing that stands alone: text of an SVG document.

/** @import { PacketEntry } from "./events.ts" */
/** @import { Row } from "./layout.js" */

import { FINDINGS_SHOWN, remarksOf } from "./layout.js";
import {
  clockText,
  durationText,
  eventText,
  nameOf,
  particularsOf,
  payloadText,
  sizeText,
  subjectOf,
} from "./text.js";

/** In pixels: the whole drawing, the two lifelines, and what stands above the first row. */
const WIDTH = 960;
const CLIENT = 190;
const SERVER = WIDTH - 40;
const HEAD = 44;

/** So many characters of a label fit on an arrow; and of the name of a connection beside it. */
const LABEL_SHOWN = 110;
const NAME_SHOWN = 26;

const STYLE = [
  "text { font: 12px system-ui, sans-serif; fill: #1b2130 }",
  ".time, .pause { font-size: 11px; fill: #566074 }",
  ".name { font-weight: 600 }",
  ".fault { fill: #b3211b }",
  ".warning { fill: #835400 }",
  ".life { stroke: #b8c0cd; stroke-width: 2 }",
  ".arrow { stroke: #39435a; stroke-width: 1.5; fill: none }",
  ".wrong { stroke: #b3211b }",
].join(" ");

/**
 * The rows of a diagram, drawn.
 *
 * @param {readonly Row[]} rows
 * @param {ReadonlyMap<number, string | null>} names The Client Identifiers of the connections.
 */
export function diagramSvg(rows, names) {
  const top = rows[0]?.top ?? 0;
  const last = rows.at(-1);
  const height = HEAD + (last === undefined ? 0 : last.top + last.height - top) + 16;
  const several = new Set(rows.map(({ entry }) => entry.connection)).size > 1;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}"`,
    ` viewBox="0 0 ${WIDTH} ${height}">`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8"',
    ' markerHeight="8" orient="auto" markerUnits="userSpaceOnUse">',
    '<path d="M0 0 8 4 0 8z" fill="#39435a"/></marker></defs>',
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    line("life", CLIENT, HEAD - 14, CLIENT, height - 8),
    line("life", SERVER, HEAD - 14, SERVER, height - 8),
    text("name", CLIENT, 20, "middle", several ? "clients" : nameIn(rows, names)),
    text("name", SERVER, 20, "middle", "server"),
    ...rows.map((row) => drawn(row, HEAD + row.top - top, several ? names : undefined)),
    "</svg>",
    "",
  ].join("\n");
}

/**
 * @param {Row} row
 * @param {number} y
 * @param {ReadonlyMap<number, string | null> | undefined} names
 */
function drawn({ entry, height, pause }, y, names) {
  const middle = (CLIENT + SERVER) / 2;
  const remarks = entry.type === "packet" ? remarksOf(entry).slice(0, FINDINGS_SHOWN) : [];
  const base = y + height - remarks.length * 18;
  const name = names === undefined
    ? ""
    : ` ${short(names.get(entry.connection) || `#${entry.connection}`, NAME_SHOWN - 14)}`;
  const lines = [text("time", 8, base - 18, "start", `${clockText(entry.time)}${name}`)];
  if (pause > 0) lines.push(text("pause", middle, y + 16, "middle", durationText(pause)));
  if (entry.type !== "packet") {
    return [...lines, text("time", middle, base - 10, "middle", eventText(entry))].join("\n");
  }
  const isWrong = remarks.some(({ isWarning }) => !isWarning);
  const [start, end] = entry.from === "client" ? [CLIENT, SERVER] : [SERVER, CLIENT];
  lines.push(
    text(isWrong ? "fault" : "", middle, base - 16, "middle", labelOf(entry)),
    line(
      isWrong ? "arrow wrong" : "arrow",
      start,
      base - 8,
      end,
      base - 8,
      ' marker-end="url(#head)"',
    ),
    ...remarks.map(({ text: sentence, rule, isWarning }, index) => {
      const remark = `${short(sentence, LABEL_SHOWN)} ${rule}`;
      const kind = isWarning ? "warning" : "fault";
      return text(kind, middle, base + 8 + index * 18, "middle", remark);
    }),
  );
  return lines.join("\n");
}

/** @param {PacketEntry} packet */
function labelOf(packet) {
  const size = sizeText(packet.size);
  const parts = [nameOf(packet), ...particularsOf(packet), subjectOf(packet), payloadText(packet)];
  const label = parts.filter((part) => part !== "").join("  ");
  return `${short(label, LABEL_SHOWN)}  ${size}`;
}

/**
 * @param {readonly Row[]} rows
 * @param {ReadonlyMap<number, string | null>} names
 */
function nameIn(rows, names) {
  const id = rows[0]?.entry.connection;
  return short((id === undefined ? undefined : names.get(id)) || "client", NAME_SHOWN);
}

/**
 * @param {string} value
 * @param {number} most
 */
function short(value, most) {
  return value.length > most ? `${value.slice(0, most - 1)}…` : value;
}

/**
 * @param {string} kind
 * @param {number} x
 * @param {number} y
 * @param {"start" | "middle"} anchor
 * @param {string} value
 */
function text(kind, x, y, anchor, value) {
  return `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${escaped(value)}</text>`;
}

/**
 * @param {string} kind
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 * @param {string} [more]
 */
function line(kind, x1, y1, x2, y2, more = "") {
  return `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"${more}/>`;
}

/**
 * Text for XML: what no document may have becomes a replacement character.
 *
 * @param {string} value
 */
function escaped(value) {
  // deno-lint-ignore no-control-regex
  const allowed = value.replaceAll(/[\u0000-\u001f\u007f\ufffe\uffff]/g, "\ufffd").toWellFormed();
  return allowed.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
