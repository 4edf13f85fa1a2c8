// §3.1.2.5, §3.1.3.2.2 A Will is published exactly when the standard says: when its connection has
// ended in any way but DISCONNECT with 0x00, after the Will Delay Interval or with the session,
// whichever comes first, and not when the client has come back before that [MQTT-3.1.3-9].

import type { Violation } from "../history.ts";
import type { ConnectionFacts } from "./fact_types.ts";
import type { Facts } from "./facts.ts";
import { lifetimeOf, restartAfter } from "./lifetimes.ts";
import { violation } from "./violation.ts";

/** When a Will may be published, in milliseconds of the world. */
interface Window {
  readonly from: number;
  readonly to: number;
  /** Whether it must be. */
  readonly isDue: boolean;
  readonly connection: ConnectionFacts;
}

/** Looks for Wills that were published when they should not be, and for those that were not. */
export function wills(facts: Facts): Violation[] {
  const windows = new Map<number, Window[]>();
  for (const clientId of new Set(facts.connections.map((each) => each.clientId))) {
    const connections = facts.acceptedOf(clientId);
    for (const [place, connection] of connections.entries()) {
      const id = connection.connect?.will?.id;
      if (id === undefined) continue;
      const all = windows.get(id) ?? [];
      windows.set(id, [...all, ...windowsOf(facts, connection, connections[place + 1])]);
    }
  }
  return [...windows].flatMap(([id, all]) => match(facts, id, all));
}

/** Each Will that is published must have a window, and each window where it must be a Will. */
function match(facts: Facts, id: number, windows: readonly Window[]): Violation[] {
  const found: Violation[] = [];
  const { brokerSlack: slack } = facts;
  const routed = facts.messages.get(id)?.routed ?? [];
  const left = [...routed];
  const ordered = windows.toSorted((one, other) =>
    Number(other.isDue) - Number(one.isDue) || one.to - other.to
  );
  for (const { from, to, isDue, connection } of ordered) {
    const place = left.findIndex((index) => {
      const at = facts.at(index);
      return index > connection.accepted && at >= from - slack && at <= to + slack;
    });
    if (place >= 0) left.splice(place, 1);
    else if (isDue) {
      const { clientId, ended } = connection;
      const when = `between ${Math.round(from)} and ${Math.round(to)} ms`;
      found.push(say(facts, ended, id, `of ${clientId} was not published ${when}`));
    }
  }
  // What was published when the broker was killed may not be on disk, so that the next broker does
  // it again, once for each time.
  let again = routed.filter((index) => !left.includes(index) && facts.isSoonKilled(index));
  for (const index of left) {
    const [lost] = again;
    if (lost === undefined || lost > index) {
      found.push(say(facts, index, id, "was published without a reason"));
      continue;
    }
    again = again.slice(1);
    if (facts.isSoonKilled(index)) again.push(index);
  }
  return found;
}

function windowsOf(
  facts: Facts,
  connection: ConnectionFacts,
  next: ConnectionFacts | undefined,
): Window[] {
  const { ended, isKilled, disconnect, connect, connack } = connection;
  if (ended === Infinity) return [];
  const packet = disconnect?.event.packet;
  const isNormal = packet?.type === "disconnect" && packet.reasonCode === 0;
  // That the Will has been taken back may not be on disk, since nobody was told.
  const wasFailing = facts.wasFailing(connection.accepted - 1, Infinity);
  const isUncertain = facts.isSoonKilled(ended) || wasFailing;
  if (isNormal && !isKilled && !isUncertain) return [];
  const anyTime: Window = { from: facts.at(ended), to: Infinity, isDue: false, connection };
  if (isNormal && isUncertain) return [anyTime];
  const lifetime = lifetimeOf(facts, connection);
  if (isKilled) {
    if (facts.hasForgotten(ended - 1, Infinity)) {
      const start = restartAfter(facts, ended);
      if (start === undefined || facts.hasForgotten(ended - 1, start)) return [];
    }
    // What the client has not heard of yet may not be on disk.
    if (connack > ended || isNormal) return [anyTime, anyTime];
  }
  const left = isKilled ? restartAfter(facts, ended) : ended;
  if (left === undefined || lifetime === undefined || facts.isBrokerDisturbed) {
    return [anyTime, anyTime];
  }
  const delay = 1000 * connect!.will!.delay;
  const from = facts.at(left);
  const due = from + Math.min(delay, lifetime);
  if (wasFailing) return [anyTime, anyTime];
  const isLost = facts.brokers.some(({ killed }) =>
    killed > left && facts.at(killed) <= due + SOON
  );
  const isOver = due + facts.brokerSlack >= facts.events.at(-1)!.at;
  if (isLost || isOver && due > from) return [anyTime];
  const atOnce: Window = { from, to: from, isDue: true, connection };
  if (due === from) return [atOnce];
  if (next !== undefined) {
    const back = facts.at(next.accepted);
    if (Math.abs(back - due) <= facts.brokerSlack) return [{ ...atOnce, to: due, isDue: false }];
    if (back < due) {
      if (next.connect === undefined) return [anyTime];
      return next.connect.cleanStart ? [{ ...atOnce, from: back, to: back }] : [];
    }
  }
  return [{ ...atOnce, from: due, to: due }];
}

/** So many milliseconds after it was published, a Will is published no more. */
const SOON = 1000;

function say(facts: Facts, index: number, id: number, what: string): Violation {
  return violation(facts, "wills", index, [id], `Will ${id} ${what}`);
}
