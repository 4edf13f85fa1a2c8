// @ts-check
// The numbers that a topic has had over time. A message may pass several times, once from its
// publisher and once to each subscriber: only one of these ways is looked at.

/** @import { PacketEntry, ShownPayload } from "./events.ts" */

import { numberIn } from "./payload.js";
import { numbersIn } from "./payload_json.js";

/**
 * A message of the topic.
 *
 * @typedef {object} Sample
 * @property {number} n the number of its entry
 * @property {number} time
 * @property {string} way who sent it
 * @property {ShownPayload} payload
 * @property {number | undefined} value
 */

/** @typedef {{ readonly time: number, readonly value: number }} Point */

/** As many messages are kept. */
const MOST_SAMPLES = 2000;

/** The distance of larger numbers might be infinite. */
const LARGEST = 1e300;

/** What all clients publish is one way. */
const PUBLISHED = "client";

/** The messages of a topic, and the numbers in them. */
export class Series {
  /** @type {Sample[]} */
  #samples = [];
  #path = "";

  /** Where the number is in JSON; empty if the payload is the number. */
  get path() {
    return this.#path;
  }

  set path(path) {
    if (path === this.#path) return;
    this.#path = path;
    for (const sample of this.#samples) sample.value = this.#valueOf(sample.payload);
  }

  /**
   * Takes a message, unless it has it.
   *
   * @param {Pick<PacketEntry, "n" | "time" | "from" | "connection" | "dup"> & {
   *   readonly payload?: ShownPayload
   * }} message
   */
  add({ n, time, from, connection, dup = false, payload }) {
    // What is sent again has been sent before.
    if (payload === undefined || dup) return;
    let at = this.#samples.length;
    while (at > 0 && /** @type {Sample} */ (this.#samples[at - 1]).n > n) at--;
    if (this.#samples[at - 1]?.n === n) return;
    const way = from === "client" ? PUBLISHED : `server ${connection}`;
    this.#samples.splice(at, 0, { n, time, way, payload, value: this.#valueOf(payload) });
    if (this.#samples.length > MOST_SAMPLES) this.#samples.shift();
  }

  /**
   * The numbers in the order of time.
   *
   * @returns {readonly Point[]}
   */
  points() {
    const isPublished = this.#samples.some(({ way }) => way === PUBLISHED);
    const shown = isPublished ? PUBLISHED : this.#samples[0]?.way;
    return this.#samples.flatMap(({ way, time, value }) => {
      return way === shown && value !== undefined ? [{ time, value }] : [];
    });
  }

  /** @param {ShownPayload} payload */
  #valueOf({ text, isCut }) {
    if (text === undefined) return undefined;
    const whole = isCut ? undefined : numberIn(text);
    const value = this.#path === "" ? whole : numbersIn(text, isCut).get(this.#path);
    return value !== undefined && Math.abs(value) < LARGEST ? value : undefined;
  }
}
