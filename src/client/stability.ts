// Whether connections last. Two clients with one Client Identifier throw each other out
// [MQTT-3.1.4-3]; where the server does not say so (0x8E), each sees only connections that end soon
// after they are made, and both would go on for ever.

import { ConnectionClosedError } from "../errors.ts";
import type { CloseCause } from "../session/events.ts";
import { longestDelay, type ReconnectOptions } from "./reconnect.ts";

/** After so many short connections in a row it is said what may be the cause. */
const SUSPICIOUS = 3;

/** How the connections of a client have ended. */
export class Stability {
  /** Attempts since a connection was last stable. */
  attempts = 0;
  /** Connections in a row that the server ended soon, without a word. */
  #short = 0;

  /** Takes note of a connection that has ended after so many ms. Returns whether it was stable. */
  ended(lasted: number, cause: CloseCause, options: ReconnectOptions): boolean {
    // A rival that comes back as late as this client does must not make a connection look stable.
    const isStable = lasted >= Math.max(
      options.stableAfter,
      2 * longestDelay(this.attempts, options),
    );
    if (isStable) this.attempts = 0;
    this.#short = isStable || cause.kind !== "network" ? 0 : this.#short + 1;
    return isStable;
  }

  /** Whether another client seems to use the same Client Identifier. */
  get isContested(): boolean {
    return this.#short >= SUSPICIOUS;
  }

  /** The error for the connection that has ended, with what may be the cause. */
  explain(error: ConnectionClosedError, clientId: string): ConnectionClosedError {
    if (!this.isContested) return error;
    const { message, kind, reasonCode, code, cause } = error;
    const told = `${message}, ${this.#short} times in a row soon after it was made; another ` +
      `client may be using the same Client Identifier, ${JSON.stringify(clientId)}`;
    return new ConnectionClosedError(told, { kind, reasonCode, code, cause });
  }
}
