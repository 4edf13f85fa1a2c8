// @ts-check
/// <reference lib="dom" />
// The fields of a packet as a list, with the bits of a byte below it. Pointing at one, or going to
// it by keys, tells which it is.

/** @import { Part } from "./parts.js" */

import { element, setAttribute } from "./dom.js";
import { bitsPattern } from "./parts.js";
import { countText } from "./text.js";

/** So many parts are drawn at first, and with each press of the button for more. */
const BATCH = 400;

/** The fields. */
export class FieldList {
  /** Its elements. */
  element;
  #list;
  #more = element("button", { type: "button", hidden: true, click: () => this.#drawMore() });
  #about;
  /** @type {readonly Part[]} */
  #parts = [];
  /** @type {HTMLElement[]} */
  #options = [];
  #active = -1;
  /** @type {Uint8Array} */
  #bytes = new Uint8Array();

  /**
   * @param {object} about
   * @param {(part: Part | undefined) => void} about.point A part is pointed at, or none is.
   * @param {(part: Part) => void} about.choose A part is clicked, or gone to by keys.
   */
  constructor(about) {
    this.#about = about;
    this.#list = element("div", {
      class: "options",
      role: "listbox",
      tabindex: 0,
      "aria-label": "Fields",
      keydown: (event) => this.#press(/** @type {KeyboardEvent} */ (event)),
      pointerover: (event) => about.point(this.#partOf(event)),
      pointerleave: () => about.point(undefined),
      click: (event) => this.#go(this.#partOf(event)?.index),
    });
    this.element = element("div", { class: "fields" }, this.#list, this.#more);
  }

  /**
   * Shows parts.
   *
   * @param {readonly Part[]} parts
   * @param {Uint8Array} bytes
   */
  show(parts, bytes) {
    this.#parts = parts;
    this.#active = -1;
    this.#options = [];
    this.#bytes = bytes;
    this.#list.replaceChildren();
    setAttribute(this.#list, "aria-activedescendant", null);
    this.element.scrollTop = 0;
    this.#drawMore();
  }

  /** Gives the keyboard to the list. */
  focus() {
    this.#list.focus();
    if (this.#active === -1 && this.#parts.length > 0) this.#go(0);
  }

  /**
   * Lights a part, and puts out the one before.
   *
   * @param {Part | undefined} lit
   */
  light(lit) {
    for (const [index, option] of this.#options.entries()) {
      const part = /** @type {Part} */ (this.#parts[index]);
      // With a byte, its bits are lit; with bits, those of the strip.
      option.classList.toggle("lit", part === lit);
      option.classList.toggle(
        "within",
        part !== lit && lit?.mask === undefined && part.mask !== undefined &&
          part.field === lit?.field,
      );
      for (const cell of option.querySelectorAll(".bit")) {
        const bit = Number(/** @type {HTMLElement} */ (cell).dataset["bit"]);
        const isLit = lit?.field === part.field && ((lit.mask ?? 0) & bit) !== 0;
        cell.classList.toggle("lit", isLit);
      }
    }
  }

  /**
   * Makes a part the active one, and scrolls to it.
   *
   * @param {Part} part
   */
  activate({ index }) {
    while (index >= this.#options.length) this.#drawMore();
    this.#active = index;
    for (const [place, option] of this.#options.entries()) {
      setAttribute(option, "aria-selected", place === index ? "true" : "false");
    }
    setAttribute(this.#list, "aria-activedescendant", `field-${index}`);
    this.#options[index]?.scrollIntoView({ block: "nearest" });
  }

  #drawMore() {
    const start = this.#options.length;
    const parts = this.#parts.slice(start, start + BATCH);
    for (const part of parts) {
      if (part.heading !== "") {
        this.#list.append(element("div", { class: "part", role: "presentation" }, part.heading));
      }
      const option = this.#option(part);
      this.#options.push(option);
      this.#list.append(option);
    }
    const left = this.#parts.length - this.#options.length;
    this.#more.hidden = left === 0;
    this.#more.textContent = `Show more: ${countText(left, "field")}`;
  }

  /** @param {Part} part */
  #option(part) {
    const { field, index, length, mask, name, offset, prefix, section, text } = part;
    const byte = this.#bytes[offset] ?? 0;
    const size = prefix > 0 ? ` · ${countText(length - prefix, "byte")}` : "";
    const isLeftOut = length === 0 && field.encoding === "leftOut";
    return element(
      "div",
      {
        class: mask === undefined ? "field" : "field bits",
        role: "option",
        id: `field-${index}`,
        "data-index": index,
        "aria-selected": "false",
      },
      mask === undefined ? null : element("code", { class: "pattern" }, bitsPattern(byte, mask)),
      element(
        "span",
        { class: "what" },
        element("span", { class: "name" }, name),
        element("span", { class: "muted" }, size),
        " ",
        element("bdi", { class: "value" }, isLeftOut ? `${text} (left out)` : text),
        " ",
        element("span", { class: "section" }, `§${section}`),
      ),
      mask === undefined && field.bits.length > 0 ? strip(part, byte) : null,
    );
  }

  /** @param {Event} event */
  #partOf({ target }) {
    if (!(target instanceof HTMLElement)) return undefined;
    const bits = target.dataset["index"] ?? target.dataset["part"];
    if (bits !== undefined) return this.#parts[Number(bits)];
    const option = target.closest(".field");
    return option instanceof HTMLElement ? this.#parts[Number(option.dataset["index"])] : undefined;
  }

  /** @param {number | undefined} index */
  #go(index) {
    const part = index === undefined ? undefined : this.#parts[index];
    if (part === undefined) return;
    this.activate(part);
    this.#about.choose(part);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const last = this.#parts.length - 1;
    /** @type {{ readonly [key: string]: number }} */
    const places = {
      ArrowDown: this.#active + 1,
      ArrowUp: this.#active - 1,
      PageDown: this.#active + 10,
      PageUp: this.#active - 10,
      Home: 0,
      End: last,
    };
    const next = Object.hasOwn(places, event.key) ? places[event.key] : undefined;
    if (next === undefined || last < 0) return;
    event.preventDefault();
    this.#go(Math.min(Math.max(next, 0), last));
  }
}

/**
 * The bits of a byte as cells; each belongs to the part below that has it.
 *
 * @param {Part} part
 * @param {number} byte
 */
function strip({ field, index }, byte) {
  const cells = Array.from({ length: 8 }, (_, place) => {
    const bit = 0x80 >> place;
    const owner = field.bits.findIndex(({ mask }) => (mask & bit) !== 0);
    const isFirst = place > 0 && owner !== field.bits.findIndex(({ mask }) => mask & (bit << 1));
    return element("span", {
      class: isFirst ? "bit first" : "bit",
      "data-bit": bit,
      "data-part": owner === -1 ? index : index + 1 + owner,
    }, (byte & bit) === 0 ? "0" : "1");
  });
  return element("span", { class: "strip" }, ...cells);
}
