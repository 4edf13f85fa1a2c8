// §3.3.2.3.4 Which Topic Alias gives way to a topic that has none. To replace one at every such
// topic is never right where topics come in turn and are more than the aliases: each would lose
// its alias just before it is needed. So a topic has to come twice within a short time, and an
// alias gives way only if nobody has used it since it was last asked to.

import { textBytes } from "./message_size.ts";

/** What a topic takes that is remembered, beside its characters. */
const TOPIC = 64;

/** Topics without an alias that came lately, and whose turn it is to give way to them. */
export class AliasCandidates {
  /** By alias. */
  readonly #isUsed: boolean[] = [];
  /** In the order in which they came first. */
  readonly #topics = new Set<string>();
  #asked = 0;
  #bytes = 0;

  /** About how many bytes the topics take that are remembered. */
  get bytes(): number {
    return this.#bytes;
  }

  /** An alias has been assigned, or used. */
  use(alias: number): void {
    this.#isUsed[alias] = true;
  }

  /**
   * The alias of 1 to `aliases` that gives way to a topic; `undefined` when the topic is to be sent
   * without one. So many topics are remembered as there are aliases.
   */
  aliasFor(topic: string, aliases: number): number | undefined {
    if (!this.#topics.has(topic)) {
      this.#topics.add(topic);
      this.#bytes += TOPIC + textBytes(topic);
      if (this.#topics.size > aliases) this.#forget(this.#topics.values().next().value!);
      return undefined;
    }
    const alias = this.#asked = this.#asked % aliases + 1;
    if (this.#isUsed[alias] === true) {
      this.#isUsed[alias] = false;
      return undefined;
    }
    this.#forget(topic);
    return alias;
  }

  #forget(topic: string): void {
    this.#topics.delete(topic);
    this.#bytes -= TOPIC + textBytes(topic);
  }
}
