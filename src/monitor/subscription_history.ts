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
  /** How often it was asked for. */
  requests: number;
  /** Whether retained messages may have been sent for it. */
  hasRetained: boolean;
  /** Whether RETAIN may have been passed on as published. */
  retainAsPublished: boolean;
  /** The Subscription Identifiers with it, and whether there was always one. */
  readonly identifiers: Set<number>;
  isIdentified: boolean;
}

/** More Topic Filters than this are not looked through for each message. */
const MOST_FILTERS = 200;

const NONE: readonly number[] = [];

/** What one session has asked for. */
export class SubscriptionHistory {
  readonly #asked = new Map<string, Asked>();
  /** Whether all of it has been seen, and kept. */
  isComplete: boolean;

  /** That of a session that begins, or that had begun before anything of it was seen. */
  constructor(isComplete: boolean) {
    this.isComplete = isComplete;
  }

  /** A SUBSCRIBE: from now on messages may come for it. */
  request({ subscriptions, properties }: SubscribePacket): void {
    const identifier = properties.subscriptionIdentifiers?.[0];
    for (const request of subscriptions) this.#add(request, identifier);
  }

  #add(request: SubscriptionRequest, identifier: number | undefined): void {
    const { topicFilter, qos, retainAsPublished } = request;
    const hasRetained = request.retainHandling !== 2 && !topicFilter.startsWith("$share/");
    const asked = this.#asked.get(topicFilter);
    if (asked === undefined) {
      if (this.#asked.size >= MOST_FILTERS) this.isComplete = false;
      if (!this.isComplete) return;
      this.#asked.set(topicFilter, {
        qos,
        requests: 1,
        hasRetained,
        retainAsPublished,
        identifiers: new Set(identifier === undefined ? [] : [identifier]),
        isIdentified: identifier !== undefined,
      });
      return;
    }
    asked.requests++;
    asked.qos = Math.max(asked.qos, qos);
    asked.hasRetained ||= hasRetained;
    asked.retainAsPublished ||= retainAsPublished;
    asked.isIdentified &&= identifier !== undefined;
    if (identifier === undefined) return;
    if (asked.identifiers.size >= MOST_FILTERS) this.isComplete = false;
    else asked.identifiers.add(identifier);
  }

  /** A Reason Code of a SUBACK. */
  answer(topicFilter: string, reasonCode: number): void {
    const asked = this.#asked.get(topicFilter);
    // What was asked for more than once may come as it was granted at any of those times.
    if (asked === undefined || asked.requests > 1) return;
    if (isFailure(reasonCode)) this.#asked.delete(topicFilter);
    else asked.qos = reasonCode;
  }

  /** Judges a PUBLISH of the Server. */
  judge(judge: Judge, { qos, retain, properties }: PublishPacket, topic: string): void {
    if (!this.isComplete) return;
    const identifiers = properties.subscriptionIdentifiers ?? NONE;
    const asked = this.#matching(topic);
    const isAskedFor = judge.holds(
      "MQTT-3.3.2-3",
      asked.length > 0,
      () => `sends a message on ${quoted(topic)}, which no subscription of the Client matches`,
    );
    if (!isAskedFor) return;
    const most = Math.max(...asked.map(({ qos }) => qos));
    judge.holds(
      "MQTT-3.8.4-8",
      qos <= most,
      () =>
        `sends a message on ${quoted(topic)} at QoS ${qos}; its subscriptions were granted ` +
        `at most ${most}`,
    );
    if (!asked.some(({ hasRetained, retainAsPublished }) => hasRetained || retainAsPublished)) {
      judge.holds(
        "MQTT-3.3.1-12",
        !retain,
        () =>
          `sends a message on ${quoted(topic)} with RETAIN, which the Client did not ask ` +
          "to be passed on, nor for retained messages",
      );
    }
    if (asked.every(({ isIdentified }) => isIdentified)) {
      judge.holds(
        "MQTT-3.3.4-3",
        identifiers.length > 0,
        () =>
          `sends a message on ${quoted(topic)} without a Subscription Identifier, ` +
          "which each of its subscriptions has",
      );
    }
    if (identifiers.length === 0) return;
    const isEachGiven = identifiers.every((identifier) =>
      asked.some(({ identifiers }) => identifiers.has(identifier))
    );
    judge.holds(
      identifiers.length > 1 ? "MQTT-3.3.4-4" : "MQTT-3.3.4-3",
      isEachGiven,
      () =>
        `sends a message on ${quoted(topic)} with Subscription Identifiers ` +
        `${identifiers.slice(0, 10).join(", ")}, not all of which its subscriptions have`,
    );
  }

  /** All that was asked for with filters that match. */
  #matching(topic: string): Asked[] {
    const matching: Asked[] = [];
    for (const [topicFilter, asked] of this.#asked) {
      if (topicMatches(topicFilter, topic)) matching.push(asked);
    }
    return matching;
  }
}
