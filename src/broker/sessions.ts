// §4.1, §3.1.2.11.2 Sessions: when they begin, are resumed and expire.

import { type PublishPacket, ReasonCode, type Will } from "../packets/mod.ts";
import type { CloseCause } from "../session/events.ts";
import type { OutgoingMessage } from "../session/outgoing_message.ts";
import { Session } from "../session/session.ts";
import { Account } from "./account.ts";
import type { SessionRow } from "./durability/database.ts";
import type { Store } from "./durability/store.ts";
import { type BrokerConnection, BrokerSession } from "./model.ts";
import type { BrokerLimits } from "./limits.ts";
import type { ClientInfo } from "./options.ts";
import { QueuedMessage, releaseQueued } from "./routing/queued_message.ts";
import type { SubscriptionTable } from "./routing/subscriptions.ts";
import { messageBytes, sessionBytes, subscriptionBytes } from "./sizes.ts";
import type { Timers } from "./timers.ts";
import { type Turns, Work } from "./turns.ts";
import type { Wills } from "./wills.ts";

/** The Session Expiry Interval of a session that does not expire (§3.1.2.11.2). */
export const NEVER = 0xffff_ffff;

/** Sessions of up to this many bytes may use the memory that is reserved for small ones. */
const SMALL_SESSION = 16_384;

/** Dependencies of {@linkcode Sessions}. */
export interface SessionsSetup {
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
  readonly timers: Timers;
  readonly limits: BrokerLimits;
  /** The account of the whole broker. */
  readonly memory: Account;
  readonly table: SubscriptionTable<BrokerSession>;
  readonly turns: Turns;
  /** The database; `undefined` when nothing is persisted. */
  readonly store: Store | undefined;
  readonly onEnded: (session: BrokerSession) => void;
  readonly wills: Wills;
}

/** The sessions of a broker, by Client Identifier [MQTT-3.1.3-2]. */
export class Sessions {
  readonly #setup: SessionsSetup;
  readonly #byClientId = new Map<string, BrokerSession>();

  /** Starts with the sessions in the database. */
  constructor(setup: SessionsSetup) {
    this.#setup = setup;
    const restored = (setup.store?.sessions() ?? []).map((found) => this.#restore(found));
    // Only now, so that a Will that is due reaches all restored sessions.
    for (const { session, leftAt } of restored) {
      this.#scheduleEnd(session, leftAt ?? setup.now());
      if (leftAt === undefined) this.save(session);
    }
  }

  /** The number of sessions. */
  get size(): number {
    return this.#byClientId.size;
  }

  /** The session of a client. */
  get(clientId: string): BrokerSession | undefined {
    return this.#byClientId.get(clientId);
  }

  /** The session of a client, if it has one; all sessions when no client is given. */
  some(clientId: string | undefined): Iterable<BrokerSession> {
    if (clientId === undefined) return this.#byClientId.values();
    const session = this.#byClientId.get(clientId);
    return session === undefined ? [] : [session];
  }

  /**
   * Why a session with this Will cannot be accepted now, as a Reason String; `undefined` when it
   * can. `known` is the client's session, if it has one.
   */
  refusal(
    client: ClientInfo,
    will: Will | undefined,
    known: BrokerSession | undefined,
  ): string | undefined {
    const { limits, memory } = this.#setup;
    const bytes = sessionBytes(client, will);
    if (bytes > limits.sessionBytes) return "The session is too large";
    if (known === undefined && this.#byClientId.size >= limits.sessions) {
      return "The server is at its session limit";
    }
    const more = known === undefined ? bytes : bytes - sessionBytes(known.client, known.will);
    const isSmall = bytes <= SMALL_SESSION;
    if (more <= 0 || (isSmall ? memory.hasRoomToOpen(more) : memory.hasRoom(more))) {
      return undefined;
    }
    return "The server is at its memory limit";
  }

  /** Begins a session. */
  begin(client: ClientInfo): BrokerSession {
    const { queuedMessages: messages, queuedBytes: bytes } = this.#setup.limits;
    const limits = { messages, bytes, whenFull: "drop newest" } as const;
    const { sessionBytes, subscriptionBytes } = this.#setup.limits;
    const account = new Account(this.#setup.memory, { limit: sessionBytes, small: SMALL_SESSION });
    const subscriptions = new Account(account, { limit: subscriptionBytes });
    const state = new Session(client.clientId, limits);
    const session = new BrokerSession(client, state, account, subscriptions);
    this.#byClientId.set(client.clientId, session);
    return session;
  }

  /**
   * Keeps a session whose client has reconnected from expiring, and cancels its delayed Will
   * [MQTT-3.1.3-9].
   */
  resume(session: BrokerSession): void {
    if (session.ending !== undefined) session.ending.isCancelled = true;
    session.ending = undefined;
    this.#setup.wills.cancel(session);
  }

  /** Ends a session and deletes its state. A delayed Will is published first. */
  end(session: BrokerSession): void {
    try {
      if (session.willDue !== undefined) this.#setup.wills.publish(session);
    } finally {
      this.#delete(session);
    }
  }

  #delete(session: BrokerSession): void {
    this.resume(session);
    session.hasEnded = true;
    this.#setup.onEnded(session);
    for (const message of session.state.inFlight.values()) releaseQueued(message);
    for (const message of session.state.sendQueue) releaseQueued(message);
    session.account.close();
    const { table, turns } = this.#setup;
    turns.count(Work.end);
    void turns.forEach(session.deliveryShare, session.subscriptions.keys(), (topicFilter) => {
      turns.count(Work.subscription + Work.text * topicFilter.length);
      table.remove(session, topicFilter);
    }, () => {});
    if (this.#byClientId.get(session.client.clientId) !== session) return;
    this.#byClientId.delete(session.client.clientId);
    this.#setup.store?.deleteSession(session);
  }

  /**
   * Saves a session as it is now, or removes it from the database when it ends with its connection.
   * One that ends with it is saved as long as it has a Will, which must not be lost with the broker
   * [MQTT-3.1.2-8].
   */
  save(session: BrokerSession): void {
    if (session.lifetime > 0 || session.will !== undefined) this.#setup.store?.saveSession(session);
    else this.#setup.store?.deleteSession(session);
  }

  /**
   * The client of a connection is refused after all, before it was told of its session, as that
   * cannot be stored. One that has begun with the connection ends with it, and has no Will.
   */
  refuse(connection: BrokerConnection): void {
    const { session, hasNewSession } = connection;
    if (!hasNewSession || session?.connection !== connection) return;
    session.will = undefined;
    session.lifetime = 0;
  }

  /** Detaches the session of a connection that has ended, and starts its expiry and Will delay. */
  leave(connection: BrokerConnection, cause: CloseCause): void {
    const { session } = connection;
    if (session === undefined || session.connection !== connection) return;
    session.connection = undefined;
    if (cause.kind === "peer") {
      const { sessionExpiryInterval } = cause.packet.properties;
      if (sessionExpiryInterval !== undefined) {
        session.lifetime = this.lifetimeOf(sessionExpiryInterval) * 1000;
      }
      // [MQTT-3.1.2-10] [MQTT-3.14.4-3]
      if (cause.packet.reasonCode === ReasonCode.normalDisconnection) session.will = undefined;
    }
    session.countBase();
    session.countReceived();
    try {
      this.#scheduleEnd(session, this.#setup.now());
    } finally {
      this.save(session);
    }
  }

  /**
   * The Session Expiry Interval granted to a client that asked for `asked`, in seconds; `Infinity`
   * when the session does not expire.
   */
  lifetimeOf(asked: number): number {
    return Math.min(asked === NEVER ? Infinity : asked, this.#setup.limits.sessionExpiryInterval);
  }

  /** Schedules the Will and the expiry of a session whose connection ended at `left`. */
  #scheduleEnd(session: BrokerSession, left: number): void {
    const { timers, wills } = this.#setup;
    const { lifetime } = session;
    try {
      wills.begin(session, left);
    } finally {
      if (lifetime === 0) this.end(session);
      else session.ending = timers.add(left + lifetime, () => this.end(session));
    }
  }

  #restore({ client, owner, lifetime, leftAt, will }: SessionRow): {
    readonly session: BrokerSession;
    readonly leftAt: number | undefined;
  } {
    const { store, table } = this.#setup;
    const session = this.begin(client);
    session.owner = owner;
    session.lifetime = lifetime;
    session.will = will;
    store!.restore(session);
    for (const [topicFilter, subscription] of session.subscriptions) {
      table.add(subscription);
      session.subscriptionAccount.charge(subscriptionBytes(topicFilter));
    }
    // Charged even beyond the limits, which may have been lowered since.
    for (const message of session.state.inFlight.values()) this.#chargeRestored(session, message);
    for (const message of session.state.sendQueue) this.#chargeRestored(session, message);
    session.countBase();
    session.countReceived();
    return { session, leftAt };
  }

  #chargeRestored(session: BrokerSession, message: OutgoingMessage): void {
    if (!(message instanceof QueuedMessage)) return;
    message.charge(session.account, messageBytes(message.packet as PublishPacket));
  }
}
