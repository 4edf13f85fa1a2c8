// Password files as a hook for `serve()`. Whether a user exists cannot be told from the outside:
// for one who does not, the same is computed as for one of those who do.

import { webCrypto } from "../../io/crypto.ts";
import { ReasonCode, type ReasonCodeOf } from "../../packets/mod.ts";
import { checkPositive, checkType } from "../../session/option_checks.ts";
import type { ScramCrypto } from "../../session/scram/cryptography.ts";
import { checkKnown } from "../../wire/checks.ts";
import type { BrokerHooks, Verdict } from "../options.ts";
import { Turnstile } from "../turnstile.ts";
import { isPassword, parsePasswordLine, type PasswordHash } from "./password_line.ts";

/** Options of {@linkcode passwordFile}. */
export interface PasswordFileOptions {
  /** Whether clients without User Name are let in. Default: false. */
  readonly allowAnonymous?: boolean | undefined;
  /**
   * How many passwords are checked at the same time: each takes a processor for as long as its
   * iterations take, some 50 ms by default. Further ones wait; beyond 256 that wait, clients are
   * refused with Server busy (0x89). Default: 2.
   */
  readonly concurrency?: number | undefined;
}

/** The hook that {@linkcode passwordFile} gives. */
export type PasswordHook = NonNullable<BrokerHooks["authenticate"]>;

const OPTIONS: ReadonlySet<string> = new Set<keyof PasswordFileOptions>([
  "allowAnonymous",
  "concurrency",
]);

/** Clients that wait for their turn, at most: all of them are to have it within `hookTimeout`. */
const MOST_WAITING = 256;

/**
 * The hook `authenticate` for `serve()` that lets in the users of a password file. It has the
 * format of `mosquitto_passwd`: a line for each user, as {@linkcode passwordLine} makes it (`$7$`,
 * PBKDF2 with SHA-512) or as Mosquitto before 2.0 did (`$6$`, SHA-512). A line that begins with `#`
 * is a comment.
 *
 * Other clients are refused with Bad User Name or Password (0x86), those without User Name with Not
 * authorized (0x87). Passwords are checked beside the event loop, and take as long for a user who
 * does not exist as for one who does.
 *
 * To use another file, let a hook of your own call that of the latest one.
 *
 * @param text the file's text
 * @throws {TypeError} when a line is wrong, the message begins with its number; or when an option
 *   has the wrong type
 * @throws {RangeError} when an option is out of its range
 *
 * @example
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 * import { passwordFile, passwordLine, serve } from "jsr:@mqtt5/mqtt5/broker";
 *
 * const text = await passwordLine("alice", "wonderland"); // or a file, by Deno.readTextFile()
 * await using broker = await serve({ authenticate: passwordFile(text), listeners: [] });
 * await using client = await connect(broker, { username: "alice", password: "wonderland" });
 * ```
 */
export function passwordFile(text: string, options: PasswordFileOptions = {}): PasswordHook {
  checkKnown(options, OPTIONS, "passwordFile()");
  const { allowAnonymous = false, concurrency = 2 } = options;
  checkType("allowAnonymous", allowAnonymous, "boolean");
  checkPositive("concurrency", concurrency);
  const passwords = new Passwords(webCrypto, parsePasswordFile(text), concurrency);
  return (_client, { username, password }) => {
    if (username !== undefined) return passwords.check(username, password ?? new Uint8Array());
    return allowAnonymous || ReasonCode.notAuthorized;
  };
}

/**
 * The users of a password file, and what is kept of their passwords.
 *
 * @throws {TypeError} when a line is wrong; the message begins with its number
 */
export function parsePasswordFile(text: string): ReadonlyMap<string, PasswordHash> {
  if (typeof text !== "string") throw new TypeError(`text must be a string, got ${typeof text}`);
  const users = new Map<string, PasswordHash>();
  for (const [index, line] of text.split("\n").entries()) {
    const entry = atLine(index + 1, () => parsePasswordLine(line));
    if (entry === undefined) continue;
    const { username, password } = entry;
    if (users.has(username)) {
      throw new TypeError(
        `Line ${index + 1}: there is a line for ${JSON.stringify(username)} before`,
      );
    }
    users.set(username, password);
  }
  return users;
}

function atLine<Result>(line: number, parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    throw new TypeError(`Line ${line}: ${(error as Error).message}`, { cause: error });
  }
}

/** Checks passwords, so many at the same time. */
class Passwords {
  readonly #cryptography: ScramCrypto;
  readonly #users: ReadonlyMap<string, PasswordHash>;
  /** In some order, to take one of for a user who does not exist. */
  readonly #hashes: readonly PasswordHash[];
  readonly #secret: Uint8Array;
  readonly #turnstile: Turnstile;
  readonly #most: number;
  #pending = 0;

  constructor(
    cryptography: ScramCrypto,
    users: ReadonlyMap<string, PasswordHash>,
    concurrency: number,
  ) {
    this.#cryptography = cryptography;
    this.#users = users;
    this.#hashes = [...users.values()];
    this.#secret = cryptography.random(32);
    this.#turnstile = new Turnstile(concurrency);
    this.#most = concurrency + MOST_WAITING;
  }

  async check(
    username: string,
    password: Uint8Array,
  ): Promise<Verdict<ReasonCodeOf<"connack">>> {
    if (this.#pending >= this.#most) return ReasonCode.serverBusy;
    this.#pending++;
    const own = password.slice();
    try {
      const isRight = await this.#turnstile.pass(() => this.#isRight(username, own));
      return isRight || ReasonCode.badUserNameOrPassword;
    } finally {
      this.#pending--;
    }
  }

  async #isRight(username: string, password: Uint8Array): Promise<boolean> {
    const known = this.#users.get(username);
    // Worked out for everybody. It is the same each time for the same name, as that of a user is.
    const other = await this.#otherThan(username);
    const hash = known ?? other;
    if (hash === undefined) return false;
    const isRight = await isPassword(this.#cryptography, hash, password);
    return isRight && known !== undefined;
  }

  /** What is kept of some user's password; `undefined` when there are no users. */
  async #otherThan(username: string): Promise<PasswordHash | undefined> {
    const bytes = new TextEncoder().encode(username);
    const digest = await this.#cryptography.hmac("SHA-256", this.#secret, bytes);
    const number = digest.subarray(0, 4).reduce((sum, byte) => sum * 256 + byte, 0);
    return this.#hashes[number % this.#hashes.length];
  }
}
