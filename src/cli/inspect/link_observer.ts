// One connection as it is observed: each direction is cut into packets, the monitor judges them,
// and each packet is told with what was found in it.

import {
  type Finding,
  LinkMonitor,
  type Protocol,
  type SessionMonitor,
  type Side,
} from "../../monitor/mod.ts";
import type { Sized } from "./entry_ring.ts";
import { type Piece, StreamCutter } from "./stream_cutter.ts";

/** What is known of a connection. It changes while the connection lasts. */
export interface LinkInfo {
  /** 1 for the first. */
  readonly id: number;
  /** The address of the client. */
  readonly client: string;
  /** The address of the server. */
  readonly server: string;
  /** Where the client has connected to. */
  readonly listener: string;
  /** What it speaks, as far as it has said. */
  protocol: Protocol;
  /** The Client Identifier, once CONNECT has said it. */
  clientId: string | undefined;
  /** How many packets and bytes each end has sent. */
  readonly sent: { readonly [From in Side]: { packets: number; bytes: number } };
}

/** What has happened on a connection. */
export type Entry =
  & Sized
  & {
    readonly link: LinkInfo;
    /** In milliseconds since 1970. */
    readonly time: number;
  }
  & (
    | { readonly type: "opened" }
    | ObservedPacket
    | { readonly type: "ended"; readonly from: Side }
    | { readonly type: "missing"; readonly from: Side; readonly count: number }
    | { readonly type: "closed"; readonly fault: string | undefined }
  );

/** A packet, or bytes that are none, as they have passed. */
export interface ObservedPacket extends Piece {
  readonly type: "packet";
  /** Who has sent it. */
  readonly from: Side;
  /** What the connection spoke then. */
  readonly protocol: Protocol;
  /** Which rules it breaks; most often none. */
  readonly findings: readonly Finding[];
}

/** What a connection tells. */
export interface LinkSink {
  entry(entry: Entry): void;
  bytes(from: Side, bytes: Uint8Array, time: number): void;
  ended(from: Side, time: number): void;
  closed(fault: string | undefined, time: number): void;
  /** More bytes are waiting for the rest of their packet; `false` if those of all are too many. */
  hold(change: number): boolean;
}

/** What an entry takes beside its bytes. */
const ENTRY = 400;

const NOTHING: readonly Finding[] = [];

/**
 * Observes one connection. Give it the bytes of both directions in the order in which they pass;
 * they may change afterwards. Times are milliseconds since 1970.
 */
export class LinkObserver {
  readonly info: LinkInfo;
  readonly #sink: LinkSink;
  /** `undefined` once nothing is judged any more. */
  #monitor: LinkMonitor | undefined;
  readonly #cutters: { readonly [From in Side]: StreamCutter };
  /** What was found in packets that have not been told yet, by where they begin. */
  readonly #findings: { readonly [From in Side]: Map<number, Finding[]> } = {
    client: new Map(),
    server: new Map(),
  };
  readonly #hasEnded = { client: false, server: false };
  #pending = 0;
  #isClosed = false;
  #time = 0;

  /** With `hides`, secrets are replaced by `*`. */
  constructor(
    place: Pick<LinkInfo, "id" | "client" | "server" | "listener">,
    sessions: SessionMonitor,
    hides: boolean,
    sink: LinkSink,
  ) {
    this.info = {
      ...place,
      protocol: "unknown",
      clientId: undefined,
      sent: { client: { packets: 0, bytes: 0 }, server: { packets: 0, bytes: 0 } },
    };
    this.#sink = sink;
    this.#monitor = new LinkMonitor({
      sessions,
      observe: ({ from, start, findings }) => {
        if (findings.length === 0) return;
        const found = this.#findings[from];
        found.set(start, [...found.get(start) ?? NOTHING, ...findings]);
      },
    });
    this.#cutters = {
      client: this.#cutterOf("client", hides),
      server: this.#cutterOf("server", hides),
    };
  }

  /** Tells that the connection is open. */
  begin(time: number): void {
    this.#tell({ type: "opened" }, time);
  }

  /** Bytes that an end has sent. */
  pass(from: Side, bytes: Uint8Array, time: number): void {
    if (this.#isClosed) return;
    this.#time = time;
    this.info.sent[from].bytes += bytes.length;
    // Before it is told what a packet is, it must be known what was found in it.
    this.#monitor?.[from](bytes, time);
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
    this.#sink.hold(-this.#pending);
    this.#sink.closed(fault, time);
    this.#tell({ type: "closed", fault }, time);
  }

  #finish(from: Side, time: number): void {
    this.#time = time;
    this.#hasEnded[from] = true;
    this.#monitor?.[from === "client" ? "clientEnd" : "serverEnd"](time);
    this.#cutters[from].end();
    this.#hold();
  }

  #cutterOf(from: Side, hides: boolean): StreamCutter {
    return new StreamCutter(hides, {
      piece: (piece) => this.#piece(from, piece),
      bytes: (bytes) => this.#sink.bytes(from, bytes, this.#time),
    });
  }

  #piece(from: Side, piece: Piece): void {
    const { info } = this;
    const found = this.#findings[from];
    const findings = found.get(piece.start) ?? NOTHING;
    found.delete(piece.start);
    if (piece.isPacket) info.sent[from].packets++;
    const clientId = piece.outline?.clientId;
    if (from === "client" && clientId !== undefined) info.clientId = clientId;
    const { protocol } = info;
    this.#tell({ type: "packet", from, protocol, findings, ...piece }, this.#time);
  }

  #tell(
    what: ObservedPacket | WithoutPlace<Exclude<Entry, ObservedPacket>>,
    time: number,
  ): void {
    const bytes = what.type === "packet" ? what.bytes.length : 0;
    this.#sink.entry({ link: this.info, time, room: ENTRY + bytes, ...what });
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

/** What happened, without where and when. */
type WithoutPlace<Type> = Type extends unknown ? Omit<Type, keyof Sized | "link" | "time"> : never;
