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
  type UnsubackPacket,
} from "../packets/mod.ts";
import type { PendingAcknowledgement } from "../session/pending_acknowledgement.ts";
import type { UnsubscribeRequest } from "../session/pending_requests.ts";
import type { ClientEvents } from "./events.ts";
import type { Link } from "./connection_attempt.ts";
import { type Acknowledger, Delivery, Message } from "./message.ts";
import { MessageQueue } from "./message_queue.ts";
import type { Settings } from "./options.ts";
import { receiveQueue } from "./options.ts";
import { Routes } from "./routes.ts";
import { unsubscribeRequest } from "./subscribe_options.ts";
import { ActiveSubscription, type Request, type SubscribeOptions } from "./subscription.ts";

/** What the subscriptions need of their client. */
export interface SubscriptionHost extends Acknowledger {
  readonly clock: Clock;
  readonly settings: Settings;
  /** The Subscription Identifiers of this client are those after this one. */
  readonly identifiersAfter: number;
  /**
   * The connection, if there is one, and whether its server marks messages with Subscription
   * Identifiers.
   */
  link(): Link | undefined;
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
  readonly #asked = new Map<ActiveSubscription, PromiseWithResolvers<void>>();
  readonly #endings = new Set<Ending>();
  /** Who waits for an answer on this connection, by Packet Identifier. */
  readonly #answers = new Map<number, (packet: Answer) => void>();

  constructor(host: SubscriptionHost) {
    this.#host = host;
    this.#routes = new Routes(host.identifiersAfter);
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
      identifier: options.subscriptionIdentifier === undefined
        ? this.#routes.nextIdentifier()
        : this.#routes.takeIdentifier(options.subscriptionIdentifier),
      mode: options.ack ?? settings.ack,
      limits: receiveQueue(options.receiveQueue, settings.receiveQueue),
      clock: this.#host.clock,
      close: (subscription) => this.close(subscription),
      onDropped: (message, subscription) => this.#host.tell("dropped", { message, subscription }),
    });
    const granted = Promise.withResolvers<void>();
    // Messages may come before the answer does.
    this.#routes.add(subscription);
    this.#asked.set(subscription, granted);
    const { signal } = options;
    const abort = () => granted.reject(signal?.reason);
    signal?.addEventListener("abort", abort);
    try {
      const link = this.#host.link();
      if (link !== undefined) this.#ask(link, subscription);
      await granted.promise;
      this.#adopt(subscription);
      return subscription;
    } catch (error) {
      void this.close(subscription);
      throw error;
    } finally {
      this.#asked.delete(subscription);
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
    const { answered } = this.#end(unsubscribeRequest(free), true);
    if (this.#host.link() === undefined) answered.resolve([]);
    await answered.promise.catch(() => {});
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
    this.#host.link()?.connection.checkUnsubscribe(request);
    const ours = topicFilters.filter((filter) => this.#routes.holdersOf(filter).length > 0);
    for (const filter of topicFilters) {
      for (const subscription of this.#routes.holdersOf(filter)) {
        this.#routes.remove(subscription, [filter]);
        if (subscription.topicFilters.length > 0) continue;
        for (const message of subscription.queue.end(undefined)) message.ack();
        // Whoever still waits for it gets one that is at its end.
        this.#asked.get(subscription)?.resolve();
      }
    }
    // What an older session still brings for the others is for whoever reads `client.messages`.
    const { answered } = this.#end(request, false, ours);
    const abort = () => answered.reject(signal?.reason);
    signal?.addEventListener("abort", abort);
    try {
      return await answered.promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** There is a connection: says what its server does not know. */
  connected(link: Link, sessionPresent: boolean): void {
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
      if (sessionPresent && subscription.isAnswered) continue;
      this.#ask(link, subscription);
    }
  }

  /** The connection is lost: no answer will come on it. */
  lost(): void {
    this.#answers.clear();
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
    if (subscriptions.length === 0) return this.unclaimed.push(new Message(packet, delivery));
    for (const { queue } of subscriptions) queue.push(new Message(packet, delivery));
  }

  /** The client is at its end: no answer will come, no message either. */
  end(error: Error | undefined, reason: Error): void {
    for (const { queue } of [this.unclaimed, ...this.#routes.all].map(asQueue)) queue.end(error);
    for (const { reject } of this.#asked.values()) reject(reason);
    for (const { answered } of this.#endings) answered.reject(reason);
    this.#endings.clear();
    this.#answers.clear();
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

  #ask({ connection, drive }: Link, subscription: ActiveSubscription): void {
    const { server } = connection;
    try {
      const packetId = connection.subscribe(
        subscription.request(
          server.subscriptionIdentifierAvailable,
          (topicFilter) => this.#routes.highestQoS(topicFilter),
        ),
      );
      if (packetId === 0) throw noIdentifier();
      const asked = subscription.topicFilters;
      subscription.atServer = new Set(asked);
      subscription.isAnswered = false;
      this.#answers.set(packetId, (packet) => this.#answered(subscription, asked, packet));
      drive.wake();
    } catch (error) {
      this.#refuse(subscription, subscription.topicFilters.map(() => error as Error));
    }
  }

  #answered(
    subscription: ActiveSubscription,
    asked: readonly string[],
    { reasonCodes, properties }: Answer,
  ): void {
    if (subscription.isClosed) return;
    subscription.isAnswered = true;
    subscription.atServer = new Set(asked.filter((_, index) => !isFailure(reasonCodes[index]!)));
    if (this.#asked.has(subscription)) subscription.reasonCodes = reasonCodes;
    const refused = reasonCodes.map((reasonCode, index) => {
      if (!isFailure(reasonCode)) return undefined;
      const what = `The server refused to subscribe to ${JSON.stringify(asked[index])}`;
      const reason = reasonCodeName(reasonCode, "suback") ?? "";
      return new RefusedError(what, { reasonCode, reason, reasonCodes, ...properties });
    });
    this.#refuse(subscription, refused, asked);
    if (refused.every((error) => error === undefined)) this.#asked.get(subscription)?.resolve();
  }

  /**
   * Of a new subscription a refusal of one filter refuses the whole; of an old one it ends that
   * filter.
   */
  #refuse(
    subscription: ActiveSubscription,
    errors: readonly (Error | undefined)[],
    topicFilters: readonly string[] = subscription.topicFilters,
  ): void {
    const asked = this.#asked.get(subscription);
    errors.forEach((error, index) => {
      if (error === undefined) return;
      if (asked !== undefined) return asked.reject(error);
      const topicFilter = topicFilters[index]!;
      this.#routes.remove(subscription, [topicFilter]);
      this.#host.tell("refused", { topicFilter, subscription, error });
      if (subscription.topicFilters.length === 0) subscription.queue.end(error);
    });
  }

  #end(
    request: UnsubscribeRequest,
    isQuiet: boolean,
    unwanted = request.topicFilters,
  ): Ending {
    const answered = Promise.withResolvers<readonly number[]>();
    const ending: Ending = { request, answered, isQuiet };
    this.#endings.add(ending);
    this.#routes.markEnding(unwanted);
    const link = this.#host.link();
    if (link !== undefined) this.#say(link, ending);
    return ending;
  }

  #say({ connection, drive }: Link, ending: Ending): void {
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

function noIdentifier(): NotSentError {
  return new NotSentError("All Packet Identifiers are in use", "queue full");
}
