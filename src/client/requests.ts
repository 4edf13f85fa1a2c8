// §4.10 Request / Response, for the side that asks. All requests of a client share one
// subscription, made before the first of them is sent; what comes there is told apart by its
// Correlation Data, which nobody can guess.

import {
  type ConnectionClosedError,
  NoSubscriberError,
  NotSentError,
  type RequestInterruption,
  RequestTimeoutError,
} from "../errors.ts";
import type { Clock } from "../io/clock.ts";
import { ReasonCode } from "../packets/mod.ts";
import { checkPublish } from "../session/sender.ts";
import { Deadlines } from "./deadlines.ts";
import { correlationKey, type Exchange, type ExchangeListener, payloadSize } from "./exchange.ts";
import type { MessageContent } from "../session/publish_packet.ts";
import type { Message } from "./message.ts";
import { MessageQueue } from "./message_queue.ts";
import type { Settings } from "./options.ts";
import type { Publication } from "./publication.ts";
import { publishPacket } from "../session/publish_packet.ts";
import type { PublishOptions } from "./publish_options.ts";
import {
  type RequestManyOptions,
  type RequestOptions,
  type RequestPlan,
  requestPlan,
} from "./request_options.ts";
import { type InboxSetup, ResponseInbox } from "./response_inbox.ts";
import { isResponseTopic } from "./response_message.ts";
import type { ServerInfo } from "./server_info.ts";
import type { SubscribeOptions, Subscription } from "./subscription.ts";

/** What has become of the requests of a client. */
export interface RequestCounts {
  /** Requests that wait for a response. */
  readonly inFlight: number;
  /** Responses to requests that nobody waited for any more, or that had a response. */
  readonly late: number;
  /** Messages on a Response Topic that responded to no request of this client. */
  readonly foreign: number;
}

/** What requests need of their client. */
export interface RequestHost {
  readonly clock: Clock;
  /** A name that nobody else has. */
  newName(): string;
  readonly settings: Settings;
  /** What the server last granted. */
  server(): ServerInfo | undefined;
  subscribe(topicFilter: string, options: SubscribeOptions): Promise<Subscription>;
  submit(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    options: PublishOptions,
  ): Publication | undefined;
  withdraw(publication: Publication, reason: unknown): boolean;
  /** Why nothing more can be asked of the client, if it is so. */
  refusal(): ConnectionClosedError | undefined;
  /** A response was dropped because nobody read it in time. */
  onDropped(message: Message): void;
}

/** So many requests that have ended are remembered, twice: responses to them are late. */
const REMEMBERED = 1024;

/** The most characters of a Client Identifier, as it stands in a topic. */
const LONGEST_NAME = 256;

/** How a Response Topic is subscribed to. */
const SUBSCRIBE: SubscribeOptions = { qos: 1, retainHandling: 2 };

/** The requests of one client. */
export class Requests {
  readonly #host: RequestHost;
  readonly #deadlines: Deadlines<Exchange>;
  readonly #inboxes = new Set<ResponseInbox>();
  /** Where responses go by default, below the topic that it was made for. */
  #shared: { readonly base: string; readonly inbox: ResponseInbox } | undefined;
  /** Inboxes of topics that requests chose. */
  readonly #chosen = new Map<string, ResponseInbox>();
  /** The Correlation Data of requests that have ended lately. */
  #ended = new Set<string>();
  #endedBefore: ReadonlySet<string> = new Set();
  #inFlight = 0;
  #late = 0;
  #foreign = 0;
  /** Bytes of the payloads that wait for a subscription. */
  #waitingBytes = 0;
  #connectionsLost = 0;
  #sessionsLost = 0;

  constructor(host: RequestHost) {
    this.#host = host;
    this.#deadlines = new Deadlines(host.clock, (exchange) => this.#timeOut(exchange));
  }

  /** What has become of the requests. */
  get counts(): RequestCounts {
    return { inFlight: this.#inFlight, late: this.#late, foreign: this.#foreign };
  }

  /** As `client.request()`. */
  request(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    options: RequestOptions = {},
  ): Promise<Message> {
    return new Promise((resolve, reject) => {
      const exchange = this.#begin(topic, payload, this.#plan(options), {
        onResponse: (message) => {
          message.ack();
          this.#end(exchange);
          resolve(message);
        },
        onEnd: reject,
      });
    });
  }

  /** As `client.requestMany()`. */
  requestMany(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    options: RequestManyOptions = {},
  ): AsyncIterableIterator<Message, undefined> {
    const plan = this.#plan(options);
    this.#check(topic, payload, plan);
    return this.#collect(topic, payload, plan);
  }

  /** The connection is lost. */
  connectionLost(): void {
    this.#connectionsLost++;
  }

  /** The server has lost the session. */
  sessionLost(): void {
    this.#sessionsLost++;
  }

  /** There will be no response any more. */
  end(error: ConnectionClosedError): void {
    this.#deadlines.end();
    for (const inbox of [...this.#inboxes]) inbox.end(error);
  }

  #collect(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    plan: RequestPlan,
  ): AsyncIterableIterator<Message, undefined> {
    const { receiveQueue } = this.#host.settings;
    const queue = new MessageQueue(
      receiveQueue,
      "auto",
      (message) => this.#host.onDropped(message),
    );
    const reading = queue.read();
    let exchange: Exchange | undefined;
    let count = 0;
    let isComplete = false;
    const complete = () => {
      isComplete = true;
      if (queue.length === 0) queue.end(undefined);
    };
    const listener: ExchangeListener = {
      onResponse: (message) => {
        queue.push(message);
        if (++count < plan.limit) return;
        this.#end(exchange!);
        complete();
      },
      onEnd: (error) => {
        if (error instanceof RequestTimeoutError && error.wasSent) complete();
        else queue.end(error as Error);
      },
    };
    const begin = () => {
      try {
        exchange = this.#begin(topic, payload, plan, listener);
      } catch (error) {
        isComplete = true;
        throw error;
      }
    };
    const iterator: AsyncIterableIterator<Message, undefined> = {
      next: async () => {
        if (isComplete && queue.length === 0) queue.end(undefined);
        if (!isComplete && exchange === undefined) begin();
        return await reading.next();
      },
      return: async () => {
        isComplete = true;
        if (exchange !== undefined) this.#end(exchange);
        await reading.return?.();
        for (const message of queue.end(undefined)) message.ack();
        return { value: undefined, done: true };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * The options of a request. A request is not in the store of the client: who waits for the
   * response does not outlive the process. At QoS 2 the server would remember its Packet Identifier
   * all the same, and take another message of the next process for it.
   */
  #plan(options: RequestManyOptions): RequestPlan {
    const plan = requestPlan(options);
    if (plan.publish.qos === 2 && this.#host.settings.options.store !== undefined) {
      throw new TypeError("qos must be 0 or 1 for a request of a client with a store, got 2");
    }
    return plan;
  }

  #begin(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    plan: RequestPlan,
    listener: ExchangeListener,
  ): Exchange {
    const { clock, settings: { sendQueue } } = this.#host;
    const refusal = this.#host.refusal();
    if (refusal !== undefined) throw refusal;
    const { timeout, signal, matches, publish } = plan;
    signal?.throwIfAborted();
    if (this.#inFlight >= sendQueue.messages) throw tooMany();
    const { correlationData = encoder.encode(this.#host.newName()) } = publish;
    const correlation = correlationKey(correlationData);
    const known = this.#inboxOf(plan);
    if (known?.has(correlation) === true) {
      throw new TypeError("correlationData is that of another request that waits for a response");
    }
    if (known?.isOpen !== true) {
      this.#check(topic, payload, plan);
      if (this.#waitingBytes + payloadSize(payload) > sendQueue.bytes) throw tooMany();
    }
    const inbox = known ?? this.#open(plan);
    const abort = () => this.#fail(exchange, signal?.reason);
    const exchange: Exchange = {
      topic,
      payload,
      publish: { ...publish, responseTopic: inbox.topic, correlationData },
      listener,
      timeout,
      deadline: clock.now() + timeout,
      inbox,
      correlation,
      matches,
      forgetSignal: () => signal?.removeEventListener("abort", abort),
      state: "asked",
      publication: undefined,
      connectionsLost: 0,
      sessionsLost: 0,
    };
    inbox.add(exchange);
    this.#inFlight++;
    this.#deadlines.add(exchange);
    signal?.addEventListener("abort", abort);
    if (inbox.isOpen) this.#submit(exchange);
    else this.#waitingBytes += payloadSize(payload);
    return exchange;
  }

  /**
   * Refuses a request that could not be sent, before anything is.
   *
   * @throws {TypeError} when something of it has the wrong type
   * @throws {RangeError} when something of it is out of its range
   */
  #check(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    { publish }: RequestPlan,
  ): void {
    checkPublish(publishPacket(topic, payload, publish));
  }

  /** The inbox for a request, if there is one. */
  #inboxOf({ subscribe, publish: { responseTopic } }: RequestPlan): ResponseInbox | undefined {
    if (subscribe !== undefined) return undefined;
    if (responseTopic !== undefined) return this.#chosen.get(responseTopic);
    return this.#shared?.base === this.#base() ? this.#shared?.inbox : undefined;
  }

  #open({ subscribe, publish: { responseTopic } }: RequestPlan): ResponseInbox {
    const base = this.#base();
    const isShared = subscribe === undefined && responseTopic === undefined;
    const name = isShared ? this.#sessionName() : undefined;
    const topic = responseTopic ?? below(base, name ?? this.#host.newName());
    const setup: InboxSetup = {
      topic,
      isKept: isShared,
      subscribe: (signal) =>
        this.#host.subscribe(topic, {
          ...SUBSCRIBE,
          ...subscribe,
          ack: "manual",
          // The client takes them out as they come: they are bounded by what comes at once.
          receiveQueue: { messages: Infinity, bytes: Infinity },
          signal,
        }),
      onOpen: (exchange) => {
        this.#waitingBytes -= payloadSize(exchange.payload);
        this.#submit(exchange);
      },
      onFailed: (exchange, error) => this.#fail(exchange, error),
      onUnmatched: (correlation) => this.#count(correlation),
      onClosed: (inbox) => {
        this.#inboxes.delete(inbox);
        if (this.#shared?.inbox === inbox) this.#shared = undefined;
        if (this.#chosen.get(topic) === inbox) this.#chosen.delete(topic);
      },
    };
    const inbox = new ResponseInbox(setup);
    this.#inboxes.add(inbox);
    if (isShared) {
      this.#shared?.inbox.retire();
      this.#shared = { base, inbox };
    } else if (subscribe === undefined) this.#chosen.set(topic, inbox);
    void inbox.run();
    return inbox;
  }

  /** The topic below which responses go: what the server suggests, if a topic can begin with it. */
  #base(): string {
    const suggested = this.#host.server()?.responseInformation;
    return isResponseTopic(suggested) ? suggested : this.#host.settings.responseTopicPrefix;
  }

  /**
   * A name for a session that outlives its process: the next process subscribes to the same topic
   * again. Else the session would gather the topics of all of them.
   */
  #sessionName(): string | undefined {
    const { clientId = "", sessionExpiryInterval = 0 } = this.#host.server() ?? {};
    const name = encodeURIComponent(clientId);
    return sessionExpiryInterval > 0 && name !== "" && name.length <= LONGEST_NAME
      ? name
      : undefined;
  }

  #submit(exchange: Exchange): void {
    const { topic, payload, publish } = exchange;
    exchange.state = "submitted";
    exchange.connectionsLost = this.#connectionsLost;
    exchange.sessionsLost = this.#sessionsLost;
    try {
      const publication = exchange.publication = this.#host.submit(topic, payload, publish);
      if (publication === undefined) {
        exchange.state = "accepted";
        return;
      }
      publication.promise.then(({ reasonCode }) => {
        if (exchange.state === "over") return;
        exchange.state = "accepted";
        // A retained request may be read by somebody who subscribes later.
        if (reasonCode !== ReasonCode.noMatchingSubscribers || publish.retain === true) return;
        this.#fail(exchange, new NoSubscriberError(topic));
      }, (error) => this.#fail(exchange, error));
    } catch (error) {
      this.#fail(exchange, error);
    }
  }

  /** The time of a request is over; `deadlines` has forgotten it. */
  #timeOut(exchange: Exchange): void {
    const { topic, timeout } = exchange;
    const wasSent = this.#withdraw(exchange);
    const interruption = this.#interruptionOf(exchange);
    this.#fail(exchange, new RequestTimeoutError(topic, timeout, { wasSent, interruption }));
  }

  #interruptionOf({ connectionsLost, sessionsLost }: Exchange): RequestInterruption {
    if (connectionsLost === this.#connectionsLost) return "none";
    return sessionsLost === this.#sessionsLost ? "connection lost" : "session lost";
  }

  /** Sees to it that a request is not sent any more. Returns whether it was sent. */
  #withdraw({ state, publication }: Exchange): boolean {
    if (state === "asked") return false;
    if (state === "accepted" || publication === undefined) return true;
    return !this.#host.withdraw(publication, undefined);
  }

  #fail(exchange: Exchange, error: unknown): void {
    if (exchange.state === "over") return;
    this.#withdraw(exchange);
    this.#end(exchange);
    exchange.listener.onEnd(error);
  }

  /** Nobody waits for responses any more. */
  #end(exchange: Exchange): void {
    const { state, inbox, payload, correlation } = exchange;
    if (state === "over") return;
    if (state === "asked") this.#waitingBytes -= payloadSize(payload);
    exchange.state = "over";
    exchange.forgetSignal();
    this.#inFlight--;
    this.#deadlines.remove(exchange);
    this.#remember(correlation);
    inbox.remove(exchange);
  }

  #remember(correlation: string): void {
    this.#ended.add(correlation);
    if (this.#ended.size < REMEMBERED) return;
    this.#endedBefore = this.#ended;
    this.#ended = new Set();
  }

  #count(correlation: string | undefined): void {
    const isLate = correlation !== undefined &&
      (this.#ended.has(correlation) || this.#endedBefore.has(correlation));
    if (isLate) this.#late++;
    else this.#foreign++;
  }
}

const encoder = new TextEncoder();

function below(base: string, name: string): string {
  return `${base}${base.endsWith("/") ? "" : "/"}${name}`;
}

function tooMany(): NotSentError {
  return new NotSentError("Too many requests wait for a response", "queue full");
}
