// Runs seeds in a tree with a mistake until one of them finds something. A line for each seed: the
// first thing that it has found, or none, as JSON. Whoever reads them stops it.

import { planOf } from "../plan.ts";
import { run } from "../run.ts";

/** What a seed has found. */
export interface Hunted {
  readonly seed: number;
  /** The check and what it says, where it found something. */
  readonly check?: string | undefined;
  readonly message?: string | undefined;
}

if (import.meta.main) {
  const [from, to] = Deno.args.map(Number);
  for (let seed = from!; seed < to!; seed++) {
    const { violations: [first] } = await run(planOf(seed));
    const hunted: Hunted = { seed, check: first?.check, message: first?.message };
    console.log(JSON.stringify(hunted));
    if (first !== undefined) break;
  }
}
