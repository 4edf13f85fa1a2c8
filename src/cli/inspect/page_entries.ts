// What was observed, as a page gets it: an entry in a few fields, a packet in all of its bytes.

import { isFailure, type Packet, reasonCodeName } from "../../packets/mod.ts";
import { PACKET_TYPES } from "../../packets/packet_types.ts";
import { bitsText, fieldText, partOf } from "../packets/format.ts";
import type { ConnectionRow } from "./connection_table.ts";
import { OLDER_EDITION } from "../../packets/older_versions.ts";
import { explanationOf } from "./format.ts";
import { entryObject, packetOf } from "./json.ts";
import type { Entry, ObservedPacket } from "./link_observer.ts";
import { headerLength } from "./packet_header.ts";
import type {
  ConnectionRow as ShownConnection,
  PacketDetail,
  PageEntry,
  ShownPayload,
  ShownReason,
  TopicRow as ShownTopic,
} from "./page/events.ts";
import { SHOWN_PAYLOAD, type TopicRow } from "./topic_table.ts";

/** How many Topic Filters of a packet are shown. */
const SHOWN_FILTERS = 5;

/** A connection. */
export function connectionOf({ link }: ConnectionRow): ShownConnection {
  const { id, client, server, listener, protocol, clientId = null, keepAlive = null } = link;
  const { sent, lastAt, findings, openedAt, closedAt = null, fault = null } = link;
  return {
    ...{ id, client, server, listener, protocol, clientId, isOpen: closedAt === null, fault },
    ...{ openedAt, closedAt, keepAlive, sent, findings },
    lastAt: { client: lastAt.client ?? null, server: lastAt.server ?? null },
  };
}

/** A topic. */
export function topicOf({ key, retained, last, ...row }: TopicRow): ShownTopic {
  const { published, delivered, bytes } = row;
  const { payload, size, ...message } = last;
  return present({
    ...{ topic: key, published, delivered, bytes, retained },
    last: { ...message, payload: payloadOf(payload, size) },
  });
}

/** An entry in short. */
export function entryOf(n: number, entry: Entry): PageEntry {
  const { link, time, type } = entry;
  const place = { n, connection: link.id, time };
  switch (type) {
    case "opened":
      return { ...place, type };
    case "ended":
      return { ...place, type, from: entry.from };
    case "missing":
      return { ...place, type, from: entry.from, count: entry.count };
    case "closed":
      return present({
        ...{ ...place, type, fault: entry.fault },
        findings: entry.findings.length === 0 ? undefined : entry.findings,
      });
    case "packet":
      return { ...place, ...summaryOf(entry) };
    default:
      return entry satisfies never;
  }
}

/** An entry without where and when. */
type Summary = Omit<PageEntry & { readonly type: "packet" }, "n" | "connection" | "time">;

function summaryOf(observed: ObservedPacket): Summary {
  const { type, from, isPacket, isWhole, size, findings, bytes, publish, outline } = observed;
  const common = { type, from, isPacket, name: nameOf(observed), size, isWhole, findings };
  if (!isPacket) return common;
  const packet = packetOf(observed);
  const payloadAt = publish?.payloadAt ?? bytes.length;
  return present({
    ...common,
    ...bytes[0]! >> 4 === 3 && flagsOf(bytes[0]!),
    packetId: packetIdOf(observed),
    topic: publish?.topic,
    alias: publish?.alias,
    clientId: outline?.clientId,
    ...publish !== undefined && {
      payload: payloadOf(
        bytes.subarray(payloadAt, payloadAt + SHOWN_PAYLOAD),
        Math.max(0, size - payloadAt),
      ),
    },
    ...packet === undefined
      ? { fault: explanationOf(observed).fault?.message }
      : { topics: filtersIn(packet), reason: reasonIn(packet) },
  });
}

/** Fields of which those that are `undefined` are not there, as in JSON. */
type Present<Fields> =
  & { [Name in keyof Fields as undefined extends Fields[Name] ? never : Name]: Fields[Name] }
  & {
    [Name in keyof Fields as undefined extends Fields[Name] ? Name : never]?: Exclude<
      Fields[Name],
      undefined
    >;
  };

/** The fields that are there. */
function present<Fields extends object>(fields: Fields): Present<Fields> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Present<Fields>;
}

/** The name of a packet; `""` for what is none. */
function nameOf({ isPacket, bytes }: ObservedPacket): string {
  return isPacket ? PACKET_TYPES[bytes[0]! >> 4]!.toUpperCase() : "";
}

/** The flags of a PUBLISH (§3.3.1). */
function flagsOf(firstByte: number): Pick<Summary, "qos" | "dup" | "retain"> {
  return {
    qos: firstByte >> 1 & 0x03,
    dup: (firstByte & 0x08) !== 0,
    retain: (firstByte & 0x01) !== 0,
  };
}

/** The Packet Identifier, which is in the same place in every version (§2.2.1). */
function packetIdOf({ bytes }: ObservedPacket): number | undefined {
  let at = headerLength(bytes);
  const type = bytes[0]! >> 4;
  if (type === 3) {
    if ((bytes[0]! & 0x06) === 0) return undefined;
    at += 2 + (bytes[at]! << 8 | bytes[at + 1]!);
  } else if (type < 4 || type > 11) return undefined;
  return at + 2 <= bytes.length ? bytes[at]! << 8 | bytes[at + 1]! : undefined;
}

function filtersIn(packet: Packet): readonly string[] | undefined {
  switch (packet.type) {
    case "subscribe":
      return packet.subscriptions.slice(0, SHOWN_FILTERS).map(({ topicFilter }) => topicFilter);
    case "unsubscribe":
      return packet.topicFilters.slice(0, SHOWN_FILTERS);
    default:
      return undefined;
  }
}

/** The Reason Code of a packet; of several, the first that is an error. */
function reasonIn(packet: Packet): ShownReason | undefined {
  const codes = "reasonCodes" in packet
    ? packet.reasonCodes
    : "reasonCode" in packet
    ? [packet.reasonCode]
    : [];
  const code = codes.find(isFailure) ?? codes[0];
  if (code === undefined) return undefined;
  return { code, name: reasonCodeName(code, packet.type)! };
}

/** The beginning of a payload: text if it is, hexadecimal digits if not. */
function payloadOf(shown: Uint8Array, size: number): ShownPayload {
  const isCut = shown.length < size;
  const text = textOf(shown, isCut);
  return text === undefined ? { size, hex: shown.toHex(), isCut } : { size, text, isCut };
}

/** Bytes as text, if they are; a character that is cut at the end is left out. */
function textOf(bytes: Uint8Array, isCut: boolean): string | undefined {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return decoder.decode(bytes, { stream: isCut });
  } catch {
    return undefined;
  }
}

/** A packet with all that is known of it. */
export function packetDetail(n: number, observed: ObservedPacket & Entry): PacketDetail {
  const { bytes, size, isWhole, isPacket, findings } = observed;
  const { section, fields, fault, protocolVersion } = explanationOf(observed);
  const common = { n, name: nameOf(observed), size, hex: bytes.toHex(), isWhole, isPacket };
  const rest = { findings, json: entryObject(observed) };
  // What breaks a rule of MQTT is explained as far as it can be read.
  if (!isPacket && findings.length === 0) return { ...common, fields: [], ...rest };
  let part: string | undefined;
  const shown = fields.map((field) =>
    present({
      ...field,
      value: field.value instanceof Uint8Array ? { hex: field.value.toHex() } : field.value,
      text: fieldText(field),
      part: part = partOf(field, protocolVersion < 5) ?? part,
      bits: field.bits.map((bits) => present({ ...bits, text: bitsText(bits) })),
    })
  );
  const isOlder = protocolVersion < 5;
  const version = isOlder ? `-V ${protocolVersion} ` : "";
  return present({
    ...{ ...common, section, fields: shown, fault: fault?.message, ...rest },
    edition: isOlder ? OLDER_EDITION : undefined,
    decode: `mqtt5 decode ${version}${bytes.toHex()}`,
  });
}
