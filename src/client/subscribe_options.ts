// What the application subscribes to, as the requests of a SUBSCRIBE or an UNSUBSCRIBE.

import {
  checkPacket,
  type PropertiesOf,
  type SubscriptionRequest,
  type SubscriptionRequestInit,
} from "../packets/mod.ts";
import { pickProperties, propertyNames } from "../packets/properties.ts";
import type { UnsubscribeRequest } from "../session/pending_requests.ts";
import { checkKnown, checkOneOf } from "../session/option_checks.ts";
import { ACK_MODES } from "./message_queue.ts";
import type { Request, SubscribeOptions } from "./subscription.ts";

/** One Topic Filter or more; those of an object have options of their own. */
export type TopicFilters =
  | string
  | SubscriptionRequestInit
  | readonly (string | SubscriptionRequestInit)[];

/** The options of each Topic Filter. */
const OF_A_FILTER = ["qos", "noLocal", "retainAsPublished", "retainHandling"] as const;

const FILTER_NAMES: ReadonlySet<string> = new Set(["topicFilter", ...OF_A_FILTER]);

/** The other options; a property that there may be one of only has its name without an `s`. */
const NAMES: ReadonlySet<string> = new Set<string>([
  ...OF_A_FILTER,
  ...[
    "subscriptionIdentifier",
    "ack",
    "receiveQueue",
    "signal",
  ] satisfies (keyof SubscribeOptions)[],
  ...propertyNames("subscribe").filter((name) => name !== "subscriptionIdentifiers"),
]);

const UNSUBSCRIBE_NAMES: ReadonlySet<string> = new Set<string>([
  ...propertyNames("unsubscribe"),
  "signal",
]);

/**
 * What to ask the server for.
 *
 * @throws {TypeError} when a filter or an option is wrong
 * @throws {RangeError} when a filter is too long, or a number out of its range
 */
export function subscribeRequest(filters: TopicFilters, options: SubscribeOptions): Request {
  checkKnown(options, NAMES, "subscribe()");
  checkOneOf("ack", options.ack, ACK_MODES);
  const { qos, noLocal, retainAsPublished, retainHandling, subscriptionIdentifier } = options;
  const subscriptions = [filters].flat().map((filter): SubscriptionRequest => {
    const own = typeof filter === "string" ? { topicFilter: filter } : filter;
    checkKnown(own, FILTER_NAMES, "a Topic Filter");
    return {
      topicFilter: own.topicFilter,
      qos: own.qos ?? qos ?? 0,
      noLocal: own.noLocal ?? noLocal ?? false,
      retainAsPublished: own.retainAsPublished ?? retainAsPublished ?? false,
      retainHandling: own.retainHandling ?? retainHandling ?? 0,
    };
  });
  const properties = pickProperties("subscribe", {
    ...options,
    subscriptionIdentifiers: subscriptionIdentifier === undefined
      ? undefined
      : [subscriptionIdentifier],
  });
  checkPacket({ type: "subscribe", packetId: 1, subscriptions, properties });
  return { subscriptions, properties };
}

/**
 * The UNSUBSCRIBE for some Topic Filters.
 *
 * @throws {TypeError} when there is none, or one is wrong, or a User Property
 * @throws {RangeError} when one is too long
 */
export function unsubscribeRequest(
  filters: string | readonly string[],
  options: PropertiesOf<"unsubscribe"> = {},
): UnsubscribeRequest {
  checkKnown(options, UNSUBSCRIBE_NAMES, "unsubscribe()");
  const properties = pickProperties("unsubscribe", options);
  const request = { type: "unsubscribe", topicFilters: [filters].flat(), properties } as const;
  checkPacket({ ...request, packetId: 1 });
  return request;
}
