// Failures of a connection, as one sentence that says what to do next, and an exit code. What a
// network error means is known in io/faults.ts; what to do about it on the command line, here.

import { ConnectionClosedError, type FaultCode, RefusedError } from "../errors.ts";
import { ConnectionFault } from "../io/faults.ts";
import { isFailure, ReasonCode } from "../packets/reason_codes.ts";
import { Failure, OutputClosed } from "./failure.ts";
import { asksForTls, type ServerPlace, urlOf } from "./options/server.ts";

/** The exit code of a command that timed out, the same as that of mosquitto's tools. */
export const TIMED_OUT = 27;

/** The failure for a connection that could not be made. */
export function connectFailureOf(error: unknown, server: ServerPlace): unknown {
  const failure = failureOf(error);
  if (!(failure instanceof Failure)) return failure;
  if (error instanceof RefusedError) {
    const hint = WHO.has(error.reasonCode) ? "; check --username and the password" : "";
    return new Failure(`${failure.message}${hint}`, failure.exitCode);
  }
  if (!(error instanceof ConnectionClosedError)) return failure;
  // Something was connected to, so the handshake can be looked at.
  const hint = error.code === undefined || error.code === "closed"
    ? `; to see the handshake, run \`mqtt5 connect ${urlOf(server.at)}\`${sameOptions(server)}`
    : hintFor(error.code, server);
  return new Failure(`${failure.message}${hint}`, failure.exitCode);
}

/** The Reason Codes of a CONNACK about the user (§3.2.2.2). */
const WHO: ReadonlySet<number> = new Set([
  ReasonCode.badUserNameOrPassword,
  ReasonCode.notAuthorized,
]);

/** What else can be done about a fault on the command line; `""` for nothing. */
export function hintFor(code: FaultCode, { at, proxy }: ServerPlace): string {
  const isHere = code === "refused" && at.scheme === "mqtt" && proxy === undefined &&
    /^(localhost|127\.[\d.]+|::1)$/.test(at.hostname);
  return isHere ? ", or start one with `mqtt5 broker`" : "";
}

function sameOptions({ proxy, headers, given }: ServerPlace): string {
  return asksForTls(given) || proxy !== undefined || headers !== undefined
    ? " with the same options"
    : "";
}

/** The failure for an error of the client. Other errors are returned as they are. */
export function failureOf(error: unknown): unknown {
  if (error instanceof Failure || error instanceof OutputClosed) return error;
  // The output may have been closed while the steps of dialling were shown.
  if (error instanceof Error && error.cause instanceof OutputClosed) return error.cause;
  if (error instanceof RefusedError) {
    // A DISCONNECT ends the work whatever it says: its 0x00 is not a success.
    return new Failure(error.message, isFailure(error.reasonCode) ? error.reasonCode : 1);
  }
  if (error instanceof ConnectionClosedError) {
    return error.cause instanceof RefusedError
      ? failureOf(error.cause)
      : new Failure(error.message);
  }
  return error instanceof ConnectionFault ? new Failure(error.message) : error;
}
