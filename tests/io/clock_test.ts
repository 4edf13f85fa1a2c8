// The clock of this machine, on timers that a test holds in its hands: nothing here waits.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { systemClock } from "../../src/io/clock.ts";

/** The platform's time and timers in the hands of a test. */
class Platform {
  now = 1000.25;
  wall = 1_700_000_000_000;
  /** Timers that run, by their number: how long they were set for, and what they call. */
  readonly timers = new Map<number, { readonly delay: number; readonly callback: () => void }>();
  #last = 0;

  setTimeout = (callback: () => void, delay: number): number => {
    // As the standard has it: a whole number of milliseconds, in 32 bits.
    this.timers.set(++this.#last, { delay: delay | 0, callback });
    return this.#last;
  };

  clearTimeout = (timer: number): void => {
    this.timers.delete(timer);
  };

  /** Lets the timer fire that is due next, at its time. Returns how long it was set for. */
  fire(): number {
    const [[id, { delay, callback }]] = [...this.timers].toSorted(([, a], [, b]) =>
      a.delay - b.delay
    ) as [[number, { delay: number; callback: () => void }]];
    this.timers.delete(id);
    this.now += delay;
    callback();
    return delay;
  }
}

/** A test whose platform is not the real one. */
function test(name: string, body: (platform: Platform) => void): void {
  Deno.test(name, () => {
    const { setTimeout, clearTimeout } = globalThis;
    const { now } = performance;
    const { now: wall } = Date;
    const platform = new Platform();
    try {
      Object.assign(globalThis, {
        setTimeout: platform.setTimeout,
        clearTimeout: platform.clearTimeout,
      });
      performance.now = () => platform.now;
      Date.now = () => platform.wall;
      body(platform);
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout });
      performance.now = now;
      Date.now = wall;
    }
  });
}

test("The clock calls back once, at the time or later, never before", (platform) => {
  for (const wait of [0, 0.25, 1, 1.5, 1.999, 100.7, 59_999.01]) {
    const time = systemClock.now() + wait;
    let count = 0;
    systemClock.at(time, () => count++);
    while (platform.timers.size > 0) platform.fire();
    assertStrictEquals(count, 1);
    assert(platform.now >= time, `${time - platform.now} ms too early`);
    assert(platform.now < time + 2);
  }
});

test("The clock calls back as soon as it can for a time that is past", (platform) => {
  let count = 0;
  systemClock.at(systemClock.now() - 5000, () => count++);
  assertStrictEquals(count, 0);
  assertStrictEquals(platform.fire(), 0);
  assertStrictEquals(count, 1);
});

test("The clock waits for longer than the platform's timers can: a month, and for ever", (platform) => {
  const month = 31 * 24 * 3600 * 1000;
  const time = systemClock.now() + month;
  let count = 0;
  systemClock.at(time, () => count++);
  assertStrictEquals(platform.fire(), 2_147_483_647);
  assertStrictEquals(count, 0);
  while (platform.timers.size > 0) platform.fire();
  assertStrictEquals(count, 1);
  assert(platform.now >= time && platform.now < time + 2);

  const cancel = systemClock.at(Infinity, () => count++);
  for (let round = 0; round < 3; round++) assertStrictEquals(platform.fire(), 2_147_483_647);
  cancel();
  assertEquals(platform.timers.size, 0);
  assertStrictEquals(count, 1);
});

test("What is prevented does not happen, at whatever moment, and leaves no timer", (platform) => {
  let count = 0;
  const cancel = systemClock.at(systemClock.now() + 5e9, () => count++);
  platform.fire();
  cancel();
  cancel();
  assertStrictEquals(platform.timers.size, 0);
  const after = systemClock.at(systemClock.now() + 1, () => count++);
  platform.fire();
  after();
  assertStrictEquals(count, 1);
});

test("The clock on the wall runs ahead by as much as the machine has slept", (platform) => {
  const before = systemClock.lead();
  platform.now += 500;
  platform.wall += 500;
  assertStrictEquals(systemClock.lead(), before);
  platform.wall += 60_000;
  assertStrictEquals(systemClock.lead(), before + 60_000);
});

Deno.test("Chance is from 0 up to, but not including, 1", () => {
  for (let count = 0; count < 1000; count++) {
    const chance = systemClock.random();
    assert(chance >= 0 && chance < 1);
  }
});
