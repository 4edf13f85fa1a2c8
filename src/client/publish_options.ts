// What the application publishes, as a packet.

import type { PropertiesOf, PublishInit, QoS } from "../packets/mod.ts";
import type { MessageContent } from "./json.ts";
import { bytesOf } from "./options.ts";

/**
 * Options of `client.publish()`: the fields of PUBLISH (§3.3.1) and its properties (§3.3.2.3),
 * flat.
 */
export interface PublishOptions extends Omit<PropertiesOf<"publish">, "subscriptionIdentifiers"> {
  /**
   * How hard sender and receiver try: 0 at most once, 1 at least once, 2 exactly once. Default: 0.
   */
  readonly qos?: QoS | undefined;
  /** Whether the server is to keep the message for those who subscribe later. Default: false. */
  readonly retain?: boolean | undefined;
  /**
   * Gives the message up, if it has not been sent yet. Afterwards it only ends the wait: what was
   * sent cannot be taken back, and the client goes on to deliver it.
   */
  readonly signal?: AbortSignal | undefined;
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
  options: PublishOptions | undefined,
): PublishInit {
  if (isContent(payload)) {
    const { payload: data, ...properties } = payload;
    return publishPacket(topic, data, { ...properties, ...options });
  }
  return {
    type: "publish",
    topic,
    payload: bytesOf("payload", payload),
    qos: options?.qos ?? 0,
    retain: options?.retain ?? false,
    properties: options === undefined ? undefined : propertiesOf(options),
  };
}

function isContent(payload: string | Uint8Array | MessageContent): payload is MessageContent {
  return typeof payload === "object" && payload !== null && !(payload instanceof Uint8Array) &&
    Object.hasOwn(payload, "payload");
}

function propertiesOf(options: PublishOptions): PropertiesOf<"publish"> | undefined {
  let properties: Record<string, unknown> | undefined;
  for (const name in options) {
    if (name === "qos" || name === "retain" || name === "signal") continue;
    if (name === "subscriptionIdentifiers") {
      throw new TypeError("subscriptionIdentifiers may only be set by a server [MQTT-3.3.4-6]");
    }
    properties ??= {};
    properties[name] = options[name as keyof PublishOptions];
  }
  return properties;
}
