// Whose session is it? A Client Identifier is no secret, and names a session all the same
// [MQTT-3.1.3-2]: who may connect must not get the messages that wait for somebody else by it, nor
// end them by Clean Start.

import type { Hooks } from "./hooks.ts";
import type { BrokerConnection } from "./model.ts";

/**
 * The owner of the session that a client begins, or asks for: `undefined` for nobody in particular,
 * false when the hook that should tell has failed.
 */
export function ownerOf(
  { client, connect, peer }: BrokerConnection,
  hooks: Hooks,
): string | undefined | false {
  const { username, certificate } = client!;
  // Who gives no Authentication Method passes by the hook for its steps.
  const isAuthenticated = hooks.hasAuthenticate || peer.certificateUsername !== undefined ||
    connect!.properties.authenticationMethod !== undefined;
  const usual = isAuthenticated ? username ?? certificate?.subjectText ?? "" : undefined;
  return hooks.sessionOwner(client!, usual);
}

/**
 * Whether a session of that owner may be had by the other one: by its own, and by anybody if it is
 * nobody's.
 */
export function mayHave(owner: string | undefined, other: string | undefined): boolean {
  return owner === undefined || owner === other;
}
