// What survives the broker: sessions, the messages that wait for them or are in flight, retained
// messages. What has changed is only noted, and written in one go when it is to be committed: no
// statement runs anywhere else, so that none can fail in the middle of anything. What could not be
// written stays noted, once however often it changes, until it can.

import { restoreUnreleased } from "../../session/snapshot.ts";
import type { PublishPacket } from "../../packets/mod.ts";
import type { PendingAcknowledgement } from "../../session/pending_acknowledgement.ts";
import { openStore } from "../../store/file.ts";
import { GroupCommit } from "../../store/group_commit.ts";
import type { OpenDatabase } from "../../store/sqlite.ts";
import { StoreError } from "../../store/store_error.ts";
export { StoreError, type StoreErrorCode } from "../../store/store_error.ts";
import { QueuedMessage } from "../routing/queued_message.ts";
import type { BrokerSession } from "../model.ts";
import type { Subscription } from "../routing/subscriptions.ts";
import { BrokerDatabase, type MessageRow, type SessionRow } from "./database.ts";
import { BROKER_FILE } from "./format.ts";

/**
 * Clocks: of the engine, and of the wall, which goes on while there is no broker. In milliseconds.
 */
export interface Clocks {
  readonly now: () => number;
  readonly wall: () => number;
}

/** A retained message, and when it expires by the engine's clock. */
interface RetainedState {
  readonly packet: PublishPacket;
  readonly expiresAt: number;
}

/** What has changed since the last commit, by what it is of. */
interface Changes {
  /** Client Identifiers of sessions that have ended: their rows go before any other is written. */
  readonly endedSessions: Set<string>;
  readonly sessions: Map<BrokerSession, SessionRow>;
  readonly subscriptions: Map<BrokerSession, Map<string, Subscription<BrokerSession> | undefined>>;
  /** QoS 2 messages received, whose acknowledgement waits for the commit. */
  readonly received: Map<BrokerSession, PendingAcknowledgement[]>;
  readonly messages: Map<QueuedMessage, BrokerSession>;
  /** Rows of messages that are through. */
  readonly settled: Set<number>;
  /** Sessions whose messages in flight may have changed. */
  readonly touched: Set<BrokerSession>;
  readonly retained: Map<string, RetainedState | undefined>;
}

/** What differs between what a session has in flight and its rows. */
interface FlightChanges {
  readonly clientId: string;
  readonly moved: readonly QueuedMessage[];
  /** Packet Identifiers whose PUBREL has come, or that stand for another message now. */
  readonly released: readonly number[];
  /** Whether a message in flight has no row yet. */
  readonly isNew: boolean;
}

/** A broker's memory on disk. */
export class Store {
  /** The file. */
  readonly path: string;
  readonly #database: BrokerDatabase;
  readonly #clocks: Clocks;
  readonly #commits: GroupCommit;
  readonly #changes: Changes = {
    endedSessions: new Set(),
    sessions: new Map(),
    subscriptions: new Map(),
    received: new Map(),
    messages: new Map(),
    settled: new Set(),
    touched: new Set(),
    retained: new Map(),
  };
  /** Sessions that are there, or to be there, as they were saved last. */
  readonly #sessions = new Map<string, { session: BrokerSession | undefined; row: SessionRow }>();
  /** The QoS 2 messages of sessions, received and not released, that are there. */
  readonly #received = new WeakMap<BrokerSession, Map<number, PendingAcknowledgement>>();
  #lastMessageId: number;
  #isClosed = false;
  /** Is told what is wrong when something could not be stored: once for each kind of fault. */
  onFailed: (error: StoreError) => void = () => {};

  /**
   * Opens the file, or makes it.
   *
   * @throws {StoreError} when it cannot be used, and why
   */
  constructor(path: string, clocks: Clocks, open?: OpenDatabase) {
    this.path = path;
    const database = openStore(path, BROKER_FILE, open);
    this.#database = new BrokerDatabase(database, path);
    this.#clocks = clocks;
    this.#commits = new GroupCommit(database, {
      path,
      now: clocks.now,
      onFailed: (error) => this.onFailed(error),
    });
    try {
      this.#lastMessageId = this.#database.lastMessageId();
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Whether something has not been brought to disk, or nobody knows whether anything can be. */
  get isWaiting(): boolean {
    return this.isFailing || this.#changes.touched.size > 0 || this.#hasOtherChanges;
  }

  /** Whether what is to be stored cannot be, as far as is known. */
  get isFailing(): boolean {
    return this.#commits.isFailing;
  }

  /** When to try again, while it is failing. */
  get retryAt(): number | undefined {
    return this.#commits.retryAt;
  }

  /**
   * The sessions that are there, with when their clients left by the engine's clock, which may be
   * below 0.
   */
  sessions(): SessionRow[] {
    return this.#database.sessions().map((row) => {
      this.#sessions.set(row.client.clientId, { session: undefined, row });
      return { ...row, leftAt: row.leftAt === undefined ? undefined : this.#fromWall(row.leftAt) };
    });
  }

  /** Fills a session that is there with what belongs to it. */
  fill(session: BrokerSession): void {
    const { clientId } = session.client;
    this.#sessions.get(clientId)!.session = session;
    for (const { request, identifier } of this.#database.subscriptions(clientId)) {
      const subscription = { subscriber: session, request, identifier };
      session.subscriptions.set(request.topicFilter, subscription);
    }
    const received = new Map<number, PendingAcknowledgement>();
    for (const packetId of this.#database.received(clientId)) {
      received.set(packetId, restoreUnreleased(session.state, packetId));
    }
    this.#received.set(session, received);
    for (const row of this.#database.messages(clientId)) this.#restore(session, row);
    this.touch(session);
    session.state.exists = true;
  }

  /** The retained messages that are there, with when they expire. */
  retained(): RetainedState[] {
    return this.#database.retained().map(({ packet, expiresAt }) => ({
      packet,
      expiresAt: this.#fromWall(expiresAt),
    }));
  }

  /** Keeps a session as it is now, without what has functions of its own here. */
  saveSession(session: BrokerSession): void {
    const { client, owner, lifetime, connection, will } = session;
    const leftAt = connection === undefined ? this.#clocks.wall() : undefined;
    this.#saveRow(session, { client, owner, lifetime, leftAt, will });
  }

  /** Forgets the Will of a session, which has been published. */
  deleteWill(session: BrokerSession): void {
    const saved = this.#sessions.get(session.client.clientId);
    if (saved?.session === session) this.#saveRow(session, { ...saved.row, will: undefined });
  }

  /** Forgets a session and all that belongs to it, if it is there. */
  deleteSession(session: BrokerSession): void {
    const { clientId } = session.client;
    if (!this.#has(session)) return;
    this.#sessions.delete(clientId);
    const { endedSessions, sessions, subscriptions, received, touched } = this.#changes;
    endedSessions.add(clientId);
    for (const changes of [sessions, subscriptions, received, touched]) changes.delete(session);
    this.#received.delete(session);
  }

  /** Keeps a subscription. */
  saveSubscription(subscription: Subscription<BrokerSession>): void {
    this.#subscriptionsOf(subscription.subscriber).set(
      subscription.request.topicFilter,
      subscription,
    );
  }

  /** Forgets a subscription. */
  deleteSubscription(session: BrokerSession, topicFilter: string): void {
    if (this.#has(session)) this.#subscriptionsOf(session).set(topicFilter, undefined);
  }

  /** Keeps a message for a session. */
  saveMessage(session: BrokerSession, message: QueuedMessage): void {
    message.row = ++this.#lastMessageId;
    this.#changes.messages.set(message, session);
  }

  /** Forgets a message. */
  deleteMessage(message: QueuedMessage): void {
    if (message.row === undefined) return;
    const isNew = this.#changes.messages.delete(message);
    // Of a commit that failed nobody knows whether it did.
    if (!isNew || this.isFailing) this.#changes.settled.add(message.row);
    message.row = undefined;
  }

  /**
   * Keeps that a message of QoS 2 has been received, which is acknowledged when it is committed.
   */
  saveReceived(session: BrokerSession, acknowledgement: PendingAcknowledgement): void {
    const { received } = this.#changes;
    const acknowledgements = received.get(session);
    if (acknowledgements === undefined) received.set(session, [acknowledgement]);
    else acknowledgements.push(acknowledgement);
  }

  /** Does not keep it after all. */
  deleteReceived(session: BrokerSession, acknowledgement: PendingAcknowledgement): void {
    const { received } = this.#changes;
    const left = received.get(session)?.filter((other) => other !== acknowledgement) ?? [];
    if (left.length > 0) received.set(session, left);
    else received.delete(session);
  }

  /** Keeps a retained message, whose bytes are its own. */
  saveRetained(packet: PublishPacket, expiresAt: number): void {
    this.#changes.retained.set(packet.topic, { packet, expiresAt });
  }

  /** Forgets a retained message. */
  deleteRetained(topic: string): void {
    this.#changes.retained.set(topic, undefined);
  }

  /** Messages of a session may have been sent, released or received. */
  touch(session: BrokerSession): void {
    if (this.#has(session)) this.#changes.touched.add(session);
  }

  /** Whether a session of the same name is still in the file, though it has ended. */
  isEnding({ client }: BrokerSession): boolean {
    return this.#changes.endedSessions.has(client.clientId);
  }

  /** Whether all of a session is in the file. */
  isStored(session: BrokerSession): boolean {
    const { sessions, subscriptions } = this.#changes;
    if (sessions.has(session) || subscriptions.has(session)) return false;
    const { moved, released, isNew } = this.#flightOf(session);
    return moved.length === 0 && released.length === 0 && !isNew;
  }

  /**
   * Whether all that exactly-once delivery (§4.3.3) with a session hangs on is in the file: that
   * there is such a session, which message a Packet Identifier stands for, whether it is released,
   * and which are in use by the client.
   */
  isRecorded(session: BrokerSession): boolean {
    const { messages } = this.#changes;
    if (!this.#received.has(session) || this.#flightOf(session).released.length > 0) return false;
    return session.state.inFlight.values().every((message) =>
      message.qos < 2 || !(message instanceof QueuedMessage) ||
      message.savedOrder === message.order && !messages.has(message)
    );
  }

  /**
   * Brings all that has changed to disk. To be called before anything is told to a client. False
   * when it could not be: then nothing of it is there, and all of it is still to be brought.
   */
  commit(isUrgent = false): boolean {
    if (this.#isClosed || !this.isWaiting) return true;
    const flights = Array.from(this.#changes.touched, (session) => this.#flightOf(session));
    const isNothing = !this.isFailing && !this.#hasOtherChanges &&
      flights.every(({ moved, released }) => moved.length === 0 && released.length === 0);
    if (!isNothing && !this.#commits.run(() => this.#write(flights), isUrgent)) return false;
    this.#settle(flights);
    return true;
  }

  /**
   * Brings all to disk, as far as it can be, and closes the file. Of what happens afterwards
   * nothing is kept.
   */
  close(): void {
    if (this.#isClosed) return;
    this.commit(true);
    this.#isClosed = true;
    try {
      this.#database.close();
    } catch (error) {
      this.onFailed(StoreError.from(error, this.path));
    }
  }

  get #hasOtherChanges(): boolean {
    const { endedSessions, sessions, subscriptions, received, messages, settled, retained } =
      this.#changes;
    return endedSessions.size + sessions.size + subscriptions.size + received.size +
        messages.size + settled.size + retained.size > 0;
  }

  #write(flights: readonly FlightChanges[]): void {
    const database = this.#database;
    if (this.isFailing) database.probe();
    const { endedSessions, sessions, subscriptions, received } = this.#changes;
    const { messages, settled, retained } = this.#changes;
    for (const clientId of endedSessions) database.deleteSession(clientId);
    for (const row of sessions.values()) database.saveSession(row);
    for (const [session, entries] of subscriptions) {
      if (!this.#has(session)) continue;
      const { clientId } = session.client;
      for (const [topicFilter, subscription] of entries) {
        if (subscription === undefined) database.deleteSubscription(clientId, topicFilter);
        else database.saveSubscription(clientId, subscription);
      }
    }
    for (const id of settled) database.deleteMessage(id);
    for (const [message, session] of messages) {
      // Its session may have ended.
      if (!this.#has(session)) continue;
      database.saveMessage(session.client.clientId, message, this.#toWall(message.expiresAt));
    }
    for (const { clientId, moved, released } of flights) {
      for (const message of moved) database.saveFlight(message);
      for (const packetId of released) database.deleteReceived(clientId, packetId);
    }
    for (const [session, acknowledgements] of received) {
      if (!this.#has(session)) continue;
      const { clientId } = session.client;
      for (const { packetId } of acknowledgements) database.saveReceived(clientId, packetId);
    }
    for (const [topic, state] of retained) {
      if (state === undefined) database.deleteRetained(topic);
      else database.saveRetained(state.packet, this.#toWall(state.expiresAt));
    }
  }

  /** All that has changed is in the file. */
  #settle(flights: readonly FlightChanges[]): void {
    const { received, messages, touched } = this.#changes;
    for (const message of messages.keys()) message.savedOrder = message.order;
    for (const { moved } of flights) {
      for (const message of moved) message.savedOrder = message.order;
    }
    for (const session of touched) {
      const saved = this.#received.get(session);
      for (const [packetId, acknowledgement] of saved ?? []) {
        if (session.state.unreleased.get(packetId) !== acknowledgement) saved!.delete(packetId);
      }
    }
    for (const session of this.#changes.sessions.keys()) this.#receivedOf(session);
    for (const [session, acknowledgements] of received) {
      const saved = this.#receivedOf(session);
      for (const acknowledgement of acknowledgements) {
        saved.set(acknowledgement.packetId, acknowledgement);
      }
    }
    for (const changes of Object.values(this.#changes)) changes.clear();
  }

  #flightOf(session: BrokerSession): FlightChanges {
    const { client: { clientId }, state } = session;
    const moved: QueuedMessage[] = [];
    let isNew = false;
    for (const message of state.inFlight.values()) {
      if (!(message instanceof QueuedMessage) || message.row === undefined) continue;
      if (message.savedOrder === message.order) continue;
      if (this.#changes.messages.has(message)) isNew = true;
      else moved.push(message);
    }
    const released: number[] = [];
    for (const [packetId, acknowledgement] of this.#received.get(session) ?? []) {
      if (state.unreleased.get(packetId) !== acknowledgement) released.push(packetId);
    }
    return { clientId, moved, released, isNew };
  }

  #saveRow(session: BrokerSession, row: SessionRow): void {
    const { clientId } = row.client;
    this.#sessions.set(clientId, { session, row });
    this.#changes.sessions.set(session, row);
  }

  #has(session: BrokerSession): boolean {
    return this.#sessions.get(session.client.clientId)?.session === session;
  }

  #receivedOf(session: BrokerSession): Map<number, PendingAcknowledgement> {
    let received = this.#received.get(session);
    if (received === undefined) this.#received.set(session, received = new Map());
    return received;
  }

  #subscriptionsOf(session: BrokerSession): Map<string, Subscription<BrokerSession> | undefined> {
    const { subscriptions } = this.#changes;
    let entries = subscriptions.get(session);
    if (entries === undefined) subscriptions.set(session, entries = new Map());
    return entries;
  }

  #restore(session: BrokerSession, row: MessageRow): void {
    const { state } = session;
    const message = new QueuedMessage(row.packet, this.#fromWall(row.expiresAt));
    message.row = row.id;
    message.packetId = row.packetId;
    message.isReleased = row.isReleased;
    message.savedOrder = row.order;
    message.contentChecksum = row.contentChecksum;
    if (message.packetId !== 0) state.inFlight.add(message);
    // It was let in under other limits.
    else if (state.sendQueue.add(message).length > 0) this.deleteMessage(message);
  }

  #toWall(at: number): number {
    return at === Infinity ? at : this.#clocks.wall() + at - this.#clocks.now();
  }

  #fromWall(at: number): number {
    return at === Infinity ? at : at - this.#clocks.wall() + this.#clocks.now();
  }
}
