// RFC 5802, §3: what SCRAM computes of a password, and what a server keeps of it.

import { fromBase64, toBase64 } from "../../wire/base64.ts";
import type { HashName, ScramCrypto } from "./cryptography.ts";
import { saslprep } from "./saslprep.ts";

/** The methods of SCRAM that are known here: RFC 7677, and the same with SHA-512. */
export type ScramMethod = "SCRAM-SHA-256" | "SCRAM-SHA-512";

/** Their names. */
export const SCRAM_METHODS: readonly ScramMethod[] = ["SCRAM-SHA-256", "SCRAM-SHA-512"];

/** What RFC 7677, §4 asks for at least. */
export const LEAST_ITERATIONS = 4096;

/**
 * The most iterations that a peer may ask for, or a server may keep: SHA-512 takes about a second
 * for them on a small machine.
 */
export const MOST_ITERATIONS = 1_000_000;

/** What a server keeps of a password, from which nobody gets the password but by guessing. */
export interface ScramKeys {
  readonly method: ScramMethod;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** The hash function of a method. */
export function hashOf(method: ScramMethod): HashName {
  return method === "SCRAM-SHA-256" ? "SHA-256" : "SHA-512";
}

/** How many bytes its hash has. */
export function hashLength(method: ScramMethod): number {
  return method === "SCRAM-SHA-256" ? 32 : 64;
}

/**
 * The password as it is computed with.
 *
 * @throws {TypeError} when SASLprep does not allow it, or bytes are not UTF-8
 */
export function preparedPassword(password: string | Uint8Array): Uint8Array {
  return new TextEncoder().encode(saslprep("password", textOf("password", password)));
}

/** Text, or the text that some bytes are. */
function textOf(name: string, value: string | Uint8Array): string {
  if (typeof value === "string") return value;
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`The ${name} must be a string or a Uint8Array, got ${typeof value}`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    throw new TypeError(`The ${name} is not UTF-8`);
  }
}

/** The keys of a password, of which only the client ever has the first. */
export async function keysOf(
  cryptography: ScramCrypto,
  method: ScramMethod,
  { password, salt, iterations }: {
    /** By {@linkcode preparedPassword}. */
    readonly password: Uint8Array;
    readonly salt: Uint8Array;
    readonly iterations: number;
  },
): Promise<ScramKeys & { readonly clientKey: Uint8Array }> {
  const hash = hashOf(method);
  const salted = await cryptography.pbkdf2(hash, password, salt, iterations);
  const encoder = new TextEncoder();
  const clientKey = await cryptography.hmac(hash, salted, encoder.encode("Client Key"));
  const serverKey = await cryptography.hmac(hash, salted, encoder.encode("Server Key"));
  const storedKey = await cryptography.hash(hash, clientKey);
  return { method, salt, iterations, storedKey, serverKey, clientKey };
}

/** The keys as one line of text: `SCRAM-SHA-256$4096:SALT$STORED-KEY:SERVER-KEY`. */
export function formatKeys({ method, iterations, salt, storedKey, serverKey }: ScramKeys): string {
  const [saltText, stored, server] = [salt, storedKey, serverKey].map(toBase64);
  return `${method}$${iterations}:${saltText}$${stored}:${server}`;
}

/**
 * The keys of such a line.
 *
 * @throws {TypeError} when it is none; the error does not say what it is
 */
export function parseKeys(text: string): ScramKeys {
  const [, method, iterations, ...encoded] =
    /^(SCRAM-SHA-256|SCRAM-SHA-512)\$([1-9][0-9]{0,6}):([^:$]+)\$([^:$]+):([^:$]+)$/.exec(text) ??
      [];
  const [salt, storedKey, serverKey] = encoded.map((part) => bytesOfBase64(part));
  const length = hashLength(method as ScramMethod);
  const isWhole = method !== undefined && Number(iterations) <= MOST_ITERATIONS &&
    salt !== undefined && storedKey?.length === length && serverKey?.length === length;
  if (!isWhole) {
    throw new TypeError("expected keys as scramKeys() makes them, SCRAM-SHA-256$4096:…$…:…");
  }
  return {
    method: method as ScramMethod,
    iterations: Number(iterations),
    salt,
    storedKey,
    serverKey,
  };
}

/** The bytes of strict Base64, at least one; `undefined` when it is none. */
export function bytesOfBase64(text: string): Uint8Array | undefined {
  const isStrict = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text);
  return isStrict && text !== "" ? fromBase64(text) : undefined;
}
