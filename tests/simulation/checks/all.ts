// All checks of a history.

import type { History, Violation } from "../history.ts";
import { delivered } from "./delivered.ts";
import { expiry } from "./expiry.ts";
import { Facts } from "./facts.ts";
import { held } from "./held.ts";
import { once } from "./once.ts";
import { order } from "./order.ts";
import { receipts } from "./receipts.ts";
import { retained } from "./retained.ts";
import { routing } from "./routing.ts";
import { sessions } from "./sessions.ts";
import { settled } from "./settled.ts";
import { shared } from "./shared.ts";
import { wills } from "./wills.ts";

/** The checks, by their names. */
export const CHECKS: Readonly<Record<string, (facts: Facts) => Violation[]>> = {
  delivered,
  expiry,
  held,
  once,
  order,
  receipts,
  retained,
  routing,
  sessions,
  settled,
  shared,
  wills,
};

/** What is wrong in a history, by all checks. */
export function check(history: History): Violation[] {
  const facts = new Facts(history);
  return Object.values(CHECKS).flatMap((each) => each(facts));
}
