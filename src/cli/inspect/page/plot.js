// @ts-check
/// <reference lib="dom" />
// A small line plot of numbers over time, drawn as large as there is room.

/** @import { Point } from "./topics_series.js" */

import { element, setAttribute, setText, svgElement } from "./dom.js";
import { margins, markText, roundNumbers, roundTimes } from "./plot_scale.js";
import { clockText, countText, durationText } from "./text.js";

const HEIGHT = 150;
const TOP = 8;
const BOTTOM = 20;
const RIGHT = 12;

/** The width of a character of a label. */
const CHARACTER = 6.7;

/** More points than this are a line without dots. */
const MOST_DOTS = 60;

/** The marks have so many pixels between them at least. */
const BETWEEN = { x: 84, y: 28 };

/** A plot. */
export class Plot {
  root;
  #svg = svgElement("svg", { class: "plot", role: "img", height: HEIGHT });
  #summary = element("p", { class: "plot-summary" });
  #cursor = svgElement("line", { class: "plot-cursor", y1: TOP, y2: HEIGHT - BOTTOM });
  /** @type {readonly Point[]} */
  #points = [];
  /** @type {(point: Point) => { x: number, y: number }} */
  #place = () => ({ x: 0, y: 0 });

  constructor() {
    this.root = element("div", { class: "plot-box" }, this.#svg, this.#summary);
    this.#svg.addEventListener("pointermove", (event) => this.#point(event.offsetX));
    this.#svg.addEventListener("pointerleave", () => this.#leave());
    new ResizeObserver(() => this.#draw()).observe(this.root);
  }

  /**
   * Shows numbers; nothing if there are none.
   *
   * @param {readonly Point[]} points in the order of time
   */
  show(points) {
    const [newest, shown] = [points.at(-1), this.#points.at(-1)];
    const isSame = points.length === this.#points.length && newest?.time === shown?.time &&
      newest?.value === shown?.value && points[0]?.time === this.#points[0]?.time;
    this.#points = points;
    this.root.hidden = points.length === 0;
    if (!isSame) this.#draw();
  }

  #draw() {
    const points = this.#points;
    const [first, last] = [points[0], points.at(-1)];
    const width = this.root.clientWidth;
    if (first === undefined || last === undefined || width === 0) return;
    const values = points.map(({ value }) => value);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const [bottom, top] = margins(least, most);
    const numbers = roundNumbers(bottom, top, Math.floor((HEIGHT - TOP - BOTTOM) / BETWEEN.y));
    const left = 10 + CHARACTER * Math.max(...numbers.map((mark) => numberText(mark).length), 1);
    const [inner, innerHeight] = [width - left - RIGHT, HEIGHT - TOP - BOTTOM];
    // What came within a moment stands in the middle of a second.
    const margin = last.time - first.time < 2 ? 500 : 0;
    const [begin, end] = [first.time - margin, last.time + margin];
    const x = (/** @type {number} */ time) => left + inner * (time - begin) / (end - begin);
    const y = (/** @type {number} */ value) => TOP + innerHeight * (top - value) / (top - bottom);
    this.#place = ({ time, value }) => ({ x: x(time), y: y(value) });
    const { marks, step } = roundTimes(begin, end, Math.max(1, Math.floor(inner / BETWEEN.x)));
    this.#svg.setAttribute("width", String(width));
    this.#svg.replaceChildren(
      ...numbers.flatMap((mark) => {
        const at = y(mark).toFixed(1);
        return [
          svgElement("line", { class: "plot-grid", x1: left, x2: width - RIGHT, y1: at, y2: at }),
          label(numberText(mark), { x: left - 6, y: Number(at) + 3.5, "text-anchor": "end" }),
        ];
      }),
      ...marks.map((mark) => {
        const text = markText(mark, step);
        const half = CHARACTER * text.length / 2;
        const at = Math.min(Math.max(x(mark), half), width - half);
        return label(text, { x: at.toFixed(1), y: HEIGHT - 5, "text-anchor": "middle" });
      }),
      svgElement("path", { class: "plot-line", d: lineThrough(points.map(this.#place)) }),
      ...points.length > MOST_DOTS ? [] : points.map((point) => dot(this.#place(point), 2)),
      dot(this.#place(last), 3.5),
      this.#cursor,
    );
    this.#leave();
    const summary = `last ${numberText(last.value)}, min ${numberText(least)}, ` +
      `max ${numberText(most)}; ${countText(points.length, "value")} in ` +
      durationText(last.time - first.time);
    setText(this.#summary, summary);
    setAttribute(this.#svg, "aria-label", `Plot over time: ${summary}`);
    this.#svg.dataset["summary"] = summary;
  }

  /**
   * Says what is at a place.
   *
   * @param {number} offset
   */
  #point(offset) {
    /** @type {Point | undefined} */
    let nearest;
    let distance = Infinity;
    for (const point of this.#points) {
      const to = Math.abs(this.#place(point).x - offset);
      if (to < distance) [nearest, distance] = [point, to];
    }
    if (nearest === undefined) return;
    const x = this.#place(nearest).x.toFixed(1);
    this.#cursor.setAttribute("x1", x);
    this.#cursor.setAttribute("x2", x);
    this.#cursor.classList.add("is-shown");
    setText(this.#summary, `${clockText(nearest.time)}: ${numberText(nearest.value)}`);
  }

  #leave() {
    this.#cursor.classList.remove("is-shown");
    setText(this.#summary, this.#svg.dataset["summary"] ?? "");
  }
}

/** @param {number} value */
function numberText(value) {
  return String(Number(value.toPrecision(7)));
}

/** @param {readonly { readonly x: number, readonly y: number }[]} places */
function lineThrough(places) {
  return places.map(({ x, y }, index) =>
    `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`
  )
    .join("");
}

/**
 * @param {{ readonly x: number, readonly y: number }} place
 * @param {number} r
 */
function dot({ x, y }, r) {
  return svgElement("circle", { class: "plot-dot", cx: x.toFixed(1), cy: y.toFixed(1), r });
}

/**
 * @param {string} text
 * @param {{ readonly [name: string]: string | number }} attributes
 */
function label(text, attributes) {
  const made = svgElement("text", { class: "plot-label", ...attributes });
  made.textContent = text;
  return made;
}
