// Checks of an application's options, before anything is done with them: a value of the wrong type
// is a TypeError, one out of range a RangeError, and both name the option.

export { checkKnown } from "../wire/checks.ts";

/**
 * Refuses a value of another type.
 *
 * @throws {TypeError} when it has another
 */
export function checkType(
  name: string,
  value: unknown,
  type: "boolean" | "function" | "number" | "object",
): void {
  const actual = value === null ? "null" : typeof value;
  if (actual !== type) throw new TypeError(`${name} must be of type ${type}, got ${actual}`);
}

/**
 * Refuses anything but a number from 0 on.
 *
 * @throws {TypeError} when it is not a number
 * @throws {RangeError} when it is below 0
 */
export function checkNotNegative(name: string, value: number): number {
  checkType(name, value, "number");
  if (value >= 0) return value;
  throw new RangeError(`${name} must not be negative, got ${value}`);
}

/**
 * Refuses anything but a number above 0.
 *
 * @throws {TypeError} when it is not a number
 * @throws {RangeError} when it is not above 0
 */
export function checkPositive(name: string, value: number): number {
  checkType(name, value, "number");
  if (value > 0) return value;
  throw new RangeError(`${name} must be greater than 0, got ${value}`);
}

/**
 * Refuses anything but a whole number from `least` on, or infinity.
 *
 * @throws {TypeError} when it is not a number
 * @throws {RangeError} when it is not a whole number, or too small
 */
export function checkCount(name: string, value: number, least: number): number {
  checkType(name, value, "number");
  if (value >= least && (Number.isInteger(value) || value === Infinity)) return value;
  throw new RangeError(`${name} must be a whole number from ${least} on, got ${value}`);
}

/**
 * Refuses anything but one of the choices, or nothing.
 *
 * @throws {TypeError} when it is something else
 */
export function checkOneOf(
  name: string,
  value: string | undefined,
  choices: readonly string[],
): void {
  if (value === undefined || choices.includes(value)) return;
  const listed = choices.map((choice) => JSON.stringify(choice)).join(" or ");
  throw new TypeError(`${name} must be ${listed}, got ${JSON.stringify(value)}`);
}
