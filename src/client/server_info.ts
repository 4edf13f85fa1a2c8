// What the server has granted, with what the standard says where the server said nothing.

import type { ConnackPacket, ConnectInit } from "../packets/mod.ts";
import { type Capabilities, capabilitiesOf } from "../session/capabilities.ts";

/** What CONNACK granted, and limits (§3.2.2.3). */
export interface ServerInfo extends Capabilities {
  /** Whether the server went on with a session that it had (§3.2.2.1.1). */
  readonly sessionPresent: boolean;
  /** The name of the session: the client's own, or the one that the server assigned (§3.2.2.3.7). */
  readonly clientId: string;
  /** The most seconds between two packets from the client, 0 for no limit: the server's word counts (§3.2.2.3.14). */
  readonly keepAlive: number;
  /** How many seconds the session outlives the connection; 4,294,967,295 for ever (§3.2.2.3.2). */
  readonly sessionExpiryInterval: number;
  /** Where answers to requests may be asked for (§3.2.2.3.15). */
  readonly responseInformation: string | undefined;
  /** Another server to use (§3.2.2.3.16). */
  readonly serverReference: string | undefined;
  /** What the server adds for people (§3.2.2.3.9). */
  readonly reasonString: string | undefined;
  /** What the server adds for programs, in its order (§3.2.2.3.10). */
  readonly userProperties: readonly (readonly [name: string, value: string])[];
  /** How the client was authenticated (§3.2.2.3.17). */
  readonly authenticationMethod: string | undefined;
  /** The last word of that (§3.2.2.3.18). */
  readonly authenticationData: Uint8Array | undefined;
}

/** What an answer to a CONNECT grants. */
export function serverInfo(connect: ConnectInit, connack: ConnackPacket): ServerInfo {
  const { sessionPresent, properties } = connack;
  return {
    ...capabilitiesOf(properties),
    sessionPresent,
    clientId: properties.assignedClientIdentifier ?? connect.clientId ?? "",
    keepAlive: properties.serverKeepAlive ?? connect.keepAlive ?? 0,
    sessionExpiryInterval: properties.sessionExpiryInterval ??
      connect.properties?.sessionExpiryInterval ?? 0,
    responseInformation: properties.responseInformation,
    serverReference: properties.serverReference,
    reasonString: properties.reasonString,
    userProperties: properties.userProperties ?? [],
    authenticationMethod: properties.authenticationMethod,
    authenticationData: properties.authenticationData,
  };
}
