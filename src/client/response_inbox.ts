// A Response Topic with its subscription, and the requests whose responses come there (§4.10).

import type { Message } from "./message.ts";
import { correlationKey, type Exchange } from "./exchange.ts";
import type { Subscription } from "./subscription.ts";

/** What an inbox needs of its owner. */
export interface InboxSetup {
  /** The Response Topic. */
  readonly topic: string;
  /** Whether the subscription stays when no request waits. */
  readonly isKept: boolean;
  /** Subscribes, with `ack: "manual"`. */
  readonly subscribe: (signal: AbortSignal) => Promise<Subscription>;
  /** The subscription is there: the request can be sent. */
  readonly onOpen: (exchange: Exchange) => void;
  /** A request has to end, for this reason. */
  readonly onFailed: (exchange: Exchange, error: unknown) => void;
  /** A message has come that responds to no request; `correlation` is its Correlation Data. */
  readonly onUnmatched: (correlation: string | undefined) => void;
  /** Nothing comes any more: whoever asks next needs another inbox. */
  readonly onClosed: (inbox: ResponseInbox) => void;
}

/** One Response Topic, however many requests name it. */
export class ResponseInbox {
  readonly topic: string;
  readonly #setup: InboxSetup;
  readonly #exchanges = new Set<Exchange>();
  readonly #byCorrelation = new Map<string, Exchange>();
  readonly #giveUp = new AbortController();
  #isKept: boolean;
  #subscription: Subscription | undefined;
  #isClosed = false;
  /** The most bytes of Correlation Data that a request here has had. */
  #longest = 0;

  constructor(setup: InboxSetup) {
    this.#setup = setup;
    this.topic = setup.topic;
    this.#isKept = setup.isKept;
  }

  /** Whether the server has granted the subscription. */
  get isOpen(): boolean {
    return this.#subscription !== undefined;
  }

  /** Whether a request with this Correlation Data waits. */
  has(correlation: string): boolean {
    return this.#byCorrelation.has(correlation);
  }

  /** Responses to this request are waited for. */
  add(exchange: Exchange): void {
    this.#exchanges.add(exchange);
    if (exchange.matches !== undefined) return;
    this.#byCorrelation.set(exchange.correlation, exchange);
    this.#longest = Math.max(this.#longest, exchange.correlation.length);
  }

  /** They are not waited for any more. */
  remove(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
    if (exchange.matches === undefined) this.#byCorrelation.delete(exchange.correlation);
    this.#closeIfIdle();
  }

  /** No request will name this topic any more. */
  retire(): void {
    this.#isKept = false;
    this.#closeIfIdle();
  }

  /** Nothing comes any more: ends all requests. */
  end(error: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#setup.onClosed(this);
    for (const exchange of [...this.#exchanges]) this.#setup.onFailed(exchange, error);
  }

  /** Subscribes, and gives messages to requests until the subscription ends. Never rejects. */
  async run(): Promise<void> {
    try {
      const subscription = this.#subscription = await this.#setup.subscribe(this.#giveUp.signal);
      if (this.#isClosed) return await subscription.unsubscribe();
      for (const exchange of [...this.#exchanges]) this.#setup.onOpen(exchange);
      for await (const message of subscription) this.#deliver(message);
      this.end(
        new DOMException(
          `The subscription to responses on ${JSON.stringify(this.topic)} was ended`,
          "AbortError",
        ),
      );
    } catch (error) {
      this.end(error);
    }
  }

  #closeIfIdle(): void {
    if (this.#isKept || this.#isClosed || this.#exchanges.size > 0) return;
    this.end(undefined);
    this.#giveUp.abort();
    void this.#subscription?.unsubscribe();
  }

  #deliver(message: Message): void {
    const { correlationData } = message;
    const correlation = correlationData === undefined || correlationData.length > this.#longest
      ? undefined
      : correlationKey(correlationData);
    const exchange = correlation === undefined ? undefined : this.#byCorrelation.get(correlation);
    const taker = exchange ?? this.#matching(message);
    if (taker !== undefined) return taker.listener.onResponse(message);
    message.ack();
    this.#setup.onUnmatched(correlation);
  }

  /** The first request that takes the message for a response. */
  #matching(message: Message): Exchange | undefined {
    if (this.#byCorrelation.size === this.#exchanges.size) return undefined;
    for (const exchange of [...this.#exchanges]) {
      try {
        if (exchange.matches?.(message) === true) return exchange;
      } catch (error) {
        this.#setup.onFailed(exchange, error);
      }
    }
    return undefined;
  }
}
