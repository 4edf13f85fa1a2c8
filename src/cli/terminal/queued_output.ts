// Where a program that serves tells what happens: nobody who serves waits for somebody who reads.
// What is written is queued, so much of it; lines beyond that are left out, counted, and told of
// when reading goes on.

import type { Output } from "../context.ts";

/** So many characters wait to be written, at most; or one line, however long. */
const MOST = 262_144;

/** An output that never holds up whoever writes to it, and never throws. */
export class QueuedOutput implements Output {
  /** Resolves when nobody reads any more. */
  readonly closed: Promise<void>;
  readonly isTerminal: boolean;
  readonly colors: boolean;
  readonly columns: number;
  readonly #output: Output;
  #waiting: string[] = [];
  #length = 0;
  /** How many were left out, behind those that wait. */
  #leftOut = 0;
  #isWriting = false;
  #isClosed = false;
  #close!: () => void;
  /** Wakes those who wait for something to be written, or for the end of that. */
  #onProgress = Promise.withResolvers<void>();

  constructor(output: Output) {
    this.#output = output;
    this.isTerminal = output.isTerminal;
    this.colors = output.colors;
    this.columns = output.columns;
    this.closed = new Promise((resolve) => this.#close = resolve);
  }

  /** Queues a line, or several that belong together. */
  write(text: string): void {
    if (this.#isClosed) return;
    // Behind one that was left out nothing is taken before that is told: what is told stands where
    // it belongs.
    if (this.#leftOut > 0 || this.#length > 0 && this.#length + text.length > MOST) {
      this.#leftOut++;
      return;
    }
    this.#waiting.push(text);
    this.#length += text.length;
    if (!this.#isWriting) void this.#writeAll();
  }

  /** Queues bytes of text, and resolves at once. */
  writeBytes(bytes: Uint8Array): Promise<void> {
    this.write(new TextDecoder().decode(bytes));
    return Promise.resolve();
  }

  /** Shows nothing: the lines below each other are all there is. */
  status(): void {}

  /** Resolves when all is written, or when nothing of it could be for so many milliseconds. */
  async flush(patience: number): Promise<void> {
    while (this.#isWriting) {
      // Taken first: the first timer of a process lets others run before it is there.
      const { promise } = this.#onProgress;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<true>((resolve) => {
        timer = setTimeout(() => resolve(true), patience);
      });
      const isLate = await Promise.race([late, promise]);
      clearTimeout(timer);
      if (isLate) return;
    }
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    const encoder = new TextEncoder();
    try {
      while (this.#length > 0 || this.#leftOut > 0) {
        const text = this.#waiting.join("") + leftOutLine(this.#leftOut);
        this.#waiting = [];
        this.#length = this.#leftOut = 0;
        await this.#output.writeBytes(encoder.encode(text));
        this.#progress();
      }
    } catch {
      this.#isClosed = true;
      this.#waiting = [];
      this.#close();
    }
    this.#isWriting = false;
    this.#progress();
  }

  #progress(): void {
    this.#onProgress.resolve();
    this.#onProgress = Promise.withResolvers();
  }
}

function leftOutLine(count: number): string {
  if (count === 0) return "";
  return `… ${count} ${count === 1 ? "line was" : "lines were"} left out: nobody read them\n`;
}
