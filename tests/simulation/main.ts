// Runs simulated worlds: deno task simulate [--from N] [--to N] [--for 10m] [--workers 2] until
// Ctrl-C. --seed N runs that one again and shows what happened, with --shrink reduced to the fewest
// steps, with --json the plan alone, for the corpus. --mutants plants mistakes, one after the other
// (--name REGEXP: only those; --most N seeds), and tells how soon each is found. Needs permission
// to read the sources, and for mistakes to copy and to run them.

import { parseArgs } from "jsr:@std/cli@^1/parse-args";
import { hunt } from "./mutants/campaign.ts";
import { type Plan, planOf } from "./plan.ts";
import { historyLines, planLines, violationLine } from "./report.ts";
import { type Outcome, run } from "./run.ts";
import { shrink } from "./shrink.ts";
import { addStatistics, noStatistics, statisticsLine } from "./statistics.ts";
import type { Range, Told } from "./worker.ts";

/** So many seeds a worker is given at a time. */
const RANGE = 20;

/** How often a line is printed, in milliseconds. */
const INTERVAL = 1000;

/** After so many failures there is no need of more. */
const FAILURES = 20;

if (import.meta.main) Deno.exit(await main(Deno.args));

/** Returns the exit code: 1 when something was found. */
export async function main(args: readonly string[]): Promise<number> {
  const options = parseArgs([...args], {
    string: ["seed", "from", "to", "for", "workers", "name", "most"],
    boolean: ["shrink", "json", "mutants"],
    unknown: (name: string): never => {
      throw new TypeError(`Unknown option ${name}`);
    },
  });
  if (options.seed !== undefined) return await replay(Number(options.seed), options);
  if (options.mutants) {
    const { name, from = "1", most = "Infinity", workers = "2" } = options;
    return await hunt({
      name,
      from: Number(from),
      most: Number(most),
      workers: Number(workers),
    });
  }
  const from = options.from === undefined ? anySeed() : Number(options.from);
  return await simulate({
    from,
    to: options.to === undefined ? Infinity : Number(options.to),
    time: options.for === undefined ? Infinity : duration(options.for),
    workers: Number(options.workers ?? 2),
  });
}

function anySeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1;
}

/** `"90s"`, `"10m"` or `"2h"` in milliseconds. */
function duration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text) ?? [];
  const factor = unit === "s" ? 1000 : unit === "m" ? 60_000 : 3_600_000;
  if (number === undefined) throw new TypeError(`expected a time such as 10m, got "${text}"`);
  return Number(number) * factor;
}

interface Campaign {
  readonly from: number;
  readonly to: number;
  readonly time: number;
  readonly workers: number;
}

/** Runs seeds one after the other until time or seeds are over, or Ctrl-C. */
async function simulate({ from, to, time, workers }: Campaign): Promise<number> {
  const started = performance.now();
  const sum = noStatistics();
  const failed: Told["failed"][number][] = [];
  let next = from;
  let isStopped = false;
  const stop = () => isStopped = true;
  Deno.addSignalListener("SIGINT", stop);
  const seconds = () => (performance.now() - started) / 1000;
  const timer = setInterval(() => console.log(statisticsLine(sum, seconds())), INTERVAL);
  console.log(`from seed ${from}`);
  const nextRange = (): Range | undefined => {
    const isOver = isStopped || next >= to || seconds() * 1000 >= time || failed.length >= FAILURES;
    if (isOver) return undefined;
    const range = { from: next, to: Math.min(next + RANGE, to) };
    next = range.to;
    return range;
  };
  const tell = ({ statistics, failed: more }: Told) => {
    addStatistics(sum, statistics);
    for (const { seed, message } of more) {
      failed.push({ seed, message });
      console.log(`FAILED --seed ${seed}  ${message}`);
    }
  };
  await Promise.all(Array.from({ length: workers }, () => work(nextRange, tell)));
  clearInterval(timer);
  Deno.removeSignalListener("SIGINT", stop);
  console.log(statisticsLine(sum, seconds()));
  console.log(`seeds ${from} to ${next - 1}: ${failed.length} failed`);
  return failed.length === 0 ? 0 : 1;
}

/** One thread, until there are no ranges left. */
async function work(
  nextRange: () => Range | undefined,
  tell: (told: Told) => void,
): Promise<void> {
  const worker = new Worker(import.meta.resolve("./worker.ts"), { type: "module" });
  try {
    for (let range = nextRange(); range !== undefined; range = nextRange()) {
      tell(await ask(worker, range));
    }
  } finally {
    worker.terminate();
  }
}

function ask(worker: Worker, range: Range): Promise<Told> {
  const { promise, resolve, reject } = Promise.withResolvers<Told>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(`A worker failed at seeds ${range.from} to ${range.to}: ${event.message}`));
  };
  worker.postMessage(range);
  return promise;
}

/** Runs one seed again, and shows it all; or its plan alone, for the corpus. */
async function replay(
  seed: number,
  { shrink: isShrunk, json }: { readonly shrink: boolean; readonly json: boolean },
): Promise<number> {
  let plan = planOf(seed);
  let outcome = await run(plan, { withPackets: true });
  if (isShrunk) {
    plan = await smallest(plan, outcome);
    outcome = await run(plan, { withPackets: true });
  }
  const { history, packets, statistics, hash, violations } = outcome;
  const exitCode = violations.length === 0 ? 0 : 1;
  if (json) {
    console.log(JSON.stringify(plan));
    return exitCode;
  }
  for (const line of planLines(plan)) console.log(line);
  console.log();
  for (const line of historyLines(history, packets)) console.log(line);
  console.log(`\n${statisticsLine(statistics, 0)}`);
  console.log(`history ${hash}`);
  for (const violation of violations) console.log(violationLine(violation));
  if (exitCode === 0) console.log("nothing is wrong");
  return exitCode;
}

/** The fewest steps that fail in the same check. */
async function smallest(plan: Plan, { violations }: Outcome): Promise<Plan> {
  const [first] = violations;
  if (first === undefined) return plan;
  const fails = async (smaller: Plan) => {
    const outcome = await run(smaller);
    return outcome.violations.some(({ check }) => check === first.check);
  };
  return await shrink(plan, fails, (steps) => console.error(`${steps} steps left`));
}
