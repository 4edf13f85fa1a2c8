// A Topic Filter that the server has granted once, and refuses after the session was lost, is asked
// for again where the reason may pass, such as a quota: as late and as often as a connection is.

import type { Clock } from "../io/clock.ts";
import type { SubscriptionRequest } from "../packets/mod.ts";
import { delayBefore, type ReconnectOptions } from "./reconnect.ts";

/** When to ask again. */
export class Resubscribing {
  readonly #clock: Clock;
  readonly #options: ReconnectOptions | undefined;
  /** How often each has been refused in a row. */
  readonly #attempts = new WeakMap<SubscriptionRequest, number>();
  readonly #timers = new Set<() => void>();

  /** Without options nothing is asked for again. */
  constructor(clock: Clock, options: ReconnectOptions | undefined) {
    this.#clock = clock;
    this.#options = options;
  }

  /**
   * These were refused together. Calls `ask` later, and returns in how many milliseconds;
   * `undefined` when they have been asked for often enough.
   */
  later(requests: readonly SubscriptionRequest[], ask: () => void): number | undefined {
    const options = this.#options;
    if (options === undefined || requests.length === 0) return undefined;
    let attempt = 1;
    for (const request of requests) {
      attempt = Math.max(attempt, 1 + (this.#attempts.get(request) ?? 0));
    }
    if (attempt > options.maximumAttempts) return undefined;
    for (const request of requests) this.#attempts.set(request, attempt);
    const clock = this.#clock;
    const delay = delayBefore(attempt, options, clock.random());
    const cancel = clock.at(clock.now() + delay, () => {
      this.#timers.delete(cancel);
      ask();
    });
    this.#timers.add(cancel);
    return delay;
  }

  /** The server has granted it: the delays begin anew. */
  granted(request: SubscriptionRequest): void {
    this.#attempts.delete(request);
  }

  /** There is nobody to ask: the next connection asks for everything. */
  stop(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }
}
