// Nothing is held that nobody needs: when every client has gone and every session has ended, the
// broker's accounts are at zero; and its file has no message that has been delivered.

import type { Violation } from "../history.ts";
import type { Facts } from "./facts.ts";
import { violation } from "./violation.ts";

/** Looks for what the broker has kept without a reason. */
export function held(facts: Facts): Violation[] {
  const found: Violation[] = [];
  for (const [index, event] of facts.events.entries()) {
    if (event.type === "messages on disk" && event.count > 0 && isEverybodyThere(facts)) {
      const what = `The file of the broker has ${event.count} messages when all have theirs`;
      found.push(violation(facts, "held", index, [], what));
    }
    if (event.type !== "statistics") continue;
    const say = (what: string) => found.push(violation(facts, "held", index, [], what));
    const { clients, sessions, subscriptions, retained, memory } = event;
    if (clients !== 0) say(`The broker has ${clients} clients when all have gone`);
    if (clients !== 0 || sessions !== 0) continue;
    if (subscriptions !== 0) say(`The broker has ${subscriptions} subscriptions and no session`);
    if (retained === 0 && memory !== 0) say(`The broker holds ${memory} bytes for nobody`);
  }
  return found;
}

/** Whether no session can have messages that wait for its client. */
function isEverybodyThere({ clients }: Facts): boolean {
  return clients.values().every(({ connected, isThere }) => connected.length === 0 || isThere);
}
