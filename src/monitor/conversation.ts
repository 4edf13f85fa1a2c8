// The packets of one connection of MQTT 5.0: each goes to the parts of the model that know its
// rules. What survives the connection is in the session, which one connection has at a time.

import {
  type ConnackPacket,
  type ConnectPacket,
  type DisconnectPacket,
  type Packet,
  type PublishPacket,
  ReasonCode,
} from "../packets/mod.ts";
import { Aliases } from "./aliases.ts";
import { Exchanges } from "./exchanges.ts";
import { type Judge, type Obligation, peerOf, type Side } from "./findings.ts";
import { Handshake } from "./handshake.ts";
import { KeepAlive } from "./keep_alive.ts";
import { type Limits, limitsOfClient, limitsOfServer } from "./limits.ts";
import type { Announced } from "./packet_stream.ts";
import { judgeAnnouncedSize, judgeExplanations, judgePublish, judgeSize } from "./publish_rules.ts";
import { Requests } from "./requests.ts";
import { MonitoredSession, type SessionMonitor, type Unanswered } from "./session_monitor.ts";
import { SubscriptionHistory } from "./subscription_history.ts";

/** What a conversation is judged with. */
export interface ConversationOptions {
  readonly sessions: SessionMonitor;
  /** Milliseconds; see `LinkMonitorOptions`. */
  readonly sessionTolerance: number;
  readonly keepAliveTolerance: number;
}

/** What two ends say to each other on one connection. */
export class Conversation {
  readonly #judge: Judge;
  readonly #sessions: SessionMonitor;
  readonly #sessionTolerance: number;
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
  /** What the Server takes, and the same as long as it is not clear that the Client knows it. */
  #serverLimits: Limits | undefined;
  #untold: Limits | undefined;
  /** The session, and whether it is this connection's. */
  #session = new MonitoredSession();
  #hasSession = false;
  #unanswered: Unanswered | undefined;
  #connectedAt = 0;

  /** One in which nothing has been said. */
  constructor(judge: Judge, options: ConversationOptions) {
    this.#judge = judge;
    this.#sessions = options.sessions;
    this.#sessionTolerance = options.sessionTolerance;
    this.#handshake = new Handshake(judge);
    this.#keepAlive = new KeepAlive(judge, options.keepAliveTolerance);
    this.#requests = new Requests(judge, new SubscriptionHistory(false));
    this.#exchanges = {
      client: new Exchanges("client", judge, this),
      server: new Exchanges("server", judge, this),
    };
    this.#aliases = { client: new Aliases("client", judge), server: new Aliases("server", judge) };
  }

  /** A packet of so many bytes passes. */
  packet(from: Side, packet: Packet, size: number, now: number): void {
    if (!this.#handshake.admits(from, packet.type)) return;
    const limits = this.#limits[from];
    if (limits !== undefined) judgeSize(this.#judge, from, packet, size, limits);
    if (packet.type !== "publish") this.#exchanges[from].other();
    if (from === "server") this.#ofServer(packet, size, now);
    // Who has been refused may not know it yet.
    else if (this.#handshake.state !== "refused") this.#ofClient(packet, size, now);
  }

  /** Of a packet no more passes than its beginning. */
  cutOff(from: Side, announced: Announced): void {
    const limits = this.#limits[from];
    if (limits !== undefined) judgeAnnouncedSize(this.#judge, from, announced, limits);
  }

  #ofClient(packet: Packet, size: number, now: number): void {
    const { client, server } = this.#exchanges;
    this.#keepAlive.heard(packet.type === "pingreq", now);
    if (packet.type === "publish") return this.#publish("client", packet, size, now);
    switch (packet.type) {
      case "connect":
        return this.#connect(packet, now);
      case "puback":
        this.#learn();
        return server.puback(packet);
      case "pubrec":
        this.#learn();
        return server.pubrec(packet, now);
      case "pubrel":
        return client.pubrel(packet, now);
      case "pubcomp":
        this.#learn();
        return server.pubcomp(packet);
      case "subscribe":
        this.#judgeIdentifier("SUBSCRIBE", packet.packetId);
        return this.#requests.subscribe(packet, now);
      case "unsubscribe":
        this.#judgeIdentifier("UNSUBSCRIBE", packet.packetId);
        return this.#requests.unsubscribe(packet, now);
      case "pingreq":
        return this.#requests.pingreq(now);
      case "auth":
        return this.#handshake.authentication.auth("client", packet);
      case "disconnect":
        return this.#disconnect("client", packet, now);
    }
  }

  #ofServer(packet: Packet, size: number, now: number): void {
    const { client, server } = this.#exchanges;
    if (this.#handshake.asked?.wantsProblemInformation === false) {
      judgeExplanations(this.#judge, packet);
    }
    if (this.#hasSession) this.#session.heard(now);
    if (packet.type === "publish") return this.#publish("server", packet, size, now);
    switch (packet.type) {
      case "connack":
        return this.#connack(packet, now);
      case "puback":
        return client.puback(packet);
      case "pubrec":
        return client.pubrec(packet, now);
      case "pubrel":
        return server.pubrel(packet, now);
      case "pubcomp":
        return client.pubcomp(packet);
      case "suback":
        return this.#requests.suback(packet);
      case "unsuback":
        return this.#requests.unsuback(packet);
      case "pingresp":
        return this.#requests.pingresp();
      case "auth":
        return this.#handshake.authentication.auth("server", packet);
      case "disconnect":
        return this.#disconnect("server", packet, now);
    }
  }

  #publish(from: Side, packet: PublishPacket, size: number, now: number): void {
    const judge = this.#judge;
    judgePublish(judge, from, packet, this.#limits[from]);
    const topic = this.#aliases[from].topicOf(packet);
    if (from === "client") {
      if (packet.qos > 0) {
        judge.holds(
          "MQTT-2.2.1-3",
          !this.#requests.uses(packet.packetId),
          () =>
            `sends PUBLISH with Packet Identifier ${packet.packetId}, which is in use for a request`,
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
      () => `sends ${name} with Packet Identifier ${packetId}, which is in use`,
    );
  }

  #connect(packet: ConnectPacket, now: number): void {
    this.#handshake.connect(packet, now);
    this.#know("server", limitsOfClient(packet));
    this.#connectedAt = now;
    if (packet.clientId === "") return;
    this.#session = this.#sessions.of(packet.clientId);
    this.#unanswered = this.#handshake.asked!;
    this.#session.asked(this.#unanswered, now);
  }

  #connack(packet: ConnackPacket, now: number): void {
    this.#handshake.connack(packet, now);
    if (this.#unanswered !== undefined) this.#session.answered(this.#unanswered);
    if (this.#handshake.state === "connected") this.#begin(packet, now);
  }

  /** CONNACK that accepts: the link has a session, an old or a new one. */
  #begin(packet: ConnackPacket, now: number): void {
    const { properties, sessionPresent } = packet;
    const asked = this.#handshake.asked!;
    const limits = this.#serverLimits = limitsOfServer(packet);
    if (limits.maximumQoS < 2) this.#judge.count("MQTT-3.2.2-9");
    if (this.#handshake.isPipelined) this.#untold = limits;
    else this.#know("client", limits);
    this.#keepAlive.begin(asked.keepAlive, properties.serverKeepAlive, now);
    const { assignedClientIdentifier = "" } = properties;
    if (asked.clientId === "" && assignedClientIdentifier !== "") {
      this.#session = this.#sessions.of(assignedClientIdentifier);
    }
    const session = this.#session;
    if (!asked.cleanStart) {
      const expectation = session.expectation(this.#connectedAt, now, this.#sessionTolerance);
      session.judgePresence(this.#judge, sessionPresent, expectation);
    }
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

  #disconnect(from: Side, packet: DisconnectPacket, now: number): void {
    const { sessionExpiryInterval } = this.#handshake.asked!;
    this.#handshake.ending.disconnect(from, packet, sessionExpiryInterval, now);
    this.#judgeReason(from, packet.reasonCode);
    if (from === "server") return this.#keepAlive.disconnected(packet, now);
    this.#keepAlive.end();
    const expiry = packet.properties.sessionExpiryInterval;
    if (this.#hasSession && expiry !== undefined) this.#session.changeExpiry(expiry);
  }

  /** What DISCONNECT says that the other end has done, it must have done. */
  #judgeReason(by: Side, reasonCode: number): void {
    switch (reasonCode) {
      case ReasonCode.receiveMaximumExceeded:
        return this.#exchanges[peerOf(by)].refused();
      case ReasonCode.topicAliasInvalid:
        return this.#aliases[peerOf(by)].refused();
      case ReasonCode.qosNotSupported:
        if (by === "client" || this.#serverLimits === undefined) return;
        this.#judge.holds(
          "MQTT-3.2.2-9",
          this.#serverLimits.maximumQoS < 2,
          () => "ends the connection for a QoS, but has announced no Maximum QoS",
        );
        return;
      case ReasonCode.sessionTakenOver:
        if (this.#unanswered !== undefined && this.#session.isTakenOver(this.#unanswered)) {
          this.#judge.count("MQTT-3.1.4-3");
        }
    }
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

  /** An end has closed its direction. */
  end(from: Side, now: number): void {
    this.#handshake.close(from);
    if (from === "client") this.#keepAlive.end();
    if (!this.#hasSession) return;
    if (from === "server") this.#session.closed(now);
    if (!this.#handshake.ending.isClosed(peerOf(from))) return;
    this.#session.detach = undefined;
    this.#hasSession = false;
  }

  /** Whether the Server has closed its direction, or sent its last packet. */
  get isOver(): boolean {
    return this.#handshake.ending.isOver("server");
  }

  /** What either end still owes; only that it has to close, if `isBlind`. */
  obligations(now: number, isBlind: boolean): Obligation[] {
    const { ending } = this.#handshake;
    const owed = [...this.#handshake.obligations()];
    if (isBlind || ending.isOver("client") || ending.isOver("server")) return owed;
    const { client, server } = this.#exchanges;
    return [
      ...owed,
      ...client.obligations(),
      ...server.obligations(),
      ...this.#requests.obligations(),
      ...this.#keepAlive.obligations(now),
    ];
  }
}
