// Topic Filters of the command line.

import { validateTopicFilter } from "../../topics.ts";
import { usageFailure } from "../failure.ts";

/**
 * Checks a Topic Filter.
 *
 * @throws {Failure} when it is invalid
 */
export function checkFilter(filter: string): void {
  try {
    validateTopicFilter(filter);
  } catch (error) {
    throw usageFailure((error as Error).message);
  }
}
