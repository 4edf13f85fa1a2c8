// What a client with a store publishes at QoS 1 and 2. Every message is in the store before it is
// sent, and what waits is there alone but for a window of the next ones: a million take no more
// memory than a thousand.

import { type ConnectionClosedError, NotSentError } from "../errors.ts";
import type { Clock } from "../io/clock.ts";
import type { PublishInit } from "../packets/mod.ts";
import type { DiscardedEvent, SettledEvent } from "../session/events.ts";
import { expiryOf, type OutgoingMessage } from "../session/outgoing_message.ts";
import { checkPublish } from "../session/sender.ts";
import type { Session } from "../session/session.ts";
import type { SessionStorage, StoredMessage, StoredOutcome } from "../session/session_store.ts";
import { decodeMessage } from "../session/snapshot.ts";
import type { Link } from "./connection_attempt.ts";
import { DurableExpiry } from "./durable_expiry.ts";
import { DurableMessage, resultFrom } from "./durable_message.ts";
import type { Journal } from "./journal.ts";
import type { PublishResult } from "./publication.ts";

/** The window of messages that wait in memory, too: at most so many, and about so many bytes. */
const WINDOW = { messages: 1024, bytes: 1_048_576 };

/** What a message takes in the store beside its PUBLISH. */
const ROW = 128;

/** So many bytes of new messages are committed at once, not only at the end of the turn. */
const GROUP = 1_048_576;

/** So many bytes of new messages may be on their way to a store that takes its time. */
const LARGEST_GROUP = 67_108_864;

/** What a durable publisher works with. */
export interface DurablePublisherSetup {
  readonly clock: Clock;
  readonly session: Session;
  readonly storage: SessionStorage;
  readonly journal: Journal;
  /** What becomes of messages in flight when the server has lost the session. */
  readonly onSessionLost: "resend" | "reject";
  /** The connection, if there is one. */
  readonly link: () => Link | undefined;
  /** Something in this program or in the store has failed for good. */
  readonly onError: (error: unknown) => void;
  /** Something that waited is done. */
  readonly onSettled: () => void;
  /** A message was taken out of those that wait, as it has expired. */
  readonly onExpired: (message: OutgoingMessage) => void;
}

/** The messages of QoS 1 and 2 that a client with a store publishes. */
export class DurablePublisher {
  readonly #setup: DurablePublisherSetup;
  readonly #expiry: DurableExpiry;
  /** How many messages wait in the store and not in memory. */
  #backlog: number;
  /** How many messages on their way there are not in the store yet. */
  #entering = 0;
  /** The last message that was read into memory, or never left it. */
  #last = 0;
  /** Those of the backlog that are given up, which the store does not know yet. */
  readonly #givenUp = new Set<number>();
  #reading: Promise<void> | undefined;
  /** What waits in memory is being put back: what was read before is of no use. */
  #isRewinding = false;
  #rewinds = 0;
  readonly #waiters = new Map<number, PromiseWithResolvers<PublishResult>>();
  /** Why there are no more outcomes. */
  #error: ConnectionClosedError | undefined;

  constructor(setup: DurablePublisherSetup) {
    this.#setup = setup;
    const { storage } = setup;
    this.#backlog = storage.session.waiting;
    this.#expiry = new DurableExpiry({
      ...setup,
      reading: () => this.#reading,
      giveUp: (row) => row.id > this.#last && this.#giveUp(row, { kind: "expired" }),
    });
    storage.onAdded = (count) => {
      this.#added(count);
      this.#expiry.watch();
    };
    if (this.#backlog > 0) this.#expiry.watch();
    this.refill();
  }

  /** Whether nothing waits in the store. */
  get isIdle(): boolean {
    return this.#backlog === 0 && this.#entering === 0;
  }

  /**
   * Accepts a message: from now on it is on its way to the store and to the server. Nobody waits
   * for its outcome before {@linkcode DurablePublisher.outcome} is called.
   *
   * @throws {TypeError} when a field is wrong, or the server takes no such message
   * @throws {RangeError} when a field is out of its range, or of the server's
   * @throws {PacketTooLargeError} when it is larger than the server takes
   * @throws {NotSentError} when the store takes messages more slowly than they come
   * @throws {Error} when there is no room in the store, or nothing can be stored
   */
  accept(packet: PublishInit, hasReceipt: boolean): DurableMessage {
    const { journal, storage, session, clock } = this.#setup;
    const expiresAt = packet.properties?.messageExpiryInterval === undefined
      ? Infinity
      : expiryOf(packet, clock.now());
    const message = new DurableMessage(storage.nextId(), packet, expiresAt, hasReceipt);
    if (journal.bytes >= GROUP) journal.commitNow();
    if (journal.failure !== undefined) throw journal.failure;
    if (journal.bytes > LARGEST_GROUP) {
      throw new NotSentError("The store takes messages more slowly than they come", "queue full");
    }
    storage.checkRoom(journal.bytes + message.size + ROW);
    const link = this.#setup.link();
    const isNext = this.isIdle && session.sendQueue.length < WINDOW.messages &&
      session.sendQueue.hasRoomFor(message.size);
    if (!isNext) {
      checkPublish(packet);
      this.#enter(message);
    } else {
      if (link === undefined) {
        checkPublish(packet);
        session.sendQueue.add(message);
      } else link.connection.publish(message);
      this.#last = message.id;
    }
    journal.changed(message);
    if (expiresAt !== Infinity) this.#expiry.expect(expiresAt);
    link?.drive.wake();
    return message;
  }

  /** The outcome of a message that is not known yet. */
  outcome(id: number): Promise<PublishResult> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    let waiter = this.#waiters.get(id);
    if (waiter === undefined) this.#waiters.set(id, waiter = Promise.withResolvers());
    return waiter.promise;
  }

  /** Nobody waits for the outcome any more, as it is known otherwise. */
  forget(id: number): void {
    this.#waiters.delete(id);
  }

  /** Gives up a message if it waits; who has waited for its outcome is given the reason. */
  withdraw(id: number, reason: unknown): void {
    this.#abandon(id, reason);
    this.cancel(id).catch((error) => {
      if (this.#error === undefined) this.#setup.onError(error);
    });
  }

  /**
   * Gives up a message that waits. Resolves once the store knows; to false when the message is in
   * flight, or there is none.
   *
   * @throws {ConnectionClosedError} when the client has come to its end before
   */
  async cancel(id: number): Promise<boolean> {
    const { storage, journal } = this.#setup;
    this.#checkNotEnded();
    if (this.#cancelQueued(id)) return await this.#whenCancelled();
    // It may be on its way to the store, or from there.
    await journal.stored();
    await this.#reading;
    const [row] = await storage.waiting(id - 1, 1, 0);
    this.#checkNotEnded();
    if (this.#cancelQueued(id)) return await this.#whenCancelled();
    if (row?.id !== id || id <= this.#last && !this.#isRewinding) return false;
    if (!this.#giveUp(row, { kind: "cancelled" })) return false;
    return await this.#whenCancelled();
  }

  /** A message has got its last acknowledgement. */
  settled(message: OutgoingMessage, event: Pick<SettledEvent, "packet" | "isRecovery">): void {
    if (!(message instanceof DurableMessage)) return;
    const outcome = message.settle(event);
    this.#setup.journal.changed(message);
    this.#conclude(message, outcome);
  }

  /** The engine has given a message up. Returns whether it is one of these. */
  discarded(message: OutgoingMessage, event: Pick<DiscardedEvent, "cause">): boolean {
    if (!(message instanceof DurableMessage)) return false;
    this.#discard(message, event);
    return true;
  }

  /** A message had to make room in memory for another. Returns whether it is one of these. */
  dropped(message: OutgoingMessage): boolean {
    if (!(message instanceof DurableMessage)) return false;
    this.#rewind(message);
    return true;
  }

  /** A message could not be stored: it is as if it had never been accepted. */
  refused(message: DurableMessage, error: unknown): void {
    this.#abandon(message.id, error);
    this.#setup.onSettled();
  }

  /** The client has come to its end: what waits stays in the store. */
  end(error: ConnectionClosedError): void {
    this.#error = error;
    this.#expiry.end();
    for (const { reject } of this.#waiters.values()) reject(error);
    this.#waiters.clear();
  }

  /** Reads the next messages when few are left in memory. */
  refill(): void {
    if (this.#backlog === 0 || this.#isRewinding || this.#reading !== undefined) return;
    if (this.#error !== undefined) return;
    const { session: { sendQueue }, storage, onError } = this.#setup;
    const { room } = sendQueue;
    // At least one, whatever it has: how large it is nobody knows yet.
    const messages = Math.min(WINDOW.messages - sendQueue.length, room.messages);
    const bytes = Math.min(WINDOW.bytes, room.bytes);
    if (sendQueue.length > 0 && sendQueue.length * 3 > messages) return;
    try {
      const read = storage.waiting(this.#last, Math.max(messages, 1), Math.max(bytes, 0));
      if (!isPromise(read)) return this.#take(read);
      const rewinds = this.#rewinds;
      this.#reading = read.then((rows) => {
        this.#reading = undefined;
        if (rewinds === this.#rewinds) this.#take(rows);
        else this.refill();
      }).catch((error) => {
        this.#reading = undefined;
        onError(error);
      });
    } catch (error) {
      onError(error);
    }
  }

  #take(rows: readonly StoredMessage[]): void {
    const { session: { sendQueue }, link, clock } = this.#setup;
    if (this.#error !== undefined) return;
    let taken = 0;
    for (const row of rows) {
      if (!this.#givenUp.has(row.id)) {
        const message = DurableMessage.restore(row, (wall) => wall - clock.lead());
        // Messages of QoS 0, which are not stored, may take the room.
        if (!sendQueue.hasRoomFor(message.size)) break;
        sendQueue.add(message);
        this.#backlog--;
        taken++;
      }
      this.#last = row.id;
    }
    // Others may have been given up meanwhile.
    if (rows.length === 0) this.#backlog = 0;
    else if (taken === 0 && this.#last === rows.at(-1)!.id) this.refill();
    link()?.drive.wake();
  }

  /** The message waits in the store until its turn comes. */
  #enter(message: DurableMessage): void {
    this.#entering++;
    const stored = () => {
      this.#entering--;
      this.#added(1);
    };
    message.whenStored(stored, () => this.#entering--);
  }

  #added(count: number): void {
    this.#backlog += count;
    this.refill();
  }

  /**
   * A message waits in the store again, and with it all that wait in memory: they are read anew, in
   * their order.
   */
  #rewind(message: DurableMessage): void {
    const { session: { sendQueue }, journal } = this.#setup;
    const back: OutgoingMessage[] = [message];
    if (!this.#isRewinding) {
      back.push(...sendQueue.takeOut((each) => each instanceof DurableMessage));
    }
    for (const each of back as DurableMessage[]) {
      if (each.isStored) this.#backlog++;
      else this.#enter(each);
    }
    if (this.#isRewinding) return;
    this.#isRewinding = true;
    this.#rewinds++;
    void journal.stored().then(() => {
      this.#isRewinding = false;
      this.#last = 0;
      this.refill();
    });
  }

  #discard(message: DurableMessage, { cause }: Pick<DiscardedEvent, "cause">): void {
    const { journal, onSessionLost } = this.#setup;
    const { pubrec, isReleased } = message;
    if (cause.kind === "session lost" && pubrec !== undefined) {
      // The server has it: what is lost is the rest of the exchange.
      return this.settled(message, { packet: pubrec, isRecovery: false });
    }
    // One that was released is the server's, whatever else it has lost.
    if (cause.kind === "session lost" && onSessionLost === "resend" && !isReleased) {
      message.packetId = 0;
      journal.changed(message);
      return this.#rewind(message);
    }
    const outcome = cause.kind === "session lost" && isReleased
      ? message.outcome = { kind: "accepted", reasonCode: 0 }
      : message.discard({ cause });
    journal.changed(message);
    this.#conclude(message, outcome);
  }

  /** Whether a message waited in memory, and is given up. */
  #cancelQueued(id: number): boolean {
    const { session: { sendQueue }, journal } = this.#setup;
    for (const message of sendQueue) {
      if (!(message instanceof DurableMessage) || message.id !== id) continue;
      sendQueue.cancel(message);
      const outcome: StoredOutcome = message.outcome = { kind: "cancelled" };
      journal.changed(message);
      this.#conclude(message, outcome);
      return true;
    }
    return false;
  }

  /** What was given up is so for the store, too. */
  async #whenCancelled(): Promise<boolean> {
    if (await this.#setup.journal.stored()) return true;
    throw this.#error;
  }

  #conclude({ id, packet: { topic } }: DurableMessage, outcome: StoredOutcome): void {
    this.#tell(id, topic, outcome);
    this.#setup.onSettled();
  }

  /**
   * Tells of an outcome. That nothing was sent is true only once it is stored: before, the next
   * process may find the message and send it.
   */
  #tell(id: number, topic: string, outcome: StoredOutcome): void {
    if (!isUnsent(outcome)) return this.#tellNow(id, topic, outcome);
    void this.#setup.journal.stored().then((isStored) => {
      if (isStored) this.#tellNow(id, topic, outcome);
    });
  }

  #tellNow(id: number, topic: string, outcome: StoredOutcome): void {
    const waiter = this.#waiters.get(id);
    if (waiter === undefined) return;
    this.#waiters.delete(id);
    const result = resultFrom(outcome, topic);
    if (result instanceof Error) waiter.reject(result);
    else waiter.resolve(result);
  }

  #abandon(id: number, reason: unknown): void {
    this.#waiters.get(id)?.reject(reason);
    this.#waiters.delete(id);
  }

  /** A message of the backlog is not to be sent. False when it has been given up before. */
  #giveUp({ id, publish, hasReceipt }: StoredMessage, outcome: StoredOutcome): boolean {
    if (this.#givenUp.has(id)) return false;
    const { journal, clock } = this.#setup;
    const { topic } = decodeMessage(publish);
    const at = clock.now() + clock.lead();
    journal.add({ type: "settled", receipt: { id, topic, outcome, at }, hasReceipt });
    this.#givenUp.add(id);
    void journal.stored().then(() => this.#givenUp.delete(id));
    this.#backlog--;
    this.#tell(id, topic, outcome);
    this.#setup.onSettled();
    return true;
  }

  #checkNotEnded(): void {
    if (this.#error !== undefined) throw this.#error;
  }
}

/** Whether an outcome says that the message was never sent, nor will be. */
function isUnsent({ kind }: StoredOutcome): boolean {
  return kind === "expired" || kind === "not allowed" || kind === "cancelled";
}

function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return value instanceof Promise;
}
