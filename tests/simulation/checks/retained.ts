// §3.3.1.3 Retained messages are a simple model: of each topic the last one that was published so.
// A new subscription gets those, and nothing that another had replaced before.

import type { EventOf, Violation } from "../history.ts";
import type { MessageFacts } from "./fact_types.ts";
import type { Facts } from "./facts.ts";
import { isShared, lower, matches } from "./filters.ts";
import { isLast } from "./delivered.ts";
import { violation } from "./violation.ts";

/** A retained message, or a clearing one, as the broker took it. */
interface Kept {
  readonly message: MessageFacts;
  /** When the broker took it first, and last. */
  readonly first: number;
  readonly last: number;
  /** Whether it is certain that it was kept. */
  readonly isCertain: boolean;
}

/** Looks for retained messages that are not what the model has. */
export function retained(facts: Facts): Violation[] {
  const byTopic = keptByTopic(facts);
  return [...stale(facts, byTopic), ...missing(facts, byTopic), ...counted(facts, byTopic)];
}

function keptByTopic(facts: Facts): Map<string, Kept[]> {
  const byTopic = new Map<string, Kept[]>();
  for (const message of facts.messages.values()) {
    const { published: { retain, topic }, routed } = message;
    if (!retain || routed.length === 0) continue;
    const first = routed[0]!;
    const last = routed.at(-1)!;
    const kept = { message, first, last, isCertain: isCertain(facts, message) };
    const others = byTopic.get(topic);
    if (others === undefined) byTopic.set(topic, [kept]);
    else others.push(kept);
  }
  for (const kept of byTopic.values()) kept.sort((one, other) => one.last - other.last);
  return byTopic;
}

/** Whether it is certain that the broker has kept a message: it has said so, or had the time. */
function isCertain(facts: Facts, { published: { qos }, isWill, outcomes, routed }: MessageFacts) {
  if (routed.length > 1) return false;
  if (!isWill && qos > 0) return outcomes.some(({ reasonCode }) => reasonCode !== undefined);
  return !facts.isSoonKilled(routed[0]!) &&
    !facts.brokers.some(({ isDiskFaulty }) => isDiskFaulty);
}

/** Messages with RETAIN that another had replaced before anybody subscribed. */
function stale(facts: Facts, byTopic: ReadonlyMap<string, readonly Kept[]>): Violation[] {
  const found: Violation[] = [];
  for (const message of facts.messages.values()) {
    const { published: { id, topic, isEmpty } } = message;
    for (const { index, event } of message.handed) {
      if (!event.retain) continue;
      const { name } = facts.process(event.process).event;
      if (keepsFlag(facts, name, topic)) continue;
      const say = (what: string) =>
        found.push(violation(
          facts,
          "retained",
          index,
          [id],
          `Message ${id} to ${topic} comes to ${name} as retained, ${what}`,
        ));
      const kept = byTopic.get(topic)?.find((each) => each.message === message);
      if (kept === undefined || isEmpty === true) {
        say("which it was not");
        continue;
      }
      if (isMarkedShared(facts, event)) say("by a Shared Subscription");
      const over = byTopic.get(topic)!.find((other) => other.isCertain && other.first > kept.last);
      const until = Math.min(over?.first ?? Infinity, index);
      const asked = facts.clients.get(name)!.granted.filter((each) =>
        matches(each.topicFilter, topic) && each.index > kept.first && each.index < until &&
        wantsRetained(facts, name, each.topicFilter)
      );
      if (asked.length === 0) {
        say(
          over === undefined
            ? "but nobody has subscribed since"
            : `but ${over.message.published.id} had replaced it`,
        );
      } else if (asked.every((each) => facts.hasForgotten(kept.last, each.index))) {
        say("but the broker had lost it");
      }
    }
  }
  return found;
}

/** Whether the server has marked a message as that of a Shared Subscription alone. */
function isMarkedShared(
  facts: Facts,
  { process, subscription = -1, identifiers = [] }: EventOf<"handed">,
): boolean {
  const handle = facts.subscriptions.get(subscription);
  const { event, hasForeignSession } = facts.process(process);
  // In a session that is older, an identifier may be that of somebody else.
  if (event.store !== "none" || hasForeignSession !== false || handle === undefined) return false;
  return identifiers.length === 1 &&
    handle.filters.every(({ topicFilter }) => isShared(topicFilter));
}

/** Whether retained messages may come by a Topic Filter, as somebody has asked for it. */
function wantsRetained({ subscriptions }: Facts, client: string, topicFilter: string): boolean {
  if (isShared(topicFilter)) return false;
  let isKnown = false;
  for (const subscription of subscriptions.values()) {
    if (subscription.client !== client) continue;
    for (const filter of subscription.filters) {
      if (filter.topicFilter !== topicFilter) continue;
      if (filter.retainHandling !== 2) return true;
      isKnown = true;
    }
  }
  return !isKnown;
}

/** Subscriptions that have not got what was retained. */
function missing(facts: Facts, byTopic: ReadonlyMap<string, readonly Kept[]>): Violation[] {
  const found: Violation[] = [];
  if (facts.history.conditions.retainedLimit !== undefined) return found;
  for (const subscription of facts.subscriptions.values()) {
    const { ended, granted, client, called, id } = subscription;
    if (granted > facts.end || ended < facts.end || !isLast(facts, subscription)) continue;
    if (!facts.isThere(client, called)) continue;
    for (const filter of subscription.filters) {
      const { topicFilter, retainHandling } = filter;
      if (isShared(topicFilter) || retainHandling !== 0) continue;
      const asked = facts.clients.get(client)!.granted.find((each) =>
        each.topicFilter === topicFilter && each.index > called && each.index < granted
      );
      if (asked === undefined || facts.hasCrashed(asked.index, facts.end)) continue;
      for (const [topic, all] of byTopic) {
        if (!matches(topicFilter, topic)) continue;
        const kept = all.at(-1)!;
        const { published, droppedFor, handed } = kept.message;
        if (kept.last > asked.index || !kept.isCertain || published.isEmpty === true) continue;
        if (published.expiry !== undefined || lower(published.qos, filter) === 0) continue;
        if (facts.hasForgotten(kept.first, asked.index) || droppedFor.has(client)) continue;
        // What the broker has not said that it took may come in between unseen.
        if (all.some((other) => other !== kept && other.last > kept.first)) continue;
        if (handed.some(({ event }) => event.subscription === id)) continue;
        found.push(violation(
          facts,
          "retained",
          facts.end,
          [published.id, id],
          `Message ${published.id} to ${topic} was retained, and has not come to subscription ` +
            `${id} of ${client}`,
        ));
      }
    }
  }
  return found;
}

/** How many the broker has in the end. */
function counted(facts: Facts, byTopic: ReadonlyMap<string, readonly Kept[]>): Violation[] {
  const found: Violation[] = [];
  for (const [index, event] of facts.events.entries()) {
    if (event.type !== "statistics") continue;
    let least = 0;
    let most = 0;
    for (const all of byTopic.values()) {
      const { isThere, mayBeThere } = stateAt(facts, all, index);
      if (isThere) least++;
      if (mayBeThere) most++;
    }
    // What the broker has no room for it refuses, or drops at QoS 0; nobody knows what is left.
    if (facts.history.conditions.retainedLimit !== undefined) least = 0;
    if (event.retained >= least && event.retained <= most) continue;
    const range = least === most ? `${least}` : `${least} to ${most}`;
    found.push(violation(
      facts,
      "retained",
      index,
      [],
      `The broker has ${event.retained} retained messages, not ${range}`,
    ));
  }
  return found;
}

/** Whether a topic has a retained message at a moment. */
function stateAt(facts: Facts, all: readonly Kept[], moment: number) {
  let isThere = false;
  let mayBeThere = false;
  for (const { message: { published }, isCertain, last } of all) {
    if (last > moment || facts.hasForgotten(last, moment)) continue;
    const isSet = published.isEmpty !== true;
    if (isCertain) isThere = isSet && published.expiry === undefined;
    else isThere &&= isSet && published.expiry === undefined;
    mayBeThere = isSet || mayBeThere && !isCertain;
  }
  return { isThere, mayBeThere };
}

/** Whether RETAIN may be that of the publisher, as somebody has asked for that. */
function keepsFlag(facts: Facts, client: string, topic: string): boolean {
  return facts.matching(client, topic).some(({ retainAsPublished }) => retainAsPublished);
}
