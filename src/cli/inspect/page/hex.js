// @ts-check
/// <reference lib="dom" />
// The bytes of a packet in hexadecimal, eight in a line. Only the lines that can be seen are
// elements. Pointing at a byte, or going to it by keys, tells which it is.

import { element, setAttribute } from "./dom.js";

/**
 * @typedef {object} Light Bytes that are lit.
 * @property {number} offset
 * @property {number} length
 * @property {number} prefix How many of them are the length of the others.
 */

/** How many bytes are in a line. */
const IN_LINE = 8;

/** The height of a line in pixels, as in detail.css. */
const HEIGHT = 22;

/** So many lines more than can be seen are drawn. */
const MARGIN = 6;

/** The bytes. */
export class HexView {
  /** The element that scrolls. */
  element;
  #lines = element("div", { class: "lines", role: "presentation" });
  #about;
  /** @type {Uint8Array} */
  #bytes = new Uint8Array();
  #size = 0;
  /** @type {Light | undefined} */
  #light;
  /** The byte that the keys are at; -1 for none. */
  #at = -1;
  #drawn = "";

  /**
   * @param {object} about
   * @param {(offset: number) => string} about.nameOf What a byte belongs to.
   * @param {(offset: number | undefined) => void} about.point A byte is pointed at, or none is.
   * @param {(offset: number) => void} about.choose A byte is clicked, or gone to by keys.
   * @param {() => void} about.enter Enter is pressed.
   */
  constructor(about) {
    this.#about = about;
    this.element = element("div", {
      class: "hex",
      role: "listbox",
      tabindex: 0,
      "aria-label": "Bytes",
      "aria-orientation": "horizontal",
      scroll: () => this.#draw(),
      keydown: (event) => this.#press(/** @type {KeyboardEvent} */ (event)),
      pointerover: (event) => about.point(offsetOf(event)),
      pointerleave: () => about.point(undefined),
      click: (event) => this.#go(offsetOf(event)),
    }, this.#lines);
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  /**
   * Shows bytes.
   *
   * @param {Uint8Array} bytes
   * @param {number} size How many there were, should not all be kept.
   */
  show(bytes, size) {
    this.#bytes = bytes;
    this.#size = size;
    this.#light = undefined;
    this.#at = -1;
    this.#drawn = "";
    this.element.scrollTop = 0;
    this.#draw();
  }

  /**
   * Lights bytes, and puts out those before.
   *
   * @param {Light | undefined} light
   */
  light(light) {
    this.#light = light;
    this.#mark();
  }

  /**
   * Scrolls as far as it must for bytes to be seen.
   *
   * @param {Light} light
   */
  reveal({ offset }) {
    const top = Math.floor(offset / IN_LINE) * HEIGHT;
    const { clientHeight, scrollTop } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + HEIGHT > scrollTop + clientHeight) {
      this.element.scrollTop = top + 2 * HEIGHT - clientHeight;
    }
    this.#draw();
  }

  #draw() {
    const { clientHeight, scrollTop } = this.element;
    const count = Math.ceil(this.#bytes.length / IN_LINE);
    const first = Math.max(0, Math.floor(scrollTop / HEIGHT) - MARGIN);
    const end = Math.min(count, Math.ceil((scrollTop + clientHeight) / HEIGHT) + MARGIN);
    const drawn = `${first} ${end}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const missing = this.#size - this.#bytes.length;
    this.#lines.style.height = `${(count + (missing > 0 ? 1 : 0)) * HEIGHT}px`;
    const lines = Array.from({ length: end - first }, (_, index) => this.#line(first + index));
    if (missing > 0 && end === count) {
      const line = element("div", { class: "line muted" }, `${missing} more bytes, not kept`);
      line.style.transform = `translateY(${count * HEIGHT}px)`;
      lines.push(line);
    }
    this.#lines.replaceChildren(...lines);
    this.#mark();
  }

  /** @param {number} number */
  #line(number) {
    const start = number * IN_LINE;
    const bytes = this.#bytes.subarray(start, start + IN_LINE);
    const line = element(
      "div",
      { class: "line", role: "presentation" },
      element("span", { class: "offset", "aria-hidden": "true" }, hexText(start, 4)),
      ...Array.from(bytes, (byte, index) => {
        const offset = start + index;
        const name = this.#about.nameOf(offset);
        return element("span", {
          class: "byte",
          role: "option",
          id: `byte-${offset}`,
          "data-offset": offset,
          "aria-label": `byte ${offset}, ${hexText(byte, 2)}${name === "" ? "" : `, ${name}`}`,
        }, hexText(byte, 2));
      }),
    );
    line.style.transform = `translateY(${number * HEIGHT}px)`;
    return line;
  }

  /** Lights what is drawn. */
  #mark() {
    const { offset = 0, length = 0, prefix = 0 } = this.#light ?? {};
    for (const byte of this.#lines.querySelectorAll(".byte")) {
      const at = Number(/** @type {HTMLElement} */ (byte).dataset["offset"]);
      const isLit = at >= offset && at < offset + length;
      byte.classList.toggle("lit", isLit);
      byte.classList.toggle("prefix", isLit && at < offset + prefix);
      setAttribute(byte, "aria-selected", at === this.#at ? "true" : "false");
    }
    const id = `byte-${this.#at}`;
    const isDrawn = this.#lines.querySelector(`#${id}`) !== null;
    setAttribute(this.element, "aria-activedescendant", isDrawn ? id : null);
  }

  /** @param {number | undefined} offset */
  #go(offset) {
    if (offset === undefined) return;
    this.#at = offset;
    this.reveal({ offset, length: 1, prefix: 0 });
    this.#about.choose(offset);
    this.#mark();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.#about.enter();
      return;
    }
    const last = this.#bytes.length - 1;
    const next = nextOf(event.key, this.#at, last);
    if (next === undefined || last < 0) return;
    event.preventDefault();
    this.#go(Math.min(Math.max(next, 0), last));
  }
}

/**
 * @param {string} key
 * @param {number} at
 * @param {number} last
 * @returns {number | undefined}
 */
function nextOf(key, at, last) {
  switch (key) {
    case "ArrowLeft":
      return at - 1;
    case "ArrowRight":
      return at + 1;
    case "ArrowUp":
      return at - IN_LINE;
    case "ArrowDown":
      return at === -1 ? 0 : at + IN_LINE;
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return undefined;
  }
}

/** @param {Event} event */
function offsetOf({ target }) {
  const offset = target instanceof HTMLElement ? target.dataset["offset"] : undefined;
  return offset === undefined ? undefined : Number(offset);
}

/**
 * @param {number} value
 * @param {number} digits
 */
function hexText(value, digits) {
  return value.toString(16).padStart(digits, "0");
}
