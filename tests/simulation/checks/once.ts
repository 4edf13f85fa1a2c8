// §4.3 QoS 2 exactly once, QoS 0 at most once, and QoS 1 again only where there is a reason, and
// then with DUP [MQTT-3.3.1-1]: as long as the sessions live.

import type { Violation } from "../history.ts";
import type { Handing, MessageFacts } from "./fact_types.ts";
import { type Facts, hasBetween } from "./facts.ts";
import { isResponse, isShared, matches } from "./filters.ts";
import { mayHaveLapsed } from "./lifetimes.ts";
import { violation } from "./violation.ts";

/** Looks for messages that came more often than they may. */
export function once(facts: Facts): Violation[] {
  const found: Violation[] = [];
  for (const message of facts.messages.values()) {
    // Of two without payload nobody can tell for certain which the broker has taken.
    if (message.published.isEmpty === true) continue;
    if (!message.isWill) found.push(...takenTwice(facts, message));
    for (const handings of byHandle(message).values()) {
      found.push(...handedTwice(facts, message, handings));
    }
    found.push(...afterCommit(facts, message));
  }
  found.push(...lostCommits(facts), ...doubleCommits(facts));
  return found;
}

/** What an application has committed is there when all is over, as often as it was told so. */
function lostCommits(facts: Facts): Violation[] {
  const found: Violation[] = [];
  for (const [index, event] of facts.events.entries()) {
    if (event.type !== "committed") continue;
    const { name } = facts.process(event.process).event;
    const { processes } = facts.clients.get(name)!;
    // A disk that was replaced has forgotten all.
    const since = processes.findLast(({ event }) => event.store !== "kept")?.started ?? 0;
    for (const [id, { done }] of facts.messages) {
      const told = done.filter((each) =>
        each.event.by === "commit" && each.index > since &&
        facts.process(each.event.process).event.name === name
      ).length;
      const count = told === 0 ? 0 : event.ids.filter((other) => other === id).length;
      if (count < told) {
        found.push(say(facts, index, id, `was committed by ${name}, and is not there`));
      }
    }
  }
  return found;
}

/** A commit writes what the application does and the acknowledgement, both or none: never twice. */
function doubleCommits(facts: Facts): Violation[] {
  const found: Violation[] = [];
  for (const [index, event] of facts.events.entries()) {
    if (event.type !== "committed") continue;
    const { name } = facts.process(event.process).event;
    const counts = new Map<number, number>();
    for (const id of event.ids) counts.set(id, (counts.get(id) ?? 0) + 1);
    for (const [id, count] of counts) {
      const message = facts.messages.get(id);
      if (count === 1 || message === undefined || message.hasFailedCommit) continue;
      const handed = message.handed.filter((each) =>
        facts.process(each.event.process).event.name === name
      );
      // Each of several subscriptions commits it, and each comes again until all have.
      if (!hasOneHandle(facts, name, message.published.topic)) continue;
      if (handed.some((each) => each.event.qos !== 2)) continue;
      const deliveries = new Set(handed.map((each) => each.event.deliveryId));
      const most = Math.min(deliveries.size, mostCopies(facts, name, message, handed, index));
      if (count > most) {
        found.push(say(facts, index, id, `is committed ${count} times by ${name}`));
      }
    }
  }
  return found;
}

/** How many copies of a message a client may have got until a moment, if that can be told. */
function mostCopies(
  facts: Facts,
  name: string,
  message: MessageFacts,
  handed: readonly Handing[],
  index: number,
): number {
  const { called, routed } = message;
  const [first] = handed;
  const isKept = facts.keepsSession(name, called, index) && !facts.hasForgotten(called, index) &&
    !facts.wasFailing(called, index) && handed.every(({ event }) => !event.retain);
  if (first === undefined || !isKept) return Infinity;
  return Math.max(1, routed.length) * copiesFor(facts, message, first);
}

/** Whether no process of a client had several subscriptions for a topic. */
function hasOneHandle(facts: Facts, client: string, topic: string): boolean {
  return facts.clients.get(client)!.processes.every(({ number }) => {
    let count = 0;
    for (const { process, filters } of facts.subscriptions.values()) {
      if (process !== number) continue;
      if (filters.some(({ topicFilter }) => matches(topicFilter, topic))) count++;
    }
    return count < 2;
  });
}

/** The broker has taken a message twice. */
function takenTwice(facts: Facts, message: MessageFacts): Violation[] {
  const { published: { id, qos }, called, client, routed, outcomes, droppedFor } = message;
  const second = routed[1];
  if (second === undefined) return [];
  const what = `of QoS ${qos} is taken twice by the broker`;
  if (qos === 0) return [say(facts, second, id, what)];
  const { breaks } = facts.clients.get(client)!;
  const isBroken = hasBetween(breaks, called, second) || facts.hasCrashed(called, second);
  if (!isBroken) return [say(facts, second, id, `${what} although no connection was lost`)];
  if (qos < 2 || facts.hasCrashed(called, second)) return [];
  // One that was refused has a new chance, if nobody has heard of the refusal.
  if (droppedFor.size > 0 || outcomes.some(({ error }) => error !== undefined)) return [];
  const isKept = facts.keepsSession(client, called, second) &&
    !mayHaveLapsed(facts, client, called, second);
  return isKept ? [say(facts, second, id, what)] : [];
}

/** A subscription has got a message twice. */
function handedTwice(
  facts: Facts,
  message: MessageFacts,
  handings: readonly Handing[],
): Violation[] {
  if (handings.length === 1) return [];
  const { published: { id }, called, client, routed } = message;
  // A Will is published at the end of each connection.
  const times = message.isWill ? Math.max(1, routed.length) : 1;
  const most = times * copiesFor(facts, message, handings[0]!);
  const second = handings[most];
  if (second === undefined) return [];
  const { index, event: { qos, dup, process } } = second;
  const subscriber = facts.process(process).event.name;
  const isOneMessage = routed.length < 2;
  const what = `of QoS ${qos} is handed ${
    most + 1
  } times to subscription ${second.event.subscription}`;
  // Another copy may be of QoS 1, and come again.
  if (qos === 0) {
    return isOneMessage && deliveriesOf(handings) > most ? [say(facts, index, id, what)] : [];
  }
  if (qos === 2) {
    const isOne = isOneMessage ||
      !(facts.wasFailing(called, index) && facts.hasCrashed(called, index)) &&
        facts.keepsSession(client, called, index) && facts.keepsSession(subscriber, called, index);
    // Another copy may be of QoS 1, and come again.
    const exact = handings.filter(({ event }) => event.qos === 2 || !event.dup).length;
    return isOne && exact > most ? [say(facts, index, id, what)] : [];
  }
  if (!isOneMessage) return [];
  // Of a shared subscription it may come back when the sessions of others have ended.
  if (!facts.keepsSession(subscriber, called, index)) return [];
  const first = handings[0]!.index;
  const isNew = handings.filter(({ event }) => !event.dup).length > most;
  if (!dup && isNew && !facts.hasCrashed(called, index)) {
    return [say(facts, index, id, `${what}, the last time without DUP`)];
  }
  const { breaks } = facts.clients.get(subscriber)!;
  if (hasBetween(breaks, first, index) || hasBetween(breaks, called, first)) return [];
  return [say(facts, index, id, `${what} although no connection was lost`)];
}

/** How many copies there are: one of QoS 1 or 2 that comes again is the same. */
function deliveriesOf(handings: readonly Handing[]): number {
  const identified = handings.flatMap(({ event }) => event.deliveryId ?? []);
  return handings.length - identified.length + new Set(identified).size;
}

/** A message comes again although the application has committed it. */
function afterCommit(
  facts: Facts,
  { published: { id, topic }, called, done, handed }: MessageFacts,
) {
  const found: Violation[] = [];
  for (const { index, event: { by, process, subscription } } of done) {
    if (by !== "commit") continue;
    const { name } = facts.process(process).event;
    const handles = [...facts.subscriptions.values()].filter((each) =>
      each.process === process && each.filters.some((filter) => matches(filter.topicFilter, topic))
    );
    const committed = handed.findLast((each) =>
      each.index < index && each.event.subscription === subscription
    );
    if (handles.length !== 1 || committed === undefined) continue;
    const again = handed.find((each) =>
      each.index > index && each.event.qos === 2 && !each.event.retain &&
      each.event.deliveryId === committed.event.deliveryId &&
      facts.process(each.event.process).event.name === name &&
      facts.keepsSession(name, called, each.index)
    );
    if (again === undefined) continue;
    found.push(say(facts, again.index, id, `comes again to ${name}, which has committed it`));
  }
  return found;
}

/** How many copies of a message a subscription may get. */
function copiesFor(
  facts: Facts,
  { published: { topic } }: MessageFacts,
  { event: { process } }: Handing,
): number {
  const { name } = facts.process(process).event;
  const filters = new Set(facts.matching(name, topic).map(({ topicFilter }) => topicFilter));
  // That of requests is none of the application's own.
  if (isResponse(topic)) filters.add(topic);
  const shared = [...filters].filter(isShared).length;
  const { overlapping } = facts.history.conditions;
  const single = filters.size - shared;
  return Math.max(1, shared + (overlapping === "one copy" ? Math.min(single, 1) : single));
}

/** What was handed as new, not as retained, by subscription. */
function byHandle({ handed }: MessageFacts): Map<number, Handing[]> {
  const handles = new Map<number, Handing[]>();
  for (const handing of handed) {
    const { subscription, retain } = handing.event;
    if (subscription === undefined || retain) continue;
    const handings = handles.get(subscription);
    if (handings === undefined) handles.set(subscription, [handing]);
    else handings.push(handing);
  }
  return handles;
}

function say(facts: Facts, index: number, id: number, what: string): Violation {
  return violation(facts, "once", index, [id], `Message ${id} ${what}`);
}
