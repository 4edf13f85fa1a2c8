// What a Client refuses of a Server that is not in the packet alone: it depends on what CONNECT
// asked for, and on the session.

import type { ConnackPacket, ConnectInit, Packet, PropertiesOf } from "../packets/mod.ts";
import { checkMethod } from "./authentication.ts";
import { protocolError } from "./protocol_errors.ts";

/**
 * The size of an acknowledgement with a Reason Code: a Server that takes less cannot be answered.
 */
const LEAST_PACKET_SIZE = 5;

/** The packets in which a Server may always explain itself (§3.1.2.11.7). */
const ALWAYS_EXPLAINED: readonly string[] = ["publish", "connack", "disconnect"];

/**
 * Refuses a CONNACK of success that does not fit the CONNECT; `hasSession` says whether the Client
 * has Session State of that Client Identifier.
 *
 * @throws {ProtocolError} when it does not
 */
export function checkConnack(
  { properties, sessionPresent }: ConnackPacket,
  connect: ConnectInit,
  hasSession: boolean,
): void {
  const { authenticationMethod, requestResponseInformation } = connect.properties ?? {};
  const { maximumPacketSize = Infinity, responseInformation } = properties;
  if (sessionPresent && (connect.cleanStart === true || !hasSession)) {
    const rule = "is 1, but the Client has no such session [MQTT-3.2.2-4]";
    throw protocolError("connack", "Session Present", rule, "3.2.2.1.1");
  }
  if (responseInformation !== undefined && requestResponseInformation !== true) {
    throw protocolError("connack", "Response Information", "was not asked for", "3.2.2.3.15");
  }
  checkMethod("connack", properties.authenticationMethod, authenticationMethod);
  if (maximumPacketSize < LEAST_PACKET_SIZE) {
    const rule = `is ${maximumPacketSize}, which leaves no room for an acknowledgement`;
    throw protocolError("connack", "Maximum Packet Size", rule, "3.2.2.3.6");
  }
}

/**
 * The Client Identifier of a session: the Client's own, or the one that the Server assigned to a
 * Client without. One that the Client did not ask for is not adopted: the next connection would
 * take over the session of whoever has that name. It is no reason to close, either: servers that
 * rename their clients announce it so, and know the Client by its own name when it comes back.
 */
export function clientIdOf(
  { clientId = "" }: ConnectInit,
  { properties }: Pick<ConnackPacket, "properties">,
): string {
  return clientId === "" ? properties.assignedClientIdentifier ?? "" : clientId;
}

/**
 * Refuses a Reason String or a User Property in a packet in which CONNECT asked for none
 * [MQTT-3.1.2-29].
 *
 * @throws {ProtocolError} when there is one
 */
export function checkExplanation(packet: Packet): void {
  if (!("properties" in packet) || ALWAYS_EXPLAINED.includes(packet.type)) return;
  const { reasonString, userProperties } = packet.properties as PropertiesOf<"puback">;
  if (reasonString === undefined && userProperties === undefined) return;
  const field = reasonString === undefined ? "User Property" : "Reason String";
  const rule = "is present, but CONNECT asked for none [MQTT-3.1.2-29]";
  throw protocolError(packet.type, field, rule, "3.1.2.11.7");
}
