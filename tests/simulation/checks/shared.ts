// §4.8.2 Shared Subscriptions: a message goes to one member of a group; at QoS 1 to another only
// when the session of that one has ended [MQTT-4.8.2-5].

import type { Violation } from "../history.ts";
import type { Handing, MessageFacts, SubscriptionFacts } from "./fact_types.ts";
import { type Facts, hasBetween } from "./facts.ts";
import { isResponse, isShared, matches } from "./filters.ts";
import { acceptedSince, isInForce, isLast } from "./delivered.ts";
import { violation } from "./violation.ts";

/** Looks for messages that went to several members of a group, or to none. */
export function shared(facts: Facts): Violation[] {
  const groups = groupsOf(facts);
  const found: Violation[] = [];
  for (const [group, members] of groups) {
    for (const message of facts.messages.values()) {
      if (!matches(group, message.published.topic)) continue;
      found.push(
        ...several(facts, group, members, message),
        ...none(facts, group, members, message),
      );
    }
  }
  return found;
}

/**
 * The handles of each group. Those of clients with other filters, too, are left out: by which of
 * them a message has come nobody can tell.
 */
function groupsOf(facts: Facts): Map<string, SubscriptionFacts[]> {
  const groups = new Map<string, SubscriptionFacts[]>();
  for (const subscription of facts.subscriptions.values()) {
    for (const { topicFilter } of subscription.filters) {
      if (!isShared(topicFilter)) continue;
      const members = groups.get(topicFilter);
      if (members === undefined) groups.set(topicFilter, [subscription]);
      else members.push(subscription);
    }
  }
  return groups;
}

function several(
  facts: Facts,
  group: string,
  members: readonly SubscriptionFacts[],
  message: MessageFacts,
): Violation[] {
  const { published: { id, topic }, routed, called } = message;
  if (routed.length > 1 || isResponse(topic)) return [];
  const first = new Map<string, Handing>();
  for (const handing of message.handed) {
    const handle = members.find((member) => member.id === handing.event.subscription);
    if (handle === undefined || hasOther(facts, handle.client, group, topic)) continue;
    if (!first.has(handle.client)) first.set(handle.client, handing);
  }
  const [one, other] = [...first.values()];
  if (one === undefined || other === undefined) return [];
  const [client, another] = [...first.keys()];
  const { qos } = other.event;
  // The one that lost its session may have it in its queue, and show it only then.
  const mayMove = [...first].some(([client, { event, index }]) =>
    event.qos === 1 && !isCertainlyThere(facts, client, called, Math.max(index, other.index))
  );
  if (mayMove) return [];
  return [violation(
    facts,
    "shared",
    other.index,
    [id],
    `Message ${id} of QoS ${qos} to ${topic} reaches two members of ${group}: ${client} and ` +
      another,
  )];
}

/** Whether the session in which a member was has ended, by no doing of the application. */
function isSurelyOver(
  facts: Facts,
  { process, client, granted, ended }: SubscriptionFacts,
  since: number,
): boolean {
  if (granted > since || ended !== facts.process(process).killed) return false;
  return facts.clients.get(client)!.losses.some((index) => index > ended && index < facts.end);
}

/** Whether the session of a client cannot have ended between two moments. */
function isCertainlyThere(facts: Facts, client: string, from: number, to: number): boolean {
  const { breaks } = facts.clients.get(client)!;
  // The broker may know earlier than the client.
  const ends = facts.connections.filter(({ clientId }) => clientId === client)
    .map(({ ended }) => ended);
  if (!hasBetween([...breaks, ...ends], from, to)) return true;
  const later = facts.events.findIndex((event, index) =>
    index > to && event.type === "connected" &&
    facts.process(event.process).event.name === client
  );
  return later >= 0 && facts.keepsSession(client, from, later + 1);
}

/** Whether a message of the topic may have come by another filter of the client. */
function hasOther(facts: Facts, client: string, group: string, topic: string): boolean {
  return facts.matching(client, topic).some(({ topicFilter }) => topicFilter !== group);
}

/** A message that no member has got, although all that ever were in the group are there. */
function none(
  facts: Facts,
  group: string,
  members: readonly SubscriptionFacts[],
  message: MessageFacts,
): Violation[] {
  const { published: { id, topic, qos }, droppedFor, handed } = message;
  const since = acceptedSince(facts, message);
  if (since === undefined || droppedFor.size > 0) return [];
  const isReady = (member: SubscriptionFacts) =>
    member.granted < since && member.ended > facts.end && isLast(facts, member) &&
    facts.isThere(member.client, since) && isInForce(facts, member, group, since) &&
    facts.process(member.process).hasForeignSession !== true &&
    member.filters.every((filter) => filter.qos > 0);
  const hasGone = (member: SubscriptionFacts) =>
    qos === 1 && !facts.hasCrashed(since, facts.end) && isSurelyOver(facts, member, since) &&
    member.filters.every((filter) => filter.qos > 0);
  // What another had may go to those who have come since, too.
  const hasCome = (member: SubscriptionFacts) =>
    member.granted > since && member.granted < facts.end && member.ended > facts.end &&
    isLast(facts, member) && facts.isThere(member.client, member.granted) &&
    member.filters.every((filter) => filter.qos > 0);
  const relevant = members.filter(({ called, ended }) => called < facts.end && ended > since);
  if (!relevant.some(isReady)) return [];
  if (!relevant.every((each) => isReady(each) || hasGone(each) || hasCome(each))) return [];
  const names = new Set(relevant.map(({ client }) => client));
  // One whose handle has ended may have the message on its way.
  const before = new Set(
    relevant.filter(({ granted }) => granted < since).map(({ client }) => client),
  );
  if (members.some(({ client, ended }) => ended <= since && !before.has(client))) return [];
  const isHanded = handed.some(({ event }) => names.has(facts.process(event.process).event.name));
  if (isHanded) return [];
  return [violation(
    facts,
    "shared",
    facts.end,
    [id],
    `Message ${id} of QoS ${qos} to ${topic} was accepted, and no member of ${group} has got it`,
  )];
}
