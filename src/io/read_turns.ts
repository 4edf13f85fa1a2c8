// Reads that find bytes at once leave nobody else a turn: a peer that never stops would have all
// the time there is. The one rule by which every transport gives way.

import { nextTurn, nextTurnOfSockets } from "./runtime.ts";

/**
 * After so many bytes those who are to take them have their turn; small writes let others have
 * theirs after fewer.
 */
export const BYTES_A_TURN = 4096;

/**
 * After so many bytes sockets are looked at, too: they come in two milliseconds, and a look takes
 * the twentieth part of one.
 */
const BYTES_A_POLL = 2_097_152;

/** After so many reads, however little they find, the next one gives way. */
const READS_A_TURN = 100;

/** Counts what one transport reads. */
export class ReadTurns {
  #bytes = 0;
  #reads = 0;
  #bytesSincePoll = 0;

  /** Whether the next read is to wait for {@linkcode ReadTurns.next}. */
  get isOver(): boolean {
    return this.#bytes >= BYTES_A_TURN || this.#reads >= READS_A_TURN;
  }

  /** So many bytes have been read. */
  count(bytes: number): void {
    this.#reads++;
    this.#bytes += bytes;
  }

  /** Resolves when the others have had their turn. */
  next(): Promise<void> {
    this.#bytesSincePoll += this.#bytes;
    this.#bytes = 0;
    this.#reads = 0;
    if (this.#bytesSincePoll < BYTES_A_POLL) return nextTurn();
    this.#bytesSincePoll = 0;
    return nextTurnOfSockets();
  }
}
