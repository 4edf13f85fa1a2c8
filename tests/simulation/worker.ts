// Runs a range of seeds in a thread of its own, since two of them use two cores.

import { planOf } from "./plan.ts";
import { run } from "./run.ts";
import { addStatistics, noStatistics, type Statistics } from "./statistics.ts";

/** What a worker is told: seeds from one to below another. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What a worker tells of a range. */
export interface Told {
  readonly statistics: Statistics;
  readonly failed: readonly { readonly seed: number; readonly message: string }[];
}

/** The part of a worker's globals that is used here. */
interface Port {
  onmessage: ((event: { readonly data: Range }) => void) | null;
  postMessage(told: Told): void;
}

const port = globalThis as unknown as Port;

port.onmessage = async ({ data: { from, to } }) => {
  const statistics = noStatistics();
  const failed: { seed: number; message: string }[] = [];
  for (let seed = from; seed < to; seed++) {
    const outcome = await run(planOf(seed));
    addStatistics(statistics, outcome.statistics);
    const [violation] = outcome.violations;
    if (violation === undefined) continue;
    failed.push({ seed, message: `${violation.check}: ${violation.message}` });
  }
  port.postMessage({ statistics, failed });
};
