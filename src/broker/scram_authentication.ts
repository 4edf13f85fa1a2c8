// SCRAM for `serve()`: clients prove that they know a password that the broker has never seen.
// Whether a user exists cannot be told from the outside: one who does not is asked for a proof,
// too, and the same is computed.

import { webCrypto } from "../io/crypto.ts";
import { ReasonCode } from "../packets/mod.ts";
import { checkKnown } from "../session/option_checks.ts";
import type { ScramCrypto } from "../session/scram/cryptography.ts";
import {
  formatKeys,
  keysOf,
  LEAST_ITERATIONS,
  MOST_ITERATIONS,
  parseKeys,
  preparedPassword,
  SCRAM_METHODS,
  type ScramMethod,
} from "../session/scram/keys.ts";
import { parseClientFirst, preparedName, textOfMessage } from "../session/scram/messages.ts";
import { madeUpKeys, SALT_LENGTH, ScramServer } from "../session/scram/server.ts";
import type {
  AuthenticationAnswer,
  AuthenticationStep,
  BrokerHooks,
  ClientInfo,
} from "./options.ts";
import { Turnstile } from "./turnstile.ts";

/**
 * Finds the keys of a user, as {@linkcode scramKeys} made them; `undefined` when there is no such
 * user. The name is prepared by SASLprep (RFC 4013). Keys for another method than that asked for
 * count as none.
 */
export type ScramLookup = (
  username: string,
  method: ScramMethod,
) => string | undefined | Promise<string | undefined>;

/** Options of {@linkcode scramAuthentication}. */
export interface ScramAuthenticationOptions {
  /** The methods that clients may use. Default: SCRAM-SHA-256 and SCRAM-SHA-512. */
  readonly methods?: readonly ScramMethod[] | undefined;
  /**
   * The iterations that a user who does not exist seems to have: as many as those who do. Default:
   * 100,000, as {@linkcode scramKeys} has it.
   */
  readonly iterations?: number | undefined;
  /**
   * Makes the salts of users who do not exist. With the same secret they stay the same when the
   * broker starts again, as those of real users do. Default: random, for this call.
   */
  readonly secret?: Uint8Array | undefined;
  /** How many steps are looked up and computed at the same time; others wait. Default: 64. */
  readonly concurrency?: number | undefined;
}

/** Options of {@linkcode scramKeys}. */
export interface ScramKeysOptions {
  /**
   * How often the password is hashed, from 4096 to 1,000,000: it slows down whoever has stolen the
   * keys, and each client as it connects. Default: 100,000.
   */
  readonly iterations?: number | undefined;
  /** From 8 to 64 bytes, another one for each user. Default: 16 random bytes. */
  readonly salt?: Uint8Array | undefined;
}

/** The hooks that {@linkcode scramAuthentication} gives. */
export type ScramHooks = Required<Pick<BrokerHooks, "authenticate" | "authenticateStep">>;

const DEFAULT_ITERATIONS = 100_000;

const KEYS_OPTIONS: ReadonlySet<string> = new Set<keyof ScramKeysOptions>(["iterations", "salt"]);

const AUTHENTICATION_OPTIONS: ReadonlySet<string> = new Set<keyof ScramAuthenticationOptions>([
  "methods",
  "iterations",
  "secret",
  "concurrency",
]);

/**
 * What a broker keeps in place of a user's password, as one line of text:
 * `SCRAM-SHA-256$100000:SALT$STORED-KEY:SERVER-KEY`, as PostgreSQL has it, too. The password cannot
 * be read from it, only guessed. It is computed beside the event loop.
 *
 * @throws {TypeError} when there is no such method, or SASLprep (RFC 4013) does not allow a
 *   character of the password
 * @throws {RangeError} when the iterations or the length of the salt are out of their range
 */
export async function scramKeys(
  method: ScramMethod,
  password: string | Uint8Array,
  options: ScramKeysOptions = {},
): Promise<string> {
  checkKnown(options, KEYS_OPTIONS, "scramKeys()");
  const { iterations = DEFAULT_ITERATIONS, salt = webCrypto.random(SALT_LENGTH) } = options;
  checkMethods([method]);
  checkIterations(iterations);
  checkSalt(salt);
  const setup = { password: preparedPassword(password), salt, iterations };
  return formatKeys(await keysOf(webCrypto, method, setup));
}

/**
 * Hooks for `serve()` that let clients in by SCRAM (RFC 5802, RFC 7677), and no others: a client
 * without an Authentication Method is refused with Bad authentication method (0x8C), unless a hook
 * `authenticate` that follows lets it in. The user name that is proven becomes the `username` of
 * {@linkcode ClientInfo}.
 *
 * @throws {TypeError} when an option has the wrong type
 * @throws {RangeError} when an option is out of range
 *
 * @example
 * ```ts
 * import { scramAuthentication, scramKeys, serve } from "jsr:@mqtt5/mqtt5/broker";
 *
 * const users = new Map([["alice", await scramKeys("SCRAM-SHA-256", "wonderland")]]);
 * await using broker = await serve({
 *   ...scramAuthentication((username) => users.get(username)),
 *   listeners: [],
 * });
 * ```
 */
export function scramAuthentication(
  lookup: ScramLookup,
  options: ScramAuthenticationOptions = {},
): ScramHooks {
  checkKnown(options, AUTHENTICATION_OPTIONS, "scramAuthentication()");
  const { methods = SCRAM_METHODS, iterations = DEFAULT_ITERATIONS, concurrency = 64 } = options;
  if (typeof lookup !== "function") {
    throw new TypeError(`lookup must be a function, got ${typeof lookup}`);
  }
  checkMethods(methods);
  checkIterations(iterations);
  const secret = options.secret ?? webCrypto.random(32);
  if (!(secret instanceof Uint8Array) || secret.length === 0) {
    throw new TypeError("secret must be a Uint8Array that is not empty");
  }
  const scram = new ScramHandler({
    cryptography: webCrypto,
    lookup,
    methods,
    iterations,
    secret,
  });
  const turnstile = new Turnstile(concurrency);
  return {
    authenticate: () => ReasonCode.badAuthenticationMethod,
    authenticateStep: (client, step) => turnstile.pass(() => scram.step(client, step)),
  };
}

/** What {@linkcode ScramHandler} is made with. */
interface ScramSetup {
  readonly cryptography: ScramCrypto;
  readonly lookup: ScramLookup;
  readonly methods: readonly ScramMethod[];
  readonly iterations: number;
  readonly secret: Uint8Array;
}

/** An exchange in which it is the client's turn. */
interface Exchange {
  readonly username: string;
  readonly server: ScramServer;
}

const REFUSAL: AuthenticationAnswer = { result: "refuse" };

/** The exchanges of all clients. */
class ScramHandler {
  readonly #setup: ScramSetup;
  /**
   * Those in which a client has to answer: one for each connection at most, of less than 4 KiB,
   * which is forgotten with its client.
   */
  readonly #exchanges = new WeakMap<ClientInfo, Exchange>();

  constructor(setup: ScramSetup) {
    this.#setup = setup;
  }

  async step(
    client: ClientInfo,
    { method: name, data, step }: AuthenticationStep,
  ): Promise<AuthenticationAnswer> {
    const method = this.#setup.methods.find((method) => method === name);
    if (method === undefined) {
      return { result: "refuse", reasonCode: ReasonCode.badAuthenticationMethod };
    }
    const exchange = this.#exchanges.get(client);
    this.#exchanges.delete(client);
    if (step === 0) return await this.#begin(client, method, data);
    return exchange === undefined ? REFUSAL : await this.#finish(exchange, data);
  }

  async #begin(
    client: ClientInfo,
    method: ScramMethod,
    data: Uint8Array | undefined,
  ): Promise<AuthenticationAnswer> {
    const { cryptography, lookup, secret, iterations } = this.#setup;
    let first, username;
    try {
      first = parseClientFirst(textOfMessage("the client's first message", data));
      username = preparedName(first.username);
    } catch (error) {
      return malformed(error);
    }
    const found = await lookup(username, method);
    // Made up for everybody: what takes time is the same whether there is such a user or not.
    const madeUp = await madeUpKeys(cryptography, method, { secret, username, iterations });
    const keys = found === undefined ? madeUp : parseKeys(found);
    const server = new ScramServer(cryptography, first, keys.method === method ? keys : madeUp);
    this.#exchanges.set(client, { username, server });
    return { result: "continue", data: new TextEncoder().encode(server.first) };
  }

  async #finish(
    { username, server }: Exchange,
    data: Uint8Array | undefined,
  ): Promise<AuthenticationAnswer> {
    let proof;
    try {
      proof = server.proofOf(data);
    } catch (error) {
      return malformed(error);
    }
    const final = await server.final(this.#setup.cryptography, proof);
    if (final === undefined) return REFUSAL;
    return { result: "success", data: new TextEncoder().encode(final), username };
  }
}

/** What the client sent is wrong in itself, which is no secret and no error of the broker. */
function malformed(error: unknown): AuthenticationAnswer {
  return { result: "refuse", reasonString: (error as Error).message };
}

function checkMethods(methods: readonly string[]): void {
  for (const method of methods) {
    if ((SCRAM_METHODS as readonly string[]).includes(method)) continue;
    throw new TypeError(`expected SCRAM-SHA-256 or SCRAM-SHA-512, got ${JSON.stringify(method)}`);
  }
}

function checkSalt(salt: Uint8Array): void {
  if (!(salt instanceof Uint8Array)) {
    throw new TypeError(`salt must be a Uint8Array, got ${typeof salt}`);
  }
  if (salt.length >= 8 && salt.length <= 64) return;
  throw new RangeError(`salt must have from 8 to 64 bytes, got ${salt.length}`);
}

function checkIterations(iterations: number): void {
  const isInRange = iterations >= LEAST_ITERATIONS && iterations <= MOST_ITERATIONS;
  if (Number.isInteger(iterations) && isInRange) return;
  throw new RangeError(
    `iterations must be from ${LEAST_ITERATIONS} to ${MOST_ITERATIONS}, got ${iterations}`,
  );
}
