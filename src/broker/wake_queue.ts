// Connections with messages to send that were published by others. They are woken when everything
// that has arrived together is routed, so that each needs one write for all of it, and only as many
// in a turn as there is time for.

import { Queue } from "../session/queue.ts";
import type { BrokerConnection } from "./model.ts";
import { type Turns, Work } from "./turns.ts";

/** The connections to be woken. */
export class WakeQueue {
  readonly #turns: Turns;
  readonly #connections = new Queue<BrokerConnection>();
  #isWaking = false;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Wakes a connection soon. */
  add(connection: BrokerConnection): void {
    if (connection.isToBeWoken) return;
    connection.isToBeWoken = true;
    this.#connections.push(connection);
    if (this.#isWaking) return;
    this.#isWaking = true;
    queueMicrotask(() => this.#wakeAll());
  }

  /** Connections that have to wait for a later turn collect more messages meanwhile. */
  #wakeAll(): void {
    const connections = this.#connections;
    for (let next = connections.first; next !== undefined; next = connections.first) {
      if (this.#turns.isOver) {
        return this.#turns.waitForAll(() => this.#wakeAll(), connections.length);
      }
      connections.shift();
      next.isToBeWoken = false;
      this.#turns.count(Work.write);
      next.wake();
    }
    this.#isWaking = false;
  }
}
