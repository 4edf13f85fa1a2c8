// §4.4 Message delivery retry and §4.6 Message ordering: a PUBLISH whose Packet Identifier is in
// use is the same message, sent again as the standard wants it, or it is wrong.

import type { PublishPacket } from "../packets/mod.ts";
import type { Judge, Side } from "./findings.ts";
import type { Flight } from "./flights.ts";
import type { Limits } from "./limits.ts";

/** A Packet Identifier of a new message is not in use. */
export const IDENTIFIER = { client: "MQTT-2.2.1-3", server: "MQTT-2.2.1-4" } as const;

/** A Topic Alias adds so many bytes to a PUBLISH that had none, and takes them from one. */
const ALIAS = 4;

/** What is sent again by one end on one link. */
export class Redelivery {
  readonly #from: Side;
  readonly #judge: Judge;
  readonly #link: object;
  /** The places of what was sent again, by topic and QoS where the sender is the Server. */
  readonly #last = new Map<number, number>();
  /** What the receiver takes; `undefined` as long as the sender may not know it. */
  limits: Limits | undefined;

  /** That of `from`, on `link`. */
  constructor(from: Side, judge: Judge, link: object) {
    this.#from = from;
    this.#judge = judge;
    this.#link = link;
  }

  /** Whether a PUBLISH whose identifier is in use is that message, sent again. */
  isAgain({ packetId, qos, dup }: PublishPacket, flight: Flight, print: number): boolean {
    const judge = this.#judge;
    const isKnown = print !== 0 && flight.print !== 0;
    const isSame = flight.qos === qos && (!isKnown || flight.print === print);
    const isHere = flight.publishedOn === this.#link;
    if (!dup) return this.#isAgainWithoutDup(packetId, flight, isSame && isKnown && !isHere);
    if (isHere) {
      judge.accuse("MQTT-4.4.0-1", `sends PUBLISH ${packetId} again on the same connection`);
      return isSame;
    }
    if (!isSame && this.mayBeGone(flight)) return false;
    const isUnreleased = judge.holds(
      "MQTT-4.3.3-6",
      flight.phase !== "released",
      () => `sends PUBLISH ${packetId} again after its PUBREL`,
    );
    if (!isUnreleased) return isSame;
    const isKept = judge.holds(
      "MQTT-4.4.0-1",
      isSame,
      () =>
        `sends PUBLISH ${packetId} with DUP, but it is not the message that was sent before ` +
        "with this Packet Identifier",
    );
    if (!isKept) return false;
    judge.count("MQTT-3.3.1-1");
    this.#judgeOrder(packetId, flight);
    return true;
  }

  #isAgainWithoutDup(packetId: number, flight: Flight, isSame: boolean): boolean {
    if (isSame && flight.phase !== "released") {
      const message = `sends PUBLISH ${packetId} again on a new connection without DUP`;
      this.#judge.accuse("MQTT-3.3.1-1", message);
      return true;
    }
    if (!this.mayBeGone(flight)) {
      const message = `sends a new PUBLISH with Packet Identifier ${packetId}, ` +
        `which is in use for a PUBLISH of QoS ${flight.qos} that is ${flight.phase}`;
      this.#judge.accuse(IDENTIFIER[this.#from], message);
    }
    return false;
  }

  /** What is sent again goes in the order in which it was sent first. */
  #judgeOrder(packetId: number, flight: Flight): void {
    if (!flight.isOrderKnown) return;
    // [MQTT-4.6.0-1] binds Clients; of a Server order is by topic and QoS.
    const isClient = this.#from === "client";
    const key = isClient ? 0 : flight.topic * 3 + flight.qos;
    const last = this.#last.get(key);
    this.#last.set(key, Math.max(last ?? 0, flight.order));
    if (last === undefined) return;
    this.#judge.holds(
      isClient ? "MQTT-4.6.0-1" : "MQTT-4.6.0-5",
      last < flight.order,
      () => `sends PUBLISH ${packetId} again after one that was first sent later`,
    );
  }

  /** Whether the sender may have given a message up since: this receiver would not take it. */
  mayBeGone({ publishedOn, size, qos, retain }: Flight): boolean {
    if (publishedOn === this.#link || this.limits === undefined) return false;
    const { maximumPacketSize, maximumQoS, retainAvailable } = this.limits;
    return size + ALIAS > maximumPacketSize || qos > maximumQoS || retain && !retainAvailable;
  }
}
