// Numbers of a seed.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Random } from "../../src/testing/random.ts";

Deno.test("the numbers of a seed stay the same for good: seeds that found something find it again", () => {
  const random = new Random(7);
  const drawn = [random.next(), random.below(1000), random.below(1000), random.onceIn(2)];
  assertEquals(drawn, [0.011704753153026104, 61, 976, false]);
  assertEquals(Random.for(7, "broker 1").below(1_000_000), 624271);
});

Deno.test("parts of a whole have numbers of their own, by the seed and by their names", () => {
  const first = (seed: number, name: string) => Random.for(seed, name).below(1_000_000_000);
  assertEquals(first(1, "a"), first(1, "a"));
  assertNotEquals(first(1, "a"), first(1, "b"));
  assertNotEquals(first(1, "a"), first(2, "a"));
});

Deno.test("all numbers come, about as often", () => {
  const random = new Random(1);
  const counts = Array(10).fill(0);
  for (let draw = 0; draw < 10_000; draw++) counts[random.below(10)]++;
  assert(counts.every((count) => count > 850 && count < 1150), `${counts}`);
  let chances = 0;
  for (let draw = 0; draw < 10_000; draw++) if (random.onceIn(5)) chances++;
  assert(chances > 1850 && chances < 2150, `${chances}`);
  const items = [1, 2, 3];
  const taken = [1, 2, 3, 4].map(() => random.takeFrom(items));
  assertEquals([taken.slice(0, 3).toSorted(), taken[3], items], [[1, 2, 3], undefined, []]);
  assertEquals(new Set(random.bytes(5000)).size, 256);
});
