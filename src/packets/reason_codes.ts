// §2.4 Reason Code: Table 2-6, with the packets of the tables of §3 (3-1, 3-4 … 3-10). Where they
// disagree, both count: 0x8C may stand in DISCONNECT, because a failed re-authentication needs it.

import type { PacketType } from "./packet_types.ts";

/** One line of Table 2-6. */
export interface ReasonCodeRow {
  /** The byte. From 0x80 on it says that something failed. */
  readonly code: number;
  /** Its name in the standard. */
  readonly name: string;
  /** The packets that may carry it. */
  readonly in: readonly PacketType[];
  /** Who alone may give it in a DISCONNECT, if not either end (Table 3-10). */
  readonly disconnectFrom?: "client" | "server";
  /** What it tells, as the rest of a line of explanation. */
  readonly means: string;
}

/**
 * Table 2-6: every Reason Code. A code with different names in different packets has a row for each
 * name.
 */
export const REASON_CODES = {
  success: {
    code: 0x00,
    name: "Success",
    in: ["connack", "puback", "pubrec", "pubrel", "pubcomp", "unsuback", "auth"],
    means: "accepted",
  },
  normalDisconnection: {
    code: 0x00,
    name: "Normal disconnection",
    in: ["disconnect"],
    means: "the Server discards the Will Message",
  },
  grantedQoS0: { code: 0x00, name: "Granted QoS 0", in: ["suback"], means: "at most once" },
  grantedQoS1: { code: 0x01, name: "Granted QoS 1", in: ["suback"], means: "at least once" },
  grantedQoS2: { code: 0x02, name: "Granted QoS 2", in: ["suback"], means: "exactly once" },
  disconnectWithWillMessage: {
    code: 0x04,
    name: "Disconnect with Will Message",
    in: ["disconnect"],
    disconnectFrom: "client",
    means: "the Client wants its Will Message published",
  },
  noMatchingSubscribers: {
    code: 0x10,
    name: "No matching subscribers",
    in: ["puback", "pubrec"],
    means: "accepted, but nobody has subscribed to the topic",
  },
  noSubscriptionExisted: {
    code: 0x11,
    name: "No subscription existed",
    in: ["unsuback"],
    means: "the Client had no such subscription",
  },
  continueAuthentication: {
    code: 0x18,
    name: "Continue authentication",
    in: ["auth"],
    means: "the exchange goes on with another step",
  },
  reauthenticate: {
    code: 0x19,
    name: "Re-authenticate",
    in: ["auth"],
    means: "the Client authenticates again",
  },
  unspecifiedError: {
    code: 0x80,
    name: "Unspecified error",
    in: ["connack", "puback", "pubrec", "suback", "unsuback", "disconnect"],
    means: "no reason given",
  },
  malformedPacket: {
    code: 0x81,
    name: "Malformed Packet",
    in: ["connack", "disconnect"],
    means: "a packet could not be parsed",
  },
  protocolError: {
    code: 0x82,
    name: "Protocol Error",
    in: ["connack", "disconnect"],
    means: "a packet was not allowed",
  },
  implementationSpecificError: {
    code: 0x83,
    name: "Implementation specific error",
    in: ["connack", "puback", "pubrec", "suback", "unsuback", "disconnect"],
    means: "valid, but not accepted here",
  },
  unsupportedProtocolVersion: {
    code: 0x84,
    name: "Unsupported Protocol Version",
    in: ["connack"],
    means: "the Server does not speak MQTT 5.0",
  },
  clientIdentifierNotValid: {
    code: 0x85,
    name: "Client Identifier not valid",
    in: ["connack"],
    means: "the Server does not allow this Client Identifier",
  },
  badUserNameOrPassword: {
    code: 0x86,
    name: "Bad User Name or Password",
    in: ["connack"],
    means: "the Server does not accept these credentials",
  },
  notAuthorized: {
    code: 0x87,
    name: "Not authorized",
    in: ["connack", "puback", "pubrec", "suback", "unsuback", "disconnect"],
    disconnectFrom: "server",
    means: "the Client may not do this",
  },
  serverUnavailable: {
    code: 0x88,
    name: "Server unavailable",
    in: ["connack"],
    means: "the Server is not available",
  },
  serverBusy: {
    code: 0x89,
    name: "Server busy",
    in: ["connack", "disconnect"],
    disconnectFrom: "server",
    means: "try again later",
  },
  banned: {
    code: 0x8a,
    name: "Banned",
    in: ["connack"],
    means: "this Client is banned; ask the administrator",
  },
  serverShuttingDown: {
    code: 0x8b,
    name: "Server shutting down",
    in: ["disconnect"],
    disconnectFrom: "server",
    means: "the Server is about to stop",
  },
  badAuthenticationMethod: {
    code: 0x8c,
    name: "Bad authentication method",
    in: ["connack", "disconnect"],
    disconnectFrom: "server",
    means: "not supported, or not the one in use",
  },
  keepAliveTimeout: {
    code: 0x8d,
    name: "Keep Alive timeout",
    in: ["disconnect"],
    disconnectFrom: "server",
    means: "no packet came for 1.5 times the Keep Alive",
  },
  sessionTakenOver: {
    code: 0x8e,
    name: "Session taken over",
    in: ["disconnect"],
    disconnectFrom: "server",
    means: "another connection uses the same Client Identifier",
  },
  topicFilterInvalid: {
    code: 0x8f,
    name: "Topic Filter invalid",
    in: ["suback", "unsuback", "disconnect"],
    disconnectFrom: "server",
    means: "valid, but not accepted from this Client",
  },
  topicNameInvalid: {
    code: 0x90,
    name: "Topic Name invalid",
    in: ["connack", "puback", "pubrec", "disconnect"],
    means: "valid, but not accepted here",
  },
  packetIdentifierInUse: {
    code: 0x91,
    name: "Packet Identifier in use",
    in: ["puback", "pubrec", "suback", "unsuback"],
    means: "the Session States differ",
  },
  packetIdentifierNotFound: {
    code: 0x92,
    name: "Packet Identifier not found",
    in: ["pubrel", "pubcomp"],
    means: "no error during recovery; else the Session States differ",
  },
  receiveMaximumExceeded: {
    code: 0x93,
    name: "Receive Maximum exceeded",
    in: ["disconnect"],
    means: "too many unacknowledged messages",
  },
  topicAliasInvalid: {
    code: 0x94,
    name: "Topic Alias invalid",
    in: ["disconnect"],
    means: "0, or above the Topic Alias Maximum",
  },
  packetTooLarge: {
    code: 0x95,
    name: "Packet too large",
    in: ["connack", "disconnect"],
    means: "above the Maximum Packet Size",
  },
  messageRateTooHigh: {
    code: 0x96,
    name: "Message rate too high",
    in: ["disconnect"],
    means: "too many messages in too short a time",
  },
  quotaExceeded: {
    code: 0x97,
    name: "Quota exceeded",
    in: ["connack", "puback", "pubrec", "suback", "disconnect"],
    means: "a limit is reached",
  },
  administrativeAction: {
    code: 0x98,
    name: "Administrative action",
    in: ["disconnect"],
    means: "an administrator closed the connection",
  },
  payloadFormatInvalid: {
    code: 0x99,
    name: "Payload format invalid",
    in: ["connack", "puback", "pubrec", "disconnect"],
    means: "the payload is not what its Payload Format Indicator says",
  },
  retainNotSupported: {
    code: 0x9a,
    name: "Retain not supported",
    in: ["connack", "disconnect"],
    disconnectFrom: "server",
    means: "the Server keeps no retained messages",
  },
  qosNotSupported: {
    code: 0x9b,
    name: "QoS not supported",
    in: ["connack", "disconnect"],
    means: "above the Server's Maximum QoS",
  },
  useAnotherServer: {
    code: 0x9c,
    name: "Use another server",
    in: ["connack", "disconnect"],
    disconnectFrom: "server",
    means: "for the time being; see the Server Reference",
  },
  serverMoved: {
    code: 0x9d,
    name: "Server moved",
    in: ["connack", "disconnect"],
    disconnectFrom: "server",
    means: "for good; see the Server Reference",
  },
  sharedSubscriptionsNotSupported: {
    code: 0x9e,
    name: "Shared Subscriptions not supported",
    in: ["suback", "disconnect"],
    disconnectFrom: "server",
    means: "for this Client",
  },
  connectionRateExceeded: {
    code: 0x9f,
    name: "Connection rate exceeded",
    in: ["connack", "disconnect"],
    disconnectFrom: "server",
    means: "too many connections in too short a time",
  },
  maximumConnectTime: {
    code: 0xa0,
    name: "Maximum connect time",
    in: ["disconnect"],
    disconnectFrom: "server",
    means: "the time for this connection is over",
  },
  subscriptionIdentifiersNotSupported: {
    code: 0xa1,
    name: "Subscription Identifiers not supported",
    in: ["suback", "disconnect"],
    disconnectFrom: "server",
    means: "the subscription is not accepted",
  },
  wildcardSubscriptionsNotSupported: {
    code: 0xa2,
    name: "Wildcard Subscriptions not supported",
    in: ["suback", "disconnect"],
    disconnectFrom: "server",
    means: "the subscription is not accepted",
  },
} as const satisfies Record<string, ReasonCodeRow>;

/** The name of a Reason Code in {@linkcode REASON_CODES}. */
export type ReasonCodeKey = keyof typeof REASON_CODES;

/** Any Reason Code. */
export type ReasonCode = (typeof REASON_CODES)[ReasonCodeKey]["code"];

/** The Reason Codes that one kind of packet may carry. */
export type ReasonCodeOf<Type extends PacketType> = {
  [Key in ReasonCodeKey]: Type extends (typeof REASON_CODES)[Key]["in"][number]
    ? (typeof REASON_CODES)[Key]["code"]
    : never;
}[ReasonCodeKey];

/** The Reason Codes by name (§2.4). */
export const ReasonCode: { readonly [Key in ReasonCodeKey]: (typeof REASON_CODES)[Key]["code"] } =
  Object
    .fromEntries(
      Object.entries(REASON_CODES).map(([key, { code }]) => [key, code]),
    ) as { [Key in ReasonCodeKey]: (typeof REASON_CODES)[Key]["code"] };

/** Whether a Reason Code says that something failed: it does from 0x80 on (§2.4). */
export function isFailure(reasonCode: number): boolean {
  return reasonCode >= 0x80;
}

/**
 * The name of a Reason Code in the standard, as it is called in one kind of packet: 0x00 is
 * "Success" in CONNACK and "Normal disconnection" in DISCONNECT. `undefined` when that packet may
 * not carry it.
 *
 * @example
 * ```ts
 * import { ReasonCode, reasonCodeName } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(reasonCodeName(ReasonCode.notAuthorized, "connack"), "Not authorized");
 * assertEquals(reasonCodeName(0x00, "disconnect"), "Normal disconnection");
 * ```
 */
export function reasonCodeName(code: number, type: PacketType): string | undefined {
  const rows = Object.values<ReasonCodeRow>(REASON_CODES);
  return rows.find((row) => row.code === code && row.in.includes(type))?.name;
}
