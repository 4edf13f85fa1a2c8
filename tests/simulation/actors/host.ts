// The process in which an actor runs, as the actor sees it.

import type { Clock } from "../../../src/io/clock.ts";
import type { RecordedOfProcess } from "../recorder.ts";

/** One process. */
export interface Host {
  /** Its number in the history. */
  readonly number: number;
  readonly clock: Clock;
  /** Whether consumers take the time that they were planned to take. */
  readonly isPatient: boolean;
  /** Writes into the history what this process did or was told; nothing once it is killed. */
  record(event: RecordedOfProcess): void;
  /** A number that nothing else has. */
  nextNumber(): number;
}

/** Resolves so many milliseconds later, by the clock of a process. */
export function pause({ clock }: Host, milliseconds: number): Promise<void> {
  return new Promise((resolve) => void clock.at(clock.now() + milliseconds, resolve));
}

/** What a process waits for: each promise of the library that has not settled. */
export class Waiting {
  readonly #what = new Map<number, { readonly what: string; readonly id: number | undefined }>();
  #next = 0;

  /** How many promises there are. */
  get size(): number {
    return this.#what.size;
  }

  /** Keeps a promise until it has settled, and gives it back. */
  for<Value>(what: string, id: number | undefined, promise: Promise<Value>): Promise<Value> {
    const place = this.#next++;
    this.#what.set(place, { what, id });
    const settled = () => void this.#what.delete(place);
    promise.then(settled, settled);
    return promise;
  }

  /** What has not settled. */
  values(): Iterable<{ readonly what: string; readonly id: number | undefined }> {
    return this.#what.values();
  }
}
