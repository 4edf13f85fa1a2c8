// A little fuzzing with every run of the tests: always the same bytes, and bytes that nobody has tried before. For more,
// see main.ts.

import { assert } from "@std/assert";
import { packetsByType } from "../packets/arbitraries.ts";
import { fuzzer } from "./fuzz.ts";

/** Enough for every kind of packet and both errors to come. */
const ITERATIONS = 10_000;

/** How long new bytes are tried, in milliseconds. */
const BUDGET = 4_000;

Deno.test("any bytes give packets or one of two errors, with a fixed seed", () => {
  const next = fuzzer(1);
  const seen = new Set<string>();
  for (let count = 0; count < ITERATIONS; count++) {
    const { packets, fault, endFault } = next();
    for (const { type } of packets) seen.add(type);
    if (fault !== undefined) seen.add(`${fault.name} ${fault.packetType}`);
    if (endFault !== undefined) seen.add("cut off");
  }
  // A fuzzer that no longer comes anywhere would pass as well.
  const types = Object.keys(packetsByType);
  const malformed = types.map((type) => `MalformedPacketError ${type.toUpperCase()}`);
  for (const what of [...types, ...malformed, "ProtocolError PUBLISH", "cut off"]) {
    assert(seen.has(what), `No ${what} came`);
  }
});

Deno.test("any bytes give packets or one of two errors, with a new seed each time", () => {
  const next = fuzzer(crypto.getRandomValues(new Uint32Array(1))[0]!);
  for (const end = Date.now() + BUDGET; Date.now() < end;) next();
});
