// The clients of a broker as the program that runs it sees them: who is connected, and how to end
// a connection (§3.14).

import {
  checkPacket,
  type DisconnectInit,
  type PropertiesOf,
  type ReasonCodeOf,
} from "../packets/mod.ts";
import { checkServersDisconnect } from "../session/disconnecting.ts";
import type { BrokerConnection } from "./model.ts";
import type { ClientInfo } from "./options.ts";

/** A client that is connected. */
export interface ConnectedClient extends ClientInfo {
  /** When it connected, in milliseconds since 1970. */
  readonly since: number;
  /** How many subscriptions its session has. */
  readonly subscriptions: number;
  /** How many messages are queued for it. */
  readonly queued: number;
  /** How many messages of QoS 1 and 2 have been sent to it and are not acknowledged. */
  readonly inFlight: number;
}

/** Options of `broker.disconnect()`: the properties of DISCONNECT (§3.14.2.2), flat. */
export type DisconnectClientOptions = Omit<PropertiesOf<"disconnect">, "sessionExpiryInterval">;

/** What is to be seen of a client now. `lead` is that of the engine's clock. */
export function connectedClient(connection: BrokerConnection, lead: number): ConnectedClient {
  const { subscriptions, state } = connection.session!;
  return {
    ...connection.client!,
    since: Math.round(connection.acceptedAt + lead),
    subscriptions: subscriptions.size,
    queued: state.sendQueue.length,
    inFlight: state.inFlight.size,
  };
}

/**
 * The DISCONNECT for a client.
 *
 * @throws {TypeError} when an option is wrong
 * @throws {RangeError} when a server may not send the Reason Code
 */
export function disconnectPacket(
  reasonCode: ReasonCodeOf<"disconnect">,
  options: DisconnectClientOptions,
): DisconnectInit {
  const packet = { type: "disconnect", reasonCode, properties: options } as const;
  checkPacket(packet);
  checkServersDisconnect(packet);
  return packet;
}
