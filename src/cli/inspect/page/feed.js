// @ts-check
/// <reference lib="dom" />
// The page's end of the feed: takes the events of mqtt5 into the model, and asks it about packets.
// Whoever shows something reads `feed.model`.

/** @import { FeedEvents, PacketDetail } from "./events.ts" */

import { Model } from "./model.js";

/** @type {readonly (keyof FeedEvents)[]} */
const EVENTS = [
  "hello",
  "connections",
  "entries",
  "omitted",
  "topics",
  "topicsForgotten",
  "counts",
  "lesson",
];

/** After so many milliseconds the feed is asked for again, if the browser has given up. */
const RETRY = 3000;

/** As many packets are kept that have been asked for. */
const MOST_PACKETS = 64;

/** The connection of the page to mqtt5. */
export class Feed {
  /** What the page knows. */
  model = new Model();
  /** @type {string} */
  #token;
  /** @type {Map<number, PacketDetail>} The newest that were asked for. */
  #packets = new Map();

  /** @param {string} token What the link has after its `#`. */
  constructor(token) {
    this.#token = token;
    // Another process has other packets.
    this.model.addEventListener("reset", () => this.#packets.clear());
  }

  /** Begins to follow what mqtt5 sees; the browser connects again by itself. */
  start() {
    const source = new EventSource(this.#path("events"));
    source.addEventListener("open", () => this.model.setState("open"));
    source.addEventListener("error", async () => {
      if (source.readyState !== EventSource.CLOSED) {
        this.model.setState("lost");
        return;
      }
      // The answer was none of a feed.
      source.close();
      const isRefused = await this.#isRefused();
      this.model.setState(isRefused ? "refused" : "lost");
      // The token of another process will never do.
      if (!isRefused) setTimeout(() => this.start(), RETRY);
    });
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        this.model.receive(name, JSON.parse(/** @type {MessageEvent<string>} */ (event).data));
      });
    }
  }

  /**
   * Everything about the packet of an entry.
   *
   * @param {number} n The number of the entry.
   * @returns {Promise<PacketDetail>}
   * @throws {Error} If mqtt5 does not keep the packet any longer, or cannot be reached.
   */
  async packet(n) {
    const known = this.#packets.get(n);
    if (known !== undefined) return known;
    const packet = /** @type {PacketDetail} */ (await this.#ask(`packets/${n}`));
    this.#packets.set(n, packet);
    for (const oldest of this.#packets.keys()) {
      if (this.#packets.size <= MOST_PACKETS) break;
      this.#packets.delete(oldest);
    }
    return packet;
  }

  /**
   * Sends JSON to mqtt5, and returns its answer.
   *
   * @param {string} path Such as `"lesson"`.
   * @param {unknown} body
   * @returns {Promise<unknown>} The answer; `undefined` if it is empty.
   * @throws {Error} If mqtt5 refuses, or cannot be reached.
   */
  post(path, body) {
    const headers = { "content-type": "application/json" };
    return this.#ask(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  /**
   * @param {string} path
   * @param {RequestInit} [request]
   * @returns {Promise<unknown>}
   */
  async #ask(path, request = {}) {
    let answer;
    try {
      answer = await fetch(this.#path(path), request);
    } catch {
      throw new Error("mqtt5 cannot be reached");
    }
    const text = await answer.text();
    if (answer.ok) return text === "" ? undefined : JSON.parse(text);
    throw new Error(errorIn(text) ?? `mqtt5 answers ${answer.status}`);
  }

  async #isRefused() {
    try {
      return (await fetch(this.#path("packets/0"))).status === 403;
    } catch {
      return false;
    }
  }

  /** @param {string} path */
  #path(path) {
    return `/${path}?token=${encodeURIComponent(this.#token)}`;
  }
}

/**
 * The sentence in an answer that says no.
 *
 * @param {string} text
 * @returns {string | undefined}
 */
function errorIn(text) {
  try {
    const { error } = JSON.parse(text);
    return typeof error === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}
