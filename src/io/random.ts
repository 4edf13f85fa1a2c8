// Cryptographically secure randomness.

/**
 * A name that nobody else has and nobody can guess: 128 random bits in hexadecimal.
 * `crypto.randomUUID` would do, but is not there for a page that came by plain HTTP.
 */
export function randomName(): string {
  return nameOf(crypto.getRandomValues(new Uint8Array(16)));
}

/** Bytes in hexadecimal. */
export function nameOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
