// A subscription as the application has it: what it asks for, in one SUBSCRIBE or several, however
// often they have to be sent, and the messages that it brings.

import {
  isFailure,
  type PropertiesOf,
  type QoS,
  type RetainHandling,
  type SubackPacket,
  type SubscriptionRequest,
} from "../packets/mod.ts";
import type { SubscribeRequest } from "../session/pending_requests.ts";
import { topicMatches } from "../topics.ts";
import type { Clock } from "../io/clock.ts";
import type { Message } from "./message.ts";
import { type AckMode, MessageQueue, type ReceiveQueueLimits } from "./message_queue.ts";
import { type BatchOptions, type Messages, read, type ReadOptions } from "./read.ts";

/**
 * Options of `client.subscribe()`: those of a Topic Filter (§3.8.3.1), for every filter that has
 * none of its own, and the properties of SUBSCRIBE (§3.8.2.1), flat.
 */
export interface SubscribeOptions
  extends Omit<PropertiesOf<"subscribe">, "subscriptionIdentifiers"> {
  /** The highest QoS at which the server may send. Default: 0. */
  readonly qos?: 0 | 1 | 2 | undefined;
  /** Whether this client's own messages are not to come back to it. Default: false. */
  readonly noLocal?: boolean | undefined;
  /**
   * Whether `message.retain` is to be as it was published. Default: false, it tells kept messages
   * from new ones.
   */
  readonly retainAsPublished?: boolean | undefined;
  /**
   * When retained messages are sent: 0 always, 1 if the subscription is new, 2 never. Default: 0.
   * None are where a client with a store takes over what an earlier process has subscribed to.
   */
  readonly retainHandling?: RetainHandling | undefined;
  /**
   * The Subscription Identifier, from 1 to 268,435,455, if it is not for the client to choose
   * (§3.8.2.1.2).
   */
  readonly subscriptionIdentifier?: number | undefined;
  /** When the application is done with a message. Default: that of `connect()`. */
  readonly ack?: AckMode | undefined;
  /** How many messages of QoS 0 may wait to be read. Default: that of `connect()`. */
  readonly receiveQueue?: Partial<ReceiveQueueLimits> | undefined;
  /** Gives the request up, and takes it back. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A subscription: an async iterable of the messages that it brings. It outlives the connection:
 * after a new one it is there again. Disposing it ends it, and acknowledges what has come and was
 * not read.
 *
 * With `ack: "auto"` a message is acknowledged when the loop asks for the next one. A loop that is
 * left in the middle of a message has not asked: that message is acknowledged by `message.ack()`,
 * or when a later loop asks for its first.
 *
 * A message of QoS 1 or 2 that goes to several subscriptions, as with two of one Topic Filter, is
 * acknowledged when all of them are done with it. One that is left unread therefore stalls the
 * others, once as many messages wait in it as the Receive Maximum allows: read it, or dispose it.
 *
 * @example Five messages, then no more
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 *
 * async function five(url: string, topicFilter: string) {
 *   await using client = await connect(url);
 *   await using subscription = await client.subscribe(topicFilter, { qos: 1 });
 *   for await (const message of subscription.read({ limit: 5 })) console.log(message.text());
 * }
 * ```
 */
export interface Subscription extends Messages, AsyncDisposable {
  /** The Topic Filters that the server has granted and nobody has ended since. */
  readonly topicFilters: readonly string[];
  /**
   * What the server granted: for each filter that was asked for the QoS, or 0x80 and above
   * (§3.9.3).
   */
  readonly reasonCodes: readonly number[];
  /**
   * The Subscription Identifier that marks the messages, where the server has them (§3.8.2.1.2).
   */
  readonly identifier: number;
  /** How many messages wait to be read. */
  readonly waiting: number;
  /** How many messages were dropped because nobody read them in time. */
  readonly dropped: number;
  /**
   * Ends the subscription, and its loops. Never rejects: when the connection is gone, so is the
   * subscription.
   */
  unsubscribe(): Promise<void>;
  /** As {@linkcode Subscription.unsubscribe}. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A SUBSCRIBE without the identifiers that it gets each time it is sent. */
export interface Request {
  readonly subscriptions: readonly SubscriptionRequest[];
  /** Its properties, with a Subscription Identifier only if the application chose it. */
  readonly properties: PropertiesOf<"subscribe">;
}

/** What the server says to one Topic Filter. */
export interface GrantAnswer {
  readonly reasonCode: number;
  readonly properties: SubackPacket["properties"];
}

/** Some of the Topic Filters of a subscription, with the SUBSCRIBE that asks for them. */
export interface Batch {
  readonly requests: readonly SubscriptionRequest[];
  readonly packet: SubscribeRequest;
}

/** Cuts a list into parts of so many items, the last of which may be smaller. */
export function inBatches<Item>(items: readonly Item[], size: number): readonly Item[][] {
  const batches: Item[][] = [];
  for (let start = 0; start < items.length; start += size) {
    batches.push(items.slice(start, start + size));
  }
  return batches;
}

/** How a subscription is made. */
export interface SubscriptionSetup {
  readonly request: Request;
  readonly identifier: number;
  readonly mode: AckMode;
  readonly limits: ReceiveQueueLimits;
  readonly clock: Clock;
  readonly close: (subscription: ActiveSubscription) => Promise<void>;
  readonly onDropped: (message: Message, subscription: Subscription) => void;
}

/** A subscription with what the client does to it. */
export class ActiveSubscription implements Subscription {
  readonly identifier: number;
  /** The messages that wait. */
  readonly queue: MessageQueue;
  dropped = 0;
  /** Whether nobody wants it any more. */
  isClosed = false;
  readonly #setup: SubscriptionSetup;
  /** What is still wanted. */
  #subscriptions: readonly SubscriptionRequest[];
  readonly #atServer = new Set<string>();
  /** What the server said when it was first asked. */
  readonly #granted = new Map<SubscriptionRequest, GrantAnswer>();
  /** What this server has answered, in this session. */
  readonly #answered = new Set<SubscriptionRequest>();
  /** What it has answered in a session that it may have lost since. */
  #doubted: ReadonlySet<SubscriptionRequest> | undefined;

  constructor(setup: SubscriptionSetup) {
    this.#setup = setup;
    this.#subscriptions = setup.request.subscriptions;
    this.identifier = setup.identifier;
    this.queue = new MessageQueue(setup.limits, setup.mode, (message) => {
      this.dropped++;
      setup.onDropped(message, this);
    });
  }

  get topicFilters(): readonly string[] {
    return this.#subscriptions.map(({ topicFilter }) => topicFilter);
  }

  get reasonCodes(): readonly number[] {
    return this.#answers.map(([, { reasonCode }]) => reasonCode);
  }

  get waiting(): number {
    return this.queue.length;
  }

  /**
   * Its Topic Filters that the server may have: it has been asked for them, and has not refused.
   */
  get atServer(): ReadonlySet<string> {
    return this.#atServer;
  }

  /** Whether the server has answered all that is still wanted. */
  get isAnswered(): boolean {
    return this.#subscriptions.every((request) => this.#answered.has(request));
  }

  /** The first Topic Filter that the server has refused, if there is one. */
  get refused(): readonly [topicFilter: string, answer: GrantAnswer] | undefined {
    const refused = this.#answers.find(([, { reasonCode }]) => isFailure(reasonCode));
    return refused && [refused[0].topicFilter, refused[1]];
  }

  get #answers(): readonly (readonly [SubscriptionRequest, GrantAnswer])[] {
    return this.#setup.request.subscriptions.flatMap((request) => {
      const answer = this.#granted.get(request);
      return answer === undefined ? [] : [[request, answer] as const];
    });
  }

  /** What SUBSCRIBE tells beside the Topic Filters. */
  get properties(): Request["properties"] {
    return this.#setup.request.properties;
  }

  /** Whether a message that somebody has retained comes with RETAIN 1 as it is published, too. */
  get keepsRetain(): boolean {
    return this.#subscriptions.some(({ retainAsPublished }) => retainAsPublished);
  }

  /** The QoS that it asks for; 0 for a filter that is not its own. */
  qosOf(topicFilter: string): QoS {
    return this.#subscriptions.find((request) => request.topicFilter === topicFilter)?.qos ?? 0;
  }

  /** What is still wanted and not answered. */
  get unanswered(): readonly SubscriptionRequest[] {
    return this.#subscriptions.filter((request) => !this.#answered.has(request));
  }

  /** The server has a Topic Filter from before, and need not be asked. */
  takeOver(request: SubscriptionRequest, reasonCode: number): void {
    this.#atServer.add(request.topicFilter);
    this.#answered.add(request);
    this.#granted.set(request, { reasonCode, properties: {} });
  }

  /**
   * How to ask the server for filters, those that are still wanted and not answered, each at the
   * QoS that it says.
   */
  batches(
    requests: readonly SubscriptionRequest[],
    filtersPerPacket: number,
    withIdentifier: boolean,
    qosOf: (topicFilter: string) => QoS,
  ): readonly Batch[] {
    return inBatches(requests, filtersPerPacket).map((requests) => ({
      requests,
      packet: {
        type: "subscribe",
        subscriptions: requests.map((request) => ({
          ...request,
          qos: qosOf(request.topicFilter),
          // If the server has it all the same, what is retained need not come again.
          ...this.#doubted?.has(request) && request.retainHandling === 0 && { retainHandling: 1 },
        })),
        properties: {
          ...this.properties,
          ...withIdentifier && { subscriptionIdentifiers: [this.identifier] },
        },
      },
    }));
  }

  /** The server has been asked. */
  asked({ requests }: Batch): void {
    for (const { topicFilter } of requests) this.#atServer.add(topicFilter);
  }

  /** The server has answered; what it said at first stays on record. */
  answered(
    { requests }: Batch,
    { reasonCodes, properties }: Pick<SubackPacket, "reasonCodes" | "properties">,
    isFirst: boolean,
  ): void {
    requests.forEach((request, index) => {
      const reasonCode = reasonCodes[index]!;
      this.#answered.add(request);
      if (isFailure(reasonCode)) this.#atServer.delete(request.topicFilter);
      if (isFirst) this.#granted.set(request, { reasonCode, properties });
    });
  }

  /** A refusal may pass: the server will be asked again. */
  postpone(requests: readonly SubscriptionRequest[]): void {
    for (const request of requests) this.#answered.delete(request);
  }

  /** The server has lost the session: it has nothing that it was asked for. */
  lost(): void {
    this.#answered.clear();
    this.#atServer.clear();
    this.#doubted = undefined;
  }

  /** The server may have lost the session: it is asked again for what it has granted. */
  doubt(): void {
    this.#doubted = new Set([...this.#doubted ?? [], ...this.#answered]);
    this.#answered.clear();
  }

  /** Whether one of its Topic Filters matches. */
  matches(topic: string): boolean {
    return this.#subscriptions.some(({ topicFilter }) => topicMatches(topicFilter, topic));
  }

  /** Gives filters up. */
  removeFilters(isGone: (topicFilter: string) => boolean): void {
    this.#subscriptions = this.#subscriptions.filter(({ topicFilter }) => !isGone(topicFilter));
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message, undefined> {
    return this.queue.read();
  }

  read(options: BatchOptions): AsyncIterableIterator<readonly Message[], undefined>;
  read(options?: ReadOptions): AsyncIterableIterator<Message, undefined>;
  read(
    options?: ReadOptions | BatchOptions,
  ): AsyncIterableIterator<Message | readonly Message[], undefined> {
    return read(this.queue, this.#setup.clock, options);
  }

  unsubscribe(): Promise<void> {
    return this.#setup.close(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }
}
