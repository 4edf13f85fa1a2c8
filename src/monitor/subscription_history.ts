// §3.8.4, §3.3.4: what a client has ever asked for in a session, for what the Server sends must
// have been asked for. When a subscription ends, messages may still be under way for it, so nothing
// is forgotten before the session ends.

import type { PublishPacket, SubscribePacket, SubscriptionRequest } from "../packets/mod.ts";
import { isFailure } from "../packets/mod.ts";
import { topicMatches } from "../topics.ts";
import { type Judge, quoted } from "./findings.ts";

/** All that was ever asked for with one Topic Filter. */
interface Asked {
  /** The highest QoS at which it was granted, or may have been. */
  qos: number;
  /** How often it was asked for, and how often it was granted. */
  requests: number;
  grants: number;
  /** Whether retained messages may have been sent for it. */
  hasRetained: boolean;
  /** Whether RETAIN may have been passed on as published. */
  retainAsPublished: boolean;
  /** Whether there was always a Subscription Identifier with it. */
  isIdentified: boolean;
}

/** More Topic Filters than this are not looked through for each message. */
const MOST_FILTERS = 200;

/** What one session has asked for. */
export class SubscriptionHistory {
  readonly #asked = new Map<string, Asked>();
  readonly #identifiers = new Set<number>();
  /** Whether all of it has been seen, and kept. */
  isComplete: boolean;

  /** That of a session that begins, or that had begun before anything of it was seen. */
  constructor(isComplete: boolean) {
    this.isComplete = isComplete;
  }

  /** A SUBSCRIBE: from now on messages may come for it. */
  request({ subscriptions, properties }: SubscribePacket): void {
    const identifier = properties.subscriptionIdentifiers?.[0];
    if (identifier !== undefined && this.#identifiers.size < MOST_FILTERS) {
      this.#identifiers.add(identifier);
    }
    for (const request of subscriptions) this.#add(request, identifier !== undefined);
    if (this.#identifiers.size >= MOST_FILTERS) this.isComplete = false;
  }

  #add(request: SubscriptionRequest, isIdentified: boolean): void {
    const { topicFilter, qos, retainAsPublished } = request;
    const hasRetained = request.retainHandling !== 2 && !topicFilter.startsWith("$share/");
    const asked = this.#asked.get(topicFilter);
    if (asked === undefined) {
      if (this.#asked.size >= MOST_FILTERS) this.isComplete = false;
      if (!this.isComplete) return;
      this.#asked.set(topicFilter, {
        qos,
        requests: 1,
        grants: 0,
        hasRetained,
        retainAsPublished,
        isIdentified,
      });
      return;
    }
    asked.requests++;
    asked.qos = Math.max(asked.qos, qos);
    asked.hasRetained ||= hasRetained;
    asked.retainAsPublished ||= retainAsPublished;
    asked.isIdentified &&= isIdentified;
  }

  /** A Reason Code of a SUBACK. */
  answer(topicFilter: string, reasonCode: number): void {
    const asked = this.#asked.get(topicFilter);
    if (asked === undefined) return;
    if (isFailure(reasonCode)) {
      if (asked.requests === 1) this.#asked.delete(topicFilter);
      return;
    }
    // After the first grant of a filter that was asked for once, no message is above it.
    if (asked.requests === 1) asked.qos = reasonCode;
    asked.grants++;
  }

  /** Judges a PUBLISH of the Server. */
  judge(judge: Judge, packet: PublishPacket, topic: string): void {
    if (!this.isComplete) return;
    const { qos, retain } = packet;
    const identifiers = packet.properties.subscriptionIdentifiers;
    let isMatched = false;
    let mostQoS = 0;
    let mayBeRetained = false;
    let isPassedOn = false;
    let isIdentified = true;
    for (const [topicFilter, asked] of this.#asked) {
      if (!topicMatches(topicFilter, topic)) continue;
      isMatched = true;
      mostQoS = Math.max(mostQoS, asked.qos);
      mayBeRetained ||= asked.hasRetained;
      isPassedOn ||= asked.retainAsPublished;
      isIdentified &&= asked.isIdentified;
    }
    const isAskedFor = judge.holds(
      "MQTT-3.3.2-3",
      isMatched,
      () =>
        `The Server sends a message on ${
          quoted(topic)
        }, which no subscription of the Client matches`,
    );
    if (!isAskedFor) return;
    judge.holds(
      "MQTT-3.8.4-8",
      qos <= mostQoS,
      () =>
        `The Server sends a message on ${quoted(topic)} at QoS ${qos}; ` +
        `its subscriptions were granted at most ${mostQoS}`,
    );
    if (!isPassedOn && !mayBeRetained) {
      judge.holds(
        "MQTT-3.3.1-12",
        !retain,
        () =>
          `The Server sends a message on ${quoted(topic)} with RETAIN, which the Client ` +
          "did not ask to be passed on, nor for retained messages",
      );
    }
    this.#judgeIdentifiers(judge, identifiers, topic, isIdentified);
  }

  #judgeIdentifiers(
    judge: Judge,
    identifiers: readonly number[] | undefined,
    topic: string,
    isIdentified: boolean,
  ): void {
    if (isIdentified) {
      judge.holds(
        "MQTT-3.3.4-3",
        identifiers !== undefined,
        () =>
          `The Server sends a message on ${quoted(topic)} without a Subscription Identifier, ` +
          "which each of its subscriptions has",
      );
    }
    for (const identifier of identifiers ?? []) {
      judge.holds(
        "MQTT-3.3.4-3",
        this.#identifiers.has(identifier),
        () =>
          `The Server sends Subscription Identifier ${identifier}, which the Client has never given`,
      );
    }
  }
}
