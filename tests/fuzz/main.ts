// Fuzzes until it is stopped or something breaks: deno run tests/fuzz/main.ts [--seed n]. Needs no permission.

import { packetsByType } from "../packets/arbitraries.ts";
import { fuzzer } from "./fuzz.ts";

/** How often a line is printed, in milliseconds. */
const INTERVAL = 5_000;

const seed = seedFrom(Deno.args);
const started = performance.now();
const packets = new Map(Object.keys(packetsByType).map((type) => [type, 0]));
const faults = new Map<string, number>();
let iterations = 0;
let lineIterations = 0;
let lineAt = started;
let stopped = false;

Deno.addSignalListener("SIGINT", () => stopped = true);
console.log(`seed ${seed}`);
const next = fuzzer(seed);
while (!stopped) {
  const { packets: decoded, fault } = next();
  iterations++;
  for (const { type } of decoded) count(packets, type);
  if (fault !== undefined) count(faults, `${fault.packetType} ${fault.field} ${fault.section}`);
  const now = performance.now();
  if (now - lineAt >= INTERVAL) {
    printLine(now);
    // A signal is heard only between two tasks.
    await new Promise((resolve) => setTimeout(resolve));
  }
}
printSummary();
Deno.exit();

function printLine(now: number): void {
  const rate = (iterations - lineIterations) / (now - lineAt) * 1000;
  const kinds = packets.values().filter((count) => count > 0).toArray().length;
  console.log(
    `${seconds(now)} s, ${iterations} inputs, ${rate.toFixed(0)} per second, ` +
      `${kinds} of ${packets.size} kinds of packet, ${faults.size} places of faults`,
  );
  lineIterations = iterations;
  lineAt = now;
}

function printSummary(): void {
  console.log(
    `\nseed ${seed}: ${iterations} inputs in ${seconds(performance.now())} s, no failure`,
  );
  for (const [title, counts] of [["packets", packets], ["faults", faults]] as const) {
    console.log(`\n${title}`);
    for (const [name, count] of [...counts].sort((a, b) => b[1] - a[1])) {
      console.log(`${String(count).padStart(9)}  ${name}`);
    }
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function seconds(now: number): string {
  return ((now - started) / 1000).toFixed(0);
}

function seedFrom(args: readonly string[]): number {
  if (args.length === 0) return crypto.getRandomValues(new Uint32Array(1))[0]!;
  const seed = Number(args[1]);
  if (args.length === 2 && args[0] === "--seed" && Number.isInteger(seed)) return seed;
  console.error("Usage: deno run tests/fuzz/main.ts [--seed n]");
  Deno.exit(2);
}
