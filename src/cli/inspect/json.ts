// What was observed, as lines of JSON for programs.

import { concat } from "jsr:@std/bytes@^1/concat";
import type { Side } from "../../monitor/mod.ts";
import { closePacket, openPacket } from "../../packets/fixed_header.ts";
import { decodePacket, type Packet, PacketError } from "../../packets/mod.ts";
import { PACKET_TYPES } from "../../packets/packet_types.ts";
import { Writer } from "../../wire/writer.ts";
import { textIn } from "../messages/json.ts";
import { escapedJson } from "../terminal/text.ts";
import { explanationOf, versionOf } from "./format.ts";
import type { Entry, ObservedPacket } from "./link_observer.ts";
import { headerLength } from "./packet_header.ts";

const DIRECTIONS: { readonly [From in Side]: string } = {
  client: "client to server",
  server: "server to client",
};

/**
 * An entry as a line, for a terminal with escapes in place of what that might obey or hide.
 */
export function entryToJson(entry: Entry, isForTerminal = false): string {
  const json = JSON.stringify(entryObject(entry));
  return `${isForTerminal ? escapedJson(json) : json}\n`;
}

/** An entry as an object for JSON. */
export function entryObject(entry: Entry): object {
  const { link, time } = entry;
  const place = { time: new Date(time).toISOString(), connection: link.id };
  return { ...place, ...fieldsOf(entry) };
}

/** The line for entries that were lost. */
export function missedToJson(count: number): string {
  return `${JSON.stringify({ event: "omitted", count })}\n`;
}

function fieldsOf(entry: Entry): object {
  switch (entry.type) {
    case "opened": {
      const { client, server, listener } = entry.link;
      return { event: "opened", client, listener, server };
    }
    case "ended":
      return { event: "ended", direction: DIRECTIONS[entry.from] };
    case "missing":
      return { event: "missing", direction: DIRECTIONS[entry.from], size: entry.count };
    case "closed": {
      const { fault, findings, link: { sent, clientId, protocol } } = entry;
      const closed = { event: "closed", fault, clientId, protocol, sent };
      return findings.length === 0 ? closed : { ...closed, findings };
    }
    case "packet":
      return {
        event: entry.isPacket ? "packet" : "bytes",
        direction: DIRECTIONS[entry.from],
        protocol: entry.protocol,
        size: entry.size,
        ...entry.isPacket ? packetFields(entry) : {},
        hex: entry.bytes.toHex(),
        ...entry.findings.length > 0 && { findings: entry.findings },
      };
    default:
      return entry satisfies never;
  }
}

function packetFields(observed: ObservedPacket): object {
  const { packetType, fault } = explanationOf(observed);
  const packet = packetOf(observed);
  return {
    name: packetType,
    ...packet !== undefined && { packet: shown(packet) },
    ...fault !== undefined && { fault: fault.message },
    ...!observed.isWhole && { isWhole: false },
  };
}

/** The packet; a PUBLISH of which only the beginning is kept, with as much of its payload. */
export function packetOf(observed: ObservedPacket): Packet | undefined {
  const { bytes, size, isWhole } = observed;
  try {
    return decodePacket(isWhole && bytes.length < size ? shortened(bytes) : bytes, {
      protocolVersion: versionOf(observed),
    });
  } catch (error) {
    if (error instanceof PacketError) return undefined;
    throw error;
  }
}

/** The same packet with a Remaining Length that says how many bytes of it there are. */
function shortened(bytes: Uint8Array): Uint8Array {
  const body = headerLength(bytes);
  const writer = new Writer();
  const hole = openPacket(writer, PACKET_TYPES[bytes[0]! >> 4]!, bytes[0]! & 0x0f);
  closePacket(writer, hole, bytes.length - body);
  return concat([writer.bytes(), bytes.subarray(body)]);
}

/** A value in which bytes are text, or base64 in an object where they are none. */
function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return textIn(value) ?? { base64: value.toBase64() };
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, value]) => [name, shown(value)]));
}
