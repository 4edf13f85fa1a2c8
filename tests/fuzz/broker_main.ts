// Fuzzes the broker until it is stopped or something breaks, then says with which seed: deno run
// tests/fuzz/broker_main.ts [--seed n [--steps n]]. With a seed, that one alone. Needs no
// permission.

import { parseArgs } from "jsr:@std/cli@^1/parse-args";
import { BrokerFuzz, type Counts } from "./broker_fuzz.ts";

/** Steps with each seed. */
const STEPS = 400;

/** How often a line is printed, in milliseconds. */
const INTERVAL = 5_000;

const args = parseArgs(Deno.args, { string: ["seed", "steps"] });
const steps = Number(args.steps ?? STEPS);
const counts: Counts = new Map();
const started = performance.now();
let seed = args.seed === undefined
  ? crypto.getRandomValues(new Uint32Array(1))[0]!
  : Number(args.seed);
let runs = 0;
let isStopped = false;
let lineAt = started;

Deno.addSignalListener("SIGINT", () => isStopped = true);
console.log(`first seed ${seed}, ${steps} steps each`);
do {
  try {
    await new BrokerFuzz(seed, counts).run(steps);
  } catch (error) {
    printSummary();
    console.error(`\n--seed ${seed} --steps ${steps}:`, error);
    Deno.exit(1);
  }
  seed++;
  runs++;
  if (performance.now() - lineAt >= INTERVAL) {
    lineAt = performance.now();
    console.log(`${seconds()} s, ${runs} seeds, ${runs * steps} steps, ${packets()} packets`);
  }
} while (!isStopped && args.seed === undefined);
printSummary();
Deno.exit();

function printSummary(): void {
  console.log(`\n${runs} seeds, ${runs * steps} steps, ${packets()} packets in ${seconds()} s`);
  for (const [name, count] of [...counts].sort((a, b) => b[1] - a[1])) {
    console.log(`${String(count).padStart(9)}  ${name}`);
  }
}

function packets(): number {
  return counts.values().reduce((sum, count) => sum + count, 0);
}

function seconds(): string {
  return ((performance.now() - started) / 1000).toFixed(0);
}
