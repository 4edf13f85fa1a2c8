// SCRAM, the client's half (RFC 5802, RFC 7677): proves to the server that it knows the password,
// and believes the server only when that has proven the same.

import { toBase64 } from "../../wire/base64.ts";
import type { Authenticator } from "../authenticator.ts";
import { checkKnown } from "../option_checks.ts";
import { isEqual, type ScramCrypto, xor } from "./cryptography.ts";
import {
  hashOf,
  keysOf,
  LEAST_ITERATIONS,
  MOST_ITERATIONS,
  preparedPassword,
  type ScramMethod,
} from "./keys.ts";
import {
  clientFinalWithoutProof,
  escaped,
  GS2_HEADER,
  parseServerFinal,
  parseServerFirst,
  preparedName,
  textOfMessage,
} from "./messages.ts";

/** A user, and how it proves to be one. */
export interface ScramCredentials {
  /** The name that the server knows the user by; at least one character. */
  readonly username: string;
  /** The password: text, or its UTF-8. It never leaves this program. */
  readonly password: string | Uint8Array;
  /**
   * The fewest iterations that the server may ask for: fewer would make the password easy to guess
   * for whoever listens. Default: 4096, as in RFC 7677.
   */
  readonly minimumIterations?: number | undefined;
  /** The most, since a server could keep this program busy with them. Default: 1,000,000. */
  readonly maximumIterations?: number | undefined;
}

const NAMES: ReadonlySet<string> = new Set<keyof ScramCredentials>([
  "username",
  "password",
  "minimumIterations",
  "maximumIterations",
]);

/** What an exchange is made with, once and for all. */
interface Setup {
  readonly cryptography: ScramCrypto;
  readonly method: ScramMethod;
  readonly username: string;
  readonly password: Uint8Array;
  readonly minimumIterations: number;
  readonly maximumIterations: number;
}

/**
 * What the exchange waits for:
 *
 * | state        | what comes                 | what follows               | next         |
 * |--------------|----------------------------|----------------------------|--------------|
 * | idle         | `start()`                  | the client's first message | server first |
 * | server first | the server's first message | the client's last message  | server final |
 * | server final | the server's last message  |                            | verified     |
 *
 * The server's last message comes with its success, or with one step more before that.
 */
type State =
  | { readonly name: "idle" }
  | { readonly name: "server first"; readonly bare: string; readonly nonce: string }
  | { readonly name: "server final"; readonly signature: Uint8Array }
  | { readonly name: "verified" };

/**
 * Makes the client's half of an exchange.
 *
 * @throws {TypeError} when the user name or the password is not one that SASLprep (RFC 4013) allows
 * @throws {RangeError} when the bounds of the iterations are none
 */
export function scramClient(
  cryptography: ScramCrypto,
  method: ScramMethod,
  credentials: ScramCredentials,
): () => Authenticator {
  checkKnown(credentials, NAMES, method);
  const { username, password } = credentials;
  const { minimumIterations = LEAST_ITERATIONS, maximumIterations = MOST_ITERATIONS } = credentials;
  if (!(minimumIterations >= 1 && minimumIterations <= maximumIterations)) {
    throw new RangeError(
      `expected minimumIterations from 1 to maximumIterations (${maximumIterations}), ` +
        `got ${minimumIterations}`,
    );
  }
  if (typeof username !== "string") {
    throw new TypeError(`username must be a string, got ${typeof username}`);
  }
  const setup: Setup = {
    cryptography,
    method,
    username: preparedName(username),
    password: preparedPassword(password),
    minimumIterations,
    maximumIterations,
  };
  return () => new ScramClient(setup);
}

/** One exchange. */
class ScramClient implements Authenticator {
  readonly method: ScramMethod;
  readonly #setup: Setup;
  #state: State = { name: "idle" };

  constructor(setup: Setup) {
    this.#setup = setup;
    this.method = setup.method;
  }

  start(): string {
    const { cryptography, username } = this.#setup;
    const nonce = toBase64(cryptography.random(18));
    const bare = `n=${escaped(username)},r=${nonce}`;
    this.#state = { name: "server first", bare, nonce };
    return GS2_HEADER + bare;
  }

  async next(data: Uint8Array | undefined): Promise<string | undefined> {
    const state = this.#state;
    // Whatever goes wrong, there is no second try.
    this.#state = { name: "idle" };
    switch (state.name) {
      case "server first":
        return await this.#prove(state, textOfMessage("the server's first message", data));
      case "server final":
        this.#verify(state, data);
        return undefined;
      case "idle":
      case "verified":
        throw new Error("the server asks for a step too many");
      default:
        return state satisfies never;
    }
  }

  done(data: Uint8Array | undefined): void {
    const state = this.#state;
    if (state.name === "server final") this.#verify(state, data);
    else if (state.name !== "verified") {
      throw new Error("the server has not proven that it knows the password");
    }
  }

  async #prove(
    { bare, nonce }: State & { readonly name: "server first" },
    serverFirst: string,
  ): Promise<string> {
    const { cryptography, method, password, minimumIterations, maximumIterations } = this.#setup;
    const { nonce: both, salt, iterations } = parseServerFirst(serverFirst, nonce);
    if (iterations < minimumIterations || iterations > maximumIterations) {
      throw new Error(
        `the server asks for ${iterations} iterations, expected from ${minimumIterations} to ` +
          `${maximumIterations}`,
      );
    }
    const { clientKey, storedKey, serverKey } = await keysOf(cryptography, method, {
      password,
      salt,
      iterations,
    });
    const withoutProof = clientFinalWithoutProof(GS2_HEADER, both);
    const signed = new TextEncoder().encode(`${bare},${serverFirst},${withoutProof}`);
    const hash = hashOf(method);
    const proof = xor(clientKey, await cryptography.hmac(hash, storedKey, signed));
    const signature = await cryptography.hmac(hash, serverKey, signed);
    this.#state = { name: "server final", signature };
    return `${withoutProof},p=${toBase64(proof)}`;
  }

  #verify(
    { signature }: State & { readonly name: "server final" },
    data: Uint8Array | undefined,
  ): void {
    const given = parseServerFinal(textOfMessage("the server's last message", data));
    if (!isEqual(signature, given)) {
      throw new Error("the server has not proven that it knows the password");
    }
    this.#state = { name: "verified" };
  }
}
