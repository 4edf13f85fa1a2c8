// Puts a clock in the place of the platform's time: for programs whose own waiting is to follow a
// virtual world.

import type { Clock } from "./clock.ts";

/** What is called when a timer is due. */
type Handler = (...args: readonly unknown[]) => void;

/** Timers of the platform are never sooner. In milliseconds. */
const SOONEST = 1;

/**
 * From now on `setTimeout()`, `setInterval()`, what clears them, `Date`, `performance.now()` and
 * `AbortSignal.timeout()` go by a clock, which is asked for at each use. Returns what ends that:
 * timers that were set meanwhile stay with their clock.
 */
export function replaceTimers(clockOf: () => Clock): () => void {
  const { setTimeout, clearTimeout, setInterval, clearInterval, Date } = globalThis;
  const { timeout } = AbortSignal;
  const timers = new Timers(clockOf);
  const wallTime = () => Math.floor(clockOf().now() + clockOf().lead());
  Object.assign(globalThis, {
    setTimeout: (handler: Handler, delay?: number, ...args: unknown[]) =>
      timers.set(handler, delay, args, false),
    setInterval: (handler: Handler, delay?: number, ...args: unknown[]) =>
      timers.set(handler, delay, args, true),
    clearTimeout: (id?: number) => timers.clear(id, clearTimeout),
    clearInterval: (id?: number) => timers.clear(id, clearInterval),
    Date: dateOf(Date, wallTime),
  });
  performance.now = () => clockOf().now();
  AbortSignal.timeout = (milliseconds) => {
    const controller = new AbortController();
    const clock = clockOf();
    clock.at(clock.now() + milliseconds, () => {
      controller.abort(new DOMException("Signal timed out.", "TimeoutError"));
    });
    return controller.signal;
  };
  return () => {
    Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval, Date });
    AbortSignal.timeout = timeout;
    // The platform's own is inherited.
    Reflect.deleteProperty(performance, "now");
  };
}

/** The timers that go by the clock. Their numbers are below 0, as those of the platform are not. */
class Timers {
  readonly #clockOf: () => Clock;
  readonly #cancel = new Map<number, () => void>();
  #last = 0;

  constructor(clockOf: () => Clock) {
    this.#clockOf = clockOf;
  }

  set(handler: Handler, delay: unknown, args: readonly unknown[], repeats: boolean): number {
    if (typeof handler !== "function") {
      throw new TypeError(`A timer needs a function, got ${typeof handler}`);
    }
    const id = --this.#last;
    const clock = this.#clockOf();
    const wait = Math.max(Number(delay) || 0, SOONEST);
    const setAt = (due: number) => {
      const ring = () => {
        if (repeats) setAt(due + wait);
        else this.#cancel.delete(id);
        handler(...args);
      };
      this.#cancel.set(id, clock.at(due, ring));
    };
    setAt(clock.now() + wait);
    return id;
  }

  /** Timers that are not of these are left to `others`. */
  clear(id: number | undefined, others: (id?: number) => void): void {
    const cancel = this.#cancel.get(Number(id));
    if (cancel === undefined) return others(id);
    this.#cancel.delete(Number(id));
    cancel();
  }
}

/** `Date`, with another idea of the present. */
function dateOf(RealDate: DateConstructor, now: () => number): DateConstructor {
  return new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, name) => name === "now" ? now : Reflect.get(target, name),
  });
}
