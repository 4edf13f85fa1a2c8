// The options of `client.request()` and `client.requestMany()`, and the PUBLISH that they make.

import type { PropertiesOf, QoS } from "../packets/mod.ts";
import { checkPositive, checkType } from "../session/option_checks.ts";
import { validateTopicName } from "../topics.ts";
import type { Message } from "./message.ts";
import type { PublishOptions } from "./publish_options.ts";
import type { SubscribeOptions } from "./subscription.ts";

/**
 * Options of `client.request()`: those of `client.publish()`, of which `qos` is 1 by default, and
 * how the response is waited for.
 */
export interface RequestOptions extends PublishOptions {
  /** As for `client.publish()`; not 2 for a client with a store. Default: 1. */
  readonly qos?: QoS | undefined;
  /** How long to wait for the response, in milliseconds. Default: 30,000. */
  readonly timeout?: number | undefined;
  /** Ends the wait; a request that has not been sent is not sent then. */
  readonly signal?: AbortSignal | undefined;
  /**
   * For how many seconds the request is of use (§3.3.2.3.3). Default: as long as somebody waits for
   * the response, so that nobody acts on a request that has been given up.
   */
  readonly messageExpiryInterval?: number | undefined;
  /**
   * Where the response is to go, if not where all responses go to this client. It is subscribed to
   * as long as a request waits for it. Default: a topic below the server's Response Information
   * (§4.10.1), or without one below `responseTopicPrefix` of `connect()`: named after the client if
   * the session outlives the connection, else at random.
   */
  readonly responseTopic?: string | undefined;
  /** What the response is to carry. Default: 128 random bits, in hexadecimal. */
  readonly correlationData?: Uint8Array | undefined;
  /**
   * Whether a message on the Response Topic responds to this request. Default: if it has the
   * Correlation Data of the request. For responders that say it in another way, such as in JSON.
   */
  readonly matches?: ((message: Message) => boolean) | undefined;
  /**
   * Options of the subscription to the Response Topic; with them the request has a subscription of
   * its own. Default: `{ qos: 1, retainHandling: 2 }`.
   */
  readonly subscribe?: Omit<SubscribeOptions, "ack" | "receiveQueue" | "signal"> | undefined;
}

/** Options of `client.requestMany()`: those of `client.request()`, and how many responses. */
export interface RequestManyOptions extends RequestOptions {
  /** How long to wait for responses, in milliseconds. Default: 30,000. */
  readonly timeout?: number | undefined;
  /** The most responses. Default: no limit but the time. */
  readonly limit?: number | undefined;
}

/** How long to wait for a response, in milliseconds. */
const TIMEOUT = 30_000;

/** The greatest Message Expiry Interval. */
const LONGEST_EXPIRY = 4_294_967_295;

/** The options of a request, taken apart. */
export interface RequestPlan extends Pick<RequestOptions, "signal" | "matches" | "subscribe"> {
  readonly timeout: number;
  /** The most responses. */
  readonly limit: number;
  /** The PUBLISH: its Response Topic and Correlation Data only where they were given. */
  readonly publish: PublishOptions;
}

/**
 * Takes options apart and fills the defaults in.
 *
 * @throws {TypeError} when an option has the wrong type
 * @throws {RangeError} when a number is out of its range
 */
export function requestPlan(options: RequestManyOptions): RequestPlan {
  const { timeout = TIMEOUT, limit = Infinity, signal, matches, subscribe, ...publish } = options;
  checkPositive("timeout", timeout);
  checkPositive("limit", limit);
  if (matches !== undefined) checkType("matches", matches, "function");
  if (subscribe !== undefined) checkType("subscribe", subscribe, "object");
  const { responseTopic, correlationData } = publish;
  if (responseTopic !== undefined) validateTopicName(responseTopic);
  if (correlationData !== undefined && !(correlationData instanceof Uint8Array)) {
    throw new TypeError(`correlationData must be a Uint8Array, got ${typeof correlationData}`);
  }
  return {
    timeout,
    limit,
    signal,
    matches,
    subscribe,
    publish: { ...publish, qos: publish.qos ?? 1, ...expiryOf(publish, timeout) },
  };
}

function expiryOf(
  { messageExpiryInterval }: PublishOptions,
  timeout: number,
): PropertiesOf<"publish"> {
  if (messageExpiryInterval !== undefined || timeout === Infinity) return {};
  // A server that counts in whole seconds may be early by one.
  return { messageExpiryInterval: Math.min(Math.ceil(timeout / 1000) + 1, LONGEST_EXPIRY) };
}
