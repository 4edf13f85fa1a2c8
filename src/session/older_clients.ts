// MQTT 3.1.1 and 3.1 at a Server: what their Clients are taken to have said, as they have no
// properties to say it with, and how they are told what they have no Reason Codes for.

import {
  type ConnectPacket,
  isFailure,
  type PropertiesOf,
  type ProtocolVersion,
  ReasonCode,
  type SubackInit,
  type SubscribePacket,
} from "../packets/mod.ts";
import { parseSharedSubscription } from "../topics.ts";
import { type Capabilities, capabilitiesOf } from "./capabilities.ts";

/**
 * So many messages of QoS 1 and 2 are in flight to a Client that cannot say how many it takes: each
 * of them is sent again when it reconnects, and with 100 it got half as many a second.
 */
export const MOST_IN_FLIGHT = 1000;

/** What a Client takes. */
export function capabilitiesOfClient({ protocolVersion, properties }: ConnectPacket): Capabilities {
  const capabilities = capabilitiesOf(properties);
  if (protocolVersion === 5) return capabilities;
  return { ...capabilities, receiveMaximum: MOST_IN_FLIGHT };
}

/**
 * What this end takes: what was granted in CONNACK. A Client of an older version has not been told
 * how many messages that is, and may send as many as there are Packet Identifiers.
 */
export function capabilitiesFor(
  protocolVersion: ProtocolVersion,
  granted: PropertiesOf<"connack">,
): Capabilities {
  const capabilities = capabilitiesOf(granted);
  return protocolVersion === 5 ? capabilities : { ...capabilities, receiveMaximum: 65_535 };
}

/**
 * The codes of a SUBACK for a Client. MQTT 3.1 has none for a failure: the QoS asked for is
 * granted, and nothing comes of it.
 */
export function subackCodesFor(
  protocolVersion: ProtocolVersion,
  { subscriptions }: SubscribePacket,
  reasonCodes: SubackInit["reasonCodes"],
): SubackInit["reasonCodes"] {
  if (protocolVersion > 3) return reasonCodes;
  return reasonCodes.map((code, index) => isFailure(code) ? subscriptions[index]!.qos : code);
}

/**
 * A SUBSCRIBE as a bridge means it: its messages are to keep their RETAIN flag, and not to come
 * back. It has no options to say so.
 */
export function asOfBridge(packet: SubscribePacket): SubscribePacket {
  const subscriptions = packet.subscriptions.map((subscription) => ({
    ...subscription,
    retainAsPublished: true,
    noLocal: parseSharedSubscription(subscription.topicFilter) === undefined,
  }));
  return { ...packet, subscriptions };
}

/**
 * Whether a message is refused only for now, so that a Client which cannot be told must send it
 * again: its connection is closed [MQTT-4.8.0-2 of MQTT 3.1.1].
 */
export function isTransient(reasonCode: number): reasonCode is (typeof TRANSIENT)[number] {
  return TRANSIENT.some((code) => code === reasonCode);
}

const TRANSIENT = [
  ReasonCode.unspecifiedError,
  ReasonCode.implementationSpecificError,
  ReasonCode.quotaExceeded,
] as const;
