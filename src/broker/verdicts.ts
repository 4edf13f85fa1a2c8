// A cache of what `authorizeDelivery` returned for one session, by topic, since the same topics
// come again and again. It is bounded, since clients can make up any number of topics.

/** Bytes that the cache of a session takes, approximately and at most. */
const MAXIMUM_BYTES = 32_768;

/** Bytes that a verdict takes in addition to its topic, approximately. */
const VERDICT_BYTES = 64;

/** The verdicts of one session; a promise while the hook has not answered yet. */
export class Verdicts {
  readonly #verdicts = new Map<string, boolean | Promise<boolean>>();
  #bytes = 0;

  /** The bytes that they take, approximately. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether messages of a topic may be delivered; `undefined` when the hook has not been asked. */
  get(topic: string): boolean | Promise<boolean> | undefined {
    return this.#verdicts.get(topic);
  }

  /**
   * Stores a verdict. When the cache is full the others are dropped: the hook can be asked again.
   */
  set(topic: string, verdict: boolean | Promise<boolean>): void {
    if (!this.#verdicts.has(topic)) {
      const bytes = VERDICT_BYTES + topic.length;
      if (this.#bytes + bytes > MAXIMUM_BYTES) this.#clear();
      this.#bytes += bytes;
    }
    this.#verdicts.set(topic, verdict);
  }

  /** Removes a verdict. */
  delete(topic: string): void {
    if (this.#verdicts.delete(topic)) this.#bytes -= VERDICT_BYTES + topic.length;
  }

  #clear(): void {
    this.#verdicts.clear();
    this.#bytes = 0;
  }
}
