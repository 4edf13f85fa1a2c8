// `--trace`: whether packets are shown, and how much of each. What shows them is
// `packets/tracer.ts`.

import { usageFailure } from "../failure.ts";
import { quoted } from "../terminal/text.ts";
import type { OptionTable } from "./parse.ts";

/** The option. */
export const TRACE = {
  "trace": {
    short: "d",
    value: "full",
    isOptional: true,
    help: "explain every packet on standard error",
  },
} as const satisfies OptionTable;

/** How much of a packet is explained: a few lines, or every byte. */
export type TraceLevel = "compact" | "full";

/**
 * The value of the option.
 *
 * @throws {Failure} when it is invalid
 */
export function traceOf(given: string | undefined): TraceLevel | undefined {
  switch (given) {
    case undefined:
      return undefined;
    case "":
      return "compact";
    case "full":
      return "full";
    default:
      throw usageFailure(`Expected --trace or --trace=full, got ${quoted(given)}`);
  }
}
