// Whatever a packet promises to a client is committed to disk before the packet is written. This is
// the only place that enforces it, and that decides what happens when the commit fails. Durable
// sessions are those that outlive their connection.
//
// | packet                                  | when its effects could not be stored                |
// |-----------------------------------------|-----------------------------------------------------|
// | PUBACK, PUBREC                          | is sent with 0x97, and the message is withdrawn     |
// |                                         | from durable sessions; others may have it, so that  |
// |                                         | one of QoS 2 is refused each time it comes again    |
// | SUBACK, UNSUBACK                        | is sent with 0x97 or 0x83; the subscriptions do not |
// |                                         | change                                              |
// | CONNACK for a durable session           | is sent with 0x88, and nothing changes              |
// | PUBLISH of QoS 2, PUBREL, PUBCOMP of a  | is not sent; the connection is closed with 0x97, as |
// | durable session                         | exactly-once delivery cannot be guaranteed          |
// | PUBLISH of QoS 0 and 1; any packet of a | is sent; if an acknowledgement is not recorded, the |
// | session that is not durable             | message is delivered again after a crash            |
//
// Acknowledgements wait for the end of the turn, so that one commit serves everything that arrived
// in it.

import { encodePacket, isFailure, ReasonCode, type ReasonCodeOf } from "../../packets/mod.ts";
import type { OutgoingMessage } from "../../session/outgoing_message.ts";
import type { PendingAcknowledgement } from "../../session/pending_acknowledgement.ts";
import type { BrokerConnection, BrokerSession } from "../model.ts";
import { isPromise } from "../is_promise.ts";
import type { QueuedMessage } from "../routing/queued_message.ts";
import type { Retained } from "../retained/messages.ts";
import type { Store } from "./store.ts";

/** Dependencies of {@linkcode CommitBeforeWrite}. */
export interface CommitBeforeWriteSetup {
  readonly store: Store;
  /** Restores the retained message that a topic had before. */
  readonly restoreRetained: (topic: string, before: Retained | undefined) => void;
  /** The client of a connection is to be told that it is refused. */
  readonly refuse: (connection: BrokerConnection) => void;
  /** Has the connection's bytes written later in this turn. */
  readonly wakeLater: (connection: BrokerConnection) => void;
  /** Acknowledges a message, or refuses it, and wakes the publisher. Never throws. */
  readonly acknowledge: (
    connection: BrokerConnection,
    acknowledgement: PendingAcknowledgement,
    answer: Answer,
  ) => void;
  /** Calls back at the end of the turn. */
  readonly atEndOfTurn: (callback: () => void) => void;
}

/** The effects of a published message that have to be stored before it is acknowledged. */
class Publication {
  readonly queued: { readonly session: BrokerSession; readonly message: QueuedMessage }[] = [];
  /** What was retained before it for its topic, if it is retained. */
  retained: { readonly topic: string; readonly before: Retained | undefined } | undefined;
  /** Whether it was not queued for a durable session, because nothing can be stored now. */
  isRefused = false;

  /** Forgets the effects so far, which have been committed or withdrawn. */
  settle(isStored: boolean): void {
    this.isRefused ||= !isStored;
    this.queued.length = 0;
    this.retained = undefined;
  }

  get hasEffects(): boolean {
    return this.queued.length > 0 || this.retained !== undefined;
  }
}

/** The answer to a published message. */
export interface Answer {
  readonly reasonCode: ReasonCodeOf<"puback">;
  readonly reasonString?: string | undefined;
}

/** The answer to a message of the program that runs the broker: it may come later. */
export interface LocalAnswer {
  readonly answer: Answer | Promise<Answer>;
}

/** Who is to be answered: a client, or the program that runs the broker. */
type Publisher =
  | {
    readonly connection: BrokerConnection;
    readonly acknowledgement: PendingAcknowledgement;
    readonly resolve?: undefined;
  }
  | {
    readonly connection?: undefined;
    readonly acknowledgement?: undefined;
    readonly resolve: (answer: Answer) => void;
  };

/** An answer that waits for the commit. */
interface HeldAnswer {
  readonly publisher: Publisher;
  readonly answer: Answer;
  readonly publication: Publication;
}

/** The answer to a message that cannot be stored. */
export const NOT_STORED: Answer = {
  reasonCode: ReasonCode.quotaExceeded,
  reasonString: "The server cannot store the message now",
};

/** Holds back what is to be written to clients until everything it promises is committed. */
export class CommitBeforeWrite {
  readonly #setup: CommitBeforeWriteSetup;
  #answers: HeldAnswer[] = [];
  /** The message that is being routed. */
  #publication: Publication | undefined;
  /** Messages whose routing takes more than one turn. */
  readonly #routing = new Set<HeldAnswer>();
  #isCommitScheduled = false;
  /** Connections whose bytes wait for a commit. */
  readonly #waiting = new Set<BrokerConnection>();
  /** Those of them whose commit has been made or attempted. */
  readonly #woken = new WeakSet<BrokerConnection>();
  /** Connections whose bytes contain a message that was withdrawn: these must not be written. */
  readonly #withdrawn = new WeakSet<BrokerConnection>();

  constructor(setup: CommitBeforeWriteSetup) {
    this.#setup = setup;
  }

  /** Whether durable sessions can be accepted now. */
  get canStoreSessions(): boolean {
    return !this.#setup.store.isFailing;
  }

  /**
   * Routes a QoS 1 or QoS 2 message by `route` and returns its answer if there is nothing to store.
   * Otherwise returns `undefined`, and the message is answered when its effects are stored. When
   * routing takes more than one turn, effects that are committed meanwhile are not withdrawn later.
   */
  publish(
    connection: BrokerConnection,
    acknowledgement: PendingAcknowledgement,
    retain: boolean,
    route: () => Answer | Promise<Answer>,
  ): Answer | undefined | Promise<Answer | undefined> {
    return this.#publish({ connection, acknowledgement }, retain, route);
  }

  /**
   * Likewise for a message of the program that runs the broker. Resolves when it is routed, to an
   * answer that comes when its effects are stored, or cannot be.
   */
  async publishLocal(retain: boolean, route: () => Answer | Promise<Answer>): Promise<LocalAnswer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    return { answer: await this.#publish({ resolve }, retain, route) ?? promise };
  }

  #publish(
    publisher: Publisher,
    retain: boolean,
    route: () => Answer | Promise<Answer>,
  ): Answer | undefined | Promise<Answer | undefined> {
    const { store } = this.#setup;
    if (store.isFailing && (retain || isRecorded(publisher))) return NOT_STORED;
    const publication = this.#publication = new Publication();
    let answer: Answer | Promise<Answer>;
    try {
      answer = route();
    } finally {
      this.#publication = undefined;
    }
    const held = { publisher, answer: NOT_STORED, publication };
    if (!isPromise(answer)) return this.#answerWith({ ...held, answer });
    this.#routing.add(held);
    return answer.finally(() => this.#routing.delete(held)).then((answer) =>
      this.#answerWith({ ...held, answer })
    );
  }

  /**
   * Returns a function that runs its argument in a later turn as part of the message that is being
   * routed now: what that stores belongs to this message.
   */
  together(): (work: () => void) => void {
    const publication = this.#publication;
    return (work) => {
      const current = this.#publication;
      this.#publication = publication;
      try {
        work();
      } finally {
        this.#publication = current;
      }
    };
  }

  /** Returns the answer to a message that has been routed, if there is nothing to store. */
  #answerWith(held: HeldAnswer): Answer | undefined {
    const { store } = this.#setup;
    const { publisher, answer, publication } = held;
    if (publication.isRefused && !isFailure(answer.reasonCode)) {
      this.#withdraw([held]);
      return NOT_STORED;
    }
    const isToRecord = isRecorded(publisher);
    const isDone = !isToRecord && !publication.hasEffects;
    if (isDone || isFailure(answer.reasonCode)) return answer;
    if (isToRecord) {
      store.saveReceived(publisher.connection!.session!, publisher.acknowledgement!);
    }
    this.#answers.push(held);
    this.#commitLater();
    return undefined;
  }

  /**
   * Whether the message that is being routed can be queued for a session. It cannot for a durable
   * session while nothing can be stored; the message is then refused.
   */
  canQueue(session: BrokerSession): boolean {
    const publication = this.#publication;
    if (publication === undefined || !isDurable(session) || !this.#setup.store.isFailing) {
      return true;
    }
    publication.isRefused = true;
    return false;
  }

  /** Saves a message that has been queued for a session, or sent to it. */
  save(session: BrokerSession, message: QueuedMessage): void {
    if (!isDurable(session)) return;
    this.#setup.store.saveMessage(session, message);
    this.#publication?.queued.push({ session, message });
  }

  /** Notes what the retained message of a topic was before the message that is being routed. */
  retain(topic: string, before: Retained | undefined): void {
    if (this.#publication !== undefined) this.#publication.retained = { topic, before };
  }

  /** Commits all changes, and answers the messages that waited for it. False when it fails. */
  commit(): boolean {
    const isStored = this.#setup.store.commit();
    const answers = this.#answers;
    this.#answers = [];
    if (!isStored) this.#withdraw([...answers, ...this.#routing]);
    for (const { publication } of this.#routing) publication.settle(isStored);
    for (const { publisher, answer: held } of answers) {
      const answer = isStored ? held : NOT_STORED;
      if (publisher.resolve !== undefined) publisher.resolve(answer);
      else this.#setup.acknowledge(publisher.connection, publisher.acknowledgement, answer);
    }
    return isStored;
  }

  /**
   * The bytes to be written to a client now, in place of the connection's own `takeBytes()`. Those
   * that need a commit wait for the end of the turn; then the connection is woken.
   */
  takeBytes(connection: BrokerConnection): Uint8Array<ArrayBuffer> | undefined {
    const { protocol, session } = connection;
    // A connection that is closed cannot be woken again, so it gets its answers now.
    if (protocol.isClosed && this.#answers.length > 0) this.commit();
    if (!protocol.hasBytes) return undefined;
    // A later commit may succeed, but without that message.
    if (this.#withdrawn.has(connection)) return this.#close(connection);
    if (session !== undefined && !this.#isCommitted(connection, session)) {
      const { store } = this.#setup;
      if (!protocol.isClosed && !store.isFailing && !this.#woken.delete(connection)) {
        this.#waiting.add(connection);
        this.#commitLater();
        return undefined;
      }
      if (!this.commit() && !this.#canWriteUncommitted(connection, session)) {
        return this.#close(connection);
      }
    }
    if (session !== undefined) connection.isConnackWritten = true;
    return protocol.takeBytes();
  }

  /** Whether everything that the bytes to be written promise is committed. */
  #isCommitted(connection: BrokerConnection, session: BrokerSession): boolean {
    const { store } = this.#setup;
    // One that has ended, or that another has taken over, may still have a PUBREL to write.
    if (session.connection !== connection) {
      if (!isDurable(session)) return true;
      store.touch(session);
      return store.isStored(session);
    }
    // A session that is not durable may replace a durable one, whose end must be committed, and
    // may have a Will, which must be committed, too.
    if (!isDurable(session)) {
      return connection.isConnackWritten || !store.isEnding(session) && !store.isUnsaved(session);
    }
    store.touch(session);
    return store.isStored(session);
  }

  /** Whether the bytes may be written although the commit failed: see the table above. */
  #canWriteUncommitted(connection: BrokerConnection, session: BrokerSession): boolean {
    if (this.#withdrawn.has(connection)) return false;
    return session.connection !== connection || !isDurable(session) ||
      this.#setup.store.isRecorded(session);
  }

  /** Closes a connection whose bytes must not be written; returns the packet that says why. */
  #close(connection: BrokerConnection): Uint8Array<ArrayBuffer> | undefined {
    const { protocol } = connection;
    const { isClosed } = protocol;
    protocol.takeBytes();
    if (!connection.isConnackWritten) {
      this.#setup.refuse(connection);
      protocol.breakOff("was refused because its session cannot be stored now");
      const { protocolVersion } = protocol;
      const reasonCode = ReasonCode.serverUnavailable;
      return encodePacket({ type: "connack", reasonCode }, { protocolVersion });
    }
    if (isClosed) return undefined;
    protocol.disconnect({ type: "disconnect", reasonCode: ReasonCode.quotaExceeded });
    return protocol.takeBytes();
  }

  /** Undoes the effects of messages that are refused. */
  #withdraw(answers: readonly HeldAnswer[]): void {
    const { store, restoreRetained } = this.#setup;
    const waiting = new Map<BrokerSession, Set<OutgoingMessage>>();
    // From the last to the first, since each restores what was there before it.
    for (const { publisher, publication } of answers.toReversed()) {
      const session = publisher.connection?.session;
      if (session !== undefined) store.deleteReceived(session, publisher.acknowledgement!);
      // Sessions that are not durable have it, and it must not reach them a second time.
      if (isRecorded(publisher)) session!.withdraw(publisher.acknowledgement!.packetId);
      const { retained } = publication;
      if (retained !== undefined) restoreRetained(retained.topic, retained.before);
      for (const { session, message } of publication.queued) {
        const { inFlight } = session.state;
        if (message.packetId === 0) {
          let messages = waiting.get(session);
          if (messages === undefined) waiting.set(session, messages = new Set());
          messages.add(message);
        } else if (message.qos === 2 && inFlight.get(message.packetId) === message) {
          // It is encoded but not written yet, as writing needs the commit.
          inFlight.remove(message);
          if (session.connection !== undefined) this.#withdrawn.add(session.connection);
        } else continue;
        store.deleteMessage(message);
        message.release();
      }
    }
    for (const [{ state: { sendQueue } }, messages] of waiting) {
      sendQueue.takeOut((message) => messages.has(message));
    }
  }

  #commitLater(): void {
    if (this.#isCommitScheduled) return;
    this.#isCommitScheduled = true;
    this.#setup.atEndOfTurn(() => {
      this.#isCommitScheduled = false;
      this.commit();
      for (const connection of this.#waiting) {
        this.#woken.add(connection);
        this.#setup.wakeLater(connection);
      }
      this.#waiting.clear();
    });
  }
}

/** Whether it is stored that a message has been received: one of QoS 2, of a durable session. */
function isRecorded({ connection, acknowledgement }: Publisher): boolean {
  return acknowledgement?.qos === 2 && isDurable(connection?.session);
}

/** Whether a session outlives its connection, and so is stored. */
function isDurable(session: BrokerSession | undefined): session is BrokerSession {
  return session !== undefined && session.lifetime > 0;
}
