// The states of a Server's connection: what each keeps, and nothing more. What comes in each, and
// what follows, is the table of ServerConnection.

import type { ConnectPacket } from "../packets/mod.ts";
import type { Turn } from "./authentication.ts";
import type { Capabilities } from "./capabilities.ts";
import type { ServerKeepAlive } from "./keep_alive.ts";
import type { MessageExchange } from "./message_exchange.ts";

/**
 * CONNECT is to come.
 *
 * @internal
 */
export interface AwaitingConnect {
  readonly name: "awaiting connect";
  readonly exchange?: undefined;
  /** When the Client is given up. */
  readonly deadline: number;
}

/**
 * CONNECT, or a step of authentication, has come: it is the application's turn.
 *
 * @internal
 */
export interface Deciding {
  readonly name: "deciding";
  readonly exchange?: undefined;
  readonly connect: ConnectPacket;
}

/**
 * The Client has been asked for a step of authentication before CONNACK.
 *
 * @internal
 */
export interface Authenticating {
  readonly name: "authenticating";
  readonly exchange?: undefined;
  readonly connect: ConnectPacket;
  /** When the Client is given up; its time begins when it has been asked. */
  deadline: number;
}

/**
 * CONNACK has been written. Of CONNECT only this is kept: a Will or a Password may be large.
 *
 * @internal
 */
export interface Open {
  readonly name: "open";
  readonly exchange: MessageExchange;
  /** What this end has granted. */
  readonly own: Capabilities;
  readonly keepAliveSeconds: number;
  /** Whether the Client is a bridge of an older version. */
  readonly isBridge: boolean;
  /** Begins when CONNACK has been sent. */
  keepAlive: ServerKeepAlive | undefined;
  readonly authenticationMethod: string | undefined;
  /** Whose turn it is in authenticating again. */
  turn: Turn;
  /** The Session Expiry Interval of CONNECT. */
  readonly sessionExpiryInterval: number | undefined;
  /** Whether the Client wants Reason Strings and User Properties in answers [MQTT-3.1.2-29]. */
  readonly takesExplanations: boolean;
}

/**
 * What a Server's connection is doing, as long as it is not closed.
 *
 * @internal
 */
export type ServerState = AwaitingConnect | Deciding | Authenticating | Open;

/** The Authentication Method of CONNECT. */
export function methodOf(state: ServerState): string | undefined {
  if (state.name === "awaiting connect") return undefined;
  if (state.name === "open") return state.authenticationMethod;
  return state.connect.properties.authenticationMethod;
}
