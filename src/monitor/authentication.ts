// §4.12 Enhanced authentication: the method that CONNECT gives, and whose turn it is to send AUTH.

import { type AuthPacket, type ConnackPacket, isFailure, ReasonCode } from "../packets/mod.ts";
import { type Judge, quoted, type Side } from "./findings.ts";

/** The authentication of one connection. */
export class Authentication {
  readonly #judge: Judge;
  /** The Authentication Method of CONNECT; `undefined` when it has none. */
  method: string | undefined;
  #isConnected = false;
  /** Who is to answer an AUTH; `undefined` when there is no exchange. */
  #turn: Side | undefined;

  /** That of a connection without CONNECT yet. */
  constructor(judge: Judge) {
    this.#judge = judge;
  }

  /** CONNACK, from the Server. */
  connack({ reasonCode, properties }: ConnackPacket): void {
    const { method } = this;
    const said = properties.authenticationMethod;
    this.#turn = undefined;
    this.#isConnected = true;
    if (method === undefined) {
      this.#judge.holds(
        "MQTT-4.12.0-6",
        said === undefined,
        () => `sends Authentication Method ${quoted(said!)}, but the Client gave none`,
      );
    } else if (!isFailure(reasonCode) || said !== undefined) {
      this.#judge.holds(
        "MQTT-4.12.0-5",
        said === method,
        () =>
          `sends ${said === undefined ? "no" : quoted(said)} Authentication Method in CONNACK, ` +
          `not ${quoted(method)}`,
      );
    } else this.#judge.count("MQTT-4.12.0-4");
  }

  /** AUTH, from either end. */
  auth(from: Side, { reasonCode, properties }: AuthPacket): void {
    const { method } = this;
    if (method === undefined) {
      const statement = from === "client" ? "MQTT-4.12.0-7" : "MQTT-4.12.0-6";
      return this.#judge.accuse(statement, "sends AUTH, but CONNECT had no Authentication Method");
    }
    const said = properties.authenticationMethod;
    this.#judge.holds(
      "MQTT-4.12.0-5",
      said === method,
      () => `sends AUTH with method ${quoted(said)}, not ${quoted(method)}`,
    );
    if (from === "client") this.#ofClient(reasonCode);
    else this.#ofServer(reasonCode);
  }

  #ofClient(reasonCode: number): void {
    if (this.#turn === "client") {
      this.#judge.holds(
        "MQTT-4.12.0-3",
        reasonCode === ReasonCode.continueAuthentication,
        () => `answers AUTH with Reason Code ${reasonCode}, not 24`,
      );
    } else {
      const isBegun = reasonCode === ReasonCode.reauthenticate && this.#isConnected &&
        this.#turn === undefined;
      this.#judge.holds(
        "MQTT-4.12.1-1",
        isBegun,
        () => `sends AUTH with Reason Code ${reasonCode}, though the Server has asked nothing`,
      );
    }
    this.#turn = "server";
  }

  #ofServer(reasonCode: number): void {
    const isEnd = this.#isConnected && reasonCode === ReasonCode.success;
    const isRight = isEnd || reasonCode === ReasonCode.continueAuthentication;
    this.#judge.holds(
      "MQTT-4.12.0-2",
      isRight,
      () => `sends AUTH with Reason Code ${reasonCode}, not 24`,
    );
    const isItsTurn = this.#turn === "server" || !this.#isConnected && this.#turn === undefined;
    this.#judge.allows("4.12", isItsTurn, () => "sends AUTH, though it is not its turn");
    this.#turn = isEnd ? undefined : "client";
  }
}
