// What a script expects of a packet: its type, and some of its fields. A field that is not named
// may have any value; text stands for its bytes in UTF-8.

import {
  FIRST_BYTE,
  type Packet,
  type PacketType,
  PROPERTIES,
  type PropertyName,
} from "../packets/mod.ts";
import { quoted } from "../packets/shown.ts";

/** A packet by its type. */
export type PacketOf<Type extends PacketType> = Extract<Packet, { readonly type: Type }>;

/** Fields that a packet is expected to have, each with its value. */
export type PacketPattern<Type extends PacketType> = {
  readonly [Key in Exclude<keyof PacketOf<Type>, "type">]?: Pattern<PacketOf<Type>[Key]>;
};

/**
 * Part of a value: of an object some of its members, of a list all its items, of bytes the bytes or
 * their text.
 */
export type Pattern<Value> = Value extends Uint8Array ? Uint8Array | string
  : Value extends readonly (infer Item)[] ? readonly Pattern<Item>[]
  : Value extends object ? { readonly [Key in keyof Value]?: Pattern<Value[Key]> | undefined }
  : Value;

/** What is expected in one place of a packet, and what is there. */
export interface Difference {
  /** Where, such as `properties.topicAlias`. */
  readonly path: string;
  /** The value expected there, as text. */
  readonly expected: string;
  /** The value that is there, as text. */
  readonly actual: string;
}

/**
 * Refuses a pattern that no packet can have.
 *
 * @throws {TypeError} when it is of no type of packet, or names a property that does not exist
 */
export function checkPattern(type: PacketType, pattern: { readonly properties?: unknown }): void {
  if (!Object.hasOwn(FIRST_BYTE, type)) {
    throw new TypeError(`${quoted(String(type))} is not a type of packet`);
  }
  for (const name of Object.keys(pattern.properties ?? {})) {
    if (!Object.hasOwn(PROPERTIES, name as PropertyName)) {
      throw new TypeError(`${quoted(name)} is not a property`);
    }
  }
}

/** The first place where a value is not as the pattern says; nothing when there is none. */
export function differenceOf(
  pattern: unknown,
  actual: unknown,
  path: string = "",
): Difference | undefined {
  if (actual instanceof Uint8Array && (pattern instanceof Uint8Array || isText(pattern))) {
    const expected = isText(pattern) ? new TextEncoder().encode(pattern) : pattern;
    if (sameBytes(expected, actual)) return undefined;
  } else if (Array.isArray(pattern) && Array.isArray(actual)) {
    if (pattern.length === actual.length) {
      return firstDifference(
        pattern.keys(),
        (index) => differenceOf(pattern[index], actual[index], `${path}[${index}]`),
      );
    }
  } else if (isObject(pattern) && isObject(actual)) {
    return firstDifference(
      Object.keys(pattern),
      (key) => differenceOf(pattern[key], actual[key], path === "" ? key : `${path}.${key}`),
    );
  } else if (Object.is(pattern, actual)) return undefined;
  return { path, expected: valueText(pattern), actual: valueText(actual, isText(pattern)) };
}

function firstDifference<Key>(
  keys: Iterable<Key>,
  differenceAt: (key: Key) => Difference | undefined,
): Difference | undefined {
  for (const key of keys) {
    const difference = differenceAt(key);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array) &&
    !Array.isArray(value);
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** A value as a message shows it; bytes as text if they were expected to be text. */
function valueText(value: unknown, isText = false): string {
  if (value === undefined) return "none";
  if (typeof value === "string") return quoted(value);
  if (!(value instanceof Uint8Array)) {
    return JSON.stringify(value, (_, part) => part instanceof Uint8Array ? part.toString() : part);
  }
  return isText ? quoted(new TextDecoder().decode(value)) : `[${value.join(", ")}]`;
}
