// Session ownership. A Client Identifier names a session [MQTT-3.1.3-2] but is no secret: another
// user who may connect must neither receive the messages that are queued for the session nor
// discard them with Clean Start.

import type { Hooks } from "./hooks.ts";
import type { BrokerConnection } from "./model.ts";

/**
 * The owner of the session that a client begins or asks to resume: `undefined` when the session has
 * none, false when the hook `sessionOwner` has failed.
 */
export function ownerOf(
  { client, connect, peer }: BrokerConnection,
  hooks: Hooks,
): string | undefined | false {
  const { username, certificate } = client!;
  // A client that gives no Authentication Method never reaches the hook `authenticateStep`.
  const isAuthenticated = hooks.hasAuthenticate || peer.certificateUsername !== undefined ||
    connect!.properties.authenticationMethod !== undefined;
  const byDefault = isAuthenticated ? username ?? certificate?.subjectText ?? "" : undefined;
  return hooks.sessionOwner(client!, byDefault);
}

/** Whether `user` may use a session that belongs to `owner`. A session without one is anybody's. */
export function canUseSession(owner: string | undefined, user: string | undefined): boolean {
  return owner === undefined || owner === user;
}
