// §4.3 QoS 1 and 2 at least once: a message that the broker has accepted reaches every subscription
// that was granted before it was published, and lives until all has drained.

import type { Violation } from "../history.ts";
import type { MessageFacts, SubscriptionFacts } from "./fact_types.ts";
import type { Facts } from "./facts.ts";
import { isShared, lower, matches } from "./filters.ts";
import { violation } from "./violation.ts";

/** Looks for messages that somebody has not got. */
export function delivered(facts: Facts): Violation[] {
  const found: Violation[] = [];
  const lasting = [...facts.subscriptions.values()].filter((each) =>
    each.ended > facts.end && each.granted < facts.end && isLast(facts, each)
  );
  const handedOn = [...facts.subscriptions.values()].flatMap((each) => {
    const heir = each.granted < facts.end ? heirOf(facts, each, lasting) : undefined;
    return heir === undefined ? [] : [[each, heir] as const];
  });
  for (const subscription of lasting) {
    const { client, filters } = subscription;
    if (!facts.clients.get(client)!.isThere || facts.isForeign(client, facts.end)) continue;
    const missing = filters.find(({ topicFilter }) => !isThereNow(facts, client, topicFilter));
    if (missing !== undefined) found.push(notAgain(facts, subscription, missing.topicFilter));
  }
  for (const message of facts.messages.values()) {
    const since = acceptedSince(facts, message);
    if (since === undefined) continue;
    for (const subscription of lasting) {
      if (!mustReach(facts, message, since, subscription, subscription)) continue;
      const { id } = subscription;
      if (message.handed.some(({ event }) => event.subscription === id)) continue;
      found.push(say(facts, message, subscription));
    }
    for (const [subscription, heir] of handedOn) {
      if (!mustReach(facts, message, since, subscription, heir)) continue;
      const { client } = subscription;
      if (
        message.handed.some(({ event }) => facts.process(event.process).event.name === client)
      ) continue;
      found.push(say(facts, message, subscription));
    }
  }
  return found;
}

/** Since when a message that the broker has accepted was there; `undefined` for all others. */
export function acceptedSince(
  facts: Facts,
  message: MessageFacts,
): number | undefined {
  const { published: { qos }, isWill, called, outcomes, routed, process } = message;
  if (called > facts.end || qos === 0 || mayExpire(facts, message)) return undefined;
  if (isWill) {
    const [first] = routed;
    if (first === undefined || first > facts.end || facts.isSoonKilled(first)) return undefined;
    return first;
  }
  if (facts.process(process).hasForeignSession === true) return undefined;
  if (routed.length === 0 && facts.mayBeConfused(message)) return undefined;
  // What is on its way when all has drained comes to nobody.
  const isAccepted = outcomes.some(({ index, reasonCode }) =>
    reasonCode !== undefined && index < facts.end
  );
  return isAccepted ? called : undefined;
}

/** Whether a message may have expired before all has drained. */
function mayExpire(
  facts: Facts,
  { published: { expiry }, client, called }: MessageFacts,
): boolean {
  if (expiry === undefined) return false;
  if (facts.isBrokerDisturbed || facts.isDisturbed(client)) return true;
  return facts.at(called) + expiry * 1000 <= facts.at(facts.end) + facts.slack;
}

/**
 * Whether a message must reach a subscription, be it through another one of a later process, its
 * heir.
 */
function mustReach(
  facts: Facts,
  { published: { topic, qos }, client, droppedFor }: MessageFacts,
  since: number,
  subscription: SubscriptionFacts,
  heir: SubscriptionFacts,
): boolean {
  const { client: subscriber } = subscription;
  if (subscription.granted > since || !facts.isThere(subscriber, since)) return false;
  if (droppedFor.has(subscriber)) return false;
  if (facts.process(heir.process).hasForeignSession === true) return false;
  return subscription.filters.some((filter) => {
    const { topicFilter } = filter;
    if (isShared(topicFilter) || !matches(topicFilter, topic) || lower(qos, filter) === 0) {
      return false;
    }
    if (client === subscriber && isNotLocal(facts, client, topicFilter)) return false;
    return isInForce(facts, subscription, topicFilter, since);
  });
}

/** Whether any handle has asked for a Topic Filter with No Local: the broker has it but once. */
function isNotLocal({ subscriptions }: Facts, client: string, topicFilter: string): boolean {
  return subscriptions.values().some((each) =>
    each.client === client &&
    each.filters.some((filter) => filter.topicFilter === topicFilter && filter.noLocal)
  );
}

/**
 * Whether the broker has a Topic Filter at a moment: it has granted it in the session that there
 * is, and that is stored, or was told to the client.
 */
export function isInForce(
  facts: Facts,
  { client, granted }: SubscriptionFacts,
  topicFilter: string,
  moment: number,
): boolean {
  const { losses, granted: grants } = facts.clients.get(client)!;
  const told = losses.findLast((index) => index < moment) ?? -1;
  // The CONNACK that would have told of the loss may have been lost itself.
  const loss = Math.max(told, facts.forgottenBefore(moment));
  const isOf = (each: { readonly topicFilter: string }) => each.topicFilter === topicFilter;
  // What an earlier process was granted is taken over from its store.
  const heard = grants.findLast((each) => isOf(each) && each.index < granted);
  if (granted < moment && heard !== undefined && heard.index > loss) return true;
  return grants.some((each) =>
    isOf(each) && each.index > loss && each.index < moment && !facts.isSoonKilled(each.index)
  );
}

function notAgain(facts: Facts, { id, client }: SubscriptionFacts, topicFilter: string): Violation {
  const what = `Subscription ${id} of ${client} is not there in its session: ${topicFilter}`;
  return violation(facts, "delivered", facts.end, [id], what);
}

/** Whether the broker has granted a Topic Filter since it lost a session of the client last. */
function isThereNow(facts: Facts, client: string, topicFilter: string): boolean {
  const { losses, granted } = facts.clients.get(client)!;
  const loss = Math.max(losses.at(-1) ?? -1, facts.forgottenBefore(facts.end));
  return granted.some((each) => each.topicFilter === topicFilter && each.index > loss);
}

/** Whether no later process of the client may have asked for something else. */
export function isLast(facts: Facts, { client, process }: SubscriptionFacts): boolean {
  return facts.clients.get(client)!.processes.at(-1)!.number === process;
}

/** The subscription that a process with the same store has in place of one that was killed. */
function heirOf(
  facts: Facts,
  { client, process, filters, ended }: SubscriptionFacts,
  lasting: readonly SubscriptionFacts[],
): SubscriptionFacts | undefined {
  const { processes } = facts.clients.get(client)!;
  const [before, last] = processes.slice(-2);
  if (before?.number !== process || last?.event.store !== "kept") return undefined;
  if (ended !== before.killed || before.killed > last.started) return undefined;
  return lasting.find((other) =>
    other.process === last.number && filters.length === other.filters.length &&
    filters.every((filter, place) =>
      filter.topicFilter === other.filters[place]!.topicFilter &&
      filter.qos === other.filters[place]!.qos
    )
  );
}

function say(facts: Facts, { published }: MessageFacts, { id, client }: SubscriptionFacts) {
  const { id: message, topic, qos } = published;
  return violation(
    facts,
    "delivered",
    facts.end,
    [message, id],
    `Message ${message} of QoS ${qos} to ${topic} was accepted, and has not reached ` +
      `subscription ${id} of ${client}`,
  );
}
