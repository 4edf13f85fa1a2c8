// One Network Connection, watched from between its ends: the bytes of both directions in the order
// in which they pass. It is no engine: it sends nothing, refuses nothing, and goes by what has
// passed, which is all that an end can know of the other.

import type { Packet } from "../packets/mod.ts";
import { Conversation } from "./conversation.ts";
import { type Finding, Judge, type Obligation, type Side } from "./findings.ts";
import { PacketStream, type StreamFault } from "./packet_stream.ts";
import { SessionMonitor } from "./session_monitor.ts";
import { Tally } from "./tally.ts";

/** What a link speaks. */
export type Protocol = "unknown" | "MQTT 5.0" | "MQTT 3.1.1" | "MQTT 3.1" | "other";

/** A packet as it passed, or bytes that are none. */
export interface Observed {
  /** Who sent it. */
  readonly from: Side;
  /** When it was whole, in the milliseconds that the monitor was given. */
  readonly now: number;
  /** Its first byte, counted from the beginning of the direction. */
  readonly start: number;
  /** How many bytes it has; 0 for bytes that are no packet. */
  readonly size: number;
  /** The packet, whose payload is a view of the bytes; `undefined` for bytes that are none. */
  readonly packet: Packet | undefined;
  /** Which rules it breaks; most often none. */
  readonly findings: readonly Finding[];
}

/** What a monitor works with. */
export interface LinkMonitorOptions {
  /** What the links of one server have in common. Default: this link stands alone. */
  readonly sessions?: SessionMonitor | undefined;
  /** Where to count the statements that are judged. Default: one of the link's own. */
  readonly tally?: Tally | undefined;
  /** Is told of every packet, at once. */
  readonly observe?: ((observed: Observed) => void) | undefined;
  /**
   * How many milliseconds of a Client's silence beyond its Keep Alive are forgiven, and how much
   * earlier than expected a Server may end the connection for it. `Infinity`: all. Default: 1000.
   */
  readonly keepAliveTolerance?: number | undefined;
  /**
   * How many milliseconds around its Session Expiry Interval a session may be there or not.
   * `Infinity`: it may be there or not at any time. Default: 5000.
   */
  readonly sessionTolerance?: number | undefined;
  /**
   * The largest packet that is read, in bytes; behind a larger one the link is not judged any
   * further. Default: 16 MiB.
   */
  readonly largestPacket?: number | undefined;
}

const LARGEST_PACKET = 16 * 1024 * 1024;

/** The first byte of a CONNECT. */
const CONNECT = 0x10;

/**
 * Judges one Network Connection by the normative statements of MQTT 5.0.
 *
 * Give it every byte of both directions in the order in which they pass one place, which may be
 * anywhere between the ends, and say when each direction ends. It never throws for what they are,
 * never accuses an end of what that may rightly do, however slow the link is, and keeps no more
 * than 65,535 Packet Identifiers for each direction. Links of other versions of MQTT, and of other
 * protocols, are recognized and left alone.
 */
export class LinkMonitor {
  /** What the link speaks, as far as it has said. */
  protocol: Protocol = "unknown";
  readonly #tally: Tally;
  readonly #judge: Judge;
  readonly #observe: ((observed: Observed) => void) | undefined;
  readonly #streams: { readonly [From in Side]: PacketStream };
  readonly #conversation: Conversation;
  readonly #largestPacket: number;
  #firstByte: number | undefined;
  /** When the Client's bytes stopped making sense. */
  #malformedAt: number | undefined;

  /** Watches a connection from its first byte on. */
  constructor(options: LinkMonitorOptions = {}) {
    const { largestPacket = LARGEST_PACKET } = options;
    this.#largestPacket = largestPacket;
    this.#tally = options.tally ?? new Tally();
    this.#judge = new Judge(this.#tally);
    this.#observe = options.observe;
    this.#streams = {
      client: new PacketStream(largestPacket),
      server: new PacketStream(largestPacket),
    };
    this.#conversation = new Conversation(this.#judge, {
      sessions: options.sessions ?? new SessionMonitor(),
      sessionTolerance: options.sessionTolerance ?? 5000,
      keepAliveTolerance: options.keepAliveTolerance ?? 1000,
    });
  }

  /** How often each normative statement was judged, by statement, such as `"MQTT-3.3.4-9"`. */
  get exercised(): ReadonlyMap<string, number> {
    return this.#tally.exercised;
  }

  /** Bytes that the Client sent pass at `now`, in milliseconds. */
  client(bytes: Uint8Array, now: number): void {
    this.#pass("client", bytes, now);
  }

  /** Bytes that the Server sent pass at `now`, in milliseconds. */
  server(bytes: Uint8Array, now: number): void {
    this.#pass("server", bytes, now);
  }

  /** Nothing more comes from the Client: it has closed the connection, or it was cut. */
  clientEnd(now: number): void {
    this.#end("client", now);
  }

  /** Nothing more comes from the Server: it has closed the connection, or it was cut. */
  serverEnd(now: number): void {
    this.#end("server", now);
  }

  /**
   * What either end still owes at `now`. Answers take their time: it is for the caller to say how
   * much of it is too much.
   */
  obligations(now: number): Obligation[] {
    if (this.protocol !== "MQTT 5.0") return [];
    const owed = this.#conversation.obligations(now, this.#judge.isBlind);
    if (this.#malformedAt === undefined || this.#conversation.isOver) return owed;
    const message = "The Server has not closed the connection after a Malformed Packet";
    return [
      ...owed,
      { statement: "MQTT-4.13.1-1", by: "server", since: this.#malformedAt, message },
    ];
  }

  #pass(from: Side, bytes: Uint8Array, now: number): void {
    if (this.#isLeftAlone) return;
    const stream = this.#streams[from];
    if (from === "client") this.#firstByte ??= bytes[0];
    stream.push(bytes);
    for (let packet = stream.next(); packet !== undefined; packet = stream.next()) {
      this.#packet(from, packet, stream, now);
      if (this.#isLeftAlone) return;
    }
    if (stream.fault !== undefined) this.#fault(from, stream.fault, stream.start, now);
  }

  get #isLeftAlone(): boolean {
    return this.protocol !== "unknown" && this.protocol !== "MQTT 5.0";
  }

  #packet(from: Side, packet: Packet, { start, end }: PacketStream, now: number): void {
    if (this.protocol === "unknown") this.protocol = "MQTT 5.0";
    this.#judge.by = from;
    this.#tally.countPacket(packet.type);
    this.#conversation.packet(from, packet, end - start, now);
    this.#tell(from, packet, start, end - start, now);
  }

  #tell(from: Side, packet: Packet | undefined, start: number, size: number, now: number): void {
    const findings = this.#judge.take();
    if (packet === undefined && findings.length === 0) return;
    this.#observe?.({ from, now, start, size, packet, findings });
  }

  #fault(from: Side, fault: StreamFault, start: number, now: number): void {
    const judge = this.#judge;
    const { otherVersion, statement, section, message } = fault;
    judge.by = from;
    if (otherVersion !== undefined) {
      this.protocol = otherVersion === 4 ? "MQTT 3.1.1" : otherVersion === 3 ? "MQTT 3.1" : "other";
      if (from === "server") judge.warn("3.2", "answers in the form of MQTT 3");
    } else if (this.protocol === "unknown" && this.#firstByte !== CONNECT) {
      this.protocol = "other";
    } else if (judge.isBlind) {
      return;
    } else if (fault.isTooLarge) {
      this.#cutOff(from);
      const limit = `more than the ${this.#largestPacket} bytes that the monitor reads`;
      judge.warn("2.1.4", `sends a packet of ${limit}: nothing is judged from here on`);
    } else {
      this.protocol = "MQTT 5.0";
      judge.malformed(statement, section, message);
      if (from === "client") this.#malformedAt = now;
    }
    judge.isBlind = true;
    this.#tell(from, undefined, start, 0, now);
  }

  /** The packet at hand is not read to its end: all that is known of it is its fixed header. */
  #cutOff(from: Side): void {
    const { announced } = this.#streams[from];
    if (announced !== undefined) this.#conversation.cutOff(from, announced);
  }

  #end(from: Side, now: number): void {
    this.#judge.by = from;
    if (from === "server" && this.#malformedAt !== undefined) this.#tally.count("MQTT-4.13.1-1");
    const { fault, start } = this.#streams[from];
    if (fault === undefined && !this.#isLeftAlone) {
      this.#cutOff(from);
      this.#tell(from, undefined, start, 0, now);
    }
    this.#conversation.end(from, now);
  }
}
