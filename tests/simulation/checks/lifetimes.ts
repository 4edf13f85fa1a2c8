// How long the broker keeps a session, as far as a history tells: from the end of its connection,
// for as long as CONNECT or DISCONNECT has asked for (§3.1.2.11.2).

import type { ConnectionFacts } from "./fact_types.ts";
import type { Facts } from "./facts.ts";

/** The Session Expiry Interval of a session that does not expire. */
const NEVER = 0xffff_ffff;

/**
 * How long a session lives after its connection, in milliseconds; `undefined` when that is not
 * certain.
 */
export function lifetimeOf(facts: Facts, connection: ConnectionFacts): number | undefined {
  const { connect, isKilled } = connection;
  if (connect === undefined) return undefined;
  const changed = expiryOfDisconnect(connection);
  // The broker may have been killed before it could do as it was told.
  if (changed !== undefined && isKilled) return undefined;
  return granted(facts, changed ?? connect.sessionExpiry);
}

/** The Session Expiry Interval of a connection's DISCONNECT, if it has one (§3.14.2.2.2). */
export function expiryOfDisconnect({ disconnect }: ConnectionFacts): number | undefined {
  const packet = disconnect?.event.packet;
  return packet?.type === "disconnect" ? packet.sessionExpiry : undefined;
}

/** When the broker was there again after it was killed. */
export function restartAfter({ brokers }: Facts, killed: number): number | undefined {
  return brokers.find(({ started }) => started > killed)?.started;
}

/**
 * Whether the broker may have let a session of a client expire between two moments without that
 * client ever hearing of it: its end was not stored when the broker was killed, so that the session
 * came back; or it began anew, and CONNACK did not arrive.
 */
export function mayHaveLapsed(facts: Facts, client: string, from: number, to: number): boolean {
  const connections = facts.acceptedOf(client);
  const { connected = [] } = facts.clients.get(client) ?? {};
  return connections.some((connection, place) => {
    const { ended, connect, isKilled } = connection;
    if (ended > to || connect === undefined) return false;
    const next = connections[place + 1];
    const back = next?.accepted ?? facts.end;
    if (back < from) return false;
    const asked = Math.min(expiryOfDisconnect(connection) ?? NEVER, connect.sessionExpiry);
    const due = facts.at(ended) + granted(facts, asked) - facts.brokerSlack;
    // CONNACK is seen where it is sent: whether it has come the client says.
    const isHeard = connected.some((index) =>
      index > back && index < (connections[place + 2]?.accepted ?? Infinity)
    );
    if (next !== undefined && !isHeard && facts.at(back) >= due) return true;
    return !isKilled &&
      facts.brokers.some(({ killed }) =>
        killed > ended && killed < back && killed > from && facts.at(killed) >= due
      );
  });
}

function granted({ history: { conditions } }: Facts, seconds: number): number {
  return 1000 * Math.min(seconds === NEVER ? Infinity : seconds, conditions.sessionExpiryLimit);
}
