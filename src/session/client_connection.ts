// A Network Connection as the Client has it: §3.1 CONNECT to §3.2 CONNACK, with §4.12 enhanced
// authentication between them, then SUBSCRIBE, UNSUBSCRIBE, PINGREQ and re-authentication.

import type { PacketError } from "../errors.ts";
import {
  type AuthPacket,
  type ConnackPacket,
  type ConnectInit,
  type DisconnectInit,
  type DisconnectPacket,
  isFailure,
  type Packet,
  type PropertiesOf,
  ReasonCode,
  type ReasonCodeOf,
} from "../packets/mod.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import {
  checkClientsDisconnect,
  checkDisconnectOfServer,
  mayDisconnectWith,
} from "./disconnecting.ts";
import type { ConnectionEvent } from "./events.ts";
import { isFromWrongEnd, protocolError, unexpectedPacket } from "./protocol_errors.ts";
import { ClientKeepAlive } from "./keep_alive.ts";
import { type Capabilities, capabilitiesOf } from "./capabilities.ts";
import {
  PendingRequests,
  type SubscribeRequest,
  type UnsubscribeRequest,
} from "./pending_requests.ts";
import type { Session } from "./session.ts";

/** What a Client's connection is made with. */
export interface ClientConnectionOptions extends Pick<ConnectionOptions, "topicAliases"> {
  /** The packet to begin with. */
  readonly connect: ConnectInit;
  /** The session to go on with. */
  readonly session: Session;
  /**
   * How long a PINGRESP may take, in milliseconds; by default half the Keep Alive, at most 10,000.
   */
  readonly pingTimeout?: number | undefined;
}

/**
 * The packets in which a Server may explain itself to a Client that asked it not to (§3.1.2.11.7).
 */
const ALWAYS_EXPLAINED: readonly string[] = ["publish", "connack", "disconnect"];

/**
 * The size of an acknowledgement with a Reason Code: a Server that takes less cannot be answered.
 */
const LEAST_PACKET_SIZE = 5;

/** What one end may be doing about authentication (§4.12). */
type Authentication = "none" | "connecting" | "done" | "again";

/** A Client's end of a connection. */
export class ClientConnection extends Connection {
  readonly #connect: ConnectInit;
  readonly #session: Session;
  readonly #pingTimeout: number | undefined;
  readonly #requests: PendingRequests;
  #keepAlive: ClientKeepAlive | undefined;
  #server: Capabilities | undefined;
  #authentication: Authentication;
  /** Whether the Server has asked for a step of authentication that has not been taken. */
  #isAsked = false;

  /**
   * Begins with the CONNECT [MQTT-3.1.0-1].
   *
   * @throws {TypeError} when a field of it is wrong
   * @throws {RangeError} when a field is out of its range
   */
  constructor(
    now: number,
    { connect, session, pingTimeout, topicAliases }: ClientConnectionOptions,
  ) {
    const { maximumPacketSize } = connect.properties ?? {};
    super(now, { maximumPacketSize, topicAliases });
    this.#connect = connect;
    this.#session = session;
    this.#pingTimeout = pingTimeout;
    this.#requests = new PendingRequests(session, this.writeBuffer);
    this.#authentication = connect.properties?.authenticationMethod === undefined
      ? "none"
      : "connecting";
    this.writeBuffer.write(connect);
  }

  /**
   * What the Server takes.
   *
   * @throws {TypeError} when there is no connection
   */
  get server(): Capabilities {
    return this.#requireServer();
  }

  /**
   * Asks for subscriptions (§3.8). Returns the Packet Identifier that the SUBACK will have; 0 when
   * none is free, and then nothing was sent.
   *
   * @throws {TypeError} when a field is wrong, or the Server does not have what is asked for
   * @throws {RangeError} when a field is out of its range
   */
  subscribe(request: SubscribeRequest): number {
    return this.#requests.subscribe(request, this.#requireServer());
  }

  /**
   * Ends subscriptions (§3.10). Returns the Packet Identifier that the UNSUBACK will have; 0 when
   * none is free, and then nothing was sent.
   *
   * @throws {TypeError} when a field is wrong
   * @throws {RangeError} when a field is out of its range
   */
  unsubscribe(request: UnsubscribeRequest): number {
    this.#requireServer();
    return this.#requests.unsubscribe(request);
  }

  /**
   * Refuses an UNSUBSCRIBE that cannot be sent, and does nothing: to be asked before anything is
   * done that it is to tell.
   *
   * @throws {TypeError} when a field is wrong
   * @throws {RangeError} when a field is out of its range
   * @throws {PacketTooLargeError} when it is larger than the Server takes
   */
  checkUnsubscribe(request: UnsubscribeRequest): void {
    this.writeBuffer.check({ ...request, packetId: 1 });
  }

  /**
   * Answers an AUTH of the Server with the next step [MQTT-4.12.0-3], or begins to authenticate
   * again when nothing is to be answered [MQTT-4.12.1-1].
   *
   * @throws {TypeError} when CONNECT had no Authentication Method [MQTT-4.12.0-7], or no step is
   *   this end's to take
   */
  authenticate(properties: Omit<PropertiesOf<"auth">, "authenticationMethod">): void {
    const authenticationMethod = this.#connect.properties?.authenticationMethod;
    if (authenticationMethod === undefined) {
      throw new TypeError("There is no authentication without an authenticationMethod in CONNECT");
    }
    if (this.isClosed) return;
    const isFirst = this.#authentication === "done";
    if (!isFirst && !this.#isAsked) {
      throw new TypeError("The server has not asked for a step of authentication");
    }
    this.writeBuffer.write({
      type: "auth",
      reasonCode: isFirst ? ReasonCode.reauthenticate : ReasonCode.continueAuthentication,
      properties: { ...properties, authenticationMethod },
    });
    this.#isAsked = false;
    if (isFirst) this.#authentication = "again";
  }

  override checkDisconnect(packet: DisconnectInit): void {
    checkClientsDisconnect(packet, this.#connect.properties?.sessionExpiryInterval);
    super.checkDisconnect(packet);
  }

  override probe(now: number): void {
    if (!this.isOpen) return;
    this.now = now;
    if (this.#keepAlive!.probe(now)) this.writeBuffer.write({ type: "pingreq" });
  }

  protected get roleDeadline(): number {
    return this.#keepAlive?.deadline ?? Infinity;
  }

  protected checkTime(): void {
    const due = this.#keepAlive?.check(this.now);
    if (due === "ping") this.writeBuffer.write({ type: "pingreq" });
    if (due === "dead") this.close({ by: "silence", what: "did not answer a PINGREQ in time" });
  }

  protected hasSent(): void {
    this.#keepAlive?.sent(this.now);
  }

  protected report(error: PacketError): void {
    if (!mayDisconnectWith("client", error.reasonCode)) return;
    const reasonCode = error.reasonCode as ReasonCodeOf<"disconnect">;
    this.writeBuffer.writeIfItFits({
      type: "disconnect",
      reasonCode,
      properties: { reasonString: error.message },
    });
  }

  override receive(chunk: Uint8Array, now: number): void {
    const before = this.#packets;
    super.receive(chunk, now);
    if (this.#packets === before) this.#keepAlive?.delayed(now);
  }

  #packets = 0;

  protected handlePacket(packet: Packet): void {
    this.#packets++;
    if (!this.isOpen) return this.#handleHandshake(packet);
    this.#checkExplanation(packet);
    switch (packet.type) {
      case "publish":
      case "pubrel":
        this.handleShared(packet);
        return;
      case "puback":
      case "pubrec":
      case "pubcomp":
        this.#keepAlive!.answered(this.now, false);
        this.handleShared(packet);
        return;
      case "suback":
      case "unsuback":
        this.#keepAlive!.answered(this.now, false);
        if (this.#requests.handleAnswer(packet)) {
          this.events.push({ type: packet.type, packet } as ConnectionEvent);
        }
        return;
      case "pingresp":
        return this.#keepAlive!.answered(this.now, true);
      case "disconnect":
        return this.#handleDisconnect(packet);
      case "auth":
        return this.#handleAuth(packet);
      case "connack":
        throw unexpectedPacket("connack", "comes a second time", "3.2");
      default:
        throw unexpectedPacket(packet.type, isFromWrongEnd(packet.type), "2.1.2");
    }
  }

  #handleHandshake(packet: Packet): void {
    switch (packet.type) {
      case "connack":
        return this.#handleConnack(packet);
      case "auth":
        return this.#handleAuth(packet);
      default:
        throw unexpectedPacket(packet.type, "comes before CONNACK [MQTT-3.2.0-1]", "3.2");
    }
  }

  #handleConnack(packet: ConnackPacket): void {
    if (isFailure(packet.reasonCode)) return this.close({ by: "refusal", packet });
    const { properties, sessionPresent } = packet;
    const asked = this.#connect.properties ?? {};
    const clientId = properties.assignedClientIdentifier ?? this.#connect.clientId ?? "";
    const hasSession = this.#session.exists && this.#session.clientId === clientId;
    if (sessionPresent && (this.#connect.cleanStart === true || !hasSession)) {
      throw protocolError(
        "connack",
        "Session Present",
        "is 1, and the Client has no such session [MQTT-3.2.2-4]",
        "3.2.2.1.1",
      );
    }
    if (properties.responseInformation !== undefined && asked.requestResponseInformation !== true) {
      throw protocolError("connack", "Response Information", "was not asked for", "3.2.2.3.15");
    }
    this.#checkMethod("connack", properties.authenticationMethod);
    const server = capabilitiesOf(properties);
    if (server.maximumPacketSize < LEAST_PACKET_SIZE) {
      this.writeBuffer.maximumPacketSize = server.maximumPacketSize;
      const rule = `is ${server.maximumPacketSize}, which leaves no room for an acknowledgement`;
      throw protocolError("connack", "Maximum Packet Size", rule, "3.2.2.3.6");
    }
    if (this.#authentication === "connecting") this.#authentication = "done";
    this.#isAsked = false;
    if (!sessionPresent) {
      for (const message of this.#session.end()) {
        this.events.push({ type: "discarded", message, why: { reason: "session lost" } });
      }
    }
    this.#session.exists = true;
    this.#session.clientId = clientId;
    this.#server = server;
    const keepAlive = properties.serverKeepAlive ?? this.#connect.keepAlive ?? 0;
    const timeout = this.#pingTimeout ?? Math.min(keepAlive * 500, 10_000);
    this.#keepAlive = new ClientKeepAlive(keepAlive, timeout, this.now);
    this.events.push({ type: "connack", packet });
    this.establish(this.#session, {
      own: capabilitiesOf(asked),
      peer: server,
      takesSubscriptionIdentifiers: false,
      takesExplanations: true,
      isInUse: (packetId) => this.#requests.isInUse(packetId),
      isResumed: sessionPresent,
    });
  }

  #handleAuth(packet: AuthPacket): void {
    const { reasonCode, properties } = packet;
    if (this.#authentication === "none") {
      throw unexpectedPacket("auth", "comes, and CONNECT had no Authentication Method", "4.12");
    }
    this.#checkMethod("auth", properties.authenticationMethod);
    const isRunning = this.#authentication !== "done";
    if (
      reasonCode === ReasonCode.reauthenticate || !isRunning ||
      reasonCode === ReasonCode.success && !this.isOpen
    ) {
      const code = `0x${reasonCode.toString(16).padStart(2, "0")}`;
      throw protocolError("auth", "Authenticate Reason Code", `is ${code} out of turn`, "4.12");
    }
    if (reasonCode === ReasonCode.success) this.#authentication = "done";
    this.#isAsked = reasonCode === ReasonCode.continueAuthentication;
    this.events.push({ type: "auth", packet });
  }

  #handleDisconnect(packet: DisconnectPacket): void {
    checkDisconnectOfServer(packet);
    this.disconnected(packet);
  }

  /** [MQTT-4.12.0-5] */
  #checkMethod(type: "connack" | "auth", method: string | undefined): void {
    if (method === this.#connect.properties?.authenticationMethod) return;
    throw protocolError(
      type,
      "Authentication Method",
      "is not that of CONNECT [MQTT-4.12.0-5]",
      type === "auth" ? "3.15.2.2.2" : "3.2.2.3.17",
    );
  }

  /** [MQTT-3.1.2-29] */
  #checkExplanation(packet: Packet): void {
    if (this.#connect.properties?.requestProblemInformation !== false) return;
    if (!("properties" in packet) || ALWAYS_EXPLAINED.includes(packet.type)) return;
    const { reasonString, userProperties } = packet.properties as PropertiesOf<"puback">;
    if (reasonString === undefined && userProperties === undefined) return;
    throw protocolError(
      packet.type,
      reasonString === undefined ? "User Property" : "Reason String",
      "comes, and CONNECT asked for none [MQTT-3.1.2-29]",
      "3.1.2.11.7",
    );
  }

  #requireServer(): Capabilities {
    if (!this.isOpen) throw new TypeError("There is no connection");
    return this.#server!;
  }
}
