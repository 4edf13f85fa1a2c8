// Options for properties, made from Table 2-4: what a packet may carry, the command line can set.

import {
  boundsOf,
  PROPERTIES,
  type PropertiesOf,
  type PropertyHolder,
  type PropertyRow,
} from "../../packets/properties.ts";
import { usageFailure } from "../failure.ts";
import { quoted } from "../terminal/text.ts";
import { nearest } from "./nearest.ts";
import { type AnyValues, integerOption, type Option, type OptionTable } from "./parse.ts";

const PLACEHOLDERS: { readonly [Is in PropertyRow["is"]]: string } = {
  byte: "N",
  boolean: "0|1",
  twoByteInteger: "N",
  fourByteInteger: "N",
  variableByteInteger: "N",
  utf8String: "TEXT",
  binaryData: "BYTES",
  utf8StringPair: "NAME=VALUE",
};

/** How the options for the properties of a packet are called, and where they stand in the help. */
export interface PropertyNames {
  /** The packet, or the Will. */
  readonly holder: PropertyHolder;
  /** The beginning of the names that other packets have, too. */
  readonly prefix: string;
  /** Which names have that beginning: all, or these. */
  readonly only?: ReadonlySet<string>;
}

/** The option for a property as mosquitto's tools have it: `-D publish content-type text/plain`. */
export function propertyByWords(packets: readonly PropertyNames[]): OptionTable {
  return {
    "property": {
      short: "D",
      value: "PACKET NAME VALUE",
      help: "a property, as in mosquitto's tools",
      group: "General",
      expand(nextWord) {
        const packet = nextWord();
        const names = packets.find(({ holder }) => holder === packet.toLowerCase());
        if (names === undefined) {
          const known = packets.map(({ holder }) => holder).join(", ");
          throw usageFailure(`No property of ${quoted(packet)} can be set, only of ${known}`);
        }
        const words = nextWord().toLowerCase();
        const row = rowsOf(names.holder).map(([, row]) => row)
          .find((row) => wordsOf(row) === words);
        if (row === undefined) {
          const near = nearest(words, rowsOf(names.holder).map(([, row]) => wordsOf(row)));
          const hint = near === undefined ? "" : `; did you mean ${near}?`;
          throw usageFailure(`${packet.toUpperCase()} has no property ${quoted(words)}${hint}`);
        }
        const value = row.is === "utf8StringPair" ? `${nextWord()}=${nextWord()}` : nextWord();
        return `--${optionName(row, names)}=${value}`;
      },
    },
  };
}

/** The properties of SUBSCRIBE, for a command that is about it. */
export const SUBSCRIBE_NAMES = {
  holder: "subscribe",
  prefix: "",
} as const satisfies PropertyNames;

/** Those of UNSUBSCRIBE, beside them. */
export const UNSUBSCRIBE_NAMES = {
  holder: "unsubscribe",
  prefix: "unsubscribe-",
} as const satisfies PropertyNames;

/** One option for each property that a packet, or the Will, may have. The types of the values are those of the texts. */
export function propertyOptions(names: PropertyNames): Readonly<Record<never, Option>> {
  const { holder } = names;
  const group = holder === "will"
    ? "Properties of the Will"
    : `Properties of ${holder.toUpperCase()}`;
  return Object.fromEntries(
    rowsOf(holder).map(([, row]) => [optionName(row, names), {
      value: PLACEHOLDERS[row.is],
      many: row.repeats?.includes(holder) ?? false,
      help: `§${row.in[holder]}`,
      group,
    }]),
  );
}

/**
 * The properties that were given.
 *
 * @throws {Failure} when a value is none for its property
 */
export function propertiesOf<Names extends PropertyNames>(
  names: Names,
  options: AnyValues,
): PropertiesOf<Names["holder"]> {
  const given = rowsOf(names.holder).flatMap(([property, row]) => {
    const name = optionName(row, names);
    const texts = [options[name] ?? []].flat() as string[];
    if (texts.length === 0) return [];
    const values = texts.map((text) => valueOf(name, row, text));
    return [[property, row.repeats === undefined ? values[0] : values] as const];
  });
  return Object.fromEntries(given) as PropertiesOf<Names["holder"]>;
}

/** What is only for the server to say: who a PUBLISH is for, which other server to use. */
const THE_SERVERS: Partial<Record<PropertyHolder, string>> = {
  publish: "subscriptionIdentifiers",
  disconnect: "serverReference",
};

/** The properties that a client may give to a packet. */
function rowsOf(holder: PropertyHolder): [string, PropertyRow][] {
  return Object.entries<PropertyRow>(PROPERTIES).filter(([property, row]) =>
    row.in[holder] !== undefined && THE_SERVERS[holder] !== property
  );
}

/** `"session-expiry-interval"`. */
function wordsOf({ name }: PropertyRow): string {
  return name.toLowerCase().replaceAll(" ", "-");
}

/** `"will-delay-interval"`, `"session-expiry-interval"`. */
function optionName(row: PropertyRow, { prefix, only }: PropertyNames): string {
  const words = wordsOf(row);
  const isPlain = words.startsWith(prefix) || only?.has(words) === false;
  return isPlain ? words : `${prefix}${words}`;
}

function valueOf(name: string, row: PropertyRow, text: string): unknown {
  switch (row.is) {
    case "boolean":
      return integerOption(name, text, 0, 1) === 1;
    case "byte":
    case "twoByteInteger":
    case "fourByteInteger":
    case "variableByteInteger":
      return integerOption(name, text, ...boundsOf(row));
    case "utf8String":
      return text;
    case "binaryData":
      return bytesOption(name, text);
    case "utf8StringPair": {
      const at = text.indexOf("=");
      if (at < 0) throw usageFailure(`--${name} must be NAME=VALUE, got ${quoted(text)}`);
      return [text.slice(0, at), text.slice(at + 1)];
    }
    default:
      return row.is satisfies never;
  }
}

/**
 * Bytes given as text, or as digits after `hex:`.
 *
 * @throws {Failure} when the digits are none
 */
export function bytesOption(name: string, text: string): Uint8Array {
  if (!text.startsWith("hex:")) return new TextEncoder().encode(text);
  try {
    return Uint8Array.fromHex(text.slice("hex:".length));
  } catch {
    throw usageFailure(`--${name} needs pairs of hexadecimal digits after hex:`);
  }
}
