// @ts-check
// A level in the tree of topics (§4.7.1.1), with what it counts and the levels below it.

/** @import { TopicRow } from "./events.ts" */

import { Rate } from "./topics_rate.js";

const order = new Intl.Collator("en", { numeric: true });

/** A level of a topic: a topic itself, or a branch with topics below, or both. */
export class TopicNode {
  /** What is between the slashes. */
  level;
  /** @type {string} The topic that ends here, whether or not there is one. */
  topic;
  /** @type {number} How many levels are above; -1 of what holds the whole tree. */
  depth;
  parent;
  /** @type {TopicRow | undefined} The topic. */
  row;
  /** How many topics there are, here and below. */
  topics = 0;
  /** How many messages they have had. */
  messages = 0;
  /** How many they have in a second. */
  rate = new Rate();
  isOpen;
  /** Its place among those beside it that are shown, the first is 1, and how many they are. */
  position = 1;
  siblings = 1;
  /** @type {Map<string, TopicNode>} */
  #children = new Map();
  /** @type {TopicNode[] | undefined} The children in their order, once it is known. */
  #sorted;

  /**
   * @param {string} level
   * @param {TopicNode} [parent]
   */
  constructor(level, parent) {
    this.level = level;
    this.parent = parent;
    this.depth = parent === undefined ? -1 : parent.depth + 1;
    this.topic = parent === undefined || parent.depth < 0 ? level : `${parent.topic}/${level}`;
    // What the server says of itself is in nobody's way.
    this.isOpen = !(this.depth === 0 && level.startsWith("$"));
  }

  /** Whether there is something below. */
  get isBranch() {
    return this.#children.size > 0;
  }

  /** The levels below, in their order: names as people count, and what begins with $ last. */
  get children() {
    return this.#sorted ??= Array.from(this.#children.values()).sort(compare);
  }

  /** @param {string} level */
  child(level) {
    let child = this.#children.get(level);
    if (child === undefined) {
      child = new TopicNode(level, this);
      this.#children.set(level, child);
      this.#sorted = undefined;
    }
    return child;
  }

  /** @param {string} level */
  remove(level) {
    this.#children.delete(level);
    this.#sorted = undefined;
  }
}

/**
 * @param {TopicNode} a
 * @param {TopicNode} b
 */
function compare(a, b) {
  const [isLast, isFirst] = [a, b].map(({ level, depth }) => depth === 0 && level.startsWith("$"));
  if (isLast !== isFirst) return isLast ? 1 : -1;
  return order.compare(a.level, b.level) || (a.level < b.level ? -1 : 1);
}
