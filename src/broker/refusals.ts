// Describes for the application why a connection has been refused, that is, why it has ended before
// its client was accepted.

import type { PacketError } from "../errors.ts";
import { type ProtocolVersion, ReasonCode, reasonCodeName } from "../packets/mod.ts";
import { VERSION_NAMES } from "../wire/protocol_version.ts";
import type { CloseCause } from "../session/events.ts";
import type { PeerInfo } from "../session/peer.ts";
import type { BrokerConnection } from "./model.ts";
import type { Refusal, RefusalReason } from "./options.ts";

/** What is said of a client whose Maximum Packet Size leaves no room for an answer. */
export const CANNOT_BE_ANSWERED = "cannot be answered";

/** Why, what the person is told, and the Reason Code. */
type Reasons = Pick<Refusal, "why" | "message"> & { readonly reasonCode?: number };

/**
 * The refusal of a connection that has ended without a session; `undefined` when nobody refused it:
 * the client has gone away, or the broker shuts down.
 */
export function refusalOf(connection: BrokerConnection, cause: CloseCause): Refusal | undefined {
  const reasons = reasonsOf(connection, cause);
  if (reasons === undefined) return undefined;
  const { why, message, reasonCode } = reasons;
  const { client, peer: { address, listener } } = connection;
  return { why, message, reasonCode, address, listener, client };
}

/** The refusal of a connection before anything of MQTT has been said. */
export function earlyRefusal(
  why: RefusalReason,
  message: string,
  { address, listener }: PeerInfo,
): Refusal {
  return { why, message, reasonCode: undefined, address, listener, client: undefined };
}

function reasonsOf(connection: BrokerConnection, cause: CloseCause): Reasons | undefined {
  const { protocol, client, versions } = connection;
  const { foreignProtocol } = protocol;
  if (foreignProtocol !== undefined && cause.kind !== "network") {
    return { why: "not MQTT", message: `the client speaks ${foreignProtocol}, not MQTT` };
  }
  switch (cause.kind) {
    case "fault":
      return reasonsOfFault(cause.error, client !== undefined, versions);
    case "this end": {
      if (cause.refusal === undefined) return undefined;
      const { reasonCode = ReasonCode.unspecifiedError, properties } = cause.refusal;
      const { reasonString } = properties ?? {};
      const told = reasonString === undefined ? "" : `: ${reasonString}`;
      return { why: reasonFor(reasonCode), message: `${named(reasonCode)}${told}`, reasonCode };
    }
    case "silence":
      return cause.what === CANNOT_BE_ANSWERED
        ? { why: "limit", message: "the client's Maximum Packet Size leaves no room for CONNACK" }
        : { why: "timeout", message: `the client ${cause.what}` };
    case "internal error":
      return { why: "unavailable", message: "the broker failed" };
    case "authentication":
    case "peer":
    case "network":
    case "refusal":
      return undefined;
    default:
      return cause satisfies never;
  }
}

/** For a packet that breaks the standard, or that is of another one. */
function reasonsOfFault(
  error: PacketError,
  hasConnect: boolean,
  versions: readonly ProtocolVersion[],
): Reasons {
  const { reasonCode, protocolVersion, packetType, message } = error;
  if (protocolVersion !== undefined) {
    const version = nameOf(protocolVersion);
    return {
      why: "version",
      message: `the client speaks ${version}, and this broker ${namesOf(versions)} only`,
      reasonCode: ReasonCode.unsupportedProtocolVersion,
    };
  }
  if (!hasConnect && packetType !== "CONNECT") {
    return { why: "not MQTT", message: "the client did not begin with CONNECT" };
  }
  return { why: reasonFor(reasonCode), message, reasonCode };
}

/** The name of a version; bridges of Mosquitto set the highest bit of theirs (§3.1.2.2). */
function nameOf(protocolVersion: number): string {
  switch (protocolVersion & 0x7f) {
    case 3:
      return VERSION_NAMES[3];
    case 4:
      return VERSION_NAMES[4];
    default:
      return protocolVersion === 5 ? VERSION_NAMES[5] : `version ${protocolVersion} of MQTT`;
  }
}

/** `"MQTT 5.0, 3.1.1 and 3.1"`. */
function namesOf(versions: readonly ProtocolVersion[]): string {
  const [first, ...others] = versions.toSorted((a, b) => b - a).map((each) => VERSION_NAMES[each]);
  const last = others.pop()?.replace("MQTT ", "");
  const between = others.map((name) => name.replace("MQTT", ",")).join("");
  return last === undefined ? first! : `${first}${between} and ${last}`;
}

/** `"Bad User Name or Password (0x86)"`. */
function named(reasonCode: number): string {
  const code = `0x${reasonCode.toString(16).toUpperCase().padStart(2, "0")}`;
  return `${reasonCodeName(reasonCode, "connack")} (${code})`;
}

function reasonFor(reasonCode: number): RefusalReason {
  switch (reasonCode) {
    case ReasonCode.unsupportedProtocolVersion:
      return "version";
    case ReasonCode.clientIdentifierNotValid:
    case ReasonCode.badUserNameOrPassword:
    case ReasonCode.notAuthorized:
    case ReasonCode.banned:
    case ReasonCode.badAuthenticationMethod:
      return "credentials";
    case ReasonCode.serverBusy:
    case ReasonCode.packetTooLarge:
    case ReasonCode.quotaExceeded:
    case ReasonCode.connectionRateExceeded:
      return "limit";
    case ReasonCode.malformedPacket:
    case ReasonCode.protocolError:
      return "malformed";
    case ReasonCode.topicNameInvalid:
    case ReasonCode.payloadFormatInvalid:
    case ReasonCode.retainNotSupported:
    case ReasonCode.qosNotSupported:
      return "not supported";
    default:
      return "unavailable";
  }
}
