// §4.9 Flow control: how many QoS 1 and 2 messages one end has sent that are not acknowledged.

import { type Judge, nameOf, peerOf, type Side } from "./findings.ts";
import type { Limits } from "./limits.ts";

/** The limit, and that nothing but PUBLISH is held back by it. */
const RULES = {
  client: { limit: "MQTT-3.3.4-7", others: "MQTT-3.3.4-8" },
  server: { limit: "MQTT-3.3.4-9", others: "MQTT-3.3.4-10" },
} as const;

/** What counts against the Receive Maximum of one end on one link. */
export class Quota {
  readonly #from: Side;
  readonly #judge: Judge;
  readonly #unacknowledged = new Set<number>();
  #isExceeded = false;
  /** What the receiver takes; `undefined` as long as the sender may not know it. */
  limits: Limits | undefined;

  /** That of what `from` sends. */
  constructor(from: Side, judge: Judge) {
    this.#from = from;
    this.#judge = judge;
  }

  /** A PUBLISH. */
  use(packetId: number): void {
    this.#unacknowledged.add(packetId);
    if (this.limits === undefined) return;
    const { receiveMaximum } = this.limits;
    const { size } = this.#unacknowledged;
    if (size < receiveMaximum) return;
    const isKept = this.#judge.holds(
      RULES[this.#from].limit,
      size <= receiveMaximum,
      () =>
        `sends PUBLISH ${packetId}, which makes ${size} that are not acknowledged; ` +
        `the Receive Maximum of ${nameOf(peerOf(this.#from))} is ${receiveMaximum}`,
    );
    if (!isKept) this.#isExceeded = true;
  }

  /** Its last acknowledgement. */
  free(packetId: number): void {
    this.#unacknowledged.delete(packetId);
  }

  /** Any packet of the sender but PUBLISH: it goes out although the quota is used up. */
  other(): void {
    if (this.limits !== undefined && this.#unacknowledged.size >= this.limits.receiveMaximum) {
      this.#judge.count(RULES[this.#from].others);
    }
  }

  /** The receiver ends the connection because of its Receive Maximum. */
  refused(): void {
    if (this.limits === undefined) return;
    this.#judge.allows(
      "4.9",
      this.#isExceeded,
      () => "ends the connection for its Receive Maximum, which has not been exceeded",
    );
  }
}
