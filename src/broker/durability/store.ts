// The broker's persistent state: sessions with their queued and in-flight messages, and retained
// messages. Changes are only recorded, and written in one transaction by `commit()`. No other
// method runs a statement that writes, so none can fail in the middle of something else. Changes
// that could not be written are kept for the next commit, each once however often it is made.

import { MAXIMUM_PACKET_ID } from "../../session/packet_ids.ts";
import { restoreUnreleased } from "../../session/snapshot.ts";
import type { PublishPacket } from "../../packets/mod.ts";
import type { PendingAcknowledgement } from "../../session/pending_acknowledgement.ts";
import { openDatabase } from "../../store/file.ts";
import { GroupCommit } from "../../store/group_commit.ts";
import type { OpenDatabase } from "../../store/sqlite.ts";
import { StoreError } from "../../store/store_error.ts";
export { StoreError, type StoreErrorKind } from "../../store/store_error.ts";
import { QueuedMessage } from "../routing/queued_message.ts";
import type { BrokerSession } from "../model.ts";
import type { Subscription } from "../routing/subscriptions.ts";
import {
  type FlightChanges,
  flightChanges,
  hasOtherChanges,
  noChanges,
  type RetainedState,
  writeChanges,
} from "./changes.ts";
import { BrokerDatabase, type MessageRow, type SessionRow } from "./database.ts";
import { BROKER_FILE } from "./format.ts";

/** The clocks that a store needs, in milliseconds. */
export interface Clocks {
  /** The engine's clock, which never goes back. */
  readonly now: () => number;
  /** The wall clock, which goes on while the broker is not running. */
  readonly wall: () => number;
}

/** The persistent state of a broker. */
export class Store {
  /** The path of the file. */
  readonly path: string;
  readonly #database: BrokerDatabase;
  readonly #clocks: Clocks;
  readonly #commits: GroupCommit;
  readonly #changes = noChanges();
  /** Sessions in the file, or to be written to it, as they were last saved. */
  readonly #sessions = new Map<string, { session: BrokerSession | undefined; row: SessionRow }>();
  /** The received, unreleased QoS 2 messages that are in the file. */
  readonly #received = new WeakMap<BrokerSession, Map<number, PendingAcknowledgement>>();
  #lastMessageId: number;
  #isClosed = false;
  /** Called when a commit has failed; once a minute at most for each kind of fault. */
  onFailed: (error: StoreError) => void = () => {};

  /**
   * Opens the file, or creates it.
   *
   * @throws {StoreError} when the file cannot be used
   */
  constructor(path: string, clocks: Clocks, open?: OpenDatabase) {
    this.path = path;
    const database = openDatabase(path, BROKER_FILE, open);
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

  /** Whether a commit is needed: there are changes, or the last commit has failed. */
  get needsCommit(): boolean {
    return this.isFailing || this.#changes.touched.size > 0 || hasOtherChanges(this.#changes);
  }

  /** Whether the last commit has failed. */
  get isFailing(): boolean {
    return this.#commits.isFailing;
  }

  /** When to commit again after a failure, by the engine's clock. */
  get retryAt(): number | undefined {
    return this.#commits.retryAt;
  }

  /**
   * Reads all sessions. When their clients disconnected is given by the engine's clock, and may be
   * negative.
   */
  sessions(): SessionRow[] {
    return this.#database.sessions().map((row) => {
      this.#sessions.set(row.client.clientId, { session: undefined, row });
      return { ...row, leftAt: row.leftAt === undefined ? undefined : this.#fromWall(row.leftAt) };
    });
  }

  /** Reads the subscriptions and messages of a session into it. */
  restore(session: BrokerSession): void {
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
    // A commit that was reported to have failed may be in the file: the client was told that the
    // message is refused, and gives its identifier to another one.
    session.state.doubt();
    for (const row of this.#database.messages(clientId)) this.#restoreMessage(session, row);
    // Messages of QoS 1 are sent even while nothing can be stored, so that their identifiers may
    // not be in the file, and the client may have them in use: others are given out for some time.
    session.state.packetIds.startAfter(1 + Math.floor(this.#clocks.wall()) % MAXIMUM_PACKET_ID);
    this.touch(session);
    session.state.exists = true;
  }

  /** Reads all retained messages and when they expire, by the engine's clock. */
  retained(): RetainedState[] {
    return this.#database.retained().map(({ packet, expiresAt }) => ({
      packet,
      expiresAt: this.#fromWall(expiresAt),
    }));
  }

  /** Saves a session as it is now. Its subscriptions and messages are saved one by one. */
  saveSession(session: BrokerSession): void {
    const { client, owner, lifetime, connection, will } = session;
    const leftAt = connection === undefined ? this.#clocks.wall() : undefined;
    this.#saveRow(session, { client, owner, lifetime, leftAt, will });
  }

  /** Deletes the Will of a session, which has been published. */
  deleteWill(session: BrokerSession): void {
    const saved = this.#sessions.get(session.client.clientId);
    if (saved?.session === session) this.#saveRow(session, { ...saved.row, will: undefined });
  }

  /** Deletes a session with its subscriptions and messages, if it is stored. */
  deleteSession(session: BrokerSession): void {
    const { clientId } = session.client;
    if (!this.#has(session)) return;
    this.#sessions.delete(clientId);
    const { endedSessions, sessions, subscriptions, received, withdrawn, touched } = this.#changes;
    endedSessions.add(clientId);
    for (const changes of [sessions, subscriptions, received, withdrawn, touched]) {
      changes.delete(session);
    }
    this.#received.delete(session);
  }

  /** Saves a subscription. */
  saveSubscription(subscription: Subscription<BrokerSession>): void {
    this.#subscriptionsOf(subscription.subscriber).set(
      subscription.request.topicFilter,
      subscription,
    );
  }

  /** Deletes a subscription. */
  deleteSubscription(session: BrokerSession, topicFilter: string): void {
    if (this.#has(session)) this.#subscriptionsOf(session).set(topicFilter, undefined);
  }

  /** Saves a message for a session. */
  saveMessage(session: BrokerSession, message: QueuedMessage): void {
    message.row = ++this.#lastMessageId;
    this.#changes.messages.set(message, session);
  }

  /** Deletes a message, if it is stored. */
  deleteMessage(message: QueuedMessage): void {
    if (message.row === undefined) return;
    const isNew = this.#changes.messages.delete(message);
    // A commit that reported a failure may have written it all the same.
    if (!isNew || this.isFailing) this.#changes.deletedMessages.add(message.row);
    message.row = undefined;
  }

  /** Saves that a QoS 2 message has been received, so that it is not delivered a second time. */
  saveReceived(session: BrokerSession, acknowledgement: PendingAcknowledgement): void {
    const { received } = this.#changes;
    const acknowledgements = received.get(session);
    if (acknowledgements === undefined) received.set(session, [acknowledgement]);
    else acknowledgements.push(acknowledgement);
  }

  /** Undoes {@linkcode saveReceived}, which could not be committed. */
  deleteReceived(session: BrokerSession, acknowledgement: PendingAcknowledgement): void {
    const { received, withdrawn } = this.#changes;
    const before = received.get(session) ?? [];
    const left = before.filter((other) => other !== acknowledgement);
    if (left.length > 0) received.set(session, left);
    else received.delete(session);
    if (left.length === before.length) return;
    // A commit that reported a failure may have written it all the same.
    const packetIds = withdrawn.get(session);
    if (packetIds === undefined) withdrawn.set(session, new Set([acknowledgement.packetId]));
    else packetIds.add(acknowledgement.packetId);
  }

  /** Saves a retained message. Its payload must not change afterwards. */
  saveRetained(packet: PublishPacket, expiresAt: number): void {
    this.#changes.retained.set(packet.topic, { packet, expiresAt });
  }

  /** Deletes a retained message. */
  deleteRetained(topic: string): void {
    this.#changes.retained.set(topic, undefined);
  }

  /** Notes that the delivery state of a session's messages may have changed. */
  touch(session: BrokerSession): void {
    if (this.#has(session)) this.#changes.touched.add(session);
  }

  /** Whether the end of a session with the same Client Identifier is not committed yet. */
  isEnding({ client }: BrokerSession): boolean {
    return this.#changes.endedSessions.has(client.clientId);
  }

  /** Whether a session is yet to be saved, or saved anew, by the next commit. */
  isUnsaved(session: BrokerSession): boolean {
    return this.#changes.sessions.has(session);
  }

  /** Whether the whole state of a session is committed. */
  isStored(session: BrokerSession): boolean {
    const { sessions, subscriptions } = this.#changes;
    if (sessions.has(session) || subscriptions.has(session)) return false;
    const { moved, released, isNew } = this.#flightOf(session);
    return moved.length === 0 && released.length === 0 && !isNew;
  }

  /**
   * Whether everything that exactly-once delivery (§4.3.3) depends on is committed: the session,
   * which message each Packet Identifier belongs to, whether it is released, and which Packet
   * Identifiers the client uses.
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
   * Writes all changes in one transaction. Call it before a client is told of any of them. Returns
   * false when it fails, or when the pause after a failure is not over and `isUrgent` is false; the
   * changes are then kept for the next commit.
   */
  commit(isUrgent = false): boolean {
    if (this.#isClosed || !this.needsCommit) return true;
    const flights = Array.from(this.#changes.touched, (session) => this.#flightOf(session));
    const isEmpty = !this.isFailing && !hasOtherChanges(this.#changes) &&
      flights.every(({ moved, released }) => moved.length === 0 && released.length === 0);
    if (!isEmpty && !this.#commits.run(() => this.#write(flights), isUrgent)) return false;
    this.#markCommitted(flights);
    return true;
  }

  /** Commits what can be committed, and closes the file. Later changes are ignored. */
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

  #write(flights: readonly FlightChanges[]): void {
    const database = this.#database;
    if (this.isFailing) database.probe();
    writeChanges(this.#changes, flights, {
      database,
      has: (session) => this.#has(session),
      toWall: (at) => this.#toWall(at),
    });
  }

  /** Records that all changes are in the file. */
  #markCommitted(flights: readonly FlightChanges[]): void {
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
    return flightChanges(session, this.#changes, this.#received.get(session));
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

  #restoreMessage(session: BrokerSession, row: MessageRow): void {
    const { state } = session;
    const message = new QueuedMessage(row.packet, this.#fromWall(row.expiresAt));
    message.row = row.id;
    message.packetId = row.packetId;
    message.isReleased = row.isReleased;
    message.savedOrder = row.order;
    message.contentChecksum = row.contentChecksum;
    if (message.packetId !== 0) {
      // What had its Packet Identifier before was acknowledged; a crash came before its deletion.
      const earlier = state.inFlight.get(message.packetId);
      if (earlier instanceof QueuedMessage) {
        state.inFlight.remove(earlier);
        this.deleteMessage(earlier);
      }
      return state.inFlight.add(message);
    }
    // The queue may have become smaller since the message was stored.
    if (state.sendQueue.add(message).length > 0) this.deleteMessage(message);
  }

  #toWall(at: number): number {
    return at === Infinity ? at : this.#clocks.wall() + at - this.#clocks.now();
  }

  #fromWall(at: number): number {
    return at === Infinity ? at : at - this.#clocks.wall() + this.#clocks.now();
  }
}
