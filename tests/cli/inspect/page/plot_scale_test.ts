// Where the marks of a plot stand.

import { assert, assertEquals } from "@std/assert";
import {
  margins,
  markText,
  roundNumbers,
  roundTimes,
} from "../../../../src/cli/inspect/page/plot_scale.js";

Deno.test("marks of numbers are round, between the two, and not too many", () => {
  assertEquals(roundNumbers(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  assertEquals(roundNumbers(20.1, 23.9, 4), [21, 22, 23]);
  assertEquals(roundNumbers(-0.35, 0.05, 3), [-0.2, 0]);
  assertEquals(roundNumbers(1e9, 1.0001e9, 4), [1e9, 1.00005e9, 1.0001e9]);
  for (const [least, most] of [[0, 1e-9], [-1e300, 1e300], [5, 5.0000001]] as const) {
    const marks = roundNumbers(least, most, 4);
    assert(marks.length > 0 && marks.length <= 5, `${marks}`);
    assert(marks.every((mark) => mark >= least && mark <= most), `${marks}`);
  }
});

Deno.test("marks of numbers between equal numbers, or none at all, are none", () => {
  assertEquals(roundNumbers(5, 5, 4), []);
  assertEquals(roundNumbers(NaN, 1, 4), []);
  assertEquals(roundNumbers(-1.7e308, 1.7e308, 4), []);
});

Deno.test("marks of time are at round times of the clock", () => {
  const noon = Date.UTC(2026, 0, 2, 12);
  assertEquals(roundTimes(noon + 1, noon + 61_000, 4, 0), {
    marks: [30_000, 60_000].map((after) => noon + after),
    step: 30_000,
  });
  // Half an hour behind UTC, hours begin at the half of those of UTC.
  assertEquals(roundTimes(noon, noon + 7_200_000, 2, 30).marks, [
    noon + 1_800_000,
    noon + 5_400_000,
  ]);
  assert(roundTimes(0, 1e13, 4, 0).marks.length <= 5);
});

Deno.test("a clock shows as much as the distance of the marks needs", () => {
  const time = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();
  assertEquals(
    [1, 1000, 60_000, 86_400_000].map((step) => markText(time, step)),
    ["03:04:05.006", "03:04:05", "03:04", "2026-01-02"],
  );
});

Deno.test("a plot of one number has room around it", () => {
  assertEquals(margins(0, 0), [-0.08, 0.08]);
  const [bottom, top] = margins(50, 50);
  assert(bottom < 50 && top > 50);
  const [least, most] = margins(0, 100);
  assert(least < 0 && most > 100);
});
