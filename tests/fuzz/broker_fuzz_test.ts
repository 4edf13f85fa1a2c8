// A little stateful fuzzing of the broker with every run of the tests: always the same clients, and
// some that nobody has met before. For more, see broker_main.ts.

import { assert } from "@std/assert";
import { BrokerFuzz, type Counts } from "./broker_fuzz.ts";

const STEPS = 400;

/** Enough for everything to come that {@linkcode SEEN} names. */
const SEEDS = 120;

/** How long new seeds are tried, in milliseconds. */
const BUDGET = 3_000;

/** What a fuzzer that no longer comes anywhere would not see. */
const SEEN = [
  ...["connack received 0x0", "connack received 0x87", "connack received 0x89"],
  ...["auth received 0x18", "auth received 0x0", "suback received", "unsuback received"],
  ...["publish received", "publish received without topic", "pubrel received 0x0"],
  ...[
    "puback received 0x0",
    "puback received 0x10",
    "puback received 0x87",
    "puback received 0x97",
  ],
  ...["pubrec received 0x0", "pubcomp received 0x0", "pubcomp received 0x92", "pingresp received"],
  ...["disconnect received 0x81", "disconnect received 0x82", "disconnect received 0x8b"],
  ...["disconnect received 0x8d", "disconnect received 0x8e", "disconnect received 0x93"],
  ...["message dropped", "client not answered", "hook failed"],
];

async function fuzz(seed: number, counts: Counts): Promise<void> {
  try {
    await new BrokerFuzz(seed, counts).run(STEPS);
  } catch (cause) {
    throw new Error(`--seed ${seed} --steps ${STEPS}: ${cause}`, { cause });
  }
}

Deno.test("clients that do anything, and hooks that fail in every way, cost nobody else anything, with fixed seeds", async () => {
  const counts: Counts = new Map();
  for (let seed = 1; seed <= SEEDS; seed++) await fuzz(seed, counts);
  for (const what of SEEN) assert(counts.has(what), `No ${what}`);
});

Deno.test("clients that do anything, and hooks that fail in every way, cost nobody else anything, with new seeds each time", async () => {
  let seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  for (const end = Date.now() + BUDGET; Date.now() < end; seed++) await fuzz(seed, new Map());
});
