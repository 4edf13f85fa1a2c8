// A little stateful fuzzing in a virtual world with every run of the tests, always the same. For
// more, see world_main.ts.

import { assert } from "@std/assert";
import { fuzzClient } from "./client_fuzz.ts";
import type { Counts } from "./faults.ts";
import { corpusOf } from "./fuzz.ts";
import { fuzzBroker } from "./world_broker_fuzz.ts";

const STEPS = 60;

/** Enough for everything to come that is named below. */
const SEEDS = 80;

const CORPUS = corpusOf(1);

/** What a fuzzer that no longer comes anywhere would not see. */
const SEEN_BY_CLIENT = [
  ...["publish() resolved", "publish() rejected", "subscribe() resolved", "request() rejected"],
  ...["message received", "any packet", "broken bytes", "half a packet", "not answered"],
  ...["disconnected: protocol", "disconnected: transient", "pubrel sent by the client"],
  ...["pubcomp sent by the client", "unsubscribe() resolved", "a loop resolved"],
];
const SEEN_BY_BROKER = [
  ...["connack received 0x0", "connack received 0x87", "puback received 0x10", "hook failed"],
  ...["suback received", "unsuback received", "pubrel sent", "pubcomp received 0x0"],
  ...["disconnect received 0x8d", "disconnect received 0x8e", "disconnect received 0x82"],
  ...["disconnect received 0x81", "any packet", "broken bytes", "store failed"],
];

Deno.test("whatever a server sends, a client throws nothing but typed errors, says nothing wrong, and disturbs no other", async () => {
  const counts: Counts = new Map();
  for (let seed = 1; seed <= SEEDS; seed++) await fuzzClient(seed, STEPS, CORPUS, counts);
  for (const what of SEEN_BY_CLIENT) assert(counts.has(what), `No ${what}`);
});

Deno.test("whatever clients, hooks, network and disk do to a broker, bystanders get their messages once, and nothing is left", async () => {
  const counts: Counts = new Map();
  for (let seed = 1; seed <= SEEDS; seed++) await fuzzBroker(seed, STEPS, CORPUS, counts);
  for (const what of SEEN_BY_BROKER) assert(counts.has(what), `No ${what}`);
});
