// §4.7 Topic Filters and Topic Names as a tree of their levels. To find what matches costs as much as the topic is deep and as
// much as there are matches, however many filters or topics there are.

/** How many levels a Topic Name has, or a Topic Filter. */
export function levelsOf(topic: string): number {
  let levels = 1;
  for (let at = topic.indexOf("/"); at >= 0; at = topic.indexOf("/", at + 1)) levels++;
  return levels;
}

interface Node<Value> {
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

  /** Calls back with the value of each filter that matches a Topic Name. */
  match(topicName: string, callback: (value: Value) => void): void {
    const levels = topicName.split("/");
    // [MQTT-4.7.2-1]
    const isReserved = topicName.startsWith("$");
    matchLevel(this.#root, levels, 0, isReserved, callback);
  }
}

function matchLevel<Value>(
  node: Node<Value>,
  levels: readonly string[],
  index: number,
  isReserved: boolean,
  callback: (value: Value) => void,
): void {
  const takesWildcards = index > 0 || !isReserved;
  if (takesWildcards) {
    // It stands for the level above, too: "sport/#" matches "sport".
    const all = node.children.get("#")?.value;
    if (all !== undefined) callback(all);
  }
  if (index === levels.length) {
    if (node.value !== undefined) callback(node.value);
    return;
  }
  const same = node.children.get(levels[index]!);
  if (same !== undefined) matchLevel(same, levels, index + 1, isReserved, callback);
  const any = takesWildcards ? node.children.get("+") : undefined;
  if (any !== undefined) matchLevel(any, levels, index + 1, isReserved, callback);
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
  matching(topicFilter: string): Generator<Value> {
    return matchFilter(this.#root, topicFilter.split("/"), 0, true);
  }
}

function* matchFilter<Value>(
  node: Node<Value>,
  levels: readonly string[],
  index: number,
  isRoot: boolean,
): Generator<Value> {
  const level = levels[index];
  if (level === undefined) {
    if (node.value !== undefined) yield node.value;
    return;
  }
  if (level !== "+" && level !== "#") {
    const next = node.children.get(level);
    if (next !== undefined) yield* matchFilter(next, levels, index + 1, false);
    return;
  }
  // "sport/#" matches "sport", too.
  if (level === "#" && node.value !== undefined) yield node.value;
  for (const [name, next] of node.children) {
    // [MQTT-4.7.2-1]
    if (isRoot && name.startsWith("$")) continue;
    // Below "#" every level is matched by it again.
    yield* matchFilter(next, levels, level === "#" ? index : index + 1, false);
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

/** Takes a value out, and the branches that bear nothing then. Returns whether the node bears nothing. */
function remove<Value>(node: Node<Value>, levels: readonly string[], index: number): boolean {
  const level = levels[index];
  if (level === undefined) node.value = undefined;
  else {
    const next = node.children.get(level);
    if (next !== undefined && remove(next, levels, index + 1)) node.children.delete(level);
  }
  return node.value === undefined && node.children.size === 0;
}
