// `-F`: messages as a format says, with the letters of mosquitto's tools.

import type { Message } from "../client/mod.ts";
import type { ByteBuffer } from "./byte_buffer.ts";
import { usageFailure } from "./command.ts";
import { textIn } from "./json_message.ts";
import { type Moment, strftime, thisMoment } from "./strftime.ts";

/** Writes what is to be seen of a message. */
export type MessageFormat = (message: Message, out: ByteBuffer) => void;

/** How a value is set: `%-8.3t` has the field width 8, the precision 3, and begins at the left. */
interface Setting {
  readonly align: "" | "-" | "0";
  readonly width: number;
  readonly precision: number;
}

/** One part of a format. */
type Part = (message: Message, out: ByteBuffer, moment: Moment) => void;

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
 * The format that a text describes.
 *
 * @throws {Failure} when it has a letter that is none
 */
export function messageFormat(format: string): MessageFormat {
  const parts = Array.from(format.matchAll(PARTS), partOf);
  return (message, out) => {
    const moment = thisMoment();
    for (const part of parts) part(message, out, moment);
  };
}

function partOf(match: RegExpExecArray): Part {
  const [whole, left, zero, width = "", precision, letter, escape, time] = match;
  if (escape !== undefined) {
    const text = ESCAPES[escape];
    if (text === undefined) throw usageFailure(`There is no escape "\\${escape}" in a format`);
    return (_, out) => out.text(text);
  }
  if (time !== undefined) return timePart(time);
  if (letter === undefined) return (_, out) => out.text(whole);
  const part = Object.hasOwn(LETTERS, letter) ? LETTERS[letter] : undefined;
  if (part === undefined) {
    throw usageFailure(`There is no "%${letter}" in a format; see sub --help=all`);
  }
  return part({
    align: left === "-" ? "-" : zero === "0" ? "0" : "",
    width: Number(width),
    precision: precision === undefined ? Infinity : Number(precision),
  });
}

function timePart(letter: string): Part {
  if (letter === "") throw usageFailure('A format ends with "@" alone; a literal one is "@@"');
  if (letter === "@") return (_, out) => out.text("@");
  if (letter === "N") return (_, out, { nanoseconds }) => out.text(nineDigits(nanoseconds));
  return (_, out, { date }) => out.text(strftime(`%${letter}`, date));
}

const LETTERS: Readonly<Record<string, (setting: Setting) => Part>> = {
  "%": () => (_, out) => out.text("%"),
  // A Topic Alias is replaced by the topic before anybody sees the message.
  "A": () => () => {},
  "C": (setting) => ({ contentType }, out) => putText(out, contentType, setting),
  "D": () => ({ correlationData }, out) => out.bytes(correlationData ?? NOTHING),
  "E": (setting) => ({ properties }, out) =>
    putNumber(out, properties.messageExpiryInterval, setting),
  "F": (setting) => ({ properties }, out) =>
    putNumber(out, properties.payloadFormatIndicator, setting),
  "I": (setting) => (_, out, { date }) => putText(out, strftime("%FT%T%z", date), setting),
  "j": () => (message, out, moment) => out.text(mosquittoJson(message, moment, textPayload)),
  "J": () => (message, out, moment) => out.text(mosquittoJson(message, moment, jsonPayload)),
  "l": (setting) => ({ payload }, out) => putNumber(out, payload.length, setting),
  "m": (setting) => ({ packetId }, out) => putNumber(out, packetId, setting),
  "p": (setting) => ({ payload }, out) => putPayload(out, payload, setting, 1),
  "P": () => ({ userProperties }, out) =>
    out.text(userProperties.map(([name, value]) => `${name}:${value}`).join(" ")),
  "q": () => ({ qos }, out) => out.text(String(qos)),
  "r": () => ({ retain }, out) => out.text(retain ? "1" : "0"),
  "R": (setting) => ({ responseTopic }, out) => putText(out, responseTopic, setting),
  "S": (setting) => ({ properties }, out) =>
    putNumber(out, properties.subscriptionIdentifiers?.[0], setting),
  "t": (setting) => ({ topic }, out) => putText(out, topic, setting),
  "U": () => (_, out, { date, nanoseconds }) =>
    out.text(`${Math.floor(date.getTime() / 1000)}.${nineDigits(nanoseconds)}`),
  "x": (setting) => ({ payload }, out) => putPayload(out, payload, setting, 2),
  "X": (setting) => ({ payload }, out) => putPayload(out, payload, setting, 2, true),
};

const NOTHING = new Uint8Array(0);

function nineDigits(value: number): string {
  return String(value).padStart(9, "0");
}

/** A text; its blanks, not zeros, fill the width. */
function putText(out: ByteBuffer, text: string | undefined, setting: Setting): void {
  if (text === undefined) return;
  const { align, width, precision } = setting;
  const shown = precision === Infinity ? text : text.slice(0, precision);
  out.text(align === "-" ? shown.padEnd(width) : shown.padStart(width));
}

function putNumber(out: ByteBuffer, value: number | undefined, { align, width }: Setting): void {
  if (value === undefined) return;
  const text = String(value);
  out.text(align === "-" ? text.padEnd(width) : text.padStart(width, align === "0" ? "0" : " "));
}

/** The payload, in so many columns for a byte; one that is wider than the field is cut. */
function putPayload(
  out: ByteBuffer,
  payload: Uint8Array,
  { align, width }: Setting,
  columns: 1 | 2,
  isUpper = false,
): void {
  const shown = width === 0 ? payload : payload.subarray(0, Math.floor(width / columns));
  const padding = Math.max(0, width - shown.length * columns);
  if (align !== "-") out.text((align === "0" ? "0" : " ").repeat(padding));
  if (columns === 1) out.bytes(shown);
  else out.text(isUpper ? shown.toHex().toUpperCase() : shown.toHex());
  if (align === "-") out.text(" ".repeat(padding));
}

/** The names of the properties in mosquitto's JSON, in its order. */
function mosquittoProperties(message: Message): Record<string, unknown> | undefined {
  const { contentType, responseTopic, correlationData, properties, userProperties } = message;
  const named = {
    "content-type": contentType,
    "response-topic": responseTopic,
    "correlation-data": correlationData && (textIn(correlationData) ?? correlationData.toBase64()),
    "payload-format-indicator": properties.payloadFormatIndicator,
    "user-properties": userProperties.length === 0 ? undefined : Object.fromEntries(userProperties),
    "message-expiry-interval": properties.messageExpiryInterval,
    "subscription-identifier": properties.subscriptionIdentifiers?.[0],
  };
  return Object.values(named).every((value) => value === undefined) ? undefined : named;
}

/** `%j` and `%J`: for those who have programs that read it. Our own is `--json`. */
function mosquittoJson(
  message: Message,
  { date, nanoseconds }: Moment,
  payloadOf: (message: Message) => unknown,
): string {
  const { topic, qos, retain, payload, packetId } = message;
  const microseconds = String(Math.floor(nanoseconds / 1000)).padStart(6, "0");
  return JSON.stringify({
    tst: `${strftime("%FT%T", date)}.${microseconds}${strftime("%z", date)}`,
    topic,
    qos,
    retain: retain ? 1 : 0,
    payloadlen: payload.length,
    mid: qos === 0 ? undefined : packetId,
    properties: mosquittoProperties(message),
    payload: payloadOf(message),
  });
}

function textPayload(message: Message): string {
  return message.text();
}

/** The payload as JSON within JSON; text that is none stays text. */
function jsonPayload(message: Message): unknown {
  try {
    return message.json();
  } catch {
    return message.text();
  }
}
