// Options for properties, made from Table 2-4: what a packet may carry, the command line can set.

import {
  boundsOf,
  PROPERTIES,
  type PropertiesOf,
  type PropertyHolder,
  type PropertyRow,
} from "../packets/properties.ts";
import { usageFailure } from "./command.ts";
import { integerOption, type Option } from "./options.ts";
import { quoted } from "./text.ts";

type PropertyOption = Option & { readonly value: string };

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

/** One option for each property that a packet, or the Will, may have. */
export function propertyOptions(
  holder: PropertyHolder,
): { readonly [name: string]: PropertyOption } {
  return Object.fromEntries(
    rowsOf(holder).map(([, row]) => [optionName(row, holder), {
      value: PLACEHOLDERS[row.is],
      many: row.repeats?.includes(holder) ?? false,
      help: `${row.name}, §${row.in[holder]}`,
    }]),
  );
}

/**
 * The properties that were given.
 *
 * @throws {Failure} when a value is none for its property
 */
export function propertiesOf<Holder extends PropertyHolder>(
  holder: Holder,
  options: { readonly [name: string]: unknown },
): PropertiesOf<Holder> {
  const given = rowsOf(holder).flatMap(([property, row]) => {
    const name = optionName(row, holder);
    const texts = [options[name] ?? []].flat() as string[];
    if (texts.length === 0) return [];
    const values = texts.map((text) => valueOf(name, row, text));
    return [[property, row.repeats === undefined ? values[0] : values] as const];
  });
  return Object.fromEntries(given) as PropertiesOf<Holder>;
}

function rowsOf(holder: PropertyHolder): [string, PropertyRow][] {
  return Object.entries<PropertyRow>(PROPERTIES).filter(([, row]) => row.in[holder] !== undefined);
}

/** `"will-delay-interval"`, `"session-expiry-interval"`. */
function optionName({ name }: PropertyRow, holder: PropertyHolder): string {
  const words = name.toLowerCase().replaceAll(" ", "-");
  return holder === "will" && !words.startsWith("will-") ? `will-${words}` : words;
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
