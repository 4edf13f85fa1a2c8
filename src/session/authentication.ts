// §4.12 Enhanced authentication, in both roles: whose turn it is, and what is wrong with an AUTH
// that comes out of turn or of another method.

import type { AuthPacket, PropertiesOf } from "../packets/mod.ts";
import type { ProtocolError } from "../errors.ts";
import { protocolError, unexpectedPacket } from "./protocol_errors.ts";

/** Who sends the next AUTH; nobody, when no exchange is running. */
export type Turn = "client" | "server" | "nobody";

/** What an application adds to an AUTH: the method is that of CONNECT. */
export type AuthenticationProperties = Omit<PropertiesOf<"auth">, "authenticationMethod">;

/**
 * Refuses a packet of another Authentication Method than that of CONNECT [MQTT-4.12.0-5].
 *
 * @throws {ProtocolError} when it has another, or CONNECT had none
 */
export function checkMethod(
  type: "connack" | "auth",
  method: string | undefined,
  ofConnect: string | undefined,
): void {
  if (type === "auth" && ofConnect === undefined) {
    throw unexpectedPacket(
      "auth",
      "is not allowed without an Authentication Method in CONNECT",
      "4.12",
    );
  }
  if (method === ofConnect) return;
  throw protocolError(
    type,
    "Authentication Method",
    "differs from that of CONNECT [MQTT-4.12.0-5]",
    type === "auth" ? "3.15.2.2.2" : "3.2.2.3.17",
  );
}

/** The error for an AUTH whose Reason Code may not come now. */
export function outOfTurn({ reasonCode }: AuthPacket): ProtocolError {
  const code = `0x${reasonCode.toString(16).padStart(2, "0")}`;
  return protocolError("auth", "Authenticate Reason Code", `is ${code} out of turn`, "4.12");
}
