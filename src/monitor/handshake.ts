// §3.1 CONNECT and §3.2 CONNACK: which packets an end may send at all as a connection begins and
// lives, and what the two must say.
//
//   opening ──CONNECT──▶ connecting ──CONNACK──▶ connected, or refused

import type { ConnackPacket, ConnectPacket, Packet } from "../packets/mod.ts";
import { isFailure } from "../packets/mod.ts";
import { packetName } from "../packets/packet_types.ts";
import { Authentication } from "./authentication.ts";
import { Ending } from "./ending.ts";
import type { Judge, Obligation, Side } from "./findings.ts";

/** How far a connection has come. */
export type State = "opening" | "connecting" | "connected" | "refused";

/** What is kept of a CONNECT: no password, no Will. */
export interface Asked {
  readonly clientId: string;
  readonly cleanStart: boolean;
  readonly keepAlive: number;
  readonly sessionExpiryInterval: number;
  readonly wantsResponseInformation: boolean;
  readonly wantsProblemInformation: boolean;
}

/** Packets that only the other end sends (Table 2-1). */
const FOREIGN: { readonly [From in Side]: ReadonlySet<Packet["type"]> } = {
  client: new Set(["connack", "suback", "unsuback", "pingresp"]),
  server: new Set(["connect", "subscribe", "unsubscribe", "pingreq"]),
};

/** The beginning and the end of one connection. */
export class Handshake {
  readonly #judge: Judge;
  readonly authentication: Authentication;
  readonly ending: Ending;
  state: State = "opening";
  /** What CONNECT asked for; set from then on. */
  asked: Asked | undefined;
  /** Whether the Client did not wait for CONNACK: then it did not know what that says. */
  isPipelined = false;
  #since = 0;

  /** That of a connection that begins. */
  constructor(judge: Judge) {
    this.#judge = judge;
    this.authentication = new Authentication(judge);
    this.ending = new Ending(judge);
  }

  /** Whether an end may send this kind of packet now; else it is not looked at any further. */
  admits(from: Side, type: Packet["type"]): boolean {
    const name = packetName(type);
    if (!this.ending.admits(from, name)) return false;
    const isInTurn = from === "client"
      ? this.#admitsOfClient(type, name)
      : this.#admitsOfServer(type, name);
    return isInTurn &&
      this.#judge.allows(
        "2.1.2",
        !FOREIGN[from].has(type),
        () => `sends ${name}, which only the other end may send`,
      );
  }

  #admitsOfClient(type: Packet["type"], name: string): boolean {
    const judge = this.#judge;
    if (this.state === "opening") {
      return judge.holds("MQTT-3.1.0-1", type === "connect", () => `sends ${name} before CONNECT`);
    }
    if (type === "connect") {
      judge.accuse("MQTT-3.1.0-2", "sends CONNECT twice");
      return false;
    }
    if (this.state !== "connecting") return true;
    const isOfExchange = type === "auth" || type === "disconnect";
    if (type !== "auth") this.isPipelined = true;
    return this.authentication.method === undefined ||
      judge.holds(
        "MQTT-3.1.2-30",
        isOfExchange,
        () => `sends ${name} before CONNACK, though it authenticates`,
      );
  }

  #admitsOfServer(type: Packet["type"], name: string): boolean {
    const judge = this.#judge;
    // Perhaps there was a CONNECT, but none that can be read: then nothing is judged any more.
    if (this.state === "opening") {
      return judge.allows("3.2", false, () => `sends ${name} before there is a CONNECT`);
    }
    if (this.state === "connected") {
      if (type !== "connack") return true;
      judge.accuse("MQTT-3.2.0-2", "sends CONNACK twice");
      return false;
    }
    if (type === "disconnect") {
      judge.accuse("MQTT-3.14.0-1", "sends DISCONNECT before CONNACK");
      return false;
    }
    return judge.holds(
      "MQTT-3.2.0-1",
      type === "connack" || type === "auth",
      () => `sends ${name} before CONNACK`,
    );
  }

  /** CONNECT, from the Client. */
  connect(packet: ConnectPacket, now: number): void {
    const { properties, clientId, cleanStart, keepAlive } = packet;
    this.state = "connecting";
    this.#since = now;
    this.authentication.method = properties.authenticationMethod;
    this.asked = {
      clientId,
      cleanStart,
      keepAlive,
      sessionExpiryInterval: properties.sessionExpiryInterval ?? 0,
      wantsResponseInformation: properties.requestResponseInformation ?? false,
      wantsProblemInformation: properties.requestProblemInformation ?? true,
    };
    this.#countFields(packet);
  }

  #countFields({ username, password, will }: ConnectPacket): void {
    const judge = this.#judge;
    judge.count(username === undefined ? "MQTT-3.1.2-16" : "MQTT-3.1.2-17");
    judge.count(password === undefined ? "MQTT-3.1.2-18" : "MQTT-3.1.2-19");
    if (username !== undefined) judge.count("MQTT-3.1.3-12");
    const ofWill = will === undefined
      ? ["MQTT-3.1.2-11", "MQTT-3.1.2-13"]
      : ["MQTT-3.1.2-9", "MQTT-3.1.2-12", "MQTT-3.1.3-11"];
    for (const statement of ofWill) judge.count(statement);
  }

  /** CONNACK, from the Server. */
  connack(packet: ConnackPacket, now: number): void {
    const { reasonCode, properties, sessionPresent } = packet;
    const { clientId, cleanStart, wantsResponseInformation } = this.asked!;
    const judge = this.#judge;
    if (!wantsResponseInformation) {
      judge.holds(
        "MQTT-3.1.2-28",
        properties.responseInformation === undefined,
        () => "sends Response Information, which the Client has not asked for",
      );
    }
    this.authentication.connack(packet);
    if (isFailure(reasonCode)) {
      this.state = "refused";
      this.ending.refused(reasonCode, now);
      // With Session Present 1 it could not be decoded.
      return judge.count("MQTT-3.2.2-6");
    }
    this.state = "connected";
    judge.count("MQTT-3.1.4-5");
    if (cleanStart) {
      judge.holds(
        "MQTT-3.2.2-2",
        !sessionPresent,
        () => "says that a session is present, though the Client asked for a new one",
      );
    }
    this.#judgeIdentifier(clientId, properties.assignedClientIdentifier);
  }

  #judgeIdentifier(given: string, assigned: string | undefined): void {
    if (given === "") {
      this.#judge.holds(
        "MQTT-3.1.3-7",
        assigned !== undefined && assigned !== "",
        () => "does not say which Client Identifier it has assigned",
      );
    } else if (assigned !== undefined) {
      this.#judge.warn("3.2.2.3.7", "assigns a Client Identifier, but the Client has one");
    }
  }

  /** An end has closed its direction. */
  close(from: Side): void {
    if (from === "server" && this.state === "connected") this.#judge.count("MQTT-3.2.0-2");
    this.ending.close(from);
  }

  /** What either end still owes. */
  *obligations(): Generator<Obligation> {
    const { ending } = this;
    if (this.state === "connecting" && !ending.isOver("server") && !ending.isOver("client")) {
      yield {
        statement: "MQTT-3.1.4-5",
        by: "server",
        since: this.#since,
        message: "The Server has neither answered CONNECT nor closed the connection",
      };
    }
    yield* ending.obligations();
  }
}
