// The log of a server, which must not wait for whoever reads it. A bounded amount of output is
// queued; lines beyond that are omitted and counted, and the count is written once reading goes on.

import type { Output } from "../context.ts";

/** How many characters may be queued; a single line may be longer. */
const MOST = 262_144;

/** An output that never blocks its writer, and never throws. */
export class QueuedOutput implements Output {
  /** Resolves when the reader has closed the output. */
  readonly closed: Promise<void>;
  readonly isTerminal: boolean;
  readonly colors: boolean;
  readonly columns: number;
  readonly #output: Output;
  #waiting: string[] = [];
  #length = 0;
  /** How many lines were omitted after those that are queued. */
  #omitted = 0;
  #isWriting = false;
  #isClosed = false;
  #close!: () => void;
  /** Settles at each write and at the end of writing. */
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
    // After an omitted line nothing is queued until the count is written, in its place.
    if (this.#omitted > 0 || this.#length > 0 && this.#length + text.length > MOST) {
      this.#omitted++;
      return;
    }
    this.#waiting.push(text);
    this.#length += text.length;
    if (!this.#isWriting) void this.#writeAll();
  }

  /** Queues text given as bytes, and resolves at once. */
  writeBytes(bytes: Uint8Array): Promise<void> {
    this.write(new TextDecoder().decode(bytes));
    return Promise.resolve();
  }

  /** Shows nothing: a log has no status line. */
  status(): void {}

  /** Resolves when all is written, or when nothing could be written for `patience` milliseconds. */
  async flush(patience: number): Promise<void> {
    while (this.#isWriting) {
      // Before the timer: the first one of a process lets other work run.
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
      while (this.#length > 0 || this.#omitted > 0) {
        const text = this.#waiting.join("") + omittedLine(this.#omitted);
        this.#waiting = [];
        this.#length = this.#omitted = 0;
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

function omittedLine(count: number): string {
  if (count === 0) return "";
  return `… ${count} ${count === 1 ? "line" : "lines"} omitted: the output was not read in time\n`;
}
