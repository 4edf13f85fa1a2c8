// The subscriptions of a client: asked for, granted, ended, and asked for again when the server has
// lost them. The server is told as soon as there is a connection; what it has not answered is said
// again on the next one.

import { NotSentError, RefusedError } from "../errors.ts";
import type { Clock } from "../io/clock.ts";
import {
  isFailure,
  type PublishPacket,
  ReasonCode,
  reasonCodeName,
  type SubackPacket,
  type SubscriptionRequest,
  type UnsubackPacket,
} from "../packets/mod.ts";
import type { PendingAcknowledgement } from "../session/pending_acknowledgement.ts";
import type { UnsubscribeRequest } from "../session/pending_requests.ts";
import type { ClientEvents } from "./events.ts";
import type { Link } from "./connection_attempt.ts";
import { type Acknowledger, Delivery, Message, type Publish } from "./message.ts";
import { MessageQueue } from "./message_queue.ts";
import type { Settings } from "./options.ts";
import { receiveQueue } from "./options.ts";
import { mayPass } from "./reconnect.ts";
import { Resubscribing } from "./resubscribing.ts";
import { Routes } from "./routes.ts";
import type { StoredSubscriptions } from "./stored_subscriptions.ts";
import { unsubscribeRequest } from "./subscribe_options.ts";
import {
  ActiveSubscription,
  type Batch,
  type GrantAnswer,
  inBatches,
  type Request,
  type SubscribeOptions,
} from "./subscription.ts";

/** What the subscriptions need of their client. */
export interface SubscriptionHost extends Acknowledger {
  readonly clock: Clock;
  readonly settings: Settings;
  /** The Subscription Identifiers of this client are those after this one. */
  readonly identifiersAfter: number;
  /** Those of the session that is in the client's store. */
  readonly stored: StoredSubscriptions | undefined;
  /**
   * The connection, if there is one, and whether its server marks messages with Subscription
   * Identifiers.
   */
  link(): Link | undefined;
  /** Publishes responses. */
  readonly publish: Publish;
  /** Tells the application. */
  tell<Type extends "refused" | "dropped">(type: Type, detail: ClientEvents[Type]): void;
}

type Answer = SubackPacket | UnsubackPacket;

/** An UNSUBSCRIBE that the server has not answered. */
interface Ending {
  readonly request: UnsubscribeRequest;
  readonly answered: PromiseWithResolvers<readonly number[]>;
  /** Whether nobody waits for the answer longer than the connection lasts. */
  readonly isQuiet: boolean;
}

/** All subscriptions of one client. */
export class Subscriptions {
  /** The messages that no subscription claims. */
  readonly unclaimed: MessageQueue;
  readonly #host: SubscriptionHost;
  readonly #routes: Routes;
  /** Subscriptions that the server has not granted yet. */
  readonly #new = new Map<ActiveSubscription, PromiseWithResolvers<void>>();
  readonly #endings = new Set<Ending>();
  readonly #resubscribing: Resubscribing;
  /** Who waits for an answer on this connection, by Packet Identifier. */
  readonly #answers = new Map<number, (packet: Answer) => void>();

  constructor(host: SubscriptionHost) {
    this.#host = host;
    this.#resubscribing = new Resubscribing(host.clock, host.settings.reconnect);
    this.#routes = new Routes(host.identifiersAfter, host.stored?.identifiers);
    const { receiveQueue, ack } = host.settings;
    this.unclaimed = new MessageQueue(
      receiveQueue,
      ack,
      (message) => host.tell("dropped", { message, subscription: undefined }),
    );
  }

  /** Asks for a subscription, which is there once the server has granted all of it. */
  async subscribe(request: Request, options: SubscribeOptions): Promise<ActiveSubscription> {
    const { settings } = this.#host;
    const subscription = new ActiveSubscription({
      request,
      identifier: this.#identifierFor(request, options.subscriptionIdentifier),
      mode: options.ack ?? settings.ack,
      limits: receiveQueue(options.receiveQueue, settings.receiveQueue),
      clock: this.#host.clock,
      close: (subscription) => this.close(subscription),
      onDropped: (message, subscription) => this.#host.tell("dropped", { message, subscription }),
    });
    const granted = Promise.withResolvers<void>();
    // Messages may come before the answer does.
    this.#routes.add(subscription);
    this.#new.set(subscription, granted);
    const { signal } = options;
    const abort = () => granted.reject(signal?.reason);
    signal?.addEventListener("abort", abort);
    try {
      const link = this.#host.link();
      if (link !== undefined) this.#askAll(link, subscription);
      await granted.promise;
      this.#adopt(subscription);
      return subscription;
    } catch (error) {
      void this.close(subscription);
      throw error;
    } finally {
      this.#new.delete(subscription);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Ends one subscription. Resolves when the server has answered, or cannot. */
  async close(subscription: ActiveSubscription): Promise<void> {
    subscription.isClosed = true;
    const free = this.#routes.remove(subscription, subscription.topicFilters)
      .filter((filter) => subscription.atServer.has(filter));
    for (const message of subscription.queue.end(undefined)) message.ack();
    if (free.length === 0) return;
    const endings = this.#end(unsubscribeRequest(free), true);
    if (this.#host.link() === undefined) {
      for (const { answered } of endings) answered.resolve([]);
    }
    await Promise.allSettled(endings.map(({ answered }) => answered.promise));
  }

  /**
   * Ends whatever has these Topic Filters, here and at the server. Resolves to the server's Reason
   * Codes.
   */
  async unsubscribe(
    request: UnsubscribeRequest,
    signal: AbortSignal | undefined,
  ): Promise<readonly number[]> {
    const { topicFilters } = request;
    const { connection } = this.#host.link() ?? {};
    for (const batch of this.#unsubscribes(request)) connection?.checkUnsubscribe(batch);
    const ours = topicFilters.filter((filter) => this.#routes.holdersOf(filter).length > 0);
    for (const filter of topicFilters) {
      for (const subscription of this.#routes.holdersOf(filter)) {
        this.#routes.remove(subscription, [filter]);
        if (subscription.topicFilters.length > 0) continue;
        for (const message of subscription.queue.end(undefined)) message.ack();
        // Whoever still waits for it gets one that is at its end.
        this.#new.get(subscription)?.resolve();
      }
    }
    // What an older session still brings for the others is for whoever reads `client.messages`.
    const endings = this.#end(request, false, ours);
    const abort = () => {
      for (const { answered } of endings) answered.reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort);
    try {
      return (await Promise.all(endings.map(({ answered }) => answered.promise))).flat();
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /**
   * There is a connection: says what its server does not know, or may not know if it is doubtful
   * which session it has.
   */
  connected(link: Link, sessionPresent: boolean, isDoubtful: boolean): void {
    if (!sessionPresent) this.#host.stored?.lost();
    else if (isDoubtful) this.#host.stored?.doubt();
    for (const { queue } of [this.unclaimed, ...this.#routes.all].map(asQueue)) {
      if (sessionPresent) queue.forgetStale();
      else queue.boundStale();
    }
    for (const ending of this.#endings) {
      if (sessionPresent) this.#say(link, ending);
      else {this.#settle(
          ending,
          ending.request.topicFilters.map(() => ReasonCode.noSubscriptionExisted),
        );}
    }
    for (const subscription of this.#routes.all) {
      if (!sessionPresent) subscription.lost();
      else if (isDoubtful) subscription.doubt();
      this.#askAll(link, subscription);
    }
  }

  /** The connection is lost: no answer will come on it. */
  lost(): void {
    this.#answers.clear();
    this.#resubscribing.stop();
    for (const { isQuiet, answered } of this.#endings) {
      if (isQuiet) answered.resolve([]);
    }
  }

  /** The server has answered a request. */
  handleAnswer(packet: Answer): void {
    const handle = this.#answers.get(packet.packetId);
    this.#answers.delete(packet.packetId);
    handle?.(packet);
  }

  /** A message has come. */
  deliver(packet: PublishPacket, acknowledgement: PendingAcknowledgement | undefined): void {
    const subscriptions = this.#routes.of(packet);
    if (subscriptions === undefined) {
      if (acknowledgement !== undefined) {
        this.#host.acknowledge(acknowledgement, ReasonCode.success);
      }
      return;
    }
    const pending = Math.max(1, subscriptions.length);
    const delivery = acknowledgement && new Delivery(acknowledgement, this.#host, pending);
    const { publish } = this.#host;
    if (subscriptions.length === 0) {
      return this.unclaimed.push(new Message(packet, delivery, publish));
    }
    for (const { queue } of subscriptions) queue.push(new Message(packet, delivery, publish));
  }

  /** The client is at its end: no answer will come, no message either. */
  end(error: Error | undefined, reason: Error): void {
    for (const { queue } of [this.unclaimed, ...this.#routes.all].map(asQueue)) queue.end(error);
    for (const { reject } of this.#new.values()) reject(reason);
    for (const { answered } of this.#endings) answered.reject(reason);
    this.#endings.clear();
    this.#answers.clear();
    this.#resubscribing.stop();
  }

  /**
   * Messages that came before anybody asked for them go to who has asked, before those that came
   * since.
   */
  #adopt(subscription: ActiveSubscription): void {
    const earlier = this.unclaimed.takeOut(({ topic }) => subscription.matches(topic));
    if (earlier.length === 0) return;
    const later = subscription.queue.takeOut(() => true);
    for (const message of [...earlier, ...later]) subscription.queue.push(message);
  }

  #identifierFor(request: Request, asked: number | undefined): number {
    if (asked !== undefined) return this.#routes.takeIdentifier(asked);
    const earlier = this.#routes.takeOver(this.#host.stored?.identifierFor(request));
    return earlier ?? this.#routes.nextIdentifier();
  }

  /** Asks the server for what it has not answered, but for what it has from an earlier process. */
  #askAll(link: Link, subscription: ActiveSubscription): void {
    // What could not be said any more is said on the next connection.
    if (link.connection.isClosed) return;
    this.#takeOver(link, subscription);
    this.#ask(link, subscription, subscription.unanswered);
  }

  /** Asks for some Topic Filters, in batches that the server takes. */
  #ask(
    { connection, drive }: Link,
    subscription: ActiveSubscription,
    requests: readonly SubscriptionRequest[],
  ): void {
    const batches = subscription.batches(
      requests,
      this.#host.settings.filtersPerPacket,
      connection.server.subscriptionIdentifierAvailable,
      (topicFilter) => this.#routes.highestQoS(topicFilter),
    );
    const possible = batches.filter((batch) =>
      this.#tries(subscription, batch, () => connection.checkSubscribe(batch.packet))
    );
    // Of a new one nothing is asked for when a part cannot be.
    if (this.#new.has(subscription) && possible.length < batches.length) return;
    for (const batch of possible) {
      this.#tries(subscription, batch, () => {
        const packetId = connection.subscribe(batch.packet);
        if (packetId === 0) throw noIdentifier();
        subscription.asked(batch);
        this.#host.stored?.asking(batch);
        this.#answers.set(
          packetId,
          (packet) => this.#answered(subscription, batch, packet as SubackPacket),
        );
      });
    }
    drive.wake();
    this.#checkGranted(subscription);
  }

  /** What the server has from an earlier process need not be asked for. */
  #takeOver({ connection }: Link, subscription: ActiveSubscription): void {
    const { stored } = this.#host;
    if (stored === undefined) return;
    const { subscriptionIdentifierAvailable } = connection.server;
    const identifier = subscriptionIdentifierAvailable ? subscription.identifier : undefined;
    for (const request of subscription.unanswered) {
      const reasonCode = stored.takeOver(request, identifier, subscription.properties);
      if (reasonCode !== undefined) subscription.takeOver(request, reasonCode);
    }
  }

  /** Whether a part of a subscription can be asked for; the subscription is told why not. */
  #tries(subscription: ActiveSubscription, { requests }: Batch, work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      const delay = error instanceof NotSentError ? this.#later(subscription, requests) : undefined;
      for (const { topicFilter } of requests) {
        this.#refuse(subscription, topicFilter, error as Error, delay);
      }
      return false;
    }
  }

  #answered(subscription: ActiveSubscription, batch: Batch, packet: SubackPacket): void {
    this.#host.stored?.answered(batch, packet);
    if (subscription.isClosed) return;
    const isFirst = this.#new.has(subscription);
    subscription.answered(batch, packet, isFirst);
    if (isFirst) return this.#checkGranted(subscription);
    const { reasonCodes, properties } = packet;
    const delay = this.#later(
      subscription,
      batch.requests.filter((_, index) => mayPass(reasonCodes[index]!)),
    );
    batch.requests.forEach((request, index) => {
      const reasonCode = reasonCodes[index]!;
      if (!isFailure(reasonCode)) return this.#resubscribing.granted(request);
      const { topicFilter } = request;
      const error = refusal(topicFilter, { reasonCode, properties }, reasonCodes);
      this.#refuse(subscription, topicFilter, error, mayPass(reasonCode) ? delay : undefined);
    });
  }

  /**
   * Asks again later for what could not be had, as that may pass. Returns in how many milliseconds;
   * `undefined` when it is not asked for again.
   */
  #later(
    subscription: ActiveSubscription,
    requests: readonly SubscriptionRequest[],
  ): number | undefined {
    if (this.#new.has(subscription)) return undefined;
    const delay = this.#resubscribing.later(requests, () => {
      const link = this.#host.link();
      const wanted = subscription.unanswered.filter((request) => requests.includes(request));
      if (link?.connection.isClosed === false) this.#ask(link, subscription, wanted);
    });
    if (delay !== undefined) subscription.postpone(requests);
    return delay;
  }

  /** Once the whole of a new subscription is answered, it is there, or none of it is. */
  #checkGranted(subscription: ActiveSubscription): void {
    const granted = this.#new.get(subscription);
    if (granted === undefined || !subscription.isAnswered) return;
    const { refused, reasonCodes } = subscription;
    if (refused === undefined) granted.resolve();
    else granted.reject(refusal(...refused, reasonCodes));
  }

  /**
   * Of a new subscription a filter that cannot be had refuses the whole; of an old one it ends that
   * filter, unless it is asked for again in `delay` milliseconds.
   */
  #refuse(
    subscription: ActiveSubscription,
    topicFilter: string,
    error: Error,
    delay: number | undefined,
  ): void {
    const granted = this.#new.get(subscription);
    if (granted !== undefined) return granted.reject(error);
    if (delay === undefined) this.#routes.remove(subscription, [topicFilter]);
    this.#host.tell("refused", { topicFilter, subscription, error, delay });
    if (subscription.topicFilters.length === 0) subscription.queue.end(error);
  }

  #end(
    request: UnsubscribeRequest,
    isQuiet: boolean,
    unwanted = request.topicFilters,
  ): readonly Ending[] {
    const endings = this.#unsubscribes(request).map((request): Ending => ({
      request,
      answered: Promise.withResolvers<readonly number[]>(),
      isQuiet,
    }));
    this.#routes.markEnding(unwanted);
    this.#host.stored?.ending(request.topicFilters);
    const link = this.#host.link();
    for (const ending of endings) {
      this.#endings.add(ending);
      if (link !== undefined) this.#say(link, ending);
    }
    return endings;
  }

  /** One UNSUBSCRIBE, or several that the server takes. */
  #unsubscribes(request: UnsubscribeRequest): readonly UnsubscribeRequest[] {
    return inBatches(request.topicFilters, this.#host.settings.filtersPerPacket)
      .map((topicFilters) => ({ ...request, topicFilters }));
  }

  #say({ connection, drive }: Link, ending: Ending): void {
    if (connection.isClosed) return;
    try {
      const packetId = connection.unsubscribe(ending.request);
      if (packetId === 0) throw noIdentifier();
      this.#answers.set(packetId, ({ reasonCodes }) => this.#settle(ending, reasonCodes));
      drive.wake();
    } catch (error) {
      this.#endings.delete(ending);
      ending.answered.reject(error);
    }
  }

  #settle(ending: Ending, reasonCodes: readonly number[]): void {
    this.#endings.delete(ending);
    this.#routes.unmarkEnding(ending.request.topicFilters);
    ending.answered.resolve(reasonCodes);
  }
}

function asQueue(holder: MessageQueue | ActiveSubscription): { readonly queue: MessageQueue } {
  return holder instanceof MessageQueue ? { queue: holder } : holder;
}

function refusal(
  topicFilter: string,
  { reasonCode, properties }: GrantAnswer,
  reasonCodes: readonly number[],
): RefusedError {
  const what = `The server refused to subscribe to ${JSON.stringify(topicFilter)}`;
  const reason = reasonCodeName(reasonCode, "suback") ?? "";
  return new RefusedError(what, { reasonCode, reason, reasonCodes, ...properties });
}

function noIdentifier(): NotSentError {
  return new NotSentError("All Packet Identifiers are in use", "queue full");
}
