// §3.3.4, §4.5, §4.8 Delivers messages to their subscribers. A packet that is the same for several
// of them is encoded once.

import { PacketTooLargeError } from "../../errors.ts";
import { type PublishPacket, type QoS, ReasonCode } from "../../packets/mod.ts";
import { OutgoingMessage } from "../../session/outgoing_message.ts";
import type { DeliveryFilter } from "../delivery_authorizer.ts";
import type { Account } from "../account.ts";
import type { BrokerConnection, BrokerSession } from "../model.ts";
import { Copies, Workshop } from "./copies.ts";
import { QueuedMessage } from "./queued_message.ts";
import type { DropReason } from "../options.ts";
import {
  type Group,
  type Matches,
  nextMember,
  type Subscription,
  SubscriptionTable,
} from "./subscriptions.ts";
import type { Retained } from "../retained/messages.ts";
import { type Share, type Turns, Work } from "../turns.ts";

/** What a router needs from the engine. */
export interface RouterSetup {
  /** The engine's clock, in milliseconds. */
  readonly now: () => number;
  readonly overlapping: "one copy" | "several copies";
  readonly turns: Turns;
  /** There is something to send. */
  readonly onSending: (connection: BrokerConnection) => void;
  /** Called when a connection throws an unexpected error. */
  readonly onFailed: (connection: BrokerConnection, error: unknown) => void;
  /** Whether a message may be kept for a session: it may be that it cannot be stored. */
  readonly canQueue: (session: BrokerSession) => boolean;
  /** Called when a message is queued for a session or in flight to it. */
  readonly onQueued: (session: BrokerSession, message: QueuedMessage) => void;
  /** Called when a queued message has expired. */
  readonly onExpired: (message: QueuedMessage) => void;
  /** The broker's account. */
  readonly memory: Account;
  /** Sends a retained message to those of the subscriptions that are still to get it. */
  readonly sendFirst: (
    older: Retained,
    subscriptions: readonly Subscription<BrokerSession>[],
  ) => void;
  /**
   * Gives a function that calls its argument so that what is queued in it belongs to the message
   * that is being routed now: where one is routed in more than one turn.
   */
  readonly together: () => (work: () => void) => void;
  /** A message does not reach a client that should have it. */
  readonly onDropped: (session: BrokerSession, message: PublishPacket, why: DropReason) => void;
}

/** Up to this many subscribers are served at once; more of them in several turns. */
const AT_ONCE = 1024;

const NONE: readonly number[] = [];

/** The outcome of a message for one subscriber, or for several of them combined. */
const NOTHING = 0;
const TAKEN = 1;
const FULL = 2;
/** Of one member of a group alone: another member may be able to take it. */
const TOO_LARGE = 4;
type Outcome = number;

/** The Reason Code for the publisher (§3.4.2.1). */
export type RoutingCode =
  | typeof ReasonCode.success
  | typeof ReasonCode.noMatchingSubscribers
  | typeof ReasonCode.quotaExceeded;

/** Delivers messages to their subscribers. */
export class Router {
  readonly table: SubscriptionTable<BrokerSession>;
  readonly #setup: RouterSetup;
  readonly #workshop = new Workshop();
  /**
   * How many messages were dropped for lack of room, or because they were too large for the client.
   */
  dropped = 0;

  constructor(setup: RouterSetup) {
    this.#setup = setup;
    this.table = new SubscriptionTable((work) => setup.turns.count(work), setup.memory);
  }

  /**
   * Sends a message to all matching subscribers that may receive it, and before it the retained
   * message `older` to those that have not received that yet. Returns 0x10 if there are no
   * subscribers, 0x97 if nobody took it and some had no room for it. With very many subscribers it
   * takes several turns of `share`, and returns a promise; without `share` it is done at once.
   */
  route(
    packet: PublishPacket,
    publisher: BrokerSession | undefined,
    isAllowed?: DeliveryFilter,
    older?: Retained,
    share?: Share,
  ): RoutingCode | Promise<RoutingCode> {
    const { turns } = this.#setup;
    const matches = this.table.match(packet.topic);
    const { single, groups } = isAllowed === undefined ? matches : allowed(matches, isAllowed);
    const cost = Work.delivery + (packet.payload.length >> 9);
    turns.count(Work.packet);
    if (single.length === 0 && groups.length === 0) return ReasonCode.noMatchingSubscribers;
    if (share !== undefined && single.length > AT_ONCE) {
      return this.#routeInTurns(
        { single, groups },
        packet,
        publisher,
        isAllowed,
        older,
        share,
        cost,
      );
    }
    turns.count(cost * single.length);
    if (older !== undefined) {
      for (const entries of single) this.#setup.sendFirst(older, entries);
    }
    const isShared = single.length !== 1 || groups.length > 0 || single[0]!.length > 1;
    const copies = new Copies(packet, isShared, this.#setup, this.#workshop);
    let outcome: Outcome = NOTHING;
    for (const entries of single) outcome |= this.#toSubscriber(copies, entries, publisher);
    outcome |= this.#toGroups(copies, groups, isAllowed);
    return codeOf(outcome);
  }

  /**
   * Subscribers may unsubscribe or resubscribe between the turns; new ones do not get this message.
   */
  #routeInTurns(
    { single, groups }: Matches<BrokerSession>,
    packet: PublishPacket,
    publisher: BrokerSession | undefined,
    isAllowed: DeliveryFilter,
    older: Retained | undefined,
    share: Share,
    cost: number,
  ): RoutingCode | Promise<RoutingCode> {
    const { turns, sendFirst } = this.#setup;
    // Another message may have been routed in between.
    const copies = new Copies(packet, true, this.#setup, new Workshop());
    const together = this.#setup.together();
    let outcome: Outcome = NOTHING;
    const send = (entries: readonly Subscription<BrokerSession>[]) => {
      turns.count(cost);
      const current = entries.flatMap(({ subscriber, request: { topicFilter } }) =>
        subscriber.subscriptions.get(topicFilter) ?? []
      );
      if (current.length === 0) return;
      together(() => {
        if (older !== undefined) sendFirst(older, current);
        outcome |= this.#toSubscriber(copies, current, publisher);
      });
    };
    const later = turns.forEach(share, single, send, () => {
      together(() => void (outcome |= this.#toGroups(copies, groups, isAllowed)));
    });
    return later === undefined ? codeOf(outcome) : later.then(() => codeOf(outcome));
  }

  /**
   * Sends a retained message to a new subscription, with RETAIN set (§3.3.1.3). No Local does not
   * apply: the message now comes from the broker, whoever published it.
   */
  sendRetained(
    packet: PublishPacket,
    expiresAt: number,
    subscription: Subscription<BrokerSession>,
  ): void {
    const now = this.#setup.now();
    // [MQTT-3.3.2-5]
    if (expiresAt <= now) return;
    const message = new OutgoingMessage(packet, expiresAt);
    message.countDown(now);
    const copies = new Copies(
      message.packet as PublishPacket,
      false,
      this.#setup,
      this.#workshop,
      expiresAt,
    );
    this.#send(
      copies,
      subscription.subscriber,
      lower(packet.qos, subscription),
      true,
      identifiersOf([subscription]),
    );
  }

  #toSubscriber(
    copies: Copies,
    all: readonly Subscription<BrokerSession>[],
    publisher: BrokerSession | undefined,
  ): Outcome {
    const { subscriber } = all[0]!;
    if (subscriber.hasEnded) return NOTHING;
    // [MQTT-3.8.3-3]
    const isOwn = subscriber.client.clientId === publisher?.client.clientId;
    const entries = isOwn ? all.filter(({ request }) => !request.noLocal) : all;
    if (entries.length === 0) return NOTHING;
    if (entries.length === 1 || this.#setup.overlapping === "one copy") {
      return this.#toEntries(copies, subscriber, entries);
    }
    let outcome: Outcome = NOTHING;
    for (const subscription of entries) {
      outcome |= this.#toEntries(copies, subscriber, [subscription]);
    }
    return outcome;
  }

  /**
   * One copy for several subscriptions: with the highest of their QoS, and all their identifiers
   * [MQTT-3.3.4-2].
   */
  #toEntries(
    copies: Copies,
    subscriber: BrokerSession,
    entries: readonly Subscription<BrokerSession>[],
    group?: Group<BrokerSession>,
  ): Outcome {
    const { qos, retain } = copies.packet;
    let granted: QoS = 0;
    let keepsRetain = false;
    for (const subscription of entries) {
      const entryQoS = lower(qos, subscription);
      if (entryQoS > granted) granted = entryQoS;
      keepsRetain ||= subscription.request.retainAsPublished;
    }
    // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    return this.#send(
      copies,
      subscriber,
      granted,
      retain && keepsRetain && takesRetain(subscriber),
      identifiersOf(entries),
      group,
    );
  }

  #toGroups(
    copies: Copies,
    groups: Matches<BrokerSession>["groups"],
    isAllowed: DeliveryFilter,
  ): Outcome {
    let outcome: Outcome = NOTHING;
    for (const group of groups) outcome |= this.#toGroup(copies, group, isAllowed);
    return outcome;
  }

  /**
   * Sends a message to the member whose turn it is, or else to one for which it is not too large.
   */
  #toGroup(
    copies: Copies,
    group: Group<BrokerSession>,
    isAllowed: DeliveryFilter,
  ): Outcome {
    const { qos } = copies.packet;
    let passedOver: Set<BrokerSession> | undefined;
    for (;;) {
      const subscription = nextMember(group, (candidate) => {
        const { connection, hasEnded } = candidate.subscriber;
        this.#setup.turns.count(Work.look);
        if (hasEnded || isAllowed?.(candidate.subscriber) === false) return -1;
        if (passedOver?.has(candidate.subscriber) === true) return -1;
        if (connection === undefined) return 0;
        return connection.protocol.isReadyFor(lower(qos, candidate)) ? 2 : 1;
      });
      if (subscription === undefined) break;
      const { subscriber } = subscription;
      const outcome = this.#toEntries(copies, subscriber, [subscription], group);
      if (outcome !== TOO_LARGE) return outcome;
      (passedOver ??= new Set()).add(subscriber);
    }
    if (passedOver === undefined) return NOTHING;
    const [first] = passedOver;
    this.drop(first!, copies.packet, "too large");
    return TAKEN;
  }

  /** Sends a message of a group to another member, as the session of one has ended (§4.8.2). */
  sendToOther(
    packet: PublishPacket,
    expiresAt: number,
    group: Group<BrokerSession>,
    isAllowed: DeliveryFilter,
  ): void {
    // The message that is routed now, if one is, has the workshop.
    const copies = new Copies(packet, false, this.#setup, new Workshop(), expiresAt);
    this.#toGroup(copies, group, isAllowed);
  }

  /** A message does not reach a client that should have it. */
  drop(session: BrokerSession, message: PublishPacket, why: DropReason): void {
    this.dropped++;
    this.#setup.onDropped(session, message, why);
  }

  #send(
    copies: Copies,
    session: BrokerSession,
    qos: QoS,
    retain: boolean,
    identifiers: readonly number[],
    group?: Group<BrokerSession>,
  ): Outcome {
    const { connection } = session;
    if (connection === undefined) {
      // Without a connection QoS 0 is lost, as it may be (§4.3.1).
      return qos > 0 ? this.#keep(copies, session, qos, retain, identifiers, group) : NOTHING;
    }
    const { protocol } = connection;
    let outcome: Outcome = TAKEN;
    try {
      const isOlder = protocol.protocolVersion < 5;
      const isSent = qos === 0 &&
        ((identifiers.length === 0 || isOlder) &&
            protocol.trySendEncoded(copies.encoded(retain, isOlder)) ||
          protocol.trySend(copies.of(0, retain, identifiers)));
      if (!isSent) outcome = this.#keep(copies, session, qos, retain, identifiers, group);
    } catch (error) {
      // Too large for this client [MQTT-3.1.2-25]. Any other error is its alone, too: the others
      // are to get the message.
      if (error instanceof PacketTooLargeError) {
        if (group !== undefined) return TOO_LARGE;
        this.drop(session, copies.packet, "too large");
      } else this.#setup.onFailed(connection, error);
    }
    this.#setup.onSending(connection);
    return outcome;
  }

  /** A message that must be kept, if only until its PUBACK. */
  #keep(
    copies: Copies,
    session: BrokerSession,
    qos: QoS,
    retain: boolean,
    identifiers: readonly number[],
    group: Group<BrokerSession> | undefined,
  ): Outcome {
    this.#setup.turns.count(Work.keep);
    if (qos > 0 && !this.#setup.canQueue(session)) return NOTHING;
    const { account, state: { sendQueue } } = session;
    if (!copies.hasRoom(account, sendQueue)) {
      this.#takeExpired(session);
      if (!copies.hasRoom(account, sendQueue)) return this.#dropNoRoom(copies, session);
    }
    const message = copies.toKeep(qos, retain, identifiers);
    message.group = group;
    let dropped = queue(session, message);
    if (dropped.length > 0 && this.#takeExpired(session)) dropped = queue(session, message);
    if (dropped.length > 0) return this.#dropNoRoom(copies, session);
    copies.charge(account, message);
    if (qos > 0) this.#setup.onQueued(session, message);
    return TAKEN;
  }

  #dropNoRoom({ packet }: Copies, session: BrokerSession): Outcome {
    this.drop(session, packet, "no room");
    return FULL;
  }

  /** What has expired may be in the way. Returns whether something was. */
  #takeExpired({ state }: BrokerSession): boolean {
    const expired = state.sendQueue.takeExpired(this.#setup.now());
    for (const message of expired) {
      if (message instanceof QueuedMessage) this.#setup.onExpired(message);
    }
    return expired.length > 0;
  }
}

function codeOf(outcome: Outcome): RoutingCode {
  return outcome === FULL ? ReasonCode.quotaExceeded : ReasonCode.success;
}

/** Sends a message, or lets it wait. Returns those that had to give way, which may be itself. */
function queue(
  { connection, state: { sendQueue } }: BrokerSession,
  message: QueuedMessage,
): readonly OutgoingMessage[] {
  return connection === undefined ? sendQueue.add(message) : connection.protocol.publish(message);
}

/** Those of them that may have it: of a group it is enough that one may. */
function allowed(
  { single, groups }: Matches<BrokerSession>,
  isAllowed: NonNullable<DeliveryFilter>,
): Matches<BrokerSession> {
  return {
    single: single.filter(([subscription]) => isAllowed(subscription!.subscriber)),
    groups: groups.filter(({ members }) => members.keys().some(isAllowed)),
  };
}

function lower(qos: QoS, { request }: Subscription<BrokerSession>): QoS {
  return Math.min(qos, request.qos) as QoS;
}

/**
 * Whether RETAIN may be set on a message that is not sent because of a new subscription: in MQTT
 * 3.1.1 never [MQTT-3.3.1-9 of MQTT 3.1.1], unless it is to a bridge.
 */
function takesRetain({ connection }: BrokerSession): boolean {
  return connection === undefined || connection.protocol.protocolVersion === 5 ||
    connection.protocol.isBridge;
}

function identifiersOf(entries: readonly Subscription<BrokerSession>[]): readonly number[] {
  if (entries.length === 1) {
    const { identifier } = entries[0]!;
    return identifier === undefined ? NONE : [identifier];
  }
  return entries.flatMap(({ identifier }) => identifier ?? []);
}
