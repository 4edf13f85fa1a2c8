// §3.8 to §3.13: what a client asks and the Server answers, once each: subscriptions and pings.

import type {
  SubackPacket,
  SubscribePacket,
  UnsubackPacket,
  UnsubscribePacket,
} from "../packets/mod.ts";
import { isFailure } from "../packets/mod.ts";
import { parseSharedSubscription } from "../topics.ts";
import { type Judge, type Obligation, quoted } from "./findings.ts";
import type { Limits } from "./limits.ts";
import type { SubscriptionHistory } from "./subscription_history.ts";

/** The topics and QoS of at most so many requests are kept; of others, how many there are. */
const MOST_DETAILS = 1000;

interface Request {
  readonly type: "subscribe" | "unsubscribe";
  readonly since: number;
  /** How many filters it has. */
  readonly count: number;
  /** The SUBSCRIBE itself. */
  readonly packet: SubscribePacket | undefined;
}

/** The requests of one link. */
export class Requests {
  readonly #judge: Judge;
  readonly #byId = new Map<number, Request>();
  #details = 0;
  /** Pings without an answer, and since when there are any. */
  #pings = 0;
  #pingedAt = 0;
  /** What the Client has ever asked for. */
  subscriptions: SubscriptionHistory;
  /** What the Server takes; `undefined` as long as the Client may not know it. */
  limits: Limits | undefined;

  /** Those of a link that has not got a session yet. */
  constructor(judge: Judge, subscriptions: SubscriptionHistory) {
    this.#judge = judge;
    this.subscriptions = subscriptions;
  }

  /** The link has got its session; what was asked before that is asked of it. */
  attach(subscriptions: SubscriptionHistory): void {
    this.subscriptions = subscriptions;
    for (const { packet } of this.#byId.values()) {
      if (packet !== undefined) subscriptions.request(packet);
    }
    if (this.#details > MOST_DETAILS) subscriptions.isComplete = false;
  }

  /** Whether a Packet Identifier is in use for a request. */
  uses(packetId: number): boolean {
    return this.#byId.has(packetId);
  }

  /** SUBSCRIBE, from the Client. */
  subscribe(packet: SubscribePacket, now: number): void {
    this.#judgeFilters(packet);
    this.subscriptions.request(packet);
    this.#add(packet.packetId, "subscribe", packet.subscriptions.length, packet, now);
  }

  /** UNSUBSCRIBE, from the Client. */
  unsubscribe({ packetId, topicFilters }: UnsubscribePacket, now: number): void {
    this.#add(packetId, "unsubscribe", topicFilters.length, undefined, now);
  }

  #add(
    packetId: number,
    type: Request["type"],
    count: number,
    packet: SubscribePacket | undefined,
    since: number,
  ): void {
    if (this.#byId.get(packetId)?.type === "subscribe") this.#details--;
    if (packet !== undefined) this.#details++;
    const kept = this.#details > MOST_DETAILS ? undefined : packet;
    if (packet !== undefined && kept === undefined) this.subscriptions.isComplete = false;
    this.#byId.set(packetId, { type, since, count, packet: kept });
  }

  #judgeFilters({ subscriptions, properties }: SubscribePacket): void {
    const judge = this.#judge;
    const { limits } = this;
    for (const { topicFilter } of subscriptions) {
      const isShared = parseSharedSubscription(topicFilter) !== undefined;
      if (isShared) {
        judge.count("MQTT-4.8.2-1");
        judge.count("MQTT-4.8.2-2");
        judge.count("MQTT-3.8.3-4");
        judge.allows(
          "3.2.2.3.13",
          limits?.sharedSubscriptionAvailable ?? true,
          () =>
            `subscribes to ${quoted(topicFilter)}, ` +
            "though the Server has no Shared Subscriptions",
        );
      }
      if (topicFilter.includes("#")) judge.count("MQTT-4.7.1-1");
      if (topicFilter.includes("+")) judge.count("MQTT-4.7.1-2");
      const isWild = topicFilter.includes("#") || topicFilter.includes("+");
      judge.allows(
        "3.2.2.3.11",
        !isWild || (limits?.wildcardSubscriptionAvailable ?? true),
        () => `subscribes to ${quoted(topicFilter)}, though the Server has no wildcards`,
      );
    }
    const isIdentified = properties.subscriptionIdentifiers !== undefined;
    judge.allows(
      "3.2.2.3.12",
      !isIdentified || (limits?.subscriptionIdentifierAvailable ?? true),
      () => "subscribes with a Subscription Identifier, though the Server has none",
    );
  }

  /** SUBACK, from the Server. */
  suback({ packetId, reasonCodes }: SubackPacket): void {
    const request = this.#answered("SUBACK", "subscribe", packetId);
    if (request === undefined) return;
    const judge = this.#judge;
    const { count, packet } = request;
    const isWhole = judge.holds(
      "MQTT-3.8.4-6",
      reasonCodes.length === count,
      () =>
        `answers SUBSCRIBE ${packetId}, which has ${filters(count)}, ` +
        `with ${codes(reasonCodes.length)}`,
    );
    if (packet === undefined || !isWhole) return;
    packet.subscriptions.forEach(({ topicFilter, qos }, index) => {
      const code = reasonCodes[index]!;
      judge.holds(
        "MQTT-3.8.4-7",
        isFailure(code) || code <= qos,
        () => `grants QoS ${code} for ${quoted(topicFilter)}, but ${qos} was asked for`,
      );
      if (qos > (this.limits?.maximumQoS ?? 2) && !isFailure(code)) judge.count("MQTT-3.2.2-10");
      this.subscriptions.answer(topicFilter, code);
    });
  }

  /** UNSUBACK, from the Server. */
  unsuback({ packetId, reasonCodes }: UnsubackPacket): void {
    const request = this.#answered("UNSUBACK", "unsubscribe", packetId);
    if (request === undefined) return;
    this.#judge.holds(
      "MQTT-3.11.3-1",
      reasonCodes.length === request.count,
      () =>
        `answers UNSUBSCRIBE ${packetId}, which has ${filters(request.count)}, ` +
        `with ${codes(reasonCodes.length)}`,
    );
  }

  #answered(name: string, type: Request["type"], packetId: number): Request | undefined {
    const request = this.#byId.get(packetId);
    const isAsked = this.#judge.holds(
      type === "subscribe" ? "MQTT-3.8.4-2" : "MQTT-3.10.4-5",
      request?.type === type,
      () => `sends ${name} ${packetId}, but no ${type.toUpperCase()} waits for it`,
    );
    if (!isAsked) return undefined;
    this.#byId.delete(packetId);
    if (type === "subscribe") this.#details--;
    return request;
  }

  /** PINGREQ, from the Client. */
  pingreq(now: number): void {
    if (this.#pings++ === 0) this.#pingedAt = now;
  }

  /** PINGRESP, from the Server. */
  pingresp(): void {
    if (this.#pings === 0) {
      return this.#judge.warn("3.13", "sends PINGRESP, but no PINGREQ waits for it");
    }
    this.#pings--;
    this.#judge.count("MQTT-3.12.4-1");
  }

  /** What the Server still owes. */
  *obligations(): Generator<Obligation> {
    for (const [packetId, { type, since }] of this.#byId) {
      const statement = type === "subscribe" ? "MQTT-3.8.4-1" : "MQTT-3.10.4-4";
      const message = `The Server has not answered ${type.toUpperCase()} ${packetId}`;
      yield { statement, by: "server", since, message };
    }
    if (this.#pings === 0) return;
    yield {
      statement: "MQTT-3.12.4-1",
      by: "server",
      since: this.#pingedAt,
      message: `The Server has not answered ${this.#pings} PINGREQ`,
    };
  }
}

function filters(count: number): string {
  return count === 1 ? "1 Topic Filter" : `${count} Topic Filters`;
}

function codes(count: number): string {
  return count === 1 ? "1 Reason Code" : `${count} Reason Codes`;
}
