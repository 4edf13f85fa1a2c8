// Reads a capture that `inspect --write` has recorded, and explains its packets with what was found
// in them, as `inspect` does while they pass.

import type { Side } from "../../monitor/mod.ts";
import type { Context } from "../context.ts";
import { Failure } from "../failure.ts";
import { EntryFormatter } from "./format.ts";
import { type Segment, segmentOf } from "./frames.ts";
import type { Entry, LinkObserver } from "./link_observer.ts";
import { Observer } from "./observer.ts";
import { CaptureError, framesOf } from "./pcapng.ts";

/** Explains a capture. Resolves to the exit code: 1 if a packet is malformed. */
export async function explainCapture(
  { stdout, signal }: Context,
  full: boolean,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  // What is secret in it is hidden already, unless it was to be shown.
  const observer = new Observer({ showsSecrets: true });
  const cursor = observer.follow();
  const formatter = new EntryFormatter(stdout, { full });
  const encoder = new TextEncoder();
  let exitCode = 0;
  const show = async () => {
    const { missed, entries } = cursor.take(Infinity);
    const lost = missed === 0 ? "" : formatter.missed(missed);
    const text = lost + entries.map((entry) => formatter.format(entry)).join("");
    if (entries.some(isBroken)) exitCode = 1;
    if (text !== "") await stdout.writeBytes(encoder.encode(text));
    signal.throwIfAborted();
  };
  try {
    const connections = new Connections(observer);
    for await (const { frame, time } of framesOf(asynchronous(chunks))) {
      const segment = segmentOf(frame);
      if (segment === undefined) throw new CaptureError("The capture is damaged");
      connections.take(segment, time);
      await show();
    }
    connections.end();
    await show();
    return exitCode;
  } catch (error) {
    if (error instanceof CaptureError) throw new Failure(error.message);
    throw error;
  }
}

/** Whether a packet could not be read to its end. */
function isBroken(entry: Entry): boolean {
  return entry.type === "missing" || entry.type === "packet" &&
      (!entry.isPacket || entry.findings.some(({ severity }) => severity === "violation"));
}

async function* asynchronous(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** A connection in the capture. */
interface Connection {
  readonly link: LinkObserver;
  /** The address of the client, by which its frames are told from the server's. */
  readonly client: string;
  /** The sequence number of the next byte of each end. */
  readonly next: { client: number; server: number };
  readonly hasEnded: { client: boolean; server: boolean };
}

/** Puts segments together again. */
class Connections {
  readonly #observer: Observer;
  readonly #open = new Map<string, Connection>();
  #time = 0;

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  take(segment: Segment, time: number): void {
    this.#time = time;
    const { from, to, data, sequence } = segment;
    const key = [from, to].toSorted().join(" ");
    let connection = this.#open.get(key);
    if (connection === undefined || segment.isOpening && from === connection.client) {
      if (connection !== undefined) this.#close(key, connection);
      connection = this.#opened(segment, time);
      this.#open.set(key, connection);
    }
    const side: Side = from === connection.client ? "client" : "server";
    if (segment.isOpening) return;
    const missing = sequence - connection.next[side] >>> 0;
    if (missing > 0) connection.link.skip(side, missing, time);
    connection.next[side] = sequence + data.length + (segment.isEnd ? 1 : 0) >>> 0;
    if (data.length > 0) connection.link.pass(side, data, time);
    if (segment.isReset) return this.#close(key, connection, "the connection broke");
    if (!segment.isEnd) return;
    connection.link.end(side, time);
    connection.hasEnded[side] = true;
    if (connection.hasEnded.client && connection.hasEnded.server) this.#close(key, connection);
  }

  /** The capture ends. */
  end(): void {
    for (const [key, connection] of this.#open) this.#close(key, connection);
  }

  /** The first segment of a connection; if its beginning is missing, the server has port 1883. */
  #opened({ from, to }: Segment, time: number): Connection {
    const isFromServer = from.endsWith(":1883") && !to.endsWith(":1883");
    const [client, server] = isFromServer ? [to, from] : [from, to];
    const link = this.#observer.open({ client, server, listener: server }, time);
    return {
      link,
      client,
      next: { client: 1, server: 1 },
      hasEnded: { client: false, server: false },
    };
  }

  #close(key: string, { link }: Connection, fault?: string): void {
    this.#open.delete(key);
    link.close(fault, this.#time);
  }
}
