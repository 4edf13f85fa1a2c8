// §3.3.1.3, §3.8.3.1 Retained messages on their way to who has subscribed. There may be very many,
// and more that have to be looked at: they go one after the other, as fast as the client takes
// them, and never so many in one turn that others have to wait.

import type { DeliveryAuthorizer, MayHave } from "../delivery_authorizer.ts";
import { isPromise } from "../is_promise.ts";
import type { BrokerSession, RetainedCursor } from "../model.ts";
import type { Router } from "../routing/router.ts";
import type { Subscription } from "../routing/subscriptions.ts";
import { FilterTree } from "../routing/topic_tree.ts";
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
  /**
   * The subscriptions that are still to get messages, by Topic Filter: a message costs those
   * nothing that it does not match.
   */
  readonly #waiting = new FilterTree<Set<RetainedCursor>>();
  #waitingCount = 0;

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
      search: retained.search(topicFilter),
      upTo: retained.latest,
      sent: new Set(),
      held: undefined,
    };
    const cursors = subscriber.retainedCursors ??= new Map();
    cursors.set(topicFilter, cursor);
    this.#waiting.getOrMake(topicFilter, () => new Set()).add(cursor);
    this.#waitingCount++;
  }

  /** A subscription has ended. */
  stop(session: BrokerSession, topicFilter: string): void {
    const cursors = session.retainedCursors;
    const cursor = cursors?.get(topicFilter);
    if (cursor === undefined) return;
    cursors!.delete(topicFilter);
    if (cursors!.size === 0) session.retainedCursors = undefined;
    this.#takeOut(cursor);
  }

  /** A session is to get nothing any more. */
  forget(session: BrokerSession): void {
    const cursors = session.retainedCursors;
    if (cursors === undefined) return;
    session.retainedCursors = undefined;
    // What is taken out later is sent nothing before: the session has ended.
    void this.#setup.turns.forEach(
      session.feeding,
      cursors.values(),
      (cursor) => this.#takeOut(cursor),
      () => {},
    );
  }

  /**
   * A message is about to be sent: what is retained of its topic is older, and goes before it
   * [MQTT-4.6.0-5].
   */
  precede(topicName: string, mayHave?: MayHave): void {
    if (this.#waitingCount === 0) return;
    const { retained, turns } = this.#setup;
    const message = retained.get(topicName);
    if (message === undefined) return;
    const nodes = this.#waiting.match(topicName, (cursors) => {
      turns.count(Work.look * cursors.size);
      for (const cursor of cursors) {
        if (mayHave?.(cursor.subscription.subscriber) !== false) this.#send(cursor, message);
      }
    });
    turns.count(Work.node * nodes);
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
        if (cursor.search.isOver) this.stop(session, topicFilter);
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
  #find({ search }: RetainedCursor): Retained | undefined {
    const before = search.visited;
    const message = search.next(NODES);
    this.#setup.turns.count(Work.node * (search.visited - before));
    return message;
  }

  #takeOut(cursor: RetainedCursor): void {
    const { turns } = this.#setup;
    const { topicFilter } = cursor.subscription.request;
    const cursors = this.#waiting.get(topicFilter);
    if (cursors?.delete(cursor) !== true) return;
    turns.count(Work.subscription);
    this.#waitingCount--;
    if (cursors.size === 0) this.#waiting.delete(topicFilter);
  }

  #send({ subscription, upTo, sent }: RetainedCursor, message: Retained): void {
    if (message.sequence > upTo || sent.has(message) || subscription.subscriber.hasEnded) return;
    sent.add(message);
    this.#setup.turns.count(Work.packet + Work.delivery);
    this.#setup.router.sendRetained(message.packet, message.expiresAt, subscription);
  }
}

/** As the queue of a session counts. */
function sizeOf({ packet: { topic, payload } }: Retained): number {
  return topic.length + payload.length;
}
