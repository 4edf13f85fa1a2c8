// Cryptographically secure randomness.

/**
 * A name that nobody else has and nobody can guess: 128 random bits in hexadecimal.
 * `crypto.randomUUID` would do, but is not there for a page that came by plain HTTP.
 */
export function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
