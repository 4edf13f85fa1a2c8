// Chance that nobody can guess.

/** A name that nobody else has and nobody can guess. */
export function randomName(): string {
  return crypto.randomUUID();
}
