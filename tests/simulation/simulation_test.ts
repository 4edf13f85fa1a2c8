// Simulated worlds of fixed seeds, those that have found something before, and that a seed is the
// same run each time.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import corpus from "./corpus.json" with { type: "json" };
import { type Plan, planOf, type Step, STEPS, withSteps } from "./plan.ts";
import { planLines } from "./report.ts";
import { type Outcome, run } from "./run.ts";
import { shrink } from "./shrink.ts";

/** So many seeds take about a minute and a half. */
const SEEDS = 600;

/** A world that has found a fault. */
interface Entry {
  readonly found: string;
  readonly plan: Plan;
}

/** So many of them are one test. */
const RANGE = 100;

for (let from = 1; from <= SEEDS; from += RANGE) {
  const to = from + RANGE - 1;
  Deno.test(`nothing is wrong in the worlds of the seeds ${from} to ${to}`, async () => {
    for (let seed = from; seed <= to; seed++) assertNothingWrong(await run(planOf(seed)));
  });
}

// What has failed once, reduced to few steps: deno task simulate --seed N --shrink --json.
for (const { found, plan } of corpus as unknown as readonly Entry[]) {
  Deno.test(`a simulated world has shown that ${found}`, async () => {
    assertNothingWrong(await run(plan));
  });
}

Deno.test("a seed is the same run each time, and another one is another", async () => {
  const hashes: string[] = [];
  for (const seed of [7, 8, 7, 8]) hashes.push((await run(planOf(seed))).hash);
  assertEquals(hashes.slice(0, 2), hashes.slice(2));
  assertNotEquals(hashes[0], hashes[1]);
});

Deno.test("a plan is drawn from its seed, and has enough steps", () => {
  assertEquals(planOf(3), planOf(3));
  assertNotEquals(planLines(planOf(3)).slice(1), planLines(planOf(4)).slice(1));
  for (let seed = 1; seed <= 100; seed++) assert(planOf(seed).steps.length >= STEPS);
});

Deno.test("a plan that fails is reduced to the steps that matter", async () => {
  const plan = planOf(1);
  const [first, second] = [plan.steps[20]!, plan.steps[150]!];
  const has = (steps: readonly Step[], wanted: Step) =>
    steps.some((step) => JSON.stringify({ ...step, after: 0 }) === JSON.stringify(wanted));
  const fails = ({ steps }: Plan) =>
    Promise.resolve([first, second].every((step) => has(steps, { ...step, after: 0 })));
  const { steps, network, broker } = await shrink(plan, fails);
  assertEquals(steps, [{ ...first, after: 0 }, { ...second, after: 0 }]);
  assertEquals(network, { leastLatency: 0, mostLatency: 0 });
  assertEquals(broker.options, {});
});

Deno.test("what a step does not find is left out: any part of a plan is a plan", async () => {
  const plan = planOf(5);
  for (
    const part of [
      plan.steps.slice(100),
      plan.steps.filter((_, place) => place % 2 === 0),
      [],
    ]
  ) {
    assertNothingWrong(await run(withSteps(plan, part)));
  }
});

function assertNothingWrong({ history: { seed }, violations }: Outcome): void {
  const [first] = violations;
  if (first === undefined) return;
  throw new Error(`deno task simulate --seed ${seed}\n${first.check}: ${first.message}`);
}
