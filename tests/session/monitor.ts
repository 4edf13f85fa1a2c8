// Watches the packets of a pair of connections as somebody who has nothing but the standard: who owes whom what, which
// identifiers are in use, how many messages are unacknowledged, in which order acknowledgements are due. It knows the code
// under test by its packets alone.

import { assert, assertStrictEquals } from "@std/assert";
import type { Packet, PublishPacket } from "../../src/packets/mod.ts";
import { otherSide, type Side } from "./pair.ts";

/** What one end has sent, and what has become of it. The session's part outlives the link. */
interface Sending {
  /** Packet Identifiers in use, with the topic of the message, and whether its PUBREC has come. */
  readonly inUse: Map<number, { readonly topic: string; isReleased: boolean }>;
  /** Of this link: messages that have arrived and whose last acknowledgement has not been sent. */
  readonly unacknowledged: Set<number>;
  /** Of this link: identifiers for which PUBACKs and PUBRECs are due, in order. */
  readonly pubacksDue: number[];
  readonly pubrecsDue: number[];
  /** Of this link: identifiers for which PUBRELs are due, in order. */
  readonly pubrelsDue: number[];
  /** Of this link: identifiers of what has been sent. */
  readonly sent: Set<number>;
}

/** Watches both ends over any number of links. */
export class Monitor {
  readonly #receiveMaximum: Readonly<Record<Side, number>>;
  #from: Record<Side, Sending> = { client: sending(), server: sending() };

  /** What each end has said that it takes. */
  constructor(receiveMaximum: Readonly<Record<Side, number>>) {
    this.#receiveMaximum = receiveMaximum;
  }

  /** A new link begins. Without the session nothing of it is known any more. */
  begin(sessionPresent: boolean): void {
    for (const side of ["client", "server"] as const) {
      this.#from[side] = sending(sessionPresent ? this.#from[side].inUse : undefined);
    }
  }

  /** A packet has been sent, or has arrived. */
  handle(what: "sent" | "arrived", from: Side, packet: Packet): void {
    const to = otherSide(from);
    switch (packet.type) {
      case "publish":
        if (packet.qos === 0) return;
        return what === "sent" ? this.#published(from, packet) : this.#delivered(from, packet);
      case "puback":
        if (what === "arrived") return this.#settled(to, packet.packetId);
        this.#unacknowledgedNoMore(to, packet.packetId);
        return inTurn("PUBACK", this.#from[to].pubacksDue, packet.packetId);
      case "pubrec":
        if (what === "arrived") return this.#received(to, packet.packetId);
        return inTurn("PUBREC", this.#from[to].pubrecsDue, packet.packetId);
      case "pubrel":
        if (what === "sent") this.#released(from, packet.packetId);
        return;
      case "pubcomp":
        if (what === "arrived") return this.#settled(to, packet.packetId);
        return this.#unacknowledgedNoMore(to, packet.packetId);
      default:
        return;
    }
  }

  #published(from: Side, { packetId, dup, topic }: PublishPacket): void {
    const { inUse, sent } = this.#from[from];
    const before = inUse.get(packetId);
    assert(topic !== "", "a message is sent without its topic");
    assert(!sent.has(packetId) || before === undefined, `${packetId} is sent twice on one link`);
    if (dup) {
      // [MQTT-4.4.0-1] [MQTT-4.3.3-6]
      assertStrictEquals(before?.topic, topic, `${packetId} is not what it was`);
      assertStrictEquals(before?.isReleased, false, `${packetId} is sent after its PUBREC`);
    } else {
      assertStrictEquals(before, undefined, `${packetId} is used while it is in flight`);
      inUse.set(packetId, { topic, isReleased: false });
    }
    sent.add(packetId);
  }

  #delivered(from: Side, { packetId, qos }: PublishPacket): void {
    const { unacknowledged, pubacksDue, pubrecsDue } = this.#from[from];
    (qos === 1 ? pubacksDue : pubrecsDue).push(packetId);
    unacknowledged.add(packetId);
    const most = this.#receiveMaximum[otherSide(from)];
    assert(unacknowledged.size <= most, `${unacknowledged.size} unacknowledged, ${most} allowed`);
  }

  #unacknowledgedNoMore(from: Side, packetId: number): void {
    this.#from[from].unacknowledged.delete(packetId);
  }

  #settled(from: Side, packetId: number): void {
    assert(this.#from[from].inUse.delete(packetId), `${packetId} is settled twice`);
  }

  #received(from: Side, packetId: number): void {
    const { inUse, pubrelsDue } = this.#from[from];
    const message = inUse.get(packetId);
    assert(message !== undefined, `a PUBREC for ${packetId}, which is not in flight`);
    message!.isReleased = true;
    pubrelsDue.push(packetId);
  }

  #released(from: Side, packetId: number): void {
    const { inUse, pubrelsDue, sent } = this.#from[from];
    assertStrictEquals(inUse.get(packetId)?.isReleased, true, `a PUBREL for ${packetId}`);
    // A PUBREL that is sent again answers nothing on this link.
    if (sent.has(packetId)) inTurn("PUBREL", pubrelsDue, packetId);
  }
}

function inTurn(name: string, due: number[], packetId: number): void {
  assertStrictEquals(due.shift(), packetId, `a ${name} out of turn`);
}

function sending(inUse: Sending["inUse"] = new Map()): Sending {
  return {
    inUse,
    unacknowledged: new Set(),
    pubacksDue: [],
    pubrecsDue: [],
    pubrelsDue: [],
    sent: new Set(),
  };
}
