// §4.3 QoS delivery: the messages that one end sends on one link, and their acknowledgements. Each
// rule goes by what has passed before: an end cannot know less of its own packets, nor more of the
// other's.

import {
  isFailure,
  type PubackPacket,
  type PubcompPacket,
  type PublishPacket,
  type PubrecPacket,
  type PubrelPacket,
  ReasonCode,
} from "../packets/mod.ts";
import { Awaiting } from "./awaiting.ts";
import { type Judge, type Obligation, peerOf, type Side, subject } from "./findings.ts";
import { type Flight, Flights, hashOf, printOf } from "./flights.ts";
import type { Limits } from "./limits.ts";
import { Quota } from "./quota.ts";
import { IDENTIFIER, Redelivery } from "./redelivery.ts";

/** How a message is first sent, by its QoS. */
const FIRST = { 0: "MQTT-4.3.1-1", 1: "MQTT-4.3.2-2", 2: "MQTT-4.3.3-2" } as const;

/** The messages that one end sends, and the other acknowledges, on one link. */
export class Exchanges {
  readonly #from: Side;
  readonly #judge: Judge;
  /** The link, as others than this one are told apart. */
  readonly #link: object;
  readonly #quota: Quota;
  readonly #redelivery: Redelivery;
  #flights = new Flights(false);
  /** Whether the session is that of an earlier link; `undefined` before CONNACK. */
  #isResumed: boolean | undefined;
  #resumedAt = 0;
  /** PUBLISH without PUBACK, PUBLISH without PUBREC, and so on. */
  readonly #puback = new Awaiting();
  readonly #pubrec = new Awaiting();
  readonly #pubrel = new Awaiting();
  readonly #pubcomp = new Awaiting();
  /**
   * Packet Identifiers under which something went wrong. What the other end makes of that is its
   * affair: all about them is left alone until the next message has them.
   */
  readonly #spoiled = new Set<number>();
  /** PUBRECs that came again: their PUBREL may have gone before. */
  readonly #repeated = new Set<number>();

  /** Those of `from`, on `link`. */
  constructor(from: Side, judge: Judge, link: object) {
    this.#from = from;
    this.#judge = judge;
    this.#link = link;
    this.#quota = new Quota(from, judge);
    this.#redelivery = new Redelivery(from, judge, link);
  }

  /** The sender knows what the receiver takes. */
  set limits(limits: Limits) {
    this.#quota.limits = limits;
    this.#redelivery.limits = limits;
  }

  /** Goes on with what earlier links of the session have left. */
  resume(flights: Flights, now: number): void {
    for (const [packetId, flight] of this.#flights.byId) flights.byId.set(packetId, flight);
    this.#flights = flights;
    this.#isResumed = true;
    this.#resumedAt = now;
  }

  /** Begins a session: what has been seen on this link is all there is. */
  begin(): Flights {
    this.#isResumed = false;
    this.#flights.isComplete = true;
    return this.#flights;
  }

  /** Another link has taken the session: what comes here says nothing of it any longer. */
  detach(): void {
    this.#flights = new Flights(false);
  }

  /** Whether a Packet Identifier is in use for a message. */
  uses(packetId: number): boolean {
    const flight = this.#flights.byId.get(packetId);
    return flight !== undefined && !this.#redelivery.mayBeGone(flight) &&
      this.#isResumed !== undefined;
  }

  /** Any packet of the sender but PUBLISH. */
  other(): void {
    this.#quota.other();
  }

  /** The receiver ends the connection because of its Receive Maximum. */
  refused(): void {
    this.#quota.refused();
  }

  /** A PUBLISH; its topic is `undefined` when it has an alias that is not known. */
  publish(packet: PublishPacket, topic: string | undefined, size: number, now: number): void {
    const { packetId, qos, dup } = packet;
    if (qos === 0) return this.#judge.count("MQTT-3.3.1-2");
    if (!dup) this.#spoiled.delete(packetId);
    const { accusations } = this.#judge;
    const topicHash = topic === undefined ? 0 : hashOf(topic);
    const print = topic === undefined ? 0 : printOf(topicHash, packet.payload);
    const flight = this.#flights.byId.get(packetId);
    if (flight !== undefined && this.#isAgain(packet, flight, print)) {
      flight.publishedOn = this.#link;
    } else {
      if (flight === undefined) this.#judgeNew(packet);
      this.#flights.byId.set(packetId, {
        qos,
        retain: packet.retain,
        size: packet.topic === "" ? size + 3 * (topic?.length ?? 0) : size,
        print,
        topic: topicHash,
        order: this.#flights.placed++,
        isOrderKnown: !dup,
        phase: "published",
        publishedOn: this.#link,
        releasedOn: undefined,
      });
    }
    (qos === 1 ? this.#puback : this.#pubrec).add(packetId, now);
    this.#quota.use(packetId);
    if (this.#judge.accusations > accusations) this.#spoiled.add(packetId);
  }

  /**
   * An end breaks a rule with a packet of this identifier, unless that comes of an earlier fault.
   */
  #accuse(statement: string, packetId: number, predicate: string): void {
    if (this.#spoiled.has(packetId)) return;
    this.#spoiled.add(packetId);
    this.#flights.byId.delete(packetId);
    this.#judge.accuse(statement, predicate);
  }

  #isAgain(packet: PublishPacket, flight: Flight, print: number): boolean {
    // Before CONNACK the Client does not know whether there is a session, nor do we.
    if (this.#isResumed === undefined && flight.publishedOn !== this.#link) return false;
    return this.#redelivery.isAgain(packet, flight, print);
  }

  #judgeNew({ packetId, qos, dup }: PublishPacket): void {
    if (!dup) {
      this.#judge.count(FIRST[qos]);
      this.#judge.count(IDENTIFIER[this.#from]);
    } else if (this.#isResumed === false) {
      // On a resumed session its first transmission may have been lost before it was seen.
      const message = `sends PUBLISH ${packetId} with DUP, ` +
        "though the session has just begun and it was not sent before";
      this.#judge.accuse(FIRST[qos], message);
    }
  }

  /** PUBACK, from the other end. */
  puback({ packetId }: PubackPacket): void {
    const flight = this.#flights.byId.get(packetId);
    if (!this.#isAnswer("PUBACK", this.#puback, packetId, flight, 1)) return;
    this.#judge.count("MQTT-4.3.2-4");
    if (this.#from === "server") this.#judge.count("MQTT-4.5.0-2");
    this.#settle(packetId);
  }

  /** PUBREC, from the other end. */
  pubrec({ packetId, reasonCode }: PubrecPacket, now: number): void {
    const flight = this.#flights.byId.get(packetId);
    const isReleased = flight?.phase === "released";
    const isRepeated = isReleased || this.#pubrel.has(packetId);
    if (!this.#isAnswer("PUBREC", this.#pubrec, packetId, flight, 2)) return;
    this.#judge.count(flight?.phase === "published" ? "MQTT-4.3.3-8" : "MQTT-4.3.3-10");
    if (this.#from === "server") this.#judge.count("MQTT-4.5.0-2");
    if (isFailure(reasonCode)) {
      // A message that has been released is the receiver's, whatever it says to a repetition.
      if (!isReleased) this.#settle(packetId);
      return;
    }
    if (flight?.phase === "published") flight.phase = "received";
    if (isRepeated) this.#repeated.add(packetId);
    this.#pubrel.add(packetId, now);
  }

  /** Whether PUBACK or PUBREC belongs to a PUBLISH, and comes in its turn. */
  #isAnswer(
    name: string,
    awaiting: Awaiting,
    packetId: number,
    flight: Flight | undefined,
    qos: 1 | 2,
  ): boolean {
    const judge = this.#judge;
    if (flight !== undefined && flight.qos !== qos) {
      const predicate = `answers PUBLISH ${packetId} of QoS ${flight.qos} with ${name}`;
      this.#accuse("MQTT-3.3.4-1", packetId, predicate);
      return false;
    }
    if (!awaiting.has(packetId)) {
      // An acknowledgement of what came on an earlier link is late, but true.
      if (flight !== undefined && flight.publishedOn !== this.#link) return true;
      if (!this.#flights.isComplete) return true;
      const predicate = `sends ${name} ${packetId}, but no PUBLISH waits for it`;
      this.#accuse("MQTT-2.2.1-5", packetId, predicate);
      return false;
    }
    // These bind Clients.
    if (this.#from === "server" && awaiting.size > 1) {
      const first = awaiting.first();
      judge.holds(
        qos === 1 ? "MQTT-4.6.0-2" : "MQTT-4.6.0-3",
        first === packetId,
        () => `sends ${name} ${packetId} before that of PUBLISH ${first}, which came first`,
      );
    }
    return awaiting.delete(packetId);
  }

  /** PUBREL, from the sender. */
  pubrel({ packetId, reasonCode }: PubrelPacket, now: number): void {
    const flight = this.#flights.byId.get(packetId);
    const isNotFound = reasonCode === ReasonCode.packetIdentifierNotFound;
    if (this.#pubrel.has(packetId)) this.#answerPubrec(packetId);
    else if (!this.#isRelease(packetId, isNotFound, flight)) return;
    this.#pubcomp.add(packetId, now);
    if (isNotFound || flight === undefined) return;
    flight.phase = "released";
    flight.releasedOn = this.#link;
  }

  #answerPubrec(packetId: number): void {
    this.#judge.count("MQTT-4.3.3-4");
    if (this.#from === "client" && this.#pubrel.size > 1 && !this.#repeated.has(packetId)) {
      const first = this.#pubrel.first(this.#repeated);
      this.#judge.holds(
        "MQTT-4.6.0-4",
        first === packetId,
        () => `sends PUBREL ${packetId} before PUBREL ${first}, whose PUBREC came first`,
      );
    }
    this.#pubrel.delete(packetId);
    this.#repeated.delete(packetId);
  }

  /** Whether a PUBREL that answers no PUBREC of this link may be sent. */
  #isRelease(packetId: number, isNotFound: boolean, flight: Flight | undefined): boolean {
    const judge = this.#judge;
    if (flight === undefined) {
      // Its PUBCOMP may have been lost with an earlier link.
      if (this.#isResumed === true && !isNotFound || !this.#flights.isComplete) return true;
      this.#accuse("MQTT-4.3.3-4", packetId, `sends PUBREL ${packetId}, but no PUBREC asks for it`);
      return false;
    }
    if (flight.phase === "published") {
      this.#accuse("MQTT-4.3.3-4", packetId, `sends PUBREL ${packetId} before a PUBREC`);
      return false;
    }
    const isFirst = judge.holds(
      "MQTT-4.4.0-1",
      flight.releasedOn !== this.#link,
      () => `sends PUBREL ${packetId} again on the same connection`,
    );
    if (!isFirst) this.#spoiled.add(packetId);
    return true;
  }

  /** PUBCOMP, from the other end. */
  pubcomp({ packetId }: PubcompPacket): void {
    const flight = this.#flights.byId.get(packetId);
    if (this.#pubcomp.delete(packetId)) this.#judge.count("MQTT-4.3.3-11");
    else if (flight !== undefined || this.#flights.isComplete) {
      const isLate = flight?.phase === "released" && flight.releasedOn !== this.#link;
      if (!isLate) {
        const message = `sends PUBCOMP ${packetId}, but no PUBREL waits for it`;
        return this.#accuse("MQTT-4.3.3-11", packetId, message);
      }
    }
    if (flight?.phase === "released") this.#settle(packetId);
    else this.#quota.free(packetId);
  }

  #settle(packetId: number): void {
    this.#flights.byId.delete(packetId);
    this.#quota.free(packetId);
  }

  /** What either end still owes. */
  *obligations(): Generator<Obligation> {
    const sender = this.#from;
    const spoiled = this.#spoiled;
    const receiver = peerOf(sender);
    yield* this.#puback.owed("MQTT-4.3.2-4", receiver, "PUBLISH", "PUBACK", spoiled);
    yield* this.#pubrec.owed("MQTT-4.3.3-8", receiver, "PUBLISH", "PUBREC", spoiled);
    yield* this.#pubrel.owed("MQTT-4.3.3-4", sender, "PUBREC", "PUBREL", spoiled);
    yield* this.#pubcomp.owed("MQTT-4.3.3-11", receiver, "PUBREL", "PUBCOMP", spoiled);
    if (this.#isResumed !== true) return;
    for (const [packetId, flight] of this.#flights.byId) {
      const isSent = flight.publishedOn === this.#link || flight.releasedOn === this.#link;
      if (isSent || spoiled.has(packetId) || this.#redelivery.mayBeGone(flight)) continue;
      const name = flight.phase === "published" ? "PUBLISH" : "PUBREL";
      yield {
        statement: "MQTT-4.4.0-1",
        by: sender,
        since: this.#resumedAt,
        message: `${subject(sender)} has not sent ${name} ${packetId} again on the new connection`,
      };
    }
  }
}
