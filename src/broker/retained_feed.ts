// §3.3.1.3, §3.8.3.1 Retained messages on their way to who has subscribed. There may be very many: they go one after the other, as
// fast as the client takes them, and never so many in one turn that others have to wait.

import { topicMatches } from "../topics.ts";
import type { Agenda } from "./agenda.ts";
import type { DeliveryAuthorizer, MayHave } from "./delivery_authorizer.ts";
import { isPromise } from "./is_promise.ts";
import type { Member } from "./member.ts";
import type { Retained, RetainedMessages } from "./retained.ts";
import type { Router } from "./router.ts";
import type { Entry } from "./subscriptions.ts";

/** So many messages go to one session in a turn. */
const A_TURN = 256;

/** So many may wait in the queue of the session: the rest waits here. */
const WAITING = 256;

/** How long the next turn is away, in milliseconds: long enough for all others to have theirs. */
const PAUSE = 1;

/** The retained messages that are still to be sent for one subscription. */
export interface RetainedCursor {
  readonly entry: Entry<Member>;
  /** What matches, found as it goes. */
  readonly messages: Iterator<Retained, undefined>;
  /** What was retained later has reached the subscription as it was published. */
  readonly upTo: number;
  /** What has been sent. */
  readonly sent: Set<Retained>;
  /** The next one, which has no room yet. */
  held: Retained | undefined;
}

/** What a feed works with. */
export interface RetainedFeedSetup {
  readonly now: () => number;
  readonly agenda: Agenda;
  readonly retained: RetainedMessages;
  readonly router: Router;
  readonly deliveries: DeliveryAuthorizer;
}

/** Sends retained messages. */
export class RetainedFeed {
  readonly #setup: RetainedFeedSetup;
  /** Sessions that are still to get messages. */
  readonly #pending = new Set<Member>();

  constructor(setup: RetainedFeedSetup) {
    this.#setup = setup;
  }

  /** A subscription is to have what is retained. Asked for again before all of it was sent, it begins anew [MQTT-3.3.1-9]. */
  start(entry: Entry<Member>): void {
    const { retained } = this.#setup;
    const { topicFilter } = entry.request;
    const cursors = entry.subscriber.retainedCursors ??= new Map();
    const messages = retained.matching(topicFilter)[Symbol.iterator]();
    cursors.delete(topicFilter);
    cursors.set(topicFilter, {
      entry,
      messages,
      upTo: retained.latest,
      sent: new Set(),
      held: undefined,
    });
    this.#pending.add(entry.subscriber);
  }

  /** A subscription has ended. */
  stop(member: Member, topicFilter: string): void {
    member.retainedCursors?.delete(topicFilter);
    if (member.retainedCursors?.size === 0) this.forget(member);
  }

  /** A session is to get nothing any more. */
  forget(member: Member): void {
    member.retainedCursors = undefined;
    this.#pending.delete(member);
  }

  /** A message is about to be sent: what is retained of its topic is older, and goes before it [MQTT-4.6.0-5]. */
  precede(topicName: string, mayHave?: MayHave): void {
    if (this.#pending.size === 0) return;
    const message = this.#setup.retained.get(topicName);
    if (message === undefined) return;
    for (const member of this.#pending) {
      if (mayHave !== undefined && !mayHave(member)) continue;
      for (const cursor of member.retainedCursors?.values() ?? []) {
        if (topicMatches(cursor.entry.request.topicFilter, topicName)) this.#send(cursor, message);
      }
    }
  }

  /**
   * Sends what there is to be sent, as long as little waits for the session: what has to wait is told when it has gone, and
   * then this is to be called again.
   */
  feed(member: Member): void {
    const { now, agenda } = this.#setup;
    const { outbox } = member.session;
    // It has had its turn.
    if (member.isFeedDue) return;
    for (let sent = 0; member.guest !== undefined && outbox.length < WAITING; sent++) {
      if (sent === A_TURN) {
        member.isFeedDue = true;
        agenda.add(now() + PAUSE, () => {
          member.isFeedDue = false;
          this.feed(member);
        });
        return;
      }
      const [first] = member.retainedCursors ?? [];
      if (first === undefined) return;
      const [topicFilter, cursor] = first;
      const message = cursor.held ?? cursor.messages.next().value;
      cursor.held = undefined;
      if (message === undefined) this.stop(member, topicFilter);
      else if (!outbox.hasRoomFor(sizeOf(message))) {
        cursor.held = message;
        return;
      } else {
        const verdict = this.#setup.deliveries.verdict(member, message.packet);
        if (isPromise(verdict)) return this.#sendLater(member, cursor, message, verdict);
        if (verdict) this.#send(cursor, message);
      }
    }
  }

  /** A hook needs time to say whether a message may be sent: the others wait behind it. */
  #sendLater(
    member: Member,
    cursor: RetainedCursor,
    message: Retained,
    verdict: Promise<boolean>,
  ): void {
    const { guest } = member;
    member.isFeedDue = true;
    void verdict.then((isAllowed) => {
      member.isFeedDue = false;
      const isWanted = member.retainedCursors?.get(cursor.entry.request.topicFilter) === cursor;
      // Whoever has come in the place of the client is to be asked about anew.
      if (isWanted && member.guest !== guest) cursor.held = message;
      else if (isWanted && isAllowed) this.#send(cursor, message);
      this.feed(member);
      // The next one may be asked about, too, which must come to an end.
      member.guest?.wake();
    });
  }

  #send({ entry, upTo, sent }: RetainedCursor, message: Retained): void {
    if (message.sequence > upTo || sent.has(message)) return;
    sent.add(message);
    this.#setup.router.sendRetained(message.packet, message.expiresAt, entry);
  }
}

/** As the queue of a session counts. */
function sizeOf({ packet: { topic, payload } }: Retained): number {
  return topic.length + payload.length;
}
