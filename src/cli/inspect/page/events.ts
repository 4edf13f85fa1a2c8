// What the server of the page tells the page: the events of the feed and the answer about one
// packet. Both sides are checked against these types; nothing of this file is served.

import type { Finding, Side } from "../../../monitor/mod.ts";
import type { FieldEncoding } from "../../../packets/mod.ts";

/** First event of a feed: what is watched. */
export interface Hello {
  /** The command, such as `"mqtt5 inspect"`. */
  readonly title: string;
  /** The server that is watched, as a URL. */
  readonly server: string;
  /** Where clients connect, as URLs. */
  readonly listeners: readonly string[];
  /** Another one means another process: whatever came before is forgotten. */
  readonly run: string;
}

/** What has passed in one direction. */
export interface Passed {
  readonly packets: number;
  readonly bytes: number;
}

/** A connection as it is now. Times are milliseconds since 1970. */
export interface ConnectionRow {
  readonly id: number;
  /** The addresses of the client, of the server, and of the listener between them. */
  readonly client: string;
  readonly server: string;
  readonly listener: string;
  /** Such as `"MQTT 5.0"`. */
  readonly protocol: string;
  readonly clientId: string | null;
  readonly isOpen: boolean;
  /** Why it broke. */
  readonly fault: string | null;
  readonly openedAt: number;
  readonly closedAt: number | null;
  /** In seconds, as granted by the server. */
  readonly keepAlive: number | null;
  readonly sent: { readonly [From in Side]: Passed };
  /** When each end last sent a packet. */
  readonly lastAt: { readonly [From in Side]: number | null };
  /** How many findings there are in its packets. */
  readonly findings: number;
}

/** The beginning of a payload: as text if it is text. */
export interface ShownPayload {
  /** Of the whole payload, in bytes. */
  readonly size: number;
  readonly text?: string;
  readonly hex?: string;
  /** Whether there is more than is shown. */
  readonly isCut: boolean;
}

/** A Reason Code by its name in the standard. */
export interface ShownReason {
  readonly code: number;
  readonly name: string;
}

/** What all entries have. */
interface EntryBase {
  /** Its number: each entry has a higher one than those before it. */
  readonly n: number;
  /** The number of its connection. */
  readonly connection: number;
  readonly time: number;
}

/** A packet, or bytes that are none, as one row of the conversation. */
export interface PacketEntry extends EntryBase {
  readonly type: "packet";
  readonly from: Side;
  /** `false` of bytes that are no packet. */
  readonly isPacket: boolean;
  /** Such as `"PUBLISH"`; empty if it is no packet. */
  readonly name: string;
  readonly size: number;
  /** Whether it came to its end. */
  readonly isWhole: boolean;
  readonly qos?: number;
  readonly dup?: boolean;
  readonly retain?: boolean;
  readonly packetId?: number;
  /** The topic, also where only an alias was sent, as far as it is known. */
  readonly topic?: string;
  readonly alias?: number;
  /** The first Topic Filters of SUBSCRIBE and UNSUBSCRIBE. */
  readonly topics?: readonly string[];
  /** Of CONNECT. */
  readonly clientId?: string;
  /** The first Reason Code that is an error, or else the packet's. */
  readonly reason?: ShownReason;
  /** Why it cannot be decoded. */
  readonly fault?: string;
  readonly payload?: ShownPayload;
  readonly findings: readonly Finding[];
}

/** What has been seen: a row of the conversation. */
export type PageEntry =
  | PacketEntry
  | (EntryBase & { readonly type: "opened" })
  | (EntryBase & { readonly type: "ended"; readonly from: Side })
  | (EntryBase & { readonly type: "missing"; readonly from: Side; readonly count: number })
  | (EntryBase & {
    readonly type: "closed";
    readonly fault?: string;
    /** What the ends had owed each other for long, if anything. */
    readonly findings?: readonly Finding[];
  });

/** A topic with its latest message. */
export interface TopicRow {
  readonly topic: string;
  /** How many times clients have published to it. */
  readonly published: number;
  /** How many times the server has sent a message of it. */
  readonly delivered: number;
  /** Of all payloads. */
  readonly bytes: number;
  /** Whether there is a retained message, or it was cleared; nothing if neither has been seen. */
  readonly retained?: boolean;
  readonly last: {
    readonly n: number;
    readonly connection: number;
    readonly time: number;
    readonly from: Side;
    readonly qos: number;
    readonly retain: boolean;
    readonly payload: ShownPayload;
  };
}

/** What has passed in all, exactly. */
export interface Counts {
  readonly connections: number;
  readonly packets: number;
  readonly bytes: number;
  readonly findings: number;
}

/** A step of a lesson. */
export interface LessonStep {
  /** What happens: a sentence. */
  readonly title: string;
  /** What to look at, and why; between backticks stands what is in the packets. */
  readonly text: string;
  /** A packet of the step, byte by byte: some bytes in hexadecimal, and what they are. */
  readonly bytes?: {
    readonly of: string;
    readonly rows: readonly (readonly [hex: string, meaning: string])[];
  };
  /** The number of its first entry. */
  readonly from: number;
  /** The number of the packet to look at; `null` until it has passed. */
  readonly packet: number | null;
}

/** Where a lesson is. */
export interface LessonState {
  readonly chapters: readonly { readonly name: string; readonly title: string }[];
  /** The name of the chapter that goes on; then its title, and what it is about. */
  readonly chapter: string | null;
  readonly title: string;
  readonly about: string;
  /** The steps that are done or going on. */
  readonly steps: readonly LessonStep[];
  /** How many steps the chapter has. */
  readonly count: number;
  /** What happens in the next step; `null` if there is none, or it is not its time. */
  readonly next: string | null;
  readonly isBusy: boolean;
  /** Why the chapter cannot go on. */
  readonly error: string | null;
}

/** The events of the feed by their names, each with its data. */
export interface FeedEvents {
  readonly hello: Hello;
  readonly connections: readonly ConnectionRow[];
  readonly entries: readonly PageEntry[];
  readonly omitted: { readonly count: number };
  readonly topics: readonly TopicRow[];
  readonly topicsForgotten: { readonly forgotten: readonly string[] };
  readonly counts: Counts;
  readonly lesson: LessonState;
}

/** Some bits of a field. */
export interface ShownBits {
  readonly name: string;
  readonly section: string;
  readonly mask: number;
  readonly value: number;
  readonly meaning?: string;
  /** The value and what it means, as the terminal has it. */
  readonly text: string;
}

/** One field of a packet. */
export interface ShownField {
  readonly name: string;
  readonly section: string;
  readonly offset: number;
  readonly length: number;
  readonly encoding: FieldEncoding;
  readonly value: number | boolean | string | { readonly hex: string };
  readonly meaning?: string;
  /** The value and what it means, as the terminal has it; empty where there are bits. */
  readonly text: string;
  readonly isCode: boolean;
  /** The part of the packet that it is in, such as `"Variable header"`. */
  readonly part?: string;
  readonly bits: readonly ShownBits[];
}

/** Everything about one packet. */
export interface PacketDetail {
  readonly n: number;
  readonly name: string;
  /** The section of the standard that describes such packets; none if it is no packet. */
  readonly section?: string;
  /** The standard of the sections, if it is an older one, such as `"MQTT 3.1.1"`. */
  readonly edition?: string;
  readonly size: number;
  /** The bytes that are kept. */
  readonly hex: string;
  readonly isWhole: boolean;
  readonly isPacket: boolean;
  readonly fields: readonly ShownField[];
  readonly fault?: string;
  /** The packet as `inspect --json` writes it. */
  readonly json: unknown;
  readonly findings: readonly Finding[];
  /** The command that explains these bytes in a terminal, if it can. */
  readonly decode?: string;
}
