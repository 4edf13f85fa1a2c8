// What `broker` says of messages that do not reach their subscribers: there may be very many, so it
// is one line for all of them, and not often.

import type { ClientInfo, DropReason } from "../../broker/mod.ts";
import { quoted } from "../terminal/text.ts";

/**
 * How long the first line waits for others to join it, and how long the next one, in milliseconds.
 */
const FIRST = 1000;
const NEXT = 10_000;

/** Counts dropped messages and tells of them. */
export class DroppedLog {
  readonly #write: (text: string) => void;
  readonly #counts: Record<DropReason, number> = { "no room": 0, "too large": 0 };
  #last = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = FIRST;

  /** Tells by `write`, a line at a time. */
  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** A message was dropped for a client. */
  add({ clientId }: ClientInfo, why: DropReason): void {
    this.#counts[why]++;
    this.#last = clientId;
    this.#timer ??= setTimeout(() => this.#tell(), this.#wait);
  }

  /** Tells of what has not been told. */
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
      counts["no room"] > 0 ? `${counts["no room"]} for which there was no room` : "",
      counts["too large"] > 0 ? `${counts["too large"]} too large for their clients` : "",
    ].filter((part) => part !== "");
    this.#write(`dropped messages: ${parts.join(", ")}; the last for ${quoted(this.#last)}`);
    counts["no room"] = counts["too large"] = 0;
  }
}
