// `-F`: prints messages in a format, with the letters of mosquitto's tools.

import type { Message } from "../../client/mod.ts";
import { usageFailure } from "../failure.ts";
import type { ByteBuffer } from "./byte_buffer.ts";
import { propertiesShown, textIn } from "./json.ts";
import { compactJson } from "./json_text.ts";
import { type Moment, strftime, thisMoment } from "./strftime.ts";

/** Writes a message. */
export type MessageFormat = (message: Message, out: ByteBuffer) => void;

/**
 * How a value is set: `%-8.3t` is cut after 3 bytes, at least 8 bytes wide, and left-aligned.
 */
interface Setting {
  readonly isLeft: boolean;
  /** What fills the field of a number or a payload. */
  readonly fill: " " | "0";
  readonly width: number;
  readonly precision: number;
}

/** One part of a format. */
type Part = (
  message: Message,
  out: ByteBuffer,
  moment: Moment,
  identifier: number | undefined,
) => void;

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  "0": "\0",
  "a": "\x07",
  "e": "\x1b",
  "n": "\n",
  "r": "\r",
  "t": "\t",
  "v": "\v",
};

/** A letter with what is before it, an escape, a time, or text as it is. */
const PARTS = /%([-]?)(0?)(\d*)(?:\.(\d*))?(.?)|\\(.?)|@(.?)|[^%\\@]+/gsu;

/**
 * Parses a format.
 *
 * @param identifier the Subscription Identifier to show, if one was asked for
 * @throws {Failure} when it has an unknown letter
 */
export function messageFormat(format: string, identifier: number | undefined): MessageFormat {
  const parts = Array.from(format.matchAll(PARTS), partOf);
  return (message, out) => {
    const moment = thisMoment();
    for (const part of parts) part(message, out, moment, identifier);
  };
}

function partOf(match: RegExpExecArray): Part {
  const [whole, left, zero, width = "", precision, letter, escape, time] = match;
  if (escape !== undefined) {
    const text = ESCAPES[escape];
    if (text === undefined) {
      throw usageFailure(`--format: unknown escape "\\${escape}"; see sub --help=all`);
    }
    return (_, out) => out.text(text);
  }
  if (time !== undefined) return timePart(time);
  if (letter === undefined) return (_, out) => out.text(whole);
  if (letter === "") {
    throw usageFailure(`--format ends with "${whole}"; write "%%" for a percent sign`);
  }
  const part = Object.hasOwn(LETTERS, letter) ? LETTERS[letter] : undefined;
  if (part === undefined) {
    throw usageFailure(`--format: unknown letter "%${letter}"; see sub --help=all`);
  }
  return part({
    isLeft: left === "-",
    fill: zero === "0" ? "0" : " ",
    width: Number(width),
    precision: precision === undefined ? Infinity : Number(precision),
  });
}

function timePart(letter: string): Part {
  if (letter === "") throw usageFailure('--format ends with "@"; write "@@" for an at sign');
  if (letter === "@") return (_, out) => out.text("@");
  if (letter === "N") return (_, out, { nanoseconds }) => out.text(nineDigits(nanoseconds));
  return (_, out, { date }) => out.text(strftime(`%${letter}`, date));
}

const LETTERS: Readonly<Record<string, (setting: Setting) => Part>> = {
  "%": () => (_, out) => out.text("%"),
  // The client has replaced the Topic Alias with the topic.
  "A": (setting) => (_, out) => putNumber(out, undefined, setting),
  "C": (setting) => ({ contentType = "" }, out) => putText(out, contentType, setting),
  "D": () => ({ correlationData }, out) => out.received(correlationData ?? NOTHING),
  "E": (setting) => ({ properties }, out) =>
    putNumber(out, properties.messageExpiryInterval, setting),
  "F": (setting) => ({ properties }, out) =>
    putNumber(out, properties.payloadFormatIndicator, setting),
  "I": (setting) => (_, out, { date }) => putText(out, strftime("%FT%T%z", date), setting),
  "j": () => (message, out, moment, identifier) =>
    out.receivedJson(mosquittoJson(message, moment, identifier, textPayload)),
  "J": () => (message, out, moment, identifier) =>
    out.receivedJson(mosquittoJson(message, moment, identifier, jsonPayload)),
  "l": (setting) => ({ payload }, out) => putNumber(out, payload.length, setting),
  "m": (setting) => ({ packetId }, out) => putNumber(out, packetId, setting),
  "p": (setting) => ({ payload }, out) => putPayload(out, payload, setting),
  "P": () => ({ userProperties }, out) =>
    out.receivedText(userProperties.map(([name, value]) => `${name}:${value}`).join(" ")),
  "q": () => ({ qos }, out) => out.text(String(qos)),
  "r": () => ({ retain }, out) => out.text(retain ? "1" : "0"),
  "R": (setting) => ({ responseTopic }, out) => {
    // Unlike the others, it prints no empty field.
    if (responseTopic !== undefined) putText(out, responseTopic, setting);
  },
  "S": (setting) => (message, out, _, identifier) =>
    putNumber(out, propertiesShown(message, identifier).subscriptionIdentifiers?.[0], setting),
  "t": (setting) => ({ topic }, out) => putText(out, topic, setting),
  "U": () => (_, out, { date, nanoseconds }) =>
    out.text(`${Math.floor(date.getTime() / 1000)}.${nineDigits(nanoseconds)}`),
  "x": (setting) => ({ payload }, out) => putPayload(out, payload, setting, hexOf),
  "X": (setting) => ({ payload }, out) => putPayload(out, payload, setting, upperHexOf),
};

const NOTHING = new Uint8Array(0);

function nineDigits(value: number): string {
  return String(value).padStart(9, "0");
}

const encoder = new TextEncoder();

/** Received bytes in a field. Padding on the right is always blanks. */
function put(out: ByteBuffer, bytes: Uint8Array, { isLeft, width }: Setting, fill: string): void {
  const shown = out.shown(bytes);
  const padding = Math.max(0, width - shown.length);
  if (!isLeft) out.text(fill.repeat(padding));
  out.bytes(shown);
  if (isLeft) out.text(" ".repeat(padding));
}

/** Text, cut to the precision; never padded with zeros. */
function putText(out: ByteBuffer, text: string, setting: Setting): void {
  put(out, encoder.encode(text).subarray(0, setting.precision), setting, " ");
}

/** A number; without one, an empty field. */
function putNumber(out: ByteBuffer, value: number | undefined, setting: Setting): void {
  const { fill, width } = setting;
  if (value === undefined) out.text(fill.repeat(width));
  else put(out, encoder.encode(String(value)), setting, fill);
}

/** The payload, cut to the width of its field. */
function putPayload(
  out: ByteBuffer,
  payload: Uint8Array,
  setting: Setting,
  digitsOf?: (bytes: Uint8Array) => string,
): void {
  const { fill, width } = setting;
  const columns = digitsOf === undefined ? 1 : 2;
  const shown = width === 0 ? payload : payload.subarray(0, Math.floor(width / columns));
  put(out, digitsOf === undefined ? shown : encoder.encode(digitsOf(shown)), setting, fill);
}

function hexOf(bytes: Uint8Array): string {
  return bytes.toHex();
}

function upperHexOf(bytes: Uint8Array): string {
  return bytes.toHex().toUpperCase();
}

/** A member of a JSON object: its name, and its value as JSON. */
type Member = readonly [name: string, value: string];

/** Keeps the order, and duplicate names, which User Properties may have. */
function jsonObject(members: readonly Member[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

/** The properties in their order, each with mosquitto's name. */
function propertyMembers(message: Message, identifier: number | undefined): Member[] {
  const properties = propertiesShown(message, identifier);
  return Object.entries(properties).flatMap(([name, value]): Member[] => {
    if (value === undefined) return [];
    if (name === "subscriptionIdentifiers") {
      return properties.subscriptionIdentifiers!.map((id) => ["subscription-identifier", `${id}`]);
    }
    if (name === "userProperties") {
      const members = properties.userProperties!.map(([name, value]): Member => {
        return [name, JSON.stringify(value)];
      });
      return [["user-properties", jsonObject(members)]];
    }
    const shown = value instanceof Uint8Array ? textIn(value) ?? value.toBase64() : value;
    const hyphenated = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return [[hyphenated, JSON.stringify(shown)]];
  });
}

/** `%j` and `%J`, for programs that read mosquitto_sub's JSON; `--json` is our own. */
function mosquittoJson(
  message: Message,
  { date, nanoseconds }: Moment,
  identifier: number | undefined,
  payloadOf: (message: Message) => string,
): string {
  const { topic, qos, retain, payload, packetId } = message;
  const microseconds = String(Math.floor(nanoseconds / 1000)).padStart(6, "0");
  const properties = propertyMembers(message, identifier);
  const members: Member[] = Object.entries({
    tst: `${strftime("%FT%T", date)}.${microseconds}${strftime("%z", date)}`,
    topic,
    qos,
    retain: retain ? 1 : 0,
    payloadlen: payload.length,
    ...qos > 0 && { mid: packetId },
  }).map(([name, value]) => [name, JSON.stringify(value)]);
  if (properties.length > 0) members.push(["properties", jsonObject(properties)]);
  const shown = payload.length === 0 ? "null" : payloadOf(message);
  return jsonObject([...members, ["payload", shown]]);
}

function textPayload(message: Message): string {
  return JSON.stringify(message.text());
}

/** The payload as JSON within JSON; if it is not JSON, as text. */
function jsonPayload(message: Message): string {
  try {
    return compactJson(message.text());
  } catch {
    return textPayload(message);
  }
}
