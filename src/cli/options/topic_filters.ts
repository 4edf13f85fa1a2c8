// Topic Filters on the command line.

import { validateTopicFilter } from "../../topics.ts";
import { usageFailure } from "../failure.ts";

/**
 * Refuses a Topic Filter that is none.
 *
 * @throws {Failure} when it is none
 */
export function checkFilter(filter: string): void {
  try {
    validateTopicFilter(filter);
  } catch (error) {
    throw usageFailure((error as Error).message);
  }
}
