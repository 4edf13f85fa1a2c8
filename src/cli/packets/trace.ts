// Shows the packets on a connection, each in a few lines, with its bytes and their meaning.

import { concat } from "jsr:@std/bytes@^1/concat";
import type { Transport } from "../../io/transport.ts";
import { readFixedHeader } from "../../packets/fixed_header.ts";
import { type ExplainedField, explainPacket, type Explanation } from "../../packets/mod.ts";
import { byteCount } from "../../wire/field.ts";
import { INCOMPLETE, Reader } from "../../wire/reader.ts";
import type { Output } from "../context.ts";
import { hexByte, hexBytes, type Paint, paintFor, quoted, wrap } from "../terminal/text.ts";
import { SECRETS } from "./format.ts";

/** The direction of a packet. */
export type Direction = "→" | "←";

/** The directions of what a transport sends and receives. */
export interface Arrows {
  readonly sent: Direction;
  readonly received: Direction;
}

/** Called with each packet once it is complete. */
export type OnPacket = (direction: Direction, explanation: Explanation) => void;

/** A transport that reports the packets it carries. */
export function traced(transport: Transport, arrows: Arrows, onPacket: OnPacket): Transport {
  const sent = new PacketCutter((packet) => onPacket(arrows.sent, packet));
  const received = new PacketCutter((packet) => onPacket(arrows.received, packet));
  return {
    async read() {
      const chunk = await transport.read();
      if (chunk !== undefined) received.push(chunk);
      return chunk;
    },
    write(bytes) {
      sent.push(bytes);
      return transport.write(bytes);
    },
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}

/** Cuts a stream of bytes into packets. After malformed bytes it stops. */
class PacketCutter {
  readonly #onPacket: (packet: Explanation) => void;
  readonly #reader = new Reader();
  /** The bytes of incomplete packets, and how many there are. */
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** The size of the first of them; 0 while it is unknown. */
  #size = 0;

  constructor(onPacket: (packet: Explanation) => void) {
    this.#onPacket = onPacket;
  }

  push(chunk: Uint8Array): void {
    if (this.#size === Infinity) return;
    // The chunk may be overwritten before it is explained.
    this.#chunks.push(chunk.slice());
    this.#length += chunk.length;
    if (this.#length < this.#size) return;
    let rest: Uint8Array = concat(this.#chunks);
    for (this.#size = this.#sizeOf(rest); this.#size > 0 && this.#size <= rest.length;) {
      this.#onPacket(explainPacket(rest.subarray(0, this.#size)));
      rest = rest.subarray(this.#size);
      this.#size = this.#sizeOf(rest);
    }
    this.#chunks = [rest];
    this.#length = rest.length;
  }

  /** The size of the packet at the start; 0 while unknown, `Infinity` if malformed. */
  #sizeOf(bytes: Uint8Array): number {
    this.#reader.pointTo(bytes);
    try {
      const length = readFixedHeader(this.#reader, Infinity);
      return length === INCOMPLETE ? 0 : this.#reader.position + length;
    } catch {
      return Infinity;
    }
  }
}

const INDENT = "    ";

/** A space at which no line is broken. In received text it is escaped. */
const GLUE = "\u00a0";

/** How many bytes of a packet are shown. */
const SHOWN = 48;
const BYTES_ON_A_LINE = 24;

/** Fields that only frame the others. */
const FRAMING = /^(MQTT Control Packet type|Remaining Length|(Will )?Property (Length|Identifier))/;

/** A packet in a few lines: its type, its bytes, and its fields with their sections. */
export function formatPacket(
  direction: Direction,
  { packetType, section, bytes, fields, fault }: Explanation,
  output: Output,
  hidden: readonly string[] = SECRETS,
): string {
  const paint = paintFor(output);
  const arrow = direction === "→" ? paint.green(direction) : paint.cyan(direction);
  const head = `${arrow} ${paint.bold(packetType)}, ${byteCount(bytes.length)} ${
    paint.dim(`§${section}`)
  }`;
  const room = Math.min(Math.max(output.columns, 60), 120) - INDENT.length;
  // Lines are broken between fields where possible.
  const meanings = fields.flatMap((field) => sentences(field, hidden))
    .map((sentence) => sentence.length < room ? sentence.replaceAll(" ", GLUE) : sentence);
  const isSecret = fields.some(({ name }) => hidden.includes(name));
  const lines = [
    head,
    ...(isSecret ? [] : hexLines(bytes, room, paint)),
    ...wrap(meanings.join("; "), room).filter((line) => line !== "")
      .map((line) => INDENT + line.replaceAll(GLUE, " ")),
    ...(fault === undefined ? [] : [INDENT + paint.red(fault.message)]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** The first bytes, a multiple of eight on each line. */
function hexLines(bytes: Uint8Array, room: number, { dim }: Paint): string[] {
  const perLine = Math.min(BYTES_ON_A_LINE, Math.floor((room + 1) / 3 / 8) * 8);
  const lines: string[] = [];
  const end = Math.min(bytes.length, SHOWN);
  for (let start = 0; start < end; start += perLine) {
    const line = hexBytes(bytes.subarray(start, Math.min(start + perLine, end)));
    lines.push(INDENT + dim(line + (end < bytes.length && start + perLine >= end ? " …" : "")));
  }
  return lines;
}

/** The value of a field, or those of its bits that are not 0. */
function sentences(field: ExplainedField, hidden: readonly string[]): string[] {
  const { name, section, value, isCode, meaning, bits } = field;
  if (bits.length > 0) {
    return bits
      .filter(({ name, value }) =>
        value !== 0 && name !== "MQTT Control Packet type" && name !== "Reserved flags"
      )
      .map(({ name, value, section }) => `${name}${GLUE}${value}${GLUE}§${section}`);
  }
  if (FRAMING.test(name)) return [];
  if (hidden.includes(name)) return [`${name} not shown${GLUE}§${section}`];
  const shown = typeof value === "string"
    ? quoted(value)
    : value instanceof Uint8Array
    ? textOrSize(value)
    : isCode
    ? `${hexByte(Number(value))}${meaning === undefined ? "" : ` ${meaning}`}`
    : String(value);
  return [`${name} ${shown}${GLUE}§${section}`];
}

function textOrSize(bytes: Uint8Array): string {
  if (bytes.length > SHOWN) return byteCount(bytes.length);
  try {
    return quoted(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return hexBytes(bytes);
  }
}
