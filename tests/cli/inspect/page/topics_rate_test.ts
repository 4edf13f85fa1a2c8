// How often something happens.

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { Rate, rateText } from "../../../../src/cli/inspect/page/topics_rate.js";

Deno.test("a rate is that of the last ten seconds, and goes back to nothing", () => {
  const rate = new Rate();
  assertEquals(rate.perSecond(0), 0);
  for (let now = 500; now <= 60_000; now += 500) rate.add(10, now);
  assertAlmostEquals(rate.perSecond(60_000), 20, 1.2);
  assertAlmostEquals(rate.perSecond(64_999), 10, 1.2);
  assertEquals(rate.perSecond(70_000), 0);
  assertEquals(rate.perSecond(1_000_000), 0);
});

Deno.test("what has begun only now has its rate at once", () => {
  const rate = new Rate();
  for (let now = 5500; now <= 8500; now += 500) rate.add(5, now);
  assertAlmostEquals(rate.perSecond(8500), 10, 2);
});

Deno.test("one message in a minute is not taken for many", () => {
  const rate = new Rate();
  rate.add(1, 0);
  rate.add(1, 60_000);
  assertAlmostEquals(rate.perSecond(60_500), 0.1, 0.02);
});

Deno.test("a rate has a few characters", () => {
  assertEquals(
    [0, 0.01, 0.25, 0.949, 1, 2.46, 9.6, 12_345.6].map(rateText),
    ["", "0.1/s", "0.3/s", "0.9/s", "1/s", "2.5/s", "10/s", "12,346/s"],
  );
});
