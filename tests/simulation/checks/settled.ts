// Every promise settles, once, and everything drains when the faults are over.

import type { HistoryEvent, Violation } from "../history.ts";
import type { Facts } from "./facts.ts";
import { violation } from "./violation.ts";

/** Looks for promises that were forgotten, and for what has not come to rest. */
export function settled(facts: Facts): Violation[] {
  const open = new Map<string, number>();
  const found: Violation[] = [];
  const last = facts.events.length;
  for (const [index, event] of facts.events.entries()) {
    const opens = opening(event);
    if (opens !== undefined) open.set(opens, index);
    const closes = closing(event);
    if (closes !== undefined) open.delete(closes);
    if (event.type === "pending") {
      const ids = event.id === undefined ? [] : [event.id];
      found.push(say(facts, index, ids, `A promise never settles: ${event.what}`));
    }
    if (event.type === "internal error") {
      found.push(say(facts, index, [], `An error inside: ${event.message}`));
    }
    if (event.type === "drained" && !event.isComplete) {
      found.push(say(facts, index, [], "Not everything has drained"));
    }
  }
  for (const [what, index] of open) {
    const event = facts.events[index]!;
    const process = "process" in event ? facts.process(event.process) : undefined;
    if (process === undefined || process.killed < last) continue;
    found.push(say(facts, last, [], `A promise never settles: ${what}`));
  }
  return found;
}

/** What an event begins, in words that are those of its end. */
function opening(event: HistoryEvent): string | undefined {
  switch (event.type) {
    case "publish called":
      return `${event.process}: publish ${event.message.id}`;
    case "subscribe called":
      return `${event.process}: subscribe ${event.subscription}`;
    case "request called":
      return `${event.process}: request ${event.id}`;
    case "disconnect called":
      return `${event.process}: disconnect`;
    default:
      return undefined;
  }
}

function closing(event: HistoryEvent): string | undefined {
  switch (event.type) {
    case "published":
    case "publish rejected":
    case "stored":
      return `${event.process}: publish ${event.id}`;
    case "subscribed":
    case "subscribe rejected":
      return `${event.process}: subscribe ${event.subscription}`;
    case "responded":
    case "request rejected":
      return `${event.process}: request ${event.id}`;
    case "disconnect resolved":
      return `${event.process}: disconnect`;
    default:
      return undefined;
  }
}

function say(facts: Facts, index: number, ids: readonly number[], message: string): Violation {
  return violation(facts, "settled", index, ids, message);
}
