// §3.3 PUBLISH – Publish message. The packet that is sent and received by the million: nothing here
// may allocate but the packet, its topic, its properties and the view that is its payload.

import { topicNameFault } from "../topics.ts";
import { checkBytes, flagBit, forbidden } from "../wire/checks.ts";
import { type Field, getBits } from "../wire/field.ts";
import { NO_BYTES, type Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { closePacket, DUP, openPacket, QOS, RETAIN } from "./fixed_header.ts";
import {
  type Init,
  type PacketCodec,
  packetIdentifier,
  readPacketId,
  writePacketId,
} from "./packet.ts";
import type { PropertiesOf, ReceivedPropertiesOf } from "./properties.ts";
import { PropertySet } from "./property_set.ts";
import { type QoS, qosBits } from "./qos.ts";
import { ReasonCode } from "./reason_codes.ts";

/** PUBLISH, an Application Message, in either direction (§3.3). */
export interface PublishPacket {
  /** Tells the kinds of packet apart. */
  readonly type: "publish";
  /** Whether the message may have been sent before (§3.3.1.1). */
  readonly dup: boolean;
  /** How hard sender and receiver try (§3.3.1.2). */
  readonly qos: QoS;
  /** Whether the Server is to keep the message, or has kept it (§3.3.1.3). */
  readonly retain: boolean;
  /** The Topic Name, which may be `""` when there is a Topic Alias (§3.3.2.1). */
  readonly topic: string;
  /** The Packet Identifier; 0 at QoS 0, which has none (§3.3.2.2). */
  readonly packetId: number;
  /** Properties of the message (§3.3.2.3). */
  readonly properties: ReceivedPropertiesOf<"publish">;
  /** The Application Message (§3.3.3). Decoded, it is a view of the bytes that were decoded. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** A {@linkcode PublishPacket} to be encoded. `packetId` must be given at QoS 1 and 2. */
export type PublishInit = Init<PublishPacket, "type" | "topic", {
  readonly properties: PropertiesOf<"publish">;
  readonly payload: Uint8Array;
}>;

const TOPIC_NAME: Field<string> = { key: "topic", name: "Topic Name", section: "3.3.2.1" };
const PACKET_IDENTIFIER = packetIdentifier("3.3.2.2");
const PROPERTIES = new PropertySet("publish", "3.3.2.3.1");
const PAYLOAD: Field<Uint8Array> = { key: "payload", name: "Payload", section: "3.3.3" };

const EMPTY_TOPIC = "is empty, and there is no Topic Alias";

/** §3.3 PUBLISH – Publish message. */
export const PUBLISH: PacketCodec<PublishPacket, PublishInit> = {
  read: readPublish,
  write: writePublish,
};

/** Writes a PUBLISH. */
export function writePublish(writer: Writer, packet: PublishInit): void {
  const { topic, qos = 0, dup = false, retain = false, packetId, properties } = packet;
  const { payload = NO_BYTES } = packet;
  checkBytes(PAYLOAD, payload);
  const flags = flagBit(DUP, dup) | qosBits(QOS, qos) | flagBit(RETAIN, retain);
  if (qos === 0) {
    if (dup) throw forbidden(DUP, "must not be set at QoS 0 [MQTT-3.3.1-2]");
    if (packetId !== undefined && packetId !== 0) {
      throw forbidden(PACKET_IDENTIFIER, "must not be given at QoS 0 [MQTT-2.2.1-2]");
    }
  }
  const hole = openPacket(writer, "publish", flags);
  writer.recurringString(TOPIC_NAME, topic, topicNameFault);
  if (topic === "" && (properties?.topicAlias === undefined || writer.protocolVersion < 5)) {
    throw forbidden(TOPIC_NAME, EMPTY_TOPIC);
  }
  if (qos !== 0) writePacketId(writer, PACKET_IDENTIFIER, packetId);
  PROPERTIES.write(writer, properties);
  closePacket(writer, hole, payload.length);
  writer.rawBytes(payload);
}

/** Reads a PUBLISH after its fixed header, whose first byte carries its flags. */
export function readPublish(reader: Reader, firstByte: number): PublishPacket {
  const qos = getBits(firstByte, QOS) as QoS;
  const topic = reader.utf8String(TOPIC_NAME);
  const topicPosition = reader.fieldPosition;
  const fault = topicNameFault(topic);
  if (fault !== undefined) reader.malformed(TOPIC_NAME, fault);
  const packetId = qos === 0 ? 0 : readPacketId(reader, PACKET_IDENTIFIER);
  const properties = PROPERTIES.read(reader);
  if (topic === "" && properties.topicAlias === undefined) {
    const rule = reader.protocolVersion < 5 ? "is empty [MQTT-4.7.3-1]" : EMPTY_TOPIC;
    reader.notAllowed(TOPIC_NAME, rule, ReasonCode.protocolError, topicPosition);
  }
  return {
    type: "publish",
    dup: getBits(firstByte, DUP) === 1,
    qos,
    retain: getBits(firstByte, RETAIN) === 1,
    topic,
    packetId,
    properties,
    payload: reader.rest(PAYLOAD),
  };
}
