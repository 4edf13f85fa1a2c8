// All mistakes that the simulation has to find.

import { BROKER_MUTANTS } from "./broker.ts";
import { CLIENT_MUTANTS } from "./client.ts";
import type { Mutant } from "./mutant.ts";
import { SESSION_MUTANTS } from "./session.ts";

export const MUTANTS: readonly Mutant[] = [
  ...SESSION_MUTANTS,
  ...CLIENT_MUTANTS,
  ...BROKER_MUTANTS,
];
