// §3.3 PUBLISH and §3.1.2.11, §3.2.2.3: what a packet may have, whoever it belongs to.

import type { Packet, PropertiesOf, PublishPacket } from "../packets/mod.ts";
import { packetName } from "../packets/packet_types.ts";
import { NO_PROPERTIES } from "../packets/property_set.ts";
import { topicNameFault } from "../topics.ts";
import { type Judge, nameOf, peerOf, quoted, type Side } from "./findings.ts";
import type { Limits } from "./limits.ts";
import type { Announced } from "./packet_stream.ts";

/** Judges what a PUBLISH has, by what its receiver takes, as far as the sender knows. */
export function judgePublish(
  judge: Judge,
  from: Side,
  { qos, retain, properties, packetId }: PublishPacket,
  limits: Limits | undefined,
): void {
  if (from === "client") {
    judge.holds(
      "MQTT-3.3.4-6",
      properties.subscriptionIdentifiers === undefined,
      () => "sends a PUBLISH with a Subscription Identifier",
    );
    if (limits !== undefined) {
      const { maximumQoS, retainAvailable } = limits;
      if (maximumQoS < 2) {
        judge.holds(
          "MQTT-3.2.2-11",
          qos <= maximumQoS,
          () =>
            `sends PUBLISH ${packetId} at QoS ${qos}, ` +
            `but the Server takes at most ${maximumQoS}`,
        );
      }
      if (!retainAvailable) {
        judge.holds(
          "MQTT-3.2.2-14",
          !retain,
          () => "sends a PUBLISH with RETAIN, but the Server retains nothing",
        );
      }
    }
  }
  if (properties === NO_PROPERTIES) return judge.count("MQTT-2.2.2-1");
  const { responseTopic, contentType, userProperties } = properties;
  if (contentType !== undefined) judge.count("MQTT-3.3.2-19");
  if (userProperties !== undefined) judge.count("MQTT-1.5.7-1");
  if (responseTopic !== undefined) {
    judge.count("MQTT-3.3.2-13");
    const isName = responseTopic !== "" && topicNameFault(responseTopic) === undefined;
    judge.holds(
      "MQTT-3.3.2-14",
      isName,
      () => `sends Response Topic ${quoted(responseTopic)}, which is not a Topic Name`,
    );
  }
}

/** Answers that lose their Reason String, and their User Properties, where they are too large. */
const SHORTENED: { readonly [Type in Packet["type"]]?: readonly [string, string] } = {
  connack: ["MQTT-3.2.2-19", "MQTT-3.2.2-20"],
  puback: ["MQTT-3.4.2-2", "MQTT-3.4.2-3"],
  pubrec: ["MQTT-3.5.2-2", "MQTT-3.5.2-3"],
  pubrel: ["MQTT-3.6.2-2", "MQTT-3.6.2-3"],
  pubcomp: ["MQTT-3.7.2-2", "MQTT-3.7.2-3"],
  suback: ["MQTT-3.9.2-1", "MQTT-3.9.2-2"],
  unsuback: ["MQTT-3.11.2-1", "MQTT-3.11.2-2"],
  disconnect: ["MQTT-3.14.2-3", "MQTT-3.14.2-4"],
  auth: ["MQTT-3.15.2-2", "MQTT-3.15.2-3"],
};

/** Judges the size of any packet. */
export function judgeSize(
  judge: Judge,
  from: Side,
  packet: Packet,
  size: number,
  { maximumPacketSize }: Limits,
): void {
  if (maximumPacketSize === Infinity) return;
  const isSmall = size <= maximumPacketSize;
  const shortened = SHORTENED[packet.type];
  if (shortened !== undefined && isSmall) {
    const { reasonString, userProperties } = explanationsOf(packet);
    if (reasonString !== undefined) judge.count(shortened[0]);
    if (userProperties !== undefined) judge.count(shortened[1]);
  }
  judge.holds(
    statementOfSize(from),
    isSmall,
    () => sendsTooMuch(from, packet.type, size, maximumPacketSize),
  );
}

/** Judges the size of a packet that is cut off, by its fixed header. */
export function judgeAnnouncedSize(
  judge: Judge,
  from: Side,
  { type, size }: Announced,
  { maximumPacketSize }: Limits,
): void {
  if (size <= maximumPacketSize) return;
  judge.accuse(statementOfSize(from), sendsTooMuch(from, type, size, maximumPacketSize));
}

function statementOfSize(from: Side): string {
  return from === "client" ? "MQTT-3.2.2-15" : "MQTT-3.1.2-24";
}

function sendsTooMuch(from: Side, type: Packet["type"], size: number, most: number): string {
  return `sends ${packetName(type)} of ${size} bytes; the Maximum Packet Size ` +
    `of ${nameOf(peerOf(from))} is ${most}`;
}

/**
 * Judges that the Server does not explain itself to a Client that does not want it (§3.1.2.11.7).
 */
export function judgeExplanations(judge: Judge, packet: Packet): void {
  const { type } = packet;
  if (type === "publish" || type === "connack" || type === "disconnect") return;
  if (type === "pingresp") return;
  const { reasonString, userProperties } = explanationsOf(packet);
  judge.holds(
    "MQTT-3.1.2-29",
    reasonString === undefined && userProperties === undefined,
    () =>
      `sends ${packetName(type)} with a Reason String or a User Property, ` +
      "which the Client does not want",
  );
}

function explanationsOf(packet: Packet): PropertiesOf<"puback"> {
  return "properties" in packet ? packet.properties : NO_PROPERTIES;
}
