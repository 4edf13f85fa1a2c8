// §3.1 CONNECT, §3.2 CONNACK, §3.14 DISCONNECT, §3.15 AUTH: which packets an end may send at all as
// the connection begins, lives and ends, and what the two handshakes must say.
//
//   opening ──CONNECT──▶ connecting ──CONNACK──▶ connected, or refused

import type {
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  Packet,
} from "../packets/mod.ts";
import { isFailure, ReasonCode } from "../packets/mod.ts";
import { packetName } from "../packets/packet_types.ts";
import { type Judge, type Obligation, quoted, type Side, subject } from "./findings.ts";

/** How far a connection has come. */
export type State = "opening" | "connecting" | "connected" | "refused";

/** What is kept of a CONNECT: no password, no Will. */
export interface Asked {
  readonly clientId: string;
  readonly cleanStart: boolean;
  readonly keepAlive: number;
  readonly sessionExpiryInterval: number;
  readonly method: string | undefined;
  readonly wantsResponseInformation: boolean;
  readonly wantsProblemInformation: boolean;
}

/** Packets that only the other end sends (Table 2-1). */
const FOREIGN: { readonly [From in Side]: ReadonlySet<Packet["type"]> } = {
  client: new Set(["connack", "suback", "unsuback", "pingresp"]),
  server: new Set(["connect", "subscribe", "unsubscribe", "pingreq"]),
};

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

/** Who is to speak in an exchange of AUTH; `undefined` when there is none. */
type Turn = Side | undefined;

/** The beginning and the end of one connection. */
export class Handshake {
  readonly #judge: Judge;
  state: State = "opening";
  /** What CONNECT asked for; set from then on. */
  asked: Asked | undefined;
  /** When each end has sent its last packet, and when it has closed its direction. */
  readonly #disconnectedAt: { [From in Side]: number | undefined } = {
    client: undefined,
    server: undefined,
  };
  readonly #closed: { [From in Side]: boolean } = { client: false, server: false };
  /** Whether the Client did not wait for CONNACK: then it did not know what it says. */
  isPipelined = false;
  #since = 0;
  #turn: Turn;

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  /** Whether an end may send this kind of packet now; else it is not looked at any further. */
  admits(from: Side, type: Packet["type"]): boolean {
    const judge = this.#judge;
    const name = packetName(type);
    if (this.#disconnectedAt[from] !== undefined) {
      const after = this.state === "refused" ? "CONNACK" : "DISCONNECT";
      return judge.holds(
        after === "CONNACK" ? "MQTT-3.2.2-7" : "MQTT-3.14.4-1",
        false,
        () => `${subject(from)} sends ${name} after a ${after} that ends the connection`,
      );
    }
    if (from === "client") return this.#admitsOfClient(type, name);
    return this.#admitsOfServer(type, name);
  }

  #admitsOfClient(type: Packet["type"], name: string): boolean {
    const judge = this.#judge;
    if (this.state === "opening") {
      return judge.holds(
        "MQTT-3.1.0-1",
        type === "connect",
        () => `The Client sends ${name} before CONNECT`,
      );
    }
    if (type === "connect") {
      return judge.holds("MQTT-3.1.0-2", false, () => "The Client sends CONNECT twice");
    }
    if (this.state === "connecting" && this.asked?.method !== undefined) {
      const isAllowed = judge.holds(
        "MQTT-3.1.2-30",
        type === "auth" || type === "disconnect",
        () => `The Client sends ${name} before CONNACK, though it authenticates`,
      );
      if (!isAllowed) return false;
    }
    if (this.state === "connecting" && type !== "auth") this.isPipelined = true;
    return this.#isOwn("client", type, name);
  }

  #admitsOfServer(type: Packet["type"], name: string): boolean {
    const judge = this.#judge;
    if (this.state === "connected") {
      if (type !== "connack") return this.#isOwn("server", type, name);
      return judge.holds("MQTT-3.2.0-2", false, () => "The Server sends CONNACK twice");
    }
    if (type === "disconnect") {
      return judge.holds(
        "MQTT-3.14.0-1",
        false,
        () => "The Server sends DISCONNECT before CONNACK",
      );
    }
    return judge.holds(
      "MQTT-3.2.0-1",
      type === "connack" || type === "auth",
      () => `The Server sends ${name} before CONNACK`,
    );
  }

  #isOwn(from: Side, type: Packet["type"], name: string): boolean {
    return this.#judge.allows(
      "2.1.2",
      !FOREIGN[from].has(type),
      () => `${subject(from)} sends ${name}, which only the other end may send`,
    );
  }

  /** CONNECT, from the Client. */
  connect(packet: ConnectPacket, now: number): void {
    const { properties, clientId, cleanStart, keepAlive, will } = packet;
    this.state = "connecting";
    this.#since = now;
    this.asked = {
      clientId,
      cleanStart,
      keepAlive,
      sessionExpiryInterval: properties.sessionExpiryInterval ?? 0,
      method: properties.authenticationMethod,
      wantsResponseInformation: properties.requestResponseInformation ?? false,
      wantsProblemInformation: properties.requestProblemInformation ?? true,
    };
    const judge = this.#judge;
    judge.count(packet.username === undefined ? "MQTT-3.1.2-16" : "MQTT-3.1.2-17");
    judge.count(packet.password === undefined ? "MQTT-3.1.2-18" : "MQTT-3.1.2-19");
    if (packet.username !== undefined) judge.count("MQTT-3.1.3-12");
    if (will === undefined) {
      judge.count("MQTT-3.1.2-11");
      judge.count("MQTT-3.1.2-13");
    } else {
      judge.count("MQTT-3.1.2-9");
      judge.count("MQTT-3.1.2-12");
      judge.count("MQTT-3.1.3-11");
    }
  }

  /** CONNACK, from the Server. */
  connack(packet: ConnackPacket, now: number): void {
    const { reasonCode, properties, sessionPresent } = packet;
    const judge = this.#judge;
    const asked = this.asked!;
    if (asked.wantsResponseInformation === false) {
      judge.holds(
        "MQTT-3.1.2-28",
        properties.responseInformation === undefined,
        () => "The Server sends Response Information, which the Client has not asked for",
      );
    }
    this.#judgeMethod(packet, asked.method);
    this.#turn = undefined;
    if (isFailure(reasonCode)) {
      judge.holds(
        "MQTT-3.2.2-6",
        !sessionPresent,
        () => "The Server refuses the Client and says that its session is present",
      );
      this.state = "refused";
      this.#disconnectedAt.server = now;
      return;
    }
    this.state = "connected";
    judge.count("MQTT-3.1.4-5");
    if (asked.cleanStart) {
      judge.holds(
        "MQTT-3.2.2-2",
        !sessionPresent,
        () => "The Server says that a session is present, though the Client asked for a new one",
      );
    }
    this.#judgeIdentifier(asked.clientId, properties.assignedClientIdentifier);
  }

  #judgeMethod({ reasonCode, properties }: ConnackPacket, method: string | undefined): void {
    const said = properties.authenticationMethod;
    if (method === undefined) {
      this.#judge.holds(
        "MQTT-4.12.0-6",
        said === undefined,
        () => `The Server sends Authentication Method ${quoted(said!)}, but the Client gave none`,
      );
    } else if (!isFailure(reasonCode) || said !== undefined) {
      this.#judge.holds(
        "MQTT-4.12.0-5",
        said === method,
        () =>
          `The Server sends ${said === undefined ? "no" : quoted(said)} Authentication Method ` +
          `in CONNACK, not ${quoted(method)}`,
      );
    }
  }

  #judgeIdentifier(given: string, assigned: string | undefined): void {
    if (given === "") {
      this.#judge.holds(
        "MQTT-3.1.3-7",
        assigned !== undefined && assigned !== "",
        () => "The Server does not say which Client Identifier it has assigned",
      );
    } else if (assigned !== undefined) {
      this.#judge.warn(
        "3.2.2.3.7",
        "The Server assigns a Client Identifier, but the Client has one",
      );
    }
  }

  /** AUTH, from either end. */
  auth(from: Side, { reasonCode, properties }: AuthPacket): void {
    const judge = this.#judge;
    const method = this.asked?.method;
    if (method === undefined) {
      judge.holds(
        from === "client" ? "MQTT-4.12.0-7" : "MQTT-4.12.0-6",
        false,
        () => `${subject(from)} sends AUTH, but CONNECT had no Authentication Method`,
      );
      return;
    }
    const said = properties.authenticationMethod;
    judge.holds(
      "MQTT-4.12.0-5",
      said === method,
      () => `${subject(from)} sends AUTH with method ${quoted(said)}, not ${quoted(method)}`,
    );
    if (from === "client") this.#authOfClient(reasonCode);
    else this.#authOfServer(reasonCode);
  }

  #authOfClient(reasonCode: number): void {
    const judge = this.#judge;
    if (this.#turn === "client") {
      judge.holds(
        "MQTT-4.12.0-3",
        reasonCode === ReasonCode.continueAuthentication,
        () => `The Client answers AUTH with Reason Code ${reasonCode}, not 24`,
      );
    } else {
      const isBegun = reasonCode === ReasonCode.reauthenticate && this.state === "connected" &&
        this.#turn === undefined;
      judge.holds(
        "MQTT-4.12.1-1",
        isBegun,
        () =>
          `The Client sends AUTH with Reason Code ${reasonCode}, though the Server has asked nothing`,
      );
    }
    this.#turn = "server";
  }

  #authOfServer(reasonCode: number): void {
    const judge = this.#judge;
    const isConnecting = this.state === "connecting";
    const mayEnd = !isConnecting && reasonCode === ReasonCode.success;
    judge.holds(
      "MQTT-4.12.0-2",
      mayEnd || reasonCode === ReasonCode.continueAuthentication,
      () => `The Server sends AUTH with Reason Code ${reasonCode}, not 24`,
    );
    const isItsTurn = this.#turn === "server" || isConnecting && this.#turn === undefined;
    judge.allows("4.12", isItsTurn, () => "The Server sends AUTH, though it is not its turn");
    this.#turn = mayEnd ? undefined : "client";
  }

  /** DISCONNECT, from either end. */
  disconnect(from: Side, { reasonCode, properties }: DisconnectPacket, now: number): void {
    const judge = this.#judge;
    this.#disconnectedAt[from] = now;
    const expiry = properties.sessionExpiryInterval;
    if (from === "server") {
      judge.holds(
        "MQTT-3.14.2-2",
        expiry === undefined,
        () => "The Server sends a Session Expiry Interval in DISCONNECT",
      );
      judge.allows(
        "3.14.2.1",
        reasonCode !== ReasonCode.disconnectWithWillMessage,
        () => "The Server sends DISCONNECT with Reason Code 4, which only the Client may send",
      );
      return;
    }
    judge.allows(
      "3.14.2.1",
      !OF_SERVER.has(reasonCode),
      () =>
        `The Client sends DISCONNECT with Reason Code ${reasonCode}, which only the Server may send`,
    );
    judge.allows(
      "3.14.2.2.5",
      properties.serverReference === undefined,
      () => "The Client sends a Server Reference in DISCONNECT",
    );
    const isRaised = (expiry ?? 0) > 0 && this.asked?.sessionExpiryInterval === 0;
    judge.allows(
      "3.14.2.2.2",
      !isRaised,
      () => "The Client sets a Session Expiry Interval in DISCONNECT, though that of CONNECT was 0",
    );
  }

  /** An end has closed its direction. */
  end(from: Side): void {
    const judge = this.#judge;
    this.#closed[from] = true;
    if (from === "server" && this.state === "connected") judge.count("MQTT-3.2.0-2");
    if (this.#disconnectedAt[from] === undefined) return;
    if (this.state === "refused") return judge.count("MQTT-3.2.2-7");
    judge.count("MQTT-3.14.4-1");
    judge.count("MQTT-3.14.4-2");
  }

  /** Whether an end has closed its direction, or said that it will. */
  isOver(from: Side): boolean {
    return this.#closed[from] || this.#disconnectedAt[from] !== undefined;
  }

  /** What either end still owes. */
  *obligations(): Generator<Obligation> {
    if (this.state === "connecting" && !this.#closed.server && !this.#closed.client) {
      yield {
        statement: "MQTT-3.1.4-5",
        by: "server",
        since: this.#since,
        message: "The Server has neither answered CONNECT nor closed the connection",
      };
    }
    for (const by of SIDES) {
      const since = this.#disconnectedAt[by];
      if (since === undefined || this.#closed[by]) continue;
      const isRefused = this.state === "refused";
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

const SIDES = ["client", "server"] as const;
