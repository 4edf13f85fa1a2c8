// What `authorizeDelivery` has said of one session, by topic: the same topics come again and again.
// Bounded: there may be as many topics as clients make up.

/** About so many bytes are kept for a session. */
const MOST_BYTES = 32_768;

/** About so many bytes a verdict takes beside its topic. */
const VERDICT = 64;

/** The verdicts of one session; a promise is one that is being asked for. */
export class Verdicts {
  readonly #verdicts = new Map<string, boolean | Promise<boolean>>();
  #bytes = 0;

  /** About how many bytes they take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether messages of a topic may be delivered, if that is known, or will be. */
  get(topic: string): boolean | Promise<boolean> | undefined {
    return this.#verdicts.get(topic);
  }

  /** Keeps a verdict. When there is no room the others go: they can be asked for again. */
  set(topic: string, verdict: boolean | Promise<boolean>): void {
    if (!this.#verdicts.has(topic)) {
      const bytes = VERDICT + topic.length;
      if (this.#bytes + bytes > MOST_BYTES) this.#clear();
      this.#bytes += bytes;
    }
    this.#verdicts.set(topic, verdict);
  }

  /** Forgets a verdict. */
  delete(topic: string): void {
    if (this.#verdicts.delete(topic)) this.#bytes -= VERDICT + topic.length;
  }

  #clear(): void {
    this.#verdicts.clear();
    this.#bytes = 0;
  }
}
