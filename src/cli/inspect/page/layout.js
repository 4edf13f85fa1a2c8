// @ts-check
// Where the rows of the diagram lie: their heights, the pauses between them, and the lanes that
// join the packets of an exchange. Only the rows that can be seen become elements.

/** @import { PageEntry } from "./events.ts" */
/** @import { Exchange, Exchanges } from "./exchanges.js" */

/**
 * @typedef {object} Lane What a lane shows at a row.
 * @property {Exchange} exchange
 * @property {"start" | "through" | "member" | "end"} part
 */

/**
 * @typedef {object} Row An entry and where it lies.
 * @property {PageEntry} entry
 * @property {number} top In pixels from the beginning of everything.
 * @property {number} height With the pause before it.
 * @property {number} pause How long nothing has come before it, in milliseconds; 0 if not long.
 * @property {number} omitted How many entries before it the page has not got: they came too fast.
 * @property {readonly (Lane | undefined)[]} lanes
 */

import { durationText, numberText, ruleOf, sentenceOf } from "./text.js";

/** A pause that is shown, in milliseconds. */
export const PAUSE = 1000;

/** How many findings of an entry have a line in the diagram. */
export const FINDINGS_SHOWN = 2;

/** Heights in pixels, as in conversation.css. */
const HEIGHTS = { packet: 40, event: 28, ended: 20, pause: 26, finding: 18 };

/** How many exchanges have a lane at once. */
export const LANES = 5;

/** A lane ends after so many rows, however long its exchange still lasts. */
const LONGEST_LANE = 300;

/** The rows of the diagram. */
export class Layout {
  /** @type {Row[]} */
  rows = [];
  #exchanges;
  /** @type {({ exchange: Exchange, since: number } | undefined)[]} */
  #lanes = new Array(LANES).fill(undefined);
  /** How many rows there have been. */
  #count = 0;
  #bottom = 0;
  #time = Infinity;
  /** @type {number | undefined} The number of the last entry, shown or not. */
  #last;
  /** How many entries have been left out since the last row. */
  #omitted = 0;

  /** @param {Pick<Exchanges, "of">} exchanges Which packets belong together. */
  constructor(exchanges) {
    this.#exchanges = exchanges;
  }

  /** Where the first row begins. */
  get top() {
    return this.rows[0]?.top ?? this.#bottom;
  }

  /** Where the last row ends. */
  get bottom() {
    return this.#bottom;
  }

  /**
   * Adds a row.
   *
   * @param {PageEntry} entry
   */
  add(entry) {
    this.skip(entry);
    const waited = entry.time - this.#time;
    const pause = waited >= PAUSE ? waited : 0;
    const omitted = this.#omitted;
    const height = heightOf(entry) + (pause > 0 || omitted > 0 ? HEIGHTS.pause : 0);
    const lanes = this.#lanesAt(entry);
    this.rows.push({ entry, top: this.#bottom, height, pause, omitted, lanes });
    this.#bottom += height;
    this.#time = entry.time;
    this.#omitted = 0;
    this.#count++;
  }

  /**
   * Takes note of an entry that is not shown: a gap between numbers is one of entries left out.
   *
   * @param {PageEntry} entry
   */
  skip({ n }) {
    if (this.#last !== undefined) this.#omitted += n - this.#last - 1;
    this.#last = n;
  }

  /**
   * Drops the rows of entries before a number.
   *
   * @param {number} n
   */
  dropBefore(n) {
    const first = this.rows.findIndex(({ entry }) => entry.n >= n);
    this.rows = first === -1 ? [] : this.rows.slice(first);
  }

  /**
   * The index of the row at a height, or of the nearest.
   *
   * @param {number} y In pixels from the beginning of everything.
   */
  indexAt(y) {
    let low = 0;
    let high = this.rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (/** @type {Row} */ (this.rows[middle]).top <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /**
   * The index of the row of an entry; -1 if there is none.
   *
   * @param {number} n
   */
  indexOf(n) {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {Row} */ (this.rows[middle]).entry.n < n) low = middle + 1;
      else high = middle;
    }
    return this.rows[low]?.entry.n === n ? low : -1;
  }

  /**
   * @param {PageEntry} entry
   * @returns {(Lane | undefined)[]}
   */
  #lanesAt(entry) {
    const own = this.#exchanges.of(entry)?.exchange;
    const isFirst = own?.members[0] === entry.n;
    const isLast = own !== undefined && own.isDone && own.members.at(-1) === entry.n;
    this.#leave(entry.n);
    if (own !== undefined && isFirst && !isLast) this.#enter(own);
    const lanes = this.#lanes.map((lane) => {
      if (lane === undefined) return undefined;
      const { exchange, since } = lane;
      if (exchange !== own) return { exchange, part: /** @type {const} */ ("through") };
      if (since === this.#count) return { exchange, part: /** @type {const} */ ("start") };
      return {
        exchange,
        part: isLast ? /** @type {const} */ ("end") : /** @type {const} */ ("member"),
      };
    });
    while (lanes.length > 0 && lanes.at(-1) === undefined) lanes.pop();
    return lanes;
  }

  /** @param {Exchange} exchange */
  #enter(exchange) {
    const free = this.#lanes.indexOf(undefined);
    if (free !== -1) this.#lanes[free] = { exchange, since: this.#count };
  }

  /**
   * Frees the lanes of exchanges that are over before an entry.
   *
   * @param {number} n
   */
  #leave(n) {
    for (const [index, lane] of this.#lanes.entries()) {
      if (lane === undefined) continue;
      const { exchange: { isDone, members }, since } = lane;
      const isOver = isDone && /** @type {number} */ (members.at(-1)) < n;
      if (isOver || this.#count - since > LONGEST_LANE) this.#lanes[index] = undefined;
    }
  }
}

/**
 * What is said above a row: how long nothing came, and how many entries are missing.
 *
 * @param {Row} row
 */
export function gapText({ omitted, pause }) {
  return [
    pause > 0 ? durationText(pause) : "",
    omitted > 0 ? `${numberText(omitted)} omitted` : "",
  ].filter((part) => part !== "").join(", ");
}

/**
 * @typedef {object} Remark What is said below a packet, or an event.
 * @property {string} text
 * @property {string} rule The rule that is broken; empty if none is known.
 * @property {boolean} isWarning
 */

/**
 * Why a packet cannot be decoded, and what was found in it, or when the connection was closed.
 *
 * @param {PageEntry} entry
 * @returns {Remark[]}
 */
export function remarksOf(entry) {
  if (entry.type !== "packet" && entry.type !== "closed") return [];
  const { findings = [] } = entry;
  // Why a connection broke is not a remark: it is what has happened.
  const fault = entry.type === "packet" ? entry.fault : undefined;
  const isTold = findings.some(({ message }) => message === fault);
  return [
    ...fault === undefined || isTold ? [] : [{ text: fault, rule: "", isWarning: false }],
    ...findings.map((finding) => ({
      text: sentenceOf(finding),
      rule: ruleOf(finding),
      isWarning: finding.severity === "warning",
    })),
  ];
}

/**
 * How high the remarks below an entry are.
 *
 * @param {PageEntry} entry
 */
export function remarksHeight(entry) {
  return Math.min(remarksOf(entry).length, FINDINGS_SHOWN) * HEIGHTS.finding;
}

/** @param {PageEntry} entry */
function heightOf(entry) {
  if (entry.type === "ended") return HEIGHTS.ended;
  return (entry.type === "packet" ? HEIGHTS.packet : HEIGHTS.event) + remarksHeight(entry);
}
