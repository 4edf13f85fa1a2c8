// How a check says what it has found.

import type { Violation } from "../history.ts";
import type { Facts } from "./facts.ts";

/** A violation that showed at a moment. */
export function violation(
  facts: Facts,
  check: string,
  index: number,
  ids: readonly number[],
  message: string,
): Violation {
  const { events } = facts;
  return { check, message, ids, at: events[Math.min(index, events.length - 1)]?.at ?? 0 };
}
