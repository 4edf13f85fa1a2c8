// @ts-check
/// <reference lib="dom" />
// The tree of topics as rows of which only those in sight are in the page: it may have 10,000. The
// keys are those of a tree in ARIA's patterns; the focus stays with the tree, which names the row
// that is active.

/** @import { TopicNode } from "./topics_node.js" */
/** @import { TopicTree } from "./topics_tree.js" */

import { element, setAttribute } from "./dom.js";
import { TopicRowView } from "./topics_row.js";

/** Rows above and below those in sight. */
const SPARE = 4;

/** Shows a tree. */
export class TopicList {
  /** The element with everything. */
  root;
  #tree;
  #onSelect;
  #scroller;
  #space;
  /** @type {TopicRowView[]} Each shows a row of the tree whose number leaves its own. */
  #views = [];
  /** @type {TopicNode | undefined} */
  #selected;

  /**
   * @param {TopicTree} tree
   * @param {(node: TopicNode) => void} onSelect is told which row has been selected
   */
  constructor(tree, onSelect) {
    this.#tree = tree;
    this.#onSelect = onSelect;
    this.#space = element("div", { class: "topic-space", role: "presentation" });
    this.#scroller = element("div", {
      class: "topic-tree",
      role: "tree",
      tabindex: 0,
      "aria-label": "Topics",
      scroll: () => this.draw(),
      keydown: (event) => this.#press(/** @type {KeyboardEvent} */ (event)),
      click: (event) => this.#click(/** @type {MouseEvent} */ (event)),
      dblclick: (event) => this.#toggle(this.#nodeAt(event.target)),
    }, this.#space);
    const names = ["Topic", "Last value", "QoS", "Rate", "Messages"];
    const head = element(
      "div",
      { class: "topic-head", "aria-hidden": "true" },
      ...names.map((name) => element("span", {}, name)),
    );
    this.root = element("div", { class: "topic-list" }, head, this.#scroller);
    new ResizeObserver(() => this.draw()).observe(this.#scroller);
  }

  /** The selected row. */
  get selected() {
    return this.#selected;
  }

  /** Gives the tree the keys. */
  focus() {
    this.#scroller.focus();
  }

  /**
   * Selects a row, and brings it into sight if there is one.
   *
   * @param {TopicNode | undefined} node
   */
  select(node) {
    this.#selected = node;
    const index = node === undefined ? -1 : this.#tree.rows.indexOf(node);
    if (index >= 0) {
      const height = this.#rowHeight();
      const { scrollTop, clientHeight } = this.#scroller;
      const top = Math.min(
        index * height,
        Math.max(scrollTop, (index + 1) * height - clientHeight),
      );
      if (top !== scrollTop) this.#scroller.scrollTop = top;
    }
    this.draw();
    if (node !== undefined) this.#onSelect(node);
  }

  /** Shows the rows in sight as they are now. */
  draw() {
    const { rows } = this.#tree;
    const height = this.#rowHeight();
    const { scrollTop, clientHeight } = this.#scroller;
    this.#space.style.setProperty("height", `${rows.length * height}px`);
    const first = Math.max(0, Math.floor(scrollTop / height) - SPARE);
    const count = Math.min(Math.ceil(clientHeight / height) + 2 * SPARE, rows.length - first);
    const now = performance.now();
    this.#provide(count);
    let active;
    for (let index = first; index < first + count; index++) {
      const node = /** @type {TopicNode} */ (rows[index]);
      const view = /** @type {TopicRowView} */ (this.#views[index % this.#views.length]);
      const isSelected = node === this.#selected;
      const isOpen = node.isBranch ? this.#tree.isShownOpen(node) : undefined;
      view.show(node, { top: index * height, isSelected, isOpen, now });
      if (isSelected) active = view.root.id;
    }
    setAttribute(this.#scroller, "aria-activedescendant", active);
  }

  /**
   * Has so many rows in the page.
   *
   * @param {number} count
   */
  #provide(count) {
    if (this.#views.length === count) return;
    this.#views = Array.from(
      { length: Math.max(count, 0) },
      (_, index) => this.#views[index] ?? new TopicRowView(`topic-${index}`),
    );
    this.#space.replaceChildren(...this.#views.map(({ root }) => root));
  }

  #rowHeight() {
    return parseFloat(getComputedStyle(this.root).getPropertyValue("--topic-row")) || 26;
  }

  /** @param {MouseEvent} event */
  #click({ target }) {
    const node = this.#nodeAt(target);
    if (node === undefined) return;
    const isTwisty = target instanceof Element && target.closest(".topic-twisty") !== null;
    if (isTwisty) this.#toggle(node);
    else this.select(node);
  }

  /** @param {EventTarget | null} target */
  #nodeAt(target) {
    return this.#views.find(({ root }) => target instanceof Node && root.contains(target))?.node;
  }

  /** @param {TopicNode | undefined} node */
  #toggle(node) {
    if (node?.isBranch) this.#open(node, !node.isOpen);
  }

  /**
   * @param {TopicNode} node
   * @param {boolean} isOpen
   */
  #open(node, isOpen) {
    this.#tree.open(node, isOpen);
    // Nothing is selected that cannot be seen.
    let selected = this.#selected;
    for (let above = selected?.parent; above !== undefined; above = above.parent) {
      if (above === node && !isOpen) selected = node;
    }
    if (selected === this.#selected) this.draw();
    else this.select(selected);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || !this.#move(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * Does what a key is for; false if it is for nothing here.
   *
   * @param {string} key
   */
  #move(key) {
    const { rows } = this.#tree;
    const node = this.#selected;
    const index = node === undefined ? -1 : rows.indexOf(node);
    const page = Math.max(1, Math.floor(this.#scroller.clientHeight / this.#rowHeight()) - 1);
    /** @param {number} to */
    const go = (to) => {
      const next = rows[Math.min(Math.max(to, 0), rows.length - 1)];
      if (next !== undefined) this.select(next);
      return true;
    };
    switch (key) {
      case "ArrowDown":
        return go(index + 1);
      case "ArrowUp":
        return go(index - 1);
      case "PageDown":
        return go(index + page);
      case "PageUp":
        return go(index - page);
      case "Home":
        return go(0);
      case "End":
        return go(rows.length - 1);
    }
    if (node === undefined) return false;
    switch (key) {
      case "Enter":
        this.#toggle(node);
        return true;
      case "ArrowRight":
        if (node.isBranch && !this.#tree.isShownOpen(node)) this.#open(node, true);
        else if (node.isBranch) go(index + 1);
        return true;
      case "ArrowLeft":
        if (this.#tree.isShownOpen(node) && this.#tree.search === "") this.#open(node, false);
        else if (node.parent !== undefined && node.depth > 0) this.select(node.parent);
        return true;
      case "*":
        for (const sibling of node.parent?.children ?? []) this.#tree.open(sibling, true);
        this.select(node);
        return true;
    }
    return false;
  }
}
