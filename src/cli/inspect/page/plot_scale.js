// @ts-check
// Where the marks of a plot stand: at round numbers, and at times that a clock shows.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The distances between marks of time. */
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7].map((count) => count * DAY),
];

/**
 * At most so many round numbers between two.
 *
 * @param {number} least
 * @param {number} most
 * @param {number} count
 * @returns {number[]}
 */
export function roundNumbers(least, most, count) {
  const power = 10 ** Math.floor(Math.log10((most - least) / count));
  const step = [1, 2, 5, 10].map((digit) => digit * power)
    .find((step) => (most - least) / step <= count);
  if (step === undefined || !(step > 0) || !Number.isFinite(step)) return [];
  const marks = [];
  for (let mark = Math.ceil(least / step); mark * step <= most && marks.length <= count; mark++) {
    marks.push(Number((mark * step).toPrecision(12)));
  }
  return marks;
}

/**
 * At most so many round times between two, milliseconds since 1970.
 *
 * @param {number} first
 * @param {number} last
 * @param {number} count
 * @param {number} [zone] how many minutes the clock is behind UTC
 * @returns {{ marks: number[], step: number }}
 */
export function roundTimes(first, last, count, zone = new Date(first).getTimezoneOffset()) {
  const step = STEPS.find((step) => (last - first) / step <= count) ??
    DAY * Math.ceil((last - first) / DAY / count);
  const shift = zone * MINUTE;
  const marks = [];
  for (let mark = Math.ceil((first - shift) / step); mark * step + shift <= last; mark++) {
    marks.push(mark * step + shift);
  }
  return { marks, step };
}

/**
 * A time as a clock shows it, as finely as marks at this distance need.
 *
 * @param {number} time
 * @param {number} step
 */
export function markText(time, step) {
  const date = new Date(time);
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  if (step >= DAY) {
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  }
  const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (step >= MINUTE) return minutes;
  const seconds = `${minutes}:${two(date.getSeconds())}`;
  return step >= SECOND ? seconds : `${seconds}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/**
 * The least and the highest number that a plot shows: a little more than there are.
 *
 * @param {number} least
 * @param {number} most
 * @returns {[number, number]}
 */
export function margins(least, most) {
  const gap = most - least || Math.abs(most) || 1;
  return [least - 0.08 * gap, most + 0.08 * gap];
}
