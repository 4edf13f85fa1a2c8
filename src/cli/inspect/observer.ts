// Looks at connections while they last: bytes in, what they mean out. It keeps the newest packets
// for whoever shows them, counts all of them, and never makes anybody wait. Nothing here meets a
// socket or a clock: each call says what time it is.

import { SessionMonitor, type Side } from "../../monitor/mod.ts";
import { Utf8Decoder } from "../../wire/utf8.ts";
import type { ConnectionTable } from "./connection_table.ts";
import { EntryRing, type RingCursor, type RingLimits } from "./entry_ring.ts";
import {
  type Entry,
  type LinkInfo,
  LinkObserver,
  type LinkPlace,
  type LinkSink,
  type ObservedPacket,
  type ObservedPublish,
} from "./link_observer.ts";
import { PacketStore } from "./packet_store.ts";
import { PublishReader } from "./publish_outline.ts";
import type { TopicTable } from "./topic_table.ts";

/** Takes the bytes of all connections, without secrets, for a capture. */
export interface CaptureSink {
  /** A connection is open. */
  opened(link: LinkInfo, time: number): void;
  /** The next bytes of a direction; they may change afterwards. */
  bytes(link: LinkInfo, from: Side, bytes: Uint8Array, time: number): void;
  /** One end has said that it sends no more. */
  ended(link: LinkInfo, from: Side, time: number): void;
  /** A connection is closed; `fault` if it broke. */
  closed(link: LinkInfo, fault: string | undefined, time: number): void;
}

/** How to observe. */
export interface ObserverOptions {
  /** Whether the Password and Authentication Data are left as they are. */
  readonly showsSecrets?: boolean;
  /** How much is kept. Default: 10,000 entries and 32 MiB. */
  readonly limits?: RingLimits;
  /** Takes the bytes. */
  readonly capture?: CaptureSink | undefined;
  /**
   * Is told, in a sentence, that a connection is not judged any further, by a mistake of this
   * program.
   */
  readonly onFailed?: ((message: string) => void) | undefined;
  /** What a page shows beside the packets. */
  readonly tables?: ObserverTables | undefined;
}

/** Tables that are kept up to date. */
export interface ObserverTables {
  readonly connections: ConnectionTable;
  readonly topics: TopicTable;
}

/** What is kept, unless something else is said. */
const LIMITS: RingLimits = { entries: 10_000, bytes: 33_554_432 };

/**
 * Packets that are not whole yet may take so many bytes on all connections, before judging ends.
 */
const MOST_PENDING = 134_217_728;

/** Observes connections. */
export class Observer {
  readonly #ring: EntryRing<Entry>;
  readonly #showsSecrets: boolean;
  readonly #capture: CaptureSink | undefined;
  readonly #tables: ObserverTables | undefined;
  readonly #onFailed: (message: string) => void;
  readonly #text = new Utf8Decoder();
  readonly #store = new PacketStore();
  readonly #sessions = new SessionMonitor();
  readonly #open = new Map<number, LinkObserver>();
  #count = 0;
  #packets = 0;
  #bytes = 0;
  #findings = 0;
  #pending = 0;

  /** Observes nothing yet. */
  constructor(options: ObserverOptions = {}) {
    const { showsSecrets = false, limits = LIMITS, capture, tables, onFailed = () => {} } = options;
    this.#ring = new EntryRing(limits);
    this.#showsSecrets = showsSecrets;
    this.#capture = capture;
    this.#tables = tables;
    this.#onFailed = onFailed;
  }

  /** The connections that are open, the oldest first. */
  get connections(): readonly LinkInfo[] {
    return Array.from(this.#open.values(), ({ info }) => info);
  }

  /** What has passed in all, exactly, however little of it is kept. */
  get counts(): Readonly<Record<"connections" | "packets" | "bytes" | "findings", number>> {
    return {
      connections: this.#count,
      packets: this.#packets,
      bytes: this.#bytes,
      findings: this.#findings,
    };
  }

  /** Begins to observe a connection from `client` to `server`, addresses for people. */
  open(place: Omit<LinkPlace, "id">, time: number): LinkObserver {
    const id = ++this.#count;
    const capture = this.#capture;
    const sink: LinkSink = {
      entry: (entry) => {
        const number = this.#ring.add(entry);
        this.#tables?.connections.changed(entry.link);
        if (entry.type === "closed") this.#findings += entry.findings.length;
        if (entry.type !== "packet") return;
        if (entry.isPacket) this.#packets++;
        this.#findings += entry.findings.length;
        if (isPublish(entry)) this.#tables?.topics.add(number, entry, id, entry.time);
      },
      bytes: (from, bytes, time) => {
        this.#bytes += bytes.length;
        capture?.bytes(link.info, from, bytes, time);
      },
      ended: (from, time) => capture?.ended(link.info, from, time),
      closed: (fault, time) => {
        this.#open.delete(id);
        capture?.closed(link.info, fault, time);
      },
      failed: (error) => {
        const why = error instanceof Error ? error.message : String(error);
        this.#onFailed(`connection #${id} is not judged any further: ${why}; please report this`);
      },
      hold: (change) => {
        this.#pending += change;
        return this.#pending <= MOST_PENDING;
      },
    };
    const options = {
      sessions: this.#sessions,
      hides: !this.#showsSecrets,
      store: this.#store,
      publishes: this.#tables && new PublishReader(this.#text),
    };
    const link = new LinkObserver({ id, ...place }, options, sink);
    this.#open.set(id, link);
    capture?.opened(link.info, time);
    link.begin(time);
    return link;
  }

  /** Follows what is observed. */
  follow(): RingCursor<Entry> {
    return this.#ring.follow();
  }

  /** The entry with a number, if it is kept. */
  entry(number: number): Entry | undefined {
    return this.#ring.get(number);
  }

  /** Nothing more will be observed: whoever follows comes to an end. */
  close(): void {
    this.#ring.close();
  }
}

function isPublish(packet: ObservedPacket): packet is ObservedPublish {
  return packet.publish !== undefined;
}
