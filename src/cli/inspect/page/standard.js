// @ts-check
/// <reference lib="dom" />
// Links to the standard. They lead out of this page, which is why they are few, say where they
// lead, and tell nobody where they come from.

import { element } from "./dom.js";
import { anchorOf } from "./sections.js";

const STANDARD = "https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html";

/**
 * A link to a section: `§3.1.2.10`. Of an older standard it is only named.
 *
 * @param {string} section
 * @param {string} [edition] The older standard, such as `MQTT 3.1.1`.
 */
export function sectionLink(section, edition) {
  if (edition !== undefined) return element("span", {}, `${edition} §${section}`);
  return link(`§${section}`, anchorOf(section) ?? "", `Section ${section} of the standard`);
}

/**
 * A link to a normative statement: `[MQTT-3.1.2-21]`.
 *
 * @param {string} statement
 */
export function statementLink(statement) {
  // In a text fragment, which browsers look for in the document, "-" has a meaning of its own.
  const text = encodeURIComponent(`[${statement}]`).replaceAll("-", "%2D");
  const section = statement.slice("MQTT-".length, statement.lastIndexOf("-"));
  const fragment = `${anchorOf(section) ?? ""}:~:text=${text}`;
  return link(`[${statement}]`, fragment, `Statement ${statement} of the standard`);
}

/**
 * @param {string} text
 * @param {string} fragment Where in the standard.
 * @param {string} title
 */
function link(text, fragment, title) {
  return element("a", {
    href: `${STANDARD}#${fragment}`,
    target: "_blank",
    rel: "noreferrer noopener",
    title: `${title}, at docs.oasis-open.org`,
  }, text);
}
