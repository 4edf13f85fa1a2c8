// A client's session in a store: read from there when the client begins, and kept there from then
// on.

import type { Clock } from "../io/clock.ts";
import type { SessionStorage } from "../session/session_store.ts";
import type { OutgoingMessage } from "../session/outgoing_message.ts";
import { Session } from "../session/session.ts";
import type { SendQueueLimits } from "../session/send_queue.ts";
import { restoreUnreleased } from "../session/snapshot.ts";
import type { ConnectionClosedError } from "../errors.ts";
import type { Link } from "./connection_attempt.ts";
import { DurableMessage } from "./durable_message.ts";
import { DurablePublisher } from "./durable_publisher.ts";
import { Journal } from "./journal.ts";
import type { DeliveryStore } from "./message.ts";
import { Receipts } from "./receipts.ts";
import { StoredSubscriptions } from "./stored_subscriptions.ts";

/** What a durable session works with. */
export interface DurableSessionSetup {
  readonly storage: SessionStorage;
  readonly session: Session;
  readonly clock: Clock;
  readonly endOfTurn: () => Promise<void>;
  readonly onSessionLost: "resend" | "reject";
  readonly link: () => Link | undefined;
  /** The connection, or the one before. */
  readonly last: () => Link | undefined;
  /** Nothing can be stored for the time being. */
  readonly onStoreFailed: (error: Error) => void;
  readonly onError: (error: unknown) => void;
  readonly onSettled: () => void;
  /** A message was taken out of those that wait, as it has expired. */
  readonly onExpired: (message: OutgoingMessage) => void;
}

/** The parts of a client that has a store. */
export class DurableSession {
  readonly journal: Journal;
  readonly publisher: DurablePublisher;
  readonly receipts: Receipts;
  readonly subscriptions: StoredSubscriptions;
  readonly deliveries: DeliveryStore;

  constructor(setup: DurableSessionSetup) {
    const { storage, session, onStoreFailed } = setup;
    this.journal = new Journal({
      ...setup,
      onFailed: onStoreFailed,
      onRefused: (message, error) => this.publisher.refused(message, error),
    });
    this.publisher = new DurablePublisher({ ...setup, journal: this.journal });
    this.receipts = new Receipts(storage, this.journal, this.publisher);
    const { journal } = this;
    this.subscriptions = new StoredSubscriptions(
      storage.session,
      (change) => journal.add(change),
    );
    this.deliveries = {
      deliveryId: ({ packetId }) => journal.deliveryId(packetId),
      transact(work, acknowledgement, reasonCode, properties) {
        const result = journal.transact(work, acknowledgement, reasonCode);
        if (acknowledgement === undefined) return result;
        const { connection, drive } = setup.last()!;
        connection.acknowledge(acknowledgement, reasonCode, properties);
        drive.wake();
        return result;
      },
    };
    // Their places begin anew.
    for (const message of session.inFlight.values()) this.journal.changed(message);
  }

  /** The client has come to its end. Resolves when the store has been given back. */
  async end(error: ConnectionClosedError): Promise<void> {
    this.publisher.end(error);
    await this.journal.close();
  }
}

/** How a client comes by the parts that keep its session; what has no store need not load them. */
export interface DurableSessions {
  /** The session that is in a store. */
  readonly restore: typeof storedSession;
  /** Keeps the session there from now on. */
  readonly begin: (setup: DurableSessionSetup) => DurableSession;
}

/** Sessions in stores. */
export const DURABLE_SESSIONS: DurableSessions = {
  restore: storedSession,
  begin: (setup) => new DurableSession(setup),
};

/** The session that is in a store; its messages that wait stay there for now. */
function storedSession(
  clientId: string,
  { session: stored }: SessionStorage,
  clock: Clock,
  limits: SendQueueLimits,
): Session {
  const session = new Session(clientId, limits);
  session.exists = stored.number > 0;
  const toEngine = (wall: number) => wall - clock.lead();
  for (const message of stored.inFlight) {
    const { packetId } = message;
    if (session.inFlight.get(packetId) !== undefined) {
      const name = JSON.stringify(clientId);
      throw new Error(
        `The stored session of ${name} is damaged: two messages have Packet Identifier ${packetId}`,
      );
    }
    session.inFlight.add(DurableMessage.restore(message, toEngine));
  }
  for (const { packetId, isUnreleased } of stored.deliveries) {
    if (isUnreleased) restoreUnreleased(session, packetId);
  }
  return session;
}
