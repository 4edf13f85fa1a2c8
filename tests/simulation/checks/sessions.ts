// §3.1.2.4, §3.1.2.11.2, §3.2.2.1.1 Session Present is true exactly when the broker has the session
// of the client: it has not expired, was not begun anew, and the broker has not lost it.

import type { Violation } from "../history.ts";
import type { ConnectionFacts } from "./fact_types.ts";
import type { Facts } from "./facts.ts";
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

/** The Session Expiry Interval of a session that does not expire. */
const NEVER = 0xffff_ffff;

/**
 * How long a session lives after its connection, in milliseconds; `undefined` when that is not
 * certain.
 */
export function lifetimeOf(
  { history: { conditions } }: Facts,
  { connect, disconnect, isKilled }: ConnectionFacts,
): number | undefined {
  if (connect === undefined) return undefined;
  const packet = disconnect?.event.packet;
  let asked = connect.sessionExpiry;
  if (packet?.type === "disconnect" && packet.sessionExpiry !== undefined) {
    // The broker may have been killed before it could do as it was told.
    if (isKilled) return undefined;
    asked = packet.sessionExpiry;
  }
  return 1000 * Math.min(asked === NEVER ? Infinity : asked, conditions.sessionExpiryLimit);
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
  if (facts.brokers.some(({ isDiskFaulty }) => isDiskFaulty)) return undefined;
  const hasCrashed = facts.hasCrashed(accepted - 1, moment);
  // A Will keeps even a session that ends with its connection on disk, until the Will is published.
  if (lifetime === 0) return false;
  if (hasCrashed && connack === Infinity) return undefined;
  const left = isKilled ? restartAfter(facts, ended) : ended;
  if (left === undefined || !isKilled && facts.isSoonKilled(ended)) return undefined;
  const age = facts.at(moment) - facts.at(left);
  if (Math.abs(age - lifetime) <= facts.brokerSlack) return undefined;
  return age < lifetime;
}

/** When the broker was there again after it was killed. */
export function restartAfter({ brokers }: Facts, killed: number): number | undefined {
  return brokers.find(({ started }) => started > killed)?.started;
}
