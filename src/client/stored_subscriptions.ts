// What the server has of the subscriptions of a client with a store, as far as it has said so: kept
// for the next process, which then need not ask for it again. What is not certain is not kept: from
// the moment that something else is asked for until the answer, nobody knows.

import { isFailure, type SubackPacket, type SubscriptionRequest } from "../packets/mod.ts";
import type { SessionChange, StoredSession, StoredSubscription } from "../session/session_store.ts";
import type { Batch, Request } from "./subscription.ts";

/** The subscriptions of a session that is in a store. */
export class StoredSubscriptions {
  readonly #write: (change: SessionChange) => void;
  /** What an earlier process has left, and nobody in this one has asked for. */
  readonly #earlier: Map<string, StoredSubscription>;
  /**
   * Which Topic Filters an earlier process has left under each Subscription Identifier, whoever has
   * asked for them since: the server may still have messages that are marked with it.
   */
  readonly #left = new Map<number, string[]>();
  /** The Topic Filters that are in the store. */
  readonly #stored: Set<string>;
  /** Whether the store says that a CONNECT has no answer. */
  #isUnanswered: boolean;
  /** What was asked for last, by Topic Filter, until it is answered or asked for again. */
  readonly #asked = new Map<string, Batch>();

  /** `write` is called with what changes in the store. */
  constructor(
    { subscriptions: stored, isUnanswered }: StoredSession,
    write: (change: SessionChange) => void,
  ) {
    this.#write = write;
    this.#isUnanswered = isUnanswered;
    this.#earlier = new Map(stored.map((each) => [each.request.topicFilter, each]));
    this.#stored = new Set(this.#earlier.keys());
    for (const { identifier, request: { topicFilter } } of stored) {
      if (identifier === undefined) continue;
      this.#left.set(identifier, [...this.#left.get(identifier) ?? [], topicFilter]);
    }
  }

  /** The Subscription Identifiers that an earlier process has left. */
  get identifiers(): readonly number[] {
    return [...this.#left.keys()];
  }

  /**
   * The Subscription Identifier under which the server has what is asked for, or a part of it, and
   * nothing else.
   */
  identifierFor({ subscriptions }: Request): number | undefined {
    const found = subscriptions.find((request) => this.#find(request)?.identifier !== undefined);
    const identifier = found && this.#find(found)!.identifier;
    if (identifier === undefined) return undefined;
    const isWhole = this.#left.get(identifier)!.every((left) =>
      subscriptions.some(({ topicFilter }) => topicFilter === left)
    );
    return isWhole ? identifier : undefined;
  }

  /**
   * Takes over one Topic Filter, if the server has it with these very options and this identifier.
   * Returns the Reason Code with which it was granted.
   */
  takeOver(
    request: SubscriptionRequest,
    identifier: number | undefined,
    properties: Request["properties"],
  ): number | undefined {
    const stored = this.#find(request);
    if (isTold(properties) || stored === undefined || stored.identifier !== identifier) {
      return undefined;
    }
    this.#earlier.delete(request.topicFilter);
    return stored.reasonCode;
  }

  /** The server is about to be asked: until it has answered, nobody knows what it has. */
  asking(batch: Batch): void {
    for (const { topicFilter } of batch.requests) {
      this.#forget(topicFilter);
      this.#asked.set(topicFilter, batch);
    }
  }

  /** The server has answered. */
  answered(batch: Batch, { reasonCodes }: Pick<SubackPacket, "reasonCodes">): void {
    const { subscriptions, properties } = batch.packet;
    batch.requests.forEach(({ topicFilter, ...options }, index) => {
      // What was asked for, or ended, since then, counts.
      if (this.#asked.get(topicFilter) !== batch) return;
      this.#asked.delete(topicFilter);
      const reasonCode = reasonCodes[index]!;
      if (isFailure(reasonCode)) return;
      const qos = subscriptions[index]!.qos ?? options.qos;
      const request: SubscriptionRequest = { topicFilter, ...options, qos };
      const identifier = properties?.subscriptionIdentifiers?.[0];
      this.#stored.add(topicFilter);
      this.#write({ type: "subscribed", subscription: { request, identifier, reasonCode } });
    });
  }

  /** Nobody wants these Topic Filters any more, and the server is to be told, or will be. */
  ending(topicFilters: readonly string[]): void {
    for (const topicFilter of topicFilters) {
      this.#forget(topicFilter);
      this.#asked.delete(topicFilter);
    }
  }

  /**
   * A CONNECT is about to be sent, or is answered. Until then this is in the store: the process may
   * end before the answer comes, and that is lost which says that the server has begun a session.
   */
  setUnanswered(isUnanswered: boolean): void {
    // Where nothing is stored, nothing can be taken over.
    if (isUnanswered === this.#isUnanswered || isUnanswered && this.#stored.size === 0) return;
    this.#isUnanswered = isUnanswered;
    this.#write({ type: "unanswered", isUnanswered });
  }

  /** The server may have lost the session: all is asked for again. */
  doubt(): void {
    for (const topicFilter of [...this.#stored]) this.#forget(topicFilter);
  }

  /** The server has lost the session, which the store knows. */
  lost(): void {
    this.#earlier.clear();
    this.#stored.clear();
    this.#asked.clear();
    // The session that the store begins with has an answer.
    this.#isUnanswered = false;
  }

  #find(request: SubscriptionRequest): StoredSubscription | undefined {
    const stored = this.#earlier.get(request.topicFilter);
    return stored !== undefined && isSame(stored.request, request) ? stored : undefined;
  }

  #forget(topicFilter: string): void {
    this.#earlier.delete(topicFilter);
    if (this.#stored.delete(topicFilter)) this.#write({ type: "unsubscribed", topicFilter });
  }
}

/** Whether the server is told something that it does not keep, which it is told each time. */
function isTold({ userProperties = [] }: Request["properties"]): boolean {
  return userProperties.length > 0;
}

function isSame(one: SubscriptionRequest, other: SubscriptionRequest): boolean {
  return one.qos === other.qos && one.noLocal === other.noLocal &&
    one.retainAsPublished === other.retainAsPublished &&
    one.retainHandling === other.retainHandling;
}
