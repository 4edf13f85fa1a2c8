// What a client's session needs of a store, as plain data: so that a file, a database in a browser
// or a test can hold it. The store decides nothing: what changes, and when it has to be on disk, is
// the client's business. Times are milliseconds of the wall clock, which goes on while no process
// runs.

import type { SubscriptionRequest } from "../packets/mod.ts";

/** A stored message of QoS 1 or 2 (or 0, if it may wait) that is to be sent. */
export interface StoredMessage {
  /** Unique in its store, for good; later messages have more. */
  readonly id: number;
  /** Its PUBLISH, encoded, with neither Packet Identifier nor DUP. */
  readonly publish: Uint8Array;
  /** When it expires (§3.3.2.3.3); `Infinity` for never. */
  readonly expiresAt: number;
  /** Its Packet Identifier while it is in flight; 0 while it waits. */
  readonly packetId: number;
  /** Whether its PUBREC has come, so that only PUBREL is sent again [MQTT-4.3.3-6]. */
  readonly isReleased: boolean;
  /** Its place among those in flight: later ones have more. */
  readonly place: number;
  /** Whether somebody wants to know its outcome, in a later process too. */
  readonly hasReceipt: boolean;
}

/** What is known of one Packet Identifier of the server, under which messages come. */
export interface StoredDelivery {
  /** The Packet Identifier. */
  readonly packetId: number;
  /** How many messages that had it the application is done with: tells one from the next. */
  readonly count: number;
  /**
   * Whether the last of them is of QoS 2, and its PUBREL has not come: it is not delivered again.
   */
  readonly isUnreleased: boolean;
}

/** A stored subscription: one Topic Filter that the server has granted. */
export interface StoredSubscription {
  /** The Topic Filter with its options (§3.8.3). */
  readonly request: SubscriptionRequest;
  /** The Subscription Identifier, if the server has them. */
  readonly identifier: number | undefined;
  /** What the server has granted: the QoS (§3.9.3). */
  readonly reasonCode: number;
}

/** What has become of a message. */
export type StoredOutcome =
  | {
    /** The server has the message. */
    readonly kind: "accepted";
    readonly reasonCode: number;
    readonly reasonString?: string | undefined;
    readonly userProperties?: readonly (readonly [name: string, value: string])[] | undefined;
  }
  | {
    /** The server has refused it, with a Reason Code of 0x80 or above. */
    readonly kind: "refused";
    readonly reasonCode: number;
    readonly reasonString?: string | undefined;
    readonly userProperties?: readonly (readonly [name: string, value: string])[] | undefined;
  }
  /** It expired, or was cancelled, and was never sent; or the server takes no such message. */
  | { readonly kind: "expired" | "cancelled" }
  | { readonly kind: "not allowed"; readonly why: string }
  /** The server has lost the session while it was in flight: it may have arrived. */
  | { readonly kind: "may have arrived" };

/** The outcome of a message whose receipt is kept. */
export interface StoredReceipt {
  /** That of the message. */
  readonly id: number;
  /** The message's Topic Name. */
  readonly topic: string;
  /** What has become of it. */
  readonly outcome: StoredOutcome;
  /** When it was known. */
  readonly at: number;
}

/** What a session was when it was last stored. */
export interface StoredSession {
  /** Tells the session from those before it, which the server has lost; 0 before the first. */
  readonly number: number;
  /**
   * Whether a CONNECT may have been sent, and no process has seen its answer: the server may have
   * begun another session with it, which has no subscriptions.
   */
  readonly isUnanswered: boolean;
  /** The messages in flight, in the order in which they are to be sent again. */
  readonly inFlight: readonly StoredMessage[];
  /** What was received in it. */
  readonly deliveries: readonly StoredDelivery[];
  /** The subscriptions that the server has granted. */
  readonly subscriptions: readonly StoredSubscription[];
  /** How many messages wait to be sent: {@linkcode SessionStorage.waiting} reads them. */
  readonly waiting: number;
}

/** One change of a session. Writing it a second time must be harmless. */
export type SessionChange =
  /** The server has begun a session: deliveries and subscriptions of the one before are gone. */
  | { readonly type: "session"; readonly number: number }
  /** A CONNECT is about to be sent, or the server has answered it. A new session has none. */
  | { readonly type: "unanswered"; readonly isUnanswered: boolean }
  /** A new message waits, or is in flight. */
  | { readonly type: "message"; readonly message: StoredMessage }
  /** A message has got its Packet Identifier, was released, or waits again (0). */
  | {
    readonly type: "flight";
    readonly id: number;
    readonly packetId: number;
    readonly isReleased: boolean;
    readonly place: number;
  }
  /** A message is done with; its outcome is kept if it has a receipt. */
  | { readonly type: "settled"; readonly receipt: StoredReceipt; readonly hasReceipt: boolean }
  /** The application is done with a message, or its PUBREL has come. */
  | { readonly type: "delivery"; readonly delivery: StoredDelivery }
  /** The server has granted a Topic Filter, or has it no more. */
  | { readonly type: "subscribed"; readonly subscription: StoredSubscription }
  | { readonly type: "unsubscribed"; readonly topicFilter: string };

/** A store of sessions. Several clients of one process may use one. */
export interface SessionStore {
  /**
   * Opens the session of a Client Identifier; an empty one if there is none. Only one client may
   * have it at a time.
   *
   * @throws {TypeError} when a client has it already
   * @throws {Error} when it cannot be read
   */
  open(clientId: string): SessionStorage | Promise<SessionStorage>;
}

/** The stored session of one client. */
export interface SessionStorage {
  /** Names the store: with it an identifier is unique among all stores. */
  readonly storeName: string;
  /** What was there when it was opened. */
  readonly session: StoredSession;
  /** Called when messages were added by others than this client: they wait to be sent. */
  onAdded: (count: number) => void;
  /**
   * Refuses a message of so many bytes for which there is no room, before anything is done with it.
   *
   * @throws {Error} when the store is full
   */
  checkRoom(bytes: number): void;
  /** An identifier for a message or a delivery, larger than all that were given out before. */
  nextId(): number;
  /**
   * The messages that wait, in their order: those after `after`, at most so many, and of about so
   * many bytes at most, but always one if there is one.
   */
  waiting(
    after: number,
    count: number,
    bytes: number,
  ): readonly StoredMessage[] | Promise<readonly StoredMessage[]>;
  /** The messages that wait and have expired by `now`, at most so many. */
  expired(
    now: number,
    count: number,
  ): readonly StoredMessage[] | Promise<readonly StoredMessage[]>;
  /** When the next message that waits expires; `Infinity` for never. */
  nextExpiry(): number | Promise<number>;
  /**
   * Writes all changes, in their order, or none of them. Resolves when they are on disk.
   *
   * @throws {Error} when it fails: nothing is written then, or all is and nobody knows
   */
  commit(changes: readonly SessionChange[]): void | Promise<void>;
  /**
   * The message with a receipt that waits or is in flight, or its outcome; `undefined` when there
   * is none, or its time is over.
   */
  receipt(id: number):
    | StoredMessage
    | StoredReceipt
    | undefined
    | Promise<
      StoredMessage | StoredReceipt | undefined
    >;
  /**
   * The messages with receipts that wait or are in flight, in their order, so many after `after`.
   */
  pending(after: number, count: number):
    | readonly StoredMessage[]
    | Promise<
      readonly StoredMessage[]
    >;
  /** Gives the session back; what is stored stays. */
  close(): void;
}

/** The database of a store, as an application uses it: a part of what `node:sqlite` has. */
export interface StoreDatabase {
  /** Runs statements without parameters. */
  exec(sql: string): void;
  /** Prepares a statement. */
  prepare(sql: string): {
    /** Runs the statement. */
    run(...values: (null | number | bigint | string | Uint8Array)[]): unknown;
    /** Runs the statement and returns the rows: their values by the names of the columns. */
    all(
      ...values: (null | number | bigint | string | Uint8Array)[]
    ): Record<string, null | number | bigint | string | Uint8Array>[];
  };
}

/** A store that runs an application's own writes in the transaction of a session's changes. */
export interface TransactionalStorage extends SessionStorage {
  /**
   * Runs `work` and writes the changes, all in one transaction: when `work` throws, nothing of it
   * is written, and the error is thrown. What was given to `commit()` before is written before.
   */
  transact<Result>(
    work: (database: StoreDatabase) => Result,
    changes: readonly SessionChange[],
  ): Result;
}
