// §3.3.4, §3.8.3.1 A message goes only to who has asked for it: to a subscription whose Topic Filter
// matches, at no higher QoS than was asked for, and not back to its publisher with No Local.

import type { Violation } from "../history.ts";
import type { Handing, MessageFacts } from "./fact_types.ts";
import type { Facts } from "./facts.ts";
import { isResponse, lower, matches } from "./filters.ts";
import { violation } from "./violation.ts";

/** Looks for messages that somebody has got and should not have, or not so. */
export function routing(facts: Facts): Violation[] {
  const found: Violation[] = [];
  for (const message of facts.messages.values()) {
    for (const handing of message.handed) {
      const what = faultOf(facts, message, handing);
      if (what === undefined) continue;
      const { published: { id } } = message;
      const { process, subscription } = handing.event;
      const where = subscription === undefined
        ? facts.process(process).event.name
        : `subscription ${subscription}`;
      found.push(violation(
        facts,
        "routing",
        handing.index,
        [id],
        `Message ${id} reaches ${where} ${what}`,
      ));
    }
  }
  return found;
}

function faultOf(
  facts: Facts,
  { published: { topic, qos }, client }: MessageFacts,
  { event }: Handing,
): string | undefined {
  if (event.topic !== topic) return `with the topic ${event.topic}, not ${topic}`;
  if (event.qos > qos) return `at QoS ${event.qos}, and was published at ${qos}`;
  const handle = facts.subscriptions.get(event.subscription ?? -1);
  if (handle === undefined || isResponse(topic)) return undefined;
  if (!handle.filters.some(({ topicFilter }) => matches(topicFilter, topic))) {
    return `to whose Topic Filters ${topic} does not belong`;
  }
  const { name } = facts.process(event.process).event;
  const filters = facts.matching(name, topic);
  if (!filters.some((filter) => event.qos <= lower(qos, filter))) {
    return `at QoS ${event.qos}, for which nobody has asked`;
  }
  // What is retained comes from the broker, whoever has published it.
  if (client === name && !event.retain && filters.every(({ noLocal }) => noLocal)) {
    return "of the very client that has published it";
  }
  return undefined;
}
