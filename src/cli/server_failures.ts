// What went wrong with a server, as one sentence that says what to do next, and as an exit code. What
// the network means by its errors is known below (io/faults.ts); what the command line can do about it
// stands here.

import { ConnectionClosedError, type FaultCode, RefusedError } from "../errors.ts";
import { ConnectionFault } from "../io/faults.ts";
import { Failure, OutputClosed } from "./failure.ts";
import { asksForTls, type ServerPlace, urlOf } from "./options/server.ts";

/** The exit code of a command whose time ran out, which is that of mosquitto's tools. */
export const TIMED_OUT = 27;

/** One sentence for what kept a command from a connection. */
export function connectFailureOf(error: unknown, server: ServerPlace): unknown {
  const failure = failureOf(error);
  if (!(failure instanceof Failure)) return failure;
  if (error instanceof RefusedError) {
    const hint = WHO.has(error.reasonCode) ? "; check --username and the password" : "";
    return new Failure(`${failure.message}${hint}`, failure.exitCode);
  }
  if (!(error instanceof ConnectionClosedError)) return failure;
  // There may have been a connection, and what was said on it can be looked at.
  const hint = error.code === undefined || error.code === "closed"
    ? `; \`mqtt5 connect ${urlOf(server.at)}\`${sameOptions(server)} shows what it says`
    : hintFor(error.code, server);
  return new Failure(`${failure.message}${hint}`, failure.exitCode);
}

/** The Reason Codes of a CONNACK that are about the user (§3.2.2.2). */
const WHO: ReadonlySet<number> = new Set([0x86, 0x87]);

/** What else can be done about a fault, by who sits at the command line; `""` for nothing. */
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

/** One sentence for whatever ended the work with a server. What is no error of it stays what it is. */
export function failureOf(error: unknown): unknown {
  if (error instanceof Failure || error instanceof OutputClosed) return error;
  // What shows the steps of dialling may find nobody who looks at them.
  if (error instanceof Error && error.cause instanceof OutputClosed) return error.cause;
  if (error instanceof RefusedError) {
    // A DISCONNECT ends the work whatever it says: 0x00 is no success of it.
    return new Failure(error.message, error.reasonCode < 0x80 ? 1 : error.reasonCode);
  }
  if (error instanceof ConnectionClosedError) {
    return error.cause instanceof RefusedError
      ? failureOf(error.cause)
      : new Failure(error.message);
  }
  return error instanceof ConnectionFault ? new Failure(error.message) : error;
}
