// The order in which a virtual world happens.

import { assertEquals, assertThrows } from "@std/assert";
import { Random } from "../../src/testing/random.ts";
import { Schedule } from "../../src/testing/schedule.ts";

const quiet = { onError: () => {} };

Deno.test("what is to happen happens in the order of time, and at one time of arrival", async () => {
  const schedule = new Schedule(quiet);
  const random = new Random(1);
  const happened: number[][] = [];
  const expected: number[][] = [];
  for (let index = 0; index < 500; index++) {
    const entry = [random.below(20), index];
    const cancel = schedule.at(entry[0]!, () => happened.push(entry));
    if (random.onceIn(5)) cancel();
    else expected.push(entry);
  }
  await schedule.run(20);
  assertEquals(happened, expected.toSorted((a, b) => a[0]! - b[0]! || a[1]! - b[1]!));
  assertEquals([schedule.now, schedule.next], [20, Infinity]);
});

Deno.test("all microtasks of an entry run before the next entry", async () => {
  const schedule = new Schedule(quiet);
  const lines: string[] = [];
  for (const name of ["a", "b"]) {
    schedule.at(1, () => {
      void (async () => {
        for (let step = 0; step < 50; step++) await undefined;
        lines.push(name);
      })();
      lines.push(`${name} begins`);
    });
  }
  await schedule.run(1);
  assertEquals(lines, ["a begins", "a", "b begins", "b"]);
});

Deno.test("what is over is due at once, never is never, and a time must be a number", async () => {
  const schedule = new Schedule(quiet);
  await schedule.run(100);
  const times: number[] = [];
  schedule.at(50, () => times.push(schedule.now));
  schedule.at(Infinity, () => times.push(Infinity));
  await schedule.run(1000);
  assertEquals(times, [100]);
  assertThrows(() => schedule.at(NaN, () => {}), RangeError, "is not a number");
});

Deno.test("a schedule that does not run by itself goes step by step", async () => {
  const schedule = new Schedule(quiet);
  const lines: number[] = [];
  schedule.at(5, () => lines.push(5), true);
  schedule.at(9, () => lines.push(9));
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  assertEquals(lines, []);
  assertEquals([await schedule.step(), lines, schedule.now], [true, [5], 5]);
  assertEquals([await schedule.step(), await schedule.step(), lines], [true, false, [5, 9]]);
  assertEquals(schedule.steps, 2);
});

Deno.test("one that runs by itself goes as far as its traffic, and no further", async () => {
  const schedule = new Schedule({ ...quiet, runsByItself: true });
  const lines: number[] = [];
  schedule.at(5, () => lines.push(5));
  schedule.at(7, () => lines.push(7), true);
  schedule.at(9, () => lines.push(9));
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  assertEquals([lines, schedule.now], [[5, 7], 7]);
  await schedule.run(9);
  assertEquals(lines, [5, 7, 9]);
});

Deno.test("what an entry throws is reported, and the next ones happen", async () => {
  const errors: unknown[] = [];
  const schedule = new Schedule({ onError: (error) => errors.push(error) });
  schedule.at(1, () => {
    throw new Error("One");
  });
  schedule.at(2, () => errors.push("two"));
  await schedule.run(3);
  assertEquals(errors.map(String), ["Error: One", "two"]);
});

Deno.test("nothing happens any more in a schedule that has ended", async () => {
  const schedule = new Schedule(quiet);
  const lines: number[] = [];
  schedule.at(1, () => lines.push(1));
  schedule.end();
  schedule.at(2, () => lines.push(2));
  await schedule.run(3);
  assertEquals(lines, []);
});
