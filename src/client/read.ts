// `subscription.read()`: a loop over messages that ends by itself, or takes several at a time. It
// takes nothing that it does not give, so that what is left is there for the next loop.

import type { Clock } from "../io/clock.ts";
import { checkCount, checkKnown, checkNotNegative, checkType } from "../session/option_checks.ts";
import type { Message } from "./message.ts";
import { type MessageQueue, Reading } from "./message_queue.ts";

/** Options of {@linkcode Messages.read}: when the loop ends. */
export interface ReadOptions {
  /** Ends after this many messages. Default: none. */
  readonly limit?: number | undefined;
  /**
   * Ends when the loop has waited this long for a message, in milliseconds; with 0 it has only
   * those that are there already. Default: it waits without end.
   */
  readonly timeout?: number | undefined;
  /** Ends when it aborts, without an error. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@linkcode Messages.read} for several messages at a time. */
export interface BatchOptions extends ReadOptions {
  /**
   * The most messages at a time. The loop is given those that are there already, or else the next
   * one to come: it never waits for a batch to be full.
   */
  readonly batch: number;
}

/** Messages to be read. */
export interface Messages extends AsyncIterable<Message, undefined> {
  /** A loop over the messages. Loops at the same time share them: each message goes to one loop. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message, undefined>;
  /**
   * A loop that ends after a number of messages, when none comes for a while, or when a signal
   * aborts. With `batch` it gives arrays of messages, which are acknowledged together, once the
   * loop asks for the next. What the loop was not given waits for the next one.
   *
   * As with every loop, the last messages are acknowledged when it asks for more and is told that
   * there are none; one that is left with `break` has not asked.
   *
   * @throws {TypeError} when an option is unknown or has the wrong type
   * @throws {RangeError} when a number is out of its range
   *
   * @example What has come until nothing comes for a second, a hundred at a time
   * ```ts
   * import type { Subscription } from "jsr:@mqtt5/mqtt5";
   *
   * async function drain(readings: Subscription, store: (lines: string[]) => Promise<void>) {
   *   for await (const messages of readings.read({ batch: 100, timeout: 1000 })) {
   *     await store(messages.map((message) => message.text()));
   *   }
   * }
   * ```
   */
  read(options: BatchOptions): AsyncIterableIterator<readonly Message[], undefined>;
  /** One message at a time. */
  read(options?: ReadOptions): AsyncIterableIterator<Message, undefined>;
}

/** The messages of a queue. */
export function messagesOf(queue: MessageQueue, clock: Clock): Messages {
  return {
    [Symbol.asyncIterator]: () => queue.read(),
    read: ((options) => read(queue, clock, options)) as Messages["read"],
  };
}

/** As `Messages.read()`. */
export function read(
  queue: MessageQueue,
  clock: Clock,
  options: ReadOptions & Partial<BatchOptions> = {},
): AsyncIterableIterator<Message | readonly Message[], undefined> {
  checkKnown(options, NAMES, "read()");
  const { batch, limit = Infinity, timeout = Infinity, signal } = options;
  checkCount("limit", limit, 0);
  if (batch !== undefined) checkCount("batch", batch, 1);
  checkNotNegative("timeout", timeout);
  if (signal !== undefined) checkType("signal", signal, "object");
  const loop = new Loop(queue, clock, { limit, timeout, signal });
  const iterator: AsyncIterableIterator<Message | readonly Message[], undefined> = {
    next: batch === undefined ? () => loop.next() : () => loop.nextBatch(batch),
    return: () => {
      loop.end();
      return Promise.resolve(DONE);
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

const NAMES: ReadonlySet<string> = new Set<keyof BatchOptions>([
  "batch",
  "limit",
  "timeout",
  "signal",
]);

const DONE = { value: undefined, done: true } as const;

type Step = IteratorResult<Message, undefined>;

class Loop {
  readonly #queue: MessageQueue;
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #signal: AbortSignal | undefined;
  readonly #reading = new Reading();
  /** How many messages it may still ask for. */
  #left: number;

  constructor(
    queue: MessageQueue,
    clock: Clock,
    { limit, timeout, signal }: Pick<ReadOptions, "signal"> & { limit: number; timeout: number },
  ) {
    this.#queue = queue;
    this.#clock = clock;
    this.#left = limit;
    this.#timeout = timeout;
    this.#signal = signal;
  }

  next(): Promise<Step> {
    this.#queue.settle(this.#reading);
    if (this.#signal?.aborted === true) this.end();
    if (this.#left === 0) return Promise.resolve(DONE);
    this.#left--;
    const value = this.#queue.take(this.#reading);
    if (value !== undefined) return Promise.resolve({ value, done: false });
    return this.#wait();
  }

  async nextBatch(most: number): Promise<IteratorResult<readonly Message[], undefined>> {
    const { value } = await this.next();
    if (value === undefined) return DONE;
    // All that came at the same time are there by now.
    const more = this.#queue.takeMore(this.#reading, Math.min(most - 1, this.#left));
    this.#left -= more.length;
    return { value: [value, ...more], done: false };
  }

  /** The loop is at its end: it takes nothing any more. */
  end(): void {
    this.#left = 0;
    this.#queue.leave(this.#reading);
  }

  #wait(): Promise<Step> {
    const clock = this.#clock;
    const signal = this.#signal;
    const timeout = this.#timeout;
    return new Promise((resolve, reject) => {
      const end = () => this.end();
      signal?.addEventListener("abort", end);
      const cancel = timeout > 0 && timeout < Infinity
        ? clock.at(clock.now() + timeout, end)
        : undefined;
      const settled = () => {
        signal?.removeEventListener("abort", end);
        cancel?.();
      };
      this.#queue.wait({
        reading: this.#reading,
        resolve: (step) => {
          settled();
          resolve(step);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      if (timeout === 0) end();
    });
  }
}
