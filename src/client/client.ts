// The client: promises and iterators over the engine. It has at most one connection at a time, and
// makes another when that one is lost; the session, the messages that wait and the subscriptions
// are here for all of them.

import { ConnectionClosedError, RefusedError } from "../errors.ts";
import { nameOf, randomName } from "../io/random.ts";
import {
  type ConnackPacket,
  isFailure,
  type PropertiesOf,
  reasonCodeName,
  type ReasonCodeOf,
} from "../packets/mod.ts";
import type { ConnectionEvent } from "../session/events.ts";
import { checkKnown, checkNotNegative } from "../session/option_checks.ts";
import {
  durablePacket,
  type MessageContent,
  type PublishFields,
} from "../session/publish_packet.ts";
import { Session } from "../session/session.ts";
import type { SessionStorage } from "../session/session_store.ts";
import { restoreSession, type SavedSession, saveSession } from "../session/snapshot.ts";
import { Connector } from "./connector.ts";
import type { DurableSession } from "./durable_session.ts";
import { type ClientEvents, ClientEventTarget, once, type OnceOptions } from "./events.ts";
import type { Guard, Link, World } from "./connection_attempt.ts";
import type { Message } from "./message.ts";
import { type Messages, messagesOf } from "./read.ts";
import { type ConnectOptions, type Settings, settingsOf } from "./options.ts";
import type { PublishResult } from "./publication.ts";
import type { PublishOptions } from "./publish_options.ts";
import { Publisher } from "./publisher.ts";
import {
  REAUTHENTICATE_NAMES,
  type ReauthenticateOptions,
  Reauthentication,
} from "./reauthentication.ts";
import type { Receipt } from "./receipts.ts";
import type { RequestManyOptions, RequestOptions } from "./request_options.ts";
import { type RequestCounts, Requests } from "./requests.ts";
import {
  ActiveResponder,
  type RequestHandler,
  type Responder,
  type RespondOptions,
  respondPlan,
} from "./responder.ts";
import { type ServerInfo, serverInfo } from "./server_info.ts";
import { clockOf, type ServerSource } from "./servers.ts";
import { subscribeRequest, type TopicFilters, unsubscribeRequest } from "./subscribe_options.ts";
import type { ActiveSubscription, SubscribeOptions, Subscription } from "./subscription.ts";
import { Subscriptions } from "./subscriptions.ts";

/** Options of `client.unsubscribe()`: the properties of UNSUBSCRIBE (§3.10.2.1), flat. */
export interface UnsubscribeOptions extends PropertiesOf<"unsubscribe"> {
  /** Ends the wait for the server's answer. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `client.disconnect()`: the fields of DISCONNECT (§3.14), its properties flat. */
export interface DisconnectOptions extends Omit<PropertiesOf<"disconnect">, "serverReference"> {
  /**
   * 0x00, so that the server forgets the Will, or 0x04, so that it publishes it (§3.14.2.1).
   * Default: 0x00.
   */
  readonly reasonCode?: ReasonCodeOf<"disconnect"> | undefined;
  /**
   * How long messages that wait or are in flight are waited for, in milliseconds. Default: 5000.
   */
  readonly timeout?: number | undefined;
}

/** What a client is doing. */
export type ClientState = "connecting" | "connected" | "reconnecting" | "closing" | "closed";

/** How long `disconnect()` waits for messages, in milliseconds. */
const FLUSH_TIMEOUT = 5000;

/**
 * A client of a server of MQTT 5.0, made by {@linkcode connect}.
 *
 * When the connection is lost it reconnects and resumes the session, or subscribes again if the
 * server has lost it. It is closed by {@linkcode Client.disconnect}, and by a fault that another
 * attempt cannot cure; then every promise is rejected with a {@linkcode ConnectionClosedError}.
 *
 * @example Five lines
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 *
 * async function main() {
 *   await using client = await connect("mqtt://localhost:1883", { clientId: "thermostat-7" });
 *   const readings = await client.subscribe("home/+/temperature", { qos: 1 });
 *   await client.publish("home/kitchen/temperature", "21.5", { qos: 1, retain: true });
 *   for await (const message of readings) console.log(message.topic, message.text());
 * }
 * ```
 */
export class Client extends ClientEventTarget implements AsyncDisposable {
  /**
   * Resolves when the client is closed: to the reason, or to `undefined` after
   * {@linkcode Client.disconnect}. Never rejects.
   */
  readonly closed: Promise<ConnectionClosedError | undefined>;
  readonly #world: World;
  readonly #settings: Settings;
  readonly #session: Session;
  readonly #publisher: Publisher;
  readonly #connector: Connector;
  /** Only with the option `authentication`. */
  readonly #reauthentication: Reauthentication | undefined;
  readonly #durable: DurableSession | undefined;
  /**
   * Made by the first subscription or message; at once for a session that is older than this
   * client, or in its store.
   */
  #subscriptions: Subscriptions | undefined;
  /** Made by the first request. */
  #requests: Requests | undefined;
  #state: ClientState = "connecting";
  #server: ServerInfo | undefined;
  #resolveClosed!: (error: ConnectionClosedError | undefined) => void;
  /** Why there are no more promises to be had. */
  #error: ConnectionClosedError | undefined;

  /** Use {@linkcode connect}. */
  constructor(
    world: World,
    source: ServerSource,
    options: ConnectOptions,
    storage?: SessionStorage,
  ) {
    super();
    const settings = settingsOf(options);
    const { session: saved, clientId } = options;
    const { sendQueue } = settings;
    this.#world = world;
    this.#settings = settings;
    const { durable } = world;
    if (storage !== undefined) {
      this.#session = durable!.restore(clientId ?? "", storage, world.clock, sendQueue);
    } else if (saved !== undefined) {
      this.#session = restoreSession(saved, world.clock.now(), sendQueue);
    } else this.#session = new Session(clientId ?? "", sendQueue);
    if (options.cleanStart === false) this.#session.exists = true;
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    const journal = () => this.#durable!.journal;
    const guard: Guard | undefined = storage && {
      guard: (connection, wake) => journal().guard(connection, wake),
      get failure() {
        return journal().failure;
      },
    };
    this.#connector = new Connector(world, source, settings, this.#session, guard, {
      wasUnanswered: storage?.session.isUnanswered ?? false,
      handle: (link, event) => this.#handle(link, event),
      unanswered: (isUnanswered) => this.#durable?.subscriptions.setUnanswered(isUnanswered),
      lost: (detail) => this.#lost(detail),
      reconnecting: (detail) => this.#tell("reconnecting", detail),
      ended: (error) => this.#ended(error),
    });
    const connector = this.#connector;
    this.#durable = storage && durable!.begin({
      storage,
      session: this.#session,
      clock: world.clock,
      endOfTurn: world.endOfTurn ?? fewMicrotasks,
      onSessionLost: options.onSessionLost ?? "reject",
      link: () => connector.link,
      last: () => connector.last,
      onStoreFailed: (error) => this.#tell("storefailed", { error }),
      onError: (error) => connector.fail(error),
      onSettled: () => this.#publisher.checkIdle(),
      onExpired: (message) =>
        this.#publisher.discarded({ type: "discarded", message, cause: { kind: "expired" } }),
    });
    this.#publisher = new Publisher({
      durable: this.#durable?.publisher,
      clock: world.clock,
      session: this.#session,
      queueQoS0: settings.queueQoS0,
      link: () => connector.link,
      refusal: () => this.#refusal(),
    });
    this.#reauthentication = options.authentication && new Reauthentication({
      clock: world.clock,
      settings,
      link: () => connector.link,
      refusal: () => this.#refusal(),
      tell: (type, detail) => this.#tell(type, detail),
    });
    const isOlder = this.#session.exists;
    if (isOlder || storage !== undefined) this.#subscriptions = this.#newSubscriptions(isOlder);
  }

  /** What the client is doing. */
  get state(): ClientState {
    return this.#state;
  }

  /** What the server granted when it last took the client (§3.2.2.3). */
  get server(): ServerInfo {
    return this.#server!;
  }

  /**
   * The messages that belong to no subscription of this client: those of an earlier session, or
   * sent unasked. As long as nobody reads them, those of QoS 1 and 2 stay unacknowledged and count
   * against the Receive Maximum.
   */
  get messages(): Messages {
    return messagesOf(this.#routing.unclaimed, this.#world.clock);
  }

  /**
   * Waits for the next event of a type, and resolves to what it tells: `once("connected")` after a
   * lost connection, for example.
   *
   * Rejects with the signal's reason when it aborts, and when the client is closed before such an
   * event: with the reason, a {@linkcode ConnectionClosedError}. `once("closed")` always resolves.
   */
  once<Type extends keyof ClientEvents>(
    type: Type,
    options: OnceOptions = {},
  ): Promise<ClientEvents[Type]> {
    return once(this, type, options);
  }

  /** Connects for the first time; {@linkcode connect} does this. */
  async start(): Promise<this> {
    try {
      await this.#connector.start();
      return this;
    } catch (error) {
      this.#ended(undefined);
      await this.closed;
      throw error;
    }
  }

  /**
   * Publishes a message (§3.3). Resolves at QoS 0 when the message is accepted for sending, which
   * takes time only when the send buffer is full; at QoS 1 when the server has it (PUBACK), at QoS
   * 2 when it has it exactly once (PUBCOMP). Without a connection the message waits for the next
   * one, and its `messageExpiryInterval` counts down. Neither `payload` nor the options may be
   * changed before that.
   *
   * To publish many messages fast, do not await each promise: await every thousandth or so.
   *
   * Rejects with
   * - `TypeError` or `RangeError` when an argument is wrong, or this server does not accept such a
   *   message;
   * - {@linkcode RefusedError} when the server refuses the message, with a Reason Code of 0x80 or
   *   above;
   * - {@linkcode NotSentError} when the message was never sent: it expired, the send queue is full,
   *   or there is no connection and it may not wait for one;
   * - {@linkcode ConnectionClosedError} when the client is closed before, or the server loses the
   *   session in which the message was in flight, so that nobody knows whether it has arrived;
   * - the signal's reason when it aborts.
   *
   * @param payload text, sent as UTF-8, or bytes, or either with properties, such as what
   *   {@linkcode json} gives
   */
  publish(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    options?: PublishOptions,
  ): Promise<PublishResult> {
    return this.#publisher.publish(topic, payload, options);
  }

  /**
   * Puts a message of QoS 1 or 2 into the client's store, to be sent as `publish()` does. Resolves
   * once it is on disk: from then on it is on its way, whatever happens to this process.
   *
   * Rejects as {@linkcode Client.publish} does when the message cannot be accepted, with
   * `TypeError` when the client has no store, `qos` is 0 or there is a `signal`, and with
   * `StoreError` when the message cannot be stored.
   *
   * @param options those of `publish()`, without `signal`; `qos` is 1 by default
   *
   * @example A reading that may not be lost
   * ```ts
   * import { connect } from "jsr:@mqtt5/mqtt5";
   * import { openStore } from "jsr:@mqtt5/mqtt5/store";
   *
   * async function report(reading: string) {
   *   using store = openStore("meter.db");
   *   const options = { clientId: "meter-7", sessionExpiryInterval: 604_800, store };
   *   await using client = await connect("mqtt://localhost:1883", options);
   *   const receipt = await client.enqueue("meters/7/reading", reading, { qos: 2 });
   *   console.log("stored:", receipt.id);
   *   await receipt.done;
   * }
   * ```
   */
  async enqueue(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    options: PublishFields = {},
  ): Promise<Receipt> {
    const { publisher, receipts } = this.#requireStore();
    this.#checkNotEnded();
    const packet = durablePacket(topic, payload, options);
    const message = publisher.accept(packet, true);
    await new Promise<void>((resolve, reject) => message.whenStored(resolve, reject));
    return receipts.pending(message.id);
  }

  /**
   * The receipt of a message that was put into the client's store, in this process or an earlier
   * one. Resolves to `undefined` when there is none: it never was, or its outcome has been kept for
   * as long as `keepReceipts` of the store says.
   */
  async receipt(id: string): Promise<Receipt | undefined> {
    return await this.#requireStore().receipts.find(id);
  }

  /** The receipts of the messages in the client's store that have no outcome yet, oldest first. */
  receipts(): AsyncIterable<Receipt, undefined> {
    return this.#requireStore().receipts.all();
  }

  /**
   * Subscribes to topics (§3.8). Resolves when the server has granted all that was asked for. A
   * subscription outlives the connection; how it ends see {@linkcode Subscription}.
   *
   * More Topic Filters than `filtersPerPacket` of {@linkcode ConnectOptions} are asked for in
   * several SUBSCRIBE packets, all of which are answered before the promise settles.
   *
   * Several subscriptions of a client may have the same Topic Filter, and each gets the messages.
   * At the server they are one, with the options of the last that asked (§3.8.4): one with
   * `noLocal` keeps the client's own messages from all of them.
   *
   * A client with a store does not ask for what the server has granted to an earlier process with
   * the same options, as long as the server has the session: the subscription is there at once, and
   * brings what has come meanwhile. Retained messages are not sent again then; where they are
   * wanted, call `unsubscribe()` before. With User Properties the server is always asked.
   *
   * Rejects with `TypeError` or `RangeError` when an argument is wrong, or this server does not
   * have what is asked for; {@linkcode RefusedError} when the server refuses a Topic Filter: its
   * `reasonCodes` say for each what the server granted, and what it granted is ended again, so
   * that none is subscribed to; {@linkcode ConnectionClosedError} when the client comes to its end
   * before; the signal's reason when it aborts.
   *
   * @param filters one Topic Filter or more, each alone or with options of its own
   */
  subscribe(filters: TopicFilters, options: SubscribeOptions = {}): Promise<Subscription> {
    return this.#subscribe(filters, options);
  }

  /**
   * Ends subscriptions by Topic Filter, whoever has them (§3.10): also those that the session had
   * before this client. Resolves to a Reason Code for each: 0x00, or 0x11 when the server had no
   * such subscription (§3.11.3).
   *
   * Rejects as {@linkcode Client.subscribe} does.
   */
  async unsubscribe(
    filters: string | readonly string[],
    options: UnsubscribeOptions = {},
  ): Promise<readonly number[]> {
    const request = unsubscribeRequest(filters, options);
    const { signal } = options;
    signal?.throwIfAborted();
    this.#checkNotEnded();
    const reasonCodes = await this.#routing.unsubscribe(request, signal);
    const reasonCode = reasonCodes.find((code) => isFailure(code));
    if (reasonCode === undefined) return reasonCodes;
    const reason = reasonCodeName(reasonCode, "unsuback") ?? "";
    throw new RefusedError("The server refused to unsubscribe", {
      reasonCode,
      reason,
      reasonCodes,
    });
  }

  /**
   * Authenticates again on the connection that is there (§4.12.1), by the option `authentication`,
   * while messages go on. Resolves when the server has accepted it. One call is done after the
   * other. An exchange that fails once it has begun costs the connection, as the standard has it.
   *
   * Rejects with
   * - `TypeError` when there is no such option, or its method is another than that of CONNECT;
   * - {@linkcode RefusedError} when the server refuses, which it says by DISCONNECT;
   * - {@linkcode ConnectionClosedError} when there is no connection, or it is lost, or the server
   *   does not answer in time, or is not to be trusted;
   * - what the authenticator throws before anything has been sent; then the connection goes on;
   * - the signal's reason when it aborts.
   */
  async reauthenticate(options: ReauthenticateOptions = {}): Promise<void> {
    checkKnown(options, REAUTHENTICATE_NAMES, "reauthenticate()");
    if (this.#reauthentication === undefined) {
      throw new TypeError("reauthenticate() needs the option authentication of connect()");
    }
    await this.#reauthentication.authenticate(options);
  }

  /**
   * Publishes a request, and resolves to the response, acknowledged (§4.10). All requests of a
   * client share one subscription, made before the first is sent, so thousands of them can wait at
   * the same time. Where responses go see {@linkcode RequestOptions.responseTopic}.
   *
   * A request survives a lost connection as far as its QoS allows: at QoS 1, the default, and 2 it
   * is sent again. A response that was on its way may be lost with the connection at QoS 0, with
   * the session at any QoS: then nobody can know, and the `RequestTimeoutError` says so.
   *
   * Rejects with
   * - {@linkcode RequestTimeoutError} when nobody has responded in time;
   * - {@linkcode NoSubscriberError}, at once, when the server says that nobody has subscribed to
   *   the topic; at QoS 0 no server says so;
   * - {@linkcode NotSentError} when as many requests wait as `sendQueue` of `connect()` has room
   *   for;
   * - what {@linkcode Client.publish} and {@linkcode Client.subscribe} reject with: the signal's
   *   reason, too.
   *
   * @param payload text, sent as UTF-8, bytes, or either with properties, such as from `json()`
   *
   * @example Ask for the time
   * ```ts
   * import { connect } from "jsr:@mqtt5/mqtt5";
   *
   * async function time(url: string) {
   *   await using client = await connect(url);
   *   const response = await client.request("clock/now", "", { timeout: 5000 });
   *   console.log(response.text());
   * }
   * ```
   */
  request(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    options?: RequestOptions,
  ): Promise<Message> {
    return this.#asking.request(topic, payload, options);
  }

  /**
   * Publishes a request to several responders when its loop begins, and yields the responses. Ends
   * after `timeout` or `limit`, whichever comes first, without an error. Throws as
   * {@linkcode Client.request} rejects, but when the time is over only if the request was not sent.
   *
   * A response is acknowledged when the loop asks for the next one. Leaving the loop ends the wait.
   *
   * @throws {TypeError} when an argument is wrong
   * @throws {RangeError} when a number is out of its range
   *
   * @example Who is there?
   * ```ts
   * import { connect } from "jsr:@mqtt5/mqtt5";
   *
   * async function roll(url: string) {
   *   await using client = await connect(url);
   *   for await (const response of client.requestMany("who", "", { timeout: 2000, limit: 10 })) {
   *     console.log(response.text());
   *   }
   * }
   * ```
   */
  requestMany(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    options?: RequestManyOptions,
  ): AsyncIterableIterator<Message, undefined> {
    return this.#asking.requestMany(topic, payload, options);
  }

  /** What has become of the requests of this client. */
  get requests(): RequestCounts {
    return this.#requests?.counts ?? { inFlight: 0, late: 0, foreign: 0 };
  }

  /**
   * Responds to requests (§4.10): calls `handler` for each message, and publishes what it returns
   * to the Response Topic with the Correlation Data. The request is acknowledged once the server
   * has accepted the response. Resolves when the server has granted the subscription, and rejects
   * as {@linkcode Client.subscribe} does.
   *
   * @example A clock
   * ```ts
   * import { connect } from "jsr:@mqtt5/mqtt5";
   *
   * async function main() {
   *   await using client = await connect("mqtt://localhost:1883");
   *   await using clock = await client.respond("clock/now", () => new Date().toISOString());
   *   await clock.closed;
   * }
   * ```
   */
  async respond(
    filters: TopicFilters,
    handler: RequestHandler,
    options: RespondOptions = {},
  ): Promise<Responder> {
    const subscribe = respondPlan(handler, options);
    return new ActiveResponder({
      clock: this.#world.clock,
      subscription: await this.#subscribe(filters, subscribe),
      handler,
      options,
      refusal: () => this.#refusal(),
    });
  }

  /**
   * Waits until what was published is acknowledged, sends DISCONNECT (§3.14) and closes the
   * connection. Subscriptions end without an error. Resolves when all of that is done; it always
   * does.
   *
   * Rejects with `TypeError` or `RangeError` when an option is wrong, and then nothing is done.
   */
  async disconnect(options: DisconnectOptions = {}): Promise<void> {
    const done = this.#disconnect(options);
    await (this.#world.sourceClock?.passUntil(done) ?? done);
  }

  /** As {@linkcode Client.disconnect}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  async #disconnect(options: DisconnectOptions): Promise<void> {
    const { reasonCode, timeout = FLUSH_TIMEOUT, ...properties } = options;
    const packet = { type: "disconnect", reasonCode, properties } as const;
    const { link, last } = this.#connector;
    checkNotNegative("timeout", timeout);
    last?.connection.checkDisconnect(packet);
    if (this.#state !== "closing" && this.#state !== "closed") {
      this.#state = "closing";
      this.#connector.settle();
      if (link !== undefined) {
        await this.#publisher.idle(timeout, link);
        await this.#durable?.journal.flushed();
        link.connection.disconnect(packet);
        link.drive.wake();
      }
    }
    await this.closed;
    await this.#connector.last?.drive.finished;
  }

  /**
   * The state of the session, as plain data for JSON or structured clone: what is in flight, what
   * was received, what waits to be sent. Give it to {@linkcode connect} as `session` to go on, in
   * another process too. Messages that have come and not been acknowledged are not in it: the
   * server sends them again.
   */
  save(): SavedSession {
    return saveSession(this.#session, this.#world.clock.now());
  }

  async #subscribe(
    filters: TopicFilters,
    options: SubscribeOptions,
  ): Promise<ActiveSubscription> {
    const request = subscribeRequest(filters, options);
    options.signal?.throwIfAborted();
    this.#checkNotEnded();
    return await this.#routing.subscribe(request, options);
  }

  /** The requests; made when they are first needed. */
  get #asking(): Requests {
    return this.#requests ??= new Requests({
      clock: this.#world.clock,
      newName: this.#world.newName ?? randomName,
      settings: this.#settings,
      server: () => this.#server,
      subscribe: (topicFilter, options) => this.#subscribe(topicFilter, options),
      submit: (topic, payload, options) => this.#publisher.submit(topic, payload, options),
      withdraw: (publication, reason) => this.#publisher.withdraw(publication, reason),
      refusal: () => this.#refusal(),
      onDropped: (message) => this.#tell("dropped", { message, subscription: undefined }),
    });
  }

  get #routing(): Subscriptions {
    return this.#subscriptions ??= this.#newSubscriptions(false);
  }

  /** In an older session the server may have subscriptions whose identifiers are not ours. */
  #newSubscriptions(isOlder: boolean): Subscriptions {
    const connector = this.#connector;
    const durable = this.#durable;
    const { clock } = this.#world;
    return new Subscriptions({
      settings: this.#settings,
      clock,
      stored: durable?.subscriptions,
      store: durable?.deliveries,
      identifiersAfter: isOlder ? Math.floor(clock.random() * 200_000_000) : 0,
      link: () => connector.link,
      awaits: (acknowledgement) => connector.last?.connection.awaits(acknowledgement) ?? false,
      acknowledge(acknowledgement, reasonCode, properties) {
        const link = connector.last;
        if (link?.connection.acknowledge(acknowledgement, reasonCode, properties) !== true) {
          return false;
        }
        durable?.journal.acknowledged(acknowledgement, reasonCode);
        link.drive.wake();
        return true;
      },
      publish: (topic, payload, options) => this.publish(topic, payload, options),
      tell: (type, detail) => this.#tell(type, detail),
    });
  }

  #requireStore(): DurableSession {
    if (this.#durable === undefined) throw new TypeError("The client has no store");
    return this.#durable;
  }

  #connected(link: Link, packet: ConnackPacket): void {
    if (!packet.sessionPresent) this.#durable?.journal.begin();
    const server = serverInfo(link.connect, packet);
    this.#server = server;
    if (this.#state !== "closing") this.#state = "connected";
    const { isSessionDoubtful } = this.#connector;
    this.#subscriptions?.connected(link, packet.sessionPresent, isSessionDoubtful);
    this.#reauthentication?.connected(link);
    if (!packet.sessionPresent) this.#requests?.sessionLost();
    this.#tell("connected", { server });
  }

  /** The one place that each event of a connection passes. */
  #handle(link: Link, event: ConnectionEvent): void {
    switch (event.type) {
      case "connack":
        this.#connector.opened(link);
        return this.#connected(link, event.packet);
      case "closed":
        return this.#connector.lost(link, event.cause);
      case "message":
        return this.#routing.deliver(event.packet, event.acknowledgement);
      case "settled":
        return this.#publisher.settled(event);
      case "discarded":
        return this.#publisher.discarded(event);
      case "receive maximum exceeded":
        return this.#tell("exceeded", { receiveMaximum: event.receiveMaximum });
      case "suback":
      case "unsuback":
        return this.#routing.handleAnswer(event.packet);
      case "auth":
        return this.#reauthentication?.handleAuth(event.packet);
    }
  }

  #lost(detail: ClientEvents["disconnected"]): void {
    this.#subscriptions?.lost();
    this.#requests?.connectionLost();
    if (detail.willReconnect) this.#state = "reconnecting";
    this.#publisher.lost();
    this.#reauthentication?.lost(detail.error);
    if (detail.error.kind !== "closed") this.#tell("disconnected", detail);
  }

  #ended(error: ConnectionClosedError | undefined): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#error = error ??
      new ConnectionClosedError("The client is closed", { kind: "closed" });
    this.#requests?.end(this.#error);
    this.#routing.end(error, this.#error);
    this.#publisher.end(this.#error);
    const durable = this.#durable;
    if (durable === undefined) return this.#close(error);
    durable.end(this.#error).finally(() => this.#close(error));
  }

  #close(error: ConnectionClosedError | undefined): void {
    this.#tell("closed", { error });
    this.#resolveClosed(error);
  }

  #checkNotEnded(): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
  }

  /** Why nothing more can be asked of the client. */
  #refusal(): ConnectionClosedError | undefined {
    if (this.#state !== "closing") return this.#error;
    return new ConnectionClosedError("The client is closing", { kind: "closed" });
  }

  #tell<Type extends keyof ClientEvents>(type: Type, detail: ClientEvents[Type]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * Makes a client and connects it; opens the store of its session before.
 *
 * @throws {unknown} as {@linkcode connect} does, and what opening the store throws
 */
export async function startClient(
  world: World,
  source: ServerSource,
  options: ConnectOptions,
): Promise<Client> {
  const { store, clientId = "" } = options;
  let storage: SessionStorage | undefined;
  if (store !== undefined) {
    // The client checks them, too, but none is opened for options that are wrong.
    settingsOf(options);
    if (world.durable === undefined) {
      throw new TypeError("Pages have no store: use save(), and keep what it gives");
    }
    storage = await store.open(clientId);
  }
  let client: Client;
  try {
    client = new Client(worldOf(source, world), source, options, storage);
  } catch (error) {
    storage?.close();
    throw error;
  }
  return await client.start();
}

/** The world of a client: servers may bring a clock of their own. */
function worldOf(source: ServerSource, world: World): World {
  const clock = clockOf(source);
  if (clock === undefined) return world;
  return {
    ...world,
    clock,
    sourceClock: clock,
    newName: () => nameOf(Uint8Array.from({ length: 16 }, () => clock.random() * 256)),
    endOfTurn: () => clock.endOfTurn(),
  };
}

/** The end of a turn where nothing else is known: what one event leads to has happened. */
async function fewMicrotasks(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await undefined;
}
