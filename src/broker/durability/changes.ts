// What has changed since the last commit of the store, and how it is written: in one order, so that
// no row refers to one that is deleted, or not yet there.

import type { PublishPacket } from "../../packets/mod.ts";
import type { PendingAcknowledgement } from "../../session/pending_acknowledgement.ts";
import type { BrokerSession } from "../model.ts";
import { QueuedMessage } from "../routing/queued_message.ts";
import type { Subscription } from "../routing/subscriptions.ts";
import type { BrokerDatabase, SessionRow } from "./database.ts";

/** A retained message, and when it expires by the engine's clock. */
export interface RetainedState {
  readonly packet: PublishPacket;
  readonly expiresAt: number;
}

/** The changes since the last commit. */
export interface Changes {
  /**
   * Client Identifiers of sessions that have ended. Their rows are deleted before anything else.
   */
  readonly endedSessions: Set<string>;
  readonly sessions: Map<BrokerSession, SessionRow>;
  readonly subscriptions: Map<BrokerSession, Map<string, Subscription<BrokerSession> | undefined>>;
  /** Received QoS 2 messages, whose PUBREC waits for the commit. */
  readonly received: Map<BrokerSession, PendingAcknowledgement[]>;
  /**
   * Packet Identifiers of QoS 2 messages that were refused, and may be in the file all the same.
   */
  readonly withdrawn: Map<BrokerSession, Set<number>>;
  readonly messages: Map<QueuedMessage, BrokerSession>;
  /** The `id`s of messages that are delivered or dropped. */
  readonly deletedMessages: Set<number>;
  /** Sessions whose in-flight messages may have changed. */
  readonly touched: Set<BrokerSession>;
  readonly retained: Map<string, RetainedState | undefined>;
}

/** The differences between a session's in-flight messages and their rows. */
export interface FlightChanges {
  readonly clientId: string;
  /** Messages whose delivery state has changed. */
  readonly moved: readonly QueuedMessage[];
  /** Packet Identifiers whose PUBREL has arrived, or that now belong to another message. */
  readonly released: readonly number[];
  /** Whether a message in flight has no row yet. */
  readonly isNew: boolean;
}

/** Where changes are written to. */
export interface ChangesTarget {
  readonly database: BrokerDatabase;
  /** Whether a session is still to be stored: it may have ended since the change. */
  readonly has: (session: BrokerSession) => boolean;
  /** Converts a time of the engine's clock to the wall clock's. */
  readonly toWall: (at: number) => number;
}

/** Changes of which there are none yet. */
export function noChanges(): Changes {
  return {
    endedSessions: new Set(),
    sessions: new Map(),
    subscriptions: new Map(),
    received: new Map(),
    withdrawn: new Map(),
    messages: new Map(),
    deletedMessages: new Set(),
    touched: new Set(),
    retained: new Map(),
  };
}

/** Whether there are changes apart from those of `touched` sessions. */
export function hasOtherChanges(changes: Changes): boolean {
  const { endedSessions, sessions, subscriptions, received, withdrawn } = changes;
  const { messages, deletedMessages, retained } = changes;
  return endedSessions.size + sessions.size + subscriptions.size + received.size + withdrawn.size +
      messages.size + deletedMessages.size + retained.size > 0;
}

/**
 * Compares what is in flight for a session with its rows. `saved` are the received, unreleased QoS
 * 2 messages that are in the file.
 */
export function flightChanges(
  { client: { clientId }, state }: BrokerSession,
  { messages }: Changes,
  saved: ReadonlyMap<number, PendingAcknowledgement> | undefined,
): FlightChanges {
  const moved: QueuedMessage[] = [];
  let isNew = false;
  for (const message of state.inFlight.values()) {
    if (!(message instanceof QueuedMessage) || message.row === undefined) continue;
    if (message.savedOrder === message.order) continue;
    if (messages.has(message)) isNew = true;
    else moved.push(message);
  }
  const released: number[] = [];
  for (const [packetId, acknowledgement] of saved ?? []) {
    if (state.unreleased.get(packetId) !== acknowledgement) released.push(packetId);
  }
  return { clientId, moved, released, isNew };
}

/** Writes all changes. To be called within a transaction. */
export function writeChanges(
  changes: Changes,
  flights: readonly FlightChanges[],
  { database, has, toWall }: ChangesTarget,
): void {
  const { endedSessions, sessions, subscriptions, received, withdrawn } = changes;
  const { messages, deletedMessages, retained } = changes;
  for (const clientId of endedSessions) database.deleteSession(clientId);
  for (const row of sessions.values()) database.saveSession(row);
  for (const [session, entries] of subscriptions) {
    if (!has(session)) continue;
    const { clientId } = session.client;
    for (const [topicFilter, subscription] of entries) {
      if (subscription === undefined) database.deleteSubscription(clientId, topicFilter);
      else database.saveSubscription(clientId, subscription);
    }
  }
  for (const id of deletedMessages) database.deleteMessage(id);
  for (const [message, session] of messages) {
    if (!has(session)) continue;
    database.saveMessage(session.client.clientId, message, toWall(message.expiresAt));
  }
  for (const { clientId, moved, released } of flights) {
    for (const message of moved) database.saveFlight(message);
    for (const packetId of released) database.deleteReceived(clientId, packetId);
  }
  for (const [{ client: { clientId } }, packetIds] of withdrawn) {
    for (const packetId of packetIds) database.deleteReceived(clientId, packetId);
  }
  for (const [session, acknowledgements] of received) {
    if (!has(session)) continue;
    const { clientId } = session.client;
    for (const { packetId } of acknowledgements) database.saveReceived(clientId, packetId);
  }
  for (const [topic, state] of retained) {
    if (state === undefined) database.deleteRetained(topic);
    else database.saveRetained(state.packet, toWall(state.expiresAt));
  }
}
