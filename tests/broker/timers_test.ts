// What is due is done in the order of its time, and what is not to be done is forgotten.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Timer, Timers } from "../../src/broker/timers.ts";
import { Random } from "../../src/testing/random.ts";

/** An timers, and the names of what was done. */
function newAgenda(): {
  readonly timers: Timers;
  readonly done: string[];
  readonly add: (at: number, name?: string) => Timer;
} {
  const timers = new Timers();
  const done: string[] = [];
  return { timers, done, add: (at, name = `${at}`) => timers.add(at, () => done.push(name)) };
}

Deno.test("Without timers there is no deadline", () => {
  const { timers } = newAgenda();
  assertStrictEquals(timers.deadline, Infinity);
  timers.run(1e15);
  assertStrictEquals(timers.deadline, Infinity);
});

Deno.test("run() runs the timers that are due, and no others", () => {
  const { timers, done, add } = newAgenda();
  add(30);
  add(10);
  add(20);
  assertStrictEquals(timers.deadline, 10);
  timers.run(9);
  assertEquals(done, []);
  timers.run(20);
  assertEquals(done, ["10", "20"]);
  assertStrictEquals(timers.deadline, 30);
});

Deno.test("A timer that throws is reported, and the others still run", () => {
  const { timers, done, add } = newAgenda();
  const failure = new Error("It has failed");
  const errors: unknown[] = [];
  timers.add(10, () => {
    throw failure;
  });
  add(20);
  timers.run(20, (error) => errors.push(error));
  assertEquals(errors, [failure]);
  assertEquals(done, ["20"]);
  assertStrictEquals(timers.deadline, Infinity);
});

Deno.test("A cancelled timer neither runs nor counts for the deadline", () => {
  const { timers, done, add } = newAgenda();
  const first = add(10);
  add(20);
  first.isCancelled = true;
  assertStrictEquals(timers.deadline, 20);
  const last = add(30);
  last.isCancelled = true;
  timers.run(100);
  assertEquals(done, ["20"]);
  assertStrictEquals(timers.deadline, Infinity);
});

Deno.test("A timer that is due and cancelled by an earlier one does not run", () => {
  const timers = new Timers();
  const done: number[] = [];
  timers.add(1, () => second.isCancelled = true);
  const second = timers.add(2, () => done.push(2));
  timers.run(5);
  assertEquals(done, []);
});

Deno.test("A timer that is added by another one runs at once when it is due", () => {
  const timers = new Timers();
  const done: string[] = [];
  timers.add(10, () => {
    done.push("first");
    timers.add(5, () => done.push("late"));
    timers.add(20, () => done.push("later"));
  });
  timers.run(15);
  assertEquals(done, ["first", "late"]);
  assertStrictEquals(timers.deadline, 20);
});

Deno.test("A timer at Infinity never runs", () => {
  const { timers, done, add } = newAgenda();
  add(Infinity);
  assertStrictEquals(timers.deadline, Infinity);
  timers.run(Number.MAX_VALUE);
  assertStrictEquals(timers.size, 0);
  assertEquals(done, []);
});

Deno.test("A timer gets the current time", () => {
  const timers = new Timers();
  let told = 0;
  timers.add(10, (now) => told = now);
  timers.run(12);
  assertStrictEquals(told, 12);
});

Deno.test("Timers run in the order of their time, whatever is added, cancelled and run in between", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const timers = new Timers();
    const waiting = new Set<Timer>();
    const done: Timer[] = [];
    let now = 0;
    for (let step = 0; step < 200; step++) {
      const chance = random.below(10);
      if (chance < 6) {
        const timer: Timer = timers.add(now + random.below(50), () => {
          done.push(timer);
          waiting.delete(timer);
        });
        waiting.add(timer);
      } else if (chance < 8) {
        const some = [...waiting][random.below(Math.max(1, waiting.size))];
        if (some !== undefined) some.isCancelled = true;
        if (some !== undefined) waiting.delete(some);
      } else {
        now += random.below(20);
        const due = [...waiting].filter(({ at }) => at <= now).map(({ at }) => at);
        done.length = 0;
        timers.run(now);
        assertEquals(done.map(({ at }) => at), due.toSorted((a, b) => a - b), `seed ${seed}`);
      }
      const next = Math.min(...[...waiting].map(({ at }) => at));
      assertStrictEquals(timers.deadline, next, `seed ${seed}`);
    }
  }
});

Deno.test("The earliest timer stays the first when a cancelled one before it is removed with others", () => {
  const { timers, add } = newAgenda();
  const first = add(1);
  // The heap's next element is not the next in time.
  add(3);
  add(2);
  for (let at = 4; at <= 64; at++) add(at);
  first.isCancelled = true;
  add(65);
  assertStrictEquals(timers.size, 64);
  assertStrictEquals(timers.deadline, 2);
});

Deno.test("Cancelled timers are looked for only when they may outnumber the others", () => {
  const { timers, add } = newAgenda();
  const cancelled = Array.from({ length: 100 }, (_, at) => add(at + 1000)).slice(40);
  for (const timer of cancelled) timer.isCancelled = true;
  for (let at = 100; at < 128; at++) add(at + 1000);
  assertStrictEquals(timers.size, 128);
  add(5000);
  assertStrictEquals(timers.size, 128 - cancelled.length + 1);
});

Deno.test("Cancelled timers are removed long before they would be due", () => {
  const timers = new Timers();
  const far = 1e12;
  let kept = 0;
  timers.add(1e9, () => kept++);
  const cancelled: WeakRef<Timer>[] = [];
  for (let count = 0; count < 1000; count++) {
    // One at a time, as with a client that comes and goes.
    const timer = timers.add(far + count, () => {});
    timer.isCancelled = true;
    cancelled.push(new WeakRef(timer));
  }
  assert(timers.size < 200, `${timers.size} timers are kept of which one is wanted`);
  timers.run(1e9);
  assertStrictEquals(kept, 1);
});
