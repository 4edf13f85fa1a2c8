// SCRAM for `connect()`: passwords that are proven, never sent. A page that does not name these
// functions does not load them.

import { webCrypto } from "../io/crypto.ts";
import { scramClient, type ScramCredentials } from "../session/scram/client.ts";
import type { AuthenticatorFactory } from "./authentication.ts";

/**
 * SCRAM-SHA-256 (RFC 7677) for the option `authentication` of {@linkcode connect}: the client
 * proves that it knows the password without sending it, and the server has to prove the same.
 * Channel binding is absent: over TLS, the certificate alone says who the server is.
 *
 * The user name and the password are prepared by SASLprep (RFC 4013), so that text beyond ASCII is
 * the same however it was typed.
 *
 * @throws {TypeError} when SASLprep does not allow a character of them, or the name is empty
 * @throws {RangeError} when the bounds of the iterations are none
 *
 * @example A server that knows nobody's password, and a client that proves its own
 * ```ts
 * import { connect, scramSha256 } from "jsr:@mqtt5/mqtt5";
 * import { scramAuthentication, scramKeys, serve } from "jsr:@mqtt5/mqtt5/broker";
 *
 * const users = new Map([["alice", await scramKeys("SCRAM-SHA-256", "wonderland")]]);
 * await using broker = await serve({
 *   ...scramAuthentication((username) => users.get(username)),
 *   listeners: [],
 * });
 * await using client = await connect(broker, {
 *   authentication: scramSha256({ username: "alice", password: "wonderland" }),
 * });
 * await client.reauthenticate();
 * ```
 */
export function scramSha256(credentials: ScramCredentials): AuthenticatorFactory {
  return scramClient(webCrypto, "SCRAM-SHA-256", credentials);
}

/**
 * SCRAM-SHA-512 for the option `authentication` of {@linkcode connect}; otherwise as {@linkcode
 * scramSha256}.
 *
 * @throws {TypeError} as {@linkcode scramSha256} does
 * @throws {RangeError} likewise
 */
export function scramSha512(credentials: ScramCredentials): AuthenticatorFactory {
  return scramClient(webCrypto, "SCRAM-SHA-512", credentials);
}
