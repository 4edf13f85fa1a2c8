// The platform's timers and its time, in the place of which a clock was put.

import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { replaceTimers } from "../../src/io/global_timers.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** A test while the timers are those of a clock. */
function test(name: string, body: (clock: VirtualClock) => Promise<void> | void): void {
  Deno.test(name, async () => {
    const clock = new VirtualClock();
    const restore = replaceTimers(() => clock);
    try {
      await body(clock);
    } finally {
      restore();
    }
  });
}

test("setTimeout() calls back once, at its time, with its arguments", async (clock) => {
  const called: unknown[] = [];
  setTimeout((...args: unknown[]) => called.push([clock.now(), ...args]), 500, "a", 2);
  setTimeout(() => called.push("at once"), 0);
  setTimeout(() => called.push("nothing said"));
  await clock.advance(1);
  assertEquals(called.splice(0), ["at once", "nothing said"]);
  const due = clock.now() + 499;
  await clock.advance(498);
  assertEquals(called, []);
  await clock.advance(10_000);
  assertEquals(called, [[due, "a", 2]]);
  assertStrictEquals(clock.timers, 0);
});

test("setInterval() calls back again and again, without drift, until it is cleared", async (clock) => {
  const times: number[] = [];
  const start = clock.now();
  const id = setInterval(() => {
    times.push(clock.now() - start);
    if (times.length === 3) clearInterval(id);
  }, 250);
  await clock.advance(5000);
  assertEquals(times, [250, 500, 750]);
  assertStrictEquals(clock.timers, 0);
});

test("clearTimeout() and clearInterval() end timers of either kind, and ignore what is none", async (clock) => {
  const never = () => assert(false, "it was cleared");
  clearTimeout(setTimeout(never, 5));
  clearInterval(setTimeout(never, 5));
  clearTimeout(setInterval(never, 5));
  clearTimeout(undefined);
  clearTimeout(-99);
  assertStrictEquals(clock.timers, 0);
  await clock.advance(10);
});

test("a timer needs a function", () => {
  assertThrows(() => setTimeout("alert()" as unknown as () => void), TypeError, "got string");
});

test("Date and performance.now() tell the time of the clock", async (clock) => {
  clock.sleep(1_767_225_600_000.5 - clock.now());
  assertStrictEquals(Date.now(), 1_767_225_600_000);
  assertEquals(new Date().toISOString(), "2026-01-01T00:00:00.000Z");
  assertEquals(Date(), new Date().toString());
  assertEquals(new Date(0).getTime(), 0);
  assertEquals(new Date(2000, 1).getFullYear(), 2000);
  assertStrictEquals(Date.UTC(1970, 0, 1), 0);
  assert(new Date() instanceof Date);
  class Later extends Date {}
  assert(new Later() instanceof Later);
  const before = performance.now();
  await clock.advance(1234);
  assertStrictEquals(performance.now() - before, 1234);
});

test("AbortSignal.timeout() aborts with a TimeoutError", async (clock) => {
  const signal = AbortSignal.timeout(100);
  await clock.advance(99);
  assertStrictEquals(signal.aborted, false);
  await clock.advance(1);
  assertStrictEquals((signal.reason as DOMException).name, "TimeoutError");
});

Deno.test("timers and time are the platform's again afterwards, and its own timers can be cleared meanwhile", async () => {
  const before = platformTimers();
  let hasRung = false;
  const real = setTimeout(() => hasRung = true, 1);
  const clock = new VirtualClock();
  const restore = replaceTimers(() => clock);
  assertNotStrictEquals<unknown>(setTimeout, before[0]);
  clearTimeout(real);
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, 5);
  restore();
  const after = platformTimers();
  assertEquals(after.map((value, index) => value === before[index]), after.map(() => true));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertStrictEquals(hasRung, false);
  // It stays with its clock.
  await clock.advance(5);
  await promise;
});

/** What `replaceTimers()` replaces, as it is now. */
function platformTimers(): readonly unknown[] {
  return [
    ...[setTimeout, clearTimeout, setInterval, clearInterval],
    ...[Date, AbortSignal.timeout, performance.now],
  ];
}
