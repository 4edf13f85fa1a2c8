// Who has something to send that it did not ask for itself is woken when all that has come together
// has been routed: one write for all of it, and as many writes as there is time for in a turn.

import { Queue } from "../session/queue.ts";
import type { BrokerConnection } from "./model.ts";
import { type Turns, Work } from "./turns.ts";

/** The connections that are to be woken. */
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

  /** For those whose turn is not yet more comes together meanwhile. */
  #wakeAll(): void {
    const connections = this.#connections;
    for (let next = connections.first; next !== undefined; next = connections.first) {
      if (this.#turns.isOver) return this.#turns.waitForAll(() => this.#wakeAll());
      connections.shift();
      next.isToBeWoken = false;
      this.#turns.count(Work.write);
      next.wake();
    }
    this.#isWaking = false;
  }
}
