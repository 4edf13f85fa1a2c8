// What a connection keeps of what it has read, on an account: packets that are not whole, Topic
// Aliases, and the buffer that whoever reads goes on with.

import type { Memory } from "./memory.ts";

/** So much of a packet that is not whole, and of aliases, is always kept. */
const FREE = 4096;

/** The bytes that one connection holds. */
export class HeldBytes {
  readonly #memory: Memory;
  #held = 0;
  #chunkBytes = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /**
   * Counts what is held now, and the buffer that the last chunk is a part of; without one, the one
   * before. False when there is no room for it.
   */
  count(held: number, chunkBytes: number = this.#chunkBytes): boolean {
    const more = held - this.#held;
    const hasRoom = more <= 0 || held <= FREE || this.#memory.hasRoom(more);
    if (more !== 0 || chunkBytes !== this.#chunkBytes) {
      this.#memory.add(more + chunkBytes - this.#chunkBytes);
      this.#held = held;
      this.#chunkBytes = chunkBytes;
    }
    return hasRoom;
  }
}
