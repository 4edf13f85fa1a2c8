// What a client with a store publishes at QoS 1 and 2. Every message is in the store before it is
// sent, and what waits is there alone but for a window of the next ones: a million take no more
// memory than a thousand.

import type { ConnectionClosedError } from "../errors.ts";
import type { Clock } from "../io/clock.ts";
import type { PublishInit } from "../packets/mod.ts";
import type { DiscardedEvent, SettledEvent } from "../session/events.ts";
import { expiryOf, type OutgoingMessage } from "../session/outgoing_message.ts";
import { checkPublish } from "../session/sender.ts";
import type { Session } from "../session/session.ts";
import type { SessionStorage, StoredMessage, StoredOutcome } from "../session/session_store.ts";
import { decodeMessage } from "../session/snapshot.ts";
import type { Link } from "./connection_attempt.ts";
import { DurableMessage, resultFrom } from "./durable_message.ts";
import type { Journal } from "./journal.ts";
import type { PublishResult } from "./publication.ts";

/** The window of messages that wait in memory, too: at most so many, and about so many bytes. */
const WINDOW = { messages: 1024, bytes: 1_048_576 };

/** When so few of them are left, the next ones are read. */
const LOW = WINDOW.messages / 4;

/** What a message takes in the store beside its PUBLISH. */
const ROW = 128;

/** So many expired messages are given up at a time. */
const EXPIRED_AT_ONCE = 256;

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
}

/** The messages of QoS 1 and 2 that a client with a store publishes. */
export class DurablePublisher {
  readonly #setup: DurablePublisherSetup;
  /** How many messages wait in the store and not in memory. */
  #backlog: number;
  /** How many messages on their way there are not in the store yet. */
  #entering = 0;
  /** The last message that was read into memory, or never left it. */
  #last = 0;
  #reading: Promise<void> | undefined;
  readonly #waiters = new Map<number, PromiseWithResolvers<PublishResult>>();
  #cancelExpiry = (): void => {};
  #isEnded = false;

  constructor(setup: DurablePublisherSetup) {
    this.#setup = setup;
    this.#backlog = setup.storage.session.waiting;
    setup.storage.onAdded = (count) => this.#added(count);
    this.#refill();
    this.#watchExpiry();
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
   * @throws {Error} when there is no room in the store
   */
  accept(packet: PublishInit, hasReceipt: boolean): DurableMessage {
    const { journal, storage, session, clock } = this.#setup;
    if (journal.failure !== undefined) throw journal.failure;
    const now = clock.now();
    const message = new DurableMessage(
      storage.nextId(),
      packet,
      expiryOf(packet, now),
      hasReceipt,
    );
    storage.checkRoom(message.size + ROW);
    const link = this.#setup.link();
    const isNext = this.isIdle && session.sendQueue.length < WINDOW.messages &&
      session.sendQueue.hasRoomFor(message.size);
    if (!isNext) {
      checkPublish(packet);
      this.#enter(message);
    } else if (link === undefined) {
      checkPublish(packet);
      session.sendQueue.add(message);
      this.#last = message.id;
    } else {
      link.connection.publish(message);
      this.#last = message.id;
    }
    const refused = (error: unknown) => {
      this.abandon(message.id, error);
      this.#setup.onSettled();
    };
    message.whenStored(() => {}, refused);
    journal.changed(message);
    link?.drive.wake();
    return message;
  }

  /** The outcome of a message that is not known yet. */
  outcome(id: number): Promise<PublishResult> {
    let waiter = this.#waiters.get(id);
    if (waiter === undefined) this.#waiters.set(id, waiter = Promise.withResolvers());
    return waiter.promise;
  }

  /** Nobody waits for the outcome any more, as it is known otherwise. */
  forget(id: number): void {
    this.#waiters.delete(id);
  }

  /** Nobody waits for the outcome any more; who has waited is given the reason. */
  abandon(id: number, reason: unknown): void {
    this.#waiters.get(id)?.reject(reason);
    this.#waiters.delete(id);
  }

  /** Gives up a message that waits. False when it is in flight, or there is none. */
  async cancel(id: number): Promise<boolean> {
    const { session, storage, journal } = this.#setup;
    for (const message of session.sendQueue) {
      if (!(message instanceof DurableMessage) || message.id !== id) continue;
      session.sendQueue.cancel(message);
      this.#conclude(message, message.outcome = { kind: "cancelled" });
      journal.changed(message);
      return true;
    }
    await this.#reading;
    const stored = await storage.receipt(id);
    if (stored === undefined || !("publish" in stored) || stored.packetId !== 0) return false;
    if (id <= this.#last) return false;
    this.#giveUp(stored, { kind: "cancelled" });
    return true;
  }

  /** A message has got its last acknowledgement. */
  settled(message: OutgoingMessage, event: Pick<SettledEvent, "packet" | "isRecovery">): void {
    if (!(message instanceof DurableMessage)) return this.#refill();
    this.#conclude(message, message.settle(event));
    this.#setup.journal.changed(message);
    this.#refill();
  }

  /** The engine has given a message up. Returns whether it is one of these. */
  discarded(message: OutgoingMessage, event: Pick<DiscardedEvent, "cause">): boolean {
    if (!(message instanceof DurableMessage)) return false;
    this.#discard(message, event);
    return true;
  }

  #discard(message: DurableMessage, { cause }: Pick<DiscardedEvent, "cause">): void {
    const { pubrec } = message;
    if (cause.kind === "session lost" && pubrec !== undefined) {
      // The server has it: what is lost is the rest of the exchange.
      return this.settled(message, { packet: pubrec, isRecovery: false });
    }
    if (cause.kind === "session lost" && this.#setup.onSessionLost === "resend") {
      // One that was released is the server's, whatever else it has lost.
      if (!message.isReleased) return this.#sendAnew(message);
    }
    this.#conclude(
      message,
      cause.kind === "session lost" && message.isReleased
        ? message.outcome = { kind: "accepted", reasonCode: 0 }
        : message.discard({ cause }),
    );
    this.#setup.journal.changed(message);
    this.#refill();
  }

  /** The client has come to its end: what waits stays in the store. */
  end(error: ConnectionClosedError): void {
    this.#isEnded = true;
    this.#cancelExpiry();
    for (const { reject } of this.#waiters.values()) reject(error);
    this.#waiters.clear();
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
    this.#watchExpiry();
    this.#refill();
  }

  #sendAnew(message: DurableMessage): void {
    const { sendQueue } = this.#setup.session;
    const later = sendQueue.takeOut(() => true);
    message.isReleased = false;
    // They were sent before everything that waits, in the order of their identifiers.
    const all = [...later, message].sort((a, b) => idOf(a) - idOf(b));
    for (const each of all) sendQueue.add(each);
    this.#setup.journal.changed(message);
  }

  /** Reads the next messages when few are left in memory. */
  #refill(): void {
    const { session: { sendQueue }, storage, onError } = this.#setup;
    if (this.#isEnded || this.#backlog === 0 || this.#reading !== undefined) return;
    if (sendQueue.length > LOW) return;
    const take = (messages: readonly StoredMessage[]) => this.#take(messages);
    try {
      const read = storage.waiting(this.#last, WINDOW.messages - sendQueue.length, WINDOW.bytes);
      if (!isPromise(read)) return take(read);
      this.#reading = read.then(take).catch(onError).finally(() => this.#reading = undefined);
    } catch (error) {
      onError(error);
    }
  }

  #take(stored: readonly StoredMessage[]): void {
    const { session: { sendQueue }, link } = this.#setup;
    if (this.#isEnded) return;
    for (const row of stored) {
      const message = DurableMessage.restore(row, (wall) => this.#toEngine(wall));
      // Messages of QoS 0, which are not stored, may take the room.
      if (!sendQueue.hasRoomFor(message.size)) break;
      sendQueue.add(message);
      this.#last = row.id;
      this.#backlog--;
    }
    // Others may have been given up meanwhile.
    if (stored.length === 0) this.#backlog = 0;
    link()?.drive.wake();
  }

  #conclude({ id, packet: { topic } }: DurableMessage, outcome: StoredOutcome): void {
    this.#tell(id, topic, outcome);
    this.#setup.onSettled();
  }

  #tell(id: number, topic: string, outcome: StoredOutcome): void {
    const waiter = this.#waiters.get(id);
    if (waiter === undefined) return;
    this.#waiters.delete(id);
    const result = resultFrom(outcome, topic);
    if (result instanceof Error) waiter.reject(result);
    else waiter.resolve(result);
  }

  /** A message that waits in the store alone is not to be sent. */
  #giveUp({ id, publish, hasReceipt }: StoredMessage, outcome: StoredOutcome): void {
    const { journal, clock } = this.#setup;
    const { topic } = decodeMessage(publish);
    const at = clock.now() + clock.lead();
    journal.add({ type: "settled", receipt: { id, topic, outcome, at }, hasReceipt });
    this.#backlog--;
    this.#tell(id, topic, outcome);
    this.#setup.onSettled();
  }

  /** Gives up what expires while it waits in the store. */
  #watchExpiry(): void {
    this.#cancelExpiry();
    this.#cancelExpiry = () => {};
    if (this.#backlog === 0 || this.#isEnded) return;
    const { storage, onError } = this.#setup;
    const watch = async () => {
      const at = await storage.nextExpiry();
      if (at === Infinity || this.#isEnded) return;
      this.#cancelExpiry();
      this.#cancelExpiry = this.#setup.clock.at(this.#toEngine(at), () => {
        this.#expire().catch(onError);
      });
    };
    watch().catch(onError);
  }

  async #expire(): Promise<void> {
    const { storage, clock } = this.#setup;
    await this.#reading;
    const expired = await storage.expired(clock.now() + clock.lead(), EXPIRED_AT_ONCE);
    if (this.#isEnded) return;
    // Those in memory expire there.
    for (const row of expired) if (row.id > this.#last) this.#giveUp(row, { kind: "expired" });
    this.#watchExpiry();
  }

  #toEngine(wall: number): number {
    return wall === Infinity ? wall : wall - this.#setup.clock.lead();
  }
}

function idOf(message: unknown): number {
  return message instanceof DurableMessage ? message.id : Infinity;
}

function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return value instanceof Promise;
}
