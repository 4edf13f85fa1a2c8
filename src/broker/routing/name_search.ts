// §4.7 Finds the Topic Names of a tree that match a Topic Filter, in steps: the time depends on how
// many nodes are visited, not on how many names are found.

import { isEnd, levelEnd } from "./topic_levels.ts";
import type { Edge, Node } from "./topic_tree.ts";

/** A node, some branches of which are still to be searched. */
interface Branching<Value> {
  readonly branches: Iterator<Edge<Value>, undefined>;
  /** Where the level of the filter begins that stands for the branches. */
  readonly at: number;
  readonly isRoot: boolean;
}

/** A search that can be interrupted. The tree may change in between. */
export class NameSearch<Value> {
  readonly #filter: string;
  #root: Node<Value> | undefined;
  /** The path to the current position, from the root. */
  readonly #path: Branching<Value>[] = [];
  #visited = 0;
  #isOver = false;

  constructor(root: Node<Value>, topicFilter: string) {
    this.#root = root;
    this.#filter = topicFilter;
  }

  /** How many nodes have been visited so far, and levels between them. */
  get visited(): number {
    return this.#visited;
  }

  /** Whether the search is finished. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * The next value; `undefined` if there is none, or if about `mostNodes` nodes have been visited
   * without finding one.
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
      const { done, value: edge } = branching.branches.next();
      this.#visited++;
      if (done === true) this.#path.pop();
      // [MQTT-4.7.2-1]
      else if (!branching.isRoot || !edge.label.startsWith("$")) {
        const value = this.#along(edge, branching.at);
        if (value !== undefined) return value;
      }
    }
    return undefined;
  }

  /**
   * Goes to a node, and on from there as long as there is one way only. Returns the value where it
   * has come to, if it matches. `at` is past the end when the filter has no more levels.
   */
  #enter(node: Node<Value>, at: number, isRoot = false): Value | undefined {
    const filter = this.#filter;
    if (at > filter.length) return node.value;
    const { children, value } = node;
    const level = filter.slice(at, levelEnd(filter, at));
    if (level === "+" || level === "#") {
      if (children !== undefined) {
        this.#path.push({ branches: children.values(), at, isRoot });
      }
      // "sport/#" matches "sport", too.
      return level === "#" ? value : undefined;
    }
    const edge = children?.get(level);
    if (edge === undefined) return undefined;
    this.#visited++;
    return this.#along(edge, at);
  }

  /** Follows an edge if its levels match the rest of the filter. */
  #along({ label, node }: Edge<Value>, start: number): Value | undefined {
    const filter = this.#filter;
    let at = start;
    for (let from = 0; from <= label.length;) {
      if (at > filter.length) return undefined;
      const length = levelEnd(filter, at) - at;
      const code = length === 1 ? filter.charCodeAt(at) : 0;
      // Below "#" every level is matched by it again.
      if (code === HASH) return this.#enter(node, at);
      if (code === PLUS) {
        from = levelEnd(label, from) + 1;
        at += 2;
      } else if (
        isEnd(label, from + length) && label.startsWith(filter.slice(at, at + length), from)
      ) {
        from += length + 1;
        at += length + 1;
      } else return undefined;
      if (from <= label.length) this.#visited++;
    }
    return this.#enter(node, at);
  }
}

const HASH = 0x23;
const PLUS = 0x2b;
