// A Network Connection as the Client has it: §3.1 CONNECT to §3.2 CONNACK, with §4.12 enhanced
// authentication between them, then messages, requests and Keep Alive.

import type { PacketError } from "../errors.ts";
import {
  type AuthPacket,
  type ConnackPacket,
  type ConnectInit,
  type DisconnectInit,
  isFailure,
  type Packet,
  ReasonCode,
  type ReasonCodeOf,
} from "../packets/mod.ts";
import {
  type AuthenticationProperties,
  checkMethod,
  outOfTurn,
  type Turn,
} from "./authentication.ts";
import { type Capabilities, capabilitiesOf } from "./capabilities.ts";
import { checkConnack, checkExplanation, clientIdOf } from "./client_checks.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import {
  checkClientsDisconnect,
  checkDisconnectOfServer,
  mayDisconnectWith,
} from "./disconnecting.ts";
import { ClientKeepAlive } from "./keep_alive.ts";
import type { MessageExchange } from "./message_exchange.ts";
import { checkKnown } from "./option_checks.ts";
import {
  checkSupported,
  PendingRequests,
  type SubscribeRequest,
  type UnsubscribeRequest,
} from "./pending_requests.ts";
import { unexpectedPacket, wrongDirection } from "./protocol_errors.ts";
import type { Session } from "./session.ts";

/** What a Client's connection is made with. */
export interface ClientConnectionOptions extends Pick<ConnectionOptions, "topicAliases"> {
  /** The packet to begin with. */
  readonly connect: ConnectInit;
  /** The session to go on with. */
  readonly session: Session;
  /**
   * How long a PINGRESP may take, in milliseconds. Default: half the Keep Alive, at most 10,000.
   */
  readonly pingTimeout?: number | undefined;
  /**
   * How many bytes of unacknowledged messages are taken beyond the Receive Maximum of CONNECT: some
   * Servers exceed it. The event `"receive maximum exceeded"` tells of the first, and the fault
   * 0x93 comes when there are more. Default: 0, the first is a fault.
   */
  readonly receiveExcess?: number | undefined;
  /**
   * Whether a CONNACK of success waits for {@linkcode ClientConnection.confirm}: the Server has to
   * prove in its Authentication Data who it is (§4.12). Default: false.
   */
  readonly verifiesServer?: boolean | undefined;
}

const NAMES: ReadonlySet<string> = new Set(
  Object.keys(
    {
      connect: true,
      session: true,
      pingTimeout: true,
      topicAliases: true,
      receiveExcess: true,
      verifiesServer: true,
    } satisfies Record<keyof ClientConnectionOptions, true>,
  ),
);

/**
 * CONNECT has been written: CONNACK is to come, or the Server's next step of authentication.
 *
 * @internal
 */
interface Connecting {
  readonly name: "connecting";
  readonly exchange?: undefined;
}

/**
 * The Server has asked for a step of authentication before CONNACK.
 *
 * @internal
 */
interface Authenticating {
  readonly name: "authenticating";
  readonly exchange?: undefined;
}

/**
 * CONNACK has come; whether the Server is the one it claims to be is yet to be found out.
 *
 * @internal
 */
interface Verifying {
  readonly name: "verifying";
  readonly exchange?: undefined;
  readonly connack: ConnackPacket;
}

/**
 * CONNACK has come.
 *
 * @internal
 */
interface Open {
  readonly name: "open";
  readonly exchange: MessageExchange;
  /** What the Server takes. */
  readonly server: Capabilities;
  readonly keepAlive: ClientKeepAlive;
  /** Whose turn it is in authenticating again. */
  turn: Turn;
}

const CONNECTING: Connecting = { name: "connecting" };
const AUTHENTICATING: Authenticating = { name: "authenticating" };

/**
 * A Client's end of a Network Connection. It begins with CONNECT [MQTT-3.1.0-1].
 *
 * | state          | what comes                 | what follows                | next           |
 * |----------------|----------------------------|-----------------------------|----------------|
 * | connecting     | CONNACK, 0x00              | event `"connack"`           | open           |
 * |                | CONNACK, 0x80 and above    |                             | closed         |
 * |                | AUTH, 0x18                 | event `"auth"`              | authenticating |
 * | authenticating | `authenticate()`           | AUTH, 0x18                  | connecting     |
 * |                | CONNACK, 0x80 and above    |                             | closed         |
 * | verifying      | `confirm()`                | event `"connack"`           | open           |
 * |                | packets                    | wait                        | verifying      |
 * | open           | PUBLISH                    | event `"message"`           | open           |
 * |                | `acknowledge()`            | PUBACK or PUBREC            | open           |
 * |                | PUBREL                     | PUBCOMP                     | open           |
 * |                | PUBACK, PUBREC, PUBCOMP    | see `Sender`                | open           |
 * |                | SUBACK, UNSUBACK           | the event of that name      | open           |
 * |                | `authenticate()`           | AUTH, 0x19 first, then 0x18 | open           |
 * |                | AUTH, 0x18 or 0x00         | event `"auth"`              | open           |
 * |                | nothing for the Keep Alive | PINGREQ                     | open           |
 * |                | DISCONNECT                 |                             | closed         |
 * | any            | any other packet           | DISCONNECT                  | closed         |
 * |                | `disconnect()`             | DISCONNECT                  | closed         |
 * |                | `failAuthentication()`     | DISCONNECT                  | closed         |
 * |                | no PINGRESP in time        |                             | closed         |
 * |                | the end of the stream      |                             | closed         |
 *
 * With `verifiesServer`, a CONNACK, 0x00, leads from connecting to verifying with the event
 * `"verify"`. Whatever leads to closed, the event `"closed"` says why.
 */
export class ClientConnection extends Connection<Connecting | Authenticating | Verifying | Open> {
  readonly #connect: ConnectInit;
  readonly #session: Session;
  readonly #pingTimeout: number | undefined;
  readonly #receiveExcess: number | undefined;
  readonly #verifiesServer: boolean;
  readonly #requests: PendingRequests;

  /**
   * Begins with the CONNECT. Afterwards take the bytes.
   *
   * @throws {TypeError} when a field of it is wrong
   * @throws {RangeError} when a field is out of its range
   */
  constructor(
    now: number,
    options: ClientConnectionOptions,
  ) {
    checkKnown(options, NAMES, "ClientConnection");
    const { connect, session, pingTimeout, topicAliases } = options;
    const { receiveExcess, verifiesServer } = options;
    const { maximumPacketSize } = connect.properties ?? {};
    super(now, { maximumPacketSize, topicAliases }, CONNECTING, true);
    this.#connect = connect;
    this.#session = session;
    this.#pingTimeout = pingTimeout;
    this.#receiveExcess = receiveExcess;
    this.#verifiesServer = verifiesServer ?? false;
    this.#requests = new PendingRequests(session, this.writeBuffer);
    this.writeBuffer.write(connect);
  }

  /**
   * What the Server takes.
   *
   * @throws {TypeError} when the connection is not open
   */
  get server(): Capabilities {
    return this.#requireOpen().server;
  }

  /**
   * Sends SUBSCRIBE (§3.8). Returns the Packet Identifier that the SUBACK will have; 0 when none is
   * free, and then nothing was sent.
   *
   * @throws {TypeError} when a field is wrong, or the Server does not have what is asked for
   * @throws {RangeError} when a field is out of its range
   */
  subscribe(request: SubscribeRequest): number {
    return this.#requests.subscribe(request, this.server);
  }

  /**
   * Sends UNSUBSCRIBE (§3.10). Returns the Packet Identifier that the UNSUBACK will have; 0 when
   * none is free, and then nothing was sent.
   *
   * @throws {TypeError} when a field is wrong
   * @throws {RangeError} when a field is out of its range
   */
  unsubscribe(request: UnsubscribeRequest): number {
    this.#requireOpen();
    return this.#requests.unsubscribe(request);
  }

  /**
   * Refuses a SUBSCRIBE that cannot be sent, and does nothing else: to be called before the first
   * of several is sent.
   *
   * @throws {TypeError} when a field is wrong, or the Server does not have what is asked for
   * @throws {RangeError} when a field is out of its range
   * @throws {PacketTooLargeError} when it is larger than the Server takes
   */
  checkSubscribe(request: SubscribeRequest): void {
    checkSupported(request, this.server);
    this.writeBuffer.check({ ...request, packetId: 1 });
  }

  /**
   * Refuses an UNSUBSCRIBE that cannot be sent, and does nothing else: to be called before anything
   * is done that it is to tell.
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
   * again when there is nothing to answer [MQTT-4.12.1-1].
   *
   * @throws {TypeError} when CONNECT had no Authentication Method [MQTT-4.12.0-7], or it is not
   *   this end's turn
   * @throws {RangeError} when the Authentication Data are longer than 65,535 bytes
   */
  authenticate(properties: AuthenticationProperties): void {
    const { state } = this;
    const authenticationMethod = this.#connect.properties?.authenticationMethod;
    if (authenticationMethod === undefined) {
      throw new TypeError("Authentication needs an authenticationMethod in CONNECT");
    }
    if (state.name === "closed") return;
    const isFirst = state.name === "open" && state.turn === "nobody";
    const isAsked = state.name === "authenticating" ||
      state.name === "open" && state.turn === "client";
    if (!isFirst && !isAsked) {
      throw new TypeError("The server has not asked for a step of authentication");
    }
    this.writeBuffer.write({
      type: "auth",
      reasonCode: isFirst ? ReasonCode.reauthenticate : ReasonCode.continueAuthentication,
      properties: { ...properties, authenticationMethod },
    });
    if (state.name === "open") state.turn = "server";
    else this.state = CONNECTING;
  }

  /**
   * The Server has proven who it is: its CONNACK counts from now on. Afterwards take the bytes,
   * then the events, then read the deadline.
   *
   * @throws {TypeError} when there is no CONNACK to confirm
   */
  confirm(now: number): void {
    const { state } = this;
    if (state.name === "closed") return;
    if (state.name !== "verifying") throw new TypeError("No CONNACK waits to be confirmed");
    this.now = now;
    this.#open(state.connack);
    this.decode();
  }

  /**
   * Ends the connection because what the Server said in authentication is not to be trusted, or
   * this end cannot go on with it: sends DISCONNECT with 0x80, Unspecified error [MQTT-4.12.1-2].
   * The event `"closed"` carries `error`.
   */
  failAuthentication(error: unknown): void {
    if (this.isClosed) return;
    const reasonCode = ReasonCode.unspecifiedError;
    this.writeBuffer.writeIfItFits({ type: "disconnect", reasonCode });
    this.close({ kind: "authentication", error });
  }

  /** See {@linkcode Connection.checkDisconnect}. */
  override checkDisconnect(packet: DisconnectInit): void {
    checkClientsDisconnect(packet, this.#connect.properties?.sessionExpiryInterval);
    super.checkDisconnect(packet);
  }

  /** See {@linkcode Connection.probe}. */
  override probe(now: number): void {
    const { state } = this;
    if (state.name !== "open") return;
    this.now = now;
    if (state.keepAlive.probe(now)) this.writeBuffer.write({ type: "pingreq" });
  }

  /** See {@linkcode Connection.isPaused}. */
  protected override get isPaused(): boolean {
    return this.state.name === "verifying";
  }

  /** See {@linkcode Connection.roleDeadline}. */
  protected get roleDeadline(): number {
    return this.state.name === "open" ? this.state.keepAlive.deadline : Infinity;
  }

  /** See {@linkcode Connection.checkTime}. */
  protected checkTime(): void {
    if (this.state.name !== "open") return;
    const due = this.state.keepAlive.check(this.now);
    if (due === "ping") this.writeBuffer.write({ type: "pingreq" });
    if (due === "dead") this.close({ kind: "silence", what: "did not answer a PINGREQ in time" });
  }

  /** See {@linkcode Connection.hasSent}. */
  protected hasSent(): void {
    if (this.state.name === "open") this.state.keepAlive.sent(this.now);
  }

  /** See {@linkcode Connection.hasReceived}. */
  protected hasReceived(packets: number): void {
    if (packets === 0 && this.state.name === "open") this.state.keepAlive.delayed(this.now);
  }

  /** See {@linkcode Connection.report}. */
  protected report(error: PacketError): void {
    const mayTell = mayDisconnectWith("client", error.reasonCode);
    // The answer of a Server of an older version: it understands no DISCONNECT of this one.
    if (!mayTell && !this.isOpen) return;
    this.writeBuffer.writeIfItFits({
      type: "disconnect",
      reasonCode: mayTell
        ? error.reasonCode as ReasonCodeOf<"disconnect">
        : ReasonCode.protocolError,
      properties: { reasonString: error.message },
    });
  }

  /** The one walk of a packet that has come: the table of this class, by state and type. */
  protected handle(packet: Packet): void {
    const { state } = this;
    switch (state.name) {
      case "open":
        return this.#handleOpen(state, packet);
      case "connecting":
      case "authenticating":
        if (packet.type === "connack") return this.#handleConnack(state, packet);
        if (packet.type === "auth") return this.#handleAuth(state, packet);
        throw unexpectedPacket(packet.type, "was sent before CONNACK [MQTT-3.2.0-1]", "3.2");
    }
  }

  #handleOpen(state: Open, packet: Packet): void {
    const { exchange, keepAlive } = state;
    if (this.#connect.properties?.requestProblemInformation === false) checkExplanation(packet);
    switch (packet.type) {
      case "publish":
        return exchange.handlePublish(packet);
      case "puback":
        keepAlive.answered(this.now, false);
        return exchange.sender.handlePuback(packet);
      case "pubrec":
        keepAlive.answered(this.now, false);
        return exchange.sender.handlePubrec(packet);
      case "pubrel":
        return exchange.receiver.handlePubrel(packet);
      case "pubcomp":
        keepAlive.answered(this.now, false);
        return exchange.sender.handlePubcomp(packet);
      case "suback":
        keepAlive.answered(this.now, false);
        if (this.#requests.handleAnswer(packet)) this.events.push({ type: "suback", packet });
        return;
      case "unsuback":
        keepAlive.answered(this.now, false);
        if (this.#requests.handleAnswer(packet)) this.events.push({ type: "unsuback", packet });
        return;
      case "pingresp":
        return keepAlive.answered(this.now, true);
      case "auth":
        return this.#handleAuth(state, packet);
      case "disconnect":
        checkDisconnectOfServer(packet);
        return this.close({ kind: "peer", packet });
      case "connack":
        throw unexpectedPacket("connack", "was sent twice", "3.2");
      case "connect":
      case "subscribe":
      case "unsubscribe":
      case "pingreq":
        throw wrongDirection(packet.type);
      default:
        packet satisfies never;
    }
  }

  #handleConnack(state: Connecting | Authenticating, packet: ConnackPacket): void {
    if (isFailure(packet.reasonCode)) return this.close({ kind: "refusal", packet });
    if (state.name === "authenticating") {
      const rule = "was sent before the Client had answered the Server's AUTH";
      throw unexpectedPacket("connack", rule, "4.12");
    }
    // What is said of a fault in it must fit, too.
    this.writeBuffer.maximumPacketSize = capabilitiesOf(packet.properties).maximumPacketSize;
    const { exists, clientId } = this.#session;
    checkConnack(packet, this.#connect, exists && clientId === clientIdOf(this.#connect, packet));
    if (!this.#verifiesServer) return this.#open(packet);
    this.state = { name: "verifying", connack: packet };
    this.events.push({ type: "verify", packet });
  }

  #open(packet: ConnackPacket): void {
    const { properties, sessionPresent } = packet;
    const asked = this.#connect.properties ?? {};
    const server = capabilitiesOf(properties);
    const session = this.#session;
    if (!sessionPresent) {
      for (const message of session.end()) {
        this.events.push({ type: "discarded", message, cause: { kind: "session lost" } });
      }
    }
    session.exists = true;
    session.clientId = clientIdOf(this.#connect, packet);
    const seconds = properties.serverKeepAlive ?? this.#connect.keepAlive ?? 0;
    const timeout = this.#pingTimeout ?? Math.min(seconds * 500, 10_000);
    this.events.push({ type: "connack", packet });
    const exchange = this.negotiated(session, {
      own: capabilitiesOf(asked),
      peer: server,
      receiveExcess: this.#receiveExcess,
      takesSubscriptionIdentifiers: false,
      hasReasonCodes: true,
      takesExplanations: true,
      isInUse: (packetId) => this.#requests.isInUse(packetId),
    });
    const keepAlive = new ClientKeepAlive(seconds, timeout, this.now);
    this.state = { name: "open", exchange, server, keepAlive, turn: "nobody" };
    if (sessionPresent) exchange.resume();
  }

  #handleAuth(state: Connecting | Authenticating | Open, packet: AuthPacket): void {
    const { reasonCode, properties } = packet;
    checkMethod(
      "auth",
      properties.authenticationMethod,
      this.#connect.properties?.authenticationMethod,
    );
    const isLast = reasonCode === ReasonCode.success;
    const isServersTurn = state.name === "connecting" ||
      state.name === "open" && state.turn === "server";
    const isAllowed = reasonCode === ReasonCode.continueAuthentication ||
      isLast && state.name === "open";
    if (!isAllowed || !isServersTurn) throw outOfTurn(packet);
    if (state.name === "open") state.turn = isLast ? "nobody" : "client";
    else this.state = AUTHENTICATING;
    this.events.push({ type: "auth", packet });
  }

  #requireOpen(): Open {
    if (this.state.name !== "open") throw new TypeError("The connection is not open");
    return this.state;
  }
}
