// The broker without its sockets: who is there, which session is whose, who may do what. Pure but
// for its hooks: time comes from the clock that it is given, bytes go in and out by the
// connections.

import { PacketTooLargeError } from "../errors.ts";
import {
  type ConnectPacket,
  type PublishPacket,
  reasonCodeName,
  type ReasonCodeOf,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubscribePacket,
} from "../packets/mod.ts";
import type {
  CloseCause,
  ConnectionEvent,
  DiscardedEvent,
  MessageEvent,
} from "../session/events.ts";
import { expiryOf, OutgoingMessage } from "../session/outgoing_message.ts";
import type { PeerInfo } from "../session/peer.ts";
import { Queue } from "../session/queue.ts";
import type { PendingAcknowledgement } from "../session/pending_acknowledgement.ts";
import { ServerConnection } from "../session/server_connection.ts";
import { parseSharedSubscription } from "../topics.ts";
import { Account } from "./account.ts";
import { Timers } from "./timers.ts";
import { DeliveryAuthorizer, type MayHave } from "./delivery_authorizer.ts";
import { ConnectHandler } from "./connecting.ts";
import { ErrorReporter } from "./error_reporter.ts";
import { type Answer, CommitBeforeWrite } from "./durability/commit_before_write.ts";
import type { Store } from "./durability/store.ts";
import { BrokerConnection } from "./broker_connection.ts";
import { Hooks } from "./hooks.ts";
import { isPromise } from "./is_promise.ts";
import { QueuedMessage } from "./routing/queued_message.ts";
import type { BrokerSession } from "./broker_session.ts";
import {
  type BrokerLimits,
  type BrokerOptions,
  checkOptions,
  type ClientInfo,
  limitsWith,
} from "./options.ts";
import { isReserved } from "./reserved_topics.ts";
import { RetainedMessages } from "./retained/messages.ts";
import { RetainedDelivery } from "./retained/delivery.ts";
import { Router, type RoutingCode } from "./routing/router.ts";
import { Sessions } from "./sessions.ts";
import { connectionBytes, subscriptionBytes } from "./sizes.ts";
import type { Subscription } from "./routing/subscriptions.ts";
import { levelsOf } from "./routing/topic_tree.ts";
import { Verdicts } from "./verdicts.ts";
import { Share, Turns, Work } from "./turns.ts";

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

/** A broker's middle. */
export class BrokerEngine {
  readonly limits: BrokerLimits;
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
  readonly #connections = new Set<BrokerConnection>();
  /** Those of them that have been let in. */
  readonly #clients = new Set<BrokerConnection>();
  readonly #turns: Turns;
  /** What is done for nobody in particular. */
  readonly #share = new Share();
  /** All that clients make the broker keep. */
  readonly #memory: Account;
  /** Connections with something to send that was not asked for by themselves. */
  readonly #sending = new Queue<BrokerConnection>();
  #isWaking = false;

  /** `store` is what survives the broker. */
  constructor(options: BrokerOptions, tools: EngineTools, store?: Store) {
    checkOptions(options);
    this.limits = limitsWith(options.limits);
    const { memory, retainedMessages, retainedBytes } = this.limits;
    const reserve = memory === Infinity ? 0 : memory * RESERVED;
    this.#memory = new Account(undefined, { limit: memory, reserve });
    this.#options = options;
    this.#tools = tools;
    this.#store = store;
    const { now, warn } = tools;
    this.#errors = new ErrorReporter({ hooks: options, timers: this.#timers, now, warn });
    this.#hooks = new Hooks({
      ...{ hooks: options, timers: this.#timers, now },
      ...{ timeout: this.limits.hookTimeout, report: this.#errors.report },
    });
    this.#deliveries = new DeliveryAuthorizer({ hooks: this.#hooks, timers: this.#timers, now });
    this.#turns = new Turns(
      tools.onNextTurn ?? queueMicrotask,
      (error) => this.report(error, "a turn"),
    );
    const retained = new Account(this.#memory, { limit: retainedBytes });
    this.#retained = new RetainedMessages(this.#timers, retainedMessages, store, retained);
    this.#commits = store && new CommitBeforeWrite({
      store,
      restoreRetained: (topic, before) => this.#retained.restore(topic, before),
      wakeLater: (connection) => this.#wakeLater(connection),
      acknowledge: (connection, acknowledgement, answer) =>
        this.#answerLater(connection, acknowledgement, answer),
      atEndOfTurn: tools.atEndOfTurn ?? queueMicrotask,
    });
    this.#router = new Router({
      now: tools.now,
      overlapping: options.overlapping ?? "one copy",
      turns: this.#turns,
      onSending: (connection) => this.#wakeLater(connection),
      onFailed: (connection, error) => this.fail(connection, error),
      mayQueue: (session) => this.#commits?.mayQueue(session) ?? true,
      onQueued: (session, message) => this.#commits?.keep(session, message),
      onExpired: (message) => this.#forget(message),
      memory: this.#memory,
      onDropped: ({ client }, message, why) => this.#hooks.onDropped(client, message, why),
    });
    this.#retainedDelivery = new RetainedDelivery({
      retained: this.#retained,
      router: this.#router,
      deliveries: this.#deliveries,
      turns: this.#turns,
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
      publishWill: (session, will) => this.#distributeWill(willPacket(will), session),
    });
    this.#connectHandler = new ConnectHandler({
      options,
      limits: this.limits,
      hooks: this.#hooks,
      sessions: this.#sessions,
      hasOwners: this.#hooks.hasAuthenticate || this.#hooks.hasSteps ||
        options.sessionOwner !== undefined ||
        tools.hasCertificateUsernames === true,
      newClientId: tools.newClientId,
      canKeepSessions: () => this.#commits?.canKeepSessions ?? true,
      onLeft: (connection, cause) => {
        this.#tellLeft(connection, cause);
        this.#wakeLater(connection);
      },
      deliveries: this.#deliveries,
      takeOut: (session, topics) => this.#takeOut(session, topics),
      onEntered: (connection) => {
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
    if (!connection.isBusy && !this.#turns.isOver) return this.#begin(connection, event);
    connection.backlog.push({ event, at: this.#tools.now() });
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
        connection.protocol.disconnect({ type: "disconnect", reasonCode: 0x8b });
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
    this.#wakeLater(connection);
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
        return this.#publish(connection, event, at);
      case "more":
        this.#turns.count(Work.look * PACKETS_PER_CALL);
        connection.protocol.proceed(this.#tools.now());
        return undefined;
      case "connect":
        return this.#connect(connection, event.packet);
      case "auth":
        return this.#connectHandler.goOn(connection, event.packet);
      case "subscribe":
        return this.#subscribe(connection, event.packet);
      case "unsubscribe":
        return this.#unsubscribe(connection, event.packet);
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

  #discarded({ session }: BrokerConnection, { message, why }: DiscardedEvent): void {
    if (why.reason === "expired" || session === undefined) return;
    this.#router.drop(session, message.packet as PublishPacket, "too large");
  }

  #connect(connection: BrokerConnection, packet: ConnectPacket): Promise<void> | undefined {
    if (this.#connections.size <= this.limits.connections) {
      return this.#connectHandler.receive(connection, packet);
    }
    connection.protocol.refuse(0x89, { reasonString: "There are too many connections" });
    return undefined;
  }

  #publish(
    connection: BrokerConnection,
    { packet, acknowledgement }: MessageEvent,
    at?: number,
  ): Promise<void> | undefined {
    const { topicLevels } = this.limits;
    // Between two levels there is a character: most topics need not be looked at.
    if (packet.topic.length >= topicLevels && levelsOf(packet.topic) > topicLevels) {
      return this.#answer(connection, acknowledgement, 0x90, "The topic has too many levels");
    }
    if (isReserved(packet.topic, this.#options)) {
      if (acknowledgement === undefined) this.#router.dropped++;
      return this.#answer(
        connection,
        acknowledgement,
        0x87,
        "The topic is the server's own (§4.7.2)",
      );
    }
    if (packet.qos === 2 && connection.session?.countReceived() === false) {
      return this.#answer(
        connection,
        acknowledgement,
        0x97,
        "Too many messages have not been released",
      );
    }
    const isExpiring = packet.properties.messageExpiryInterval !== undefined;
    const arrivedAt = isExpiring ? at ?? this.#tools.now() : 0;
    return this.#hooks.authorizePublish(connection.client!, packet, (code) => {
      if (code >= 0x80) {
        return void this.#answer(connection, acknowledgement, code, "May not be published");
      }
      return this.#askWhoMayHave(
        packet,
        (mayHave) => this.#spread(connection, packet, { acknowledgement, arrivedAt, mayHave }),
      );
    });
  }

  /** Brings a message to who wants it, and acknowledges it. */
  #spread(
    connection: BrokerConnection,
    packet: PublishPacket,
    { acknowledgement, arrivedAt, mayHave }: {
      readonly acknowledgement: PendingAcknowledgement | undefined;
      readonly arrivedAt: number;
      readonly mayHave: MayHave;
    },
  ): undefined {
    const isExpiring = packet.properties.messageExpiryInterval !== undefined;
    const message = isExpiring ? this.#afterWaiting(packet, arrivedAt) : packet;
    // [MQTT-3.3.2-5]
    if (message === undefined) return this.#answer(connection, acknowledgement, 0x00);
    const distribute = () => this.#distribute(connection, message, mayHave);
    const answer = acknowledgement === undefined || this.#commits === undefined
      ? distribute()
      : this.#commits.publish(connection, acknowledgement, message.retain, distribute);
    if (answer !== undefined) {
      this.#answer(connection, acknowledgement, answer.reasonCode, answer.reasonString);
    }
    return undefined;
  }

  /** Brings a message of a client to those who want it. Returns what is to be said to it. */
  #distribute(
    connection: BrokerConnection,
    message: PublishPacket,
    mayHave: MayHave,
  ): Answer {
    this.#retainedDelivery.precede(message.topic, mayHave);
    if (message.retain && !this.#retain(message)) {
      return { reasonCode: 0x97, reasonString: "Too many messages are retained" };
    }
    this.#hooks.onMessage(connection.client, message);
    const code = this.#router.route(message, connection.session, mayHave);
    // What is retained has been taken, whoever had no room for it.
    return code === 0x97 && message.retain ? WANTED : ANSWERS[code];
  }

  /** Asks, if somebody is to be asked, who of those that want a message may have it. */
  #askWhoMayHave(
    packet: PublishPacket,
    then: (mayHave: MayHave) => undefined,
  ): Promise<void> | undefined {
    if (!this.#deliveries.isAsked) return then(undefined);
    const mayHave = this.#deliveries.among(packet, this.#router.table.match(packet.topic));
    return isPromise(mayHave) ? mayHave.then(then) : then(mayHave);
  }

  /**
   * A message that may have waited for a hook, with what is left of its time, if any is
   * [MQTT-3.3.2-6].
   */
  #afterWaiting(packet: PublishPacket, arrivedAt: number): PublishPacket | undefined {
    const now = this.#tools.now();
    if (now === arrivedAt) return packet;
    const message = new OutgoingMessage(packet, expiryOf(packet, arrivedAt));
    message.countDown(now);
    return message.expiresAt <= now ? undefined : message.packet as PublishPacket;
  }

  /**
   * Acknowledges a message, or refuses it; at QoS 0 there is no way to say so. Its client may have
   * come back on another connection while a hook was asked: at QoS 2 that is where it waits for the
   * answer.
   */
  #answer(
    connection: BrokerConnection,
    acknowledgement: PendingAcknowledgement | undefined,
    reasonCode: ReasonCodeOf<"puback">,
    reasonString?: string,
  ): undefined {
    if (acknowledgement === undefined) return undefined;
    const current = connection.session?.connection ?? connection;
    const properties = reasonString === undefined ? undefined : { reasonString };
    current.protocol.acknowledge(acknowledgement, reasonCode, properties);
    if (current !== connection) current.wake();
    return undefined;
  }

  /** Likewise, what had to be stored first. */
  #answerLater(
    connection: BrokerConnection,
    acknowledgement: PendingAcknowledgement,
    { reasonCode, reasonString }: Answer,
  ): void {
    const current = connection.session?.connection ?? connection;
    try {
      this.#answer(connection, acknowledgement, reasonCode, reasonString);
      this.#wakeLater(current);
    } catch (error) {
      this.fail(current, error);
    }
  }

  /** A message of the broker's own making: a Will. */
  #distributeWill(packet: PublishPacket, publisher: BrokerSession): void {
    const asked = this.#askWhoMayHave(packet, (mayHave) => {
      this.#retainedDelivery.precede(packet.topic, mayHave);
      if (packet.retain) this.#retain(packet);
      this.#hooks.onMessage(publisher.client, packet);
      this.#router.route(packet, publisher, mayHave);
    });
    void asked?.catch((error) => this.report(error, "a Will", publisher.client));
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

  #retain(packet: PublishPacket): boolean {
    const before = this.#retained.get(packet.topic);
    const isDone = this.#setRetained(packet);
    if (isDone) this.#commits?.retain(packet.topic, before);
    return isDone;
  }

  #setRetained(packet: PublishPacket): boolean {
    if (packet.payload.length > 0) {
      const isExpiring = packet.properties.messageExpiryInterval !== undefined;
      const expiresAt = isExpiring ? expiryOf(packet, this.#tools.now()) : Infinity;
      return this.#retained.set(packet, expiresAt);
    }
    this.#retained.delete(packet.topic);
    return true;
  }

  /**
   * One that was taken over while a hook was asked has nothing to say about the session any more,
   * which may have ended.
   */
  #subscribe(connection: BrokerConnection, packet: SubscribePacket): Promise<void> | undefined {
    const session = connection.session!;
    connection.protocol.checkAnswer(packet);
    const { subscriptionIdentifiers: [identifier] = [] } = packet.properties;
    return this.#hooks.authorizeSubscribe(connection.client!, packet.subscriptions, (verdicts) => {
      const added: Added[] = [];
      const add = (request: SubscriptionRequest, index: number): ReasonCodeOf<"suback"> => {
        const { topicFilter } = request;
        const before = session.subscriptions.get(topicFilter);
        const isNew = before === undefined;
        const verdict = verdicts[index]!;
        if (verdict >= 0x80) return verdict;
        const shared = parseSharedSubscription(topicFilter);
        const levels = levelsOf(shared?.topicFilter ?? topicFilter);
        if (levels > this.limits.topicLevels) return 0x8f;
        if (isNew && session.subscriptions.size >= this.limits.subscriptionsPerSession) return 0x97;
        const bytes = subscriptionBytes(topicFilter);
        if (isNew && !session.subscriptionAccount.tryCharge(bytes)) return 0x97;
        const subscription: Subscription<BrokerSession> = {
          subscriber: session,
          request,
          identifier,
        };
        session.subscriptions.set(topicFilter, subscription);
        this.#router.table.add(subscription);
        if (session.lifetime > 0) this.#store?.saveSubscription(subscription);
        added.push({ subscription, before, index });
        return request.qos;
      };
      const reasonCodes: ReasonCodeOf<"suback">[] = [];
      return this.#turns.forEach(connection.share, packet.subscriptions, (request, index) => {
        if (session.connection !== connection) return;
        this.#turns.count(Work.subscription);
        reasonCodes.push(add(request, index));
      }, () => {
        if (session.connection !== connection) return;
        if (!this.#isStored(session)) {
          for (const each of added.splice(0).toReversed()) {
            this.#takeBack(each);
            reasonCodes[each.index] = 0x97;
          }
        }
        connection.protocol.suback(packet, reasonCodes);
        for (const { subscription, before } of added) {
          this.#sendRetained(subscription, before === undefined);
        }
        this.#retainedDelivery.feed(session);
      });
    });
  }

  /** Whether all that has been asked for a session is stored, where it is to be. */
  #isStored({ lifetime }: BrokerSession): boolean {
    return lifetime === 0 || this.#commits === undefined || this.#commits.commit();
  }

  /** A subscription could not be stored: it is as it was before. */
  #takeBack({ subscription, before }: Added): void {
    const { subscriber, request: { topicFilter } } = subscription;
    if (before !== undefined) return this.#restore(before);
    subscriber.subscriptions.delete(topicFilter);
    subscriber.subscriptionAccount.release(subscriptionBytes(topicFilter));
    this.#router.table.remove(subscriber, topicFilter);
    this.#store?.deleteSubscription(subscriber, topicFilter);
  }

  #restore(subscription: Subscription<BrokerSession>): void {
    subscription.subscriber.subscriptions.set(subscription.request.topicFilter, subscription);
    this.#router.table.add(subscription);
    this.#store?.saveSubscription(subscription);
  }

  #sendRetained(subscription: Subscription<BrokerSession>, isNew: boolean): void {
    const { topicFilter, retainHandling } = subscription.request;
    // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]; a Shared Subscription gets none (§4.8.2).
    if (retainHandling === 2 || retainHandling === 1 && !isNew) return;
    if (parseSharedSubscription(topicFilter) !== undefined) return;
    this.#retainedDelivery.start(subscription);
  }

  /** What waited for a session has gone: there may be retained messages that it is still to get. */
  #feedMore({ session }: BrokerConnection): void {
    if (session?.retainedCursors !== undefined) this.#retainedDelivery.feed(session);
  }

  #unsubscribe(connection: BrokerConnection, packet: UnsubscribePacket): Promise<void> | undefined {
    const session = connection.session!;
    if (session.connection !== connection) return undefined;
    connection.protocol.checkAnswer(packet);
    const entries: (Subscription<BrokerSession> | undefined)[] = [];
    const remove = (topicFilter: string) => {
      const subscription = session.subscriptions.get(topicFilter);
      if (!session.subscriptions.delete(topicFilter)) return undefined;
      session.subscriptionAccount.release(subscriptionBytes(topicFilter));
      this.#router.table.remove(session, topicFilter);
      this.#store?.deleteSubscription(session, topicFilter);
      return subscription;
    };
    const { topicFilters } = packet;
    return this.#turns.forEach(connection.share, topicFilters, (topicFilter) => {
      if (session.connection !== connection) return;
      this.#turns.count(Work.subscription);
      entries.push(remove(topicFilter));
    }, () => {
      if (session.connection !== connection) return;
      const isStored = this.#isStored(session);
      const reasonCodes = topicFilters.map((topicFilter, index) => {
        const subscription = entries[index];
        if (subscription === undefined) return 0x11;
        if (isStored) this.#retainedDelivery.stop(session, topicFilter);
        else {
          session.subscriptionAccount.charge(subscriptionBytes(topicFilter));
          this.#restore(subscription);
        }
        return isStored ? 0x00 : 0x83;
      });
      connection.protocol.unsuback(packet, reasonCodes);
    });
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
    this.#hooks.onDisconnect(connection.client!, reasonOf(cause));
  }

  /** Wakes a connection when all that has come together has been routed: one write for all of it. */
  #wakeLater(connection: BrokerConnection): void {
    if (connection.isToBeWoken) return;
    connection.isToBeWoken = true;
    this.#sending.push(connection);
    if (this.#isWaking) return;
    this.#isWaking = true;
    queueMicrotask(() => this.#wakeAll());
  }

  /**
   * Wakes as many as there is time for in this turn: for the others more comes together meanwhile.
   */
  #wakeAll(): void {
    for (
      let connection = this.#sending.first;
      connection !== undefined;
      connection = this.#sending.first
    ) {
      if (this.#turns.isOver) return this.#turns.waitForAll(() => this.#wakeAll());
      this.#sending.shift();
      connection.isToBeWoken = false;
      this.#turns.count(Work.write);
      connection.wake();
    }
    this.#isWaking = false;
  }
}

/** Whether a client wants something from the broker, so that hooks may be asked. */
function isRequest({ type }: ConnectionEvent): boolean {
  return type === "message" || type === "subscribe" || type === "unsubscribe" || type === "auth";
}

const WANTED: Answer = { reasonCode: 0x00 };

/** What is said to a message, by what has become of it. */
const ANSWERS: Readonly<Record<RoutingCode, Answer>> = {
  0x00: WANTED,
  0x10: { reasonCode: 0x10 },
  0x97: { reasonCode: 0x97, reasonString: "No subscriber had room for it" },
};

/** The part of the memory that is left to those who keep little, whatever others do. */
const RESERVED = 1 / 2;

/** A connection with no more bytes may use that, be it with TLS and in the middle of a packet. */
const SMALL = 524_288;

/** So many connections too many are there at the same time to be told so. */
const REFUSED_AT_ONCE = 64;

/** A subscription that has been added, what was in its place, and which of the packet it is. */
interface Added {
  readonly subscription: Subscription<BrokerSession>;
  readonly before: Subscription<BrokerSession> | undefined;
  readonly index: number;
}

/** A Will as the message that it is [MQTT-3.1.2-14] [MQTT-3.1.2-15]. */
function willPacket(
  { topic, payload, qos, retain, properties }: NonNullable<BrokerSession["will"]>,
): PublishPacket {
  const { willDelayInterval: _, ...rest } = properties;
  return {
    ...{ type: "publish", dup: false, packetId: 0 },
    ...{ topic, payload, qos, retain, properties: rest },
  } as PublishPacket;
}

function reasonOf(cause: CloseCause): string {
  switch (cause.by) {
    case "this end":
      return `the broker closed the connection: ${
        reasonCodeName(cause.packet?.reasonCode ?? 0x80, "disconnect")
      }`;
    case "peer":
      return `the client disconnected with 0x${
        cause.packet.reasonCode.toString(16).padStart(2, "0")
      }`;
    case "fault":
      return cause.error.message;
    case "silence":
      return `the client ${cause.what}`;
    case "network":
      return "the connection broke";
    case "refusal":
      return "the client was refused";
    case "internal error":
      return "the broker failed";
    default:
      return cause satisfies never;
  }
}
