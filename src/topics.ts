// §4.7 Topic Names and Topic Filters, §4.8 Shared Subscriptions. Faults are returned as the end of
// a sentence, so that decoder, encoder and the public functions can each throw their own error.

/** The parts of a Shared Subscription (§4.8.2). */
export interface SharedSubscription {
  /** The group of subscribers that share the messages. */
  readonly shareName: string;
  /** The Topic Filter that the messages must match. */
  readonly topicFilter: string;
}

/** The prefix of a Shared Subscription [MQTT-4.8.2-1]. */
const SHARE = "$share/";

/** Bytes of UTF-8 in a Topic Name or a Topic Filter, at most [MQTT-4.7.3-3]. */
const MAXIMUM_BYTES = 65_535;

/**
 * Whether a Topic Filter matches a Topic Name (§4.7). Both must be valid. Of a Shared Subscription
 * the filter after the share name counts.
 *
 * Levels are compared as they are, without normalization [MQTT-4.7.3-4].
 *
 * @example The two wildcards
 * ```ts
 * import { topicMatches } from "jsr:@mqtt5/mqtt5";
 * import { assert, assertFalse } from "@std/assert";
 *
 * assert(topicMatches("home/+/temperature", "home/kitchen/temperature"));
 * assert(topicMatches("home/#", "home"));
 * assertFalse(topicMatches("#", "$SYS/uptime"));
 * ```
 */
export function topicMatches(topicFilter: string, topicName: string): boolean {
  const filter = parseSharedSubscription(topicFilter)?.topicFilter ?? topicFilter;
  // [MQTT-4.7.2-1]
  if (topicName.startsWith("$") && startsWithWildcard(filter)) return false;
  let at = 0; // where the level to match begins in the name; past its end when there is none
  for (let from = 0; from <= filter.length;) {
    const to = endOfLevel(filter, from);
    if (filter[from] === "#") return true;
    if (at > topicName.length) return false;
    const end = endOfLevel(topicName, at);
    if (filter[from] !== "+" && filter.slice(from, to) !== topicName.slice(at, end)) return false;
    from = to + 1;
    at = end + 1;
  }
  return at > topicName.length;
}

/**
 * Whether some Topic Name matches both Topic Filters (§4.7). Both must be valid; of a Shared
 * Subscription the filter after the share name counts. For authorization: a rule for `secret/#`
 * must cover each subscription that overlaps with it.
 *
 * @example Which subscriptions can receive messages of `secret/#`
 * ```ts
 * import { topicFiltersOverlap } from "jsr:@mqtt5/mqtt5/broker";
 * import { assert, assertFalse } from "@std/assert";
 *
 * assert(topicFiltersOverlap("secret/#", "#"));
 * assert(topicFiltersOverlap("secret/#", "+/plans"));
 * assert(topicFiltersOverlap("secret/#", "$share/group/secret/plans"));
 * assertFalse(topicFiltersOverlap("secret/#", "public/#"));
 * assertFalse(topicFiltersOverlap("$SYS/#", "#"));
 * ```
 */
export function topicFiltersOverlap(topicFilter: string, other: string): boolean {
  const one = parseSharedSubscription(topicFilter)?.topicFilter ?? topicFilter;
  const two = parseSharedSubscription(other)?.topicFilter ?? other;
  // [MQTT-4.7.2-1]
  if (startsWithWildcard(one) && two.startsWith("$")) return false;
  if (startsWithWildcard(two) && one.startsWith("$")) return false;
  let [from, at] = [0, 0]; // where the next levels begin; past the end when there is none
  for (;;) {
    // "#" matches its parent level, too; but "/#" and "+" have only the empty name in common, which
    // is not a valid one [MQTT-4.7.3-1].
    if (one[from] === "#") return !(one === "/#" && two === "+");
    if (two[at] === "#") return !(two === "/#" && one === "+");
    if (from > one.length || at > two.length) return from > one.length && at > two.length;
    const [to, end] = [endOfLevel(one, from), endOfLevel(two, at)];
    const isAny = one[from] === "+" || two[at] === "+";
    if (!isAny && one.slice(from, to) !== two.slice(at, end)) return false;
    [from, at] = [to + 1, end + 1];
  }
}

function startsWithWildcard(topicFilter: string): boolean {
  return topicFilter.startsWith("+") || topicFilter.startsWith("#");
}

function endOfLevel(topic: string, from: number): number {
  const slash = topic.indexOf("/", from);
  return slash < 0 ? topic.length : slash;
}

/**
 * Splits a Shared Subscription, `$share/{ShareName}/{filter}`, into its parts (§4.8.2). Returns
 * `undefined` for any other Topic Filter.
 *
 * @example
 * ```ts
 * import { parseSharedSubscription } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseSharedSubscription("$share/workers/jobs/+"), {
 *   shareName: "workers",
 *   topicFilter: "jobs/+",
 * });
 * ```
 */
export function parseSharedSubscription(topicFilter: string): SharedSubscription | undefined {
  if (!topicFilter.startsWith(SHARE)) return undefined;
  const end = endOfLevel(topicFilter, SHARE.length);
  return {
    shareName: topicFilter.slice(SHARE.length, end),
    topicFilter: topicFilter.slice(end + 1),
  };
}

/**
 * Checks a Topic Name: it must not be empty, contain a wildcard, U+0000 or a lone surrogate, or be
 * longer than 65,535 bytes of UTF-8 (§4.7).
 *
 * @throws {TypeError} when it is not a valid Topic Name
 * @throws {RangeError} when it is too long
 *
 * @example
 * ```ts
 * import { validateTopicName } from "jsr:@mqtt5/mqtt5";
 * import { assertThrows } from "@std/assert";
 *
 * validateTopicName("home/kitchen/temperature");
 * assertThrows(() => validateTopicName("home/+/temperature"), TypeError);
 * ```
 */
export function validateTopicName(topicName: string): void {
  validate("Topic Name", topicName, (name) => name === "" ? EMPTY : topicNameFault(name));
}

/**
 * Checks a Topic Filter, which may be that of a Shared Subscription (§4.7, §4.8.2).
 *
 * @throws {TypeError} when it is not a valid Topic Filter
 * @throws {RangeError} when it is longer than 65,535 bytes of UTF-8
 *
 * @example
 * ```ts
 * import { validateTopicFilter } from "jsr:@mqtt5/mqtt5";
 * import { assertThrows } from "@std/assert";
 *
 * validateTopicFilter("$share/workers/jobs/#");
 * assertThrows(() => validateTopicFilter("jobs/#/urgent"), TypeError);
 * ```
 */
export function validateTopicFilter(topicFilter: string): void {
  validate("Topic Filter", topicFilter, topicFilterFault);
}

function validate(
  what: string,
  topic: string,
  faultOf: (topic: string) => string | undefined,
): void {
  if (typeof topic !== "string") {
    throw new TypeError(`${what} must be a string, got ${typeof topic}`);
  }
  const fault = !topic.isWellFormed()
    ? "has a lone surrogate [MQTT-1.5.4-1]"
    : topic.includes("\0")
    ? "contains U+0000 [MQTT-4.7.3-2]"
    : faultOf(topic);
  if (fault !== undefined) {
    throw new TypeError(`${what} ${JSON.stringify(shortened(topic))} ${fault}`);
  }
  const bytes = new TextEncoder().encode(topic).length;
  if (bytes > MAXIMUM_BYTES) {
    throw new RangeError(`${what} is ${bytes} bytes long, the maximum is 65535 [MQTT-4.7.3-3]`);
  }
}

function shortened(topic: string): string {
  return topic.length <= 80 ? topic : `${topic.slice(0, 79)}…`;
}

const EMPTY = "is empty [MQTT-4.7.3-1]";

/**
 * What is wrong with a Topic Name, which may be empty, as the end of a sentence; `undefined` when
 * it is valid. Characters and length are checked elsewhere.
 */
export function topicNameFault(topicName: string): string | undefined {
  return topicName.includes("#") || topicName.includes("+")
    ? "contains a wildcard, # or + [MQTT-4.7.0-1]"
    : undefined;
}

/**
 * What is wrong with a Topic Filter, as the end of a sentence; `undefined` when it is valid.
 * Characters and length are checked elsewhere.
 */
export function topicFilterFault(topicFilter: string): string | undefined {
  if (topicFilter === "") return EMPTY;
  const shared = parseSharedSubscription(topicFilter);
  if (shared !== undefined) {
    if (shared.shareName === "") return "has an empty share name [MQTT-4.8.2-1]";
    if (topicNameFault(shared.shareName) !== undefined) {
      return "has a wildcard in its share name [MQTT-4.8.2-2]";
    }
    if (shared.topicFilter === "") return "has no Topic Filter after its share name [MQTT-4.8.2-2]";
  }
  for (let from = 0; from <= topicFilter.length;) {
    const to = endOfLevel(topicFilter, from);
    const level = topicFilter.slice(from, to);
    if (level.includes("#")) {
      if (level !== "#") return "has # together with other characters in a level [MQTT-4.7.1-1]";
      if (to !== topicFilter.length) return "has # before its last level [MQTT-4.7.1-1]";
    }
    if (level.includes("+") && level !== "+") {
      return "has + together with other characters in a level [MQTT-4.7.1-2]";
    }
    from = to + 1;
  }
  return undefined;
}
