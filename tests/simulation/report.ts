// A run as lines for a person: what was planned, what happened, and what is wrong with it.

import type { Packet } from "../../src/packets/mod.ts";
import type { History, HistoryEvent, Violation } from "./history.ts";
import type { Plan, Step } from "./plan.ts";

/** The options of all, and the steps with their numbers. */
export function planLines(
  { seed, firstPacketId, network, broker, clients, steps }: Plan,
): string[] {
  return [
    `seed ${seed}, first Packet Identifier ${firstPacketId}`,
    `network ${compact(network)}`,
    `broker ${broker.hasDisk ? "with" : "without"} a file ${compact(broker.options)}`,
    ...clients.map(({ clientId, hasDisk, options }) =>
      `${clientId} ${hasDisk ? "with" : "without"} a store ${compact(options)}`
    ),
    ...steps.map((step, place) => `${String(place).padStart(4)}  ${stepLine(step)}`),
  ];
}

/** A step on one line. */
export function stepLine({ after, do: name, ...rest }: Step): string {
  const { client, ...others } = rest as { client?: number };
  const who = client === undefined ? "" : `c${client} `;
  const wait = after === 0 ? "" : `after ${after} ms `;
  const what = Object.keys(others).length === 0 ? "" : ` ${compact(others)}`;
  return `${wait}${who}${name}${what}`;
}

/** What happened, with the packets among it if there are lines of them. */
export function historyLines(
  { events }: History,
  packets: readonly { readonly at: number; readonly line: string; readonly after: number }[] = [],
): string[] {
  const lines: string[] = [];
  let next = 0;
  for (const [place, event] of events.entries()) {
    for (; next < packets.length && packets[next]!.after <= place; next++) {
      lines.push(`${timeOf(packets[next]!.at)}        ${packets[next]!.line}`);
    }
    lines.push(eventLine(event));
  }
  for (; next < packets.length; next++) {
    lines.push(`${timeOf(packets[next]!.at)}        ${packets[next]!.line}`);
  }
  return lines;
}

/** One event. */
export function eventLine({ at, type, ...rest }: HistoryEvent): string {
  const { process, ...others } = rest as { process?: number };
  const who = process === undefined ? "     " : `#${process}`.padEnd(5);
  const what = Object.entries(others)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) =>
      `${name} ${typeof value === "object" ? compact(value) : String(value)}`
    );
  return `${timeOf(at)}  ${who} ${type} ${what.join(", ")}`.trimEnd();
}

/** What is wrong. */
export function violationLine({ check, message, at }: Violation): string {
  return `${timeOf(at)}  ${check}: ${message}`;
}

function timeOf(at: number): string {
  return at.toFixed(3).padStart(12);
}

/** A value without what makes JSON hard to read. */
function compact(value: unknown): string {
  return JSON.stringify(value, shown)
    ?.replaceAll('"', "") ?? "";
}

/** A packet, with the beginning of its payload. */
export function packetLine(packet: Packet): string {
  const { type, properties = {}, payload, ...fields } = packet as PacketParts;
  const shown = {
    ...fields,
    ...payload !== undefined && { payload: decoder.decode(payload.subarray(0, SHOWN)) },
  };
  const more = Object.keys(properties).length > 0 ? ` ${compact(properties)}` : "";
  return `${type.toUpperCase()} ${compact(shown)}${more}`;
}

/** What most packets have, and what is not shown as it is. */
interface PacketParts {
  readonly type: string;
  readonly properties?: object;
  readonly payload?: Uint8Array;
}

/** How many bytes of a payload are shown. */
const SHOWN = 12;

const decoder = new TextDecoder();

/** Numbers without end, and bytes as text. */
function shown(_name: string, value: unknown): unknown {
  if (value === Infinity) return "Infinity";
  return value instanceof Uint8Array ? decoder.decode(value.subarray(0, SHOWN)) : value;
}
