// What survives a link of the messages that one end sends: §4.1 Session State, §4.3 QoS delivery.
//
//   PUBLISH ──▶ published ──PUBACK, or a PUBREC that refuses──▶ forgotten
//                   └──PUBREC──▶ received ──PUBREL──▶ released ──PUBCOMP──▶ forgotten
//
// A phase is what has passed the monitor, so at least what the sender knows: an acknowledgement
// that passed and was lost behind it leaves a sender that, rightly, sends its message again.

import type { QoS } from "../packets/mod.ts";

/** How far a message has come. */
export type Phase = "published" | "received" | "released";

/** A QoS 1 or 2 message that is not settled. */
export interface Flight {
  readonly qos: QoS;
  readonly retain: boolean;
  /** Bytes of its PUBLISH, with the whole topic at the most. */
  readonly size: number;
  /** Tells it from another message; 0 when its topic is not known. */
  readonly print: number;
  /** A hash of its topic, as order is by topic. */
  readonly topic: number;
  /** Its place among those of its sender. */
  readonly order: number;
  /** False when it may have been sent before it was first seen. */
  readonly isOrderKnown: boolean;
  phase: Phase;
  /** On which link its PUBLISH, and its PUBREL, passed last. */
  publishedOn: object | undefined;
  releasedOn: object | undefined;
}

/** The unsettled messages that one end of a session has sent. */
export class Flights {
  /** By Packet Identifier: at most 65,535. */
  readonly byId: Map<number, Flight> = new Map();
  /** Whether all of them have been seen, since the session began. */
  isComplete: boolean;
  /** How many messages have been given a place. */
  placed = 0;

  /** Those of a session that begins, or that had begun before anything of it was seen. */
  constructor(isComplete: boolean) {
    this.isComplete = isComplete;
  }
}

/** So many bytes of a payload tell messages apart; the length does the rest. */
const LOOKED_AT = 1024;

/** A number that is the same for the same topic. */
export function hashOf(topic: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < topic.length; index++) {
    hash = Math.imul(hash ^ topic.charCodeAt(index), 0x0100_0193);
  }
  return hash >>> 0;
}

/** A number that is the same for the same message, never 0. */
export function printOf(topic: number, payload: Uint8Array): number {
  let hash = Math.imul(topic ^ payload.length, 0x0100_0193);
  const end = Math.min(payload.length, LOOKED_AT);
  for (let index = 0; index < end; index++) {
    hash = Math.imul(hash ^ payload[index]!, 0x0100_0193);
  }
  return hash >>> 0 || 1;
}
