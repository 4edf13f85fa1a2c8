// What a publisher is told is true: what was accepted the broker has taken, what was not sent
// reaches nobody, and no outcome is another one later.

import { ReasonCode } from "../../../src/packets/mod.ts";
import type { Violation } from "../history.ts";
import type { MessageFacts } from "./fact_types.ts";
import type { Facts } from "./facts.ts";
import { isShared, matches } from "./filters.ts";
import { isInForce, isLast } from "./delivered.ts";
import { violation } from "./violation.ts";

/** Looks for outcomes that are not what happened. */
export function receipts(facts: Facts): Violation[] {
  const found: Violation[] = [];
  for (const message of facts.messages.values()) {
    // Of two without payload nobody can tell for certain which the broker has taken.
    if (message.isWill || message.published.isEmpty === true) continue;
    const { published: { id, topic, qos }, outcomes, routed, stored } = message;
    // A server takes a message of QoS 2 for an old one where its Packet Identifier is in use.
    const isForeign = facts.isForeign(message.client, message.called) ||
      facts.mayBeConfused(message);
    const say = (index: number, what: string) =>
      found.push(violation(facts, "receipts", index, [id], `Message ${id} to ${topic} ${what}`));
    for (const { index, reasonCode, error } of outcomes) {
      if (reasonCode !== undefined) {
        if (qos > 0 && !isForeign && !routed.some((moment) => moment < index)) {
          say(index, "is told to be accepted, and the broker has not taken it");
        }
        if (
          reasonCode === ReasonCode.noMatchingSubscribers && !isForeign &&
          hasSubscriber(facts, message, index)
        ) {
          say(index, "is told to have no subscriber, and has one");
        }
      } else if (error !== undefined && isUnsent(facts, message, index) && routed.length > 0) {
        say(routed[0]!, `is told not to have been sent (${error.name}), and the broker takes it`);
      }
    }
    if (!areAlike(message)) say(outcomes.at(-1)!.index, "has two outcomes");
    if (isForgotten(facts, message)) say(stored, "was stored, and the broker never takes it");
  }
  return found;
}

/** Whether the publisher was told that nothing of a message was sent, or that it was refused. */
function isUnsent(facts: Facts, message: MessageFacts, index: number): boolean {
  const { name, kind, reasonCode } = message.outcomes.find((each) => each.index === index)!.error!;
  switch (name) {
    case "StoreError":
      // What is on disk all the same is withdrawn, unless the process dies before.
      return message.routed.every((moment) => moment < facts.process(message.process).killed);
    case "TypeError":
    case "RangeError":
    case "PacketTooLargeError":
      return true;
    case "NotSentError":
      // One that was sent again in a new session may have been sent in the old one.
      return kind !== "queue full" && facts.keepsSession(message.client, message.called, index);
    case "RefusedError":
      // What could not be stored may have reached sessions that need not be.
      return reasonCode !== undefined && reasonCode !== ReasonCode.quotaExceeded;
    default:
      return false;
  }
}

/** Whether somebody had subscribed before a message was published, until it was answered. */
function hasSubscriber(
  facts: Facts,
  { published: { topic }, called, client }: MessageFacts,
  index: number,
) {
  for (const subscription of facts.subscriptions.values()) {
    const { granted, ended, client: subscriber } = subscription;
    if (granted > called || ended < index || subscriber === client) continue;
    const { breaks } = facts.clients.get(subscriber)!;
    // Its session may have ended, and begun again, where its connection was lost.
    if (breaks.some((moment) => moment > granted && moment < index)) continue;
    if (!isLast(facts, subscription) || facts.hasCrashed(called, index)) continue;
    // The broker may know earlier than the subscriber that the connection has ended.
    const left = facts.connections.filter(({ clientId }) => clientId === subscriber);
    if (left.some((each) => each.ended > granted && each.ended < index)) continue;
    const { filters } = subscription;
    const isOne = filters.some(({ topicFilter }) =>
      !isShared(topicFilter) && matches(topicFilter, topic) &&
      isInForce(facts, subscription, topicFilter, called)
    );
    if (isOne) return true;
  }
  return false;
}

/** Whether all that was told of a message, in this process and later ones, is the same. */
function areAlike({ outcomes }: MessageFacts): boolean {
  const told = outcomes.filter(({ error }) => error?.name !== "ConnectionClosedError");
  return new Set(told.map(({ reasonCode, error }) => reasonCode ?? error?.name)).size < 2;
}

/** A message that was stored, and its client is there in the end, has gone all the same. */
function isForgotten(
  facts: Facts,
  message: MessageFacts,
): boolean {
  const { stored, called, outcomes, routed, client } = message;
  if (!facts.hasDrained || facts.mayBeConfused(message)) return false;
  if (stored === Infinity || routed.length > 0 || facts.isForeign(client, stored)) return false;
  if (outcomes.some(({ error }) => error !== undefined && error.name !== "ConnectionClosedError")) {
    return false;
  }
  // What was about to be sent in a session that is lost nobody can know.
  if (!facts.keepsSession(client, called, facts.end)) return false;
  const { processes, isThere } = facts.clients.get(client)!;
  const since = processes.filter(({ started }) => started > stored);
  return isThere && since.every(({ event }) => event.store === "kept");
}
