// One Network Connection, watched from between its ends: the bytes of both directions in the order
// in which they pass. It is no engine: it sends nothing, refuses nothing, and goes by what has
// passed, which is all that an end can know of the other.

import type { ConnackPacket, Packet } from "../packets/mod.ts";
import { Aliases } from "./aliases.ts";
import { Exchanges } from "./exchanges.ts";
import { type Finding, Judge, type Obligation, type Side, subject } from "./findings.ts";
import { Handshake } from "./handshake.ts";
import { KeepAlive } from "./keep_alive.ts";
import { type Limits, limitsOfClient, limitsOfServer } from "./limits.ts";
import { PacketStream, type StreamFault } from "./packet_stream.ts";
import { judgeExplanations, judgePublish, judgeSize } from "./publish_rules.ts";
import { Requests } from "./requests.ts";
import { MonitoredSession, SessionMonitor, type Unanswered } from "./session_monitor.ts";
import { SubscriptionHistory } from "./subscription_history.ts";
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
  readonly #sessions: SessionMonitor;
  readonly #sessionTolerance: number;
  readonly #streams: { readonly [From in Side]: PacketStream };
  readonly #handshake: Handshake;
  readonly #keepAlive: KeepAlive;
  readonly #requests: Requests;
  readonly #exchanges: { readonly [From in Side]: Exchanges };
  readonly #aliases: { readonly [From in Side]: Aliases };
  /** What the receiver of an end's packets takes; `undefined` where that end may not know it. */
  readonly #limits: { [From in Side]: Limits | undefined } = {
    client: undefined,
    server: undefined,
  };
  /** What the Server takes, until it is clear that the Client knows it. */
  #untold: Limits | undefined;
  /** The session, and whether it is this link's. */
  #session = new MonitoredSession();
  #hasSession = false;
  #unanswered: Unanswered | undefined;
  #connectedAt = 0;
  #firstByte: number | undefined;
  /** When the Client's bytes stopped making sense. */
  #malformedAt: number | undefined;

  /** Watches a connection from its first byte on. */
  constructor(options: LinkMonitorOptions = {}) {
    const { largestPacket = LARGEST_PACKET, keepAliveTolerance = 1000 } = options;
    this.#tally = options.tally ?? new Tally();
    this.#judge = new Judge(this.#tally);
    this.#observe = options.observe;
    this.#sessions = options.sessions ?? new SessionMonitor();
    this.#sessionTolerance = options.sessionTolerance ?? 5000;
    this.#streams = {
      client: new PacketStream(largestPacket),
      server: new PacketStream(largestPacket),
    };
    this.#handshake = new Handshake(this.#judge);
    this.#keepAlive = new KeepAlive(this.#judge, keepAliveTolerance);
    this.#requests = new Requests(this.#judge, new SubscriptionHistory(false));
    this.#exchanges = {
      client: new Exchanges("client", this.#judge, this),
      server: new Exchanges("server", this.#judge, this),
    };
    this.#aliases = {
      client: new Aliases("client", this.#judge),
      server: new Aliases("server", this.#judge),
    };
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
    const { client, server } = this.#exchanges;
    const handshake = this.#handshake;
    if (this.protocol !== "MQTT 5.0") return [];
    const owed = [...handshake.obligations()];
    if (this.#malformedAt !== undefined && !handshake.isOver("server")) {
      owed.push({
        statement: "MQTT-4.13.1-1",
        by: "server",
        since: this.#malformedAt,
        message: "The Server has not closed the connection after a Malformed Packet",
      });
    }
    if (this.#judge.isBlind || handshake.isOver("client") || handshake.isOver("server")) {
      return owed;
    }
    return [
      ...owed,
      ...client.obligations(),
      ...server.obligations(),
      ...this.#requests.obligations(),
      ...this.#keepAlive.obligations(now),
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
    const judge = this.#judge;
    const size = end - start;
    judge.by = from;
    if (this.protocol === "unknown") this.protocol = "MQTT 5.0";
    this.#tally.countPacket(packet.type);
    if (this.#handshake.admits(from, packet.type)) {
      if (from === "server") this.#ofServer(packet, size, now);
      else this.#ofClient(packet, size, now);
    }
    this.#tell(from, packet, start, size, now);
  }

  #tell(from: Side, packet: Packet | undefined, start: number, size: number, now: number): void {
    const findings = this.#judge.take();
    if (packet === undefined && findings.length === 0) return;
    this.#observe?.({ from, now, start, size, packet, findings });
  }

  #ofClient(packet: Packet, size: number, now: number): void {
    const { client, server } = this.#exchanges;
    if (this.#handshake.state === "refused") return;
    const limits = this.#limits.client;
    if (limits !== undefined) judgeSize(this.#judge, "client", packet, size, limits);
    this.#keepAlive.heard(packet.type === "pingreq", now);
    if (packet.type === "publish") return this.#publish("client", packet, size, now);
    client.other();
    switch (packet.type) {
      case "connect": {
        this.#handshake.connect(packet, now);
        this.#know("server", limitsOfClient(packet));
        this.#connectedAt = now;
        if (packet.clientId === "") break;
        this.#session = this.#sessions.of(packet.clientId);
        this.#unanswered = this.#handshake.asked!;
        this.#session.asked(this.#unanswered, now);
        break;
      }
      case "puback":
        this.#learn();
        server.puback(packet);
        break;
      case "pubrec":
        this.#learn();
        server.pubrec(packet, now);
        break;
      case "pubrel":
        client.pubrel(packet, now);
        break;
      case "pubcomp":
        this.#learn();
        server.pubcomp(packet);
        break;
      case "subscribe":
        this.#judgeIdentifier("SUBSCRIBE", packet.packetId);
        this.#requests.subscribe(packet, now);
        break;
      case "unsubscribe":
        this.#judgeIdentifier("UNSUBSCRIBE", packet.packetId);
        this.#requests.unsubscribe(packet, now);
        break;
      case "pingreq":
        this.#requests.pingreq(now);
        break;
      case "auth":
        this.#handshake.auth("client", packet);
        break;
      case "disconnect":
        this.#handshake.disconnect("client", packet, now);
        this.#keepAlive.end();
        if (this.#hasSession && packet.properties.sessionExpiryInterval !== undefined) {
          this.#session.changeExpiry(packet.properties.sessionExpiryInterval);
        }
        break;
    }
  }

  #ofServer(packet: Packet, size: number, now: number): void {
    const { client, server } = this.#exchanges;
    const limits = this.#limits.server;
    if (limits !== undefined) judgeSize(this.#judge, "server", packet, size, limits);
    if (this.#handshake.asked?.wantsProblemInformation === false) {
      judgeExplanations(this.#judge, packet);
    }
    if (this.#hasSession) this.#session.heard(now);
    if (packet.type === "publish") return this.#publish("server", packet, size, now);
    server.other();
    switch (packet.type) {
      case "connack":
        this.#handshake.connack(packet, now);
        if (this.#unanswered !== undefined) this.#session.answered(this.#unanswered);
        if (this.#handshake.state === "connected") this.#begin(packet, now);
        break;
      case "puback":
        client.puback(packet);
        break;
      case "pubrec":
        client.pubrec(packet, now);
        break;
      case "pubrel":
        server.pubrel(packet, now);
        break;
      case "pubcomp":
        client.pubcomp(packet);
        break;
      case "suback":
        this.#requests.suback(packet);
        break;
      case "unsuback":
        this.#requests.unsuback(packet);
        break;
      case "pingresp":
        this.#requests.pingresp();
        break;
      case "auth":
        this.#handshake.auth("server", packet);
        break;
      case "disconnect":
        this.#handshake.disconnect("server", packet, now);
        this.#keepAlive.disconnected(packet, now);
        break;
    }
  }

  #publish(from: Side, packet: Packet & { type: "publish" }, size: number, now: number): void {
    const judge = this.#judge;
    judgePublish(judge, from, packet, this.#limits[from]);
    const topic = this.#aliases[from].topicOf(packet);
    if (from === "client") {
      if (packet.qos > 0) {
        judge.holds(
          "MQTT-2.2.1-3",
          !this.#requests.uses(packet.packetId),
          () =>
            `The Client sends PUBLISH with Packet Identifier ${packet.packetId}, ` +
            "which is in use for a request",
        );
      }
    } else if (topic !== undefined && this.#hasSession) {
      this.#requests.subscriptions.judge(judge, packet, topic);
    }
    this.#exchanges[from].publish(packet, topic, size, now);
  }

  #judgeIdentifier(name: string, packetId: number): void {
    const isInUse = this.#requests.uses(packetId) || this.#exchanges.client.uses(packetId);
    this.#judge.holds(
      "MQTT-2.2.1-3",
      !isInUse,
      () => `The Client sends ${name} with Packet Identifier ${packetId}, which is in use`,
    );
  }

  /** CONNACK that accepts: the link has a session, an old or a new one. */
  #begin(packet: ConnackPacket, now: number): void {
    const { properties, sessionPresent } = packet;
    const asked = this.#handshake.asked!;
    const limits = limitsOfServer(packet);
    if (this.#handshake.isPipelined) this.#untold = limits;
    else this.#know("client", limits);
    this.#keepAlive.begin(asked.keepAlive, properties.serverKeepAlive, now);
    const { assignedClientIdentifier = "" } = properties;
    if (asked.clientId === "" && assignedClientIdentifier !== "") {
      this.#session = this.#sessions.of(assignedClientIdentifier);
    }
    const session = this.#session;
    if (!asked.cleanStart) this.#judgePresence(session, sessionPresent, now);
    session.detach?.();
    session.detach = () => this.#detach();
    this.#hasSession = true;
    const { client, server } = this.#exchanges;
    if (sessionPresent) {
      client.resume(session.flights.client, now);
      server.resume(session.flights.server, now);
    } else session.replace({ client: client.begin(), server: server.begin() });
    this.#requests.attach(session.subscriptions);
    session.begin(properties.sessionExpiryInterval ?? asked.sessionExpiryInterval, now);
  }

  #judgePresence(session: MonitoredSession, isPresent: boolean, now: number): void {
    const judge = this.#judge;
    const expectation = session.expectation(this.#connectedAt, now, this.#sessionTolerance);
    if (expectation !== undefined) {
      judge.holds(
        "MQTT-3.2.2-3",
        isPresent === (expectation === "present"),
        () =>
          expectation === "present"
            ? "The Server says that there is no session, though it has not expired"
            : "The Server says that a session is present, though it has expired",
      );
      if (expectation === "absent") judge.count("MQTT-4.1.0-2");
    }
    judge.count(isPresent ? "MQTT-3.1.2-5" : "MQTT-3.1.2-6");
    if (isPresent) judge.count("MQTT-3.1.2-23");
  }

  #detach(): void {
    this.#hasSession = false;
    this.#exchanges.client.detach();
    this.#exchanges.server.detach();
    this.#requests.subscriptions = new SubscriptionHistory(false);
  }

  /** `from` knows what the other end takes. */
  #know(from: Side, limits: Limits): void {
    this.#limits[from] = limits;
    this.#exchanges[from].limits = limits;
    this.#aliases[from].limits = limits;
    if (from === "client") this.#requests.limits = limits;
  }

  /** The Client answers what came after CONNACK, so it has read that. */
  #learn(): void {
    if (this.#untold === undefined) return;
    this.#know("client", this.#untold);
    this.#untold = undefined;
  }

  #fault(from: Side, fault: StreamFault, start: number, now: number): void {
    const judge = this.#judge;
    const { otherVersion, statement, section, message } = fault;
    judge.by = from;
    if (otherVersion !== undefined) {
      this.protocol = otherVersion === 4 ? "MQTT 3.1.1" : otherVersion === 3 ? "MQTT 3.1" : "other";
      if (from === "server") judge.warn("3.2", "The Server answers in the form of MQTT 3");
    } else if (this.protocol === "unknown" && this.#firstByte !== CONNECT) {
      this.protocol = "other";
    } else if (judge.isBlind) {
      return;
    } else if (fault.isTooLarge) {
      judge.warn(
        "2.1.4",
        `${subject(from)} sends a packet larger than the monitor reads; what follows is not judged`,
      );
    } else {
      this.protocol = "MQTT 5.0";
      judge.malformed(statement, section, message);
      if (from === "client") this.#malformedAt = now;
    }
    judge.isBlind = true;
    this.#tell(from, undefined, start, 0, now);
  }

  #end(from: Side, now: number): void {
    this.#judge.by = from;
    this.#handshake.end(from);
    if (from === "client") this.#keepAlive.end();
    if (!this.#hasSession) return;
    if (from === "server") this.#session.closed(now);
  }
}
