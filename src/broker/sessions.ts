// §4.1, §3.1.2.11.2 Sessions, which outlive their connections.

import { type PublishPacket, ReasonCode, type Will } from "../packets/mod.ts";
import type { CloseCause } from "../session/events.ts";
import type { OutgoingMessage } from "../session/outgoing_message.ts";
import { Session } from "../session/session.ts";
import { Account } from "./account.ts";
import type { SessionRow } from "./durability/database.ts";
import type { Store } from "./durability/store.ts";
import { type BrokerConnection, BrokerSession } from "./model.ts";
import type { BrokerLimits, ClientInfo } from "./options.ts";
import { QueuedMessage, releaseQueued, SharedContent } from "./routing/queued_message.ts";
import type { SubscriptionTable } from "./routing/subscriptions.ts";
import { messageBytes, sessionBytes, subscriptionBytes } from "./sizes.ts";
import type { Timers } from "./timers.ts";
import { type Turns, Work } from "./turns.ts";
import type { Wills } from "./wills.ts";

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
  readonly timers: Timers;
  readonly limits: BrokerLimits;
  /** The account of the whole broker. */
  readonly memory: Account;
  readonly table: SubscriptionTable<BrokerSession>;
  readonly turns: Turns;
  /** What survives the broker, if anything does. */
  readonly store: Store | undefined;
  /** A session has ended. */
  readonly onEnded: (session: BrokerSession) => void;
  readonly wills: Wills;
}

/** The sessions of a broker, by Client Identifier [MQTT-3.1.3-2]. */
export class Sessions {
  readonly #setup: SessionsSetup;
  readonly #byClientId = new Map<string, BrokerSession>();

  /** Begins with the sessions that have survived. */
  constructor(setup: SessionsSetup) {
    this.#setup = setup;
    const restored = (setup.store?.sessions() ?? []).map((found) => this.#restore(found));
    // A Will goes to all that have survived.
    for (const { session, leftAt } of restored) {
      this.#wait(session, leftAt ?? setup.now());
      if (leftAt === undefined) this.save(session);
    }
  }

  /** How many there are. */
  get size(): number {
    return this.#byClientId.size;
  }

  /** The session of a client. */
  get(clientId: string): BrokerSession | undefined {
    return this.#byClientId.get(clientId);
  }

  /** The session of a client, or all. */
  some(clientId: string | undefined): Iterable<BrokerSession> {
    if (clientId === undefined) return this.#byClientId.values();
    const session = this.#byClientId.get(clientId);
    return session === undefined ? [] : [session];
  }

  /**
   * Why a client cannot have a session with such a Will now, in words; `undefined` when it can.
   * `known` is its session, if it has one.
   */
  refusal(
    client: ClientInfo,
    will: Will | undefined,
    known: BrokerSession | undefined,
  ): string | undefined {
    const { limits, memory } = this.#setup;
    const bytes = sessionBytes(client, will);
    if (bytes > limits.sessionBytes) return "The session would be too large";
    if (known === undefined && this.#byClientId.size >= limits.sessions) {
      return "There are too many sessions";
    }
    const more = known === undefined ? bytes : bytes - sessionBytes(known.client, known.will);
    if (more <= 0 || (bytes <= SMALL ? memory.hasRoomAtAll(more) : memory.hasRoom(more))) {
      return undefined;
    }
    return "The server has no memory for another session";
  }

  /** Begins a session. */
  begin(client: ClientInfo): BrokerSession {
    const { queuedMessages: messages, queuedBytes: bytes } = this.#setup.limits;
    const limits = { messages, bytes, whenFull: "drop newest" } as const;
    const { sessionBytes, subscriptionBytes } = this.#setup.limits;
    const account = new Account(this.#setup.memory, { limit: sessionBytes, small: SMALL });
    const subscriptions = new Account(account, { limit: subscriptionBytes });
    const state = new Session(client.clientId, limits);
    const session = new BrokerSession(client, state, account, subscriptions);
    this.#byClientId.set(client.clientId, session);
    return session;
  }

  /**
   * A client has come back to its session: neither does that end, nor is the Will due
   * [MQTT-3.1.3-9].
   */
  resume(session: BrokerSession): void {
    if (session.ending !== undefined) session.ending.isCancelled = true;
    session.ending = undefined;
    this.#setup.wills.cancel(session);
  }

  /** Ends a session, with all that belongs to it. A Will that has not been published is now. */
  end(session: BrokerSession): void {
    try {
      if (session.willDue !== undefined) this.#setup.wills.publish(session);
    } finally {
      this.#forget(session);
    }
  }

  #forget(session: BrokerSession): void {
    this.resume(session);
    session.hasEnded = true;
    this.#setup.onEnded(session);
    for (const message of session.state.inFlight.values()) releaseQueued(message);
    for (const message of session.state.sendQueue) releaseQueued(message);
    session.account.close();
    const { table, turns } = this.#setup;
    void turns.forEach(session.feeding, session.subscriptions.keys(), (topicFilter) => {
      turns.count(Work.subscription + Work.text * topicFilter.length);
      table.remove(session, topicFilter);
    }, () => {});
    if (this.#byClientId.get(session.client.clientId) !== session) return;
    this.#byClientId.delete(session.client.clientId);
    this.#setup.store?.deleteSession(session);
  }

  /** Keeps a session as it is now, if it is to survive; else it is not to be found again. */
  save(session: BrokerSession): void {
    if (session.lifetime > 0) this.#setup.store?.saveSession(session);
    else this.#setup.store?.deleteSession(session);
  }

  /** The connection of a client has ended. */
  leave(connection: BrokerConnection, cause: CloseCause): void {
    const { session } = connection;
    if (session === undefined || session.connection !== connection) return;
    session.connection = undefined;
    if (cause.by === "peer") {
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
      this.#wait(session, this.#setup.now());
    } finally {
      this.save(session);
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
  #wait(session: BrokerSession, left: number): void {
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
    store!.fill(session);
    for (const [topicFilter, subscription] of session.subscriptions) {
      table.add(subscription);
      session.subscriptionAccount.charge(subscriptionBytes(topicFilter));
    }
    // It was let in under other limits.
    for (const message of session.state.inFlight.values()) this.#chargeRestored(session, message);
    for (const message of session.state.sendQueue) this.#chargeRestored(session, message);
    session.countBase();
    session.countReceived();
    return { session, leftAt };
  }

  #chargeRestored(session: BrokerSession, message: OutgoingMessage): void {
    if (!(message instanceof QueuedMessage)) return;
    const bytes = messageBytes(message.packet as PublishPacket);
    message.charge(session.account, new SharedContent(this.#setup.memory, bytes));
  }
}
