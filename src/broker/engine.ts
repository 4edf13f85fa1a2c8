// The broker without sockets: dispatches the events of each connection to their handlers, in order
// and in turns. Pure apart from its hooks: time comes from the clock it is given, and bytes go in
// and out through the connections.

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
import { type BrokerLimits, limitsWith } from "./limits.ts";
import { type BrokerOptions, checkOptions, type ClientInfo } from "./options.ts";
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

/** What the engine needs from outside. */
export interface EngineTools {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Makes a Client Identifier that cannot be guessed. */
  readonly newClientId: () => string;
  /** Calls back after sockets and timers had their turn. Default: `queueMicrotask`. */
  readonly onNextTurn?: ((callback: () => void) => void) | undefined;
  /** Writes a line to the console, for errors when there is no `onError`. */
  readonly warn: (line: string) => void;
  /** Whether a listener takes User Names from certificates. */
  readonly hasCertificateUsernames?: boolean | undefined;
  /** Calls back at the end of the event loop's turn. Default: `queueMicrotask`. */
  readonly atEndOfTurn?: (callback: () => void) => void;
}

/** Numbers that describe the state of a broker. */
export interface BrokerStatistics {
  /** Connections whose client has been accepted. */
  readonly clients: number;
  /** Sessions, connected or not. */
  readonly sessions: number;
  /** Subscriptions of all sessions. */
  readonly subscriptions: number;
  /** Retained messages. */
  readonly retained: number;
  /** Messages dropped since the start, for lack of room or as too large for their client. */
  readonly dropped: number;
  /** Bytes kept for clients, as `limits.memory` counts them. */
  readonly memory: number;
}

/** Packets of one client that are handled before checking whether the turn is over. */
const PACKETS_PER_CALL = 64;

/**
 * The broker without sockets.
 *
 * Give each event of a connection to {@linkcode handle}, call {@linkcode tick} at the
 * {@linkcode deadline}, and take the bytes of a connection by {@linkcode takeBytes}, not from its
 * protocol.
 */
export class BrokerEngine {
  readonly limits: BrokerLimits;
  /** What connections keep whose handshake of TLS goes on: they may use what is in reserve. */
  readonly handshakes: Account;
  readonly #options: BrokerOptions;
  readonly #tools: EngineTools;
  readonly #timers = new Timers();
  readonly #store: Store | undefined;
  readonly #errors: ErrorReporter;
  /** Holds back packets until what they promise is committed; `undefined` without a store. */
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
  /** Those of them that have been accepted. */
  readonly #clients = new Set<BrokerConnection>();
  readonly #turns: Turns;
  /** Counts work that is not done for a particular client. */
  readonly #share = new Share();
  /** The memory used for all clients. */
  readonly #memory: Account;
  readonly #wakeQueue: WakeQueue;

  /** Without a `store` nothing is persisted. */
  constructor(options: BrokerOptions, tools: EngineTools, store?: Store) {
    checkOptions(options);
    this.limits = limitsWith(options.limits);
    const { memory, retainedMessages, retainedBytes } = this.limits;
    const isLimited = memory !== Infinity;
    this.#memory = new Account(undefined, {
      limit: memory,
      ...isLimited && { reserve: memory * RESERVED, left: memory * LEFT },
    });
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
      onExpired: (message) => this.#release(message),
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
      onEnded: (session) => {
        this.#retainedDelivery.stopAll(session);
        this.#publishHandler.redistribute(session);
      },
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
        this.#reportDisconnect(connection, cause);
        this.#wakeQueue.add(connection);
      },
      deliveries: this.#deliveries,
      dropQueued: (session, topics) => this.#dropQueued(session, topics),
      onAccepted: (connection) => {
        this.#clients.add(connection);
        this.#deliverRetained(connection);
      },
    });
  }

  /** When to call {@linkcode BrokerEngine.tick}. */
  get deadline(): number {
    return this.#timers.deadline;
  }

  /** Numbers that describe its present state. */
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
   * Whether there is room for another connection. If not, close it at once, as nothing can be sent
   * before CONNECT. A few connections beyond the limit have room, so that they can be refused with
   * a Reason Code.
   */
  hasRoomFor(peer: PeerInfo): boolean {
    const hasPlace = this.#connections.size < this.limits.connections + REFUSED_AT_ONCE;
    return hasPlace && this.#memory.hasRoomToOpen(connectionBytes(peer));
  }

  /** Whether nothing is kept of the bytes that a connection was given last. */
  isDoneWith(connection: BrokerConnection): boolean {
    if (connection.isBusy || connection.backlog.length > 0) return false;
    const { hasShownBytes } = connection;
    connection.hasShownBytes = false;
    return !hasShownBytes && connection.protocol.unread === 0;
  }

  /** Releases the memory of a connection whose drive has finished. */
  close(connection: BrokerConnection): void {
    connection.account.close();
  }

  /** Adds a connection. Its events are to be given to {@linkcode BrokerEngine.handle}. */
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
   * The bytes to be written to a client now. Use it in place of the protocol's own `takeBytes()`:
   * it holds back what is not committed yet.
   */
  takeBytes(connection: BrokerConnection): Uint8Array<ArrayBuffer> | undefined {
    return this.#commits === undefined
      ? connection.protocol.takeBytes()
      : this.#commits.takeBytes(connection);
  }

  /** Commits all changes to the store, if there is one. */
  commit(): void {
    this.#commits?.commit();
  }

  /**
   * Runs the timers that are due, as many as there is time for in a turn. If some are left, the
   * deadline stays in the past.
   */
  tick(): void {
    const turns = this.#turns;
    turns.begin(this.#share);
    this.#timers.run(
      this.#tools.now(),
      (error) => this.report(error, "a timer"),
      () => {
        turns.count(Work.timer);
        return turns.isOver;
      },
    );
  }

  /** Handles an event of a connection, now or after the ones before it. */
  handle(connection: BrokerConnection, event: ConnectionEvent): void {
    if (event.type === "closed") connection.cause = event.cause;
    if (event.type === "more") this.#countPackets(connection);
    // Settling a message is little work, and "more" bounds how often it happens in a row.
    const isNow = !this.#turns.isOver || event.type === "settled";
    if (!connection.isBusy && isNow) return this.#begin(connection, event);
    if (event.type === "connect") this.#turns.expect(connection.share, Work.connect);
    const at = event.type === "message" ? this.#tools.now() : undefined;
    connection.backlog.push({ event, at });
    if (!connection.isBusy) this.#waitForTurn(connection);
  }

  /** Disconnects every client with Server shutting down. Open no connections afterwards. */
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

  /** Reports an error that no caller can catch; `what` says what was being done. Never throws. */
  report(error: unknown, what: string, client?: ClientInfo): void {
    this.#errors.report(error, what, client);
  }

  /** Counted before the next event, so that a client that sends much waits behind the others. */
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

  /** Makes further events wait in the backlog. */
  #pause(connection: BrokerConnection): void {
    connection.isBusy = true;
    connection.busySince = this.#tools.now();
    connection.protocol.pause();
  }

  /** Handles the backlog in another turn. */
  #waitForTurn(connection: BrokerConnection): void {
    this.#pause(connection);
    this.#turns.wait(connection.share, () => this.#goOn(connection));
  }

  /** Handles the backlog, when a hook has answered or the connection's turn has come. */
  #goOn(connection: BrokerConnection): void {
    connection.isBusy = false;
    // When the client is gone and a hook has timed out, the hook is not called for the remaining
    // requests: otherwise the connection would be kept for one timeout after another.
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
   * Closes a connection that cannot be served, because its client's Maximum Packet Size leaves no
   * room for an answer, or because of an internal error, which is reported.
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

  /** Handles an event that came at `at`, now by default. Returns a promise only if a hook does. */
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
        this.#turns.count(Work.connect);
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
        this.#release(event.message);
        this.#deliverRetained(connection);
        return undefined;
      case "discarded":
        this.#discarded(connection, event);
        this.#release(event.message);
        this.#deliverRetained(connection);
        return undefined;
      case "closed":
        return this.#closed(connection, event.cause);
      default:
        return undefined;
    }
  }

  /**
   * Releases the memory of a message that is delivered or dropped, and deletes it from the store.
   */
  #release(message: OutgoingMessage): void {
    if (!(message instanceof QueuedMessage)) return;
    message.release();
    this.#store?.deleteMessage(message);
  }

  #discarded({ session }: BrokerConnection, { message, cause }: DiscardedEvent): void {
    if (cause.kind === "expired" || session === undefined) return;
    this.#router.drop(session, message.packet as PublishPacket, "too large");
  }

  #connect(connection: BrokerConnection, packet: ConnectPacket): Promise<void> | undefined {
    // It may have gone while its CONNECT waited for a turn.
    if (connection.protocol.isClosed) return undefined;
    if (this.#connections.size <= this.limits.connections) {
      return this.#connectHandler.receive(connection, packet);
    }
    connection.protocol.refuse(ReasonCode.serverBusy, {
      reasonString: "The server is at its connection limit",
    });
    return undefined;
  }

  /**
   * Discards the results of `authorizeDelivery` for a client, or for all, and calls the hook again
   * for the messages that are queued.
   */
  clearAuthorizations(clientId?: string): void {
    for (const session of this.#sessions.some(clientId)) {
      if (session.verdicts === undefined) continue;
      const verdicts = session.verdicts = new Verdicts();
      const refused = this.#deliveries.refusedOf(session, session.client, verdicts);
      if (!isPromise(refused)) this.#dropQueued(session, refused);
      else {
        void refused.then((topics) => this.#dropQueued(session, topics))
          .catch((error) => this.report(error, "clearAuthorizations", session.client));
      }
    }
  }

  /** Drops the queued messages of these topics, which the client may no longer receive. */
  #dropQueued({ state }: BrokerSession, topics: ReadonlySet<string>): void {
    if (topics.size === 0) return;
    for (const message of state.sendQueue.takeOut(({ packet }) => topics.has(packet.topic))) {
      this.#release(message);
    }
  }

  /** Goes on delivering retained messages, now that there is room in the queue. */
  #deliverRetained({ session }: BrokerConnection): void {
    if (session?.retainedCursors !== undefined) this.#retainedDelivery.deliver(session);
  }

  #closed(connection: BrokerConnection, cause: CloseCause): undefined {
    this.#connections.delete(connection);
    this.#clients.delete(connection);
    try {
      this.#sessions.leave(connection, cause);
    } finally {
      this.#reportDisconnect(connection, cause);
    }
    return undefined;
  }

  /** Calls `onDisconnect` once; for a takeover, before `onConnect` of the new connection. */
  #reportDisconnect(connection: BrokerConnection, cause: CloseCause): void {
    if (connection.session === undefined || connection.isDisconnectReported) return;
    connection.isDisconnectReported = true;
    this.#hooks.onDisconnect(connection.client!, closeReason(cause));
  }
}

function atOnce(work: () => void): void {
  work();
}

/** Whether a CONNECT has byte arrays, which are views of the received chunk. */
function hasBytes({ password, will, properties }: ConnectPacket): boolean {
  return password !== undefined || will !== undefined ||
    properties.authenticationData !== undefined;
}

/** Whether an event is a request of the client, for which hooks may be called. */
function isRequest({ type }: ConnectionEvent): boolean {
  return type === "message" || type === "subscribe" || type === "unsubscribe" || type === "auth";
}

/** The part of the memory that is reserved for small connections and sessions. */
const RESERVED = 1 / 2;

/** The part of the memory that no new connection or session may use. */
const LEFT = 1 / 8;

/** Connections of up to this many bytes may use the reserve: TLS and a packet in progress. */
const SMALL = 131_072;

/** Connections beyond the limit that are accepted at the same time only to be refused. */
const REFUSED_AT_ONCE = 64;
