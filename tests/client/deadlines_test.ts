// One timer for many time limits.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { Deadlines } from "../../src/client/deadlines.ts";
import { VirtualClock } from "../io/virtual_clock.ts";

Deno.test("Deadlines tell each item once when its time is over, in order, with one timer", async () => {
  const clock = new VirtualClock();
  const start = clock.now();
  const late: string[] = [];
  const deadlines = new Deadlines<{ name: string; timeout: number; deadline: number }>(
    clock,
    ({ name }) => late.push(`${name} at ${clock.now() - start}`),
  );
  const add = (name: string, timeout: number) => {
    const item = { name, timeout, deadline: clock.now() + timeout };
    deadlines.add(item);
    return item;
  };
  add("long", 300);
  add("short", 100);
  const gone = add("gone", 200);
  add("endless", Infinity);
  assertStrictEquals(clock.timers, 1);
  await clock.advance(50);
  add("second", 100);
  deadlines.remove(gone);
  await clock.advance(1000);
  assertEquals(late, ["short at 100", "second at 150", "long at 300"]);
  assertStrictEquals(clock.timers, 0);
  add("never", 100);
  deadlines.end();
  assertStrictEquals(clock.timers, 0);
  await clock.advance(1000);
  assertStrictEquals(late.length, 3);
});
