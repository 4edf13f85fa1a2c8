// What went wrong with a server, as one sentence that says what to do next, and as an exit code.

import { ConnectionClosedError, RefusedError } from "../errors.ts";
import { Failure, OutputClosed } from "./command.ts";
import { quoted } from "./text.ts";

/** Where a command connects to. */
export interface Place {
  readonly hostname: string;
  /** `host:port`. */
  readonly address: string;
}

/** The exit code of a command whose time ran out, which is that of mosquitto's tools. */
export const TIMED_OUT = 27;

/** One sentence for what kept a command from a connection. */
export function connectFailureOf(error: unknown, place: Place): unknown {
  const failure = failureOf(error, place);
  if (!(failure instanceof Failure)) return failure;
  if (error instanceof RefusedError) {
    const hint = WHO.has(error.reasonCode) ? "; check --username and the password" : "";
    return new Failure(`${failure.message}${hint}`, failure.exitCode);
  }
  const isOurs = error instanceof ConnectionClosedError &&
    networkFailure(error.cause, place) === undefined;
  return isOurs
    ? new Failure(
      `${failure.message}; \`mqtt5 connect mqtt://${place.address}\` shows what it says`,
      failure.exitCode,
    )
    : failure;
}

/** The Reason Codes of a CONNACK that are about the user (§3.2.2.2). */
const WHO: ReadonlySet<number> = new Set([0x86, 0x87]);

/** One sentence for whatever ended the work with a server. What is no error of it stays what it is. */
export function failureOf(error: unknown, place: Place): unknown {
  if (error instanceof Failure || error instanceof OutputClosed) return error;
  if (error instanceof RefusedError) {
    // A DISCONNECT ends the work whatever it says: 0x00 is no success of it.
    return new Failure(error.message, error.reasonCode < 0x80 ? 1 : error.reasonCode);
  }
  if (error instanceof ConnectionClosedError) {
    if (error.cause instanceof RefusedError) return failureOf(error.cause, place);
    const network = networkFailure(error.cause, place);
    return network ?? new Failure(error.message);
  }
  return networkFailure(error, place) ?? error;
}

/** One sentence for what the network said, if it is one of the things that people can do something about. */
export function networkFailure(
  error: unknown,
  { hostname, address }: Place,
): Failure | undefined {
  if (error instanceof Deno.errors.ConnectionRefused) {
    return new Failure(
      `Nothing listens on ${address}; start a server with \`mqtt5 broker\`, or check host and port`,
    );
  }
  if (error instanceof Deno.errors.NotCapable) {
    return new Failure(
      `This program may not connect to ${address}; run it with --allow-net=${address}`,
    );
  }
  if (error instanceof Error && /^failed to lookup/.test(error.message)) {
    return new Failure(
      `There is no host called ${quoted(hostname)}; check its name and your network`,
    );
  }
  return undefined;
}
