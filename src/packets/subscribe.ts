// §3.8 SUBSCRIBE – Subscribe request, and §3.9 SUBACK – Subscribe acknowledgement.

import { parseSharedSubscription } from "../topics.ts";
import { checkInteger, checkObject, flagBit, forbidden } from "../wire/checks.ts";
import { type Bits, type Field, getBits, putBits } from "../wire/field.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { closePacket, openPacket } from "./fixed_header.ts";
import {
  type Init,
  type PacketCodec,
  packetIdentifier,
  readPacketId,
  writePacketId,
} from "./packet.ts";
import { PayloadList, readTopicFilter, writeTopicFilter } from "./payload_list.ts";
import type { ReceivedPropertiesOf } from "./properties.ts";
import { PropertySet } from "./property_set.ts";
import { type QoS, qosBits, qosMeans } from "./qos.ts";
import { ReasonCodeSet } from "./reason_code_set.ts";
import { isFailure, ReasonCode, type ReasonCodeOf } from "./reason_codes.ts";

/** SUBSCRIBE, from Client to Server, a request for messages (§3.8). */
export interface SubscribePacket {
  /** Tells the kinds of packet apart. */
  readonly type: "subscribe";
  /** The Packet Identifier, which the SUBACK repeats (§2.2.1). */
  readonly packetId: number;
  /** Properties of the request (§3.8.2.1). */
  readonly properties: ReceivedPropertiesOf<"subscribe">;
  /** What is asked for, at least one (§3.8.3). */
  readonly subscriptions: readonly SubscriptionRequest[];
}

/** A Topic Filter and its Subscription Options (§3.8.3.1). */
export interface SubscriptionRequest {
  /** The topics asked for, with or without wildcards, shared or not (§4.7, §4.8). */
  readonly topicFilter: string;
  /** The highest QoS at which the Server may send. */
  readonly qos: QoS;
  /** Whether the Client's own messages are not to come back to it. */
  readonly noLocal: boolean;
  /** Whether the RETAIN flag is to arrive as it was published. */
  readonly retainAsPublished: boolean;
  /**
   * Whether retained messages are sent: 0 at every subscribe, 1 only if the subscription is new, 2
   * never.
   */
  readonly retainHandling: RetainHandling;
}

/**
 * When retained messages are sent: 0 at every subscribe, 1 only if the subscription is new, 2 never
 * (§3.8.3.1).
 */
export type RetainHandling = 0 | 1 | 2;

/** SUBACK, from Server to Client, the answer to SUBSCRIBE (§3.9). */
export interface SubackPacket {
  /** Tells the kinds of packet apart. */
  readonly type: "suback";
  /** The Packet Identifier of the SUBSCRIBE (§2.2.1). */
  readonly packetId: number;
  /** What else there is to say (§3.9.2.1). */
  readonly properties: ReceivedPropertiesOf<"suback">;
  /**
   * One for each subscription asked for, in the same order: the QoS granted, or 0x80 and above
   * (§3.9.3). Before MQTT 5.0 the only one above is 0x80.
   */
  readonly reasonCodes: readonly ReasonCodeOf<"suback">[];
}

/** A {@linkcode SubscribePacket} to be encoded. */
export type SubscribeInit =
  & Init<Omit<SubscribePacket, "subscriptions">, "type" | "packetId">
  & {
    /** What is asked for, at least one (§3.8.3). */
    readonly subscriptions: readonly SubscriptionRequestInit[];
  };

/** A {@linkcode SubscriptionRequest} to be encoded. */
export type SubscriptionRequestInit = Init<SubscriptionRequest, "topicFilter">;

/** A {@linkcode SubackPacket} to be encoded. */
export type SubackInit = Init<SubackPacket, "type" | "packetId" | "reasonCodes">;

const SUBSCRIBE_PACKET_IDENTIFIER = packetIdentifier("3.8.2");
const SUBSCRIBE_PROPERTIES = new PropertySet("subscribe", "3.8.2.1.1");
const TOPIC_FILTER: Field<string> = {
  key: "subscriptions[].topicFilter",
  name: "Topic Filter",
  section: "3.8.3",
};
const RESERVED: Bits = {
  mask: 0b1100_0000,
  key: "subscriptions[]",
  name: "Reserved",
  section: "3.8.3.1",
};
const RETAIN_HANDLING: Bits = {
  mask: 0b0011_0000,
  key: "subscriptions[].retainHandling",
  name: "Retain Handling",
  section: "3.8.3.1",
  means: (value) =>
    [
      "retained messages are sent now",
      "retained messages are sent now if the subscription is new",
      "retained messages are not sent now",
    ][value] ?? "must not be used",
};
const RETAIN_AS_PUBLISHED: Bits = {
  mask: 0b0000_1000,
  key: "subscriptions[].retainAsPublished",
  name: "Retain As Published",
  section: "3.8.3.1",
  means: (bit) => bit === 1 ? "RETAIN arrives as published" : "RETAIN tells kept messages from new",
};
const NO_LOCAL: Bits = {
  mask: 0b0000_0100,
  key: "subscriptions[].noLocal",
  name: "No Local",
  section: "3.8.3.1",
  means: (bit) => bit === 1 ? "not the Client's own messages" : "the Client's own messages too",
};
const MAXIMUM_QOS: Bits = {
  mask: 0b0000_0011,
  key: "subscriptions[].qos",
  name: "Maximum QoS",
  section: "3.8.3.1",
  means: qosMeans,
};
const SUBSCRIPTION_OPTIONS: Field<number> = {
  key: "subscriptions[]",
  name: "Subscription Options",
  section: "3.8.3.1",
  bits: [RESERVED, RETAIN_HANDLING, RETAIN_AS_PUBLISHED, NO_LOCAL, MAXIMUM_QOS],
};

/** The same byte before MQTT 5.0 (3.1.1: §3.8.3). */
const REQUESTED_QOS: Bits = { ...MAXIMUM_QOS, name: "Requested QoS", section: "3.8.3" };
const RESERVED_BEFORE_5: Bits = { ...RESERVED, mask: 0b1111_1100, section: "3.8.3" };
const QOS_BYTE: Field<number> = {
  ...{ key: "subscriptions[]", name: "Requested QoS", section: "3.8.3" },
  bits: [RESERVED_BEFORE_5, REQUESTED_QOS],
};

const SUBACK_PACKET_IDENTIFIER = packetIdentifier("3.9.2");
const SUBACK_PROPERTIES = new PropertySet("suback", "3.9.2.1.1");
const SUBACK_REASON_CODE = new ReasonCodeSet("suback", {
  key: "reasonCodes[]",
  name: "Subscribe Reason Code",
  section: "3.9.3",
}, "MQTT-3.9.3-2");

/** The codes before MQTT 5.0 (3.1.1: §3.9.3). */
const RETURN_CODE: Field<number> = {
  ...{ key: "reasonCodes[]", name: "Return Code", section: "3.9.3", isCode: true },
  means: (code) => code === FAILURE ? "Failure" : `Maximum QoS ${code}, ${qosMeans(code)}`,
};
const FAILURE = ReasonCode.unspecifiedError;

const SHARED_NO_LOCAL = "must not be set on a Shared Subscription [MQTT-3.8.3-4]";

const NOT_BEFORE_5 = "is not in MQTT 3.1.1";

const SUBSCRIPTIONS = new PayloadList(
  { key: "subscriptions", name: "Payload", section: "3.8.3" },
  "MQTT-3.8.3-2",
  readSubscription,
  writeSubscription,
  "Topic Filters",
);
const SUBACK_REASON_CODES = new PayloadList(
  { key: "reasonCodes", name: "Payload", section: "3.9.3" },
  undefined,
  (reader) => reader.protocolVersion < 5 ? readReturnCode(reader) : SUBACK_REASON_CODE.read(reader),
  (writer, code: number) =>
    SUBACK_REASON_CODE.write(
      writer,
      writer.protocolVersion < 5 && isFailure(code) ? FAILURE : code,
    ),
  "Reason Codes",
);

/** §3.8 SUBSCRIBE – Subscribe request. */
export const SUBSCRIBE: PacketCodec<SubscribePacket, SubscribeInit> = {
  read: readSubscribe,
  write: writeSubscribe,
};

/** Writes a SUBSCRIBE. */
function writeSubscribe(writer: Writer, packet: SubscribeInit): void {
  const hole = openPacket(writer, "subscribe");
  writePacketId(writer, SUBSCRIBE_PACKET_IDENTIFIER, packet.packetId);
  SUBSCRIBE_PROPERTIES.write(writer, packet.properties);
  SUBSCRIPTIONS.write(writer, packet.subscriptions);
  closePacket(writer, hole);
}

/** Reads a SUBSCRIBE after its fixed header. */
function readSubscribe(reader: Reader): SubscribePacket {
  return {
    type: "subscribe",
    packetId: readPacketId(reader, SUBSCRIBE_PACKET_IDENTIFIER),
    properties: SUBSCRIBE_PROPERTIES.read(reader),
    subscriptions: SUBSCRIPTIONS.read(reader),
  };
}

/** §3.9 SUBACK – Subscribe acknowledgement. */
export const SUBACK: PacketCodec<SubackPacket, SubackInit> = {
  read: readSuback,
  write: writeSuback,
};

/** Writes a SUBACK. */
function writeSuback(writer: Writer, packet: SubackInit): void {
  const hole = openPacket(writer, "suback");
  writePacketId(writer, SUBACK_PACKET_IDENTIFIER, packet.packetId);
  SUBACK_PROPERTIES.write(writer, packet.properties);
  SUBACK_REASON_CODES.write(writer, packet.reasonCodes);
  closePacket(writer, hole);
}

/** Reads a SUBACK after its fixed header. */
function readSuback(reader: Reader): SubackPacket {
  return {
    type: "suback",
    packetId: readPacketId(reader, SUBACK_PACKET_IDENTIFIER),
    properties: SUBACK_PROPERTIES.read(reader),
    reasonCodes: SUBACK_REASON_CODES.read(reader),
  };
}

function writeSubscription(writer: Writer, subscription: SubscriptionRequestInit): void {
  checkObject(SUBSCRIPTION_OPTIONS, subscription);
  const { topicFilter, qos = 0, noLocal = false, retainAsPublished = false } = subscription;
  const { retainHandling = 0 } = subscription;
  writeTopicFilter(writer, TOPIC_FILTER, topicFilter);
  if (noLocal && parseSharedSubscription(topicFilter) !== undefined) {
    throw forbidden(NO_LOCAL, SHARED_NO_LOCAL);
  }
  checkInteger(RETAIN_HANDLING, retainHandling, 0, 2);
  if (writer.protocolVersion < 5) {
    if (noLocal) throw forbidden(NO_LOCAL, NOT_BEFORE_5);
    if (retainAsPublished) throw forbidden(RETAIN_AS_PUBLISHED, NOT_BEFORE_5);
    if (retainHandling !== 0) throw forbidden(RETAIN_HANDLING, NOT_BEFORE_5);
  }
  writer.byte(
    putBits(retainHandling, RETAIN_HANDLING) |
      flagBit(RETAIN_AS_PUBLISHED, retainAsPublished) |
      flagBit(NO_LOCAL, noLocal) |
      qosBits(MAXIMUM_QOS, qos),
  );
}

function readSubscription(reader: Reader): SubscriptionRequest {
  const topicFilter = readTopicFilter(reader, TOPIC_FILTER);
  if (reader.protocolVersion < 5) return readBefore5(reader, topicFilter);
  const options = reader.byte(SUBSCRIPTION_OPTIONS);
  const qos = getBits(options, MAXIMUM_QOS);
  const noLocal = getBits(options, NO_LOCAL) === 1;
  const retainHandling = getBits(options, RETAIN_HANDLING);
  if (getBits(options, RESERVED) !== 0) reader.malformed(RESERVED, "is not 0 [MQTT-3.8.3-5]");
  if (retainHandling === 3) reader.notAllowed(RETAIN_HANDLING, "is 3");
  if (qos === 3) reader.notAllowed(MAXIMUM_QOS, "is 3");
  if (noLocal && parseSharedSubscription(topicFilter) !== undefined) {
    reader.notAllowed(NO_LOCAL, SHARED_NO_LOCAL);
  }
  return {
    topicFilter,
    qos: qos as QoS,
    noLocal,
    retainAsPublished: getBits(options, RETAIN_AS_PUBLISHED) === 1,
    retainHandling: retainHandling as RetainHandling,
  };
}

function readBefore5(reader: Reader, topicFilter: string): SubscriptionRequest {
  const byte = reader.byte(QOS_BYTE);
  const qos = getBits(byte, REQUESTED_QOS);
  if (getBits(byte, RESERVED_BEFORE_5) !== 0) {
    reader.malformed(RESERVED_BEFORE_5, "is not 0 [MQTT-3.8.3-5]");
  }
  if (qos === 3) reader.malformed(REQUESTED_QOS, "is 3 [MQTT-3.8.3-5]");
  return {
    topicFilter,
    qos: qos as QoS,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
  };
}

function readReturnCode(reader: Reader): ReasonCodeOf<"suback"> {
  const code = reader.byte(RETURN_CODE);
  if (code > 2 && code !== FAILURE) {
    reader.malformed(RETURN_CODE, "is neither a QoS nor 0x80 [MQTT-3.9.3-2]");
  }
  return code as ReasonCodeOf<"suback">;
}
