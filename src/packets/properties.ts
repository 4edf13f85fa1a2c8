// §2.2.2 Properties: Table 2-4, one row per property. The types of every packet's properties, their
// encoder, their decoder, every check and every explanation come from these rows.

import { topicNameFault } from "../topics.ts";
import type { PacketType } from "./packet_types.ts";
import { qosMeans } from "./qos.ts";
import { ReasonCode } from "./reason_codes.ts";

/** Where properties stand: in a packet, or with the Will Message inside CONNECT. */
export type PropertyHolder = Exclude<PacketType, "pingreq" | "pingresp"> | "will";

/**
 * What a property looks like to us, by the way it is encoded (§1.5). A byte that is 0 or 1 is a
 * `boolean`.
 */
export interface PropertyValues {
  /** A byte that is a number. */
  byte: number;
  /** A byte that is 0 or 1. */
  boolean: boolean;
  /** 0 to 65,535. */
  twoByteInteger: number;
  /** 0 to 4,294,967,295. */
  fourByteInteger: number;
  /** 0 to 268,435,455. */
  variableByteInteger: number;
  /** At most 65,535 bytes of UTF-8. */
  utf8String: string;
  /** At most 65,535 bytes. */
  binaryData: Uint8Array;
  /** A name and a value, each a string. */
  utf8StringPair: readonly [name: string, value: string];
}

/** One line of Table 2-4. */
export interface PropertyRow {
  /** The Property Identifier. */
  readonly id: number;
  /** Its name in the standard. */
  readonly name: string;
  /** How its value is encoded. */
  readonly is: keyof PropertyValues;
  /** Where it may stand, each with the section that says so. */
  readonly in: { readonly [Holder in PropertyHolder]?: string };
  /** Where it may stand more than once. Such a property is an array, everywhere. */
  readonly repeats?: readonly PropertyHolder[];
  /** The least value, if not 0. */
  readonly minimum?: number;
  /** The greatest value, if not the greatest that can be encoded. */
  readonly maximum?: number;
  /** The Reason Code for a value out of bounds, if not 0x82. */
  readonly outOfBounds?: number;
  /** What an end of a connection that leaves it out of CONNECT or CONNACK takes all the same. */
  readonly absent?: number | boolean;
  /** The property without which this one may not stand. */
  readonly needs?: string;
  /** What else is wrong with a value, as the rest of a sentence. */
  fault?(value: never): string | undefined;
  /** What a value means, as the rest of a line of explanation. */
  means?(value: never): string;
}

/** The greatest number that each encoding of numbers has room for (§1.5). */
const GREATEST: { readonly [Is in keyof PropertyValues]?: number } = {
  byte: 0xff,
  twoByteInteger: 65_535,
  fourByteInteger: 4_294_967_295,
  variableByteInteger: 268_435_455,
};

const EVERYWHERE = {
  connect: "3.1.2.11.8",
  will: "3.1.3.2.8",
  connack: "3.2.2.3.10",
  publish: "3.3.2.3.7",
  puback: "3.4.2.2.3",
  pubrec: "3.5.2.2.3",
  pubrel: "3.6.2.2.3",
  pubcomp: "3.7.2.2.3",
  subscribe: "3.8.2.1.3",
  suback: "3.9.2.1.3",
  unsubscribe: "3.10.2.1.2",
  unsuback: "3.11.2.1.3",
  disconnect: "3.14.2.2.4",
  auth: "3.15.2.2.5",
} as const;

/** Table 2-4: every property. */
export const PROPERTIES = {
  /** Whether the payload is bytes of any kind, 0, or text in UTF-8, 1. §3.3.2.3.2 */
  payloadFormatIndicator: {
    id: 0x01,
    name: "Payload Format Indicator",
    is: "byte",
    in: { publish: "3.3.2.3.2", will: "3.1.3.2.3" },
    maximum: 1,
    means: (value: number): string => value === 1 ? "text in UTF-8" : "bytes of any kind",
  },
  /** Seconds a Server keeps the message for a subscriber. §3.3.2.3.3 */
  messageExpiryInterval: {
    id: 0x02,
    name: "Message Expiry Interval",
    is: "fourByteInteger",
    in: { publish: "3.3.2.3.3", will: "3.1.3.2.4" },
    means: (value: number): string => `the message is of use for ${seconds(value)}`,
  },
  /**
   * What the payload is, by a name that sender and receiver agree upon, such as a MIME type.
   * §3.3.2.3.9
   */
  contentType: {
    id: 0x03,
    name: "Content Type",
    is: "utf8String",
    in: { publish: "3.3.2.3.9", will: "3.1.3.2.5" },
  },
  /** The Topic Name for the answer to a request. §3.3.2.3.5 */
  responseTopic: {
    id: 0x08,
    name: "Response Topic",
    is: "utf8String",
    in: { publish: "3.3.2.3.5", will: "3.1.3.2.6" },
    fault: responseTopicFault,
    means: (): string => "the answer is to be published here",
  },
  /** By which the sender of a request knows its answer. §3.3.2.3.6 */
  correlationData: {
    id: 0x09,
    name: "Correlation Data",
    is: "binaryData",
    in: { publish: "3.3.2.3.6", will: "3.1.3.2.7" },
  },
  /**
   * Numbers of the subscriptions that the message matches, or, in SUBSCRIBE, the one number to
   * give. §3.8.2.1.2
   */
  subscriptionIdentifiers: {
    id: 0x0b,
    name: "Subscription Identifier",
    is: "variableByteInteger",
    in: { publish: "3.3.2.3.8", subscribe: "3.8.2.1.2" },
    repeats: ["publish"],
    minimum: 1,
  },
  /**
   * Seconds the session lives after the Network Connection; 4,294,967,295 is for ever. §3.1.2.11.2
   */
  sessionExpiryInterval: {
    id: 0x11,
    name: "Session Expiry Interval",
    is: "fourByteInteger",
    in: { connect: "3.1.2.11.2", connack: "3.2.2.3.2", disconnect: "3.14.2.2.2" },
    means: (value: number): string =>
      value === 0
        ? "the session ends with the connection"
        : value === 0xffff_ffff
        ? "the session never expires"
        : `the session outlives the connection by ${seconds(value)}`,
  },
  /** The Client Identifier that the Server chose for a Client that gave none. §3.2.2.3.7 */
  assignedClientIdentifier: {
    id: 0x12,
    name: "Assigned Client Identifier",
    is: "utf8String",
    in: { connack: "3.2.2.3.7" },
    means: (): string => "chosen by the Server",
  },
  /** Seconds of Keep Alive that the Server asks for instead of the Client's. §3.2.2.3.14 */
  serverKeepAlive: {
    id: 0x13,
    name: "Server Keep Alive",
    is: "twoByteInteger",
    in: { connack: "3.2.2.3.14" },
    means: (value: number): string => `${keepAliveMeans(value)}, whatever CONNECT said`,
  },
  /** The name of the method of enhanced authentication. §4.12 */
  authenticationMethod: {
    id: 0x15,
    name: "Authentication Method",
    is: "utf8String",
    in: { connect: "3.1.2.11.9", connack: "3.2.2.3.17", auth: "3.15.2.2.2" },
  },
  /** What the method of enhanced authentication exchanges. §4.12 */
  authenticationData: {
    id: 0x16,
    name: "Authentication Data",
    is: "binaryData",
    in: { connect: "3.1.2.11.10", connack: "3.2.2.3.18", auth: "3.15.2.2.3" },
    needs: "authenticationMethod",
  },
  /**
   * Whether the Server may send Reason Strings and User Properties on failures; absent means true.
   * §3.1.2.11.7
   */
  requestProblemInformation: {
    id: 0x17,
    name: "Request Problem Information",
    is: "boolean",
    in: { connect: "3.1.2.11.7" },
    means: (value: boolean): string =>
      value ? "Reason Strings are welcome" : "no Reason String but in PUBLISH, CONNACK, DISCONNECT",
  },
  /** Seconds the Server waits before it publishes the Will Message. §3.1.3.2.2 */
  willDelayInterval: {
    id: 0x18,
    name: "Will Delay Interval",
    is: "fourByteInteger",
    in: { will: "3.1.3.2.2" },
    means: (value: number): string =>
      `the Will is published ${seconds(value)} after the connection`,
  },
  /** Whether the Client would like Response Information in CONNACK. §3.1.2.11.6 */
  requestResponseInformation: {
    id: 0x19,
    name: "Request Response Information",
    is: "boolean",
    in: { connect: "3.1.2.11.6" },
    means: (value: boolean): string => `Response Information is ${value ? "" : "not "}wanted`,
  },
  /** From which the Client makes its Response Topics. §3.2.2.3.15 */
  responseInformation: {
    id: 0x1a,
    name: "Response Information",
    is: "utf8String",
    in: { connack: "3.2.2.3.15" },
  },
  /** Another Server to use. §4.11 */
  serverReference: {
    id: 0x1c,
    name: "Server Reference",
    is: "utf8String",
    in: { connack: "3.2.2.3.16", disconnect: "3.14.2.2.5" },
    means: (): string => "another Server to use",
  },
  /** For a person to read, not for a program to parse. §2.4 */
  reasonString: {
    id: 0x1f,
    name: "Reason String",
    is: "utf8String",
    in: {
      connack: "3.2.2.3.9",
      puback: "3.4.2.2.2",
      pubrec: "3.5.2.2.2",
      pubrel: "3.6.2.2.2",
      pubcomp: "3.7.2.2.2",
      suback: "3.9.2.1.2",
      unsuback: "3.11.2.1.2",
      disconnect: "3.14.2.2.3",
      auth: "3.15.2.2.4",
    },
  },
  /** The most QoS 1 and 2 messages unacknowledged at a time; absent means 65,535. §3.1.2.11.3 */
  receiveMaximum: {
    id: 0x21,
    name: "Receive Maximum",
    is: "twoByteInteger",
    in: { connect: "3.1.2.11.3", connack: "3.2.2.3.3" },
    absent: 65_535,
    minimum: 1,
    means: (value: number): string => `at most ${value} unacknowledged QoS 1 and 2 messages`,
  },
  /** The highest Topic Alias that may be sent; absent means none. §3.1.2.11.5 */
  topicAliasMaximum: {
    id: 0x22,
    name: "Topic Alias Maximum",
    is: "twoByteInteger",
    in: { connect: "3.1.2.11.5", connack: "3.2.2.3.8" },
    absent: 0,
    means: (value: number): string =>
      value === 0 ? "no Topic Aliases" : `Topic Aliases from 1 to ${value}`,
  },
  /** A number that stands for the Topic Name. §3.3.2.3.4 */
  topicAlias: {
    id: 0x23,
    name: "Topic Alias",
    is: "twoByteInteger",
    in: { publish: "3.3.2.3.4" },
    minimum: 1,
    outOfBounds: ReasonCode.topicAliasInvalid,
    means: (): string => "stands for the Topic Name",
  },
  /** The highest QoS the Server takes, 0 or 1; absent means 2. §3.2.2.3.4 */
  maximumQoS: {
    id: 0x24,
    name: "Maximum QoS",
    is: "byte",
    in: { connack: "3.2.2.3.4" },
    absent: 2,
    maximum: 1,
    means: qosMeans,
  },
  /** Whether the Server keeps retained messages; absent means true. §3.2.2.3.5 */
  retainAvailable: {
    id: 0x25,
    name: "Retain Available",
    is: "boolean",
    in: { connack: "3.2.2.3.5" },
    absent: true,
    means: available,
  },
  /** Names and values of the application's own, in order. §3.3.2.3.7 */
  userProperties: {
    id: 0x26,
    name: "User Property",
    is: "utf8StringPair",
    in: EVERYWHERE,
    repeats: Object.keys(EVERYWHERE) as (keyof typeof EVERYWHERE)[],
  },
  /** The most bytes in one packet; absent means no limit. §3.1.2.11.4 */
  maximumPacketSize: {
    id: 0x27,
    name: "Maximum Packet Size",
    is: "fourByteInteger",
    in: { connect: "3.1.2.11.4", connack: "3.2.2.3.6" },
    absent: Infinity,
    minimum: 1,
    means: (value: number): string => `no packet over ${value} bytes`,
  },
  /** Whether Topic Filters may have wildcards; absent means true. §3.2.2.3.11 */
  wildcardSubscriptionAvailable: {
    id: 0x28,
    name: "Wildcard Subscription Available",
    is: "boolean",
    in: { connack: "3.2.2.3.11" },
    absent: true,
    means: available,
  },
  /** Whether subscriptions may have an identifier; absent means true. §3.2.2.3.12 */
  subscriptionIdentifierAvailable: {
    id: 0x29,
    name: "Subscription Identifier Available",
    is: "boolean",
    in: { connack: "3.2.2.3.12" },
    absent: true,
    means: available,
  },
  /** Whether there are Shared Subscriptions; absent means true. §3.2.2.3.13 */
  sharedSubscriptionAvailable: {
    id: 0x2a,
    name: "Shared Subscription Available",
    is: "boolean",
    in: { connack: "3.2.2.3.13" },
    absent: true,
    means: available,
  },
} as const satisfies Record<string, PropertyRow>;

/** The name of a property in our packet objects. */
export type PropertyName = keyof typeof PROPERTIES;

/** The value of one property: an array of values where it may be repeated. */
export type PropertyValue<Row extends PropertyRow> = Row extends { readonly repeats: unknown }
  ? readonly PropertyValues[Row["is"]][]
  : PropertyValues[Row["is"]];

/**
 * The properties that one kind of packet, or the Will, may have. Absent means what the standard
 * says it means.
 */
export type PropertiesOf<Holder extends PropertyHolder> = {
  readonly [
    Key in PropertyName as Holder extends keyof (typeof PROPERTIES)[Key]["in"] ? Key : never
  ]?: PropertyValue<(typeof PROPERTIES)[Key]> | undefined;
};

/** The same as they are decoded: bytes are views of those that were received. */
export type ReceivedPropertiesOf<Holder extends PropertyHolder> = {
  readonly [Key in keyof PropertiesOf<Holder>]: Received<PropertiesOf<Holder>[Key]>;
};

/**
 * A value as it is decoded.
 *
 * @internal
 */
export type Received<Value> = Value extends Uint8Array ? Uint8Array<ArrayBuffer> : Value;

/** The names of the properties that one kind of packet, or the Will, may have. */
export function propertyNames<Holder extends PropertyHolder>(
  holder: Holder,
): (keyof PropertiesOf<Holder>)[] {
  return Object.entries<PropertyRow>(PROPERTIES)
    .filter(([, row]) => row.in[holder] !== undefined)
    .map(([name]) => name as keyof PropertiesOf<Holder>);
}

/**
 * Those of some options that are properties of one kind of packet, or of the Will, by the same
 * names: so an option of the API follows from its row in {@linkcode PROPERTIES}.
 */
export function pickProperties<Holder extends PropertyHolder>(
  holder: Holder,
  options: PropertiesOf<Holder>,
): PropertiesOf<Holder> {
  return Object.fromEntries(
    propertyNames(holder).map((name) => [name, options[name]]),
  ) as PropertiesOf<Holder>;
}

/** The least and the greatest value of a property that is a number. */
export function boundsOf(
  { is, minimum = 0, maximum }: PropertyRow,
): [least: number, greatest: number] {
  return [minimum, maximum ?? GREATEST[is] ?? 0];
}

/** What a Keep Alive of so many seconds means. */
export function keepAliveMeans(value: number): string {
  return value === 0
    ? "the Server waits for ever"
    : `the Client sends something at least every ${seconds(value)}`;
}

/** What keeps a string from being a Response Topic, which is a Topic Name. */
function responseTopicFault(value: string): string | undefined {
  if (value === "") return "is empty [MQTT-4.7.3-1]";
  return topicNameFault(value) && "contains a wildcard, # or + [MQTT-3.3.2-14]";
}

function available(value: boolean): string {
  return value ? "yes" : "no";
}

function seconds(value: number): string {
  return value === 1 ? "1 second" : `${value} seconds`;
}
