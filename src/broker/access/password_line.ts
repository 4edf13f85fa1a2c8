// A line of a password file in the format of `mosquitto_passwd`: the user, and what is kept in
// place of the password, from which it can only be guessed.

import { webCrypto } from "../../io/crypto.ts";
import { isEqual, type ScramCrypto } from "../../session/scram/cryptography.ts";
import { bytesOfBase64 } from "../../session/scram/keys.ts";
import { toBase64 } from "../../wire/base64.ts";
import { checkKnown } from "../../wire/checks.ts";

/** What is kept of a password. */
export interface PasswordHash {
  /** How often it is hashed (PBKDF2); `undefined`: once, as Mosquitto before 2.0 did. */
  readonly iterations: number | undefined;
  readonly salt: Uint8Array;
  /** 64 bytes. */
  readonly hash: Uint8Array;
}

/** A line of a password file. */
export interface PasswordEntry {
  readonly username: string;
  readonly password: PasswordHash;
}

/** Options of {@linkcode passwordLine}. */
export interface PasswordLineOptions {
  /**
   * How often the password is hashed, from 1000 to 10,000,000: it slows down whoever has stolen the
   * file, and each client as it connects. Default: 100,000.
   */
  readonly iterations?: number | undefined;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof PasswordLineOptions>(["iterations"]);

/** How often a password is hashed unless something else is said. */
export const DEFAULT_ITERATIONS = 100_000;
const LEAST_ITERATIONS = 1000;
/** With more, one login would take seconds. */
export const MOST_ITERATIONS = 10_000_000;

// deno-lint-ignore no-control-regex
const SEPARATORS = /[:\x00-\x1f\x7f]/;
const EDGES = /^[# ]| $/;

/** Whether a line of a password file can begin with a user name. */
export function isUsername(username: string): boolean {
  return username !== "" && !SEPARATORS.test(username) && !EDGES.test(username);
}

/** Mosquitto 2.0 takes no other length. */
const SALT_LENGTH = 12;
const HASH_LENGTH = 64;

/** Bytes of a User Name, at most (§3.1.3.5). */
const LONGEST_USERNAME = 65_535;

/**
 * A line for {@linkcode passwordFile}, or for Mosquitto's `password_file`:
 * `alice:$7$100000$SALT$HASH`, by PBKDF2 with SHA-512. The password cannot be read from it, only
 * guessed. It is computed beside the event loop.
 *
 * @throws {TypeError} when the user name is empty, begins with `#` or white space, ends with white
 *   space, or has a colon or a control character in it
 * @throws {RangeError} when the user name is too long, or the iterations are out of their range
 *
 * @example
 * ```ts
 * import { passwordLine } from "jsr:@mqtt5/mqtt5/broker";
 * import { assertMatch } from "@std/assert";
 *
 * assertMatch(await passwordLine("alice", "wonderland"), /^alice:\$7\$100000\$/);
 * ```
 */
export async function passwordLine(
  username: string,
  password: string | Uint8Array,
  options: PasswordLineOptions = {},
): Promise<string> {
  checkKnown(options, OPTIONS, "passwordLine()");
  const { iterations = DEFAULT_ITERATIONS } = options;
  checkUsername(username);
  if (
    !Number.isInteger(iterations) || iterations < LEAST_ITERATIONS || iterations > MOST_ITERATIONS
  ) {
    throw new RangeError(
      `iterations must be from ${LEAST_ITERATIONS} to ${MOST_ITERATIONS}, got ${iterations}`,
    );
  }
  if (typeof password !== "string" && !(password instanceof Uint8Array)) {
    throw new TypeError(`password must be a string or a Uint8Array, got ${typeof password}`);
  }
  const bytes = typeof password === "string" ? new TextEncoder().encode(password) : password;
  const salt = webCrypto.random(SALT_LENGTH);
  const hash = await webCrypto.pbkdf2("SHA-512", bytes, salt, iterations);
  return `${username}:$7$${iterations}$${toBase64(salt)}$${toBase64(hash)}`;
}

function checkUsername(username: string): void {
  if (typeof username !== "string") {
    throw new TypeError(`username must be a string, got ${typeof username}`);
  }
  const what = `user name ${JSON.stringify(username.slice(0, 80))}`;
  if (username === "") throw new TypeError("user name must not be empty");
  if (SEPARATORS.test(username)) {
    throw new TypeError(`${what} has a colon or a control character, which the file cannot hold`);
  }
  if (EDGES.test(username)) {
    throw new TypeError(`${what} begins with # or a space, or ends with a space`);
  }
  if (!username.isWellFormed()) throw new TypeError(`${what} has a lone surrogate`);
  const bytes = new TextEncoder().encode(username).length;
  if (bytes > LONGEST_USERNAME) {
    throw new RangeError(`user name must be at most 65535 bytes long, got ${bytes}`);
  }
}

/**
 * What a line says; `undefined` for a comment and an empty line.
 *
 * @throws {TypeError} when it is wrong; the message does not show what is kept of the password
 */
export function parsePasswordLine(line: string): PasswordEntry | undefined {
  const text = line.replace(/\s+$/, "");
  if (text === "" || text.startsWith("#")) return undefined;
  const colon = text.indexOf(":");
  if (colon < 0) throw new TypeError("expected USER:PASSWORD-HASH, got no colon");
  const username = text.slice(0, colon).trim();
  if (username === "") throw new TypeError("the user name is missing");
  const rest = text.slice(colon + 1).trim();
  const [, kind] = /^\$([^$]*)\$/.exec(rest) ?? [];
  const of = `the password of ${JSON.stringify(username)}`;
  if (kind === "argon2id") {
    throw new TypeError(
      `${of} is hashed with argon2id, which is not supported; set it again with ` +
        "mqtt5 passwd, or mosquitto_passwd -H sha512-pbkdf2",
    );
  }
  if (kind !== "6" && kind !== "7") {
    throw new TypeError(`${of} is not hashed; set it again with mqtt5 passwd or mosquitto_passwd`);
  }
  const password = kind === "7" ? parsePbkdf2(rest) : parseSha512(rest);
  if (password === undefined) {
    const format = kind === "7" ? "$7$ITERATIONS$SALT$HASH" : "$6$SALT$HASH";
    throw new TypeError(`the hash of ${of} is not of the form ${format}`);
  }
  return { username, password };
}

function parsePbkdf2(text: string): PasswordHash | undefined {
  const [, digits, salt, hash] = /^\$7\$([1-9]\d{0,7})\$([^$]+)\$([^$]+)$/.exec(text) ?? [];
  const iterations = Number(digits);
  return digits === undefined || iterations > MOST_ITERATIONS
    ? undefined
    : hashOf(iterations, salt!, hash!);
}

function parseSha512(text: string): PasswordHash | undefined {
  const [, salt, hash] = /^\$6\$([^$]+)\$([^$]+)$/.exec(text) ?? [];
  return salt === undefined ? undefined : hashOf(undefined, salt, hash!);
}

function hashOf(
  iterations: number | undefined,
  saltText: string,
  hashText: string,
): PasswordHash | undefined {
  const [salt, hash] = [bytesOfBase64(saltText), bytesOfBase64(hashText)];
  return salt === undefined || hash?.length !== HASH_LENGTH
    ? undefined
    : { iterations, salt, hash };
}

/** Whether a password is the one of which this is kept; its time does not tell how far it is. */
export async function isPassword(
  cryptography: ScramCrypto,
  { iterations, salt, hash }: PasswordHash,
  password: Uint8Array,
): Promise<boolean> {
  if (iterations !== undefined) {
    return isEqual(await cryptography.pbkdf2("SHA-512", password, salt, iterations), hash);
  }
  const salted = new Uint8Array(password.length + salt.length);
  salted.set(password);
  salted.set(salt, password.length);
  return isEqual(await cryptography.hash("SHA-512", salted), hash);
}
