// The clock of a command's client, on timers and signals that the test holds in its hands.

import { assertEquals } from "@std/assert";
import { patientClock } from "../../src/cli/patient_clock.ts";

/** Timers and signals that wait, in the hands of a test. */
class Platform {
  now = 1000;
  readonly timers = new Map<number, { readonly delay: number; readonly callback: () => void }>();
  readonly signals: { readonly delay: number; readonly controller: AbortController }[] = [];
  #last = 0;

  setTimeout = (callback: () => void, delay: number): number => {
    this.timers.set(++this.#last, { delay, callback });
    return this.#last;
  };

  clearTimeout = (timer: number): void => {
    this.timers.delete(timer);
  };

  timeout = (delay: number): AbortSignal => {
    const controller = new AbortController();
    this.signals.push({ delay, controller });
    return controller.signal;
  };

  /** The time of the one signal is over. */
  passMoment(): void {
    const [{ delay, controller }] = this.signals.splice(0) as [typeof this.signals[number]];
    this.now += delay;
    controller.abort();
  }
}

function test(name: string, body: (platform: Platform) => void): void {
  Deno.test(name, () => {
    const { setTimeout, clearTimeout } = globalThis;
    const { now } = performance;
    const { timeout } = AbortSignal;
    const platform = new Platform();
    try {
      Object.assign(globalThis, {
        setTimeout: platform.setTimeout,
        clearTimeout: platform.clearTimeout,
      });
      performance.now = () => platform.now;
      AbortSignal.timeout = platform.timeout;
      body(platform);
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout });
      performance.now = now;
      AbortSignal.timeout = timeout;
    }
  });
}

test("A command's clock needs no timer for what is prevented within a moment", (platform) => {
  let count = 0;
  const cancel = patientClock.at(platform.now + 5000, () => count++);
  cancel();
  cancel();
  platform.passMoment();
  assertEquals([count, platform.timers.size], [0, 0]);
});

test("A command's clock calls back at the time, which may be prevented until then", (platform) => {
  const called: string[] = [];
  patientClock.at(platform.now + 5000, () => called.push("first"));
  platform.passMoment();
  const [{ delay, callback }] = [...platform.timers.values()] as [
    { delay: number; callback: () => void },
  ];
  assertEquals([called.length, platform.now + delay], [0, 6000]);
  callback();
  assertEquals(called, ["first"]);

  const cancel = patientClock.at(platform.now + 5000, () => called.push("second"));
  platform.passMoment();
  assertEquals(platform.timers.size, 2);
  cancel();
  assertEquals(platform.timers.size, 1);
});

test("A command's clock takes a timer at once for what is due within a moment", (platform) => {
  patientClock.at(platform.now + 20, () => {});
  assertEquals([...platform.timers.values()].map(({ delay }) => delay), [20]);
  assertEquals(platform.signals.length, 0);
});
