// RFC 5802, §7: the four messages of SCRAM, without channel binding, which MQTT has no way for: TLS
// beneath it is checked by its certificate alone.

import { saslprep } from "./saslprep.ts";
import { bytesOfBase64 } from "./keys.ts";

/** The longest message that is taken from a peer, in bytes. */
const LONGEST = 1024;

/** What begins an exchange without channel binding and without another identity. */
export const GS2_HEADER = "n,,";

/** The message of some Authentication Data. */
export function textOfMessage(what: string, data: Uint8Array | undefined): string {
  if (data === undefined) throw new Error(`${what} is missing`);
  if (data.length > LONGEST) {
    throw new Error(`${what} has ${data.length} bytes, expected at most ${LONGEST}`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw new Error(`${what} is not UTF-8`);
  }
}

/**
 * A user's name as SCRAM has it.
 *
 * @throws {TypeError} when it is empty, or SASLprep does not allow it
 */
export function preparedName(username: string): string {
  const prepared = saslprep("user name", username, true);
  if (prepared === "") throw new TypeError("SCRAM needs a user name");
  return prepared;
}

/** A name within a message: it may have `,` and `=`. */
export function escaped(username: string): string {
  return username.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

/** The client's first message. */
export interface ClientFirst {
  readonly gs2Header: string;
  /** Without the header: what both ends sign. */
  readonly bare: string;
  readonly username: string;
  readonly nonce: string;
}

/** Reads the client's first message. */
export function parseClientFirst(text: string): ClientFirst {
  const what = "the client's first message";
  const [, gs2Header, binding, identity = "", bare] =
    /^((n|y|p=[^,]*),(?:a=([^,]*))?,)(.*)$/su.exec(text) ?? [];
  if (gs2Header === undefined) throw new Error(`${what} is malformed`);
  if (binding!.startsWith("p")) throw new Error("the client asks for channel binding");
  const [, name, nonce] = /^n=([^,]+),r=([^,]+)(?:,.*)?$/su.exec(bare!) ?? [];
  if (name === undefined) throw new Error(`${what} is malformed`);
  const username = unescaped(name);
  if (identity !== "" && unescaped(identity) !== username) {
    throw new Error("the client asks to act for somebody else");
  }
  checkNonce(nonce!);
  return { gs2Header, bare: bare!, username, nonce: nonce! };
}

/** The server's first message. */
export interface ServerFirst {
  readonly nonce: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

/** Reads the server's first message, which answers the client's nonce. */
export function parseServerFirst(text: string, clientNonce: string): ServerFirst {
  const [, nonce, saltText, iterations] =
    /^r=([^,]+),s=([^,]+),i=([1-9][0-9]{0,9})(?:,.*)?$/su.exec(text) ?? [];
  const salt = saltText === undefined ? undefined : bytesOfBase64(saltText);
  if (salt === undefined) throw new Error("the server's first message is malformed");
  checkNonce(nonce!);
  if (!nonce!.startsWith(clientNonce) || nonce!.length === clientNonce.length) {
    throw new Error("the server's nonce does not continue the client's");
  }
  return { nonce: nonce!, salt, iterations: Number(iterations) };
}

/** The client's last message, without its proof: what both ends sign. */
export function clientFinalWithoutProof(gs2Header: string, nonce: string): string {
  // The header is ASCII, but for an identity.
  const bytes = new TextEncoder().encode(gs2Header);
  return `c=${btoa(String.fromCharCode(...bytes))},r=${nonce}`;
}

/** The client's last message. */
export interface ClientProof {
  /** What both ends sign of it. */
  readonly signed: string;
  readonly proof: Uint8Array;
}

/** Reads the client's last message, which begins as it must. */
export function parseClientFinal(text: string, expected: string): ClientProof {
  const at = text.lastIndexOf(",p=");
  const proof = at < 0 ? undefined : bytesOfBase64(text.slice(at + 3));
  if (proof === undefined) throw new Error("the client's last message is malformed");
  const signed = text.slice(0, at);
  // Extensions may follow the nonce.
  if (signed !== expected && !signed.startsWith(`${expected},`)) {
    throw new Error("the client's last message has another nonce or channel binding");
  }
  return { signed, proof };
}

/** The signature of the server's last message. */
export function parseServerFinal(text: string): Uint8Array {
  if (text.startsWith("e=")) {
    throw new Error(`the server says ${JSON.stringify(text.slice(2))}`);
  }
  const [, encoded = ""] = /^v=([^,]+)(?:,.*)?$/su.exec(text) ?? [];
  const signature = bytesOfBase64(encoded);
  if (signature === undefined) throw new Error("the server's last message is malformed");
  return signature;
}

function unescaped(name: string): string {
  if (/=(?!2C|3D)/.test(name)) throw new Error("the client's user name is malformed");
  return name.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

function checkNonce(nonce: string): void {
  if (/^[!-+\--~]+$/.test(nonce)) return;
  throw new Error("the nonce is malformed");
}
