// A Network Connection as the Server has it: CONNECT first, then CONNACK or a refusal, then what
// only a Client may ask. Which session it is, who may connect and what is granted, the broker
// decides: here is what the standard leaves no choice about.

import type { PacketError } from "../errors.ts";
import {
  type AuthPacket,
  type ConnackInit,
  type ConnectPacket,
  type DisconnectInit,
  isFailure,
  type Packet,
  type PropertiesOf,
  type ProtocolVersion,
  ReasonCode,
  reasonCodeName,
  type ReasonCodeOf,
  type SubackInit,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubackInit,
  type UnsubscribePacket,
} from "../packets/mod.ts";
import { returnCodeOf } from "../packets/connack.ts";
import { inOlderStatements } from "../packets/older_versions.ts";
import type { AuthenticationProperties } from "./authentication.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { checkDisconnectOfClient, checkServersDisconnect } from "./disconnecting.ts";
import { checkKnown } from "./option_checks.ts";
import type { CloseCause, ConnectionEvent } from "./events.ts";
import { type ForeignProtocol, foreignProtocol } from "./foreign_protocol.ts";
import { HeldBytes } from "./held_bytes.ts";
import { ServerKeepAlive } from "./keep_alive.ts";
import { UNCOUNTED } from "./memory.ts";
import {
  asOfBridge,
  capabilitiesFor,
  capabilitiesOfClient,
  isTransient,
  subackCodesFor,
} from "./older_clients.ts";
import type {
  AckProperties,
  AckReasonCode,
  PendingAcknowledgement,
} from "./pending_acknowledgement.ts";
import { unexpectedPacket, wrongDirection } from "./protocol_errors.ts";
import { answerToFault, checkAuth, connackProperties, methodOfStep } from "./server_handshake.ts";
import { checkPublishAllowed, checkSubscribeAllowed } from "./server_limits.ts";
import type { Authenticating, Deciding, Open, ServerState } from "./server_state.ts";
import type { Session } from "./session.ts";
import { unsupportedFeature } from "./subscription_features.ts";

/** What a Server's connection is made with. */
export interface ServerConnectionOptions extends ConnectionOptions {
  /**
   * How long the CONNECT may take, and each step of authentication before CONNACK, in milliseconds.
   * Default: 10,000.
   */
  readonly connectTimeout?: number | undefined;
  /**
   * How many packets one call handles; then the event `"more"` asks for
   * {@linkcode ServerConnection.proceed}. Default: all there are.
   */
  readonly packetsPerCall?: number | undefined;
  /** The most bytes in a packet before CONNACK. Default: as many as later. */
  readonly connectBytes?: number | undefined;
}

const NAMES: ReadonlySet<string> = new Set(
  Object.keys(
    {
      maximumPacketSize: true,
      topicAliases: true,
      filtersPerPacket: true,
      userPropertiesPerPacket: true,
      memory: true,
      connectTimeout: true,
      packetsPerCall: true,
      connectBytes: true,
      acceptedVersions: true,
    } satisfies Record<keyof ServerConnectionOptions, true>,
  ),
);

/** The most bytes that are kept of what a Client sends before its CONNECT is answered. */
const MOST_EARLY_BYTES = 65_536;

/**
 * So many bytes are read while this end decides: without reading, nobody would see that the Client
 * has gone.
 */
const MOST_HELD_BYTES = 16_384;

const MORE: ConnectionEvent = { type: "more" };

/**
 * A Server's end of a Network Connection.
 *
 * | state            | what comes                 | what follows               | next             |
 * |------------------|----------------------------|----------------------------|------------------|
 * | awaiting connect | CONNECT                    | event `"connect"`          | deciding         |
 * |                  | a fault in CONNECT         | CONNACK with its code      | closed           |
 * |                  | anything else, or nothing  |                            | closed           |
 * | deciding         | `accept()`                 | CONNACK, 0x00              | open             |
 * |                  | `refuse()`                 | CONNACK, 0x80 and above    | closed           |
 * |                  | `authenticate()`           | AUTH, 0x18                 | authenticating   |
 * |                  | packets                    | wait                       | deciding         |
 * | authenticating   | AUTH, 0x18                 | event `"auth"`             | deciding         |
 * |                  | any other packet           | CONNACK with a Reason Code | closed           |
 * |                  | DISCONNECT, or nothing     |                            | closed           |
 * | open             | PUBLISH                    | event `"message"`          | open             |
 * |                  | `acknowledge()`            | PUBACK or PUBREC           | open             |
 * |                  | PUBREL                     | PUBCOMP                    | open             |
 * |                  | PUBACK, PUBREC, PUBCOMP    | see `Sender`               | open             |
 * |                  | SUBSCRIBE, UNSUBSCRIBE     | the event of that name     | open             |
 * |                  | PINGREQ                    | PINGRESP                   | open             |
 * |                  | AUTH, 0x19 first, then 0x18 | event `"auth"`            | open             |
 * |                  | DISCONNECT                 |                            | closed           |
 * |                  | any other packet           | DISCONNECT                 | closed           |
 * |                  | nothing for 1.5 Keep Alive | DISCONNECT, 0x8D           | closed           |
 * | any              | `disconnect()`             | DISCONNECT, if it is open  | closed           |
 * |                  | the end of the stream      |                            | closed           |
 *
 * Whatever leads to closed, the event `"closed"` says why. A Client of MQTT 3.1.1 or 3.1 gets no
 * DISCONNECT, and a CONNACK only where there is a return code for it.
 */
export class ServerConnection extends Connection<ServerState> {
  readonly #maximumPacketSize: number | undefined;
  readonly #connectTimeout: number;
  /** How many bytes have come since CONNECT, or the last AUTH, as long as it is not answered. */
  #earlyBytes = 0;
  readonly #mostEarlyBytes: number;
  /** Whether the application has asked for packets to wait. */
  #isHeldUp = false;
  #hearsEnd = true;
  readonly #packetsPerCall: number;
  /** Whether one call has handled as many packets as it may, and `proceed()` is to follow. */
  #isToProceed = false;
  readonly #heldBytes: HeldBytes;
  #protocolVersion: ProtocolVersion = 5;
  /** Whether anything has come. */
  #hasReceived = false;
  #foreign: ForeignProtocol | undefined;

  /** Waits for a CONNECT. */
  constructor(now: number, options: ServerConnectionOptions = {}) {
    checkKnown(options, NAMES, "ServerConnection");
    const { maximumPacketSize = Infinity, connectBytes = Infinity } = options;
    const { connectTimeout = 10_000 } = options;
    super(
      now,
      { ...options, maximumPacketSize: Math.min(maximumPacketSize, connectBytes) },
      { name: "awaiting connect", deadline: now + connectTimeout },
    );
    this.#maximumPacketSize = options.maximumPacketSize;
    this.#mostEarlyBytes = Math.min(MOST_EARLY_BYTES, connectBytes);
    this.#connectTimeout = connectTimeout;
    this.#packetsPerCall = options.packetsPerCall ?? Infinity;
    this.#heldBytes = new HeldBytes(options.memory ?? UNCOUNTED);
  }

  /** The version of MQTT that the Client speaks; 5 until its CONNECT has come. */
  get protocolVersion(): ProtocolVersion {
    return this.#protocolVersion;
  }

  /** Whether the Client is a bridge of an older version, which takes RETAIN as published. */
  get isBridge(): boolean {
    return this.state.name === "open" && this.state.isBridge;
  }

  /**
   * Refuses what {@linkcode ServerConnection.accept} would refuse, and does nothing else: to be
   * called before a session is given to the Client, or taken from another. How large the CONNACK is
   * depends on the properties alone.
   *
   * @throws {TypeError} when no Client has asked, or a field is wrong
   * @throws {RangeError} when a field is out of its range
   * @throws {PacketTooLargeError} when the Client takes no packet as large as its CONNACK
   */
  checkAccept({ properties = {} }: ConnackInit): void {
    const { connect } = this.#requireConnect();
    const granted = connackProperties(connect, properties, this.#maximumPacketSize);
    this.writeBuffer.check({ type: "connack", properties: granted });
  }

  /**
   * Accepts the Client that has asked. What the properties grant is what the Client is held to.
   * `sessionPresent` says that the session is one that the Server had. Afterwards take the bytes,
   * then the events, then read the deadline.
   *
   * @throws {TypeError} as {@linkcode ServerConnection.checkAccept} does, and then nothing is done
   * @throws {RangeError} likewise
   * @throws {PacketTooLargeError} likewise
   */
  accept(session: Session, { sessionPresent = false, properties = {} }: ConnackInit): void {
    const { connect } = this.#requireConnect();
    const { authenticationMethod, sessionExpiryInterval, requestProblemInformation } =
      connect.properties;
    const granted = connackProperties(connect, properties, this.#maximumPacketSize);
    this.writeBuffer.write({ type: "connack", sessionPresent, properties: granted });
    this.decoder.maximumPacketSize = this.#maximumPacketSize ?? Infinity;
    session.exists = true;
    const { protocolVersion } = this;
    const own = capabilitiesFor(protocolVersion, granted);
    const takesExplanations = requestProblemInformation !== false && protocolVersion === 5;
    const exchange = this.negotiated(session, {
      own,
      peer: capabilitiesOfClient(connect),
      takesSubscriptionIdentifiers: true,
      takesExplanations,
      hasReasonCodes: protocolVersion === 5,
      isInUse: () => false,
    });
    this.state = {
      name: "open",
      exchange,
      own,
      // A Client of an older version is not told of another.
      keepAliveSeconds: protocolVersion < 5
        ? connect.keepAlive
        : granted.serverKeepAlive ?? connect.keepAlive,
      isBridge: connect.bridgeMode,
      keepAlive: undefined,
      authenticationMethod,
      turn: "nobody",
      sessionExpiryInterval,
      takesExplanations,
    };
    if (sessionPresent) exchange.resume();
    this.decode();
  }

  /**
   * Refuses the Client that has asked, and ends the connection.
   *
   * @throws {TypeError} when no Client has asked
   * @throws {RangeError} when the Reason Code is not one of a refusal
   * @throws {PacketTooLargeError} when the Client takes no packet as large as its CONNACK
   */
  refuse(reasonCode: ReasonCodeOf<"connack">, properties: PropertiesOf<"connack"> = {}): void {
    this.#requireConnect();
    if (!isFailure(reasonCode)) {
      throw new RangeError(`expected a Reason Code from 0x80 on, got ${reasonCode}`);
    }
    const refusal = { type: "connack", reasonCode, properties } as const;
    if (this.#canBeRefused(reasonCode)) this.writeBuffer.write(refusal);
    this.close({ kind: "this end", packet: undefined, refusal });
  }

  /** Whether there is a CONNACK that tells the Client of a Reason Code. */
  #canBeRefused(reasonCode: number): boolean {
    return this.protocolVersion === 5 || returnCodeOf(reasonCode) !== undefined;
  }

  /**
   * What a subscription needs that the Server does not have, as a Reason Code, for a Client of an
   * older version: it cannot know. Another has been told in CONNACK.
   */
  unsupportedCode(request: SubscriptionRequest): ReasonCodeOf<"suback"> | undefined {
    const { state } = this;
    if (state.name !== "open" || this.protocolVersion === 5) return undefined;
    const subscriptions = [request];
    const feature = unsupportedFeature({ subscriptions, properties: undefined }, state.own);
    return feature && ReasonCode.unspecifiedError;
  }

  /** See {@linkcode Connection.acknowledge}. An older version has no word for a refusal. */
  override acknowledge(
    acknowledgement: PendingAcknowledgement,
    reasonCode: AckReasonCode,
    properties?: AckProperties,
  ): boolean {
    if (this.protocolVersion === 5 || !isFailure(reasonCode)) {
      return super.acknowledge(acknowledgement, reasonCode, properties);
    }
    if (!isTransient(reasonCode)) return super.acknowledge(acknowledgement, ReasonCode.success);
    // It sends the message again when it is back.
    this.close({ kind: "this end", packet: { type: "disconnect", reasonCode } });
    return false;
  }

  /**
   * Takes a step of enhanced authentication: asks the Client to go on (0x18), or tells it that it
   * has succeeded in authenticating again (0x00). The first success is told by `accept()`, a
   * failure by `refuse()` or `disconnect()`.
   *
   * @throws {TypeError} when CONNECT had no Authentication Method, or it is not this end's turn
   */
  authenticate(
    reasonCode: typeof ReasonCode.success | typeof ReasonCode.continueAuthentication,
    properties: AuthenticationProperties = {},
  ): void {
    const { state } = this;
    if (state.name === "closed") return;
    const goesOn = reasonCode === ReasonCode.continueAuthentication;
    const authenticationMethod = methodOfStep(state, goesOn);
    this.writeBuffer.write({
      type: "auth",
      reasonCode,
      properties: { ...properties, authenticationMethod },
    });
    if (state.name === "open") state.turn = goesOn ? "client" : "nobody";
    else {
      const { connect } = this.#requireConnect();
      this.state = { name: "authenticating", connect, deadline: Infinity };
    }
    // What has come ahead of its time is out of turn.
    this.decode();
  }

  /**
   * Refuses a SUBSCRIBE or an UNSUBSCRIBE that cannot be answered, and does nothing else: to be
   * called before any of it is done.
   *
   * @throws {PacketTooLargeError} when the Client takes no packet as large as its answer
   */
  checkAnswer(packet: SubscribePacket | UnsubscribePacket): void {
    if (this.writeBuffer.maximumPacketSize === Infinity) return;
    const { type, packetId } = packet;
    const filters = type === "subscribe" ? packet.subscriptions : packet.topicFilters;
    const reasonCodes = filters.map(() => ReasonCode.success);
    this.writeBuffer.check({
      type: type === "subscribe" ? "suback" : "unsuback",
      packetId,
      reasonCodes,
    });
  }

  /**
   * Answers a SUBSCRIBE with a Reason Code for each subscription (§3.9) [MQTT-3.8.4-6].
   *
   * @throws {TypeError} when their number is another, or a field is wrong
   */
  suback(
    packet: SubscribePacket,
    reasonCodes: SubackInit["reasonCodes"],
    properties?: PropertiesOf<"suback">,
  ): void {
    const { packetId, subscriptions } = packet;
    checkCount("SUBACK", reasonCodes, subscriptions);
    if (this.state.name !== "open") return;
    const told = this.state.takesExplanations ? properties : undefined;
    const codes = subackCodesFor(this.protocolVersion, packet, reasonCodes);
    this.answer({ type: "suback", packetId, reasonCodes: codes, properties: told });
  }

  /**
   * Answers an UNSUBSCRIBE with a Reason Code for each Topic Filter (§3.11) [MQTT-3.11.3-1].
   *
   * @throws {TypeError} when their number is another, or a field is wrong
   */
  unsuback(
    { packetId, topicFilters }: UnsubscribePacket,
    reasonCodes: UnsubackInit["reasonCodes"],
    properties?: PropertiesOf<"unsuback">,
  ): void {
    checkCount("UNSUBACK", reasonCodes, topicFilters);
    if (this.state.name !== "open") return;
    const told = this.state.takesExplanations ? properties : undefined;
    this.answer({ type: "unsuback", packetId, reasonCodes, properties: told });
  }

  /**
   * Sends DISCONNECT and ends the connection; before CONNACK it only ends it [MQTT-3.14.0-1].
   *
   * @throws {RangeError} when a Server may not give the Reason Code
   */
  override disconnect(packet: DisconnectInit): void {
    const { reasonCode = ReasonCode.normalDisconnection } = packet;
    if (!this.isOpen) return this.close({ kind: "this end", packet: undefined });
    // Some Clients cannot read a DISCONNECT without Reason Code, which 0x00 without properties
    // would be.
    const isBare = reasonCode === ReasonCode.normalDisconnection && packet.properties === undefined;
    const reasonString = reasonCodeName(reasonCode, "disconnect");
    super.disconnect(isBare ? { ...packet, properties: { reasonString } } : packet);
  }

  /** See {@linkcode Connection.checkDisconnect}. */
  override checkDisconnect(packet: DisconnectInit): void {
    checkServersDisconnect(packet);
    super.checkDisconnect(packet);
  }

  /** Ends the connection without a packet: there is none that the Client could take. */
  breakOff(what: string): void {
    this.close({ kind: "silence", what });
  }

  /**
   * Lets packets wait: something has to be decided first. That the stream ends is seen meanwhile.
   */
  pause(): void {
    this.#isHeldUp = true;
  }

  /**
   * The same for a Client that is too fast: nothing is read meanwhile, not even the end of the
   * stream, so that what came before it is not lost.
   */
  slowDown(): void {
    this.#isHeldUp = true;
    this.#hearsEnd = false;
  }

  /**
   * Handles packets again, those first that have come in the meantime. Afterwards take the bytes,
   * then the events, then read the deadline.
   */
  goOn(now: number): void {
    this.now = now;
    this.#isHeldUp = false;
    this.#hearsEnd = true;
    // What it has sent in the meantime has not been looked at: its time begins anew.
    if (this.state.name === "open") this.state.keepAlive?.received(now);
    this.decode();
  }

  /** See {@linkcode Connection.receive}. */
  override receive(chunk: Uint8Array, now: number): void {
    if (!this.#hasReceived) {
      this.#hasReceived = true;
      this.#foreign = foreignProtocol(chunk);
    }
    const isEarly = this.state.name === "deciding" || this.state.name === "authenticating";
    if (isEarly) this.#earlyBytes += chunk.length;
    super.receive(chunk, now);
    this.#countHeld(chunk.buffer.byteLength);
    const { name } = this.state;
    if (name !== "deciding" && name !== "authenticating") return;
    if (this.#earlyBytes > this.#mostEarlyBytes) {
      this.#refuseQuota("Too much was sent before CONNACK");
    }
  }

  /**
   * See {@linkcode Connection.receiveEnd}. What came before the end counts, though it had to wait:
   * a DISCONNECT says what is to become of the Will and of the session [MQTT-3.14.4-3].
   */
  override receiveEnd(now: number): void {
    if (this.#isHeldUp && this.isOpen) {
      this.now = now;
      this.#isHeldUp = false;
      do {
        this.#isToProceed = false;
        this.decode();
      } while (this.#isToProceed);
    }
    super.receiveEnd(now);
  }

  /**
   * Handles the next packets, after the event `"more"`. Afterwards take the bytes, then the events,
   * then read the deadline.
   */
  proceed(now: number): void {
    if (this.isClosed) return;
    this.now = now;
    this.#isToProceed = false;
    this.decode();
    this.#countHeld();
  }

  /** Whether {@linkcode Connection.takeBytes} would give any. */
  get hasBytes(): boolean {
    return this.writeBuffer.length > 0;
  }

  /** What the Client speaks instead of MQTT, where its first bytes tell. */
  get foreignProtocol(): ForeignProtocol | undefined {
    return this.#foreign;
  }

  /** How many bytes have been received that no packet has been looked for in. */
  get unread(): number {
    return this.decoder.unread;
  }

  /** See {@linkcode Connection.wantsBytes}. */
  override get wantsBytes(): boolean {
    const isListening = this.#isHeldUp && this.#hearsEnd;
    return super.wantsBytes || isListening && this.unread < MOST_HELD_BYTES;
  }

  /** See {@linkcode Connection.mayDisconnect}. */
  protected override get mayDisconnect(): boolean {
    return this.protocolVersion === 5;
  }

  /** See {@linkcode Connection.close}. What an older version breaks is said in its words. */
  protected override close(cause: CloseCause): void {
    if (cause.kind !== "fault" || this.protocolVersion === 5) return super.close(cause);
    super.close({ kind: "fault", error: inOlderStatements(cause.error) });
  }

  /** See {@linkcode Connection.isPaused}. */
  protected override get isPaused(): boolean {
    return this.#isHeldUp || this.#isToProceed || this.state.name === "deciding";
  }

  /** See {@linkcode Connection.mayHandle}. */
  protected override mayHandle(packets: number): boolean {
    if (this.isPaused) return false;
    if (packets < this.#packetsPerCall) return true;
    this.#isToProceed = true;
    this.events.push(MORE);
    return false;
  }

  /** Counts what is kept of what was read. A client for whose bytes there is no room is closed. */
  #countHeld(chunkBytes?: number): void {
    const held = this.decoder.heldBytes + (this.state.exchange?.aliasBytes ?? 0);
    if (this.#heldBytes.count(held, chunkBytes) || this.isClosed) return;
    this.#refuseQuota("The server has no memory for what was sent");
  }

  /** See {@linkcode Connection.roleDeadline}. */
  protected get roleDeadline(): number {
    const { state } = this;
    if (this.#isHeldUp) return Infinity;
    if (state.name === "open") return state.keepAlive?.deadline ?? Infinity;
    return "deadline" in state ? state.deadline : Infinity;
  }

  /** See {@linkcode Connection.checkTime}. */
  protected checkTime(): void {
    if (this.now < this.roleDeadline) return;
    switch (this.state.name) {
      case "awaiting connect":
        return this.close({ kind: "silence", what: "sent no CONNECT in time" });
      case "authenticating":
        return this.close({ kind: "silence", what: "sent no AUTH in time" });
      case "open":
        if (this.state.keepAlive?.isOver(this.now) !== true) return;
        if (this.mayDisconnect) {
          this.writeBuffer.write({ type: "disconnect", reasonCode: ReasonCode.keepAliveTimeout });
        }
        this.close({
          kind: "silence",
          what: "sent nothing for one and a half times its Keep Alive",
        });
    }
  }

  /**
   * The time of the Client begins when it has been told: how long this end took to decide is not
   * its fault.
   */
  protected hasSent(): void {
    const { state } = this;
    if (state.name === "open") {
      state.keepAlive ??= new ServerKeepAlive(state.keepAliveSeconds, this.now);
    } else if (state.name === "authenticating") {
      state.deadline = this.now + this.#connectTimeout;
    }
  }

  /** See {@linkcode Connection.hasReceived}. */
  protected hasReceived(packets: number): void {
    if (packets > 0 && this.state.name === "open") this.state.keepAlive?.received(this.now);
  }

  /** See {@linkcode Connection.report}. */
  protected report(error: PacketError): void {
    // One that has come as far as its CONNECT is told nothing [MQTT-3.1.4-1 of MQTT 3.1.1].
    const { name } = this.state;
    const version = name === "awaiting connect"
      ? this.decoder.protocolVersion
      : this.protocolVersion;
    const answer = version < 5 ? undefined : answerToFault(error, name);
    if (answer instanceof Uint8Array) this.writeBuffer.writeEncoded(answer);
    else if (answer !== undefined) this.writeBuffer.writeIfItFits(answer);
  }

  /** Ends the connection because there is too much, and says so if the Client can be told. */
  #refuseQuota(reasonString: string): void {
    const reasonCode = ReasonCode.quotaExceeded;
    const properties = { reasonString };
    if (this.isOpen) {
      const packet = { type: "disconnect", reasonCode, properties } as const;
      if (this.mayDisconnect) this.writeBuffer.writeIfItFits(packet);
      return this.close({ kind: "this end", packet });
    }
    const refusal = { type: "connack", reasonCode, properties } as const;
    if (this.state.name !== "awaiting connect") this.writeBuffer.writeIfItFits(refusal);
    this.close({ kind: "this end", packet: undefined, refusal });
  }

  /** The one walk of a packet that has come: the table of this class, by state and type. */
  protected handle(packet: Packet): void {
    const { state } = this;
    switch (state.name) {
      case "open":
        return this.#handleOpen(state, packet);
      case "awaiting connect":
        if (packet.type === "connect") return this.#handleConnect(packet);
        throw unexpectedPacket(packet.type, "was sent before CONNECT [MQTT-3.1.0-1]", "3.1");
      case "authenticating":
        if (packet.type === "auth") return this.#handleAuth(state, packet);
        if (packet.type === "disconnect") {
          checkDisconnectOfClient(packet, state.connect.properties.sessionExpiryInterval);
          return this.close({ kind: "peer", packet });
        }
        throw unexpectedPacket(
          packet.type,
          "was sent before CONNACK [MQTT-3.1.2-30]",
          "3.1.2.11.9",
        );
    }
  }

  #handleOpen(state: Open, packet: Packet): void {
    const { exchange } = state;
    switch (packet.type) {
      case "publish":
        checkPublishAllowed(packet, state.own);
        return exchange.handlePublish(packet);
      case "puback":
        return exchange.sender.handlePuback(packet);
      case "pubrec":
        return exchange.sender.handlePubrec(packet);
      case "pubrel":
        return exchange.receiver.handlePubrel(packet);
      case "pubcomp":
        return exchange.sender.handlePubcomp(packet);
      case "subscribe":
        return this.#handleSubscribe(state, packet);
      case "unsubscribe":
        return this.events.push({ type: "unsubscribe", packet });
      case "pingreq":
        return this.writeBuffer.write({ type: "pingresp" });
      case "auth":
        return this.#handleAuth(state, packet);
      case "disconnect":
        checkDisconnectOfClient(packet, state.sessionExpiryInterval);
        return this.close({ kind: "peer", packet });
      case "connect":
        throw unexpectedPacket("connect", "was sent twice [MQTT-3.1.0-2]", "3.1");
      case "connack":
      case "suback":
      case "unsuback":
      case "pingresp":
        throw wrongDirection(packet.type);
      default:
        packet satisfies never;
    }
  }

  #handleSubscribe({ own, isBridge }: Open, packet: SubscribePacket): void {
    if (this.protocolVersion === 5) checkSubscribeAllowed(packet, own);
    this.events.push({ type: "subscribe", packet: isBridge ? asOfBridge(packet) : packet });
  }

  #handleConnect(connect: ConnectPacket): void {
    this.state = { name: "deciding", connect };
    this.#protocolVersion = connect.protocolVersion;
    this.writeBuffer.protocolVersion = connect.protocolVersion;
    this.writeBuffer.maximumPacketSize = capabilitiesOfClient(connect).maximumPacketSize;
    this.events.push({ type: "connect", packet: connect });
  }

  #handleAuth(state: Authenticating | Open, packet: AuthPacket): void {
    checkAuth(state, packet);
    this.#earlyBytes = 0;
    if (state.name === "open") state.turn = "server";
    else this.state = { name: "deciding", connect: state.connect };
    this.events.push({ type: "auth", packet });
  }

  #requireConnect(): Deciding | Authenticating {
    const { state } = this;
    if (state.name === "deciding" || state.name === "authenticating") return state;
    throw new TypeError("No client waits to be accepted or refused");
  }
}

function checkCount(
  name: string,
  reasonCodes: readonly number[],
  filters: readonly unknown[],
): void {
  if (reasonCodes.length === filters.length) return;
  const needed = `${filters.length} Reason Codes, one for each Topic Filter`;
  throw new TypeError(`${name} needs ${needed}, got ${reasonCodes.length}`);
}
