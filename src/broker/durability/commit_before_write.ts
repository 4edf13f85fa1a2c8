// What a client is told is on disk first. The one place that holds to it, and that says what becomes
// of what could not be stored:
//
// | told                                    | when it could not be stored                           |
// |-----------------------------------------|-------------------------------------------------------|
// | PUBACK, PUBREC                          | 0x97, and the message is taken back where it waits    |
// | SUBACK, UNSUBACK                        | 0x97 and 0x83, and the subscription is as before      |
// | CONNACK of a session that is kept       | 0x88, and nothing has changed                         |
// | PUBLISH of QoS 2, PUBREL, PUBCOMP to a  | the client is closed with 0x97: exactly once cannot   |
// | session that is kept                    | be promised                                           |
// | PUBLISH of QoS 0 and 1, all to others   | sent: an acknowledgement that was not recorded means  |
// |                                         | that the message comes again after a crash            |
//
// Acknowledgements wait for the end of the turn, so that one commit serves all that came in it.

import { encodePacket, isFailure, ReasonCode, type ReasonCodeOf } from "../../packets/mod.ts";
import type { OutgoingMessage } from "../../session/outgoing_message.ts";
import type { PendingAcknowledgement } from "../../session/pending_acknowledgement.ts";
import type { BrokerConnection, BrokerSession } from "../model.ts";
import { isPromise } from "../is_promise.ts";
import type { QueuedMessage } from "../routing/queued_message.ts";
import type { Retained } from "../retained/messages.ts";
import type { Store } from "./store.ts";

/** What it works with. */
export interface CommitBeforeWriteSetup {
  readonly store: Store;
  /** Puts back what was retained before. */
  readonly restoreRetained: (topic: string, before: Retained | undefined) => void;
  /** A client has something to send. */
  readonly wakeLater: (connection: BrokerConnection) => void;
  /** Acknowledges a message, or refuses it, and wakes who is to be told. Never throws. */
  readonly acknowledge: (
    connection: BrokerConnection,
    acknowledgement: PendingAcknowledgement,
    answer: Answer,
  ) => void;
  /** Calls back at the end of the turn. */
  readonly atEndOfTurn: (callback: () => void) => void;
}

/** A message of a client that is not acknowledged before it is stored. */
class Publication {
  readonly queued: { readonly session: BrokerSession; readonly message: QueuedMessage }[] = [];
  readonly retained: { readonly topic: string; readonly before: Retained | undefined }[] = [];
  /** Whether somebody could not get it, because it could not be stored. */
  isRefused = false;

  /** What has come of it so far is stored, or was taken back. */
  settle(isStored: boolean): void {
    this.isRefused ||= !isStored;
    this.queued.length = this.retained.length = 0;
  }

  get isToBeStored(): boolean {
    return this.queued.length > 0 || this.retained.length > 0;
  }
}

/** What is said to a message. */
export interface Answer {
  readonly reasonCode: ReasonCodeOf<"puback">;
  readonly reasonString?: string | undefined;
}

/** An acknowledgement that waits for the commit. */
interface HeldAnswer {
  readonly connection: BrokerConnection;
  readonly acknowledgement: PendingAcknowledgement;
  readonly answer: Answer;
  readonly publication: Publication;
}

const NOT_STORED: Answer = {
  reasonCode: ReasonCode.quotaExceeded,
  reasonString: "The message cannot be stored now",
};

/** Lets nothing out before it is true. */
export class CommitBeforeWrite {
  readonly #setup: CommitBeforeWriteSetup;
  #answers: HeldAnswer[] = [];
  /** The message that is on its way to its subscribers. */
  #publication: Publication | undefined;
  /** Messages that are on their way for more than one turn. */
  readonly #underWay = new Set<HeldAnswer>();
  #isDue = false;
  /** Clients with something to be written that is not stored yet. */
  readonly #waiting = new Set<BrokerConnection>();
  /** Those of them that have waited for a commit. */
  readonly #woken = new WeakSet<BrokerConnection>();
  /** Clients for which something lies ready that was taken back: it must not be written. */
  readonly #misled = new WeakSet<BrokerConnection>();

  constructor(setup: CommitBeforeWriteSetup) {
    this.#setup = setup;
  }

  /** Whether a client can be let in that wants its session to be kept. */
  get canKeepSessions(): boolean {
    return !this.#setup.store.isFailing;
  }

  /**
   * Routes a message of QoS 1 or 2 by `route`, which gives what is to be said to it. Returns that, if it is
   * to be said at once; else it is said when what came of the message is stored. Where the message
   * takes more than one turn, what was stored meanwhile is not taken back any more.
   */
  publish(
    connection: BrokerConnection,
    acknowledgement: PendingAcknowledgement,
    retain: boolean,
    route: () => Answer | Promise<Answer>,
  ): Answer | undefined | Promise<Answer | undefined> {
    const { store } = this.#setup;
    const isRecorded = acknowledgement.qos === 2 && isDurable(connection.session);
    if (store.isFailing && (retain || isRecorded)) return NOT_STORED;
    const publication = this.#publication = new Publication();
    let answer: Answer | Promise<Answer>;
    try {
      answer = route();
    } finally {
      this.#publication = undefined;
    }
    const held = { connection, acknowledgement, answer: NOT_STORED, publication };
    if (!isPromise(answer)) return this.#answerWith({ ...held, answer });
    this.#underWay.add(held);
    return answer.finally(() => this.#underWay.delete(held)).then((answer) =>
      this.#answerWith({ ...held, answer })
    );
  }

  /**
   * Gives a function that calls its argument as if in the call in which it was got: what is kept
   * belongs to the message that is routed now.
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

  /** The message has been routed. Returns what is to be said to it, if it is to be said at once. */
  #answerWith(held: HeldAnswer): Answer | undefined {
    const { store } = this.#setup;
    const { connection, acknowledgement, answer, publication } = held;
    const isRecorded = acknowledgement.qos === 2 && isDurable(connection.session);
    if (publication.isRefused && !isFailure(answer.reasonCode)) {
      this.#takeBack([held]);
      return NOT_STORED;
    }
    const isStored = !isRecorded && !publication.isToBeStored;
    if (isStored || isFailure(answer.reasonCode)) return answer;
    if (isRecorded) store.saveReceived(connection.session!, acknowledgement);
    this.#answers.push(held);
    this.#commitLater();
    return undefined;
  }

  /** Whether a session may be given a message: not one that is refused because it cannot be stored. */
  mayQueue(session: BrokerSession): boolean {
    const publication = this.#publication;
    if (publication === undefined || !isDurable(session) || !this.#setup.store.isFailing) {
      return true;
    }
    publication.isRefused = true;
    return false;
  }

  /** A message waits for a session, or is in flight to it. */
  keep(session: BrokerSession, message: QueuedMessage): void {
    if (!isDurable(session)) return;
    this.#setup.store.saveMessage(session, message);
    this.#publication?.queued.push({ session, message });
  }

  /** A message is retained, or none is any more, of a topic that had another before, or none. */
  retain(topic: string, before: Retained | undefined): void {
    this.#publication?.retained.push({ topic, before });
  }

  /** Brings all to disk. Whoever waited for it is answered. False when it could not be. */
  commit(): boolean {
    const isStored = this.#setup.store.commit();
    const answers = this.#answers;
    this.#answers = [];
    if (!isStored) this.#takeBack([...answers, ...this.#underWay]);
    for (const { publication } of this.#underWay) publication.settle(isStored);
    for (const { connection, acknowledgement, answer } of answers) {
      this.#setup.acknowledge(connection, acknowledgement, isStored ? answer : NOT_STORED);
    }
    return isStored;
  }

  /**
   * What is to be written to a client now: the drive asks here in place of the connection. What is not
   * true yet waits for the end of the turn, and then the client is woken.
   */
  takeBytes(connection: BrokerConnection): Uint8Array<ArrayBuffer> | undefined {
    const { protocol, session } = connection;
    // Who is closed cannot be woken again, and is owed its answers now.
    if (protocol.isClosed && this.#answers.length > 0) this.commit();
    if (!protocol.hasBytes) return undefined;
    if (session !== undefined && !this.#isTrue(connection, session)) {
      const { store } = this.#setup;
      if (!protocol.isClosed && !store.isFailing && !this.#woken.delete(connection)) {
        this.#waiting.add(connection);
        this.#commitLater();
        return undefined;
      }
      if (!this.commit() && !this.#isHonest(connection, session)) return this.#close(connection);
    }
    if (session !== undefined) connection.isTold = true;
    return protocol.takeBytes();
  }

  /** Whether all that is to be written to a client is stored. */
  #isTrue(connection: BrokerConnection, session: BrokerSession): boolean {
    const { store } = this.#setup;
    if (this.#misled.has(connection)) return false;
    if (session.connection !== connection) return true;
    // A session that is not kept may have taken the place of one that is.
    if (!isDurable(session)) return connection.isTold || !store.isEnding(session);
    store.touch(session);
    return store.isStored(session);
  }

  /** Whether what is to be written to a client may be, though not all of it could be stored. */
  #isHonest(connection: BrokerConnection, session: BrokerSession): boolean {
    if (this.#misled.has(connection)) return false;
    return session.connection !== connection || !isDurable(session) ||
      this.#setup.store.isRecorded(session);
  }

  /** Says in place of all that cannot be said why the client is closed. */
  #close(connection: BrokerConnection): Uint8Array<ArrayBuffer> | undefined {
    const { protocol } = connection;
    const { isClosed } = protocol;
    protocol.takeBytes();
    if (!connection.isTold) {
      protocol.breakOff("has a session that cannot be stored now");
      return encodePacket({ type: "connack", reasonCode: ReasonCode.serverUnavailable });
    }
    if (isClosed) return undefined;
    protocol.disconnect({ type: "disconnect", reasonCode: ReasonCode.quotaExceeded });
    return protocol.takeBytes();
  }

  /** Messages that are refused wait for nobody, and are not retained. */
  #takeBack(answers: readonly HeldAnswer[]): void {
    const { store, restoreRetained } = this.#setup;
    const waiting = new Map<BrokerSession, Set<OutgoingMessage>>();
    // The last first: each puts back what was before it.
    for (const { connection, acknowledgement, publication } of answers.toReversed()) {
      if (connection.session !== undefined) {
        store.deleteReceived(connection.session, acknowledgement);
      }
      for (const { topic, before } of publication.retained.toReversed()) {
        restoreRetained(topic, before);
      }
      for (const { session, message } of publication.queued) {
        const { inFlight } = session.state;
        if (message.packetId === 0) {
          let messages = waiting.get(session);
          if (messages === undefined) waiting.set(session, messages = new Set());
          messages.add(message);
        } else if (message.qos === 2 && inFlight.get(message.packetId) === message) {
          // It has not been written: what is written is committed first.
          inFlight.remove(message);
          if (session.connection !== undefined) this.#misled.add(session.connection);
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
    if (this.#isDue) return;
    this.#isDue = true;
    this.#setup.atEndOfTurn(() => {
      this.#isDue = false;
      this.commit();
      for (const connection of this.#waiting) {
        this.#woken.add(connection);
        this.#setup.wakeLater(connection);
      }
      this.#waiting.clear();
    });
  }
}

/** Whether a session survives the broker. */
function isDurable(session: BrokerSession | undefined): session is BrokerSession {
  return session !== undefined && session.lifetime > 0;
}
