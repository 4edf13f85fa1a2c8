// Shows the packets on a connection, each in a few lines, with its bytes and their meaning.

import type { Transport } from "../../io/transport.ts";
import type { Explanation } from "../../packets/mod.ts";
import { PacketCutter } from "../../packets/packet_cutter.ts";
import { describeField } from "../../packets/shown.ts";
import { byteCount } from "../../wire/field.ts";
import type { Output } from "../context.ts";
import { hexBytes, type Paint, paintFor, wrap } from "../terminal/text.ts";
import { editionOf, SECRETS } from "./format.ts";

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
  const show = (direction: Direction, packet: Explanation) => {
    // A CONNECT tells the version of both directions.
    if (packet.packetType === "CONNECT") {
      sent.protocolVersion = received.protocolVersion = packet.protocolVersion;
    }
    onPacket(direction, packet);
  };
  const sent = new PacketCutter((packet) => show(arrows.sent, packet));
  const received = new PacketCutter((packet) => show(arrows.received, packet));
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

const INDENT = "    ";

/** Before what is wrong. */
const MARK = "! ";

/** A space at which no line is broken. In received text it is escaped. */
const GLUE = "\u00a0";

/** How many lines tell what its fields mean: a topic alone may have 65,535 characters. */
const MOST_LINES = 24;

/** How many bytes of a packet are shown. */
const SHOWN = 48;
const BYTES_ON_A_LINE = 24;

/**
 * A packet in a few lines: its type, its bytes, and its fields with their sections. `size` is how
 * many bytes it has, if not all are at hand.
 */
export function formatPacket(
  direction: Direction,
  { packetType, section, bytes, fields, fault, protocolVersion }: Explanation,
  output: Output,
  hidden: readonly string[] = SECRETS,
  size: number = bytes.length,
): string {
  const paint = paintFor(output);
  const arrow = direction === "→" ? paint.green(direction) : paint.cyan(direction);
  const head = `${arrow} ${paint.bold(packetType)}, ${byteCount(size)} ${
    paint.dim(`${editionOf(protocolVersion)}§${section}`)
  }`;
  const room = Math.min(Math.max(output.columns, 60), 120) - INDENT.length;
  // Lines are broken between fields where possible.
  const meanings = fields.flatMap((field) => describeField(field, hidden))
    .map(({ text, section }) => `${text}${GLUE}§${section}`)
    .map((sentence) => sentence.length < room ? sentence.replaceAll(" ", GLUE) : sentence);
  const isSecret = fields.some(({ name }) => hidden.includes(name));
  const about = wrap(meanings.join("; "), room).filter((line) => line !== "")
    .map((line) => INDENT + line.replaceAll(GLUE, " "));
  const lines = [
    head,
    ...(isSecret ? [] : hexLines(bytes, room, paint)),
    ...about.slice(0, MOST_LINES),
    ...(about.length <= MOST_LINES
      ? []
      : [INDENT + paint.dim(`… ${about.length - MOST_LINES} more lines`)]),
    ...(fault === undefined ? [] : faultLines(fault.message, room, paint)),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function faultLines(message: string, room: number, { red }: Paint): string[] {
  const lines = wrap(message, room - MARK.length);
  return lines.map((line, at) => INDENT + red((at === 0 ? MARK : " ".repeat(MARK.length)) + line));
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
