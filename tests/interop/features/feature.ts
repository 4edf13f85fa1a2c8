// What is tried at a server: one feature of the standard each, and what may come of it.

import type { Fixture } from "./fixture.ts";

/** A feature that is tried at any server. */
export interface Feature {
  /** What it is called in the table. */
  readonly name: string;
  /** Where it stands in the standard: `"§3.1.2.4, §4.4"`. */
  readonly section: string;
  /**
   * Tries it. Resolves, when the server does as the standard says, to a remark or to nothing.
   *
   * @throws {NotOffered} when the server says that it does not have it
   * @throws {Difference} when the server does something else; so does whatever else is thrown
   */
  readonly check: (fixture: Fixture) => Promise<string | void>;
}

/** What came of trying a feature. */
export interface Result {
  readonly feature: Feature;
  readonly outcome: "ok" | "not offered" | "differs";
  /** What there is to say about it: in what it differs, why it is not offered; `""` for nothing. */
  readonly remark: string;
}

/** The server does not have the feature, and says so: the standard leaves it the choice. */
export class NotOffered extends Error {
  override readonly name = "NotOffered";
}

/** The server does something else than the standard says. */
export class Difference extends Error {
  override readonly name = "Difference";
}

/** Throws a {@linkcode NotOffered} unless the server has something. */
export function needs(isThere: boolean, why: string): void {
  if (!isThere) throw new NotOffered(why);
}

/**
 * Throws a {@linkcode Difference} unless two values are written alike. Of two lists of the same
 * length it tells the first difference.
 */
export function same(what: string, actual: unknown, expected: unknown): void {
  const [got, wanted] = [shown(actual), shown(expected)];
  if (got === wanted) return;
  const areLists = Array.isArray(actual) && Array.isArray(expected);
  if (areLists && actual.length === expected.length && actual.length > 1) {
    const at = expected.findIndex((part, index) => shown(part) !== shown(actual[index]));
    return same(`${what}, number ${at + 1} of ${actual.length}`, actual[at], expected[at]);
  }
  throw new Difference(`${what}: expected ${cut(wanted)}, got ${cut(got)}`);
}

/** Throws a {@linkcode Difference} unless a condition holds. */
export function holds(condition: boolean, difference: string): void {
  if (!condition) throw new Difference(difference);
}

/** Longer values are cut in messages. */
const LONGEST = 200;

function shown(value: unknown): string {
  return JSON.stringify(
    value,
    (_, part) => part instanceof Uint8Array ? `bytes ${part.toHex()}` : part,
  ) ?? "nothing";
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}… (${text.length} characters)`;
}
