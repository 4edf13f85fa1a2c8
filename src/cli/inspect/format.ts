// What was observed, as lines for a person: the packets as `--trace` shows them, with what was
// found in them, and what happened on the connection.

import type { Finding, Side } from "../../monitor/mod.ts";
import { explainPacket, type Explanation, type ProtocolVersion } from "../../packets/mod.ts";
import { byteCount } from "../../wire/field.ts";
import type { Output } from "../context.ts";
import { formatExplanation, formatHeading } from "../packets/format.ts";
import { type Direction, formatPacket } from "../packets/trace.ts";
import { escaped, hexBytes, paintFor, quoted, wrap } from "../terminal/text.ts";
import type { Entry, LinkInfo, ObservedPacket } from "./link_observer.ts";
import { isTls, sizeOf } from "./packet_header.ts";

/** How entries are shown. */
export interface EntryFormat {
  /** Whether every byte is explained. */
  readonly full: boolean;
}

const ARROWS: { readonly [From in Side]: Direction } = { client: "→", server: "←" };
const NAMES: { readonly [At in Side]: string } = { client: "The client", server: "The server" };

/** How many bytes are shown of what is no packet. */
const SHOWN = 48;

/** A pause after which the time is shown again, in milliseconds. */
const PAUSE = 1000;

/** Shows entries one after the other. */
export class EntryFormatter {
  readonly #output: Output;
  readonly #full: boolean;
  #link: LinkInfo | undefined;
  #time = -Infinity;

  constructor(output: Output, { full }: EntryFormat) {
    this.#output = output;
    this.#full = full;
  }

  /** The lines of an entry; before them, the connection where it is another, or after a pause. */
  format(entry: Entry): string {
    const isNew = entry.link !== this.#link || entry.time - this.#time >= PAUSE;
    this.#link = entry.link;
    this.#time = entry.time;
    return (isNew ? this.#heading(entry) : "") + this.#lines(entry);
  }

  /** The line for entries that were lost. */
  missed(count: number): string {
    this.#link = undefined;
    const what = count === 1 ? "packet" : "packets";
    return `… ${count} ${what} not shown: the output was not read in time\n`;
  }

  #heading({ link, time }: Entry): string {
    const { dim } = paintFor(this.#output);
    const name = link.clientId === undefined ? "" : ` ${quoted(link.clientId)}`;
    return `${dim(`${clockTime(time)} #${link.id}${name} ${escaped(link.client)}`)}\n`;
  }

  #lines(entry: Entry): string {
    const { green, red, yellow } = paintFor(this.#output);
    switch (entry.type) {
      case "opened":
        return `${green("+")} connected to ${escaped(entry.link.listener)}\n`;
      case "ended":
        return `- ${NAMES[entry.from]} sends no more\n`;
      case "missing":
        return `${yellow("!")} ${byteCount(entry.count)} of the ${entry.from} are missing: ` +
          "what follows is not decoded\n";
      case "closed":
        return (entry.fault === undefined
          ? "- closed\n"
          : `${red("-")} closed: ${escaped(entry.fault)}\n`) + this.#findings(entry.findings);
      case "packet":
        return entry.isPacket
          ? this.#packet(entry)
          : this.#strange(entry) + this.#findings(entry.findings);
      default:
        return entry satisfies never;
    }
  }

  #packet(packet: ObservedPacket): string {
    const explanation = explanationOf(packet);
    const arrow = ARROWS[packet.from];
    const { dim } = paintFor(this.#output);
    const text = this.#full
      ? `${arrow} ${formatHeading(explanation, this.#output, packet.size)}${
        formatExplanation(explanation, this.#output, { full: true })
      }`
      : formatPacket(arrow, explanation, this.#output, [], packet.size);
    const notes = [
      ...packet.isWhole ? [] : [cutOff(packet)],
      ...packet.bytes.length < packet.size ? [`only ${byteCount(packet.bytes.length)} kept`] : [],
    ];
    // What the decoder finds is the fault that is shown already.
    const found = packet.findings.filter(({ message }) => message !== explanation.fault?.message);
    return text + notes.map((note) => `    ${dim(note)}\n`).join("") + this.#findings(found) +
      (this.#full ? "\n" : "");
  }

  #strange({ from, bytes, size, findings }: ObservedPacket): string {
    const { bold, dim } = paintFor(this.#output);
    const shown = bytes.subarray(0, SHOWN);
    const more = shown.length < size ? " …" : "";
    const text = isText(shown) ? quoted(String.fromCharCode(...shown)) : hexBytes(shown);
    // What breaks a rule of MQTT is meant to be MQTT.
    const what = isTls(bytes)
      ? "TLS, not MQTT"
      : findings.length > 0
      ? "malformed packet"
      : "not MQTT";
    const lines = wrap(text + more, Math.min(Math.max(this.#output.columns, 60), 120) - 4);
    return `${ARROWS[from]} ${bold(what)}, ${byteCount(size)}\n` +
      lines.map((line) => `    ${dim(line)}\n`).join("");
  }

  #findings(findings: readonly Finding[]): string {
    return findings.map((finding) => this.#finding(finding)).join("");
  }

  #finding({ statement, section, severity, message }: Finding): string {
    const { red, yellow } = paintFor(this.#output);
    const paint = severity === "violation" ? red : yellow;
    const place = statement === undefined ? `§${section}` : `[${statement}]`;
    const room = Math.min(Math.max(this.#output.columns, 60), 120) - 6;
    const sentence = message.includes(place) ? message : `${message} ${place}`;
    const [first = "", ...others] = wrap(escaped(sentence), room);
    return [`    ${paint(`! ${first}`)}`, ...others.map((line) => `      ${paint(line)}`)]
      .map((line) => `${line}\n`).join("");
  }
}

function cutOff({ bytes, size }: ObservedPacket): string {
  const whole = sizeOf(bytes);
  return whole === undefined
    ? "cut off: the connection ended in the middle of this packet"
    : `cut off: the connection ended after ${size} of the packet's ${byteCount(whole)}`;
}

/** The version of MQTT that a packet is of, as far as its connection has told. */
export function versionOf({ protocol }: ObservedPacket): ProtocolVersion {
  return protocol === "MQTT 3.1.1" ? 4 : protocol === "MQTT 3.1" ? 3 : 5;
}

/** The explanation of a packet, by the version of its connection. */
export function explanationOf(packet: ObservedPacket): Explanation {
  const explanation = explainPacket(packet.bytes, { protocolVersion: versionOf(packet) });
  // What is not there is no fault of the packet's.
  const isCut = !packet.isWhole || packet.bytes.length < packet.size;
  return isCut ? { ...explanation, fault: undefined } : explanation;
}

/** The time of day, to the millisecond. */
function clockTime(time: number): string {
  const date = new Date(time);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f || byte === 0x0a || byte === 0x0d);
}
