/**
 * MQTT 5.0 for Deno: a client, the packets, to bytes and from bytes, and the rules of topics.
 *
 * @example Five lines against a server
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
 *
 * @example A message to bytes and back
 * ```ts
 * import { decodePacket, encodePacket } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * const payload = new TextEncoder().encode("21.5");
 * const bytes = encodePacket({ type: "publish", topic: "home/kitchen/temperature", payload });
 * const packet = decodePacket(bytes);
 * assertEquals(packet.type === "publish" && packet.topic, "home/kitchen/temperature");
 * ```
 *
 * @module
 */

export * from "./src/packets/mod.ts";
export * from "./src/client/mod.ts";
export {
  type CloseKind,
  ConnectionClosedError,
  NoResponseTopicError,
  NoSubscriberError,
  NotSentError,
  type NotSentKind,
  RefusedError,
  type RefusedErrorOptions,
  type RequestInterruption,
  RequestTimeoutError,
} from "./src/errors.ts";
export type { SendQueueLimits } from "./src/session/send_queue.ts";
export type { SavedMessage, SavedSession } from "./src/session/snapshot.ts";
export type {
  AuthenticationContext,
  AuthenticationData,
  Authenticator,
} from "./src/session/authenticator.ts";
export type { Capabilities } from "./src/session/capabilities.ts";
export type { AckProperties, AckReasonCode } from "./src/session/pending_acknowledgement.ts";
export type { FaultCode } from "./src/errors.ts";
export type { ByteChannel, ByteStream } from "./src/io/stream.ts";
export type { TlsOptions } from "./src/io/tls.ts";
export type { Transport } from "./src/io/transport.ts";
export type { TopicAliasMode } from "./src/session/topic_alias.ts";
export {
  parseSharedSubscription,
  type SharedSubscription,
  topicMatches,
  validateTopicFilter,
  validateTopicName,
} from "./src/topics.ts";
