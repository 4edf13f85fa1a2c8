// @ts-check
// The diagram as text for Mermaid, which draws it in Markdown.

/** @import { Row } from "./layout.js" */

import { gapText, remarksOf } from "./layout.js";
import { eventText, nameOf, particularsOf, sizeText, subjectOf } from "./text.js";

/** So many rows Mermaid draws by default: it refuses longer texts than 50,000 characters. */
export const MERMAID_MOST = 200;

/** So many characters of a topic are shown. */
const SUBJECT_SHOWN = 80;

/**
 * A sequence diagram of rows.
 *
 * @param {readonly Row[]} rows
 * @param {ReadonlyMap<number, string | null>} names The Client Identifiers of the connections.
 */
export function mermaidText(rows, names) {
  const connections = [...new Set(rows.map(({ entry }) => entry.connection))];
  const participants = connections.map((id) => {
    const name = names.get(id) ?? "";
    return `  participant C${id} as ${escaped(name === "" ? `client #${id}` : name)}`;
  });
  const lines = ["sequenceDiagram", ...participants, "  participant S as server"];
  for (const row of rows) lines.push(...linesOf(row).map((line) => `  ${line}`));
  return `${lines.join("\n")}\n`;
}

/**
 * @param {Row} row
 * @returns {string[]}
 */
function linesOf(row) {
  const { entry } = row;
  const client = `C${entry.connection}`;
  const note = (/** @type {string} */ text) => `Note over ${client},S: ${escaped(text)}`;
  const gap = gapText(row);
  const before = gap === "" ? [] : [note(gap)];
  if (entry.type !== "packet") return [...before, note(eventText(entry))];
  const [from, to] = entry.from === "client" ? [client, "S"] : ["S", client];
  const subject = subjectOf(entry);
  const short = subject.length > SUBJECT_SHOWN ? `${subject.slice(0, SUBJECT_SHOWN)}…` : subject;
  const label = [nameOf(entry), ...particularsOf(entry), short, sizeText(entry.size)]
    .filter((part) => part !== "").join(", ");
  return [
    ...before,
    `${from}->>${to}: ${escaped(label)}`,
    ...remarksOf(entry).map(({ rule, text }) => note(`${text} ${rule}`.trim())),
  ];
}

/**
 * A text in which nothing has a meaning for Mermaid: such characters are written as entities.
 *
 * @param {string} text
 */
function escaped(text) {
  return Array.from(text, (character) => {
    if (/[\p{L}\p{N} _.,/+$()\-…·]/u.test(character)) return character;
    return `#${character.codePointAt(0)};`;
  }).join("");
}
