// §4.7 Topic Filters and Topic Names as a tree of their levels. The cost of a search grows with the
// depth of the topic and the number of matches, not with the number of filters or topics. The tree
// is compressed: levels without a branch between them are one edge, so a topic adds at most two
// nodes, however many levels it has. Millions of small objects would cause long garbage
// collections.

import { FilterMatch } from "./filter_match.ts";
import { NameSearch } from "./name_search.ts";
import { isEnd, levelEnd } from "./topic_levels.ts";

/** A place where a topic ends, or where topics branch. */
export interface Node<Value> {
  /** By their first level. Every node except the root has a value or at least two edges. */
  children: Map<string, Edge<Value>> | undefined;
  value: Value | undefined;
}

/**
 * The edge from a node to one below it. Edges are immutable: they are replaced, so that a search in
 * progress is not affected.
 */
export interface Edge<Value> {
  /** One level or more. */
  readonly label: string;
  readonly node: Node<Value>;
}

/** Values by Topic Filter, to be found by Topic Name. */
export class FilterTree<Value> {
  readonly #root: Node<Value> = makeNode();

  /** The value of a filter; made by `make` when it has none. */
  getOrMake(topicFilter: string, make: () => Value): Value {
    return add(this.#root, topicFilter).value ??= make();
  }

  /** The value of a filter. */
  get(topicFilter: string): Value | undefined {
    return find(this.#root, topicFilter)?.value;
  }

  /** Removes a filter. */
  delete(topicFilter: string): void {
    remove(this.#root, topicFilter);
  }

  /**
   * Calls back with the value of each filter that matches a Topic Name. Returns how many levels
   * have been examined.
   */
  match(topicName: string, callback: (value: Value) => void): number {
    return new FilterMatch(topicName, callback).visit(this.#root);
  }
}

/** Values by Topic Name, to be found by Topic Filter. */
export class NameTree<Value> {
  readonly #root: Node<Value> = makeNode();
  #size = 0;

  /** How many topics have a value. */
  get size(): number {
    return this.#size;
  }

  /** The value of a topic. */
  get(topicName: string): Value | undefined {
    return find(this.#root, topicName)?.value;
  }

  /** Sets the value of a topic. */
  set(topicName: string, value: Value): void {
    const node = add(this.#root, topicName);
    if (node.value === undefined) this.#size++;
    node.value = value;
  }

  /** Removes a topic. */
  delete(topicName: string): void {
    if (remove(this.#root, topicName)) this.#size--;
  }

  /** The values of the topics that a Topic Filter matches, each found when it is asked for. */
  *matching(topicFilter: string): Generator<Value> {
    const search = this.search(topicFilter);
    for (let value = search.next(); value !== undefined; value = search.next()) yield value;
  }

  /** Starts a search for the topics that match a Topic Filter, which can be done in steps. */
  search(topicFilter: string): NameSearch<Value> {
    return new NameSearch(this.#root, topicFilter);
  }
}

function makeNode<Value>(): Node<Value> {
  return { children: undefined, value: undefined };
}

/** The node of a topic, made if there is none. */
function add<Value>(root: Node<Value>, topic: string): Node<Value> {
  let node = root;
  for (let at = 0; at <= topic.length;) {
    const first = topic.slice(at, levelEnd(topic, at));
    const children = node.children ??= new Map<string, Edge<Value>>();
    const edge = children.get(first);
    if (edge === undefined) {
      const leaf = makeNode<Value>();
      children.set(own(first), { label: topic.slice(at), node: leaf });
      return leaf;
    }
    const { label } = edge;
    const length = commonLevels(label, topic, at);
    if (length < label.length) node = part(children, first, edge, length);
    else node = edge.node;
    at += length + 1;
  }
  return node;
}

/** Splits an edge by a new node at an index of its label. */
function part<Value>(
  children: Map<string, Edge<Value>>,
  first: string,
  { label, node }: Edge<Value>,
  length: number,
): Node<Value> {
  const rest = label.slice(length + 1);
  const below = own(rest.slice(0, levelEnd(rest, 0)));
  const middle: Node<Value> = {
    children: new Map([[below, { label: rest, node }]]),
    value: undefined,
  };
  children.set(first, { label: own(label.slice(0, length)), node: middle });
  return middle;
}

/** How many characters the levels have that a label and a topic have in common from there on. */
function commonLevels(label: string, topic: string, at: number): number {
  if (topic.startsWith(label, at) && isEnd(topic, at + label.length)) return label.length;
  let common = 0;
  for (let end = levelEnd(label, 0); end < label.length; end = levelEnd(label, end + 1)) {
    if (!isEnd(topic, at + end)) break;
    if (!topic.startsWith(label.slice(common, end), at + common)) break;
    common = end;
  }
  return common;
}

function find<Value>(root: Node<Value>, topic: string): Node<Value> | undefined {
  let node = root;
  for (let at = 0; at <= topic.length;) {
    const edge = node.children?.get(topic.slice(at, levelEnd(topic, at)));
    if (edge === undefined) return undefined;
    const { length } = edge.label;
    if (!topic.startsWith(edge.label, at) || !isEnd(topic, at + length)) return undefined;
    node = edge.node;
    at += length + 1;
  }
  return node;
}

/** Removes a value and the nodes that are then unnecessary. Returns whether there was one. */
function remove<Value>(root: Node<Value>, topic: string): boolean {
  let node = root;
  let above = root;
  let first = "";
  let firstAbove = "";
  let aboveThat: Node<Value> | undefined;
  for (let at = 0; at <= topic.length;) {
    const next = topic.slice(at, levelEnd(topic, at));
    const edge = node.children?.get(next);
    if (edge === undefined) return false;
    const { length } = edge.label;
    if (!topic.startsWith(edge.label, at) || !isEnd(topic, at + length)) return false;
    [aboveThat, above, node] = [above, node, edge.node];
    [firstAbove, first] = [first, next];
    at += length + 1;
  }
  if (node.value === undefined) return false;
  node.value = undefined;
  if (node.children !== undefined) join(above, first);
  else {
    above.children!.delete(first);
    if (above.children!.size === 0) above.children = undefined;
    else if (above !== root) join(aboveThat!, firstAbove);
  }
  return true;
}

/** Makes one edge of two where nothing ends between them, or branches off. */
function join<Value>(above: Node<Value>, first: string): void {
  const { label, node: { value, children } } = above.children!.get(first)!;
  if (value !== undefined || children?.size !== 1) return;
  const [only] = children.values();
  above.children!.set(first, { label: `${label}/${only!.label}`, node: only!.node });
}

/**
 * A text that does not keep a longer one, of which it is a part, in memory. Short ones are copied
 * by the engine.
 */
function own(text: string): string {
  return text.length < PARTS_FROM ? text : `/${text}`.slice(1);
}

/** Parts of texts that are shorter are copies. */
const PARTS_FROM = 13;
