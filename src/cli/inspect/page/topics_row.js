// @ts-check
/// <reference lib="dom" />
// One row of the tree of topics.

/** @import { TopicNode } from "./topics_node.js" */

import { element, setAttribute, setText } from "./dom.js";
import { preview, visible } from "./payload.js";
import { countText, numberText } from "./text.js";
import { rateText } from "./topics_rate.js";

/** More characters than a row has room for. */
const LONGEST = 200;

/** A value that changes more often, in a second, is not lit up each time. */
const OFTEN = 2;

/** An element for a row, which shows one node and later another. */
export class TopicRowView {
  root;
  /** @type {TopicNode | undefined} What it shows. */
  node;
  /** The number of the message that it shows. */
  #last = -1;
  #twisty = element("span", { class: "topic-twisty", "aria-hidden": "true" });
  #level = element("bdi", { class: "topic-level" });
  #value = element("bdi", { class: "topic-value" });
  #retained = element("span", { class: "topic-retained" }, "retained");
  #qosName = unseen("QoS ");
  #qos = element("span");
  #rate = element("span", { class: "topic-number" });
  #messages = element("span");

  /** @param {string} id */
  constructor(id) {
    this.root = element(
      "div",
      { class: "topic-row", role: "treeitem", id },
      element("span", { class: "topic-name" }, this.#twisty, this.#level),
      element("span", { class: "topic-last" }, this.#value, this.#retained),
      element("span", { class: "topic-number" }, this.#qosName, this.#qos),
      this.#rate,
      element("span", { class: "topic-number" }, this.#messages, unseen(" messages")),
    );
  }

  /**
   * Shows a node.
   *
   * @param {TopicNode} node
   * @param {object} state
   * @param {number} state.top where, in pixels
   * @param {boolean} state.isSelected
   * @param {boolean | undefined} state.isOpen of a branch
   * @param {number} state.now
   */
  show(node, { top, isSelected, isOpen, now }) {
    const { root } = this;
    const { row, level, depth, rate, messages } = node;
    const perSecond = rate.perSecond(now);
    const [value, kind] = valueOf(node, isOpen === true);
    const isRetained = row?.retained === true;
    root.style.setProperty("transform", `translateY(${top}px)`);
    root.style.setProperty("--depth", String(depth));
    setAttribute(root, "aria-level", depth + 1);
    setAttribute(root, "aria-posinset", node.position);
    setAttribute(root, "aria-setsize", node.siblings);
    setAttribute(root, "aria-expanded", isOpen === undefined ? null : String(isOpen));
    setAttribute(root, "aria-selected", String(isSelected));
    setAttribute(root, "title", visible(node.topic.slice(0, LONGEST)));
    setText(this.#level, level === "" ? "(empty)" : visible(level.slice(0, LONGEST)));
    this.#level.classList.toggle("is-empty", level === "");
    setText(this.#value, value);
    setAttribute(this.#value, "data-kind", kind);
    this.#retained.hidden = !isRetained;
    this.#qosName.hidden = row === undefined;
    setText(this.#qos, row === undefined ? "" : String(row.last.qos));
    setText(this.#rate, rateText(perSecond));
    setText(this.#messages, numberText(messages));
    if (node === this.node && row !== undefined && row.last.n !== this.#last) {
      this.#light(perSecond);
    }
    this.node = node;
    this.#last = row?.last.n ?? -1;
  }

  /**
   * Lights up a value that is new, unless that would flicker.
   *
   * @param {number} perSecond
   */
  #light(perSecond) {
    if (perSecond > OFTEN || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.#value.animate({ backgroundColor: ["var(--selected)", "transparent"] }, 900);
  }
}

/**
 * What stands for the last value, and what it is.
 *
 * @param {TopicNode} node
 * @param {boolean} isOpen
 * @returns {[value: string, kind: "text" | "bytes" | "cleared" | "empty" | "branch"]}
 */
function valueOf({ row, topics }, isOpen) {
  if (row === undefined) return [isOpen ? "" : countText(topics, "topic"), "branch"];
  const { payload } = row.last;
  if (payload.size === 0) {
    return row.retained === false ? ["cleared", "cleared"] : ["empty", "empty"];
  }
  return [preview(payload, LONGEST), payload.text === undefined ? "bytes" : "text"];
}

/**
 * What columns say with their heads, for who does not see them.
 *
 * @param {string} text
 */
function unseen(text) {
  return element("span", { class: "unseen" }, text);
}
