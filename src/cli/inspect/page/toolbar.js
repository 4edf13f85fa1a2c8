// @ts-check
/// <reference lib="dom" />
// What stands above the diagram: the filter, pause and export.

/** @import { Feed } from "./feed.js" */
/** @import { Diagram } from "./diagram.js" */
/** @import { PageEntry } from "./events.ts" */

import { copyButton, saveText } from "./clipboard.js";
import { drawOn, element, setAttribute, setText } from "./dom.js";
import { MERMAID_MOST, mermaidText } from "./mermaid.js";
import { diagramSvg } from "./svg.js";
import { numberText } from "./text.js";

/** The packets that can be shown alone. */
const TYPES = [
  "CONNECT",
  "CONNACK",
  "PUBLISH",
  "PUBACK",
  "PUBREC",
  "PUBREL",
  "PUBCOMP",
  "SUBSCRIBE",
  "SUBACK",
  "UNSUBSCRIBE",
  "UNSUBACK",
  "PINGREQ",
  "PINGRESP",
  "DISCONNECT",
  "AUTH",
];

/** A type in the text of a filter. */
const TYPE_TERM = /(?:^|\s)type:(\S+)/i;

/** The field of the filter, which `/` goes to. */
export const FILTER_ID = "filter";

/**
 * The tools of the diagram.
 *
 * @param {Feed} feed
 * @param {Diagram} diagram
 */
export function toolbar({ model }, diagram) {
  const field = filterField(model, diagram);
  const types = typeField(model);
  const findings = element("button", {
    type: "button",
    title: "Only packets with findings (f)",
    click: () => model.setFilter({ onlyFindings: !model.onlyFindings }),
  }, "Findings");
  const pause = element("button", {
    type: "button",
    title: "Pause or resume (Space)",
    click: () => model.pause(!model.isPaused),
  });
  drawOn(model, ["filter"], () => {
    setAttribute(findings, "aria-pressed", String(model.onlyFindings));
  });
  drawOn(model, ["paused"], () => {
    setAttribute(pause, "aria-pressed", String(model.isPaused));
    setText(pause, model.isPaused ? "Paused" : "Pause");
  });
  const tools = element(
    "span",
    { class: "tools" },
    types,
    findings,
    pause,
    exportMenu(model, diagram),
  );
  return element("div", { class: "toolbar", role: "search" }, field, tools);
}

/**
 * @param {Feed["model"]} model
 * @param {Diagram} diagram
 */
function filterField(model, diagram) {
  const field = element("input", {
    id: FILTER_ID,
    type: "search",
    placeholder: "Filter: topic, client, type:publish …",
    "aria-label": "Filter",
    title: "Words, or type: client: topic: id: qos: from: is: – see the keys (?)",
    autocomplete: "off",
    spellcheck: "false",
    input: () => model.setFilter({ text: field.value }),
    keydown: (event) => {
      const { key } = /** @type {KeyboardEvent} */ (event);
      if (key !== "Enter" && key !== "ArrowDown") return;
      event.preventDefault();
      diagram.focus();
    },
  });
  drawOn(model, ["filter"], () => {
    if (field.value !== model.filter) field.value = model.filter;
  });
  return field;
}

/**
 * A choice that writes a type into the filter, and reads it from there.
 *
 * @param {Feed["model"]} model
 */
function typeField(model) {
  const field = element("select", {
    "aria-label": "Type",
    change: () => {
      const rest = model.filter.replace(TYPE_TERM, "").trim();
      const term = field.value === "" ? "" : `type:${field.value.toLowerCase()}`;
      model.setFilter({ text: [term, rest].filter((part) => part !== "").join(" ") });
    },
  }, element("option", { value: "" }, "All types"));
  field.append(...TYPES.map((type) => element("option", { value: type }, type)));
  drawOn(model, ["filter"], () => {
    const type = TYPE_TERM.exec(model.filter)?.[1]?.toUpperCase() ?? "";
    field.value = TYPES.includes(type) ? type : "";
  });
  return field;
}

/**
 * @param {Feed["model"]} model
 * @param {Diagram} diagram
 */
function exportMenu(model, diagram) {
  const names = () => new Map([...model.connections].map(([id, { clientId }]) => [id, clientId]));
  const saveSvg = () => {
    const hueOf = (/** @type {PageEntry} */ entry) => diagram.exchangeOf(entry)?.hue ?? -1;
    saveText("mqtt.svg", "image/svg+xml", diagramSvg(diagram.layout.rows, names(), hueOf));
  };
  const newest = () => diagram.layout.rows.slice(-MERMAID_MOST);
  const copyMermaid = copyButton(
    "Copy as Mermaid",
    () => mermaidText(newest(), names()),
    () => {
      const isCut = diagram.layout.rows.length > MERMAID_MOST;
      return isCut ? `Copied the newest ${numberText(MERMAID_MOST)} rows` : "Copied";
    },
  );
  const menu = element(
    "details",
    {
      class: "menu",
      keydown: (event) => {
        if (/** @type {KeyboardEvent} */ (event).key !== "Escape" || !menu.open) return;
        event.stopPropagation();
        menu.open = false;
        menu.querySelector("summary")?.focus();
      },
      focusout: (event) => {
        const { relatedTarget } = /** @type {FocusEvent} */ (event);
        if (relatedTarget instanceof Node && !menu.contains(relatedTarget)) menu.open = false;
      },
      click: (event) => {
        if (event.target instanceof HTMLButtonElement) menu.open = false;
      },
    },
    element("summary", { title: "Export what is shown" }, "Export"),
    element(
      "div",
      { class: "items" },
      element("button", { type: "button", click: saveSvg }, "Save as SVG"),
      copyMermaid,
    ),
  );
  return menu;
}
