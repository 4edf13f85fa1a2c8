// Topic Filters as sets of Topic Names (§4.7): what two of them have in common, and whether one of
// them contains another. Access rules need both to tell what a subscription can ever bring.

import { topicFiltersOverlap } from "../../topics.ts";

/**
 * The Topic Filter that matches what both match; `undefined` when no Topic Name matches both. None
 * of them may be a Shared Subscription.
 */
export function intersectionOf(topicFilter: string, other: string): string | undefined {
  if (!topicFiltersOverlap(topicFilter, other)) return undefined;
  const [one, two] = [topicFilter.split("/"), other.split("/")];
  const both: string[] = [];
  for (let at = 0;; at++) {
    const [here, there] = [one[at], two[at]];
    // What "#" adds to the other filter is nothing, also where it stands for the parent level.
    if (here === "#") return [...both, ...two.slice(at)].join("/");
    if (there === "#") return [...both, ...one.slice(at)].join("/");
    if (here === undefined || there === undefined) return both.join("/");
    both.push(here === "+" ? there : here);
  }
}

/**
 * Whether one Topic Filter matches all that another matches. Neither may be a Shared Subscription.
 */
export function isWithin(topicFilter: string, outer: string): boolean {
  // [MQTT-4.7.2-1]
  if (topicFilter.startsWith("$") && /^[+#]/.test(outer)) return false;
  const [inside, outside] = [topicFilter.split("/"), outer.split("/")];
  for (let at = 0;; at++) {
    const [here, there] = [inside[at], outside[at]];
    if (there === "#" || at === 0 && outer === "+/#") return true;
    if (here === undefined || there === undefined) return here === there;
    if (here === "#" || there !== "+" && here !== there) return false;
  }
}
