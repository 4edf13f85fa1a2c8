// §4.7 Finds all Topic Filters of a tree that match a Topic Name.

import { isEnd, levelEnd } from "./topic_levels.ts";
import type { Node } from "./topic_tree.ts";

/** The search for one Topic Name. */
export class FilterMatch<Value> {
  readonly #topic: string;
  readonly #callback: (value: Value) => void;
  #visited = 0;

  constructor(topicName: string, callback: (value: Value) => void) {
    this.#topic = topicName;
    this.#callback = callback;
  }

  /**
   * Calls back with the value of each matching filter below a root. Returns how many levels have
   * been examined.
   */
  visit(root: Node<Value>): number {
    this.#below(root, 0);
    return this.#visited;
  }

  /**
   * The levels of the topic before `at` have matched; there are no more when it is past the end.
   */
  #below({ children, value }: Node<Value>, at: number): void {
    this.#visited++;
    const topic = this.#topic;
    // [MQTT-4.7.2-1]
    const takesWildcards = at > 0 || !topic.startsWith("$");
    // "#" includes the parent level: "sport/#" matches "sport".
    const all = takesWildcards ? children?.get("#") : undefined;
    if (all?.node.value !== undefined) this.#callback(all.node.value);
    if (at > topic.length) {
      if (value !== undefined) this.#callback(value);
      return;
    }
    if (children === undefined) return;
    const same = children.get(topic.slice(at, levelEnd(topic, at)));
    if (same !== undefined) this.#along(same.label, same.node, at);
    const any = takesWildcards ? children.get("+") : undefined;
    if (any !== undefined) this.#along(any.label, any.node, at);
  }

  /** Follows an edge if its levels match. */
  #along(label: string, node: Node<Value>, start: number): void {
    const topic = this.#topic;
    let at = start;
    for (let from = 0; from <= label.length;) {
      this.#visited++;
      const end = levelEnd(label, from);
      const length = end - from;
      const code = length === 1 ? label.charCodeAt(from) : 0;
      if (code === HASH) {
        if (node.value !== undefined) this.#callback(node.value);
        return;
      }
      if (at > topic.length) return;
      if (code === PLUS) at = levelEnd(topic, at) + 1;
      else if (isEnd(topic, at + length) && topic.startsWith(label.slice(from, end), at)) {
        at += length + 1;
      } else return;
      from = end + 1;
    }
    this.#below(node, at);
  }
}

const HASH = 0x23;
const PLUS = 0x2b;
