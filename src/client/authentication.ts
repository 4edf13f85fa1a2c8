// §4.12 Enhanced authentication, the client's side of one exchange: asks the application's
// `Authenticator` for each step, and holds it to its contract.

import type { AuthPacket, ConnackPacket } from "../packets/mod.ts";
import type { AuthenticationProperties } from "../session/authentication.ts";
import type {
  AuthenticationContext,
  AuthenticationData,
  Authenticator,
} from "../session/authenticator.ts";
import type { ClientConnection } from "../session/client_connection.ts";
import { unlessAborted } from "./deadline.ts";
import { bytesOf } from "../session/publish_packet.ts";

/** Makes what authenticates the client in one exchange. */
export type AuthenticatorFactory = (
  context: AuthenticationContext,
) => Authenticator | Promise<Authenticator>;

/** What begins an exchange: goes into CONNECT, or into the AUTH that authenticates again. */
interface FirstStep extends AuthenticationProperties {
  readonly authenticationMethod: string;
}

/** One exchange of enhanced authentication. */
export class AuthenticationExchange {
  /** What begins it. */
  readonly first: FirstStep;
  readonly #authenticator: Authenticator;

  private constructor(authenticator: Authenticator, first: FirstStep) {
    this.#authenticator = authenticator;
    this.first = first;
  }

  /**
   * Asks for the first step.
   *
   * @param method the Authentication Method of CONNECT; `undefined` before CONNECT
   * @throws {TypeError} when the authenticator is none, or has another method
   * @throws {unknown} what the application throws; the signal's reason when it aborts
   */
  static async begin(
    make: AuthenticatorFactory,
    method: string | undefined,
    signal: AbortSignal,
  ): Promise<AuthenticationExchange> {
    const context = { signal };
    const authenticator = await called(signal, () => make(context));
    checkAuthenticator(authenticator, method);
    const data = await called(signal, () => authenticator.start(context));
    return new AuthenticationExchange(authenticator, {
      authenticationMethod: authenticator.method,
      ...propertiesOf("start", data),
    });
  }

  /** When to authenticate again, in milliseconds since 1970; `undefined` for never. */
  get renewAt(): number | undefined {
    return this.#authenticator.renewAt;
  }

  /**
   * Answers the server's AUTH 0x18.
   *
   * @throws {unknown} what the application throws; the signal's reason when it aborts
   */
  async answer(
    connection: ClientConnection,
    { properties: { authenticationData } }: AuthPacket,
    signal: AbortSignal,
  ): Promise<void> {
    const authenticator = this.#authenticator;
    if (authenticator.next === undefined) {
      throw new Error(`the server asks for a step that ${authenticator.method} does not have`);
    }
    const answer = await called(signal, () => authenticator.next!(authenticationData, { signal }));
    connection.authenticate(propertiesOf("next", answer));
  }

  /**
   * The server has accepted the client, by CONNACK or by AUTH 0x00.
   *
   * @throws {unknown} what the application throws when the server is not to be trusted
   */
  async done(
    { properties: { authenticationData } }: ConnackPacket | AuthPacket,
    signal: AbortSignal,
  ): Promise<void> {
    const authenticator = this.#authenticator;
    await called(signal, () => authenticator.done?.(authenticationData, { signal }));
  }
}

/** Calls the application, which may throw or reject, or take longer than anybody waits. */
async function called<Result>(
  signal: AbortSignal,
  ask: () => Result | Promise<Result>,
): Promise<Result> {
  return await unlessAborted(signal, (async () => await ask())());
}

function checkAuthenticator(given: Authenticator, expected: string | undefined): void {
  if (typeof given !== "object" || given === null || typeof given.start !== "function") {
    throw new TypeError("authentication() must return an object with method and start()");
  }
  const { method } = given as { readonly method: unknown };
  if (typeof method !== "string") {
    throw new TypeError(`The authenticator's method must be a string, got ${typeof method}`);
  }
  if (expected !== undefined && method !== expected) {
    throw new TypeError(
      `The authenticator's method must be ${JSON.stringify(expected)}, as in CONNECT, got ${
        JSON.stringify(method)
      }`,
    );
  }
}

function propertiesOf(
  what: "start" | "next",
  data: AuthenticationData,
): { readonly authenticationData: Uint8Array | undefined } {
  const authenticationData = data === undefined
    ? undefined
    : bytesOf(`What the authenticator's ${what}() returns`, data);
  return { authenticationData };
}
