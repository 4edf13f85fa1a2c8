// What SCRAM needs of cryptography. This layer is pure, so it is given it.

/** The hash functions that SCRAM is used with here. */
export type HashName = "SHA-256" | "SHA-512";

/** Cryptography, as it is given to SCRAM. */
export interface ScramCrypto {
  /** So many random bytes that nobody can guess. */
  random(length: number): Uint8Array;
  /** The hash of some bytes. */
  hash(name: HashName, data: Uint8Array): Promise<Uint8Array>;
  /** HMAC (RFC 2104). */
  hmac(name: HashName, key: Uint8Array, data: Uint8Array): Promise<Uint8Array>;
  /** PBKDF2 with HMAC (RFC 8018), as long as the hash. */
  pbkdf2(
    name: HashName,
    password: Uint8Array,
    salt: Uint8Array,
    iterations: number,
  ): Promise<Uint8Array>;
}

/** Compares without telling by its time where two values differ. */
export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at++) difference |= one[at]! ^ (other[at] ?? 0);
  return difference === 0;
}

/** Each byte of one, XOR that of the other. */
export function xor(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.map((byte, at) => byte ^ other[at]!);
}
