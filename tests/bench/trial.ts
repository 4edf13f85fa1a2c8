// What the client benchmark has both clients do, and with what. `ours.ts` and `theirs.ts` hold the same work, each done in
// the fastest way that its client documents; `bare.ts` holds it for no client at all.

import type { Side } from "./harness.ts";

/** Work on a connection of its own, which disposing closes. */
export interface Trial extends Side, AsyncDisposable {}

/** A topic of 36 bytes. */
export const TOPIC = "home/kitchen/sensor/temperature/0000";

/** The topic of which the peer sends every message back. */
export const ECHO_TOPIC = "echo";

/** The payload of all messages. */
export const PAYLOAD: Uint8Array = new Uint8Array(64).fill(0x61);

/** Messages in flight at QoS 1 and 2, and the Receive Maximum of every client. */
export const IN_FLIGHT = 1_000;

/** Calls of `publish()` of which only the last is awaited. */
export const SLICE = 1_000;

/** Messages in one run at QoS 0. */
export const MANY = 50_000;

/** Messages in one run at QoS 1 and 2. */
export const FEWER = 20_000;

/** Seconds. Every client has it, for a Keep Alive costs a timer. */
export const KEEP_ALIVE = 60;

/** A topic filter for which the peer is the source of so many messages. */
export function sourceFilter(qos: number, count: number): string {
  return `source/${qos}/${count}/#`;
}

/** What a consumer does with a message: it looks at both its parts. */
export function look(topic: string, payload: Uint8Array): void {
  if (topic.length !== TOPIC.length || payload.length !== PAYLOAD.length) {
    throw new Error(`${payload.length} bytes of payload for ${topic}`);
  }
}
