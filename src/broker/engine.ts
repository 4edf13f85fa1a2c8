// The broker without sockets: dispatches the events of each connection to their handlers, in order
// and in turns. Pure apart from its hooks: time comes from the clock it is given, and bytes go in
// and out through the connections.

import { PacketTooLargeError } from "../errors.ts";
import {
  type ConnectPacket,
  type ProtocolVersion,
  type PublishPacket,
  ReasonCode,
  type ReasonCodeOf,
} from "../packets/mod.ts";
import type {
  CloseCause,
  ConnectionEvent,
  DiscardedEvent,
  MessageEvent,
} from "../session/events.ts";
import type { PeerInfo } from "../session/peer.ts";
import type { MessageContent } from "../session/publish_packet.ts";
import { ServerConnection } from "../session/server_connection.ts";
import { PROTOCOL_VERSIONS } from "../wire/protocol_version.ts";
import { Account } from "./account.ts";
import { AddressCounts } from "./address_counts.ts";
import type { Allowance } from "./allowance.ts";
import { closeReason } from "./close_reason.ts";
import type { Store } from "./durability/store.ts";
import {
  type ConnectedClient,
  connectedClient,
  type DisconnectClientOptions,
  disconnectPacket,
} from "./connected_clients.ts";
import { isPromise } from "./is_promise.ts";
import type { BrokerLimits } from "./limits.ts";
import type { LocalPublishOptions, LocalPublishResult } from "./local_publisher.ts";
import { BrokerConnection } from "./model.ts";
import type { BrokerOptions, ClientInfo, Refusal } from "./options.ts";
import { CANNOT_BE_ANSWERED, refusalOf } from "./refusals.ts";
import { dropQueued, releaseMessage } from "./releasing.ts";
import { connectionBytes } from "./sizes.ts";
import { Share, Work } from "./turns.ts";
import { Verdicts } from "./verdicts.ts";
import { type EngineTools, type Parts, wire } from "./wiring.ts";

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
  readonly #store: Store | undefined;
  readonly #parts: Parts;
  readonly #connections = new Set<BrokerConnection>();
  readonly #addresses = new AddressCounts();
  /** Those of them that have been accepted. */
  readonly #clients = new Set<BrokerConnection>();
  /** Counts work that is not done for a particular client. */
  readonly #share = new Share();

  /**
   * Without a `store` nothing is persisted.
   *
   * @throws {TypeError} when an option is wrong
   * @throws {RangeError} when an option is out of its range
   */
  constructor(options: BrokerOptions, tools: EngineTools, store?: Store) {
    this.#options = options;
    this.#tools = tools;
    this.#store = store;
    this.#parts = wire(options, tools, store, {
      onFailed: (connection, error) => this.fail(connection, error),
      onTakenOver: (connection, cause) => {
        this.#reportDisconnect(connection, cause);
        this.#parts.wakeQueue.add(connection);
      },
      onAccepted: (connection) => {
        connection.acceptedAt = tools.now();
        this.#clients.add(connection);
        this.#deliverRetained(connection);
      },
    });
    this.limits = this.#parts.limits;
    this.handshakes = this.#parts.handshakes;
  }

  /** When to call {@linkcode BrokerEngine.tick}. */
  get deadline(): number {
    return this.#parts.timers.deadline;
  }

  /** Numbers that describe its present state. */
  get statistics(): BrokerStatistics {
    const { sessions, router, retained, memory } = this.#parts;
    return {
      clients: this.#clients.size,
      sessions: sessions.size,
      subscriptions: router.table.size,
      retained: retained.size,
      dropped: router.dropped,
      memory: memory.bytes,
    };
  }

  /**
   * Whether there is room for another connection. If not, close it at once, as nothing can be sent
   * before CONNECT. A few connections beyond the limit have room, so that they can be refused with
   * a Reason Code.
   */
  hasRoomFor(peer: PeerInfo): boolean {
    const { connections, connectionsPerAddress } = this.limits;
    const hasPlace = this.#connections.size < connections + REFUSED_AT_ONCE &&
      this.#addresses.of(this.#networkOf(peer)) < connectionsPerAddress + REFUSED_AT_ONCE;
    return hasPlace && this.#parts.memory.hasRoomToOpen(connectionBytes(peer));
  }

  /** Whether nothing is kept of the bytes that a connection was given last. */
  isDoneWith(connection: BrokerConnection): boolean {
    // What is in the backlog waits for a hook, or for the connection's turn: then it is busy.
    if (connection.isBusy) return false;
    const { hasShownBytes } = connection;
    connection.hasShownBytes = false;
    return !hasShownBytes && connection.protocol.unread === 0;
  }

  /** Releases the memory of a connection whose drive has finished. */
  close(connection: BrokerConnection): void {
    connection.account.close();
  }

  /**
   * Adds a connection, whose client may speak one of these versions, by default those of the
   * options. Its events are to be given to {@linkcode BrokerEngine.handle}.
   */
  open(
    peer: PeerInfo,
    wake: () => void,
    versions: readonly ProtocolVersion[] = this.#options.versions ?? PROTOCOL_VERSIONS,
  ): BrokerConnection {
    const { maximumPacketSize, connectTimeout, connectBytes } = this.limits;
    const { filtersPerPacket, userPropertiesPerPacket } = this.limits;
    const { topicAliases } = this.#options;
    const memory = new Account(this.#parts.memory, { small: SMALL });
    memory.charge(connectionBytes(peer));
    const options = {
      ...{ maximumPacketSize, connectTimeout, connectBytes, topicAliases, memory },
      ...{ filtersPerPacket, userPropertiesPerPacket, packetsPerCall: PACKETS_PER_CALL },
      acceptedVersions: versions,
    };
    const protocol = new ServerConnection(this.#tools.now(), options);
    const { allowances } = this.#parts;
    const allowance = allowances.areLimited ? allowances.begin() : undefined;
    const network = this.#networkOf(peer);
    const connection = new BrokerConnection(
      ...[protocol, memory, peer, wake, versions, network, allowance] as const,
    );
    this.#connections.add(connection);
    this.#addresses.add(network);
    return connection;
  }

  /**
   * The bytes to be written to a client now. Use it in place of the protocol's own `takeBytes()`:
   * it holds back what is not committed yet.
   */
  takeBytes(connection: BrokerConnection): Uint8Array<ArrayBuffer> | undefined {
    const { commits } = this.#parts;
    return commits === undefined ? connection.protocol.takeBytes() : commits.takeBytes(connection);
  }

  /** Commits all changes to the store, if there is one. */
  commit(): void {
    this.#parts.commits?.commit();
  }

  /**
   * Runs the timers that are due, as many as there is time for in a turn. If some are left, the
   * deadline stays in the past.
   */
  tick(): void {
    const { turns, timers } = this.#parts;
    turns.begin(this.#share);
    timers.run(
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
    if (event.type === "closed") {
      connection.cause = event.cause;
      connection.wait?.end();
    }
    if (event.type === "more") this.#countPackets(connection);
    const { turns } = this.#parts;
    // Settling a message is little work, and "more" bounds how often it happens in a row.
    const isNow = !turns.isOver || event.type === "settled";
    if (!connection.isBusy && isNow) return this.#begin(connection, event);
    if (event.type === "connect") turns.expect(connection.share, Work.connect);
    const at = event.type === "message" ? this.#tools.now() : undefined;
    connection.backlog.push({ event, at });
    if (!connection.isBusy) this.#waitForTurn(connection);
  }

  /** Publishes a message of the program that runs the broker. */
  async publish(
    topic: string,
    content: string | Uint8Array | MessageContent,
    options: LocalPublishOptions,
  ): Promise<LocalPublishResult> {
    return await this.#parts.localPublisher.publish(topic, content, options);
  }

  /** The clients that are connected; `lead` is that of the engine's clock. */
  clients(lead: number): ConnectedClient[] {
    return Array.from(this.#clients)
      .filter((connection) => connection.session?.connection === connection)
      .map((connection) => connectedClient(connection, lead));
  }

  /** Disconnects a client. False when it is not connected. */
  disconnect(
    clientId: string,
    reasonCode: ReasonCodeOf<"disconnect">,
    options: DisconnectClientOptions,
  ): boolean {
    const packet = disconnectPacket(reasonCode, options);
    const connection = this.#parts.sessions.get(clientId)?.connection;
    if (connection === undefined || connection.protocol.isClosed) return false;
    connection.protocol.disconnect(packet);
    connection.wake();
    return true;
  }

  /** Disconnects every client with Server shutting down. Open no connections afterwards. */
  async shutDown(): Promise<void> {
    const { turns, localPublisher } = this.#parts;
    localPublisher.shutDown();
    await turns.forEach(this.#share, this.#connections, (connection) => {
      turns.count(Work.write);
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
    this.#parts.errors.report(error, what, client);
  }

  /** Counted before the next event, so that a client that sends much waits behind the others. */
  #countPackets(connection: BrokerConnection): void {
    const { turns } = this.#parts;
    turns.begin(connection.share);
    turns.count(Work.look * PACKETS_PER_CALL);
  }

  #begin(connection: BrokerConnection, event: ConnectionEvent, at?: number): void {
    this.#parts.turns.begin(connection.share);
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
    this.#parts.turns.wait(connection.share, () => this.#goOn(connection));
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
      if (!connection.isBusy && connection.backlog.length > 0 && this.#parts.turns.isOver) {
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
    if (error instanceof PacketTooLargeError) protocol.breakOff(CANNOT_BE_ANSWERED);
    else {
      this.report(error, "the connection", connection.client);
      try {
        protocol.abort(error);
      } catch (next) {
        this.report(next, "the connection", connection.client);
      }
    }
    this.#parts.wakeQueue.add(connection);
  }

  /** Handles an event that came at `at`, now by default. Returns a promise only if a hook does. */
  #process(
    connection: BrokerConnection,
    event: ConnectionEvent,
    at?: number,
  ): Promise<void> | undefined {
    switch (event.type) {
      case "message":
        return connection.allowance === undefined
          ? this.#parts.publishHandler.receive(connection, event, at)
          : this.#receiveSlowly(connection, connection.allowance, event, at);
      case "more":
        connection.protocol.proceed(this.#tools.now());
        return undefined;
      case "connect":
        this.#parts.turns.count(Work.connect);
        connection.hasShownBytes = hasBytes(event.packet);
        return this.#connect(connection, event.packet);
      case "auth":
        connection.hasShownBytes = true;
        return this.#parts.connectHandler.receiveAuth(connection, event.packet);
      case "subscribe":
        return this.#parts.subscribeHandler.subscribe(connection, event.packet);
      case "unsubscribe":
        return this.#parts.subscribeHandler.unsubscribe(connection, event.packet);
      case "settled":
        releaseMessage(event.message, this.#store);
        this.#deliverRetained(connection);
        return undefined;
      case "discarded":
        this.#discarded(connection, event);
        releaseMessage(event.message, this.#store);
        this.#deliverRetained(connection);
        return undefined;
      case "closed":
        return this.#closed(connection, event.cause);
      default:
        return undefined;
    }
  }

  /** Handles a message when the client may publish it. */
  #receiveSlowly(
    connection: BrokerConnection,
    allowance: Allowance,
    event: MessageEvent,
    at: number | undefined,
  ): Promise<void> | undefined {
    const { publishHandler, allowances } = this.#parts;
    const wait = connection.protocol.isClosed ? undefined : allowances.wait(allowance);
    if (wait === undefined) {
      allowances.spend(allowance, event.packet);
      return publishHandler.receive(connection, event, at);
    }
    const arrivedAt = at ?? this.#tools.now();
    connection.wait = wait;
    connection.protocol.slowDown();
    return wait.isOver.then(() => {
      // No hook has let the time pass.
      connection.busySince = this.#tools.now();
      allowances.spend(allowance, event.packet);
      return publishHandler.receive(connection, event, arrivedAt);
    });
  }

  #networkOf({ address }: PeerInfo): string | undefined {
    return this.#tools.networkOf?.(address);
  }

  #discarded({ session }: BrokerConnection, { message, cause }: DiscardedEvent): void {
    if (cause.kind === "expired" || session === undefined) return;
    this.#parts.router.drop(session, message.packet as PublishPacket, "too large");
  }

  #connect(connection: BrokerConnection, packet: ConnectPacket): Promise<void> | undefined {
    // It may have gone while its CONNECT waited for a turn.
    if (connection.protocol.isClosed) return undefined;
    const { connections, connectionsPerAddress } = this.limits;
    if (this.#addresses.of(connection.network) > connectionsPerAddress) {
      const reasonString = "There are too many connections from this address";
      connection.protocol.refuse(ReasonCode.quotaExceeded, { reasonString });
      return undefined;
    }
    if (this.#connections.size <= connections) {
      return this.#parts.connectHandler.receive(connection, packet);
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
    for (const session of this.#parts.sessions.some(clientId)) {
      if (session.verdicts === undefined) continue;
      const verdicts = session.verdicts = new Verdicts();
      const refused = this.#parts.deliveries.refusedOf(session, session.client, verdicts);
      if (!isPromise(refused)) dropQueued(session, refused, this.#store);
      else {
        void refused.then((topics) => dropQueued(session, topics, this.#store))
          .catch((error) => this.report(error, "clearAuthorizations", session.client));
      }
    }
  }

  /** Goes on delivering retained messages, now that there is room in the queue. */
  #deliverRetained({ session }: BrokerConnection): void {
    if (session?.retainedCursors !== undefined) this.#parts.retainedDelivery.deliver(session);
  }

  #closed(connection: BrokerConnection, cause: CloseCause): undefined {
    if (this.#connections.delete(connection)) this.#addresses.remove(connection.network);
    this.#clients.delete(connection);
    try {
      this.#parts.sessions.leave(connection, cause);
    } finally {
      if (connection.session === undefined) this.#reportRefusal(connection, cause);
      else this.#reportDisconnect(connection, cause);
    }
    return undefined;
  }

  /** Calls `onRefused` for a connection that the engine was never given. */
  reportRefused(refusal: Refusal): void {
    this.#parts.hooks.onRefused(refusal);
  }

  #reportRefusal(connection: BrokerConnection, cause: CloseCause): void {
    const { hooks } = this.#parts;
    const refusal = hooks.hasOnRefused ? refusalOf(connection, cause) : undefined;
    if (refusal !== undefined) hooks.onRefused(refusal);
  }

  /** Calls `onDisconnect` once; for a takeover, before `onConnect` of the new connection. */
  #reportDisconnect(connection: BrokerConnection, cause: CloseCause): void {
    if (connection.session === undefined || connection.isDisconnectReported) return;
    connection.isDisconnectReported = true;
    this.#parts.hooks.onDisconnect(connection.client!, closeReason(cause));
  }
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

/** Connections of up to this many bytes may use the reserve: TLS and a packet in progress. */
const SMALL = 131_072;

/** Connections beyond the limit that are accepted at the same time only to be refused. */
const REFUSED_AT_ONCE = 64;
