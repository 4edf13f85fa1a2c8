/**
 * The packets of MQTT 5.0: to bytes, from bytes, and explained byte by byte. Nothing here meets a
 * socket or a clock.
 *
 * @example A packet there and back
 * ```ts
 * import { decodePacket, encodePacket } from "jsr:@mqtt5/mqtt5/packets";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodePacket({ type: "connect", clientId: "thermostat-7", keepAlive: 60 });
 * const packet = decodePacket(bytes);
 * assertEquals(packet.type === "connect" && packet.clientId, "thermostat-7");
 * ```
 *
 * @module
 */

export {
  MalformedPacketError,
  PacketError,
  type PacketFault,
  PacketTooLargeError,
  ProtocolError,
} from "../errors.ts";
export type {
  AckInit,
  AckPacket,
  AckType,
  PubackPacket,
  PubcompPacket,
  PubrecPacket,
  PubrelPacket,
} from "./ack.ts";
export type { AuthInit, AuthPacket } from "./auth.ts";
export {
  checkPacket,
  type DecodeOptions,
  decodePacket,
  type EncodeOptions,
  encodePacket,
  type Packet,
  type PacketInit,
} from "./codec.ts";
export type { ConnackInit, ConnackPacket } from "./connack.ts";
export type { ConnectInit, ConnectPacket, Will, WillInit } from "./connect.ts";
export { type DecoderOptions, PacketDecoder } from "./decoder.ts";
export type { ProtocolVersion } from "../wire/protocol_version.ts";
export type { DisconnectInit, DisconnectPacket } from "./disconnect.ts";
export {
  type ExplainedBits,
  type ExplainedField,
  explainPacket,
  type Explanation,
  type FieldEncoding,
} from "./explain.ts";
export { PacketWriter } from "./packet_writer.ts";
export { FIRST_BYTE, type PacketType } from "./packet_types.ts";
export type { PingreqPacket, PingrespPacket } from "./ping.ts";
export {
  PROPERTIES,
  type PropertiesOf,
  type PropertyHolder,
  type PropertyName,
  type PropertyRow,
  type PropertyValue,
  type PropertyValues,
  type ReceivedPropertiesOf,
} from "./properties.ts";
export type { PublishInit, PublishPacket } from "./publish.ts";
export type { QoS } from "./qos.ts";
export {
  isFailure,
  REASON_CODES,
  ReasonCode,
  type ReasonCodeKey,
  reasonCodeName,
  type ReasonCodeOf,
  type ReasonCodeRow,
} from "./reason_codes.ts";
export { PacketDecoderStream, PacketEncoderStream } from "./streams.ts";
export type {
  RetainHandling,
  SubackInit,
  SubackPacket,
  SubscribeInit,
  SubscribePacket,
  SubscriptionRequest,
  SubscriptionRequestInit,
} from "./subscribe.ts";
export type {
  UnsubackInit,
  UnsubackPacket,
  UnsubscribeInit,
  UnsubscribePacket,
} from "./unsubscribe.ts";
