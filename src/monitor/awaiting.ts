// Packets that wait for their answers, in the order in which they passed.

import { type Obligation, type Side, subject } from "./findings.ts";

/** Packets of one kind, by Packet Identifier: at most 65,535. */
export class Awaiting {
  readonly #since = new Map<number, number>();

  /** How many there are. */
  get size(): number {
    return this.#since.size;
  }

  /** Whether there is one of this identifier. */
  has(packetId: number): boolean {
    return this.#since.has(packetId);
  }

  /** One more, since `now`; one that waits already keeps its place. */
  add(packetId: number, now: number): void {
    if (!this.#since.has(packetId)) this.#since.set(packetId, now);
  }

  /** It has got its answer; false when none waits. */
  delete(packetId: number): boolean {
    return this.#since.delete(packetId);
  }

  /** The one that has waited longest, but for some; `undefined` when there is none. */
  first(except?: ReadonlySet<number>): number | undefined {
    for (const packetId of this.#since.keys()) {
      if (except?.has(packetId) !== true) return packetId;
    }
    return undefined;
  }

  /** What `by` owes for them by a statement, but for some: an answer to what was asked. */
  *owed(
    statement: string,
    by: Side,
    asked: string,
    answer: string,
    except: ReadonlySet<number>,
  ): Generator<Obligation> {
    for (const [packetId, since] of this.#since) {
      if (except.has(packetId)) continue;
      const message = `${subject(by)} has not answered ${asked} ${packetId} with ${answer}`;
      yield { statement, by, since, message };
    }
  }
}
