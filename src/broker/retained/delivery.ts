// §3.3.1.3, §3.8.3.1 Retained messages on their way to who has subscribed. There may be very many,
// and more that have to be looked at: they go one after the other, as fast as the client takes
// them, and never so many in one turn that others have to wait.

import type { DeliveryAuthorizer } from "../delivery_authorizer.ts";
import { isPromise } from "../is_promise.ts";
import type { BrokerSession, RetainedCursor } from "../model.ts";
import type { Router } from "../routing/router.ts";
import type { Subscription } from "../routing/subscriptions.ts";
import { type Turns, Work } from "../turns.ts";
import type { Retained, RetainedMessages } from "./messages.ts";

/** So many may wait in the queue of the session: the rest waits here. */
const WAITING = 256;

/** So many nodes are visited before somebody asks whether the turn is over. */
const NODES = 256;

/** What it works with. */
export interface RetainedDeliverySetup {
  readonly retained: RetainedMessages;
  readonly router: Router;
  readonly deliveries: DeliveryAuthorizer;
  readonly turns: Turns;
}

/** Sends retained messages. */
export class RetainedDelivery {
  readonly #setup: RetainedDeliverySetup;
  /** How many subscriptions are still to get messages. */
  #waiting = 0;

  constructor(setup: RetainedDeliverySetup) {
    this.#setup = setup;
  }

  /**
   * A subscription is to have what is retained. Asked for again before all of it was sent, it
   * begins anew [MQTT-3.3.1-9].
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

  /** A subscription has ended. */
  stop(session: BrokerSession, topicFilter: string): void {
    const cursors = session.retainedCursors;
    if (cursors?.delete(topicFilter) !== true) return;
    if (cursors.size === 0) session.retainedCursors = undefined;
    this.#waiting--;
  }

  /** A session is to get nothing any more. */
  forget(session: BrokerSession): void {
    this.#waiting -= session.retainedCursors?.size ?? 0;
    session.retainedCursors = undefined;
  }

  /**
   * What is retained of a topic, if there are subscriptions that may still have to get it: it is
   * older than a message that is sent now, and goes before it [MQTT-4.6.0-5].
   */
  olderThanNow(topicName: string): Retained | undefined {
    return this.#waiting === 0 ? undefined : this.#setup.retained.get(topicName);
  }

  /** Sends a retained message to those of the subscriptions that are still to get it. */
  sendFirst(message: Retained, subscriptions: readonly Subscription<BrokerSession>[]): void {
    for (const { subscriber, request: { topicFilter } } of subscriptions) {
      const cursor = subscriber.retainedCursors?.get(topicFilter);
      if (cursor !== undefined) this.#send(cursor, message);
    }
  }

  /**
   * Sends what there is to be sent, as long as little waits for the session: what has to wait is
   * told when it has gone, and then this is to be called again.
   */
  feed(session: BrokerSession): void {
    const { turns } = this.#setup;
    const { sendQueue } = session.state;
    // Its turn will come.
    if (session.isFeedDue) return;
    while (session.connection !== undefined && sendQueue.length < WAITING) {
      const [first] = session.retainedCursors ?? [];
      if (first === undefined) return;
      if (turns.isOver) {
        session.isFeedDue = true;
        turns.wait(session.feeding, () => {
          session.isFeedDue = false;
          turns.begin(session.feeding);
          this.feed(session);
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

  /** A hook needs time to say whether a message may be sent: the others wait behind it. */
  #sendLater(
    session: BrokerSession,
    cursor: RetainedCursor,
    message: Retained,
    verdict: Promise<boolean>,
  ): void {
    const { connection } = session;
    session.isFeedDue = true;
    void verdict.then((isAllowed) => {
      session.isFeedDue = false;
      const isWanted =
        session.retainedCursors?.get(cursor.subscription.request.topicFilter) === cursor;
      // Whoever has come in the place of the client is to be asked about anew.
      if (isWanted && session.connection !== connection) cursor.held = message;
      else if (isWanted && isAllowed) this.#send(cursor, message);
      this.feed(session);
      // The next one may be asked about, too, which must come to an end.
      session.connection?.wake();
    });
  }

  /** The next message, if it is not far. */
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

/** As the queue of a session counts. */
function sizeOf({ packet: { topic, payload } }: Retained): number {
  return topic.length + payload.length;
}
