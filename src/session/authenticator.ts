// §4.12 Enhanced authentication as the application of a Client provides it: what stands between
// MQTT, which carries Authentication Data, and a method, which knows what they mean.

/** What one end tells the other in a step of authentication: text as UTF-8, bytes, or nothing. */
export type AuthenticationData = string | Uint8Array | undefined;

/** What an {@linkcode Authenticator} is given beside data. */
export interface AuthenticationContext {
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * The Client's half of one exchange of enhanced authentication (§4.12): from CONNECT to CONNACK, or
 * from an AUTH that authenticates again to the Server's last one. Its functions may be async, and
 * are called one after the other: `start()` once, `next()` for each step that the Server asks for,
 * `done()` when the Server has accepted the Client.
 *
 * What a function throws ends the exchange, and so the connection: in `start()`, before anything is
 * sent, as a fault that another attempt may cure; later as one that it may not. A {@linkcode
 * ConnectionClosedError} that is thrown is used as it is.
 */
export interface Authenticator {
  /** The Authentication Method (§3.1.2.11.9), the same for all exchanges of a connection. */
  readonly method: string;
  /**
   * When to authenticate again, in milliseconds since 1970; it is read when the Server has accepted
   * the Client. `undefined` for never.
   */
  readonly renewAt?: number | undefined;
  /** The Authentication Data to begin with, at most 65,535 bytes. */
  start(context: AuthenticationContext): AuthenticationData | Promise<AuthenticationData>;
  /** The answer to the data of an AUTH 0x18. Without it, the Server may not ask. */
  next?(
    data: Uint8Array | undefined,
    context: AuthenticationContext,
  ): AuthenticationData | Promise<AuthenticationData>;
  /** Looks at the data of the Server's success, and throws if the Server is not to be trusted. */
  done?(data: Uint8Array | undefined, context: AuthenticationContext): void | Promise<void>;
}
