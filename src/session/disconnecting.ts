// §3.14 DISCONNECT: what each end may say in it. What the other may not, too, is here: the two are
// one table.

import {
  type DisconnectInit,
  type DisconnectPacket,
  REASON_CODES,
  ReasonCode,
  type ReasonCodeRow,
} from "../packets/mod.ts";
import { protocolError } from "./protocol_errors.ts";

/** Whether one end may send a DISCONNECT with this Reason Code (Table 3-10). */
export function mayDisconnectWith(role: "client" | "server", reasonCode: number): boolean {
  return Object.values<ReasonCodeRow>(REASON_CODES).some(({ code, in: holders, disconnectFrom }) =>
    code === reasonCode && holders.includes("disconnect") && (disconnectFrom ?? role) === role
  );
}

/**
 * Refuses what a Client may not say; `asked` is the Session Expiry Interval of its CONNECT.
 *
 * @throws {TypeError} when it would revive a session that ends with the connection (§3.14.2.2.2)
 * @throws {RangeError} when the Reason Code is not a Client's
 */
export function checkClientsDisconnect(
  { reasonCode = ReasonCode.normalDisconnection, properties }: DisconnectInit,
  asked = 0,
): void {
  if (!mayDisconnectWith("client", reasonCode)) {
    throw new RangeError(`reasonCode is ${reasonCode}, which a client may not send`);
  }
  if (asked === 0 && (properties?.sessionExpiryInterval ?? 0) > 0) {
    throw new TypeError(
      "properties.sessionExpiryInterval must be 0, as it was in CONNECT (§3.14.2.2.2)",
    );
  }
}

/**
 * Refuses what a Server may not say.
 *
 * @throws {TypeError} when it has a Session Expiry Interval
 * @throws {RangeError} when the Reason Code is not a Server's
 */
export function checkServersDisconnect(
  { reasonCode = ReasonCode.normalDisconnection, properties }: DisconnectInit,
): void {
  if (!mayDisconnectWith("server", reasonCode)) {
    throw new RangeError(`reasonCode is ${reasonCode}, which a server may not send`);
  }
  if (properties?.sessionExpiryInterval !== undefined) {
    throw new TypeError(
      "properties.sessionExpiryInterval may only be set by a client [MQTT-3.14.2-2]",
    );
  }
}

/**
 * Refuses what a Client has said and may not; `asked` is the Session Expiry Interval of its
 * CONNECT.
 *
 * @throws {ProtocolError} when it may not
 */
export function checkDisconnectOfClient(
  { reasonCode, properties }: DisconnectPacket,
  asked = 0,
): void {
  if (!mayDisconnectWith("client", reasonCode)) {
    const rule = `is 0x${reasonCode.toString(16)}, which a Client may not send`;
    throw protocolError("disconnect", "Disconnect Reason Code", rule, "3.14.2.1");
  }
  if (asked === 0 && (properties.sessionExpiryInterval ?? 0) > 0) {
    const rule = "is not 0, but that of CONNECT was";
    throw protocolError("disconnect", "Session Expiry Interval", rule, "3.14.2.2.2");
  }
}

/**
 * Refuses what a Server has said and may not.
 *
 * @throws {ProtocolError} when it may not
 */
export function checkDisconnectOfServer({ reasonCode, properties }: DisconnectPacket): void {
  if (!mayDisconnectWith("server", reasonCode)) {
    const rule = "is 0x04, which a Server may not send";
    throw protocolError("disconnect", "Disconnect Reason Code", rule, "3.14.2.1");
  }
  if (properties.sessionExpiryInterval !== undefined) {
    const rule = "may not be sent by a Server [MQTT-3.14.2-2]";
    throw protocolError("disconnect", "Session Expiry Interval", rule, "3.14.2.2.2");
  }
}
