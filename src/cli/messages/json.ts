// A message as a line of JSON: what `sub --json` prints, `pub --json` publishes unchanged.

import type { Message, PublishOptions } from "../../client/mod.ts";
import { boundsOf, PROPERTIES, type PropertyRow } from "../../packets/properties.ts";
import { nearest } from "../options/nearest.ts";
import { quoted } from "../terminal/text.ts";
import { memberOf } from "./json_text.ts";

/** A message to publish. */
export interface MessageToPublish {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly options: PublishOptions;
  /** When it was received, in milliseconds since 1970, if known. */
  readonly time?: number | undefined;
}

/** Used for what a line leaves out. */
export interface Defaults {
  readonly topic: string | undefined;
  readonly options: PublishOptions;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text, if the bytes are UTF-8. */
export function textIn(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * The properties without Subscription Identifiers but the one that was asked for: the others are
 * the client's own business.
 */
export function propertiesShown(
  { properties }: Message,
  identifier: number | undefined,
): Message["properties"] {
  const { subscriptionIdentifiers, ...others } = properties;
  if (subscriptionIdentifiers === undefined) return properties;
  return identifier !== undefined && subscriptionIdentifiers.includes(identifier)
    ? { ...properties, subscriptionIdentifiers: [identifier] }
    : others;
}

/**
 * The message as one line. The payload is text, or base64 with `"encoding": "base64"`; binary
 * properties are base64.
 *
 * @param time when it was received
 * @param identifier the Subscription Identifier to show, if one was asked for
 */
export function messageToJson(
  message: Message,
  time: Date,
  identifier: number | undefined,
): string {
  const { topic, payload, qos, retain } = message;
  const properties = propertiesShown(message, identifier);
  const text = textIn(payload);
  return JSON.stringify({
    topic,
    ...text === undefined ? { payload: payload.toBase64(), encoding: "base64" } : { payload: text },
    qos,
    retain,
    properties: Object.fromEntries(
      Object.entries(properties)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, value instanceof Uint8Array ? value.toBase64() : value]),
    ),
    time: time.toISOString(),
  });
}

const FIELDS = ["topic", "payload", "encoding", "qos", "retain", "properties", "time"];

/**
 * The message in a line.
 *
 * @throws {TypeError} when it is invalid; the text follows the number of the line
 */
export function messageFromJson(line: string, defaults: Defaults): MessageToPublish {
  const given = objectIn(line);
  for (const name of Object.keys(given)) checkKnown(name, FIELDS, "field");
  const { topic = defaults.topic, qos = defaults.options.qos, time } = given;
  const { retain = defaults.options.retain, properties = {} } = given;
  if (topic === undefined) throw new TypeError('no "topic"; add one, or give --topic');
  if (typeof topic !== "string") throw expected("topic", "a string");
  if (qos !== 0 && qos !== 1 && qos !== 2) throw expected("qos", "0, 1 or 2");
  if (typeof retain !== "boolean") throw expected("retain", "true or false");
  if (!isObject(properties)) throw expected("properties", "an object");
  return {
    topic,
    payload: payloadOf(given, line),
    options: { ...defaults.options, ...propertiesOf(properties), qos, retain },
    time: time === undefined ? undefined : timeOf(time),
  };
}

function objectIn(line: string): Record<string, unknown> {
  let given: unknown;
  try {
    given = JSON.parse(line);
  } catch (error) {
    throw new TypeError(`invalid JSON: ${(error as Error).message}`);
  }
  if (isObject(given)) return given;
  throw new TypeError("expected a JSON object");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function payloadOf(
  { payload = "", encoding }: Record<string, unknown>,
  line: string,
): string | Uint8Array {
  if (encoding === undefined) {
    // Numbers, order and repeated names stay as they are in the line.
    return typeof payload === "string" ? payload : memberOf(line, "payload")!;
  }
  if (encoding !== "base64") throw expected("encoding", '"base64"');
  return bytesOf("payload", payload);
}

function bytesOf(name: string, value: unknown): Uint8Array {
  try {
    return Uint8Array.fromBase64(value as string);
  } catch {
    throw expected(name, "base64");
  }
}

function timeOf(time: unknown): number {
  const milliseconds = typeof time === "string" ? Date.parse(time) : NaN;
  if (Number.isNaN(milliseconds)) {
    throw expected("time", "a date and time, such as 2026-01-31T12:00:00Z");
  }
  return milliseconds;
}

const PUBLISH_PROPERTIES = Object.entries<PropertyRow>(PROPERTIES)
  .filter(([, row]) => row.in.publish !== undefined);
const PUBLISH_NAMES = PUBLISH_PROPERTIES.map(([name]) => name);

function propertiesOf(given: Record<string, unknown>): PublishOptions {
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    checkKnown(name, PUBLISH_NAMES, "property");
    // The server sets these for each subscriber.
    if (name === "subscriptionIdentifiers") continue;
    const [, row] = PUBLISH_PROPERTIES.find(([known]) => known === name)!;
    properties[name] = propertyOf(name, row, value);
  }
  return properties;
}

function propertyOf(name: string, row: PropertyRow, value: unknown): unknown {
  switch (row.is) {
    case "binaryData":
      return bytesOf(name, value);
    case "boolean":
      if (typeof value === "boolean") return value;
      throw expected(name, "true or false");
    case "utf8String":
      if (typeof value === "string") return value;
      throw expected(name, "a string");
    case "utf8StringPair":
      if (Array.isArray(value) && value.every(isPair)) return value;
      throw expected(name, "an array of pairs of strings");
    case "byte":
    case "twoByteInteger":
    case "fourByteInteger":
    case "variableByteInteger": {
      const [least, most] = boundsOf(row);
      if (Number.isInteger(value) && least <= Number(value) && Number(value) <= most) return value;
      throw expected(name, `an integer from ${least} to ${most}`);
    }
    default:
      return row.is satisfies never;
  }
}

function isPair(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 &&
    value.every((text) => typeof text === "string");
}

function checkKnown(name: string, names: readonly string[], what: string): void {
  if (names.includes(name)) return;
  const near = nearest(name, names);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  throw new TypeError(`unknown ${what} ${quoted(name)}${hint}`);
}

function expected(name: string, what: string): TypeError {
  return new TypeError(`"${name}": expected ${what}`);
}
