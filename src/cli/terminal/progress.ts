// The progress of long work: a status line on a terminal, removed when the work is done.

import type { Output } from "../context.ts";
import { paintFor } from "./text.ts";

/** How often the line changes, in milliseconds. Shorter work shows none. */
const INTERVAL = 500;

/** A status line with a count. Disposing it removes the line. */
export class Progress implements Disposable {
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  readonly #output: Output;

  /** Shows nothing where the output is not a terminal. */
  constructor(output: Output, verb: string, count: () => number) {
    this.#output = output;
    if (!output.isTerminal) return;
    const begun = performance.now();
    const { dim } = paintFor(output);
    this.#timer = setInterval(() => {
      const rate = Math.round(count() / (performance.now() - begun) * 1000);
      const [done, speed] = [count(), rate].map((value) => value.toLocaleString("en"));
      output.status(`${done} ${verb}, ${dim(`${speed} a second`)}`);
    }, INTERVAL);
  }

  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#output.status("");
  }
}
