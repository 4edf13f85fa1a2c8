// §4.3 Quality of Service levels.

import { checkInteger } from "../wire/checks.ts";
import { type Bits, putBits } from "../wire/field.ts";

/** How hard sender and receiver try: 0 at most once, 1 at least once, 2 exactly once (§4.3). */
export type QoS = 0 | 1 | 2;

/** What the two bits of a QoS mean. */
export function qosMeans(qos: number): string {
  return ["at most once", "at least once", "exactly once"][qos] ?? "must not be used";
}

/** The bits of a QoS, 0 to 2. */
export function qosBits(bits: Bits, qos: QoS): number {
  checkInteger(bits, qos, 0, 2);
  return putBits(qos, bits);
}
