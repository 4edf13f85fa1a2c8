// What a Server has said in CONNACK that it does not have, and a Client asks for all the same.

import { type PublishPacket, ReasonCode, type SubscribePacket } from "../packets/mod.ts";
import { protocolError } from "./protocol_errors.ts";
import type { Capabilities } from "./capabilities.ts";
import { type Feature, unsupportedFeature } from "./subscription_features.ts";

/**
 * Refuses a message that the Server has said it does not take (§3.2.2.3.4, §3.2.2.3.5), or that no
 * Client may send.
 *
 * @throws {ProtocolError} with the Reason Code for it
 */
export function checkPublishAllowed(
  { qos, retain, properties }: PublishPacket,
  own: Capabilities,
): void {
  if (qos > own.maximumQoS) {
    const rule = `is ${qos}, above the Maximum QoS of ${own.maximumQoS} [MQTT-3.2.2-11]`;
    throw protocolError("publish", "QoS", rule, "3.2.2.3.4", ReasonCode.qosNotSupported);
  }
  if (retain && !own.retainAvailable) {
    const rule = "is 1, but retained messages are not supported [MQTT-3.2.2-14]";
    throw protocolError("publish", "RETAIN", rule, "3.2.2.3.5", ReasonCode.retainNotSupported);
  }
  if (properties.subscriptionIdentifiers !== undefined) {
    const rule = "may not be sent by a Client [MQTT-3.3.4-6]";
    throw protocolError("publish", "Subscription Identifier", rule, "3.3.4");
  }
}

/**
 * Refuses subscriptions that the Server has said it does not have (§3.2.2.3.11 to §3.2.2.3.13).
 *
 * @throws {ProtocolError} with the Reason Code for it
 */
export function checkSubscribeAllowed(packet: SubscribePacket, own: Capabilities): void {
  const feature = unsupportedFeature(packet, own);
  if (feature === undefined) return;
  const [field, rule, reasonCode] = REFUSALS[feature.name];
  throw protocolError("subscribe", field, rule, feature.section, reasonCode);
}

/** How a feature that the Server does not have is refused: the field, the rule, the Reason Code. */
const REFUSALS: Readonly<Record<Feature["name"], readonly [string, string, ReasonCode]>> = {
  "wildcards": [
    "Topic Filter",
    "has a wildcard, which is not supported",
    ReasonCode.wildcardSubscriptionsNotSupported,
  ],
  "Subscription Identifiers": [
    "Subscription Identifier",
    "is not supported",
    ReasonCode.subscriptionIdentifiersNotSupported,
  ],
  "Shared Subscriptions": [
    "Topic Filter",
    "is a Shared Subscription, which is not supported",
    ReasonCode.sharedSubscriptionsNotSupported,
  ],
};
