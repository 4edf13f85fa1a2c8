// @ts-check
// The diagram as a drawing that stands alone: text of an SVG document.

/** @import { PacketEntry, PageEntry } from "./events.ts" */
/** @import { Row } from "./layout.js" */

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

/** In pixels: the whole drawing, the two lifelines, and what stands above the first row. */
const WIDTH = 960;
const CLIENT = 190;
const SERVER = WIDTH - 40;
const HEAD = 44;

/** The colours of exchanges, of what is in none, and of faults: those of page.css in the light. */
const HUES = [
  "#1f55c4",
  "#97480a",
  "#1d7340",
  "#9b2c86",
  "#0b6b82",
  "#6c5a00",
  "#5b45b8",
  "#8a3b3b",
];
const PLAIN = "#39435a";
const FAULT = "#b3211b";

/** So many characters of a label fit on an arrow; and of the name of a connection beside it. */
const LABEL_SHOWN = 110;
const NAME_SHOWN = 26;

const STYLE = [
  "text { font: 12px system-ui, sans-serif; fill: #1b2130 }",
  ".time, .pause { font-size: 11px; fill: #566074 }",
  ".name { font-weight: 600 }",
  ".more { font-weight: 400; fill: #39435a }",
  ".fault { fill: #b3211b }",
  ".warning { fill: #835400 }",
  ".life { stroke: #b8c0cd; stroke-width: 2 }",
].join(" ");

/**
 * The rows of a diagram, drawn.
 *
 * @param {readonly Row[]} rows
 * @param {ReadonlyMap<number, string | null>} names The Client Identifiers of the connections.
 * @param {(entry: PageEntry) => number} hueOf The colour of an entry's exchange; -1 if it has none.
 */
export function diagramSvg(rows, names, hueOf) {
  const top = rows[0]?.top ?? 0;
  const last = rows.at(-1);
  const height = HEAD + (last === undefined ? 0 : last.top + last.height - top) + 16;
  const several = new Set(rows.map(({ entry }) => entry.connection)).size > 1;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}"`,
    ` viewBox="0 0 ${WIDTH} ${height}">`,
    `<style>${STYLE}</style>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...[CLIENT, SERVER].map((x) => `<path class="life" d="M${x} ${HEAD - 14}V${height - 8}"/>`),
    text("name", CLIENT, 20, "middle", several ? "clients" : nameIn(rows, names)),
    text("name", SERVER, 20, "middle", "server"),
    ...rows.map((row) => {
      const colour = HUES[hueOf(row.entry)] ?? PLAIN;
      return drawn(row, HEAD + row.top - top, several ? names : undefined, colour);
    }),
    "</svg>",
    "",
  ].join("\n");
}

/**
 * @param {Row} row
 * @param {number} y
 * @param {ReadonlyMap<number, string | null> | undefined} names
 * @param {string} colour
 */
function drawn(row, y, names, colour) {
  const { entry, height } = row;
  const gap = gapText(row);
  const middle = (CLIENT + SERVER) / 2;
  const remarks = remarksOf(entry).slice(0, FINDINGS_SHOWN);
  const base = y + height - remarksHeight(entry);
  const name = names === undefined
    ? ""
    : ` ${short(names.get(entry.connection) || `#${entry.connection}`, NAME_SHOWN - 14)}`;
  const lines = [text("time", 8, base - 18, "start", `${clockText(entry.time)}${name}`)];
  if (gap !== "") lines.push(text("pause", middle, y + 16, "middle", gap));
  lines.push(...remarks.map(({ text: sentence, rule, isWarning }, index) => {
    const remark = `${short(sentence, LABEL_SHOWN)} ${rule}`;
    const kind = isWarning ? "warning" : "fault";
    return text(kind, middle, base + 8 + index * 18, "middle", remark);
  }));
  if (entry.type !== "packet") {
    const event = short(briefText(entry), LABEL_SHOWN);
    return [...lines, text("time", middle, base - 10, "middle", event)].join("\n");
  }
  const isWrong = remarks.some(({ isWarning }) => !isWarning);
  const [start, end] = entry.from === "client" ? [CLIENT, SERVER] : [SERVER, CLIENT];
  lines.push(
    label(entry, middle, base - 16, isWrong ? FAULT : colour),
    arrow(start, end, base - 8, isWrong ? FAULT : colour),
  );
  return lines.join("\n");
}

/**
 * @param {PacketEntry} packet
 * @param {number} x
 * @param {number} y
 * @param {string} colour
 */
function label(packet, x, y, colour) {
  const payload = payloadText(packet);
  const about = [...particularsOf(packet), subjectOf(packet), payload === "" ? "" : `"${payload}"`];
  const more = short(about.filter((part) => part !== "").join(" · "), LABEL_SHOWN);
  const rest = [more, sizeText(packet.size)].filter((part) => part !== "").join(" · ");
  return `<text class="name" x="${x}" y="${y}" text-anchor="middle"><tspan fill="${colour}">` +
    `${escaped(nameOf(packet))}</tspan><tspan class="more" dx="8">${escaped(rest)}</tspan></text>`;
}

/**
 * @param {number} start
 * @param {number} end
 * @param {number} y
 * @param {string} colour
 */
function arrow(start, end, y, colour) {
  const back = end > start ? end - 9 : end + 9;
  return `<path class="arrow" d="M${start} ${y}H${back}" stroke="${colour}" stroke-width="1.5"/>` +
    `<path d="M${end} ${y}L${back} ${y - 5}V${y + 5}Z" fill="${colour}"/>`;
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
 * Text for XML: what no document may have becomes a replacement character.
 *
 * @param {string} value
 */
function escaped(value) {
  // deno-lint-ignore no-control-regex
  const allowed = value.replaceAll(/[\u0000-\u001f\u007f\ufffe\uffff]/g, "\ufffd").toWellFormed();
  return allowed.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
