// What an application publishes, as a packet: a topic, a payload, and options that are the fields
// and properties of PUBLISH, flat.

import type { PropertiesOf, PublishInit, QoS } from "../packets/mod.ts";

/** A payload with properties of its message (§3.3.2.3), for `client.publish()`. */
export interface MessageContent extends
  Omit<
    PropertiesOf<"publish">,
    "subscriptionIdentifiers" | "topicAlias"
  > {
  /** Text, sent as UTF-8, or bytes. */
  readonly payload: string | Uint8Array;
  /**
   * A message that was received is not content: which of its properties go on is for you to say.
   */
  readonly topic?: never;
}

/** The fields of PUBLISH (§3.3.1) and its properties (§3.3.2.3), flat. */
export interface PublishFields extends Omit<PropertiesOf<"publish">, "subscriptionIdentifiers"> {
  /**
   * How hard sender and receiver try: 0 at most once, 1 at least once, 2 exactly once. Default: 0.
   */
  readonly qos?: QoS | undefined;
  /** Whether the server is to keep the message for those who subscribe later. Default: false. */
  readonly retain?: boolean | undefined;
}

/**
 * The PUBLISH for a message. Of a property that stands in the content and in the options the
 * options count.
 *
 * @throws {TypeError} when the payload is neither text nor bytes, or an option is set that a client
 *   may not set
 */
export function publishPacket(
  topic: string,
  payload: string | Uint8Array | MessageContent,
  options: PublishFields | undefined,
): PublishInit {
  if (isContent(payload)) {
    const { payload: data, ...properties } = payload;
    return packetOf(topic, data, { ...properties, ...options });
  }
  return packetOf(topic, payload, options);
}

function packetOf(
  topic: string,
  payload: string | Uint8Array,
  options: PublishFields | undefined,
): PublishInit {
  return {
    type: "publish",
    topic,
    payload: bytesOf("payload", payload),
    qos: options?.qos ?? 0,
    retain: options?.retain ?? false,
    properties: options === undefined ? undefined : propertiesOf(options),
  };
}

/**
 * The PUBLISH for a message that is stored before it is sent: of QoS 1 unless the options say 2.
 *
 * @throws {TypeError} as {@linkcode publishPacket} does; when `qos` is 0, or there is a `signal`,
 *   which cannot outlive the process
 */
export function durablePacket(
  topic: string,
  payload: string | Uint8Array | MessageContent,
  options: PublishFields,
): PublishInit {
  if ("signal" in options) throw new TypeError("signal cannot take back a message that is stored");
  const packet = publishPacket(topic, payload, { qos: 1, ...options });
  if (packet.qos === 0) throw new TypeError("Only messages of QoS 1 and 2 are stored, got qos 0");
  return packet;
}

function isContent(payload: string | Uint8Array | MessageContent): payload is MessageContent {
  return typeof payload === "object" && payload !== null && !(payload instanceof Uint8Array) &&
    Object.hasOwn(payload, "payload");
}

function propertiesOf(options: PublishFields): PropertiesOf<"publish"> | undefined {
  let properties: Record<string, unknown> | undefined;
  for (const name in options) {
    if (name === "qos" || name === "retain" || name === "signal") continue;
    if (name === "subscriptionIdentifiers") {
      throw new TypeError("subscriptionIdentifiers may only be set by a server [MQTT-3.3.4-6]");
    }
    properties ??= {};
    properties[name] = options[name as keyof PublishFields];
  }
  return properties;
}

/**
 * Text as bytes, bytes as they are.
 *
 * @throws {TypeError} when it is neither
 */
export function bytesOf(name: string, data: string | Uint8Array): Uint8Array {
  if (typeof data === "string") return encoder.encode(data);
  if (data instanceof Uint8Array) return data;
  throw new TypeError(`${name} must be a string or a Uint8Array, got ${typeof data}`);
}

const encoder = new TextEncoder();
