// Many runs of one experiment, each with a seed of its own, which is printed: one that fails can be run again alone.

import { temporaryFolder, withinPatience } from "../broker_net/broker_net.ts";

/**
 * An experiment in a folder of its own. Resolves to what it has done, in a few words; throws what was wrong. What it starts
 * goes onto the stack, so that it ends when the experiment does not.
 */
export type Experiment = (
  seed: number,
  folder: string,
  stack: AsyncDisposableStack,
) => Promise<string>;

/**
 * Runs seeds one after the other, and prints a line for each and a verdict.
 *
 * @param args how many runs, and the first seed
 * @returns the exit code
 */
export async function runAll(
  what: string,
  experiment: Experiment,
  runs: number,
  args: readonly string[],
): Promise<number> {
  const [count = String(runs), first = "1"] = args;
  const failed: number[] = [];
  for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
    await using folder = await temporaryFolder();
    await using stack = new AsyncDisposableStack();
    const begun = performance.now();
    try {
      const done = await withinPatience(experiment(seed, folder.path, stack));
      const seconds = (performance.now() - begun) / 1000;
      console.log(`seed ${seed}: ${done}, ${seconds.toFixed(1)} s, ok`);
    } catch (error) {
      failed.push(seed);
      console.log(`seed ${seed}: FAILED: ${Deno.inspect(error)}`);
    }
  }
  const verdict = failed.length === 0
    ? `passed: nothing acknowledged was lost in ${count} runs`
    : `FAILED with the seeds ${failed.join(", ")} of ${count} runs`;
  console.log(`${what}: ${verdict}`);
  return failed.length === 0 ? 0 : 1;
}
