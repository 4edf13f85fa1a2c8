// A caller's mistakes, refused before anything is sent: a value of the wrong type is a TypeError,
// one out of bounds a RangeError, and both name the field.

import type { Bits, Field } from "./field.ts";

/**
 * Refuses options that there are none of: a misspelt option would do nothing.
 *
 * @throws {TypeError} when there is one
 */
export function checkKnown(options: object, known: ReadonlySet<string>, of: string): void {
  for (const name in options) {
    if (!known.has(name)) throw new TypeError(`Unknown option ${JSON.stringify(name)} of ${of}`);
  }
}

/** Refuses anything but an integer from `minimum` to `maximum`. */
export function checkInteger(
  field: Field<never>,
  value: number | undefined,
  minimum: number,
  maximum: number,
): asserts value is number {
  if (typeof value !== "number") throw wrongType(field, value, "a number");
  if (value >= minimum && value <= maximum && Number.isInteger(value)) return;
  throw new RangeError(
    `${field.key} must be an integer from ${minimum} to ${maximum}, got ${value}`,
  );
}

/** Refuses anything but true and false. */
export function checkBoolean(field: Field<never>, value: boolean): void {
  if (typeof value !== "boolean") throw wrongType(field, value, "a boolean");
}

/** The bit of a flag, set or not. */
export function flagBit(flag: Bits, value: boolean): number {
  checkBoolean(flag, value);
  return value ? flag.mask : 0;
}

/** Refuses anything but bytes. */
export function checkBytes(field: Field<never>, value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) throw wrongType(field, value, "a Uint8Array");
}

/**
 * Refuses anything but an object with fields: a Map or an array would be taken for one without any.
 */
export function checkObject(field: Field<never>, value: object): void {
  if (typeof value !== "object" || value === null || Symbol.iterator in value) {
    throw wrongType(field, value, "an object with fields");
  }
}

/** Refuses anything but an array. */
export function checkArray(field: Field<never>, value: readonly unknown[]): void {
  if (!Array.isArray(value)) throw wrongType(field, value, "an array");
}

/** The error for a value of another type than `wanted`, such as "a string". */
export function wrongType(field: Field<never>, value: unknown, wanted: string): TypeError {
  const got = value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
  return new TypeError(`${field.key} must be ${wanted}, got ${got}`);
}

/**
 * The error for a value that the standard forbids; `rule` ends the sentence that begins with the
 * field's key.
 */
export function forbidden(field: Field<never>, rule: string): TypeError {
  return new TypeError(`${field.key} ${rule}`);
}

/** The error for a string or bytes too long for their two length bytes. */
export function tooLong(field: Field<never>, bytes: number): RangeError {
  return new RangeError(`${field.key} must be at most 65535 bytes long, got ${bytes}`);
}
