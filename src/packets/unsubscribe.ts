// §3.10 UNSUBSCRIBE – Unsubscribe request, and §3.11 UNSUBACK – Unsubscribe acknowledgement.

import type { Field } from "../wire/field.ts";
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
import { ReasonCodeSet } from "./reason_code_set.ts";
import type { ReasonCodeOf } from "./reason_codes.ts";

/** UNSUBSCRIBE, from Client to Server, a request for no more messages (§3.10). */
export interface UnsubscribePacket {
  /** Tells the kinds of packet apart. */
  readonly type: "unsubscribe";
  /** The Packet Identifier, which the UNSUBACK repeats (§2.2.1). */
  readonly packetId: number;
  /** Properties of the request (§3.10.2.1). */
  readonly properties: ReceivedPropertiesOf<"unsubscribe">;
  /** The subscriptions to end, at least one, each as it was subscribed to (§3.10.3). */
  readonly topicFilters: readonly string[];
}

/** UNSUBACK, from Server to Client, the answer to UNSUBSCRIBE (§3.11). */
export interface UnsubackPacket {
  /** Tells the kinds of packet apart. */
  readonly type: "unsuback";
  /** The Packet Identifier of the UNSUBSCRIBE (§2.2.1). */
  readonly packetId: number;
  /** What else there is to say (§3.11.2.1). */
  readonly properties: ReceivedPropertiesOf<"unsuback">;
  /** One for each Topic Filter, in the same order; none before MQTT 5.0 (§3.11.3). */
  readonly reasonCodes: readonly ReasonCodeOf<"unsuback">[];
}

/** An {@linkcode UnsubscribePacket} to be encoded. */
export type UnsubscribeInit = Init<UnsubscribePacket, "type" | "packetId" | "topicFilters">;

/** An {@linkcode UnsubackPacket} to be encoded. */
export type UnsubackInit = Init<UnsubackPacket, "type" | "packetId" | "reasonCodes">;

const UNSUBSCRIBE_PACKET_IDENTIFIER = packetIdentifier("3.10.2");
const UNSUBSCRIBE_PROPERTIES = new PropertySet("unsubscribe", "3.10.2.1.1");
const TOPIC_FILTER: Field<string> = {
  key: "topicFilters[]",
  name: "Topic Filter",
  section: "3.10.3",
};
const TOPIC_FILTERS = new PayloadList(
  { key: "topicFilters", name: "Payload", section: "3.10.3" },
  "MQTT-3.10.3-2",
  (reader) => readTopicFilter(reader, TOPIC_FILTER),
  (writer, topicFilter: string) => writeTopicFilter(writer, TOPIC_FILTER, topicFilter),
  "Topic Filters",
);

const UNSUBACK_PACKET_IDENTIFIER = packetIdentifier("3.11.2");
const UNSUBACK_PROPERTIES = new PropertySet("unsuback", "3.11.2.1.1");
const UNSUBACK_REASON_CODE = new ReasonCodeSet("unsuback", {
  key: "reasonCodes[]",
  name: "Unsubscribe Reason Code",
  section: "3.11.3",
}, "MQTT-3.11.3-2");
const UNSUBACK_REASON_CODES = new PayloadList(
  { key: "reasonCodes", name: "Payload", section: "3.11.3" },
  undefined,
  (reader) => UNSUBACK_REASON_CODE.read(reader),
  (writer, code: number) => UNSUBACK_REASON_CODE.write(writer, code),
  "Reason Codes",
);

/** §3.10 UNSUBSCRIBE – Unsubscribe request. */
export const UNSUBSCRIBE: PacketCodec<UnsubscribePacket, UnsubscribeInit> = {
  read: readUnsubscribe,
  write: writeUnsubscribe,
};

/** Writes an UNSUBSCRIBE. */
function writeUnsubscribe(writer: Writer, packet: UnsubscribeInit): void {
  const hole = openPacket(writer, "unsubscribe");
  writePacketId(writer, UNSUBSCRIBE_PACKET_IDENTIFIER, packet.packetId);
  UNSUBSCRIBE_PROPERTIES.write(writer, packet.properties);
  TOPIC_FILTERS.write(writer, packet.topicFilters);
  closePacket(writer, hole);
}

/** Reads an UNSUBSCRIBE after its fixed header. */
function readUnsubscribe(reader: Reader): UnsubscribePacket {
  return {
    type: "unsubscribe",
    packetId: readPacketId(reader, UNSUBSCRIBE_PACKET_IDENTIFIER),
    properties: UNSUBSCRIBE_PROPERTIES.read(reader),
    topicFilters: TOPIC_FILTERS.read(reader),
  };
}

/** §3.11 UNSUBACK – Unsubscribe acknowledgement. */
export const UNSUBACK: PacketCodec<UnsubackPacket, UnsubackInit> = {
  read: readUnsuback,
  write: writeUnsuback,
};

/** Writes an UNSUBACK. */
function writeUnsuback(writer: Writer, packet: UnsubackInit): void {
  const hole = openPacket(writer, "unsuback");
  writePacketId(writer, UNSUBACK_PACKET_IDENTIFIER, packet.packetId);
  UNSUBACK_PROPERTIES.write(writer, packet.properties);
  if (writer.protocolVersion === 5) UNSUBACK_REASON_CODES.write(writer, packet.reasonCodes);
  closePacket(writer, hole);
}

/** Reads an UNSUBACK after its fixed header. */
function readUnsuback(reader: Reader): UnsubackPacket {
  return {
    type: "unsuback",
    packetId: readPacketId(reader, UNSUBACK_PACKET_IDENTIFIER),
    properties: UNSUBACK_PROPERTIES.read(reader),
    reasonCodes: reader.protocolVersion < 5 ? [] : UNSUBACK_REASON_CODES.read(reader),
  };
}
