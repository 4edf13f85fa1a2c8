// @ts-check
/// <reference lib="dom" />
// Links to the standard. They lead out of this page, which is why they are few, say where they lead,
// and tell nobody where they come from.

import { element } from "./dom.js";

const STANDARD = "https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html";

/**
 * A link to a section: `§3.1.2.10`.
 *
 * @param {string} section
 */
export function sectionLink(section) {
  return link(`§${section}`, section, `Section ${section} of the standard`);
}

/**
 * A link to a normative statement: `[MQTT-3.1.2-21]`.
 *
 * @param {string} statement
 */
export function statementLink(statement) {
  return link(`[${statement}]`, `[${statement}]`, `Statement ${statement} of the standard`);
}

/**
 * @param {string} text
 * @param {string} place What the browser looks for there.
 * @param {string} title
 */
function link(text, place, title) {
  // In a text fragment "-" has a meaning of its own.
  const fragment = encodeURIComponent(place).replaceAll("-", "%2D");
  return element("a", {
    href: `${STANDARD}#:~:text=${fragment}`,
    target: "_blank",
    rel: "noreferrer noopener",
    title: `${title}, at docs.oasis-open.org`,
  }, text);
}
