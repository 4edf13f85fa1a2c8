// §4.6 Message ordering: the messages of one publisher, topic and QoS reach a subscription in the
// order in which they were published; what comes again does not count [MQTT-4.6.0-5]
// [MQTT-4.6.0-6]. Shared Subscriptions have no such rule.

import type { Violation } from "../history.ts";
import type { MessageFacts } from "./fact_types.ts";
import { type Facts, hasBetween } from "./facts.ts";
import { isShared } from "./filters.ts";
import { violation } from "./violation.ts";

/** The message of a stream that was published last of those that were handed. */
interface Latest {
  readonly message: MessageFacts;
  readonly index: number;
  readonly dup: boolean;
}

/** Looks for messages that have overtaken others. */
export function order(facts: Facts): Violation[] {
  const found: Violation[] = [];
  const seen = new Set<string>();
  const latest = new Map<string, Latest>();
  for (const [index, event] of facts.events.entries()) {
    if (event.type !== "handed" || event.subscription === undefined || event.retain) continue;
    const message = facts.messages.get(event.id);
    if (message === undefined || message.isWill) continue;
    const handle = `${event.subscription}:${event.id}`;
    if (seen.has(handle)) continue;
    seen.add(handle);
    const { name } = facts.process(event.process).event;
    // What comes by a Shared Subscription need not keep the order.
    if (facts.matching(name, event.topic).some(({ topicFilter }) => isShared(topicFilter))) {
      continue;
    }
    const { published: { qos, topic }, process, client } = message;
    const { store } = facts.process(process).event;
    const publisher = store === "none" ? process : client;
    const stream = `${event.subscription} ${publisher} ${qos} ${event.qos} ${topic}`;
    const before = latest.get(stream);
    if (before === undefined || before.message.called < message.called) {
      latest.set(stream, { message, index, dup: event.dup });
    } else if (
      isBound(facts, message, index) && !(event.dup && isNewRound(facts, name, before, index))
    ) {
      const { id } = before.message.published;
      found.push(violation(
        facts,
        "order",
        index,
        [event.id, id],
        `Message ${event.id} to ${topic} was published before ${id}, and reaches subscription ` +
          `${event.subscription} after it`,
      ));
    }
  }
  return found;
}

/** Whether nothing excuses that a message comes late: it was not published anew. */
function isBound(facts: Facts, message: MessageFacts, index: number): boolean {
  const { published: { isEmpty }, client, called, routed } = message;
  // What could not be stored is refused, and comes later, though nobody may have heard of that.
  return routed.length < 2 && isEmpty !== true && facts.keepsSession(client, called, index) &&
    !facts.wasFailing(called, index) && !mayHaveBeenRefused(facts, message);
}

/**
 * Whether a message may have been refused as one retained message too many, and nobody has heard of
 * that: then it was sent again when its connection was lost, and there was room.
 */
function mayHaveBeenRefused(
  { history: { conditions }, clients }: Facts,
  { published: { retain }, client, called, routed }: MessageFacts,
): boolean {
  return retain && conditions.retainedLimit !== undefined &&
    hasBetween(clients.get(client)!.breaks, called, routed[0] ?? Infinity);
}

/**
 * Whether what is sent again may begin anew, after a message: that was not sent again, or on an
 * earlier connection. What the server sends again goes to who has subscribed since, too.
 */
function isNewRound(facts: Facts, client: string, { dup, index }: Latest, now: number): boolean {
  return !dup || hasBetween(facts.clients.get(client)!.breaks, index, now);
}
