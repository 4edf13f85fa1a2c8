// §4.10 Request / Response, for the side that responds: some requests at a time, each acknowledged
// when the server has the response.

import { type ConnectionClosedError, NoResponseTopicError } from "../errors.ts";
import { writeToConsole } from "../io/console.ts";
import type { Clock } from "../io/clock.ts";
import { checkPositive, checkType } from "../session/option_checks.ts";
import type { Message } from "./message.ts";
import { isResponseTopic, type ResponseMessage } from "./response_message.ts";
import type { ActiveSubscription, SubscribeOptions } from "./subscription.ts";

/**
 * Makes the response to a request; nothing for no response. What it throws, or rejects with, goes
 * to `onError`.
 */
export type RequestHandler = (
  request: Message,
) => ResponseMessage | undefined | void | Promise<ResponseMessage | undefined | void>;

/** Options of `client.respond()`: those of `client.subscribe()`, of which `qos` is 1 by default. */
export interface RespondOptions extends Omit<SubscribeOptions, "ack"> {
  /**
   * How many requests are worked on at the same time. The others wait, unacknowledged. Default: 16;
   * with 1, responses go out in the order of the requests.
   */
  readonly concurrency?: number | undefined;
  /**
   * Is told why a request has no response: what the handler threw, what `client.publish()` rejected
   * with, or a {@linkcode NoResponseTopicError}. The request is acknowledged all the same. Default:
   * a line on the console, at most 10 in a minute.
   */
  readonly onError?: ((error: unknown, request: Message) => void) | undefined;
  /**
   * How to respond when the handler fails: `true` for nothing but the User Property `error` with
   * the error's message, or a function that makes the response. Default: false, no response.
   */
  readonly respondToErrors?:
    | boolean
    | ((error: unknown, request: Message) => ResponseMessage | undefined)
    | undefined;
}

/**
 * Responds to requests, until it is disposed or the client is closed; made by `client.respond()`.
 * Disposing it ends the subscription, and resolves when the requests that have come have a
 * response.
 */
export interface Responder extends AsyncDisposable {
  /** The Topic Filters that the server has granted. */
  readonly topicFilters: readonly string[];
  /** How many responses the server has accepted. */
  readonly responded: number;
  /** How many requests have failed: what `onError` was told. */
  readonly failed: number;
  /** How many requests are being worked on. */
  readonly active: number;
  /**
   * Resolves when no more requests are taken: to the reason, or to `undefined` when the responder
   * was disposed or the client disconnected. Never rejects.
   */
  readonly closed: Promise<Error | undefined>;
  /** Ends the responder, as disposing it does. Never rejects. */
  close(): Promise<void>;
}

/** What a responder needs of its client. */
export interface ResponderSetup {
  readonly clock: Clock;
  readonly subscription: ActiveSubscription;
  readonly handler: RequestHandler;
  readonly options: RespondOptions;
  /** Why nothing more can be asked of the client, if it is so. */
  readonly refusal: () => ConnectionClosedError | undefined;
}

/** How many requests are worked on at the same time. */
const CONCURRENCY = 16;

/** Lines that go to the console per {@linkcode MINUTE}, at most. */
const LINES_PER_MINUTE = 10;

/** In milliseconds. */
const MINUTE = 60_000;

/**
 * Takes the options of a responder apart, those of its subscription with their defaults.
 *
 * @throws {TypeError} when an option has the wrong type
 * @throws {RangeError} when a number is out of its range
 */
export function respondPlan(
  handler: RequestHandler,
  options: RespondOptions,
): SubscribeOptions {
  const { concurrency, onError, respondToErrors, ...subscribe } = options;
  checkType("handler", handler, "function");
  if (concurrency !== undefined) checkPositive("concurrency", concurrency);
  if (onError !== undefined) checkType("onError", onError, "function");
  if (respondToErrors !== undefined && typeof respondToErrors !== "function") {
    checkType("respondToErrors", respondToErrors, "boolean");
  }
  if ("ack" in subscribe) {
    throw new TypeError("ack cannot be chosen: a request is acknowledged after its response");
  }
  return { ...subscribe, qos: subscribe.qos ?? 1, ack: "manual" };
}

/** A responder that runs. */
export class ActiveResponder implements Responder {
  responded = 0;
  failed = 0;
  active = 0;
  readonly closed: Promise<Error | undefined>;
  readonly #setup: ResponderSetup;
  readonly #concurrency: number;
  /** Wakes whoever waits for a request to be done. */
  #onDone = (): void => {};
  #closing: Promise<void> | undefined;
  /** Lines written to the console, and errors not shown, since the present minute began. */
  #lines = { since: -Infinity, written: 0, hidden: 0 };

  constructor(setup: ResponderSetup) {
    this.#setup = setup;
    this.#concurrency = setup.options.concurrency ?? CONCURRENCY;
    this.closed = this.#run();
  }

  get topicFilters(): readonly string[] {
    return this.#setup.subscription.topicFilters;
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<Error | undefined> {
    const { subscription } = this.#setup;
    const requests = subscription[Symbol.asyncIterator]();
    try {
      for (;;) {
        await this.#room();
        const { value: request, done } = await requests.next();
        if (done === true) return undefined;
        this.#begin(request);
      }
    } catch (error) {
      return error as Error;
    }
  }

  async #close(): Promise<void> {
    const { subscription } = this.#setup;
    // Ending the subscription would acknowledge them, though nobody has seen them.
    const waiting = subscription.queue.takeOut(() => true);
    const unsubscribed = subscription.unsubscribe();
    for (const request of waiting) {
      await this.#room();
      this.#begin(request);
    }
    await this.closed;
    while (this.active > 0) await this.#oneDone();
    await unsubscribed;
  }

  /** Resolves when there is room for another request. */
  async #room(): Promise<void> {
    while (this.active >= this.#concurrency) await this.#oneDone();
  }

  #begin(request: Message): void {
    // When the client is closed no response gets through; the server sends the request again.
    if (this.#setup.refusal() !== undefined) return;
    this.active++;
    void this.#work(request);
  }

  /** Never rejects. */
  async #work(request: Message): Promise<void> {
    const { topic, responseTopic } = request;
    try {
      if (!isResponseTopic(responseTopic)) throw new NoResponseTopicError(topic, responseTopic);
      const response = await this.#responseTo(request);
      if (response !== undefined) {
        await request.respond(response);
        this.responded++;
      }
    } catch (error) {
      this.#tell(error, request);
    }
    request.ack();
    this.active--;
    this.#onDone();
  }

  async #responseTo(request: Message): Promise<ResponseMessage | undefined> {
    const { handler, options: { respondToErrors = false } } = this.#setup;
    try {
      return await handler(request) ?? undefined;
    } catch (error) {
      this.#tell(error, request);
      if (respondToErrors === false) return undefined;
      return respondToErrors === true ? errorResponse(error) : respondToErrors(error, request);
    }
  }

  /** Several may wait: the loop, and whoever closes. */
  #oneDone(): Promise<void> {
    return new Promise((resolve) => {
      const others = this.#onDone;
      this.#onDone = () => {
        this.#onDone = () => {};
        others();
        resolve();
      };
    });
  }

  #tell(error: unknown, request: Message): void {
    const { onError } = this.#setup.options;
    this.failed++;
    if (onError === undefined) return this.#write(error, request);
    // When `onError` itself fails, neither error may be lost.
    const writeBoth = (next: unknown) => {
      this.#write(error, request);
      this.#write(next, request);
    };
    try {
      const told: unknown = onError(error, request);
      if (told instanceof Promise) told.catch(writeBoth);
    } catch (next) {
      writeBoth(next);
    }
  }

  #write(error: unknown, { topic }: Message): void {
    const now = this.#setup.clock.now();
    const lines = this.#lines;
    if (now - lines.since >= MINUTE) {
      if (lines.hidden > 0) writeToConsole(`mqtt5: ${lines.hidden} more errors, not shown`);
      this.#lines = { since: now, written: 0, hidden: 0 };
    }
    if (this.#lines.written === LINES_PER_MINUTE) {
      this.#lines.hidden++;
      return;
    }
    this.#lines.written++;
    const what = `mqtt5: error while responding to a request to ${JSON.stringify(topic)}`;
    writeToConsole(`${what}: ${textOf(error)}`);
  }
}

/** A response that says nothing but that there was an error. */
function errorResponse(error: unknown): ResponseMessage {
  return { payload: "", userProperties: [["error", textOf(error)]] };
}

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "an error that cannot be converted to a string";
  }
}
