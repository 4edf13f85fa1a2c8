// A Network Connection as the Server has it: CONNECT first, then CONNACK or a refusal, then what
// only a Client may ask. Which session it is, who may connect and what is granted, the broker
// decides: here is what the standard leaves no choice about.

import type { PacketError } from "../errors.ts";
import {
  type AuthPacket,
  type ConnackInit,
  type ConnectPacket,
  type DisconnectInit,
  type DisconnectPacket,
  isFailure,
  type Packet,
  type PropertiesOf,
  ReasonCode,
  reasonCodeName,
  type ReasonCodeOf,
  type SubackInit,
  type SubscribePacket,
  type UnsubackInit,
  type UnsubscribePacket,
} from "../packets/mod.ts";
import { checkPublishAllowed, checkSubscribeAllowed } from "./server_limits.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { checkDisconnectOfClient, checkServersDisconnect } from "./disconnecting.ts";
import { isFromWrongEnd, protocolError, unexpectedPacket } from "./protocol_errors.ts";
import { ServerKeepAlive } from "./keep_alive.ts";
import { type Capabilities, capabilitiesOf } from "./capabilities.ts";
import type { AckProperties } from "./pending_acknowledgement.ts";
import type { Session } from "./session.ts";

/** What a Server's connection is made with. */
export interface ServerConnectionOptions extends ConnectionOptions {
  /**
   * How long the CONNECT may take, and each step of authentication before CONNACK, in milliseconds.
   * Default: 10,000.
   */
  readonly connectTimeout?: number | undefined;
  /** The most bytes in a packet before CONNACK. Default: as many as later. */
  readonly connectBytes?: number | undefined;
}

/** The most bytes that are kept of what a Client sends before its CONNECT is answered. */
const MOST_EARLY_BYTES = 65_536;

/**
 * So many bytes are read while this end decides: without reading, nobody would see that the Client
 * has gone.
 */
const MOST_HELD_BYTES = 16_384;

/** What a Server's connection waits for. */
type Phase = "connect" | "decision" | "nothing";

/** A Server's end of a connection. */
export class ServerConnection extends Connection {
  readonly #maximumPacketSize: number | undefined;
  readonly #connectTimeout: number;
  /**
   * When the Client is given up that is to send its CONNECT, or to take a step of authentication
   * before CONNACK.
   */
  #connectDeadline: number;
  #phase: Phase = "connect";
  #earlyBytes = 0;
  readonly #mostEarlyBytes: number;
  #connect: ConnectPacket | undefined;
  #own: Capabilities = capabilitiesOf({});
  #keepAliveSeconds = 0;
  #keepAlive: ServerKeepAlive | undefined;
  /** Whether the Client has a step of authentication to take. */
  #isAuthenticating = false;
  /** Whether the broker needs time. */
  #isHeldUp = false;
  /** Whether this end has a step of authentication to take. */
  #isAsked = false;

  /** Waits for a CONNECT. */
  constructor(now: number, options: ServerConnectionOptions = {}) {
    const { maximumPacketSize = Infinity, connectBytes = Infinity } = options;
    super(now, { ...options, maximumPacketSize: Math.min(maximumPacketSize, connectBytes) });
    this.#maximumPacketSize = options.maximumPacketSize;
    this.#mostEarlyBytes = Math.min(MOST_EARLY_BYTES, connectBytes);
    this.#connectTimeout = options.connectTimeout ?? 10_000;
    this.#connectDeadline = now + this.#connectTimeout;
  }

  /**
   * Refuses what {@linkcode ServerConnection.accept} would refuse, and does nothing: to be asked
   * before a session is given to the Client, or taken from another. How large the CONNACK is
   * depends on the properties alone.
   *
   * @throws {TypeError} when no Client has asked, or a field is wrong
   * @throws {RangeError} when a field is out of its range
   * @throws {PacketTooLargeError} when the Client takes no packet as large as its CONNACK
   */
  checkAccept({ properties = {} }: ConnackInit): void {
    this.#requireConnect();
    this.writeBuffer.check({ type: "connack", properties: this.#granted(properties) });
  }

  /**
   * Takes the Client that has asked. What the properties grant is what the Client is held to.
   * `sessionPresent` says that the session is one that the Server had.
   *
   * @throws {TypeError} as {@linkcode ServerConnection.checkAccept} does, and then nothing is done
   * @throws {RangeError} likewise
   * @throws {PacketTooLargeError} likewise
   */
  accept(session: Session, { sessionPresent = false, properties = {} }: ConnackInit): void {
    const connect = this.#requireConnect();
    const asked = connect.properties;
    const granted = this.#granted(properties);
    this.writeBuffer.write({ type: "connack", sessionPresent, properties: granted });
    this.#phase = "nothing";
    this.maximumPacketSize = this.#maximumPacketSize ?? Infinity;
    this.#connect = essentialsOf(connect);
    this.#isAuthenticating = false;
    this.#isAsked = false;
    session.exists = true;
    this.#own = capabilitiesOf(granted);
    this.#keepAliveSeconds = granted.serverKeepAlive ?? connect.keepAlive;
    this.establish(session, {
      own: this.#own,
      peer: capabilitiesOf(asked),
      takesSubscriptionIdentifiers: true,
      takesExplanations: asked.requestProblemInformation !== false,
      isInUse: () => false,
      isResumed: sessionPresent,
    });
    this.decode();
  }

  /**
   * Refuses the Client that has asked, and ends the connection.
   *
   * @throws {TypeError} when no Client has asked
   * @throws {RangeError} when the Reason Code is none for a refusal
   * @throws {PacketTooLargeError} when the Client takes no packet as large as its CONNACK
   */
  refuse(reasonCode: ReasonCodeOf<"connack">, properties: PropertiesOf<"connack"> = {}): void {
    this.#requireConnect();
    if (!isFailure(reasonCode)) {
      throw new RangeError(`reasonCode is ${reasonCode}, which refuses nothing`);
    }
    this.writeBuffer.write({ type: "connack", reasonCode, properties });
    this.close({ by: "this end", packet: undefined });
  }

  /**
   * Takes a step of enhanced authentication: asks the Client to go on (0x18), or tells it that it
   * has succeeded in authenticating again (0x00). The first success is told by `accept()`, a
   * failure by `refuse()` or `disconnect()`.
   *
   * @throws {TypeError} when CONNECT had no Authentication Method, or no step is this end's to take
   */
  authenticate(
    reasonCode: typeof ReasonCode.success | typeof ReasonCode.continueAuthentication,
    properties: Omit<PropertiesOf<"auth">, "authenticationMethod"> = {},
  ): void {
    const authenticationMethod = this.#connect?.properties.authenticationMethod;
    if (authenticationMethod === undefined) {
      throw new TypeError("There is no authentication without an Authentication Method in CONNECT");
    }
    if (this.isClosed) return;
    if (!this.#isAsked || reasonCode === ReasonCode.success && !this.isOpen) {
      throw new TypeError("The client waits for no such step of authentication");
    }
    this.writeBuffer.write({
      type: "auth",
      reasonCode,
      properties: { ...properties, authenticationMethod },
    });
    this.#isAsked = false;
    this.#isAuthenticating = reasonCode === ReasonCode.continueAuthentication;
    // The time of the Client's step begins when it has been asked for: see hasSent().
    this.#connectDeadline = Infinity;
    // What has come ahead of its time is out of turn.
    this.decode();
  }

  /**
   * Refuses a SUBSCRIBE or an UNSUBSCRIBE that cannot be answered, and does nothing: to be asked
   * before any of it is done.
   *
   * @throws {PacketTooLargeError} when the Client takes no packet as large as its answer
   */
  checkAnswer(packet: SubscribePacket | UnsubscribePacket): void {
    if (this.writeBuffer.maximumPacketSize === Infinity) return;
    const { packetId } = packet;
    if (packet.type === "subscribe") {
      const reasonCodes = packet.subscriptions.map(() => ReasonCode.success);
      this.writeBuffer.check({ type: "suback", packetId, reasonCodes });
    } else {
      const reasonCodes = packet.topicFilters.map(() => ReasonCode.success);
      this.writeBuffer.check({ type: "unsuback", packetId, reasonCodes });
    }
  }

  /**
   * Answers a SUBSCRIBE with a Reason Code for each subscription (§3.9) [MQTT-3.8.4-6].
   *
   * @throws {TypeError} when their number is another, or a field is wrong
   */
  suback(
    { packetId, subscriptions }: SubscribePacket,
    reasonCodes: SubackInit["reasonCodes"],
    properties?: PropertiesOf<"suback">,
  ): void {
    checkCount("SUBACK", reasonCodes, subscriptions);
    if (this.isClosed) return;
    this.answer({
      type: "suback",
      packetId,
      reasonCodes,
      properties: this.#told(properties),
    });
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
    if (this.isClosed) return;
    this.answer({
      type: "unsuback",
      packetId,
      reasonCodes,
      properties: this.#told(properties),
    });
  }

  /**
   * Says DISCONNECT and ends the connection; before CONNACK it only ends it [MQTT-3.14.0-1].
   *
   * @throws {RangeError} when a Server may not give the Reason Code
   */
  override disconnect(packet: DisconnectInit): void {
    const { reasonCode = ReasonCode.normalDisconnection } = packet;
    if (!this.isOpen) return this.close({ by: "this end", packet: undefined });
    // Some Clients cannot read a DISCONNECT without Reason Code, which 0x00 without properties
    // would be.
    const isBare = reasonCode === ReasonCode.normalDisconnection && packet.properties === undefined;
    super.disconnect(
      isBare
        ? { ...packet, properties: { reasonString: reasonCodeName(0, "disconnect") } }
        : packet,
    );
  }

  override checkDisconnect(packet: DisconnectInit): void {
    checkServersDisconnect(packet);
    super.checkDisconnect(packet);
  }

  /** Ends the connection without a word: there is none that the Client could take. */
  breakOff(what: string): void {
    this.close({ by: "silence", what });
  }

  /**
   * Looks at no more packets for now: something has to be decided first. That the stream ends is
   * seen meanwhile.
   */
  pause(): void {
    this.#isHeldUp = true;
  }

  /** Looks at packets again, at those first that have come in the meantime. */
  goOn(now: number): void {
    this.now = now;
    this.#isHeldUp = false;
    // What it has sent in the meantime has not been looked at: its time begins anew.
    this.#keepAlive?.received(now);
    this.decode();
  }

  protected get roleDeadline(): number {
    if (this.#isHeldUp) return Infinity;
    return this.#isWaiting ? this.#connectDeadline : this.#keepAlive?.deadline ?? Infinity;
  }

  protected checkTime(): void {
    if (this.#isHeldUp) return;
    if (this.#isWaiting) {
      if (this.now < this.#connectDeadline) return;
      const what = this.#phase === "connect" ? "sent no CONNECT in time" : "sent no AUTH in time";
      return this.close({ by: "silence", what });
    }
    if (this.#keepAlive?.isOver(this.now) !== true) return;
    this.writeBuffer.write({ type: "disconnect", reasonCode: ReasonCode.keepAliveTimeout });
    this.close({ by: "silence", what: "sent nothing for one and a half times its Keep Alive" });
  }

  /**
   * The time of the Client begins when it has been told: how long this end took to decide is not
   * its fault.
   */
  protected hasSent(): void {
    if (this.isOpen) this.#keepAlive ??= new ServerKeepAlive(this.#keepAliveSeconds, this.now);
    else if (this.#isAuthenticating) this.#connectDeadline = this.now + this.#connectTimeout;
  }

  /**
   * Before CONNACK a fault is told by CONNACK, and only to who has sent something like a CONNECT.
   */
  protected report(error: PacketError): void {
    const type = this.isOpen ? "disconnect" : "connack";
    if (type === "connack" && this.#connect === undefined && error.packetType !== "CONNECT") return;
    // A second CONNECT may have a fault that DISCONNECT has no Reason Code for.
    const isCode = reasonCodeName(error.reasonCode, type) !== undefined;
    const reasonCode = isCode
      ? error.reasonCode as typeof ReasonCode.protocolError
      : ReasonCode.protocolError;
    this.writeBuffer.writeIfItFits({
      type,
      reasonCode,
      properties: { reasonString: error.message },
    });
  }

  /** Whether the Client has something to do before CONNACK. */
  get #isWaiting(): boolean {
    return this.#phase === "connect" || this.#phase === "decision" && this.#isAuthenticating;
  }

  protected override get isPaused(): boolean {
    return this.#isHeldUp || this.#phase === "decision" && !this.#isAuthenticating;
  }

  override get wantsBytes(): boolean {
    return super.wantsBytes || this.#isHeldUp && this.unread < MOST_HELD_BYTES;
  }

  override receive(chunk: Uint8Array, now: number): void {
    if (this.#phase === "decision") this.#earlyBytes += chunk.length;
    super.receive(chunk, now);
    if (!this.isClosed && this.#phase === "decision" && this.#earlyBytes > this.#mostEarlyBytes) {
      const properties = { reasonString: "Too much was sent before CONNACK" };
      this.writeBuffer.writeIfItFits({
        type: "connack",
        reasonCode: ReasonCode.quotaExceeded,
        properties,
      });
      this.close({ by: "this end", packet: undefined });
    }
  }

  protected override refuseForMemory(): void {
    const properties = { reasonString: "The server has no memory for what was sent" };
    const reasonCode = ReasonCode.quotaExceeded;
    if (this.isOpen) {
      const packet = { type: "disconnect", reasonCode, properties } as const;
      this.writeBuffer.writeIfItFits(packet);
      return this.close({ by: "this end", packet });
    }
    if (this.#connect !== undefined) {
      this.writeBuffer.writeIfItFits({ type: "connack", reasonCode, properties });
    }
    super.refuseForMemory();
  }

  /** Once for all that came together: there is no time between them. */
  protected override hasReceived(): void {
    this.#keepAlive?.received(this.now);
  }

  protected handlePacket(packet: Packet): void {
    if (!this.isOpen) return this.#handleHandshake(packet);
    switch (packet.type) {
      case "publish":
        checkPublishAllowed(packet, this.#own);
        this.handleShared(packet);
        return;
      case "puback":
      case "pubrec":
      case "pubrel":
      case "pubcomp":
        this.handleShared(packet);
        return;
      case "subscribe":
        checkSubscribeAllowed(packet, this.#own);
        this.events.push({ type: "subscribe", packet });
        return;
      case "unsubscribe":
        this.events.push({ type: "unsubscribe", packet });
        return;
      case "pingreq":
        return this.writeBuffer.write({ type: "pingresp" });
      case "disconnect":
        return this.#handleDisconnect(packet);
      case "auth":
        return this.#handleAuth(packet);
      case "connect":
        throw unexpectedPacket("connect", "comes a second time [MQTT-3.1.0-2]", "3.1");
      default:
        throw unexpectedPacket(packet.type, isFromWrongEnd(packet.type), "2.1.2");
    }
  }

  #handleHandshake(packet: Packet): void {
    if (packet.type === "connect" && this.#connect === undefined) {
      this.#connect = packet;
      this.#phase = "decision";
      this.#isAsked = packet.properties.authenticationMethod !== undefined;
      this.writeBuffer.maximumPacketSize = capabilitiesOf(packet.properties).maximumPacketSize;
      this.events.push({ type: "connect", packet });
      return;
    }
    if (packet.type === "auth" && this.#connect !== undefined) return this.#handleAuth(packet);
    if (packet.type === "disconnect" && this.#connect !== undefined) {
      return this.#handleDisconnect(packet);
    }
    throw this.#connect === undefined
      ? unexpectedPacket(packet.type, "comes before CONNECT [MQTT-3.1.0-1]", "3.1")
      : unexpectedPacket(packet.type, "comes before CONNACK [MQTT-3.1.2-30]", "3.1.2.11.9");
  }

  #handleAuth(packet: AuthPacket): void {
    const { reasonCode, properties } = packet;
    const method = this.#connect!.properties.authenticationMethod;
    if (method === undefined) {
      throw unexpectedPacket("auth", "comes, and CONNECT had no Authentication Method", "4.12");
    }
    if (properties.authenticationMethod !== method) {
      throw protocolError(
        "auth",
        "Authentication Method",
        "is not that of CONNECT [MQTT-4.12.0-5]",
        "3.15.2.2.2",
      );
    }
    const isInTurn = this.#isAuthenticating
      ? reasonCode === ReasonCode.continueAuthentication
      : reasonCode === ReasonCode.reauthenticate && this.isOpen && !this.#isAsked;
    if (!isInTurn) {
      const code = `0x${reasonCode.toString(16).padStart(2, "0")}`;
      throw protocolError("auth", "Authenticate Reason Code", `is ${code} out of turn`, "4.12");
    }
    this.#isAuthenticating = false;
    this.#isAsked = true;
    this.#earlyBytes = 0;
    this.events.push({ type: "auth", packet });
  }

  #handleDisconnect(packet: DisconnectPacket): void {
    checkDisconnectOfClient(packet, this.#connect!.properties.sessionExpiryInterval);
    this.disconnected(packet);
  }

  /** What may be told to a Client that may have asked not to be told [MQTT-3.1.2-29]. */
  #told<Properties extends AckProperties>(
    properties: Properties | undefined,
  ): Properties | undefined {
    if (this.#connect?.properties.requestProblemInformation !== false) return properties;
    return undefined;
  }

  /** What CONNACK says beside what the broker grants. */
  #granted(properties: PropertiesOf<"connack">): PropertiesOf<"connack"> {
    const { authenticationMethod, requestResponseInformation } = this.#connect!.properties;
    return {
      ...properties,
      maximumPacketSize: this.#maximumPacketSize,
      authenticationMethod,
      // [MQTT-3.1.2-28]
      responseInformation: requestResponseInformation === true
        ? properties.responseInformation
        : undefined,
    };
  }

  #requireConnect(): ConnectPacket {
    if (this.#connect === undefined || this.#phase !== "decision" || this.isClosed) {
      throw new TypeError("No client waits to be accepted or refused");
    }
    return this.#connect;
  }
}

/**
 * What is asked of a CONNECT once it has been answered: the rest of it, a Will above all, is not
 * kept.
 */
function essentialsOf(packet: ConnectPacket): ConnectPacket {
  const { sessionExpiryInterval, authenticationMethod, requestProblemInformation } =
    packet.properties;
  const properties = { sessionExpiryInterval, authenticationMethod, requestProblemInformation };
  return { ...packet, will: undefined, password: undefined, properties };
}

function checkCount(
  name: string,
  reasonCodes: readonly number[],
  filters: readonly unknown[],
): void {
  if (reasonCodes.length === filters.length) return;
  throw new TypeError(
    `${name} needs ${filters.length} Reason Codes, one for each Topic Filter, got ${reasonCodes.length}`,
  );
}
