// Topic Filters as the checks look at them: which topics they match, and whose they are.

import { parseSharedSubscription, topicMatches } from "../../../src/topics.ts";
import type { FilterAsked } from "../history.ts";

/** Whether a Topic Filter is that of a Shared Subscription. */
export function isShared(topicFilter: string): boolean {
  return topicFilter.startsWith("$share/");
}

/** Whether a topic is that of a response: the client has subscribed to it by itself. */
export function isResponse(topic: string): boolean {
  return topic.startsWith("mqtt5/responses/");
}

/** Whether a Topic Filter, shared or not, matches a topic. */
export function matches(topicFilter: string, topic: string): boolean {
  return topicMatches(parseSharedSubscription(topicFilter)?.topicFilter ?? topicFilter, topic);
}

/** The lower QoS. */
export function lower(qos: number, { qos: asked }: FilterAsked): number {
  return Math.min(qos, asked);
}
