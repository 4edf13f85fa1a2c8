// One option for each property, made from Table 2-4: the command line can set all that a packet may
// carry.

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

/** How the options for the properties of a packet are named. */
export interface PropertyNames {
  /** The packet, or the Will. */
  readonly holder: PropertyHolder;
  /** The prefix of names that other packets have, too. */
  readonly prefix: string;
  /** Which names get the prefix: all, or these. */
  readonly only?: ReadonlySet<string>;
}

/** The option `-D` of mosquitto's tools: `-D publish content-type text/plain`. */
export function propertyByWords(packets: readonly PropertyNames[]): OptionTable {
  return {
    "property": {
      short: "D",
      value: "PACKET NAME VALUE",
      help: "a property, as with mosquitto's tools",
      group: "General",
      expand(nextWord) {
        const packet = nextWord();
        const names = packets.find(({ holder }) => holder === packet.toLowerCase());
        if (names === undefined) {
          const known = packets.map(({ holder }) => holder).join(", ");
          throw usageFailure(`--property: expected one of ${known}, got ${quoted(packet)}`);
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

/** The properties of SUBSCRIBE, for a command that subscribes. */
export const SUBSCRIBE_NAMES = {
  holder: "subscribe",
  prefix: "",
} as const satisfies PropertyNames;

/** Those of UNSUBSCRIBE, in the same command. */
export const UNSUBSCRIBE_NAMES = {
  holder: "unsubscribe",
  prefix: "unsubscribe-",
} as const satisfies PropertyNames;

/** One option for each property that a packet, or the Will, may have. */
export function propertyOptions(names: PropertyNames): Readonly<Record<never, Option>> {
  const { holder } = names;
  const group = holder === "will"
    ? "Properties of the Will"
    : `Properties of ${holder.toUpperCase()}`;
  return Object.fromEntries(
    rowsOf(holder).map(([property, row]) => [optionName(row, names), {
      value: PLACEHOLDERS[row.is],
      many: row.repeats?.includes(holder) ?? false,
      help: helpOf(property, row, holder),
      group,
    }]),
  );
}

function helpOf(property: string, row: PropertyRow, holder: PropertyHolder): string {
  const section = `§${row.in[holder]}`;
  const description = DESCRIPTIONS[property];
  return description === undefined ? section : `${description}, ${section}`;
}

/** What properties mean, and the unit of numbers, in a few words. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  payloadFormatIndicator: "1: payload is UTF-8 text",
  messageExpiryInterval: "seconds until it expires",
  contentType: "such as text/plain",
  responseTopic: "topic for the response",
  correlationData: "returned in the response",
  topicAlias: "number for the topic",
  subscriptionIdentifiers: "sent with its messages",
  sessionExpiryInterval: "seconds it is kept",
  authenticationMethod: "enhanced authentication",
  authenticationData: "data of the method",
  requestProblemInformation: "0: no Reason Strings",
  requestResponseInformation: "1: ask for a topic",
  receiveMaximum: "messages in flight",
  topicAliasMaximum: "aliases accepted",
  maximumPacketSize: "bytes accepted",
  willDelayInterval: "seconds until it is sent",
  reasonString: "text for the server",
  userProperties: "free use",
};

/**
 * The properties that were given.
 *
 * @throws {Failure} when a value is invalid
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

/** Properties that only a server may send. */
const SERVER_ONLY: Partial<Record<PropertyHolder, string>> = {
  publish: "subscriptionIdentifiers",
  disconnect: "serverReference",
};

/** The properties that a client may send in a packet. */
function rowsOf(holder: PropertyHolder): [string, PropertyRow][] {
  return Object.entries<PropertyRow>(PROPERTIES).filter(([property, row]) =>
    row.in[holder] !== undefined && SERVER_ONLY[holder] !== property
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
      if (at < 0) throw usageFailure(`--${name}: expected NAME=VALUE, got ${quoted(text)}`);
      return [text.slice(0, at), text.slice(at + 1)];
    }
    default:
      return row.is satisfies never;
  }
}

/**
 * Bytes given as text, or as hexadecimal digits after `hex:`.
 *
 * @throws {Failure} when the digits are invalid
 */
export function bytesOption(name: string, text: string): Uint8Array {
  if (!text.startsWith("hex:")) return new TextEncoder().encode(text);
  try {
    return Uint8Array.fromHex(text.slice("hex:".length));
  } catch {
    throw usageFailure(`--${name}: expected pairs of hexadecimal digits after "hex:"`);
  }
}
