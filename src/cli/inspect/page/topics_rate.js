// @ts-check
// How often something happens: what was counted in each of the last seconds.

/** Over so many seconds. */
const SECONDS = 10;

/** Counts over the last ten seconds. Times are milliseconds of one clock. */
export class Rate {
  /** @type {number[]} The counts of the last seconds, each where its number leaves it. */
  #counts = new Array(SECONDS).fill(0);
  #newest = -Infinity;
  #first = Infinity;

  /**
   * Counts so many more.
   *
   * @param {number} count
   * @param {number} now
   */
  add(count, now) {
    const second = this.#turnTo(now);
    this.#first = Math.min(this.#first, now);
    this.#counts[second % SECONDS] = (this.#counts[second % SECONDS] ?? 0) + count;
  }

  /**
   * How many there were in a second; of what has begun only now, as far as it goes back.
   *
   * @param {number} now
   */
  perSecond(now) {
    this.#turnTo(now);
    const sum = this.#counts.reduce((sum, count) => sum + count, 0);
    // What is counted in the present second has only begun.
    const age = Math.min(now - this.#first, 1000 * (SECONDS - 1) + now % 1000);
    return sum === 0 ? 0 : 1000 * sum / Math.max(age, 1000);
  }

  /** @param {number} now */
  #turnTo(now) {
    const second = Math.floor(now / 1000);
    for (let gone = Math.max(this.#newest + 1, second - SECONDS + 1); gone <= second; gone++) {
      this.#counts[gone % SECONDS] = 0;
    }
    this.#newest = Math.max(this.#newest, second);
    return second;
  }
}

/**
 * A rate in a few characters.
 *
 * @param {number} perSecond
 */
export function rateText(perSecond) {
  if (perSecond === 0) return "";
  if (perSecond < 0.95) return `${Math.max(perSecond, 0.1).toFixed(1)}/s`;
  if (perSecond < 9.5) return `${perSecond.toFixed(1).replace(/\.0$/, "")}/s`;
  return `${Math.round(perSecond).toLocaleString("en")}/s`;
}
