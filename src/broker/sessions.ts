// §4.1, §3.1.2.11.2, §3.1.3.2.2 Sessions that outlive their connections, and the Wills of clients
// that are gone.

import type { PublishPacket, Will } from "../packets/mod.ts";
import type { CloseCause } from "../session/events.ts";
import type { Outgoing } from "../session/outgoing.ts";
import { Session } from "../session/session.ts";
import { Account } from "./account.ts";
import type { Agenda } from "./agenda.ts";
import type { Guest } from "./guest.ts";
import { Kept, releaseKept, SharedContent } from "./kept.ts";
import { Member } from "./member.ts";
import type { BrokerLimits, ClientInfo } from "./options.ts";
import type { SessionRow } from "./durability/database.ts";
import type { Store } from "./durability/store.ts";
import { messageBytes, sessionBytes, subscriptionBytes } from "./sizes.ts";
import type { SubscriptionTable } from "./subscriptions.ts";
import { type Turns, Work } from "./turns.ts";

/** A Session Expiry Interval that says never (§3.1.2.11.2). */
const NEVER = 0xffff_ffff;

/**
 * A session with no more bytes may use what is in reserve: large ones of others leave room for it.
 */
const SMALL = 16_384;

/** What the sessions work with. */
export interface SessionsSetup {
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
  readonly agenda: Agenda;
  readonly limits: BrokerLimits;
  /** The account of the whole broker. */
  readonly memory: Account;
  readonly table: SubscriptionTable<Member>;
  readonly turns: Turns;
  /** What survives the broker, if anything does. */
  readonly store: Store | undefined;
  /** A session has ended. */
  readonly onEnded: (member: Member) => void;
  /** A Will is due. */
  readonly publishWill: (member: Member, will: Will) => void;
}

/** The sessions of a broker, by Client Identifier [MQTT-3.1.3-2]. */
export class Sessions {
  readonly #setup: SessionsSetup;
  readonly #members = new Map<string, Member>();

  /** Begins with the sessions that have survived. */
  constructor(setup: SessionsSetup) {
    this.#setup = setup;
    const restored = (setup.store?.sessions() ?? []).map((found) => this.#restore(found));
    // A Will goes to all that have survived.
    for (const { member, leftAt } of restored) {
      this.#wait(member, leftAt ?? setup.now());
      if (leftAt === undefined) this.save(member);
    }
  }

  /** How many there are. */
  get size(): number {
    return this.#members.size;
  }

  /** The session of a client. */
  get(clientId: string): Member | undefined {
    return this.#members.get(clientId);
  }

  /** The session of a client, or all. */
  some(clientId: string | undefined): Iterable<Member> {
    if (clientId === undefined) return this.#members.values();
    const member = this.#members.get(clientId);
    return member === undefined ? [] : [member];
  }

  /**
   * Why a client cannot have a session with such a Will now, in words; `undefined` when it can.
   * `known` is its session, if it has one.
   */
  refusal(
    client: ClientInfo,
    will: Will | undefined,
    known: Member | undefined,
  ): string | undefined {
    const { limits, memory } = this.#setup;
    const bytes = sessionBytes(client, will);
    if (bytes > limits.sessionBytes) return "The session would be too large";
    if (known === undefined && this.#members.size >= limits.sessions) {
      return "There are too many sessions";
    }
    const more = known === undefined ? bytes : bytes - sessionBytes(known.client, known.will);
    if (more <= 0 || (bytes <= SMALL ? memory.hasRoomAtAll(more) : memory.hasRoom(more))) {
      return undefined;
    }
    return "The server has no memory for another session";
  }

  /** Begins a session. */
  begin(client: ClientInfo): Member {
    const { queuedMessages: messages, queuedBytes: bytes } = this.#setup.limits;
    const limits = { messages, bytes, whenFull: "drop newest" } as const;
    const { sessionBytes, subscriptionBytes } = this.#setup.limits;
    const account = new Account(this.#setup.memory, { limit: sessionBytes, small: SMALL });
    const subscriptions = new Account(account, { limit: subscriptionBytes });
    const session = new Session(client.clientId, limits);
    const member = new Member(client, session, account, subscriptions);
    this.#members.set(client.clientId, member);
    return member;
  }

  /**
   * A client has come back to its session: neither does that end, nor is the Will due
   * [MQTT-3.1.3-9].
   */
  resume(member: Member): void {
    if (member.ending !== undefined) member.ending.isCancelled = true;
    if (member.willDue !== undefined) member.willDue.isCancelled = true;
    member.ending = undefined;
    member.willDue = undefined;
  }

  /** Ends a session, with all that belongs to it. A Will that has not been published is now. */
  end(member: Member): void {
    try {
      if (member.willDue !== undefined) this.#publishWill(member);
    } finally {
      this.#forget(member);
    }
  }

  #forget(member: Member): void {
    this.resume(member);
    member.hasEnded = true;
    this.#setup.onEnded(member);
    for (const message of member.session.outgoing.values()) releaseKept(message);
    for (const message of member.session.outbox) releaseKept(message);
    member.account.close();
    const { table, turns } = this.#setup;
    void turns.forEach(member.feeding, member.subscriptions.keys(), (topicFilter) => {
      turns.count(Work.subscription);
      table.remove(member, topicFilter);
    }, () => {});
    if (this.#members.get(member.client.clientId) !== member) return;
    this.#members.delete(member.client.clientId);
    this.#setup.store?.deleteSession(member);
  }

  /** Keeps a session as it is now, if it is to survive; else it is not to be found again. */
  save(member: Member): void {
    if (member.lifetime > 0) this.#setup.store?.saveSession(member);
    else this.#setup.store?.deleteSession(member);
  }

  /** The connection of a client has ended. */
  leave(guest: Guest, cause: CloseCause): void {
    const { member } = guest;
    if (member === undefined || member.guest !== guest) return;
    member.guest = undefined;
    if (cause.by === "peer") {
      const { sessionExpiryInterval } = cause.packet.properties;
      if (sessionExpiryInterval !== undefined) {
        member.lifetime = this.lifetimeOf(sessionExpiryInterval) * 1000;
      }
      // [MQTT-3.1.2-10] [MQTT-3.14.4-3]
      if (cause.packet.reasonCode === 0x00) member.will = undefined;
    }
    member.countBase();
    member.countReceived();
    try {
      this.#wait(member, this.#setup.now());
    } finally {
      this.save(member);
    }
  }

  /**
   * Seconds that a session outlives its connection, of those that were asked for; `Infinity` for
   * ever.
   */
  lifetimeOf(asked: number): number {
    return Math.min(asked === NEVER ? Infinity : asked, this.#setup.limits.sessionExpiryInterval);
  }

  /** Its client has left: the Will and the end of the session are due some time later, or now. */
  #wait(member: Member, left: number): void {
    const { agenda } = this.#setup;
    const { will, lifetime } = member;
    try {
      if (will !== undefined) {
        const delay = (will.properties.willDelayInterval ?? 0) * 1000;
        if (delay === 0 || lifetime === 0) this.#publishWill(member);
        else member.willDue = agenda.add(left + delay, () => this.#publishWill(member));
      }
    } finally {
      if (lifetime === 0) this.end(member);
      else member.ending = agenda.add(left + lifetime, () => this.end(member));
    }
  }

  #restore({ client, owner, lifetime, leftAt, will }: SessionRow): {
    readonly member: Member;
    readonly leftAt: number | undefined;
  } {
    const { store, table } = this.#setup;
    const member = this.begin(client);
    member.owner = owner;
    member.lifetime = lifetime;
    member.will = will;
    store!.fill(member);
    for (const [topicFilter, entry] of member.subscriptions) {
      table.add(entry);
      member.subscriptionAccount.charge(subscriptionBytes(topicFilter));
    }
    // It was let in under other limits.
    for (const message of member.session.outgoing.values()) this.#chargeRestored(member, message);
    for (const message of member.session.outbox) this.#chargeRestored(member, message);
    member.countBase();
    member.countReceived();
    return { member, leftAt };
  }

  #chargeRestored(member: Member, message: Outgoing): void {
    if (!(message instanceof Kept)) return;
    const bytes = messageBytes(message.packet as PublishPacket);
    message.charge(member.account, new SharedContent(this.#setup.memory, bytes));
  }

  #publishWill(member: Member): void {
    const { will } = member;
    if (member.willDue !== undefined) member.willDue.isCancelled = true;
    member.willDue = undefined;
    member.will = undefined;
    if (will === undefined) return;
    member.countBase();
    if (member.lifetime > 0) this.#setup.store?.deleteWill(member);
    this.#setup.publishWill(member, will);
  }
}
