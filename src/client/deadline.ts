// Work that is given up when its time is over, or when nobody wants it any more.

import { ConnectionClosedError } from "../errors.ts";
import type { Clock } from "../io/clock.ts";

/** How long some work may take. */
export interface Deadline {
  readonly clock: Clock;
  /** Gives the work up before. */
  readonly signal: AbortSignal;
  /** In milliseconds. */
  readonly timeout: number;
  /** What to say when the time is over. */
  readonly late: string | (() => string);
}

/**
 * The result of some work, which is told to stop when its time is over or the signal aborts.
 *
 * @throws {unknown} what the work throws; the signal's reason when it aborts
 * @throws {ConnectionClosedError} when the time is over
 */
export async function within<Result>(
  { clock, signal, timeout, late }: Deadline,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  signal.addEventListener("abort", abort);
  const cancel = clock.at(clock.now() + timeout, () => {
    const message = typeof late === "string" ? late : late();
    controller.abort(new ConnectionClosedError(message, { kind: "transient", code: "timeout" }));
  });
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}

/**
 * The result of some work, which nobody waits for any more once the signal has aborted.
 *
 * @throws {unknown} what the work throws; the signal's reason when it aborts
 */
export async function unlessAborted<Result>(
  signal: AbortSignal,
  work: Promise<Result>,
): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
