// Which message without payload the broker means. Its hooks are not told the User Properties that
// have the number, so it is found by what has passed: of one client and topic they are taken in the
// order in which they came.

import type { QoS } from "../../src/packets/mod.ts";

/** The messages without payload of one world. */
export class Empties {
  readonly #sent = new Map<string, number[]>();
  readonly #seen = new Set<number>();
  readonly #again = new Map<string, number>();
  readonly #byTopic = new Map<string, number[]>();

  /**
   * One has reached the broker, perhaps again, when it is taken again but at QoS 2; `""` is the
   * broker's own program.
   */
  sent(clientId: string, topic: string, id: number, qos: QoS): void {
    if (this.#seen.has(id) && qos === 2) {
      // A broker that has crashed may have forgotten it.
      this.#again.set(keyOf(clientId, topic), id);
      return;
    }
    this.#seen.add(id);
    append(this.#sent, keyOf(clientId, topic), id);
    append(this.#byTopic, topic, id);
  }

  /** The one that the broker takes; -1 if there is none. */
  taken(clientId: string, topic: string): number {
    const key = keyOf(clientId, topic);
    return this.#sent.get(key)?.shift() ?? this.#again.get(key) ?? -1;
  }

  /** All of a topic: it may be any of them. */
  all(topic: string): readonly number[] {
    return this.#byTopic.get(topic) ?? [];
  }

  /** A broker has died: what it had not taken has to come again. */
  forget(): void {
    for (const ids of this.#sent.values()) for (const id of ids) this.#seen.delete(id);
    this.#sent.clear();
  }
}

function keyOf(clientId: string, topic: string): string {
  return `${clientId} ${topic}`;
}

function append(lists: Map<string, number[]>, key: string, id: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [id]);
  else list.push(id);
}
