// One connection as it is observed: each direction is cut into packets, the monitor judges them,
// and each packet is told with what was found in it.

import {
  type Finding,
  LinkMonitor,
  type Obligation,
  type SessionMonitor,
  type Side,
} from "../../monitor/mod.ts";
import { decodePacket, PacketError } from "../../packets/mod.ts";
import { FIRST_BYTE } from "../../packets/packet_types.ts";
import type { Entry, LinkInfo, LinkPlace, ObservedPacket } from "./entry.ts";
import type { Sized } from "./entry_ring.ts";
import type { PublishReader } from "./publish_outline.ts";
import type { PacketStore } from "./packet_store.ts";
import type { Outline } from "./secrets.ts";
import { type Piece, StreamCutter } from "./stream_cutter.ts";

export type { Entry, LinkInfo, LinkPlace, ObservedPacket, ObservedPublish } from "./entry.ts";

/** How to observe a connection. */
export interface LinkOptions {
  readonly sessions: SessionMonitor;
  /** Whether secrets are replaced by `*`. */
  readonly hides: boolean;
  /** Where copies of packets lie. */
  readonly store: PacketStore;
  /** Finds the topics; without, they are not looked for. */
  readonly publishes: PublishReader | undefined;
}

/** What a connection tells. */
export interface LinkSink {
  entry(entry: Entry): void;
  bytes(from: Side, bytes: Uint8Array, time: number): void;
  ended(from: Side, time: number): void;
  closed(fault: string | undefined, time: number): void;
  /** Judging has failed, which is a mistake of this program: it ends here. */
  failed(error: unknown): void;
  /** More bytes are waiting for the rest of their packet; `false` if those of all are too many. */
  hold(change: number): boolean;
}

/** What an entry takes beside its bytes. */
const ENTRY = 400;

const NOTHING: readonly Finding[] = [];

/** What has been owed for so many milliseconds when a connection ends is told, up to so much. */
const PATIENCE = 5000;
const MOST_OVERDUE = 10;

/**
 * Observes one connection. Give it the bytes of both directions in the order in which they pass;
 * they may change afterwards. Times are milliseconds since 1970.
 */
export class LinkObserver {
  readonly info: LinkInfo;
  readonly #sink: LinkSink;
  readonly #publishes: PublishReader | undefined;
  /** `undefined` once nothing is judged any more. */
  #monitor: LinkMonitor | undefined;
  readonly #cutters: { readonly [From in Side]: StreamCutter };
  /** What was found in packets that have not been told yet, by where they begin. */
  readonly #findings: { readonly [From in Side]: Map<number, Finding[]> } = {
    client: new Map(),
    server: new Map(),
  };
  readonly #hasEnded = { client: false, server: false };
  /** What the ends owed each other when the first of them ended. */
  #overdue: readonly Finding[] = NOTHING;
  #pending = 0;
  #isClosed = false;
  #time = 0;

  constructor(place: LinkPlace, options: LinkOptions, sink: LinkSink) {
    const { sessions, publishes } = options;
    this.info = {
      ...place,
      protocol: "unknown",
      clientId: undefined,
      keepAlive: undefined,
      sent: { client: { packets: 0, bytes: 0 }, server: { packets: 0, bytes: 0 } },
      lastAt: { client: undefined, server: undefined },
      findings: 0,
      openedAt: 0,
      closedAt: undefined,
      fault: undefined,
    };
    this.#sink = sink;
    this.#publishes = publishes;
    this.#monitor = new LinkMonitor({
      sessions,
      observe: ({ from, start, findings }) => {
        if (findings.length === 0) return;
        const found = this.#findings[from];
        found.set(start, [...found.get(start) ?? NOTHING, ...findings]);
      },
    });
    this.#cutters = {
      client: this.#cutterOf("client", options),
      server: this.#cutterOf("server", options),
    };
  }

  /** Tells that the connection is open. */
  begin(time: number): void {
    this.info.openedAt = time;
    this.#tell({ type: "opened" }, time);
  }

  /** Bytes that an end has sent. */
  pass(from: Side, bytes: Uint8Array, time: number): void {
    if (this.#isClosed) return;
    this.#time = time;
    this.info.sent[from].bytes += bytes.length;
    this.info.lastAt[from] = time;
    // Before it is told what a packet is, it must be known what was found in it.
    this.#judge((monitor) => monitor[from](bytes, time));
    if (this.#monitor !== undefined) this.info.protocol = this.#monitor.protocol;
    this.#cutters[from].push(bytes);
    this.#hold();
  }

  /** An end has closed its direction. */
  end(from: Side, time: number): void {
    if (this.#isClosed || this.#hasEnded[from]) return;
    this.#finish(from, time);
    this.#sink.ended(from, time);
    this.#tell({ type: "ended", from }, time);
  }

  /** Bytes are missing here: what follows in this direction cannot be read. */
  skip(from: Side, count: number, time: number): void {
    this.#time = time;
    this.#monitor = undefined;
    this.#cutters[from].skip(count);
    this.#tell({ type: "missing", from, count }, time);
  }

  /** The connection is closed; `fault` says in a sentence why, if it broke. */
  close(fault: string | undefined, time: number): void {
    if (this.#isClosed) return;
    for (const from of ["client", "server"] as const) {
      if (!this.#hasEnded[from]) this.#finish(from, time);
    }
    this.#isClosed = true;
    this.info.closedAt = time;
    this.info.fault = fault;
    this.#sink.hold(-this.#pending);
    this.#sink.closed(fault, time);
    this.info.findings += this.#overdue.length;
    this.#tell({ type: "closed", fault, findings: this.#overdue }, time);
  }

  #finish(from: Side, time: number): void {
    this.#time = time;
    if (!this.#hasEnded.client && !this.#hasEnded.server) {
      this.#judge((monitor) => this.#overdue = overdueOf(monitor.obligations(time), time));
    }
    this.#hasEnded[from] = true;
    this.#judge((monitor) => monitor[from === "client" ? "clientEnd" : "serverEnd"](time));
    this.#cutters[from].end();
    this.#hold();
  }

  /** A mistake in judging must not break the connection. */
  #judge(judge: (monitor: LinkMonitor) => void): void {
    if (this.#monitor === undefined) return;
    try {
      judge(this.#monitor);
    } catch (error) {
      this.#monitor = undefined;
      this.#sink.failed(error);
    }
  }

  #cutterOf(from: Side, { hides, store }: LinkOptions): StreamCutter {
    const sink = {
      piece: (piece: Piece) => this.#piece(from, piece),
      bytes: (bytes: Uint8Array) => this.#sink.bytes(from, bytes, this.#time),
    };
    return new StreamCutter(hides, sink, store);
  }

  #piece(from: Side, piece: Piece): void {
    const { info } = this;
    const found = this.#findings[from];
    const findings = found.get(piece.start) ?? NOTHING;
    found.delete(piece.start);
    if (piece.isPacket) info.sent[from].packets++;
    if (piece.outline !== undefined) this.#handshake(from, piece, piece.outline);
    info.findings += findings.length;
    const { protocol } = info;
    const publish = piece.isPacket && piece.bytes[0]! >> 4 === FIRST_BYTE.publish >> 4
      ? this.#publishes?.read(from, piece.bytes, protocol === "MQTT 5.0")
      : undefined;
    const { start, size, bytes, isPacket, isWhole, outline } = piece;
    const room = ENTRY + bytes.length + (publish?.topic.length ?? 0);
    // Each field by its name: to spread an object costs as much as to cut the packet.
    this.#sink.entry({
      link: info,
      time: this.#time,
      room,
      type: "packet",
      from,
      protocol,
      findings,
      publish,
      start,
      size,
      bytes,
      isPacket,
      isWhole,
      outline,
    });
  }

  /** What a CONNECT or CONNACK says of the connection. */
  #handshake(from: Side, { bytes }: Piece, { clientId, keepAlive }: Outline): void {
    const { info } = this;
    if (from === "client") {
      info.clientId = clientId ?? info.clientId;
      info.keepAlive = keepAlive ?? info.keepAlive;
    } else if (bytes[0] === FIRST_BYTE.connack && info.protocol === "MQTT 5.0") {
      info.keepAlive = serverKeepAliveOf(bytes) ?? info.keepAlive;
    }
  }

  #tell(what: WithoutPlace<Exclude<Entry, ObservedPacket>>, time: number): void {
    this.#sink.entry({ link: this.info, time, room: ENTRY, ...what });
  }

  /** The bytes that wait are on an account: with too many in all, this connection is not judged. */
  #hold(): void {
    const { client, server } = this.#cutters;
    const pending = client.pending + server.pending;
    if (pending === this.#pending) return;
    const isWithin = this.#sink.hold(pending - this.#pending);
    this.#pending = pending;
    if (!isWithin && pending > 0) this.#monitor = undefined;
  }
}

/** Of what is owed that which has been owed for long: most answers take milliseconds. */
function overdueOf(owed: readonly Obligation[], time: number): Finding[] {
  return owed.filter(({ since }) => time - since >= PATIENCE).slice(0, MOST_OVERDUE).map(
    ({ statement, by, since, message }) => ({
      statement,
      section: statement.slice("MQTT-".length, statement.lastIndexOf("-")),
      severity: "warning",
      by,
      message: `${message}, due for ${Math.round((time - since) / 1000)} s`,
    }),
  );
}

/** What a CONNACK has in place of the Keep Alive of CONNECT (§3.2.2.3.14). */
function serverKeepAliveOf(bytes: Uint8Array): number | undefined {
  try {
    const packet = decodePacket(bytes);
    return packet.type === "connack" ? packet.properties.serverKeepAlive : undefined;
  } catch (error) {
    if (error instanceof PacketError) return undefined;
    throw error;
  }
}

/** What happened, without where and when. */
type WithoutPlace<Type> = Type extends unknown ? Omit<Type, keyof Sized | "link" | "time"> : never;
