// §3.14 DISCONNECT, and CONNACK that refuses: whoever sends one sends nothing more, and closes.

import { type DisconnectPacket, ReasonCode } from "../packets/mod.ts";
import { type Judge, type Obligation, type Side, subject } from "./findings.ts";

/** Reason Codes of DISCONNECT that only the Server sends (Table 3-10). */
const OF_SERVER: ReadonlySet<number> = new Set([
  ReasonCode.notAuthorized,
  ReasonCode.serverBusy,
  ReasonCode.serverShuttingDown,
  ReasonCode.keepAliveTimeout,
  ReasonCode.sessionTakenOver,
  ReasonCode.topicFilterInvalid,
  ReasonCode.retainNotSupported,
  ReasonCode.useAnotherServer,
  ReasonCode.serverMoved,
  ReasonCode.sharedSubscriptionsNotSupported,
  ReasonCode.connectionRateExceeded,
  ReasonCode.maximumConnectTime,
  ReasonCode.subscriptionIdentifiersNotSupported,
  ReasonCode.wildcardSubscriptionsNotSupported,
]);

/** Why a Server closes a connection after its CONNACK, by the Reason Code of that. */
const REFUSED: Readonly<Record<number, string | undefined>> = {
  [ReasonCode.malformedPacket]: "MQTT-3.1.4-1",
  [ReasonCode.protocolError]: "MQTT-3.1.4-1",
  [ReasonCode.unsupportedProtocolVersion]: "MQTT-3.1.2-2",
  [ReasonCode.clientIdentifierNotValid]: "MQTT-3.1.3-8",
  [ReasonCode.badUserNameOrPassword]: "MQTT-3.1.4-2",
  [ReasonCode.notAuthorized]: "MQTT-3.1.4-2",
  [ReasonCode.badAuthenticationMethod]: "MQTT-4.12.0-1",
  [ReasonCode.retainNotSupported]: "MQTT-3.2.2-13",
  [ReasonCode.qosNotSupported]: "MQTT-3.2.2-12",
};

const SIDES = ["client", "server"] as const;

/** The last packets of one connection, and what comes after them. */
export class Ending {
  readonly #judge: Judge;
  /** When each end has sent its last packet, and whether it has closed its direction. */
  readonly #lastAt: { [From in Side]: number | undefined } = {
    client: undefined,
    server: undefined,
  };
  readonly #isClosed: { [From in Side]: boolean } = { client: false, server: false };
  /** The Reason Code of a CONNACK that refuses. */
  #refusal: number | undefined;

  /** That of a connection that lasts. */
  constructor(judge: Judge) {
    this.#judge = judge;
  }

  /** Whether an end may still send something. */
  admits(from: Side, name: string): boolean {
    if (this.#lastAt[from] === undefined) return true;
    const isRefused = from === "server" && this.#refusal !== undefined;
    const last = isRefused ? "the CONNACK that refuses the Client" : "DISCONNECT";
    this.#judge.accuse(
      isRefused ? "MQTT-3.2.2-7" : "MQTT-3.14.4-1",
      `sends ${name} after ${last}`,
    );
    return false;
  }

  /** CONNACK that refuses the Client. */
  refused(reasonCode: number, now: number): void {
    this.#refusal = reasonCode;
    this.#lastAt.server = now;
  }

  /** DISCONNECT, from either end, after a CONNECT with this Session Expiry Interval. */
  disconnect(from: Side, packet: DisconnectPacket, asked: number, now: number): void {
    this.#lastAt[from] = now;
    if (from === "server") this.#ofServer(packet);
    else this.#ofClient(packet, asked);
  }

  #ofServer({ reasonCode, properties }: DisconnectPacket): void {
    const judge = this.#judge;
    judge.count("MQTT-3.14.0-1");
    judge.holds(
      "MQTT-3.14.2-2",
      properties.sessionExpiryInterval === undefined,
      () => "sends a Session Expiry Interval in DISCONNECT",
    );
    judge.allows(
      "3.14.2.1",
      reasonCode !== ReasonCode.disconnectWithWillMessage,
      () => "sends DISCONNECT with Reason Code 4, which only the Client may send",
    );
  }

  #ofClient({ reasonCode, properties }: DisconnectPacket, asked: number): void {
    const judge = this.#judge;
    const { sessionExpiryInterval = 0, serverReference } = properties;
    judge.allows(
      "3.14.2.1",
      !OF_SERVER.has(reasonCode),
      () => `sends DISCONNECT with Reason Code ${reasonCode}, which only the Server may send`,
    );
    judge.allows(
      "3.14.2.2.5",
      serverReference === undefined,
      () => "sends a Server Reference in DISCONNECT",
    );
    judge.allows(
      "3.14.2.2.2",
      sessionExpiryInterval === 0 || asked > 0,
      () => "sets a Session Expiry Interval in DISCONNECT, though that of CONNECT was 0",
    );
  }

  /** An end has closed its direction. */
  close(from: Side): void {
    const judge = this.#judge;
    this.#isClosed[from] = true;
    if (this.#lastAt[from] === undefined) return;
    if (from === "client" || this.#refusal === undefined) {
      judge.count("MQTT-3.14.4-1");
      return judge.count("MQTT-3.14.4-2");
    }
    judge.count("MQTT-3.2.2-7");
    judge.count("MQTT-3.1.4-6");
    const statement = REFUSED[this.#refusal];
    if (statement !== undefined) judge.count(statement);
  }

  /** Whether an end has closed its direction. */
  isClosed(from: Side): boolean {
    return this.#isClosed[from];
  }

  /** Whether an end has closed its direction, or sent its last packet. */
  isOver(from: Side): boolean {
    return this.#isClosed[from] || this.#lastAt[from] !== undefined;
  }

  /** Who has still to close. */
  *obligations(): Generator<Obligation> {
    for (const by of SIDES) {
      const since = this.#lastAt[by];
      if (since === undefined || this.#isClosed[by]) continue;
      const isRefused = by === "server" && this.#refusal !== undefined;
      yield {
        statement: isRefused ? "MQTT-3.2.2-7" : "MQTT-3.14.4-2",
        by,
        since,
        message: `${subject(by)} has not closed the connection after its ${
          isRefused ? "CONNACK" : "DISCONNECT"
        }`,
      };
    }
  }
}
