// §3.3.2.3.3 Message Expiry Interval: what has expired is not delivered, and what is left of the
// interval is counted down, for as long as a message has certainly waited [MQTT-3.3.2-5]
// [MQTT-3.3.2-6].

import type { Violation } from "../history.ts";
import type { MessageFacts } from "./fact_types.ts";
import { type Facts, hasBetween } from "./facts.ts";
import { violation } from "./violation.ts";

/** Looks for expired messages, and for intervals that were not counted down. */
export function expiry(facts: Facts): Violation[] {
  return [...facts.messages.values()].flatMap((message) =>
    message.published.expiry === undefined ? [] : [
      ...givenUpEarly(facts, message, message.published.expiry * 1000),
      ...sentLate(facts, message),
      ...deliveredLate(facts, message, message.published.expiry * 1000),
    ]
  );
}

/** A message that its client has given up as expired, before it was. */
function givenUpEarly(
  facts: Facts,
  { published: { id }, client, called, outcomes }: MessageFacts,
  lifetime: number,
): Violation[] {
  if (facts.isDisturbed(client)) return [];
  return outcomes.flatMap(({ index, error }) => {
    const after = facts.at(index) - facts.at(called);
    if (error?.kind !== "expired" || after >= lifetime - 1) return [];
    const what = `Message ${id} is told to have expired after ${seconds(after)}, not ` +
      seconds(lifetime);
    return [violation(facts, "expiry", index, [id], what)];
  });
}

/** A message that its client sent only when it had expired. */
function sentLate(facts: Facts, { published, isWill, client, called, routed }: MessageFacts) {
  const [first] = routed;
  const { id, expiry } = published;
  if (isWill || first === undefined || facts.isDisturbed(client)) return [];
  const { connected, breaks } = facts.clients.get(client)!;
  const start = connected.find((index) => index > called);
  if (start === undefined || start > first || isWithin(connected, breaks, called)) return [];
  // A process that began later may have found the message in its store, in flight already.
  if (hasBetween(breaks, called, start)) return [];
  const waited = facts.at(start) - facts.at(called);
  if (waited <= expiry! * 1000 + facts.brokerSlack) return [];
  return [violation(
    facts,
    "expiry",
    first,
    [id],
    `Message ${id}, which expires after ${expiry} s, is sent after ${seconds(waited)}`,
  )];
}

/** What a session that was not connected got of a message that waited for it. */
function deliveredLate(
  facts: Facts,
  { published: { id }, handed, routed }: MessageFacts,
  lifetime: number,
): Violation[] {
  const found: Violation[] = [];
  const [taken] = routed;
  if (taken === undefined || routed.length > 1 || facts.isBrokerDisturbed) return [];
  for (const { index, event } of handed) {
    const { name } = facts.process(event.process).event;
    const connections = facts.acceptedOf(name);
    // While a connection was open the message may have been on its way on it.
    if (connections.some(({ accepted, ended }) => accepted < taken && ended > taken)) continue;
    const start = connections.find(({ accepted }) => accepted > taken)?.accepted;
    if (start === undefined || start > index) continue;
    const waited = facts.at(start) - facts.at(taken);
    const say = (what: string) =>
      found.push(violation(
        facts,
        "expiry",
        index,
        [id],
        `Message ${id}, which expires after ${lifetime / 1000} s, waited ${seconds(waited)} ` +
          `for ${name}, ${what}`,
      ));
    const left = lifetime - waited;
    if (left < -facts.brokerSlack) say("and reaches it");
    else if (event.expiry === undefined) say("and has lost its Message Expiry Interval");
    // Rounded to whole seconds, once by each side.
    else if (event.expiry * 1000 > left + 2000 + facts.brokerSlack) {
      say(`and says that ${event.expiry} s are left`);
    }
  }
  return found;
}

/** Whether a client was connected at a moment. */
function isWithin(connected: readonly number[], breaks: readonly number[], moment: number) {
  const last = connected.findLast((index) => index < moment);
  return last !== undefined && !hasBetween(breaks, last, moment);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
