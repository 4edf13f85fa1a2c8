// §3.3.1.3, §3.8.3.1 Delivery of retained messages to new subscriptions. There may be very many of
// them, and even more to search: they are sent as fast as the client takes them, and never so many
// in one turn that other clients have to wait.

import type { DeliveryAuthorizer } from "../delivery_authorizer.ts";
import { isPromise } from "../is_promise.ts";
import type { BrokerSession, RetainedCursor } from "../model.ts";
import type { Router } from "../routing/router.ts";
import type { Subscription } from "../routing/subscriptions.ts";
import { type Turns, Work } from "../turns.ts";
import type { Retained, RetainedMessages } from "./messages.ts";

/** Messages that may wait in the session's queue at a time. */
const WAITING = 256;

/** Nodes that are visited before checking whether the turn is over. */
const NODES = 256;

/** Dependencies of {@linkcode RetainedDelivery}. */
export interface RetainedDeliverySetup {
  readonly retained: RetainedMessages;
  readonly router: Router;
  readonly deliveries: DeliveryAuthorizer;
  readonly turns: Turns;
}

/** Delivers retained messages to subscriptions. */
export class RetainedDelivery {
  readonly #setup: RetainedDeliverySetup;
  /** The number of subscriptions whose delivery is not complete. */
  #waiting = 0;

  constructor(setup: RetainedDeliverySetup) {
    this.#setup = setup;
  }

  /**
   * Starts the delivery of matching retained messages to a subscription. If one is under way, it is
   * restarted [MQTT-3.3.1-9].
   */
  start(subscription: Subscription<BrokerSession>): void {
    const { retained } = this.#setup;
    const { subscriber, request: { topicFilter } } = subscription;
    this.stop(subscriber, topicFilter);
    const cursor: RetainedCursor = {
      subscription,
      search: undefined,
      upTo: retained.latest,
      sent: undefined,
      held: undefined,
    };
    const cursors = subscriber.retainedCursors ??= new Map();
    cursors.set(topicFilter, cursor);
    this.#waiting++;
  }

  /** Ends the delivery for a subscription. */
  stop(session: BrokerSession, topicFilter: string): void {
    const cursors = session.retainedCursors;
    if (cursors?.delete(topicFilter) !== true) return;
    if (cursors.size === 0) session.retainedCursors = undefined;
    this.#waiting--;
  }

  /** Ends all deliveries for a session. */
  stopAll(session: BrokerSession): void {
    this.#waiting -= session.retainedCursors?.size ?? 0;
    session.retainedCursors = undefined;
  }

  /**
   * The retained message of a topic, if some subscription may still be waiting for it. As it is
   * older than the message that is published now, it must be sent first [MQTT-4.6.0-5].
   */
  olderThanNow(topicName: string): Retained | undefined {
    return this.#waiting === 0 ? undefined : this.#setup.retained.get(topicName);
  }

  /** Sends a retained message to those of the subscriptions that are still waiting for it. */
  sendFirst(message: Retained, subscriptions: readonly Subscription<BrokerSession>[]): void {
    for (const { subscriber, request: { topicFilter } } of subscriptions) {
      const cursor = subscriber.retainedCursors?.get(topicFilter);
      if (cursor !== undefined) this.#send(cursor, message);
    }
  }

  /**
   * Sends retained messages while the session's queue is short. Call it again whenever a message of
   * the session is settled.
   */
  deliver(session: BrokerSession): void {
    const { turns } = this.#setup;
    const { sendQueue } = session.state;
    // It goes on in a later turn.
    if (session.isDeliveryDue) return;
    while (session.connection !== undefined && sendQueue.length < WAITING) {
      const [first] = session.retainedCursors ?? [];
      if (first === undefined) return;
      if (turns.isOver) {
        session.isDeliveryDue = true;
        turns.wait(session.deliveryShare, () => {
          session.isDeliveryDue = false;
          turns.begin(session.deliveryShare);
          this.deliver(session);
        });
        return;
      }
      const [topicFilter, cursor] = first;
      const message = cursor.held ?? this.#find(cursor);
      cursor.held = undefined;
      if (message === undefined) {
        if (cursor.search!.isOver) this.stop(session, topicFilter);
      } else if (!sendQueue.hasRoomFor(sizeOf(message))) {
        cursor.held = message;
        return;
      } else {
        const verdict = this.#setup.deliveries.verdict(session, message.packet);
        if (isPromise(verdict)) return this.#sendLater(session, cursor, message, verdict);
        if (verdict) this.#send(cursor, message);
      }
    }
  }

  /** Waits for a hook that decides whether a message may be sent; the others wait behind it. */
  #sendLater(
    session: BrokerSession,
    cursor: RetainedCursor,
    message: Retained,
    verdict: Promise<boolean>,
  ): void {
    const { connection } = session;
    session.isDeliveryDue = true;
    void verdict.then((isAllowed) => {
      session.isDeliveryDue = false;
      const isWanted =
        session.retainedCursors?.get(cursor.subscription.request.topicFilter) === cursor;
      // If the client has reconnected meanwhile, the hook must be called again.
      if (isWanted && session.connection !== connection) cursor.held = message;
      else if (isWanted && isAllowed) this.#send(cursor, message);
      this.deliver(session);
      // Sends what was queued, also when the next message has to wait for the hook.
      session.connection?.wake();
    });
  }

  /** The next message, if a few steps of the search find it. */
  #find(cursor: RetainedCursor): Retained | undefined {
    const { topicFilter } = cursor.subscription.request;
    const search = cursor.search ??= this.#setup.retained.search(topicFilter);
    const before = search.visited;
    const message = search.next(NODES);
    this.#setup.turns.count(Work.node * (search.visited - before));
    return message;
  }

  #send(cursor: RetainedCursor, message: Retained): void {
    const { subscription, upTo } = cursor;
    if (message.sequence > upTo || subscription.subscriber.hasEnded) return;
    const sent = cursor.sent ??= new Set();
    if (sent.has(message)) return;
    sent.add(message);
    this.#setup.turns.count(Work.packet + Work.delivery);
    this.#setup.router.sendRetained(message.packet, message.expiresAt, subscription);
  }
}

/** Counts as the queue of a session does. */
function sizeOf({ packet: { topic, payload } }: Retained): number {
  return topic.length + payload.length;
}
