// Why a connection cannot be opened, or has ended, in one sentence that says what to do. Faults of
// sockets, TLS and proxies are in `socket_faults.ts`, which web pages do not load.

import type { FaultCode } from "../errors.ts";
import type { Destination } from "./destination.ts";
import { brokenText, codeOf, type FaultCure, isGone, messageOf, nameOf } from "./fault_texts.ts";

/** A connection could not be opened, or was unusable. Its `cause` is the platform's error. */
export class ConnectionFault extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "ConnectionFault";
  readonly code: FaultCode;
  readonly cure: FaultCure;

  constructor(code: FaultCode, cure: FaultCure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.cure = cure;
  }
}

/** The fault for an error thrown by the application's own function that opens connections. */
export function sourceFault(error: unknown, address: string | undefined): ConnectionFault {
  if (error instanceof ConnectionFault) return error;
  const isForbidden = nameOf(error) === "NotCapable";
  return new ConnectionFault(
    isForbidden ? "permission" : "other",
    isForbidden ? "change" : "time",
    `Cannot connect${address === undefined ? "" : ` to ${address}`}: ${messageOf(error)}`,
    error,
  );
}

/** The fault for a server that closes the connection instead of answering the first packet. */
export function silentCloseFault(destination: Destination, cause: unknown): ConnectionFault {
  const { address, scheme, tls } = destination;
  let hint = "; check that it is a server of MQTT 5.0";
  if (scheme === "mqtt") {
    hint += ", and whether it expects TLS (mqtts://) or WebSocket (ws://) on this port";
  }
  if (tls?.cert !== undefined) hint += ", and that it accepts the client certificate";
  const text = cause === undefined || isGone(messageOf(cause), codeOf(cause))
    ? `${address} closed the connection without an answer to CONNECT${hint}`
    : `The connection to ${address} broke before CONNECT was answered: ${brokenText(cause)}${hint}`;
  return new ConnectionFault("closed", "time", text, cause);
}
