// A read that finds bytes resolves without letting the event loop continue, so a peer that sends
// without pause would starve all others. This is how every transport yields to them.

import { nextTurn, nextTurnOfSockets } from "./runtime.ts";

/**
 * How many bytes a transport reads before it yields, so that they can be processed. Smaller writes
 * make a transport yield, too.
 */
export const BYTES_A_TURN = 4096;

/**
 * How many bytes a transport reads before sockets are polled as well. They arrive within about two
 * milliseconds; polling takes a twentieth of one.
 */
const BYTES_A_POLL = 2_097_152;

/** How many reads a transport does before it yields, however little they return. */
const READS_A_TURN = 100;

/** Decides when one transport must yield. */
export class ReadTurns {
  #bytes = 0;
  #reads = 0;
  #bytesSincePoll = 0;

  /** Whether the next read must first wait for {@linkcode ReadTurns.next}. */
  get isOver(): boolean {
    return this.#bytes >= BYTES_A_TURN || this.#reads >= READS_A_TURN;
  }

  /** Call after each read. */
  count(bytes: number): void {
    this.#reads++;
    this.#bytes += bytes;
  }

  /** Resolves after others have had their turn. */
  next(): Promise<void> {
    this.#bytesSincePoll += this.#bytes;
    this.#bytes = 0;
    this.#reads = 0;
    if (this.#bytesSincePoll < BYTES_A_POLL) return nextTurn();
    this.#bytesSincePoll = 0;
    return nextTurnOfSockets();
  }
}
