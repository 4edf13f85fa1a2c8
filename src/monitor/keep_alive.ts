// §3.1.2.10 Keep Alive: the Client's silence, measured where the monitor sits. Bytes that were held
// up on their way to it look like silence, so how much of that is forgiven is the caller's choice.

import type { DisconnectPacket } from "../packets/mod.ts";
import { ReasonCode } from "../packets/mod.ts";
import type { Judge, Obligation } from "./findings.ts";

/** The Server waits half as long again. */
const GRACE = 1.5;

/** The Keep Alive of one link. */
export class KeepAlive {
  readonly #judge: Judge;
  readonly #tolerance: number;
  /** Seconds; 0 for none. */
  #seconds = 0;
  /** When the Client's last packet passed. */
  #heardAt = 0;
  #isOver = false;
  /** Whether the Server has said how much it is. */
  #isOfServer = false;

  /** Forgives so many milliseconds. */
  constructor(judge: Judge, tolerance: number) {
    this.#judge = judge;
    this.#tolerance = tolerance;
  }

  /** CONNACK: from now on this many seconds count, which the Server may have said. */
  begin(asked: number, ofServer: number | undefined, now: number): void {
    this.#isOfServer = ofServer !== undefined;
    this.#seconds = ofServer ?? asked;
    this.#heardAt = now;
  }

  /** A packet of the Client. */
  heard(isPing: boolean, now: number): void {
    const silence = now - this.#heardAt;
    this.#heardAt = now;
    if (this.#seconds === 0) return;
    const isInTime = silence <= this.#seconds * 1000 + this.#tolerance;
    if (isPing || !isInTime) {
      if (this.#isOfServer) this.#judge.count("MQTT-3.1.2-21");
      this.#judge.holds(
        "MQTT-3.1.2-20",
        isInTime,
        () => `was silent for ${seconds(silence)}; its Keep Alive is ${this.#seconds} s`,
      );
    }
  }

  /** DISCONNECT, from the Server. */
  disconnected({ reasonCode }: DisconnectPacket, now: number): void {
    this.#isOver = true;
    if (reasonCode !== ReasonCode.keepAliveTimeout) return;
    const silence = now - this.#heardAt;
    const limit = this.#seconds * 1000 * GRACE;
    if (!this.#isOfServer) this.#judge.count("MQTT-3.2.2-22");
    const isDue = this.#seconds > 0 && silence >= limit - this.#tolerance;
    this.#judge.holds(
      "MQTT-3.1.2-22",
      isDue,
      () =>
        this.#seconds === 0
          ? "ends the connection for its Keep Alive, which is off"
          : `ends the connection after a silence of ${seconds(silence)}, before ` +
            `1.5 times the Keep Alive of ${this.#seconds} s`,
    );
  }

  /** The connection is closed, or about to be. */
  end(): void {
    this.#isOver = true;
  }

  /** What the Server owes at this time: to close the connection after too long a silence. */
  *obligations(now: number): Generator<Obligation> {
    const since = this.#heardAt + this.#seconds * 1000 * GRACE;
    if (this.#isOver || this.#seconds === 0 || now <= since + this.#tolerance) return;
    yield {
      statement: "MQTT-3.1.2-22",
      by: "server",
      since,
      message: `The Server has not closed the connection, though the Client has been silent for ${
        seconds(now - this.#heardAt)
      } and its Keep Alive is ${this.#seconds} s`,
    };
  }
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`;
}
