// @ts-check
// The topics as a tree of their levels (§4.7.1.1), and which of its rows are shown: those whose
// branches are open, or that a search finds. Knows nothing of the page.

/** @import { TopicRow } from "./events.ts" */

import { Rate } from "./topics_rate.js";

/** So deep is the tree; what is deeper stays one level, slashes and all. */
const MOST_LEVELS = 20;

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
 * @param {TopicNode} a
 * @param {TopicNode} b
 */
function compare(a, b) {
  const [isLast, isFirst] = [a, b].map(({ level, depth }) => depth === 0 && level.startsWith("$"));
  if (isLast !== isFirst) return isLast ? 1 : -1;
  return order.compare(a.level, b.level) || (a.level < b.level ? -1 : 1);
}

/**
 * Whether a search finds a topic.
 *
 * @param {string} topic
 * @param {string} search
 */
function isMatch(topic, search) {
  if (!/[+#]/.test(search)) return topic.toLowerCase().includes(search.toLowerCase());
  const levels = topic.split("/");
  const wanted = search.split("/");
  for (const [index, level] of wanted.entries()) {
    if (level === "#") return true;
    if (index === levels.length || level !== "+" && level !== levels[index]) return false;
  }
  return levels.length === wanted.length;
}
