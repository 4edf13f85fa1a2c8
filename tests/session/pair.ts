// A client and a server joined by two pipes in memory, with a clock that the test moves. Bytes arrive in chunks of any size;
// the link can be cut behind any byte of either direction, and what is on its way then is lost. Sessions outlive the pair:
// give them to the next one.

import { assert } from "@std/assert";
import {
  type ConnectInit,
  type Packet,
  PacketDecoder,
  type PropertiesOf,
} from "../../src/packets/mod.ts";
import { ClientConnection } from "../../src/session/client_connection.ts";
import type { ConnectionEvent } from "../../src/session/events.ts";
import { ServerConnection } from "../../src/session/server_connection.ts";
import type { Session } from "../../src/session/session.ts";
import type { TopicAliasMode } from "../../src/session/topic_alias.ts";

/** One of the two ends. */
export type Side = "client" | "server";

/** The other end. */
export function otherSide(side: Side): Side {
  return side === "client" ? "server" : "client";
}

/** Behind which byte of which direction a link is cut. */
export interface Cut {
  /** Who sends the byte. */
  readonly from: Side;
  /** How many bytes arrive before. */
  readonly after: number;
}

/** What a pair is made with. */
export interface PairOptions {
  readonly sessions: Readonly<Record<Side, Session>>;
  /** Whether the server says that it has the session. */
  readonly sessionPresent: boolean;
  readonly connect?: Partial<ConnectInit>;
  readonly connack?: PropertiesOf<"connack">;
  readonly topicAliases?: TopicAliasMode;
  readonly cut?: Cut | undefined;
  /** How many bytes arrive at once. Default: all there are. */
  readonly chunk?: () => number;
  readonly now: number;
  /** Is told every event, but that of CONNECT, which is accepted. */
  readonly onEvent: (side: Side, event: ConnectionEvent) => void;
  /** Is told every packet, when it is sent and when all of it has arrived. */
  readonly onPacket?: (what: "sent" | "arrived", from: Side, packet: Packet) => void;
}

/** One link between a client and a server. */
export class Pair {
  readonly connections: { readonly client: ClientConnection; readonly server: ServerConnection };
  /** The time, in milliseconds. */
  now: number;
  readonly #options: PairOptions;
  readonly #pipes: Readonly<Record<Side, Pipe>>;

  constructor(options: PairOptions) {
    const { sessions, topicAliases, connect, now, cut } = options;
    this.#options = options;
    this.now = now;
    this.#pipes = { client: new Pipe(), server: new Pipe() };
    if (cut !== undefined) this.#pipes[cut.from].end = cut.after;
    this.connections = {
      client: new ClientConnection(now, {
        session: sessions.client,
        topicAliases,
        connect: {
          type: "connect",
          clientId: sessions.client.clientId,
          ...connect,
          properties: { sessionExpiryInterval: 3600, ...connect?.properties },
        },
      }),
      server: new ServerConnection(now, { topicAliases }),
    };
    this.collect();
  }

  /** Whether the link is there no more. */
  get isOver(): boolean {
    return this.connections.client.isClosed && this.connections.server.isClosed;
  }

  /** Brings bytes over until nothing moves any more, or the link is cut. */
  run(): void {
    for (let isMoving = true; isMoving;) {
      isMoving = this.deliver("client");
      isMoving = this.deliver("server") || isMoving;
    }
  }

  /** Brings one chunk over. False when there is none. */
  deliver(from: Side): boolean {
    const pipe = this.#pipes[from];
    if (this.isOver || pipe.length === 0 && !pipe.isAtEnd) return false;
    const chunk = pipe.take(this.#options.chunk?.() ?? Infinity);
    const to = this.connections[otherSide(from)];
    // An end that is over takes nothing more.
    if (chunk.length > 0 && !to.isClosed) {
      to.receive(chunk, this.now);
      this.#tell("arrived", from, pipe.arrived, chunk);
    }
    this.collect();
    if (pipe.isAtEnd) this.cut();
    return true;
  }

  /** Cuts the link: what is on its way is lost. */
  cut(): void {
    for (const side of ["client", "server"] as const) {
      this.connections[side].receiveEnd(this.now);
      this.#pipes[side].clear();
    }
    this.collect();
  }

  /** Time passes, with a tick at every deadline on the way, and what is sent arrives. */
  advance(milliseconds: number): void {
    const until = this.now + milliseconds;
    const { client, server } = this.connections;
    for (;;) {
      const next = Math.min(client.deadline, server.deadline);
      if (next > until) break;
      assert(next > this.now, "a deadline stays where it was");
      this.now = next;
      this.collect();
      this.run();
    }
    this.now = until;
  }

  /** To be called after any call of a connection: says what time it is, takes bytes, takes events. */
  collect(): void {
    for (const connection of Object.values(this.connections)) connection.tick(this.now);
    while (this.#collect("client") + this.#collect("server") > 0);
    for (const side of ["client", "server"] as const) {
      // An end that is over closes the link once its last bytes have arrived.
      if (!this.connections[side].isClosed || this.#pipes[side].length > 0) continue;
      const other = this.connections[otherSide(side)];
      if (other.isClosed) continue;
      other.receiveEnd(this.now);
      this.#collect(otherSide(side));
    }
  }

  /** How many bytes have been sent from one side. */
  sentFrom(side: Side): number {
    return this.#pipes[side].total;
  }

  #collect(side: Side): number {
    const connection = this.connections[side];
    const pipe = this.#pipes[side];
    let count = 0;
    for (let bytes = connection.takeBytes(); bytes; bytes = connection.takeBytes()) {
      this.#tell("sent", side, pipe.sent, bytes);
      if (!this.isOver) pipe.put(bytes);
      count++;
    }
    for (let event = connection.nextEvent(); event; event = connection.nextEvent()) {
      if (event.type === "connect") this.#accept();
      else this.#options.onEvent(side, event);
      count++;
    }
    return count;
  }

  #accept(): void {
    const { sessions, sessionPresent, connack } = this.#options;
    this.connections.server.accept(sessions.server, {
      type: "connack",
      sessionPresent,
      properties: connack,
    });
  }

  #tell(what: "sent" | "arrived", from: Side, decoder: PacketDecoder, bytes: Uint8Array): void {
    const { onPacket } = this.#options;
    if (onPacket === undefined) return;
    decoder.push(bytes.slice());
    for (let packet = decoder.next(); packet; packet = decoder.next()) onPacket(what, from, packet);
  }
}

/** One direction of a link. */
class Pipe {
  /** Behind how many bytes the link is cut. */
  end = Infinity;
  /** How many bytes have been put in. */
  total = 0;
  /** For those who watch. */
  readonly sent = new PacketDecoder();
  readonly arrived = new PacketDecoder();
  #bytes = new Uint8Array(0);
  #taken = 0;

  get length(): number {
    return this.#bytes.length;
  }

  get isAtEnd(): boolean {
    return this.#taken >= this.end;
  }

  /** Puts bytes in, as a copy: whoever sends them uses their memory again. */
  put(bytes: Uint8Array): void {
    const more = new Uint8Array(this.#bytes.length + bytes.length);
    more.set(this.#bytes);
    more.set(bytes, this.#bytes.length);
    this.#bytes = more;
    this.total += bytes.length;
  }

  /** Takes at most so many bytes out, none behind the end. */
  take(count: number): Uint8Array {
    const chunk = this.#bytes.subarray(0, Math.min(count, this.end - this.#taken));
    this.#bytes = this.#bytes.slice(chunk.length);
    this.#taken += chunk.length;
    return chunk;
  }

  clear(): void {
    this.#bytes = new Uint8Array(0);
  }
}
