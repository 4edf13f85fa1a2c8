// What the server has granted, with what the standard says where the server said nothing.

import type { ConnackPacket, ConnectInit, PropertiesOf } from "../packets/mod.ts";
import { type Capabilities, capabilitiesOf } from "../session/capabilities.ts";
import { clientIdOf } from "../session/client_checks.ts";

/**
 * What CONNACK granted, and limits (§3.2.2.3): its properties, with the standard's defaults for
 * {@linkcode Capabilities}, and what is known of the session.
 */
export interface ServerInfo extends
  Omit<
    PropertiesOf<"connack">,
    keyof Capabilities | "sessionExpiryInterval" | "userProperties"
  >,
  Capabilities {
  /** Whether the server resumed a session that it had (§3.2.2.1.1). */
  readonly sessionPresent: boolean;
  /**
   * The Client Identifier: the client's own, or the one that the server assigned to a client
   * without (§3.2.2.3.7). One that is assigned to a client with its own is in
   * `assignedClientIdentifier` and otherwise ignored.
   */
  readonly clientId: string;
  /**
   * The Keep Alive in force, in seconds; 0 for none: the server's, if it named one (§3.2.2.3.14).
   */
  readonly keepAlive: number;
  /** How many seconds the session outlives the connection; 4,294,967,295 for ever (§3.2.2.3.2). */
  readonly sessionExpiryInterval: number;
  /** User Properties, in their order (§3.2.2.3.10). */
  readonly userProperties: readonly (readonly [name: string, value: string])[];
}

/** What an answer to a CONNECT grants. */
export function serverInfo(connect: ConnectInit, connack: ConnackPacket): ServerInfo {
  const { sessionPresent, properties } = connack;
  return {
    ...properties,
    ...capabilitiesOf(properties),
    sessionPresent,
    clientId: clientIdOf(connect, connack),
    keepAlive: properties.serverKeepAlive ?? connect.keepAlive ?? 0,
    sessionExpiryInterval: properties.sessionExpiryInterval ??
      connect.properties?.sessionExpiryInterval ?? 0,
    userProperties: properties.userProperties ?? [],
  };
}
