// §4.3 QoS delivery, §4.4 Message delivery retry, §4.6 Message ordering and §4.9 Flow control, of
// the messages that one end sends on one link. Each rule goes by what has passed before: an end
// cannot know less of its own packets, nor more of the other's.

import {
  isFailure,
  type PubackPacket,
  type PubcompPacket,
  type PublishPacket,
  type PubrecPacket,
  type PubrelPacket,
  type QoS,
  ReasonCode,
} from "../packets/mod.ts";
import { type Judge, nameOf, type Obligation, peerOf, type Side, subject } from "./findings.ts";
import { type Flight, Flights, hashOf, printOf } from "./flights.ts";
import type { Limits } from "./limits.ts";

/** The statements that bind the one end or the other. */
const RULES = {
  client: { identifier: "MQTT-2.2.1-3", quota: "MQTT-3.3.4-7", others: "MQTT-3.3.4-8" },
  server: { identifier: "MQTT-2.2.1-4", quota: "MQTT-3.3.4-9", others: "MQTT-3.3.4-10" },
} as const;

/** How a message is first sent, by its QoS. */
const FIRST = { 0: "MQTT-4.3.1-1", 1: "MQTT-4.3.2-2", 2: "MQTT-4.3.3-2" } as const;

/** Packets that wait for an answer: since when, by Packet Identifier, in the order they passed. */
type Awaiting = Map<number, number>;

/** The messages that one end sends, and the other acknowledges, on one link. */
export class Exchanges {
  readonly #from: Side;
  readonly #judge: Judge;
  /** The link, as others than this one are told apart. */
  readonly #link: object;
  #flights = new Flights(false);
  /** Whether the session is that of an earlier link; `undefined` before CONNACK. */
  #isResumed: boolean | undefined;
  readonly #puback: Awaiting = new Map();
  readonly #pubrec: Awaiting = new Map();
  readonly #pubrel: Awaiting = new Map();
  readonly #pubcomp: Awaiting = new Map();
  /** PUBRECs that came again: their PUBREL may have gone before. */
  readonly #repeated = new Set<number>();
  /** What counts against the receiver's Receive Maximum (§4.9). */
  readonly #unacknowledged = new Set<number>();
  /** The places of what was sent again, by topic and QoS where the sender is the Server. */
  readonly #lastAgain = new Map<number, number>();
  #resumedAt = 0;
  /** What the receiver takes; `undefined` as long as the sender may not know it. */
  limits: Limits | undefined;

  /** Those of `from`, on `link`. */
  constructor(from: Side, judge: Judge, link: object) {
    this.#from = from;
    this.#judge = judge;
    this.#link = link;
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
    return flight !== undefined && !this.#mayBeGone(flight) && this.#isResumed !== undefined;
  }

  /** Any packet of the sender but PUBLISH: it goes out although the quota is used up. */
  other(): void {
    if (this.limits !== undefined && this.#unacknowledged.size >= this.limits.receiveMaximum) {
      this.#judge.count(RULES[this.#from].others);
    }
  }

  /** A PUBLISH; its topic is `undefined` when it has an alias that is not known. */
  publish(packet: PublishPacket, topic: string | undefined, size: number, now: number): void {
    const { packetId, qos, dup } = packet;
    if (qos === 0) {
      this.#judge.count("MQTT-3.3.1-2");
      return;
    }
    const topicHash = topic === undefined ? 0 : hashOf(topic);
    const print = topic === undefined ? 0 : printOf(topicHash, packet.payload);
    const flight = this.#flights.byId.get(packetId);
    const isAgain = flight !== undefined && this.#isAgain(packet, flight, print);
    if (!isAgain) {
      if (dup && flight === undefined) this.#judgeUnknown(packet);
      if (!dup) this.#countNew(qos);
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
    } else flight.publishedOn = this.#link;
    (qos === 1 ? this.#puback : this.#pubrec).set(packetId, now);
    this.#countQuota(packetId);
  }

  /** Whether a PUBLISH whose identifier is in use is that message, sent again. */
  #isAgain(packet: PublishPacket, flight: Flight, print: number): boolean {
    const { packetId, qos, dup } = packet;
    const judge = this.#judge;
    const isSame = flight.qos === qos && (print === 0 || flight.print === 0 ||
      flight.print === print);
    // Before CONNACK the Client does not know whether there is a session, nor do we.
    if (this.#isResumed === undefined && flight.publishedOn !== this.#link) return false;
    if (!dup) {
      if (flight.publishedOn !== this.#link && isSame && flight.phase !== "released" && print > 0) {
        return !judge.holds(
          "MQTT-3.3.1-1",
          false,
          () =>
            `${
              subject(this.#from)
            } sends PUBLISH ${packetId} again on a new connection without DUP`,
        );
      }
      if (this.#mayBeGone(flight)) return false;
      judge.holds(
        RULES[this.#from].identifier,
        false,
        () =>
          `${subject(this.#from)} sends a new PUBLISH with Packet Identifier ${packetId}, ` +
          `which is in use for a PUBLISH of QoS ${flight.qos} that is ${flight.phase}`,
      );
      return false;
    }
    if (flight.publishedOn === this.#link) {
      judge.holds(
        "MQTT-4.4.0-1",
        false,
        () => `${subject(this.#from)} sends PUBLISH ${packetId} again on the same connection`,
      );
      return isSame;
    }
    if (!isSame && this.#mayBeGone(flight)) return false;
    const isUnreleased = judge.holds(
      "MQTT-4.3.3-6",
      flight.phase !== "released",
      () => `${subject(this.#from)} sends PUBLISH ${packetId} again after its PUBREL`,
    );
    if (!isUnreleased) return isSame;
    const isKept = judge.holds(
      "MQTT-4.4.0-1",
      isSame,
      () =>
        `${subject(this.#from)} sends PUBLISH ${packetId} with DUP, but it is not the message ` +
        "that was sent before with this Packet Identifier",
    );
    if (!isKept) return false;
    judge.count("MQTT-3.3.1-1");
    this.#judgeOrder(packetId, flight);
    return true;
  }

  #countNew(qos: QoS): void {
    this.#judge.count(FIRST[qos]);
    this.#judge.count(RULES[this.#from].identifier);
  }

  #judgeUnknown({ packetId, qos }: PublishPacket): void {
    // On a resumed session its first transmission may have been lost before it was seen.
    if (this.#isResumed !== false) return;
    this.#judge.holds(
      FIRST[qos],
      false,
      () =>
        `${subject(this.#from)} sends PUBLISH ${packetId} with DUP, ` +
        "though the session has just begun and it was not sent before",
    );
  }

  /** §4.6: what is sent again goes in the order in which it was sent first. */
  #judgeOrder(packetId: number, flight: Flight): void {
    if (!flight.isOrderKnown) return;
    const isClient = this.#from === "client";
    const key = isClient ? 0 : flight.topic * 3 + flight.qos;
    const last = this.#lastAgain.get(key);
    this.#lastAgain.set(key, Math.max(last ?? 0, flight.order));
    if (last === undefined) return;
    this.#judge.holds(
      isClient ? "MQTT-4.6.0-1" : "MQTT-4.6.0-5",
      last < flight.order,
      () =>
        `${
          subject(this.#from)
        } sends PUBLISH ${packetId} again after one that was first sent later`,
    );
  }

  /** Whether the sender may have given a message up since: this receiver would not take it. */
  #mayBeGone({ publishedOn, size, qos, retain }: Flight): boolean {
    if (publishedOn === this.#link || this.limits === undefined) return false;
    const { maximumPacketSize, maximumQoS, retainAvailable } = this.limits;
    return size + ALIAS > maximumPacketSize || qos > maximumQoS || retain && !retainAvailable;
  }

  #countQuota(packetId: number): void {
    const judge = this.#judge;
    this.#unacknowledged.add(packetId);
    if (this.limits === undefined) return;
    const { receiveMaximum } = this.limits;
    const { size } = this.#unacknowledged;
    if (size < receiveMaximum) return;
    judge.holds(
      RULES[this.#from].quota,
      size <= receiveMaximum,
      () =>
        `${subject(this.#from)} sends PUBLISH ${packetId}, which makes ${size} that are not ` +
        `acknowledged; the Receive Maximum of ${nameOf(peerOf(this.#from))} is ${receiveMaximum}`,
    );
  }

  /** PUBACK, from the other end. */
  puback({ packetId }: PubackPacket): void {
    const flight = this.#flights.byId.get(packetId);
    if (!this.#isAnswer("PUBACK", this.#puback, packetId, flight, 1)) return;
    this.#judge.count("MQTT-4.3.2-4");
    this.#settle(packetId);
  }

  /** PUBREC, from the other end. */
  pubrec({ packetId, reasonCode }: PubrecPacket, now: number): void {
    const flight = this.#flights.byId.get(packetId);
    const isFirst = flight?.phase !== "released" && !this.#pubrel.has(packetId);
    if (!this.#isAnswer("PUBREC", this.#pubrec, packetId, flight, 2)) return;
    this.#judge.count(isFirst ? "MQTT-4.3.3-8" : "MQTT-4.3.3-10");
    if (isFailure(reasonCode)) {
      // A message that has been released is the receiver's, whatever it says to a repetition.
      if (flight?.phase !== "released") this.#settle(packetId);
      return;
    }
    if (flight?.phase === "published") flight.phase = "received";
    if (!isFirst) this.#repeated.add(packetId);
    if (!this.#pubrel.has(packetId)) this.#pubrel.set(packetId, now);
  }

  /** Whether PUBACK or PUBREC belongs to a PUBLISH, and comes in its turn. */
  #isAnswer(
    name: string,
    awaiting: Awaiting,
    packetId: number,
    flight: Flight | undefined,
    qos: 1 | 2,
  ): boolean {
    const receiver = peerOf(this.#from);
    if (flight !== undefined && flight.qos !== qos) {
      return this.#judge.holds(
        "MQTT-3.3.4-1",
        false,
        () => `${subject(receiver)} answers PUBLISH ${packetId} of QoS ${flight.qos} with ${name}`,
      );
    }
    if (!awaiting.has(packetId)) {
      // An acknowledgement of what came on an earlier link is late, but true.
      if (flight !== undefined && flight.publishedOn !== this.#link) return true;
      return !this.#flights.isComplete ||
        this.#judge.holds(
          "MQTT-2.2.1-5",
          false,
          () => `${subject(receiver)} sends ${name} ${packetId}, but no PUBLISH waits for it`,
        );
    }
    // [MQTT-4.6.0-2] and [MQTT-4.6.0-3] bind Clients.
    if (receiver === "client" && awaiting.size > 1) {
      const first = firstOf(awaiting);
      this.#judge.holds(
        qos === 1 ? "MQTT-4.6.0-2" : "MQTT-4.6.0-3",
        first === packetId,
        () =>
          `${subject(receiver)} sends ${name} ${packetId} before that of PUBLISH ${first}, ` +
          "which came first",
      );
    }
    awaiting.delete(packetId);
    return true;
  }

  /** PUBREL, from the sender. */
  pubrel({ packetId, reasonCode }: PubrelPacket, now: number): void {
    const flight = this.#flights.byId.get(packetId);
    const isAnswer = this.#pubrel.has(packetId);
    if (isAnswer) this.#answerPubrec(packetId);
    else if (!this.#isRelease(packetId, reasonCode, flight)) return;
    this.#pubcomp.set(packetId, now);
    if (reasonCode === ReasonCode.packetIdentifierNotFound) return;
    if (flight !== undefined) {
      flight.phase = "released";
      flight.releasedOn = this.#link;
    }
  }

  #answerPubrec(packetId: number): void {
    this.#judge.count("MQTT-4.3.3-4");
    if (this.#from === "client" && this.#pubrel.size > 1) {
      const first = firstOf(this.#pubrel, this.#repeated);
      if (first !== undefined && !this.#repeated.has(packetId)) {
        this.#judge.holds(
          "MQTT-4.6.0-4",
          first === packetId,
          () =>
            `The Client sends PUBREL ${packetId} before PUBREL ${first}, whose PUBREC came first`,
        );
      }
    }
    this.#pubrel.delete(packetId);
    this.#repeated.delete(packetId);
  }

  /** Whether a PUBREL that answers no PUBREC of this link may be sent. */
  #isRelease(packetId: number, reasonCode: number, flight: Flight | undefined): boolean {
    const judge = this.#judge;
    if (flight === undefined) {
      if (this.#isResumed === true && reasonCode !== ReasonCode.packetIdentifierNotFound) {
        return true; // Its PUBCOMP may have been lost with an earlier link.
      }
      return !this.#flights.isComplete ||
        judge.holds(
          "MQTT-4.3.3-4",
          false,
          () => `${subject(this.#from)} sends PUBREL ${packetId}, but no PUBREC asks for it`,
        );
    }
    if (flight.phase === "published") {
      return judge.holds(
        "MQTT-4.3.3-4",
        false,
        () => `${subject(this.#from)} sends PUBREL ${packetId} before a PUBREC`,
      );
    }
    judge.holds(
      "MQTT-4.4.0-1",
      flight.releasedOn !== this.#link,
      () => `${subject(this.#from)} sends PUBREL ${packetId} again on the same connection`,
    );
    return true;
  }

  /** PUBCOMP, from the other end. */
  pubcomp({ packetId }: PubcompPacket): void {
    const receiver = peerOf(this.#from);
    const flight = this.#flights.byId.get(packetId);
    if (!this.#pubcomp.delete(packetId)) {
      const isLate = flight?.phase === "released" && flight.releasedOn !== this.#link;
      const isWrong = !isLate && (flight !== undefined || this.#flights.isComplete);
      if (isWrong) {
        this.#judge.holds(
          "MQTT-4.3.3-11",
          false,
          () => `${subject(receiver)} sends PUBCOMP ${packetId}, but no PUBREL waits for it`,
        );
        return;
      }
    } else this.#judge.count("MQTT-4.3.3-11");
    if (flight?.phase === "released") this.#settle(packetId);
    else this.#unacknowledged.delete(packetId);
  }

  #settle(packetId: number): void {
    this.#flights.byId.delete(packetId);
    this.#unacknowledged.delete(packetId);
  }

  /** What either end still owes. */
  *obligations(): Generator<Obligation> {
    const sender = this.#from;
    const receiver = peerOf(sender);
    yield* owed(this.#puback, "MQTT-4.3.2-4", receiver, "PUBLISH", "PUBACK");
    yield* owed(this.#pubrec, "MQTT-4.3.3-8", receiver, "PUBLISH", "PUBREC");
    yield* owed(this.#pubrel, "MQTT-4.3.3-4", sender, "PUBREC", "PUBREL");
    yield* owed(this.#pubcomp, "MQTT-4.3.3-11", receiver, "PUBREL", "PUBCOMP");
    if (this.#isResumed !== true) return;
    for (const [packetId, flight] of this.#flights.byId) {
      const { publishedOn, releasedOn, phase } = flight;
      if (publishedOn === this.#link || releasedOn === this.#link) continue;
      if (this.#mayBeGone(flight)) continue;
      const name = phase === "published" ? "PUBLISH" : "PUBREL";
      yield {
        statement: "MQTT-4.4.0-1",
        by: sender,
        since: this.#resumedAt,
        message: `${subject(sender)} has not sent ${name} ${packetId} again on the new connection`,
      };
    }
  }
}

/** A Topic Alias adds so many bytes to a PUBLISH that had none, and takes them from one. */
const ALIAS = 4;

function firstOf(awaiting: Awaiting, except?: ReadonlySet<number>): number | undefined {
  for (const packetId of awaiting.keys()) if (except?.has(packetId) !== true) return packetId;
  return undefined;
}

function* owed(
  awaiting: Awaiting,
  statement: string,
  by: Side,
  asked: string,
  answer: string,
): Generator<Obligation> {
  for (const [packetId, since] of awaiting) {
    const message = `${subject(by)} has not answered ${asked} ${packetId} with ${answer}`;
    yield { statement, by, since, message };
  }
}
