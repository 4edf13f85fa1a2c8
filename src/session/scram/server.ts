// SCRAM, the server's half (RFC 5802, RFC 7677): one exchange, which keeps what both ends sign and
// nothing of the password.

import { toBase64 } from "../../wire/base64.ts";
import { isEqual, type ScramCrypto, xor } from "./cryptography.ts";
import { hashLength, hashOf, type ScramKeys, type ScramMethod } from "./keys.ts";
import {
  clientFinalWithoutProof,
  type ClientFirst,
  type ClientProof,
  parseClientFinal,
  textOfMessage,
} from "./messages.ts";

/** A server's exchange that waits for the client's proof. */
export class ScramServer {
  /** The server's first message. */
  readonly first: string;
  readonly #keys: ScramKeys;
  readonly #clientFirst: string;
  readonly #withoutProof: string;

  /** Answers the client's first message. */
  constructor(cryptography: ScramCrypto, { gs2Header, bare, nonce }: ClientFirst, keys: ScramKeys) {
    const both = nonce + toBase64(cryptography.random(18));
    this.first = `r=${both},s=${toBase64(keys.salt)},i=${keys.iterations}`;
    this.#keys = keys;
    this.#clientFirst = bare;
    this.#withoutProof = clientFinalWithoutProof(gs2Header, both);
  }

  /**
   * Reads the client's last message.
   *
   * @throws {Error} when it is malformed, or belongs to another exchange
   */
  proofOf(data: Uint8Array | undefined): ClientProof {
    const text = textOfMessage("the client's last message", data);
    const proof = parseClientFinal(text, this.#withoutProof);
    if (proof.proof.length === hashLength(this.#keys.method)) return proof;
    throw new Error("the client's proof is malformed");
  }

  /**
   * The server's last message; `undefined` when the client has not proven that it knows the
   * password.
   */
  async final(
    cryptography: ScramCrypto,
    { signed: last, proof }: ClientProof,
  ): Promise<string | undefined> {
    const { method, storedKey, serverKey } = this.#keys;
    const signed = new TextEncoder().encode(`${this.#clientFirst},${this.first},${last}`);
    const hash = hashOf(method);
    const clientKey = xor(proof, await cryptography.hmac(hash, storedKey, signed));
    if (!isEqual(await cryptography.hash(hash, clientKey), storedKey)) return undefined;
    return `v=${toBase64(await cryptography.hmac(hash, serverKey, signed))}`;
  }
}

/**
 * Keys that nobody has the password of, for a user who does not exist: always the same for a name,
 * so that nobody learns by asking who exists.
 */
export async function madeUpKeys(
  cryptography: ScramCrypto,
  method: ScramMethod,
  { secret, username, iterations }: {
    readonly secret: Uint8Array;
    readonly username: string;
    readonly iterations: number;
  },
): Promise<ScramKeys> {
  const encoder = new TextEncoder();
  const made = (what: string) =>
    cryptography.hmac(hashOf(method), secret, encoder.encode(`${what} ${method} ${username}`));
  const salt = (await made("salt")).subarray(0, SALT_LENGTH);
  const [storedKey, serverKey] = [await made("stored"), await made("server")];
  return { method, salt, iterations, storedKey, serverKey };
}

/** How many bytes of salt {@linkcode madeUpKeys} has, as `scramKeys()` does. */
export const SALT_LENGTH = 16;
