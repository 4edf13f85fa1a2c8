// §3.1.2.4, §3.1.2.11.2, §3.2.2.1.1 Session Present is true exactly when the broker has the session
// of the client: it has not expired, was not begun anew, and the broker has not lost it.

import type { Violation } from "../history.ts";
import type { ConnectionFacts } from "./fact_types.ts";
import type { Facts } from "./facts.ts";
import { expiryOfDisconnect, lifetimeOf, restartAfter } from "./lifetimes.ts";
import { violation } from "./violation.ts";

/** Looks for sessions that are there and should not be, and the other way round. */
export function sessions(facts: Facts): Violation[] {
  const found: Violation[] = [];
  for (const clientId of new Set(facts.connections.map((each) => each.clientId))) {
    const connections = facts.acceptedOf(clientId);
    for (const [place, connection] of connections.entries()) {
      const { sessionPresent, accepted, connack, connect } = connection;
      if (sessionPresent === undefined || connect === undefined) continue;
      const before = connections[place - 1];
      const isThere = connect.cleanStart ? false : hasSession(facts, before, accepted);
      if (isThere === undefined || isThere === sessionPresent) continue;
      const what = sessionPresent
        ? "has a session that has ended"
        : "has not got the session that it left";
      const { link } = connection;
      found.push(violation(facts, "sessions", connack, [link], `${clientId} ${what}`));
    }
  }
  return found;
}

/** Whether the session of a connection is there at a later moment; `undefined` if that is open. */
function hasSession(
  facts: Facts,
  before: ConnectionFacts | undefined,
  moment: number,
): boolean | undefined {
  if (before === undefined) return false;
  const { accepted, ended, isKilled, connack } = before;
  if (facts.hasForgotten(accepted, moment)) return false;
  const lifetime = lifetimeOf(facts, before);
  if (lifetime === undefined || facts.isBrokerDisturbed) return undefined;
  if (facts.wasFailing(accepted - 1, moment)) return undefined;
  // What it has replaced may be on disk, as long as nobody was told.
  if (connack === Infinity && facts.hasCrashed(accepted - 1, moment)) return undefined;
  // That a DISCONNECT has ended it may not be on disk, since nobody is told.
  if (expiryOfDisconnect(before) !== undefined && facts.isSoonKilled(ended)) return undefined;
  // A Will keeps even a session that ends with its connection on disk, until the Will is published.
  if (lifetime === 0) return false;
  const left = isKilled ? restartAfter(facts, ended) : ended;
  if (left === undefined || !isKilled && facts.isSoonKilled(ended)) return undefined;
  const age = facts.at(moment) - facts.at(left);
  if (Math.abs(age - lifetime) <= facts.brokerSlack) return undefined;
  return age < lifetime;
}
