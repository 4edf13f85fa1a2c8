// What changes in a client's session goes to its store before the server is told of it. Changes are
// collected and committed in groups, one for all that a turn of the event loop brings; bytes that
// tell of them wait for that.

import type { Clock } from "../io/clock.ts";
import type { DrivenConnection } from "../io/drive.ts";
import { isFailure } from "../packets/mod.ts";
import type { OutgoingMessage } from "../session/outgoing_message.ts";
import type { PendingAcknowledgement } from "../session/pending_acknowledgement.ts";
import type { Session } from "../session/session.ts";
import type {
  SessionChange,
  SessionStorage,
  StoreDatabase,
  StoredDelivery,
  TransactionalStorage,
} from "../session/session_store.ts";
import { CommitGate } from "./commit_gate.ts";
import { DurableMessage } from "./durable_message.ts";
import { type Changes, PendingChanges } from "./pending_changes.ts";

/**
 * The pause after a commit that has failed, in milliseconds: doubled after each, up to the last.
 */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5000;

/** What a journal works with. */
export interface JournalSetup {
  readonly storage: SessionStorage;
  readonly session: Session;
  readonly clock: Clock;
  /** Resolves at the end of the turn of the event loop. */
  readonly endOfTurn: () => Promise<void>;
  /** A new message could not be stored, and is given up. */
  readonly onRefused: (message: DurableMessage, error: unknown) => void;
  /** Nothing can be stored for the time being; called once until something can. */
  readonly onFailed: (error: Error) => void;
}

/** What one commit writes. */
interface Batch extends Changes {
  readonly changes: readonly SessionChange[];
}

/** The changes of a session on their way to its store. */
export class Journal {
  readonly #setup: JournalSetup;
  #sessionNumber: number;
  readonly #pending = new PendingChanges();
  /** What is known of each Packet Identifier of the server. */
  readonly #deliveries = new Map<number, StoredDelivery>();
  readonly #gates = new Set<CommitGate>();
  #isScheduled = false;
  /** What is being stored, and when that is over; never rejects. */
  #committing: { readonly batch: Batch; readonly over: Promise<void> } | undefined;
  #pause = 0;
  #failure: Error | undefined;
  #cancelRetry = (): void => {};
  #isClosed = false;

  constructor(setup: JournalSetup) {
    this.#setup = setup;
    const { storage: { session: stored }, session } = setup;
    this.#sessionNumber = stored.number;
    for (const delivery of stored.deliveries) this.#deliveries.set(delivery.packetId, delivery);
    session.inFlight.onChange = (message) => this.changed(message);
    session.onReleased = (packetId) => this.#released(packetId);
  }

  /** Why nothing can be stored now, if that is so. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Whether something has changed that is not stored. */
  get isDirty(): boolean {
    return !this.#pending.isEmpty || this.#committing !== undefined;
  }

  /** About how many bytes have the messages that are not stored. */
  get bytes(): number {
    return this.#pending.bytes + (this.#committing?.batch.bytes ?? 0);
  }

  /** The connection as it is to be driven: its bytes wait until what they tell of is stored. */
  guard(connection: DrivenConnection, wake: () => void): DrivenConnection {
    const gate = new CommitGate(connection, this, wake);
    this.#gates.add(gate);
    return gate;
  }

  /** The connection has ended. */
  forget(gate: CommitGate): void {
    this.#gates.delete(gate);
  }

  /** A message is new, or something about it has changed. */
  changed(message: OutgoingMessage): void {
    if (!(message instanceof DurableMessage)) return;
    this.#pending.add(message);
    this.#commitLater();
  }

  /** The application is done with a message. */
  acknowledged(acknowledgement: PendingAcknowledgement, reasonCode: number): void {
    this.#setDelivery(this.#deliveryAfter(acknowledgement, reasonCode));
  }

  /** Identifies a message that was received, alike each time it comes. */
  deliveryId(packetId: number): string {
    const { storage: { storeName } } = this.#setup;
    const count = this.#deliveries.get(packetId)?.count ?? 0;
    return `${storeName}-${this.#sessionNumber}-${packetId}-${count}`;
  }

  /** Another change. */
  add(change: SessionChange): void {
    this.#pending.others.push(change);
    this.#commitLater();
  }

  /** The server has begun a session. */
  begin(): void {
    const number = this.#sessionNumber = this.#setup.storage.nextId();
    this.#deliveries.clear();
    this.#pending.packetIds.clear();
    this.add({ type: "session", number });
  }

  /**
   * Runs `work` in one transaction with all that has changed, and with the acknowledgement of a
   * message, if one is given.
   *
   * @throws {TypeError} when the store has no transactions
   * @throws {unknown} what `work` throws, or the store; then nothing is stored
   */
  transact<Result>(
    work: (database: StoreDatabase) => Result,
    acknowledgement: PendingAcknowledgement | undefined,
    reasonCode: number,
  ): Result {
    const { storage } = this.#setup;
    if (!isTransactional(storage)) {
      throw new TypeError("The store of this client has no transactions");
    }
    const batch = this.#takeBatch();
    const delivery = acknowledgement && this.#deliveryAfter(acknowledgement, reasonCode);
    let result: Result;
    try {
      const last: SessionChange[] = delivery === undefined ? [] : [{ type: "delivery", delivery }];
      result = storage.transact(work, [...batch.changes, ...last]);
    } catch (error) {
      this.#pending.putBack(batch);
      this.#commitLater();
      throw error;
    }
    if (delivery !== undefined) this.#deliveries.set(delivery.packetId, delivery);
    this.#committed(batch);
    return result;
  }

  /** Stores what has changed, if the store can do that at once. */
  commitNow(): void {
    if (this.#committing === undefined && !this.#pending.isEmpty && !this.#isClosed) {
      void this.#commit();
    }
  }

  /**
   * Resolves as soon as all that has changed so far is stored; what changes later is not waited
   * for. Resolves to false at the end, if it never was.
   */
  stored(): Promise<boolean> {
    if (!this.isDirty || this.#isClosed) return Promise.resolve(!this.isDirty);
    const waiters = !this.#pending.isEmpty
      ? this.#pending.waiters
      : this.#committing!.batch.waiters;
    return new Promise((resolve) => waiters.push(resolve));
  }

  /** Resolves when what has changed is stored, or cannot be. */
  async flushed(): Promise<void> {
    while (this.#committing !== undefined) await this.#committing.over;
    if (!this.#pending.isEmpty && !this.#isClosed) await this.#commit();
  }

  /** Commits what can be committed, at once, and stops. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    await this.flushed();
    this.#isClosed = true;
    this.#cancelRetry();
    const error = this.#failure ?? new Error("The client has ended");
    for (const message of this.#pending.messages) {
      if (!message.isStored) this.#giveUp(message, error);
    }
    for (const resolve of this.#pending.waiters.splice(0)) resolve(false);
    this.#setup.storage.close();
  }

  #deliveryAfter({ packetId, qos }: PendingAcknowledgement, reasonCode: number): StoredDelivery {
    const count = (this.#deliveries.get(packetId)?.count ?? 0) + 1;
    return { packetId, count, isUnreleased: qos === 2 && !isFailure(reasonCode) };
  }

  #released(packetId: number): void {
    const delivery = this.#deliveries.get(packetId);
    if (delivery?.isUnreleased) this.#setDelivery({ ...delivery, isUnreleased: false });
  }

  #setDelivery(delivery: StoredDelivery): void {
    this.#deliveries.set(delivery.packetId, delivery);
    this.#pending.packetIds.add(delivery.packetId);
    this.#commitLater();
  }

  #commitLater(): void {
    if (this.#isScheduled || this.#isClosed || this.#failure !== undefined) return;
    this.#isScheduled = true;
    void this.#setup.endOfTurn().then(() => {
      this.#isScheduled = false;
      this.commitNow();
    });
  }

  /** Never rejects. */
  #commit(): Promise<void> {
    const batch = this.#takeBatch();
    for (const gate of this.#gates) gate.hold();
    let committed: void | Promise<void>;
    try {
      committed = this.#setup.storage.commit(batch.changes);
    } catch (error) {
      this.#failed(batch, error as Error);
      return Promise.resolve();
    }
    if (committed === undefined) {
      this.#committed(batch);
      return Promise.resolve();
    }
    const over = committed.then(() => undefined, (error: Error) => error).then((error) => {
      this.#committing = undefined;
      if (error === undefined) this.#committed(batch);
      else this.#failed(batch, error);
    });
    this.#committing = { batch, over };
    return over;
  }

  #takeBatch(): Batch {
    const { session: { inFlight } } = this.#setup;
    const taken = this.#pending.takeAll();
    const { messages, packetIds, others } = taken;
    const changes = [...others];
    const at = this.#wallTime;
    const toWall = (engine: number) => this.#toWall(engine);
    for (const message of messages) {
      const isInFlight = inFlight.get(message.packetId) === message;
      const change = message.change(isInFlight, at, toWall);
      if (change !== undefined) changes.push(change);
    }
    for (const packetId of packetIds) {
      const delivery = this.#deliveries.get(packetId);
      // The session in which it was may have been lost while a commit of it failed.
      if (delivery !== undefined) changes.push({ type: "delivery", delivery });
    }
    return { ...taken, changes };
  }

  #committed({ messages, waiters }: Batch): void {
    this.#failure = undefined;
    this.#pause = 0;
    this.#cancelRetry();
    for (const message of messages) if (!message.isStored) message.markStored();
    for (const resolve of waiters) resolve(true);
    // What another commit is to store first stays where it is.
    if (this.#committing === undefined) { for (const gate of this.#gates) gate.release(); }
    if (!this.#pending.isEmpty) this.#commitLater();
  }

  /**
   * Nothing of it is in the store, or nobody knows. What was promised is tried again; what is new
   * has been promised to nobody, and is refused.
   */
  #failed(batch: Batch, error: Error): void {
    const isFirst = this.#failure === undefined;
    this.#failure = error;
    const refused: DurableMessage[] = [];
    for (const message of batch.messages) {
      if (message.isStored || message.outcome !== undefined) this.#pending.messages.add(message);
      else refused.push(message);
    }
    this.#pending.putBack({ ...batch, messages: new Set(), bytes: 0 });
    // Should they have been written all the same, nobody must find them later.
    const at = this.#wallTime;
    for (const message of refused) this.#pending.others.push(message.withdrawal(at));
    if (refused.length > 0) this.#refuse(refused, error);
    this.#retryLater();
    if (isFirst) this.#setup.onFailed(error);
  }

  #refuse(messages: readonly DurableMessage[], error: Error): void {
    const { inFlight, sendQueue } = this.#setup.session;
    const refused = new Set<OutgoingMessage>(messages);
    sendQueue.takeOut((message) => refused.has(message));
    const encoded = messages.filter((message) => inFlight.get(message.packetId) === message);
    for (const message of encoded) inFlight.remove(message);
    for (const message of messages) this.#pending.messages.delete(message);
    // Bytes that wait have them: they must never be sent.
    if (encoded.length > 0) {
      for (const gate of this.#gates) gate.breakOff(this.#setup.clock.now());
    }
    for (const message of messages) this.#giveUp(message, error);
  }

  #giveUp(message: DurableMessage, error: unknown): void {
    message.refuse(error);
    this.#setup.onRefused(message, error);
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    this.#pause = Math.min(Math.max(FIRST_PAUSE, 2 * this.#pause), LONGEST_PAUSE);
    const { clock } = this.#setup;
    this.#cancelRetry();
    this.#cancelRetry = clock.at(clock.now() + this.#pause, () => this.commitNow());
  }

  get #wallTime(): number {
    return this.#toWall(this.#setup.clock.now());
  }

  #toWall(engine: number): number {
    return engine === Infinity ? engine : engine + this.#setup.clock.lead();
  }
}

function isTransactional(storage: SessionStorage): storage is TransactionalStorage {
  return "transact" in storage;
}
