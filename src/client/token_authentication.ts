// Tokens as enhanced authentication: sent with CONNECT, and again, renewed, before they expire.

import { fromBase64 } from "../wire/base64.ts";
import type { AuthenticationContext, Authenticator } from "../session/authenticator.ts";
import { checkKnown, checkNotNegative } from "../session/option_checks.ts";
import type { AuthenticatorFactory } from "./authentication.ts";

/** A token, and how long it is good for. */
export interface ExpiringToken {
  /** The token: text, or at most 65,535 bytes. */
  readonly token: string | Uint8Array;
  /** When it expires: a date, or milliseconds since 1970. */
  readonly expiresAt: Date | number;
}

/** Options of {@linkcode tokenAuthentication}. */
export interface TokenAuthenticationOptions {
  /** The Authentication Method that the server has for tokens, such as `"CUSTOM-JWT"`. */
  readonly method: string;
  /**
   * Gives a token, for each attempt to connect and each renewal: by itself, or with the time when
   * it expires. That of a JSON Web Token is read from its claim `exp`; any other is not renewed.
   */
  readonly token: (
    context: AuthenticationContext,
  ) => string | Uint8Array | ExpiringToken | Promise<string | Uint8Array | ExpiringToken>;
  /** How long before it expires a token is renewed, in milliseconds. Default: 60,000. */
  readonly renewBefore?: number | undefined;
}

const NAMES: ReadonlySet<string> = new Set<keyof TokenAuthenticationOptions>([
  "method",
  "token",
  "renewBefore",
]);

/**
 * A token, such as a JWT, for the option `authentication` of {@linkcode connect}: sent with CONNECT
 * (§4.12), and renewed by an AUTH before it expires (§4.12.1), while messages go on. When a token
 * cannot be had in time, the client tries again, and tells so by the event `reauthenticating`.
 *
 * @throws {TypeError} when an option has the wrong type
 * @throws {RangeError} when `renewBefore` is negative
 *
 * @example Azure Event Grid, whose tokens are good for an hour or so
 * ```ts
 * import { connect, tokenAuthentication } from "jsr:@mqtt5/mqtt5";
 *
 * async function main(newToken: () => Promise<string>) {
 *   await using client = await connect("mqtts://NAME.REGION-1.ts.eventgrid.azure.net", {
 *     clientId: "thermostat-7",
 *     authentication: tokenAuthentication({ method: "CUSTOM-JWT", token: newToken }),
 *   });
 *   await client.publish("home/kitchen/temperature", "21.5");
 * }
 * ```
 */
export function tokenAuthentication(options: TokenAuthenticationOptions): AuthenticatorFactory {
  checkKnown(options, NAMES, "tokenAuthentication()");
  const { method, token, renewBefore = 60_000 } = options;
  if (typeof method !== "string") {
    throw new TypeError(`method must be a string, got ${typeof method}`);
  }
  if (typeof token !== "function") {
    throw new TypeError(`token must be a function, got ${typeof token}`);
  }
  checkNotNegative("renewBefore", renewBefore);
  return (): Authenticator => {
    let expiresAt: number | undefined;
    return {
      method,
      get renewAt() {
        return expiresAt === undefined ? undefined : expiresAt - renewBefore;
      },
      async start(context) {
        const given = await token(context);
        if (typeof given === "string" || given instanceof Uint8Array) {
          expiresAt = typeof given === "string" ? expiryOf(given) : undefined;
          return given;
        }
        const { token: bare, expiresAt: time } = given ?? {};
        expiresAt = Number(time);
        if (typeof bare !== "string" && !(bare instanceof Uint8Array) || !isFinite(expiresAt)) {
          throw new TypeError("token() must return a string, bytes or { token, expiresAt }");
        }
        return bare;
      },
    };
  };
}

/** When a JSON Web Token expires (RFC 7519, §4.1.4); `undefined` when it does not, or is none. */
function expiryOf(token: string): number | undefined {
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(token) ?? [];
  if (payload === undefined) return undefined;
  try {
    const bytes = fromBase64(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const { exp } = JSON.parse(new TextDecoder().decode(bytes));
    return typeof exp === "number" ? exp * 1000 : undefined;
  } catch {
    // It only looks like one: what it means is the server's affair.
    return undefined;
  }
}
