// §3.8.4 SUBSCRIBE Actions and §3.10.4 UNSUBSCRIBE Actions. A packet with many Topic Filters takes
// several turns.

import {
  isFailure,
  ReasonCode,
  type ReasonCodeOf,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubscribePacket,
} from "../packets/mod.ts";
import { parseSharedSubscription } from "../topics.ts";
import type { CommitBeforeWrite } from "./durability/commit_before_write.ts";
import type { Store } from "./durability/store.ts";
import type { Hooks } from "./hooks.ts";
import type { BrokerConnection, BrokerSession } from "./model.ts";
import type { BrokerLimits } from "./limits.ts";
import type { RetainedDelivery } from "./retained/delivery.ts";
import type { Subscription, SubscriptionTable } from "./routing/subscriptions.ts";
import { levelsOf } from "./routing/topic_levels.ts";
import { subscriptionBytes } from "./sizes.ts";
import { type Turns, Work } from "./turns.ts";

/** Dependencies of {@linkcode SubscribeHandler}. */
export interface SubscribeHandlerSetup {
  readonly limits: BrokerLimits;
  readonly hooks: Hooks;
  readonly table: SubscriptionTable<BrokerSession>;
  readonly retainedDelivery: RetainedDelivery;
  readonly turns: Turns;
  /** The database; `undefined` when nothing is persisted. */
  readonly store: Store | undefined;
  readonly commits: CommitBeforeWrite | undefined;
}

/** Handles SUBSCRIBE and UNSUBSCRIBE packets. */
export class SubscribeHandler {
  readonly #setup: SubscribeHandlerSetup;

  constructor(setup: SubscribeHandlerSetup) {
    this.#setup = setup;
  }

  /**
   * Handles a SUBSCRIBE. If the session was taken over while a hook was running, it is ignored, as
   * the session may have ended or belong to another connection.
   */
  subscribe(connection: BrokerConnection, packet: SubscribePacket): Promise<void> | undefined {
    const session = connection.session!;
    connection.protocol.checkAnswer(packet);
    const { subscriptionIdentifiers: [identifier] = [] } = packet.properties;
    return this.#setup.hooks.authorizeSubscribe(
      connection.client!,
      packet.subscriptions,
      (verdicts) => {
        const added: Added[] = [];
        const add = (request: SubscriptionRequest, index: number): ReasonCodeOf<"suback"> => {
          const { topicFilter } = request;
          const before = session.subscriptions.get(topicFilter);
          const isNew = before === undefined;
          const verdict = verdicts[index]!;
          if (isFailure(verdict)) return verdict;
          const unsupported = connection.protocol.unsupportedCode(request);
          if (unsupported !== undefined) return unsupported;
          const shared = parseSharedSubscription(topicFilter);
          const levels = levelsOf(shared?.topicFilter ?? topicFilter);
          if (levels > this.#setup.limits.topicLevels) return ReasonCode.topicFilterInvalid;
          if (
            isNew && session.subscriptions.size >= this.#setup.limits.subscriptionsPerSession
          ) return ReasonCode.quotaExceeded;
          const bytes = subscriptionBytes(topicFilter);
          if (isNew && !session.subscriptionAccount.tryCharge(bytes)) {
            return ReasonCode.quotaExceeded;
          }
          const subscription: Subscription<BrokerSession> = {
            subscriber: session,
            request,
            identifier,
          };
          session.subscriptions.set(topicFilter, subscription);
          this.#setup.table.add(subscription);
          if (session.lifetime > 0) this.#setup.store?.saveSubscription(subscription);
          added.push({ subscription, before, index });
          return request.qos;
        };
        const reasonCodes: ReasonCodeOf<"suback">[] = [];
        return this.#setup.turns.forEach(
          connection.share,
          packet.subscriptions,
          (request, index) => {
            if (session.connection !== connection) return;
            this.#count(request.topicFilter);
            reasonCodes.push(add(request, index));
          },
          () => {
            if (session.connection !== connection) return;
            if (!this.#isStored(session)) {
              for (const each of added.splice(0).toReversed()) {
                this.#takeBack(each);
                reasonCodes[each.index] = ReasonCode.quotaExceeded;
              }
            }
            connection.protocol.suback(packet, reasonCodes);
            for (const { subscription, before } of added) {
              this.#sendRetained(subscription, before === undefined);
              this.#setup.hooks.onSubscribe(connection.client!, subscription.request);
            }
            this.#setup.retainedDelivery.deliver(session);
          },
        );
      },
    );
  }

  /** Handles an UNSUBSCRIBE. */
  unsubscribe(connection: BrokerConnection, packet: UnsubscribePacket): Promise<void> | undefined {
    const session = connection.session!;
    if (session.connection !== connection) return undefined;
    connection.protocol.checkAnswer(packet);
    const entries: (Subscription<BrokerSession> | undefined)[] = [];
    const remove = (topicFilter: string) => {
      const subscription = session.subscriptions.get(topicFilter);
      if (!session.subscriptions.delete(topicFilter)) return undefined;
      session.subscriptionAccount.release(subscriptionBytes(topicFilter));
      this.#setup.table.remove(session, topicFilter);
      this.#setup.store?.deleteSubscription(session, topicFilter);
      return subscription;
    };
    const { topicFilters } = packet;
    return this.#setup.turns.forEach(connection.share, topicFilters, (topicFilter) => {
      if (session.connection !== connection) return;
      this.#count(topicFilter);
      entries.push(remove(topicFilter));
    }, () => {
      if (session.connection !== connection) return;
      const isStored = this.#isStored(session);
      const reasonCodes = topicFilters.map((topicFilter, index) => {
        const subscription = entries[index];
        if (subscription === undefined) return ReasonCode.noSubscriptionExisted;
        if (isStored) this.#setup.retainedDelivery.stop(session, topicFilter);
        else {
          session.subscriptionAccount.charge(subscriptionBytes(topicFilter));
          this.#restore(subscription);
        }
        return isStored ? ReasonCode.success : ReasonCode.implementationSpecificError;
      });
      connection.protocol.unsuback(packet, reasonCodes);
      for (const [index, reasonCode] of reasonCodes.entries()) {
        if (reasonCode !== ReasonCode.success) continue;
        this.#setup.hooks.onUnsubscribe(connection.client!, topicFilters[index]!);
      }
    });
  }

  #count(topicFilter: string): void {
    this.#setup.turns.count(Work.subscription + Work.text * topicFilter.length);
  }

  /** Whether a session's changes are stored, or need not be. */
  #isStored({ lifetime }: BrokerSession): boolean {
    return lifetime === 0 || this.#setup.commits === undefined || this.#setup.commits.commit();
  }

  /** Restores a subscription whose change could not be stored. */
  #takeBack({ subscription, before }: Added): void {
    const { subscriber, request: { topicFilter } } = subscription;
    if (before !== undefined) return this.#restore(before);
    subscriber.subscriptions.delete(topicFilter);
    subscriber.subscriptionAccount.release(subscriptionBytes(topicFilter));
    this.#setup.table.remove(subscriber, topicFilter);
    this.#setup.store?.deleteSubscription(subscriber, topicFilter);
  }

  #restore(subscription: Subscription<BrokerSession>): void {
    subscription.subscriber.subscriptions.set(subscription.request.topicFilter, subscription);
    this.#setup.table.add(subscription);
    this.#setup.store?.saveSubscription(subscription);
  }

  #sendRetained(subscription: Subscription<BrokerSession>, isNew: boolean): void {
    const { topicFilter, retainHandling } = subscription.request;
    // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]; a Shared Subscription gets none (§4.8.2).
    if (retainHandling === 2 || retainHandling === 1 && !isNew) return;
    if (parseSharedSubscription(topicFilter) !== undefined) return;
    this.#setup.retainedDelivery.start(subscription);
  }
}

/** A subscription that has been added, what was in its place, and which of the packet it is. */
interface Added {
  readonly subscription: Subscription<BrokerSession>;
  readonly before: Subscription<BrokerSession> | undefined;
  readonly index: number;
}
