// What responds to a request (§4.10): the PUBLISH for it follows from the request.

import { NoResponseTopicError } from "../errors.ts";
import { topicNameFault } from "../topics.ts";
import type { Message } from "./message.ts";
import type { PublishOptions } from "./publish_options.ts";

/** A response with options of `client.publish()`. */
export interface ResponseWithOptions extends Omit<PublishOptions, "correlationData"> {
  /** Text, sent as UTF-8, or bytes. */
  readonly payload: string | Uint8Array;
}

/**
 * What responds to a request: text, bytes, or either with options. The Correlation Data is that of
 * the request, and so is the QoS if none is given.
 */
export type ResponseMessage = string | Uint8Array | ResponseWithOptions;

/**
 * What to publish.
 *
 * @throws {NoResponseTopicError} when the request has no Response Topic, or one that is none
 * @throws {TypeError} when the response is none
 */
export function responseTo(
  { topic, responseTopic, correlationData, qos }: Message,
  response: ResponseMessage,
): {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly options: PublishOptions;
} {
  if (!isResponseTopic(responseTopic)) throw new NoResponseTopicError(topic, responseTopic);
  if (typeof response === "string" || response instanceof Uint8Array) {
    return { topic: responseTopic, payload: response, options: { qos, correlationData } };
  }
  if (typeof response !== "object" || response === null) {
    const got = response === null ? "null" : typeof response;
    throw new TypeError(
      `A response must be a string, a Uint8Array or an object with a payload, got ${got}`,
    );
  }
  const { payload, ...options } = response;
  if ("correlationData" in options) {
    throw new TypeError("correlationData is that of the request, and cannot be chosen");
  }
  return {
    topic: responseTopic,
    payload,
    options: { ...options, qos: options.qos ?? qos, correlationData },
  };
}

/** Whether a response can go there. */
export function isResponseTopic(topic: string | undefined): topic is string {
  return topic !== undefined && topic !== "" && topicNameFault(topic) === undefined;
}
