// §4.7 Topic Filters and Topic Names as a tree of their levels. To find what matches costs as much
// as the topic is deep and as much as there are matches, however many filters or topics there are.

/** How many levels a Topic Name has, or a Topic Filter. */
export function levelsOf(topic: string): number {
  let levels = 1;
  for (let at = topic.indexOf("/"); at >= 0; at = topic.indexOf("/", at + 1)) levels++;
  return levels;
}

/** A level of topics, and what is below it. */
export interface Node<Value> {
  readonly children: Map<string, Node<Value>>;
  value: Value | undefined;
}

/** Values by Topic Filter, to be found by Topic Name. */
export class FilterTree<Value> {
  readonly #root: Node<Value> = makeNode();

  /** The value of a filter; made by `make` when it has none. */
  getOrMake(topicFilter: string, make: () => Value): Value {
    let node = this.#root;
    for (const level of topicFilter.split("/")) node = child(node, level);
    return node.value ??= make();
  }

  /** The value of a filter. */
  get(topicFilter: string): Value | undefined {
    return find(this.#root, topicFilter)?.value;
  }

  /** Takes a filter out. */
  delete(topicFilter: string): void {
    remove(this.#root, topicFilter.split("/"), 0);
  }

  /**
   * Calls back with the value of each filter that matches a Topic Name. Returns how many nodes have
   * been visited.
   */
  match(topicName: string, callback: (value: Value) => void): number {
    const levels = topicName.split("/");
    // [MQTT-4.7.2-1]
    const isReserved = topicName.startsWith("$");
    return matchLevel(this.#root, levels, 0, isReserved, callback);
  }
}

function matchLevel<Value>(
  node: Node<Value>,
  levels: readonly string[],
  index: number,
  isReserved: boolean,
  callback: (value: Value) => void,
): number {
  const takesWildcards = index > 0 || !isReserved;
  if (takesWildcards) {
    // It stands for the level above, too: "sport/#" matches "sport".
    const all = node.children.get("#")?.value;
    if (all !== undefined) callback(all);
  }
  if (index === levels.length) {
    if (node.value !== undefined) callback(node.value);
    return 1;
  }
  let visited = 1;
  const same = node.children.get(levels[index]!);
  if (same !== undefined) visited += matchLevel(same, levels, index + 1, isReserved, callback);
  const any = takesWildcards ? node.children.get("+") : undefined;
  if (any !== undefined) visited += matchLevel(any, levels, index + 1, isReserved, callback);
  return visited;
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
    let node = this.#root;
    for (const level of topicName.split("/")) node = child(node, level);
    if (node.value === undefined) this.#size++;
    node.value = value;
  }

  /** Takes a topic out. */
  delete(topicName: string): void {
    if (this.get(topicName) === undefined) return;
    this.#size--;
    remove(this.#root, topicName.split("/"), 0);
  }

  /** The values of the topics that a Topic Filter matches, each found when it is asked for. */
  *matching(topicFilter: string): Generator<Value> {
    const search = this.search(topicFilter);
    for (let value = search.next(); value !== undefined; value = search.next()) yield value;
  }

  /** Looks for the topics that a Topic Filter matches, in steps. */
  search(topicFilter: string): NameSearch<Value> {
    return new NameSearch(this.#root, topicFilter.split("/"));
  }
}

/** A branching of the tree, some branches of which are still to be searched. */
interface Branching<Value> {
  readonly branches: Iterator<[string, Node<Value>], undefined>;
  /** The level of the filter that is to match below. */
  readonly index: number;
  readonly isRoot: boolean;
}

/**
 * A search that can be interrupted: how long it takes depends on all that it has to look at, not on
 * what it finds.
 */
export class NameSearch<Value> {
  readonly #levels: readonly string[];
  #root: Node<Value> | undefined;
  /** Where the search is, the root first. */
  readonly #path: Branching<Value>[] = [];
  #visited = 0;
  #isOver = false;

  /** Nothing has been looked at. */
  constructor(root: Node<Value>, levels: readonly string[]) {
    this.#root = root;
    this.#levels = levels;
  }

  /** How many nodes have been visited so far. */
  get visited(): number {
    return this.#visited;
  }

  /** Whether nothing more will be found. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * The next value; `undefined` when there is none, or about so many nodes have been visited
   * without one.
   */
  next(mostNodes = Infinity): Value | undefined {
    const end = this.#visited + mostNodes;
    if (this.#root !== undefined) {
      const root = this.#root;
      this.#root = undefined;
      const value = this.#enter(root, 0, true);
      if (value !== undefined) return value;
    }
    while (this.#visited < end) {
      const branching = this.#path.at(-1);
      if (branching === undefined) {
        this.#isOver = true;
        return undefined;
      }
      const { done, value: branch } = branching.branches.next();
      this.#visited++;
      if (done === true) this.#path.pop();
      // [MQTT-4.7.2-1]
      else if (!branching.isRoot || !branch[0].startsWith("$")) {
        const value = this.#enter(branch[1], branching.index, false);
        if (value !== undefined) return value;
      }
    }
    return undefined;
  }

  /**
   * Goes to a node, and on from there as long as there is one way only. Returns the value where it
   * has come to, if it matches.
   */
  #enter(start: Node<Value>, from: number, isRoot: boolean): Value | undefined {
    let node = start;
    for (let index = from;; index++) {
      const level = this.#levels[index];
      if (level === undefined) return node.value;
      if (level === "+" || level === "#") {
        const isAll = level === "#";
        this.#path.push({
          branches: node.children[Symbol.iterator](),
          // Below "#" every level is matched by it again.
          index: isAll ? index : index + 1,
          isRoot: isRoot && index === from,
        });
        // "sport/#" matches "sport", too.
        return isAll ? node.value : undefined;
      }
      const next = node.children.get(level);
      if (next === undefined) return undefined;
      this.#visited++;
      node = next;
    }
  }
}

function makeNode<Value>(): Node<Value> {
  return { children: new Map(), value: undefined };
}

function child<Value>(node: Node<Value>, level: string): Node<Value> {
  let next = node.children.get(level);
  if (next === undefined) node.children.set(level, next = makeNode());
  return next;
}

function find<Value>(root: Node<Value>, topic: string): Node<Value> | undefined {
  let node: Node<Value> | undefined = root;
  for (const level of topic.split("/")) node = node?.children.get(level);
  return node;
}

/**
 * Takes a value out, and the branches that bear nothing then. Returns whether the node bears
 * nothing.
 */
function remove<Value>(node: Node<Value>, levels: readonly string[], index: number): boolean {
  const level = levels[index];
  if (level === undefined) node.value = undefined;
  else {
    const next = node.children.get(level);
    if (next !== undefined && remove(next, levels, index + 1)) node.children.delete(level);
  }
  return node.value === undefined && node.children.size === 0;
}
