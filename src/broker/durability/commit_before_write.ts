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

import { encodePacket, type ReasonCodeOf } from "../../packets/mod.ts";
import type { Outgoing } from "../../session/outgoing.ts";
import type { Receipt } from "../../session/receipt.ts";
import type { Guest } from "../guest.ts";
import type { Kept } from "../kept.ts";
import type { Member } from "../member.ts";
import type { Retained } from "../retained.ts";
import type { Store } from "./store.ts";

/** What it works with. */
export interface CommitBeforeWriteSetup {
  readonly store: Store;
  /** Puts back what was retained before. */
  readonly restoreRetained: (topic: string, before: Retained | undefined) => void;
  /** A client has something to send. */
  readonly wakeLater: (guest: Guest) => void;
  /** Acknowledges a message, or refuses it, and wakes who is to be told. Never throws. */
  readonly acknowledge: (guest: Guest, receipt: Receipt, answer: Acknowledgement) => void;
  /** Calls back at the end of the turn. */
  readonly atEndOfTurn: (callback: () => void) => void;
}

/** A message of a client that is not acknowledged before it is stored. */
class Publication {
  readonly kept: { readonly member: Member; readonly message: Kept }[] = [];
  readonly retained: { readonly topic: string; readonly before: Retained | undefined }[] = [];
  /** Whether somebody could not get it, because it could not be stored. */
  isRefused = false;

  get isToBeStored(): boolean {
    return this.kept.length > 0 || this.retained.length > 0;
  }
}

/** What is said to a message. */
export interface Acknowledgement {
  readonly reasonCode: ReasonCodeOf<"puback">;
  readonly reasonString?: string | undefined;
}

/** An acknowledgement that waits for the commit. */
interface Answer {
  readonly guest: Guest;
  readonly receipt: Receipt;
  readonly acknowledgement: Acknowledgement;
  readonly publication: Publication;
}

const NOT_STORED: Acknowledgement = {
  reasonCode: 0x97,
  reasonString: "The message cannot be stored now",
};

/** Lets nothing out before it is true. */
export class CommitBeforeWrite {
  readonly #setup: CommitBeforeWriteSetup;
  #answers: Answer[] = [];
  /** The message that is on its way to its subscribers. */
  #publication: Publication | undefined;
  #isDue = false;
  /** Clients with something to be written that is not stored yet. */
  readonly #waiting = new Set<Guest>();
  /** Those of them that have waited for a commit. */
  readonly #woken = new WeakSet<Guest>();
  /** Clients for which something lies ready that was taken back: it must not be written. */
  readonly #misled = new WeakSet<Guest>();

  constructor(setup: CommitBeforeWriteSetup) {
    this.#setup = setup;
  }

  /** Whether a client can be let in that wants its session to be kept. */
  get canKeepSessions(): boolean {
    return !this.#setup.store.isFailing;
  }

  /**
   * Routes a message of QoS 1 or 2 by `route`, which gives what is to be said to it. Returns that, if it is
   * to be said at once; else it is said when what came of the message is stored.
   */
  publish(
    guest: Guest,
    receipt: Receipt,
    retain: boolean,
    route: () => Acknowledgement,
  ): Acknowledgement | undefined {
    const { store } = this.#setup;
    const isRecorded = receipt.qos === 2 && isKept(guest.member);
    if (store.isFailing && (retain || isRecorded)) return NOT_STORED;
    const publication = this.#publication = new Publication();
    let acknowledgement: Acknowledgement;
    try {
      acknowledgement = route();
    } finally {
      this.#publication = undefined;
    }
    const answer = { guest, receipt, acknowledgement, publication };
    if (publication.isRefused && acknowledgement.reasonCode < 0x80) {
      this.#takeBack([answer]);
      return NOT_STORED;
    }
    const isStored = !isRecorded && !publication.isToBeStored;
    if (isStored || acknowledgement.reasonCode >= 0x80) return acknowledgement;
    if (isRecorded) store.saveReceived(guest.member!, receipt);
    this.#answers.push(answer);
    this.#commitLater();
    return undefined;
  }

  /** Whether a session may be given a message: not one that is refused because it cannot be stored. */
  mayKeep(member: Member): boolean {
    const publication = this.#publication;
    if (publication === undefined || !isKept(member) || !this.#setup.store.isFailing) return true;
    publication.isRefused = true;
    return false;
  }

  /** A message waits for a session, or is in flight to it. */
  keep(member: Member, message: Kept): void {
    if (!isKept(member)) return;
    this.#setup.store.saveMessage(member, message);
    this.#publication?.kept.push({ member, message });
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
    if (!isStored) this.#takeBack(answers);
    for (const { guest, receipt, acknowledgement } of answers) {
      this.#setup.acknowledge(guest, receipt, isStored ? acknowledgement : NOT_STORED);
    }
    return isStored;
  }

  /**
   * What is to be written to a client now: the drive asks here in place of the connection. What is not
   * true yet waits for the end of the turn, and then the client is woken.
   */
  takeBytes(guest: Guest): Uint8Array<ArrayBuffer> | undefined {
    const { connection, member } = guest;
    // Who is closed cannot be woken again, and is owed its answers now.
    if (connection.isClosed && this.#answers.length > 0) this.commit();
    if (!connection.hasBytes) return undefined;
    if (member !== undefined && !this.#isTrue(guest, member)) {
      const { store } = this.#setup;
      if (!connection.isClosed && !store.isFailing && !this.#woken.delete(guest)) {
        this.#waiting.add(guest);
        this.#commitLater();
        return undefined;
      }
      if (!this.commit() && !this.#isHonest(guest, member)) return this.#close(guest);
    }
    if (member !== undefined) guest.isTold = true;
    return connection.takeBytes();
  }

  /** Whether all that is to be written to a client is stored. */
  #isTrue(guest: Guest, member: Member): boolean {
    const { store } = this.#setup;
    if (this.#misled.has(guest)) return false;
    if (member.guest !== guest) return true;
    // A session that is not kept may have taken the place of one that is.
    if (!isKept(member)) return guest.isTold || !store.isEnding(member);
    store.touch(member);
    return store.isStored(member);
  }

  /** Whether what is to be written to a client may be, though not all of it could be stored. */
  #isHonest(guest: Guest, member: Member): boolean {
    if (this.#misled.has(guest)) return false;
    return member.guest !== guest || !isKept(member) || this.#setup.store.isRecorded(member);
  }

  /** Says in place of all that cannot be said why the client is closed. */
  #close(guest: Guest): Uint8Array<ArrayBuffer> | undefined {
    const { connection } = guest;
    const { isClosed } = connection;
    connection.takeBytes();
    if (!guest.isTold) {
      connection.breakOff("has a session that cannot be stored now");
      return encodePacket({ type: "connack", reasonCode: 0x88 });
    }
    if (isClosed) return undefined;
    connection.disconnect({ type: "disconnect", reasonCode: 0x97 });
    return connection.takeBytes();
  }

  /** Messages that are refused wait for nobody, and are not retained. */
  #takeBack(answers: readonly Answer[]): void {
    const { store, restoreRetained } = this.#setup;
    const waiting = new Map<Member, Set<Outgoing>>();
    // The last first: each puts back what was before it.
    for (const { guest, receipt, publication } of answers.toReversed()) {
      if (guest.member !== undefined) store.deleteReceived(guest.member, receipt);
      for (const { topic, before } of publication.retained.toReversed()) {
        restoreRetained(topic, before);
      }
      for (const { member, message } of publication.kept) {
        const { outgoing } = member.session;
        if (message.packetId === 0) {
          let messages = waiting.get(member);
          if (messages === undefined) waiting.set(member, messages = new Set());
          messages.add(message);
        } else if (message.qos === 2 && outgoing.get(message.packetId) === message) {
          // It has not been written: what is written is committed first.
          outgoing.remove(message);
          if (member.guest !== undefined) this.#misled.add(member.guest);
        } else continue;
        store.deleteMessage(message);
        message.release();
      }
    }
    for (const [{ session: { outbox } }, messages] of waiting) {
      outbox.takeOut((message) => messages.has(message));
    }
  }

  #commitLater(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#setup.atEndOfTurn(() => {
      this.#isDue = false;
      this.commit();
      for (const guest of this.#waiting) {
        this.#woken.add(guest);
        this.#setup.wakeLater(guest);
      }
      this.#waiting.clear();
    });
  }
}

/** Whether a session survives the broker. */
function isKept(member: Member | undefined): member is Member {
  return member !== undefined && member.lifetime > 0;
}
