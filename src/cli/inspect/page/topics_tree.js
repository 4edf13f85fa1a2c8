// @ts-check
// The topics as a tree of their levels (§4.7.1.1), and which of its rows are shown: those whose
// branches are open, or that a search finds. Knows nothing of the page.

/** @import { TopicRow } from "./events.ts" */

import { matchesTopic } from "./filter.js";
import { TopicNode } from "./topics_node.js";

/** So deep is the tree; what is deeper stays one level, slashes and all. */
const MOST_LEVELS = 20;

/** All topics. */
export class TopicTree {
  #root = new TopicNode("");
  /** @type {Map<string, TopicNode>} */
  #nodes = new Map();
  /** @type {TopicNode[] | undefined} */
  #rows;
  #search = "";
  /** Whether what comes is new, and not what had been there before. */
  #isLive = false;

  /** How many topics there are, those of the server apart. */
  get counts() {
    const children = this.#root.children;
    const system = children.filter(({ level }) => level.startsWith("$"));
    const ofServer = system.reduce((sum, { topics }) => sum + topics, 0);
    return { topics: this.#root.topics - ofServer, ofServer };
  }

  /**
   * The rows that are shown, in their order.
   *
   * @returns {readonly TopicNode[]}
   */
  get rows() {
    return this.#rows ??= this.#below(this.#root);
  }

  /** Only topics with this in them are shown; with + or #, those that this Topic Filter matches. */
  get search() {
    return this.#search;
  }

  set search(search) {
    this.#search = search;
    this.#rows = undefined;
  }

  /**
   * Takes the topics as they are now. The same row means that nothing has changed.
   *
   * @param {ReadonlyMap<string, TopicRow>} topics
   * @param {number} now milliseconds
   */
  update(topics, now) {
    for (const [topic, node] of this.#nodes) if (!topics.has(topic)) this.#forget(node);
    for (const [topic, row] of topics) {
      const node = this.#nodes.get(topic) ?? this.#add(topic);
      if (node.row !== row) this.#change(node, row, now);
    }
    this.#isLive ||= topics.size > 0;
  }

  /** Forgets all topics. */
  clear() {
    this.#root = new TopicNode("");
    this.#nodes.clear();
    this.#rows = undefined;
    this.#isLive = false;
  }

  /**
   * The node of a topic.
   *
   * @param {string} topic
   */
  find(topic) {
    return this.#nodes.get(topic);
  }

  /**
   * Opens a branch, or closes it.
   *
   * @param {TopicNode} node
   * @param {boolean} isOpen
   */
  open(node, isOpen) {
    node.isOpen = isOpen;
    this.#rows = undefined;
  }

  /**
   * Opens all branches, or closes them.
   *
   * @param {boolean} isOpen
   */
  openAll(isOpen) {
    /** @param {TopicNode} node */
    const visit = (node) => {
      node.isOpen = isOpen;
      node.children.forEach(visit);
    };
    this.#root.children.forEach(visit);
    this.#rows = undefined;
  }

  /**
   * Whether a branch shows what is below it. While there is a search, all do.
   *
   * @param {TopicNode} node
   */
  isShownOpen(node) {
    return node.isBranch && (node.isOpen || this.#search !== "");
  }

  /** @param {string} topic */
  #add(topic) {
    let node = this.#root;
    for (const level of levelsOf(topic)) node = node.child(level);
    this.#nodes.set(topic, node);
    for (const each of upwards(node)) each.topics++;
    this.#rows = undefined;
    return node;
  }

  /**
   * @param {TopicNode} node
   * @param {TopicRow} row
   * @param {number} now
   */
  #change(node, row, now) {
    const more = messagesOf(row) - messagesOf(node.row);
    const isNew = node.row !== undefined || this.#isLive;
    node.row = row;
    for (const each of upwards(node)) {
      each.messages += more;
      if (isNew && more > 0) each.rate.add(more, now);
    }
  }

  /** @param {TopicNode} node */
  #forget(node) {
    this.#nodes.delete(node.topic);
    const messages = messagesOf(node.row);
    node.row = undefined;
    for (const each of upwards(node)) {
      each.topics--;
      each.messages -= messages;
      if (each.topics === 0) each.parent?.remove(each.level);
    }
    this.#rows = undefined;
  }

  /**
   * The rows below a level.
   *
   * @param {TopicNode} parent
   * @returns {TopicNode[]}
   */
  #below(parent) {
    const branches = parent.children.map((node) => this.#branch(node)).filter(({ length }) =>
      length
    );
    for (const [index, [node]] of branches.entries()) {
      if (node === undefined) continue;
      node.position = index + 1;
      node.siblings = branches.length;
    }
    return branches.flat();
  }

  /**
   * A row and those below it; none if the search finds nothing there.
   *
   * @param {TopicNode} node
   * @returns {TopicNode[]}
   */
  #branch(node) {
    if (this.#search === "") return node.isOpen ? [node, ...this.#below(node)] : [node];
    const below = this.#below(node);
    const isFound = node.row !== undefined && isMatch(node.topic, this.#search);
    return isFound || below.length > 0 ? [node, ...below] : [];
  }
}

/**
 * How many messages a topic has had: those that clients published; where they come past the relay,
 * those that the server sent.
 *
 * @param {TopicRow | undefined} row
 */
export function messagesOf(row) {
  if (row === undefined) return 0;
  return row.published > 0 ? row.published : row.delivered;
}

/** @param {string} topic */
function levelsOf(topic) {
  const levels = topic.split("/");
  if (levels.length <= MOST_LEVELS) return levels;
  return [...levels.slice(0, MOST_LEVELS - 1), levels.slice(MOST_LEVELS - 1).join("/")];
}

/**
 * @param {TopicNode} node
 * @returns {Generator<TopicNode>}
 */
function* upwards(node) {
  for (let each = /** @type {TopicNode | undefined} */ (node); each; each = each.parent) yield each;
}

/**
 * Whether a search finds a topic.
 *
 * @param {string} topic
 * @param {string} search
 */
function isMatch(topic, search) {
  if (/[+#]/.test(search)) return matchesTopic(search, topic);
  return topic.toLowerCase().includes(search.toLowerCase());
}
