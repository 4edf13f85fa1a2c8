// The handshake as a Server has it: what CONNACK says, whose turn it is to send AUTH, and how a
// fault is told to a Client that may not understand the answer. Rules only: the connection writes.

import type { PacketError } from "../errors.ts";
import {
  type AuthPacket,
  type ConnectPacket,
  type PacketInit,
  type PropertiesOf,
  ReasonCode,
  reasonCodeName,
} from "../packets/mod.ts";
import { checkMethod, outOfTurn } from "./authentication.ts";
import { type Authenticating, methodOf, type Open, type ServerState } from "./server_state.ts";

/** The properties of CONNACK: what the broker grants, and what follows from CONNECT. */
export function connackProperties(
  { properties: asked }: ConnectPacket,
  granted: PropertiesOf<"connack">,
  maximumPacketSize: number | undefined,
): PropertiesOf<"connack"> {
  return {
    ...granted,
    maximumPacketSize,
    authenticationMethod: asked.authenticationMethod,
    // [MQTT-3.1.2-28]
    responseInformation: asked.requestResponseInformation === true
      ? granted.responseInformation
      : undefined,
  };
}

/**
 * The Authentication Method of an AUTH that this end sends. `goesOn` says that it asks the Client
 * for another step.
 *
 * @throws {TypeError} when CONNECT had no Authentication Method, or it is not this end's turn
 */
export function methodOfStep(state: ServerState, goesOn: boolean): string {
  const method = methodOf(state);
  if (method === undefined) {
    throw new TypeError("Authentication needs an Authentication Method in CONNECT");
  }
  const isAwaited = state.name === "open"
    ? state.turn === "server"
    : state.name === "deciding" && goesOn;
  if (isAwaited) return method;
  throw new TypeError("The client does not wait for such a step of authentication");
}

/**
 * Refuses an AUTH of another method, or out of turn (§4.12).
 *
 * @throws {ProtocolError} when the Client may not send it now
 */
export function checkAuth(state: Authenticating | Open, packet: AuthPacket): void {
  checkMethod("auth", packet.properties.authenticationMethod, methodOf(state));
  const isClientsTurn = state.name === "authenticating" || state.turn === "client";
  const expected = isClientsTurn ? ReasonCode.continueAuthentication : ReasonCode.reauthenticate;
  const isOurTurn = state.name === "open" && state.turn === "server";
  if (packet.reasonCode !== expected || isOurTurn) throw outOfTurn(packet);
}

/**
 * How a fault is told: by DISCONNECT on an open connection, by CONNACK before. A CONNECT of an
 * older version is answered in bytes that its Client understands. `undefined` where nothing may be
 * sent: a peer that has not sent anything like a CONNECT may not even speak MQTT.
 */
export function answerToFault(
  error: PacketError,
  state: ServerState["name"] | "closed",
): PacketInit | Uint8Array | undefined {
  if (state === "awaiting connect") {
    if (error.packetType !== "CONNECT") return undefined;
    if (isOlder(error.protocolVersion)) return REFUSAL_IN_MQTT_3;
  }
  const type = state === "open" ? "disconnect" : "connack";
  // A second CONNECT, or a CONNACK, may have a fault that DISCONNECT has no Reason Code for.
  const isCode = reasonCodeName(error.reasonCode, type) !== undefined;
  const reasonCode = isCode
    ? error.reasonCode as typeof ReasonCode.protocolError
    : ReasonCode.protocolError;
  return { type, reasonCode, properties: { reasonString: error.message } };
}

/**
 * CONNACK as MQTT 3.1 and 3.1.1 have it, with return code 1: a Client of theirs understands no
 * other (MQTT 3.1.1 §3.2.2.3).
 */
const REFUSAL_IN_MQTT_3 = Uint8Array.of(0x20, 0x02, 0x00, 0x01);

/** Whether a Client speaks an older version; bridges set the highest bit of theirs to say so. */
function isOlder(protocolVersion = 5): boolean {
  return (protocolVersion < 0x80 ? protocolVersion : protocolVersion & 0x7f) < 5;
}
