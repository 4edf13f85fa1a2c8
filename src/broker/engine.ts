// The broker without its sockets: gives each event of each connection to who handles it, in order
// and in turns. Pure but for its hooks: time comes from the clock that it is given, bytes go in and
// out by the connections.

import { PacketTooLargeError } from "../errors.ts";
import { type ConnectPacket, type PublishPacket, ReasonCode } from "../packets/mod.ts";
import type { CloseCause, ConnectionEvent, DiscardedEvent } from "../session/events.ts";
import type { OutgoingMessage } from "../session/outgoing_message.ts";
import type { PeerInfo } from "../session/peer.ts";
import { ServerConnection } from "../session/server_connection.ts";
import { Account } from "./account.ts";
import { closeReason } from "./close_reason.ts";
import { ConnectHandler } from "./connecting.ts";
import { DeliveryAuthorizer } from "./delivery_authorizer.ts";
import { CommitBeforeWrite } from "./durability/commit_before_write.ts";
import type { Store } from "./durability/store.ts";
import { ErrorReporter } from "./error_reporter.ts";
import { Hooks } from "./hooks.ts";
import { isPromise } from "./is_promise.ts";
import { BrokerConnection, type BrokerSession } from "./model.ts";
import {
  type BrokerLimits,
  type BrokerOptions,
  checkOptions,
  type ClientInfo,
  limitsWith,
} from "./options.ts";
import { PublishHandler } from "./publishing.ts";
import { RetainedDelivery } from "./retained/delivery.ts";
import { RetainedMessages } from "./retained/messages.ts";
import { QueuedMessage } from "./routing/queued_message.ts";
import { Router } from "./routing/router.ts";
import { Sessions } from "./sessions.ts";
import { connectionBytes } from "./sizes.ts";
import { SubscribeHandler } from "./subscribing.ts";
import { Timers } from "./timers.ts";
import { Share, Turns, Work } from "./turns.ts";
import { Verdicts } from "./verdicts.ts";
import { WakeQueue } from "./wake_queue.ts";
import { Wills } from "./wills.ts";

/** What the engine gets from the world. */
export interface EngineTools {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** A name for a session that nobody can guess. */
  readonly newClientId: () => string;
  /**
   * Calls back when sockets and timers have been looked at. Default: as soon as what is being done
   * is done.
   */
  readonly onNextTurn?: ((callback: () => void) => void) | undefined;
  /** Writes a line to the console: of an error that nobody else is told of. */
  readonly warn: (line: string) => void;
  /** Whether some clients have the User Name of their certificate. */
  readonly hasCertificateUsernames?: boolean | undefined;
  /**
   * Calls back when all that is ready to be done has been done. Default: as soon as this is done.
   */
  readonly atEndOfTurn?: (callback: () => void) => void;
}

/** The most that one look at a broker tells. */
export interface BrokerStatistics {
  /** Connections whose client has been accepted. */
  readonly clients: number;
  /** Sessions, with a connection or without. */
  readonly sessions: number;
  /** Subscriptions of all sessions. */
  readonly subscriptions: number;
  /** Retained messages. */
  readonly retained: number;
  /**
   * Messages dropped, because a session had no room for them or they were too large for a client.
   */
  readonly dropped: number;
  /** Bytes that clients make the broker keep, as `limits.memory` counts them. */
  readonly memory: number;
}

/** So many packets of one client are looked at before somebody asks whether the turn is over. */
const PACKETS_PER_CALL = 64;

/** The broker without its sockets. */
export class BrokerEngine {
  readonly limits: BrokerLimits;
  /** What connections keep whose handshake of TLS goes on: they may use what is in reserve. */
  readonly handshakes: Account;
  readonly #options: BrokerOptions;
  readonly #tools: EngineTools;
  readonly #timers = new Timers();
  readonly #store: Store | undefined;
  readonly #errors: ErrorReporter;
  /** Where something is stored, nothing is told before it is. */
  readonly #commits: CommitBeforeWrite | undefined;
  readonly #hooks: Hooks;
  readonly #deliveries: DeliveryAuthorizer;
  readonly #router: Router;
  readonly #retained: RetainedMessages;
  readonly #retainedDelivery: RetainedDelivery;
  readonly #sessions: Sessions;
  readonly #connectHandler: ConnectHandler;
  readonly #publishHandler: PublishHandler;
  readonly #subscribeHandler: SubscribeHandler;
  readonly #connections = new Set<BrokerConnection>();
  /** Those of them that have been let in. */
  readonly #clients = new Set<BrokerConnection>();
  readonly #turns: Turns;
  /** What is done for nobody in particular. */
  readonly #share = new Share();
  /** All that clients make the broker keep. */
  readonly #memory: Account;
  readonly #wakeQueue: WakeQueue;

  /** `store` is what survives the broker. */
  constructor(options: BrokerOptions, tools: EngineTools, store?: Store) {
    checkOptions(options);
    this.limits = limitsWith(options.limits);
    const { memory, retainedMessages, retainedBytes } = this.limits;
    const reserve = memory === Infinity ? 0 : memory * RESERVED;
    this.#memory = new Account(undefined, { limit: memory, reserve });
    this.handshakes = new Account(this.#memory, { small: Infinity });
    this.#options = options;
    this.#tools = tools;
    this.#store = store;
    const { now, warn } = tools;
    this.#errors = new ErrorReporter({ hooks: options, timers: this.#timers, now, warn });
    this.#hooks = new Hooks({
      ...{ hooks: options, timers: this.#timers, now },
      ...{ timeout: this.limits.hookTimeout, report: this.#errors.report },
    });
    this.#turns = new Turns(
      tools.onNextTurn ?? queueMicrotask,
      (error) => this.report(error, "a turn"),
    );
    this.#deliveries = new DeliveryAuthorizer({
      ...{ hooks: this.#hooks, timers: this.#timers, turns: this.#turns, now },
    });
    this.#wakeQueue = new WakeQueue(this.#turns);
    const retained = new Account(this.#memory, { limit: retainedBytes });
    this.#retained = new RetainedMessages(this.#timers, retainedMessages, store, retained);
    this.#commits = store && new CommitBeforeWrite({
      store,
      restoreRetained: (topic, before) => this.#retained.restore(topic, before),
      wakeLater: (connection) => this.#wakeQueue.add(connection),
      acknowledge: (connection, acknowledgement, answer) =>
        this.#publishHandler.acknowledgeLater(connection, acknowledgement, answer),
      atEndOfTurn: tools.atEndOfTurn ?? queueMicrotask,
    });
    this.#router = new Router({
      now: tools.now,
      overlapping: options.overlapping ?? "one copy",
      turns: this.#turns,
      onSending: (connection) => this.#wakeQueue.add(connection),
      onFailed: (connection, error) => this.fail(connection, error),
      canQueue: (session) => this.#commits?.canQueue(session) ?? true,
      onQueued: (session, message) => this.#commits?.save(session, message),
      onExpired: (message) => this.#forget(message),
      memory: this.#memory,
      together: () => this.#commits?.together() ?? atOnce,
      sendFirst: (older, subscriptions) => this.#retainedDelivery.sendFirst(older, subscriptions),
      onDropped: ({ client }, message, why) => this.#hooks.onDropped(client, message, why),
    });
    this.#retainedDelivery = new RetainedDelivery({
      retained: this.#retained,
      router: this.#router,
      deliveries: this.#deliveries,
      turns: this.#turns,
    });
    this.#publishHandler = new PublishHandler({
      options,
      topicLevels: this.limits.topicLevels,
      now,
      hooks: this.#hooks,
      deliveries: this.#deliveries,
      router: this.#router,
      retained: this.#retained,
      retainedDelivery: this.#retainedDelivery,
      commits: this.#commits,
      turns: this.#turns,
      report: this.#errors.report,
      onFailed: (connection, error) => this.fail(connection, error),
      wakeLater: (connection) => this.#wakeQueue.add(connection),
    });
    this.#subscribeHandler = new SubscribeHandler({
      limits: this.limits,
      hooks: this.#hooks,
      table: this.#router.table,
      retainedDelivery: this.#retainedDelivery,
      turns: this.#turns,
      store,
      commits: this.#commits,
    });
    this.#sessions = new Sessions({
      now: tools.now,
      timers: this.#timers,
      limits: this.limits,
      memory: this.#memory,
      table: this.#router.table,
      turns: this.#turns,
      store,
      onEnded: (session) => this.#retainedDelivery.forget(session),
      wills: new Wills({
        timers: this.#timers,
        store,
        publish: (will, session) => this.#publishHandler.publishWill(will, session),
      }),
    });
    this.#connectHandler = new ConnectHandler({
      options,
      limits: this.limits,
      hooks: this.#hooks,
      sessions: this.#sessions,
      hasOwners: this.#hooks.hasAuthenticate || this.#hooks.hasAuthenticateStep ||
        options.sessionOwner !== undefined ||
        tools.hasCertificateUsernames === true,
      newClientId: tools.newClientId,
      canStoreSessions: () => this.#commits?.canStoreSessions ?? true,
      onTakenOver: (connection, cause) => {
        this.#tellLeft(connection, cause);
        this.#wakeQueue.add(connection);
      },
      deliveries: this.#deliveries,
      dropQueued: (session, topics) => this.#takeOut(session, topics),
      onAccepted: (connection) => {
        this.#clients.add(connection);
        this.#feedMore(connection);
      },
    });
  }

  /** When to call {@linkcode BrokerEngine.tick}. */
  get deadline(): number {
    return this.#timers.deadline;
  }

  /** A look at the broker. */
  get statistics(): BrokerStatistics {
    return {
      clients: this.#clients.size,
      sessions: this.#sessions.size,
      subscriptions: this.#router.table.size,
      retained: this.#retained.size,
      dropped: this.#router.dropped,
      memory: this.#memory.bytes,
    };
  }

  /**
   * Whether there is room for another connection; if not, it is to be closed at once, as nothing
   * can be said before CONNECT. Some more than may connect have room: they are told why they may
   * not.
   */
  hasRoomFor(peer: PeerInfo): boolean {
    const hasPlace = this.#connections.size < this.limits.connections + REFUSED_AT_ONCE;
    return hasPlace && this.#memory.hasRoomAtAll(connectionBytes(peer));
  }

  /** Whether nothing is kept of the bytes that a connection was given last. */
  isDoneWith(connection: BrokerConnection): boolean {
    if (connection.isBusy || connection.backlog.length > 0) return false;
    const { hasShownBytes } = connection;
    connection.hasShownBytes = false;
    return !hasShownBytes && connection.protocol.unread === 0;
  }

  /** Nothing of a connection is left. */
  close(connection: BrokerConnection): void {
    connection.account.close();
  }

  /** A new connection. Its events are to be given to {@linkcode BrokerEngine.handle}. */
  open(peer: PeerInfo, wake: () => void): BrokerConnection {
    const { maximumPacketSize, connectTimeout, connectBytes } = this.limits;
    const { filtersPerPacket, userPropertiesPerPacket } = this.limits;
    const { topicAliases } = this.#options;
    const memory = new Account(this.#memory, { small: SMALL });
    memory.charge(connectionBytes(peer));
    const options = {
      ...{ maximumPacketSize, connectTimeout, connectBytes, topicAliases, memory },
      ...{ filtersPerPacket, userPropertiesPerPacket, packetsPerCall: PACKETS_PER_CALL },
    };
    const protocol = new ServerConnection(this.#tools.now(), options);
    const connection = new BrokerConnection(protocol, memory, peer, wake);
    this.#connections.add(connection);
    return connection;
  }

  /**
   * What is to be written to a client now: to be asked in place of its connection, so that it is
   * true.
   */
  takeBytes(connection: BrokerConnection): Uint8Array<ArrayBuffer> | undefined {
    return this.#commits === undefined
      ? connection.protocol.takeBytes()
      : this.#commits.takeBytes(connection);
  }

  /** Brings to disk what is to be there. */
  commit(): void {
    this.#commits?.commit();
  }

  /**
   * Does what is due, as much of it as there is time for in a turn: then the deadline stays where
   * it is.
   */
  tick(): void {
    const turns = this.#turns;
    turns.begin(this.#share);
    this.#timers.run(
      this.#tools.now(),
      (error) => this.report(error, "what was due at some time"),
      () => {
        turns.count(Work.timer);
        return turns.isOver;
      },
    );
  }

  /** Something has happened on a connection. */
  handle(connection: BrokerConnection, event: ConnectionEvent): void {
    if (event.type === "closed") connection.cause = event.cause;
    if (event.type === "more") this.#countPackets(connection);
    // That a message is kept no more is little work, and there is an end to it before "more".
    const isNow = !this.#turns.isOver || event.type === "settled";
    if (!connection.isBusy && isNow) return this.#begin(connection, event);
    const at = event.type === "message" ? this.#tools.now() : undefined;
    connection.backlog.push({ event, at });
    if (!connection.isBusy) this.#waitForTurn(connection);
  }

  /**
   * Tells every client that the broker is shutting down. There are to be no new connections from
   * then on.
   */
  async shutDown(): Promise<void> {
    await this.#turns.forEach(this.#share, this.#connections, (connection) => {
      this.#turns.count(Work.write);
      try {
        connection.protocol.disconnect({
          type: "disconnect",
          reasonCode: ReasonCode.serverShuttingDown,
        });
      } catch (error) {
        this.fail(connection, error);
      }
      connection.wake();
    }, () => {});
  }

  /** Tells of an error that nobody caught, and in what it happened. Never throws. */
  report(error: unknown, what: string, client?: ClientInfo): void {
    this.#errors.report(error, what, client);
  }

  /** Counted before the others wait for a turn: who has sent so many does not want little. */
  #countPackets(connection: BrokerConnection): void {
    this.#turns.begin(connection.share);
    this.#turns.count(Work.look * PACKETS_PER_CALL);
  }

  #begin(connection: BrokerConnection, event: ConnectionEvent, at?: number): void {
    this.#turns.begin(connection.share);
    let work: Promise<void> | undefined;
    try {
      work = this.#process(connection, event, at);
    } catch (error) {
      this.fail(connection, error);
    }
    if (work === undefined) return;
    this.#pause(connection);
    void work.catch((error) => this.fail(connection, error)).then(() => this.#goOn(connection));
  }

  /** What happens from now on waits. */
  #pause(connection: BrokerConnection): void {
    connection.isBusy = true;
    connection.busySince = this.#tools.now();
    connection.protocol.pause();
  }

  /** What has happened is looked at in another turn. */
  #waitForTurn(connection: BrokerConnection): void {
    this.#pause(connection);
    this.#turns.wait(connection.share, () => this.#goOn(connection));
  }

  /**
   * The hook that was asked has answered, or the turn has come: what has happened in the meantime
   * is next.
   */
  #goOn(connection: BrokerConnection): void {
    connection.isBusy = false;
    // Who has gone while a hook did not answer is not kept for as many times as it has asked for
    // something.
    const isGivenUp = connection.protocol.isClosed &&
      this.#tools.now() - connection.busySince >= this.limits.hookTimeout;
    while (!connection.isBusy) {
      const next = connection.backlog.shift();
      if (next === undefined) break;
      if (isGivenUp && isRequest(next.event)) continue;
      this.#begin(connection, next.event, next.at);
      if (!connection.isBusy && connection.backlog.length > 0 && this.#turns.isOver) {
        this.#waitForTurn(connection);
      }
    }
    try {
      if (!connection.isBusy) connection.protocol.goOn(this.#tools.now());
    } catch (error) {
      this.fail(connection, error);
    }
    connection.wake();
  }

  /**
   * One client cannot be served: it takes packets so small that it cannot be answered, or something
   * has failed here.
   */
  fail(connection: BrokerConnection, error: unknown): void {
    const { protocol } = connection;
    if (error instanceof PacketTooLargeError) protocol.breakOff("cannot be answered");
    else {
      this.report(error, "the connection", connection.client);
      try {
        protocol.abort(error);
      } catch (next) {
        this.report(next, "the connection", connection.client);
      }
    }
    this.#wakeQueue.add(connection);
  }

  /**
   * Does what an event asks for that came at `at`, now by default. Takes a promise only where a
   * hook does.
   */
  #process(
    connection: BrokerConnection,
    event: ConnectionEvent,
    at?: number,
  ): Promise<void> | undefined {
    switch (event.type) {
      case "message":
        return this.#publishHandler.receive(connection, event, at);
      case "more":
        connection.protocol.proceed(this.#tools.now());
        return undefined;
      case "connect":
        connection.hasShownBytes = hasBytes(event.packet);
        return this.#connect(connection, event.packet);
      case "auth":
        connection.hasShownBytes = true;
        return this.#connectHandler.receiveAuth(connection, event.packet);
      case "subscribe":
        return this.#subscribeHandler.subscribe(connection, event.packet);
      case "unsubscribe":
        return this.#subscribeHandler.unsubscribe(connection, event.packet);
      case "settled":
        this.#forget(event.message);
        this.#feedMore(connection);
        return undefined;
      case "discarded":
        this.#discarded(connection, event);
        this.#forget(event.message);
        this.#feedMore(connection);
        return undefined;
      case "closed":
        return this.#closed(connection, event.cause);
      default:
        return undefined;
    }
  }

  /** A message is kept no more. */
  #forget(message: OutgoingMessage): void {
    if (!(message instanceof QueuedMessage)) return;
    message.release();
    this.#store?.deleteMessage(message);
  }

  #discarded({ session }: BrokerConnection, { message, cause }: DiscardedEvent): void {
    if (cause.kind === "expired" || session === undefined) return;
    this.#router.drop(session, message.packet as PublishPacket, "too large");
  }

  #connect(connection: BrokerConnection, packet: ConnectPacket): Promise<void> | undefined {
    if (this.#connections.size <= this.limits.connections) {
      return this.#connectHandler.receive(connection, packet);
    }
    connection.protocol.refuse(ReasonCode.serverBusy, {
      reasonString: "There are too many connections",
    });
    return undefined;
  }

  /**
   * What authorizeDelivery has said, of a client or of all, is to be asked anew, also about what
   * waits.
   */
  clearAuthorizations(clientId?: string): void {
    for (const session of this.#sessions.some(clientId)) {
      if (session.verdicts === undefined) continue;
      const verdicts = session.verdicts = new Verdicts();
      const refused = this.#deliveries.refusedOf(session, session.client, verdicts);
      if (!isPromise(refused)) this.#takeOut(session, refused);
      else {
        void refused.then((topics) => this.#takeOut(session, topics))
          .catch((error) => this.report(error, "clearAuthorizations", session.client));
      }
    }
  }

  /** Takes back what waits for a session that may not have it any more. */
  #takeOut({ state }: BrokerSession, topics: ReadonlySet<string>): void {
    if (topics.size === 0) return;
    for (const message of state.sendQueue.takeOut(({ packet }) => topics.has(packet.topic))) {
      this.#forget(message);
    }
  }

  /** What waited for a session has gone: there may be retained messages that it is still to get. */
  #feedMore({ session }: BrokerConnection): void {
    if (session?.retainedCursors !== undefined) this.#retainedDelivery.feed(session);
  }

  #closed(connection: BrokerConnection, cause: CloseCause): undefined {
    this.#connections.delete(connection);
    this.#clients.delete(connection);
    try {
      this.#sessions.leave(connection, cause);
    } finally {
      this.#tellLeft(connection, cause);
    }
    return undefined;
  }

  /** Tells once that a client is gone: before one that takes its name is told to be there. */
  #tellLeft(connection: BrokerConnection, cause: CloseCause): void {
    if (connection.session === undefined || connection.hasLeft) return;
    connection.hasLeft = true;
    this.#hooks.onDisconnect(connection.client!, closeReason(cause));
  }
}

function atOnce(work: () => void): void {
  work();
}

/** Whether a CONNECT has anything that is not a copy, as texts are. */
function hasBytes({ password, will, properties }: ConnectPacket): boolean {
  return password !== undefined || will !== undefined ||
    properties.authenticationData !== undefined;
}

/** Whether a client wants something from the broker, so that hooks may be asked. */
function isRequest({ type }: ConnectionEvent): boolean {
  return type === "message" || type === "subscribe" || type === "unsubscribe" || type === "auth";
}

/** The part of the memory that is left to those who keep little, whatever others do. */
const RESERVED = 1 / 2;

/** A connection with no more bytes may use that, be it with TLS and in the middle of a packet. */
const SMALL = 524_288;

/** So many connections too many are there at the same time to be told so. */
const REFUSED_AT_ONCE = 64;
