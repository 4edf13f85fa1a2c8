// @ts-check
/// <reference lib="dom" />
// A list of which only the rows that can be seen are elements: a listbox with any number of
// options, worked by pointer and keys. The options need not be of one height.

import { element, setAttribute } from "./dom.js";

/**
 * @typedef {object} ListSource What a list shows. Heights are in pixels.
 * @property {() => number} count How many options there are.
 * @property {(index: number) => number} top Where an option begins.
 * @property {() => number} height Of all options together.
 * @property {(y: number) => number} indexAt The option at a height, or the nearest.
 * @property {(index: number) => string | number} keyOf What tells an option from the others.
 * @property {(index: number) => unknown} versionOf Another one means: draw the option again.
 * @property {(index: number, option: HTMLElement) => void} draw Fills an empty option.
 * @property {(index: number, isByPointer: boolean) => void} choose An option is chosen.
 * @property {(isByUser: boolean) => void} [scrolled] The list has been scrolled.
 * @property {(index: number) => void} [enter] Enter is pressed, or an option clicked twice.
 */

/** So many pixels above and below what is seen are drawn, too. */
const MARGIN = 240;

/** A list. */
export class VirtualList {
  /** The element that scrolls. */
  element;
  #source;
  #space;
  #prefix;
  /** @type {Map<string | number, { option: HTMLElement, version: unknown }>} What is drawn. */
  #drawn = new Map();
  /** @type {number} The option that is chosen; -1 for none. */
  #active = -1;
  /** Where it was scrolled to from here. */
  #expected = 0;

  /**
   * @param {string} prefix Of the ids of its options.
   * @param {string} label
   * @param {ListSource} source
   */
  constructor(prefix, label, source) {
    this.#prefix = prefix;
    this.#source = source;
    this.#space = element("div", { class: "space", role: "presentation" });
    this.element = element("div", {
      class: "list",
      role: "listbox",
      tabindex: 0,
      "aria-label": label,
      keydown: (event) => this.#press(/** @type {KeyboardEvent} */ (event)),
      click: (event) => this.#point(event, (index) => source.choose(index, true)),
      dblclick: (event) => this.#point(event, (index) => source.enter?.(index)),
      scroll: () => {
        source.scrolled?.(Math.abs(this.element.scrollTop - this.#expected) > 1);
        this.draw();
      },
    }, this.#space);
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** The option that is chosen; -1 for none. */
  get active() {
    return this.#active;
  }

  set active(index) {
    this.#active = index;
    this.draw();
  }

  /** Whether the last option can be seen. */
  get isAtEnd() {
    const { scrollTop, clientHeight } = this.element;
    return scrollTop + clientHeight >= this.#source.height() - 8;
  }

  /** Scrolls to the last option. */
  toEnd() {
    this.scrollTo(this.#source.height());
  }

  /**
   * Scrolls as far as it must for an option to be seen.
   *
   * @param {number} index
   */
  reveal(index) {
    const { clientHeight, scrollTop } = this.element;
    const top = this.#source.top(index);
    const bottom = this.#bottomOf(index);
    if (top < scrollTop) this.scrollTo(top - 8);
    else if (bottom > scrollTop + clientHeight) this.scrollTo(bottom - clientHeight + 8);
    else this.draw();
  }

  /** @param {number} top */
  scrollTo(top) {
    this.#resize();
    this.element.scrollTop = top;
    this.#expected = this.element.scrollTop;
    this.draw();
  }

  /** Draws what can be seen. */
  draw() {
    this.#resize();
    const { clientHeight, scrollTop } = this.element;
    const count = this.#source.count();
    const [first, end] = this.#range(count, scrollTop, clientHeight);
    /** @type {Set<string | number>} */
    const shown = new Set();
    for (let index = first; index < end; index++) shown.add(this.#source.keyOf(index));
    for (const [key, { option }] of this.#drawn) {
      if (shown.has(key)) continue;
      option.remove();
      this.#drawn.delete(key);
    }
    // In their order, as they are read out.
    let before = null;
    for (let index = first; index < end; index++) before = this.#place(index, before);
    const active = this.#active >= 0 && this.#active < count
      ? this.#source.keyOf(this.#active)
      : "";
    setAttribute(
      this.element,
      "aria-activedescendant",
      this.#drawn.has(active) ? this.#idOf(active) : null,
    );
  }

  #resize() {
    const height = `${this.#source.height()}px`;
    if (this.#space.style.height !== height) this.#space.style.height = height;
  }

  /**
   * Which options can be seen, and the end of them.
   *
   * @param {number} count
   * @param {number} scrollTop
   * @param {number} clientHeight
   * @returns {[number, number]}
   */
  #range(count, scrollTop, clientHeight) {
    if (count === 0 || clientHeight === 0) return [0, 0];
    const first = this.#source.indexAt(scrollTop - MARGIN);
    return [first, this.#source.indexAt(scrollTop + clientHeight + MARGIN) + 1];
  }

  /**
   * @param {number} index
   * @param {Element | null} before The option before it.
   */
  #place(index, before) {
    const key = this.#source.keyOf(index);
    const version = this.#source.versionOf(index);
    let drawn = this.#drawn.get(key);
    if (drawn === undefined) {
      const option = element("div", { class: "option", role: "option", id: this.#idOf(key) });
      drawn = { option, version: NOTHING };
      this.#drawn.set(key, drawn);
    }
    const { option } = drawn;
    const next = before === null ? this.#space.firstChild : before.nextSibling;
    if (next !== option) this.#space.insertBefore(option, next);
    if (drawn.version !== version) {
      drawn.version = version;
      option.replaceChildren();
      this.#source.draw(index, option);
    }
    const top = this.#source.top(index);
    option.style.transform = `translateY(${top}px)`;
    option.style.height = `${this.#bottomOf(index) - top}px`;
    option.dataset["index"] = String(index);
    setAttribute(option, "aria-selected", index === this.#active ? "true" : "false");
    setAttribute(option, "aria-setsize", this.#source.count());
    setAttribute(option, "aria-posinset", index + 1);
    return option;
  }

  /** @param {number} index */
  #bottomOf(index) {
    const isLast = index + 1 >= this.#source.count();
    return isLast ? this.#source.height() : this.#source.top(index + 1);
  }

  /** @param {string | number} key */
  #idOf(key) {
    return `${this.#prefix}-${key}`;
  }

  /**
   * @param {Event} event
   * @param {(index: number) => void} act
   */
  #point(event, act) {
    const option = /** @type {HTMLElement} */ (event.target).closest(".option");
    const index = option instanceof HTMLElement ? Number(option.dataset["index"]) : NaN;
    if (index < this.#source.count()) act(index);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const last = this.#source.count() - 1;
    if (last < 0) return;
    if (event.key === "Enter") {
      if (this.#active >= 0) this.#source.enter?.(this.#active);
      event.preventDefault();
      return;
    }
    const next = this.#next(event.key, last);
    if (next === undefined) return;
    event.preventDefault();
    const index = Math.min(Math.max(next, 0), last);
    this.#source.choose(index, false);
    this.reveal(index);
  }

  /**
   * @param {string} key
   * @param {number} last
   * @returns {number | undefined}
   */
  #next(key, last) {
    const active = this.#active;
    const { clientHeight, scrollTop } = this.element;
    switch (key) {
      case "ArrowDown":
        return active === -1 ? this.#source.indexAt(scrollTop) : active + 1;
      case "ArrowUp":
        return active === -1 ? this.#source.indexAt(scrollTop + clientHeight) : active - 1;
      case "PageDown":
      case "PageUp": {
        const way = key === "PageDown" ? clientHeight : -clientHeight;
        return this.#source.indexAt(this.#source.top(Math.max(active, 0)) + way);
      }
      case "Home":
        return 0;
      case "End":
        return last;
      default:
        return undefined;
    }
  }
}

/** The version of an option that has not been drawn yet. */
const NOTHING = Symbol();
