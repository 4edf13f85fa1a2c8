// Fuzzes in a virtual world until it is stopped or something breaks, then says with which seed: deno
// run tests/fuzz/world_main.ts client|broker [--seed n] [--steps n] [--seeds count] [--all]. With a
// seed alone, that one, and what passes; with --all it goes on after a failure. Needs no permission.

import { parseArgs } from "jsr:@std/cli@^1/parse-args";
import { fuzzClient } from "./client_fuzz.ts";
import type { Counts } from "./faults.ts";
import { fuzzBroker } from "./world_broker_fuzz.ts";
import { corpusOf } from "./fuzz.ts";

/** Steps with each seed. */
const STEPS = 60;

/** How often a line is printed, in milliseconds. */
const INTERVAL = 5_000;

const args = parseArgs(Deno.args, { string: ["seed", "steps", "seeds"], boolean: ["all"] });
const steps = Number(args.steps ?? STEPS);
const first = args.seed === undefined
  ? crypto.getRandomValues(new Uint32Array(1))[0]!
  : Number(args.seed);
const seeds = Number(args.seeds ?? (args.seed === undefined ? Infinity : 1));
const corpus = corpusOf(1);
const counts: Counts = new Map();
/** One seed alone shows what passes. */
const log = seeds === 1 ? console.log : undefined;
const started = performance.now();
let runs = 0;
let isStopped = false;
let lineAt = started;
let failures = 0;

Deno.addSignalListener("SIGINT", () => isStopped = true);
console.log(`first seed ${first}, ${steps} steps each`);
while (!isStopped && runs < seeds) {
  try {
    const seed = first + runs;
    if (args._[0] === "client") await fuzzClient(seed, steps, corpus, counts, log);
    else await fuzzBroker(seed, steps, corpus, counts);
  } catch (error) {
    failures++;
    console.error(args.all ? `${error}` : error);
    if (!args.all) break;
  }
  runs++;
  if (performance.now() - lineAt >= INTERVAL) {
    lineAt = performance.now();
    console.log(`${seconds()} s, ${runs} seeds, ${runs * steps} steps`);
  }
}
printSummary();
Deno.exit(failures > 0 ? 1 : 0);

function printSummary(): void {
  const all = runs * steps;
  console.log(`\n${runs} seeds, ${all} steps in ${seconds()} s, ${failures} failures`);
  for (const [name, count] of [...counts].sort((a, b) => b[1] - a[1])) {
    console.log(`${String(count).padStart(9)}  ${name}`);
  }
}

function seconds(): string {
  return ((performance.now() - started) / 1000).toFixed(0);
}
