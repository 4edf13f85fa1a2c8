// §3.3.4, §4.5, §4.8 From a message to those who want it. Where several want the same, it is
// encoded once.

import { PacketTooLargeError } from "../../errors.ts";
import {
  type PublishPacket,
  type QoS,
  ReasonCode,
  writePacket,
  Writer,
} from "../../packets/mod.ts";
import { expiryOf, OutgoingMessage } from "../../session/outgoing_message.ts";
import type { MayHave } from "../delivery_authorizer.ts";
import type { Account } from "../account.ts";
import type { BrokerConnection, BrokerSession } from "../model.ts";
import { QueuedMessage, SharedContent } from "./queued_message.ts";
import type { DropReason } from "../options.ts";
import { PayloadPages, withOwnBytes } from "./payload_pages.ts";
import { messageBytes, PLACE } from "../sizes.ts";
import { type Matches, nextMember, type Subscription, SubscriptionTable } from "./subscriptions.ts";
import type { Retained } from "../retained/messages.ts";
import { type Turns, Work } from "../turns.ts";

/** What a router works with. */
export interface RouterSetup {
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
  readonly overlapping: "one copy" | "several copies";
  readonly turns: Turns;
  /** There is something to send. */
  readonly onSending: (connection: BrokerConnection) => void;
  /** A connection has thrown what nobody expected. */
  readonly onFailed: (connection: BrokerConnection, error: unknown) => void;
  /** Whether a message may be kept for a session: it may be that it cannot be stored. */
  readonly mayQueue: (session: BrokerSession) => boolean;
  /** A message waits for a session, or is in flight to it. */
  readonly onQueued: (session: BrokerSession, message: QueuedMessage) => void;
  /** A message that was kept has expired. */
  readonly onExpired: (message: QueuedMessage) => void;
  /** The account of the whole broker. */
  readonly memory: Account;
  /** Sends a retained message to those of the subscriptions that are still to get it. */
  readonly sendFirst: (
    older: Retained,
    subscriptions: readonly Subscription<BrokerSession>[],
  ) => void;
  /** A message does not reach a client that should have it. */
  readonly onDropped: (session: BrokerSession, message: PublishPacket, why: DropReason) => void;
}

/** Room for one message after the other, larger than which it is not kept. */
const ROOM = 65_536;

/** What messages are encoded in and copied to. */
class Workshop {
  readonly pages: PayloadPages = new PayloadPages();
  #writer = new Writer();

  /** The writer, with nothing in it: what was in it is over. */
  get writer(): Writer {
    if (this.#writer.length > ROOM) this.#writer = new Writer();
    this.#writer.clear();
    return this.#writer;
  }
}

/** A message on its way to several. It is there until the next one is. */
class Copies {
  readonly packet: PublishPacket;
  readonly #now: () => number;
  readonly #writer: Writer;
  readonly #pages: PayloadPages;
  readonly #memory: Account;
  readonly #isShared: boolean;
  #bytes: number | undefined;
  #content: SharedContent | undefined;
  #own: PublishPacket | undefined;
  #expiresAt: number | undefined;
  #encoded: Uint8Array | undefined;
  #encodedRetained: Uint8Array | undefined;

  /** `isShared` says whether more than one may keep it. */
  constructor(
    packet: PublishPacket,
    isShared: boolean,
    { now, memory }: Pick<RouterSetup, "now" | "memory">,
    { writer, pages }: Workshop,
  ) {
    this.packet = packet;
    this.#isShared = isShared;
    this.#now = now;
    this.#memory = memory;
    this.#writer = writer;
    this.#pages = pages;
  }

  /** Whether a session with this account has room to keep it. */
  hasRoom(account: Account): boolean {
    this.#bytes ??= messageBytes(this.packet);
    if (!this.#isShared) return account.hasRoom(PLACE + this.#bytes);
    this.#content ??= new SharedContent(this.#memory, this.#bytes);
    return this.#content.hasRoom(account);
  }

  /** It is kept for a session with this account, which has been found to have room. */
  charge(account: Account, message: QueuedMessage): void {
    if (this.#content === undefined) message.charge(account, this.#bytes!);
    else message.chargeShared(account, this.#content);
  }

  /** When the message expires. */
  get expiresAt(): number {
    return this.#expiresAt ??= this.packet.properties.messageExpiryInterval === undefined
      ? Infinity
      : expiryOf(this.packet, this.#now());
  }

  /** As it goes to one, with the identifiers of the subscriptions that it goes there for. */
  of(
    qos: QoS,
    retain: boolean,
    subscriptionIdentifiers: readonly number[],
    packet: PublishPacket = this.packet,
  ): PublishPacket {
    const properties = subscriptionIdentifiers.length === 0
      ? packet.properties
      : { ...packet.properties, subscriptionIdentifiers };
    const { topic, payload } = packet;
    return { type: "publish", dup: false, qos, retain, topic, packetId: 0, properties, payload };
  }

  /** Likewise, to be kept: with bytes of its own, which all that keep it share. */
  toKeep(qos: QoS, retain: boolean, subscriptionIdentifiers: readonly number[]): QueuedMessage {
    this.#own ??= withOwnBytes(this.packet, this.#pages);
    return new QueuedMessage(
      this.of(qos, retain, subscriptionIdentifiers, this.#own),
      this.expiresAt,
    );
  }

  /** Likewise at QoS 0, encoded: valid as long as this is. */
  encoded(retain: boolean): Uint8Array {
    if (retain) return this.#encodedRetained ??= this.#encode(true);
    return this.#encoded ??= this.#encode(false);
  }

  /** The other one may be there already: what was encoded stays where it is. */
  #encode(retain: boolean): Uint8Array {
    const start = this.#writer.length;
    writePacket(this.#writer, this.of(0, retain, NONE));
    return this.#writer.bytes().subarray(start);
  }
}

const NONE: readonly number[] = [];

/** What has become of a message for one subscriber, or for several, added up. */
const NOTHING = 0;
const TAKEN = 1;
const FULL = 2;
type Outcome = number;

/** What the publisher of a message is told (§3.4.2.1). */
export type RoutingCode =
  | typeof ReasonCode.success
  | typeof ReasonCode.noMatchingSubscribers
  | typeof ReasonCode.quotaExceeded;

/** Brings messages to their subscribers. */
export class Router {
  readonly table: SubscriptionTable<BrokerSession>;
  readonly #setup: RouterSetup;
  readonly #workshop = new Workshop();
  /** Messages that had no room, or were too large for their client. */
  dropped = 0;

  constructor(setup: RouterSetup) {
    this.#setup = setup;
    this.table = new SubscriptionTable((work) => setup.turns.count(work), setup.memory);
  }

  /**
   * Sends a message to all that want it and may have it, and `older` before it to those who are
   * still to get that. Returns 0x10 when there are none, 0x97 when some had no room for it and
   * nobody took it.
   */
  route(
    packet: PublishPacket,
    publisher: BrokerSession | undefined,
    mayHave?: MayHave,
    older?: Retained,
  ): RoutingCode {
    const matches = this.table.match(packet.topic);
    const cost = Work.delivery + (packet.payload.length >> 9);
    this.#setup.turns.count(Work.packet + cost * matches.single.length);
    const { single, groups } = mayHave === undefined ? matches : allowed(matches, mayHave);
    if (single.length === 0 && groups.length === 0) return ReasonCode.noMatchingSubscribers;
    if (older !== undefined) {
      for (const entries of single) this.#setup.sendFirst(older, entries);
    }
    const isShared = single.length !== 1 || groups.length > 0 || single[0]!.length > 1;
    const copies = new Copies(packet, isShared, this.#setup, this.#workshop);
    let outcome: Outcome = NOTHING;
    for (const entries of single) outcome |= this.#toSubscriber(copies, entries, publisher);
    outcome |= this.#toGroups(copies, groups, mayHave);
    return outcome === FULL ? ReasonCode.quotaExceeded : ReasonCode.success;
  }

  /**
   * Sends a retained message to who has just subscribed, with RETAIN (§3.3.1.3). It is the broker's
   * own by now: No Local does not ask who published it.
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
    return this.#send(copies, subscriber, granted, retain && keepsRetain, identifiersOf(entries));
  }

  #toGroups(copies: Copies, groups: Matches<BrokerSession>["groups"], mayHave: MayHave): Outcome {
    const { qos } = copies.packet;
    let outcome: Outcome = NOTHING;
    for (const group of groups) {
      const subscription = nextMember(group, (candidate) => {
        const { connection, hasEnded } = candidate.subscriber;
        this.#setup.turns.count(Work.look);
        if (hasEnded || mayHave?.(candidate.subscriber) === false) return -1;
        if (connection === undefined) return 0;
        return connection.protocol.isReadyFor(lower(qos, candidate)) ? 2 : 1;
      });
      if (subscription !== undefined) {
        outcome |= this.#toEntries(copies, subscription.subscriber, [subscription]);
      }
    }
    return outcome;
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
  ): Outcome {
    const { connection } = session;
    if (connection === undefined) {
      // Without a connection QoS 0 is lost, as it may be (§4.3.1).
      return qos > 0 ? this.#keep(copies, session, qos, retain, identifiers) : NOTHING;
    }
    const { protocol } = connection;
    let outcome: Outcome = TAKEN;
    try {
      const isSent = qos === 0 &&
        (identifiers.length === 0 && protocol.trySendEncoded(copies.encoded(retain)) ||
          protocol.trySend(copies.of(0, retain, identifiers)));
      if (!isSent) outcome = this.#keep(copies, session, qos, retain, identifiers);
    } catch (error) {
      // Too large for this client [MQTT-3.1.2-25]. Any other error is its alone, too: the others
      // are to get the message.
      if (error instanceof PacketTooLargeError) this.drop(session, copies.packet, "too large");
      else this.#setup.onFailed(connection, error);
    }
    this.#setup.onSending(connection);
    return outcome;
  }

  /** A message that has to wait, be it for a PUBACK. */
  #keep(
    copies: Copies,
    session: BrokerSession,
    qos: QoS,
    retain: boolean,
    identifiers: readonly number[],
  ): Outcome {
    this.#setup.turns.count(Work.keep);
    if (qos > 0 && !this.#setup.mayQueue(session)) return NOTHING;
    const { account } = session;
    if (!copies.hasRoom(account)) {
      this.#takeExpired(session);
      if (!copies.hasRoom(account)) return this.#dropNoRoom(copies, session);
    }
    const message = copies.toKeep(qos, retain, identifiers);
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
  mayHave: NonNullable<MayHave>,
): Matches<BrokerSession> {
  return {
    single: single.filter(([subscription]) => mayHave(subscription!.subscriber)),
    groups: groups.filter(({ members }) => members.keys().some(mayHave)),
  };
}

function lower(qos: QoS, { request }: Subscription<BrokerSession>): QoS {
  return Math.min(qos, request.qos) as QoS;
}

function identifiersOf(entries: readonly Subscription<BrokerSession>[]): readonly number[] {
  if (entries.length === 1) {
    const { identifier } = entries[0]!;
    return identifier === undefined ? NONE : [identifier];
  }
  return entries.flatMap(({ identifier }) => identifier ?? []);
}
