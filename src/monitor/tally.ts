// Which normative statements have been seen at work: a rule counts when its condition applied and
// what was sent has been judged by it, not merely because it exists.

import type { Packet } from "../packets/mod.ts";

/** What is true of every packet that could be decoded, by its kind. */
const FORMAT: { readonly [Type in Packet["type"]]: readonly string[] } = {
  connect: ["3.1.2-1", "3.1.3-1", "3.1.3-3", "3.1.3-4", "2.1.3-1", "1.5.4-1", "1.5.4-2", "1.5.5-1"],
  connack: ["3.2.2-1", "3.2.2-8", "2.1.3-1", "1.5.5-1"],
  publish: [
    "3.3.2-1",
    "3.3.2-2",
    "3.3.1-4",
    "4.7.0-1",
    "4.7.3-2",
    "4.7.3-3",
    "1.5.4-1",
    "1.5.4-2",
    "1.5.5-1",
  ],
  puback: ["3.4.2-1", "2.1.3-1"],
  pubrec: ["3.5.2-1", "2.1.3-1"],
  pubrel: ["3.6.1-1", "3.6.2-1", "2.1.3-1"],
  pubcomp: ["3.7.2-1", "2.1.3-1"],
  subscribe: [
    "3.8.1-1",
    "3.8.3-1",
    "3.8.3-2",
    "3.8.3-5",
    "4.7.3-1",
    "4.7.3-2",
    "4.7.3-3",
    "2.1.3-1",
    "1.5.4-1",
    "1.5.4-2",
  ],
  suback: ["3.9.3-2", "2.1.3-1"],
  unsubscribe: ["3.10.1-1", "3.10.3-1", "3.10.3-2", "4.7.3-1", "4.7.3-2", "4.7.3-3", "2.1.3-1"],
  unsuback: ["3.11.3-2", "2.1.3-1"],
  pingreq: ["2.1.3-1"],
  pingresp: ["2.1.3-1"],
  disconnect: ["3.14.1-1", "3.14.2-1", "2.1.3-1"],
  auth: ["3.15.1-1", "3.15.2-1", "2.1.3-1"],
};

/** Statements that say the same as another, or follow from it: who judges one has judged these. */
const SAME: Readonly<Record<string, readonly string[]>> = {
  "MQTT-3.1.2-5": ["MQTT-3.1.3-2"],
  "MQTT-3.1.2-21": ["MQTT-3.2.2-21"],
  "MQTT-3.1.3-7": ["MQTT-3.2.2-16", "MQTT-3.1.3-6"],
  "MQTT-3.2.2-2": ["MQTT-3.1.2-4", "MQTT-3.1.4-4"],
  "MQTT-3.2.2-7": ["MQTT-4.13.2-1"],
  "MQTT-3.3.1-2": ["MQTT-4.3.1-1", "MQTT-2.2.1-2"],
  "MQTT-3.3.2-9": ["MQTT-3.2.2-17"],
  "MQTT-3.3.2-11": ["MQTT-3.1.2-26"],
  "MQTT-3.3.4-7": ["MQTT-4.9.0-1", "MQTT-4.9.0-2"],
  "MQTT-3.3.4-8": ["MQTT-4.9.0-3"],
  "MQTT-3.3.4-9": ["MQTT-4.9.0-1", "MQTT-4.9.0-2"],
  "MQTT-3.3.4-10": ["MQTT-4.9.0-3"],
  "MQTT-3.8.4-2": ["MQTT-2.2.1-6", "MQTT-3.8.4-1"],
  "MQTT-3.8.4-6": ["MQTT-3.8.4-5", "MQTT-3.9.3-1"],
  "MQTT-3.10.4-5": ["MQTT-2.2.1-6", "MQTT-3.10.4-4"],
  "MQTT-3.11.3-1": ["MQTT-3.10.4-6"],
  "MQTT-4.3.2-2": ["MQTT-4.3.2-1"],
  "MQTT-4.3.3-2": ["MQTT-4.3.3-1"],
  "MQTT-4.3.2-4": ["MQTT-2.2.1-5", "MQTT-3.3.4-1", "MQTT-4.3.2-3"],
  "MQTT-4.3.3-4": ["MQTT-2.2.1-5"],
  "MQTT-4.3.3-8": ["MQTT-2.2.1-5", "MQTT-3.3.4-1", "MQTT-4.3.3-3"],
  "MQTT-4.3.3-11": ["MQTT-2.2.1-5", "MQTT-4.3.3-5"],
};

/** Counts how often each statement was judged; one for as many links as you like. */
export class Tally {
  readonly #counts = new Map<string, { times: number }>();
  readonly #packets = new Map<Packet["type"], { times: number }>();

  /** Counts one more time. */
  count(statement: string): void {
    increment(this.#counts, statement);
  }

  /** Counts a packet that could be decoded, and so obeys what the standard says of its format. */
  countPacket(type: Packet["type"]): void {
    increment(this.#packets, type);
  }

  /** How often each statement was judged, such as `"MQTT-3.3.4-9"`, by statement. */
  get exercised(): ReadonlyMap<string, number> {
    const all = new Map<string, number>();
    const add = (statement: string, times: number) =>
      all.set(statement, (all.get(statement) ?? 0) + times);
    for (const [statement, { times }] of this.#counts) {
      add(statement, times);
      for (const other of SAME[statement] ?? []) add(other, times);
    }
    for (const [type, { times }] of this.#packets) {
      for (const statement of FORMAT[type]) add(`MQTT-${statement}`, times);
    }
    return all;
  }
}

function increment<Key>(counts: Map<Key, { times: number }>, key: Key): void {
  const count = counts.get(key);
  if (count === undefined) counts.set(key, { times: 1 });
  else count.times++;
}
