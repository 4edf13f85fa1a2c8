// Dropped messages in the log of `broker`: there may be very many, so they share a line, which is
// written at intervals.

import type { ClientInfo, DropReason } from "../../broker/mod.ts";
import { quoted } from "../terminal/text.ts";

/**
 * How long the first line waits for others to join it, and how long the next one, in milliseconds.
 */
const FIRST = 1000;
const NEXT = 10_000;

/** Counts dropped messages and logs the counts. */
export class DroppedLog {
  readonly #write: (text: string) => void;
  readonly #counts: Record<DropReason, number> = { "no room": 0, "too large": 0 };
  #last = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = FIRST;

  /** Logs with `write`, a line at a time. */
  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Counts a message that was dropped for a client. */
  add({ clientId }: ClientInfo, why: DropReason): void {
    this.#counts[why]++;
    this.#last = clientId;
    this.#timer ??= setTimeout(() => this.#tell(), this.#wait);
  }

  /** Logs what has not been logged yet. */
  end(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#tell();
  }

  #tell(): void {
    const counts = this.#counts;
    this.#timer = undefined;
    this.#wait = NEXT;
    const parts = [
      counts["no room"] > 0 ? `${counts["no room"]} because a queue was full` : "",
      counts["too large"] > 0 ? `${counts["too large"]} larger than the client accepts` : "",
    ].filter((part) => part !== "");
    this.#write(`dropped messages: ${parts.join(", ")}; the last one for ${quoted(this.#last)}`);
    counts["no room"] = counts["too large"] = 0;
  }
}
