// @ts-check
// What connections are called in the diagram.

import { visible } from "./payload.js";

/** @import { Model } from "./model.js" */

/**
 * What a connection is called in a row; empty if only one is shown.
 *
 * @param {Pick<Model, "connection" | "connections">} model
 * @param {number} id
 */
export function nameIn({ connection, connections }, id) {
  if (connection !== undefined) return "";
  const clientId = connections.get(id)?.clientId ?? "";
  return clientId === "" ? `#${id}` : `#${id} ${visible(clientId)}`;
}

/**
 * What stands above the two lifelines.
 *
 * @param {Pick<Model, "connection" | "connections">} model
 * @returns {[client: string, server: string]}
 */
export function headsOf({ connection, connections }) {
  const row = connection === undefined ? undefined : connections.get(connection);
  return row === undefined
    ? ["Clients", "Server"]
    : [visible(row.clientId || row.client), row.server];
}

/**
 * A text that is another one when more is known of the connections: what they are called comes a
 * little later than their first packets.
 *
 * @param {Pick<Model, "connections">} model
 */
export function knownOf({ connections }) {
  let named = 0;
  for (const { clientId } of connections.values()) if (clientId !== null) named++;
  return `${connections.size} ${named} ${[...connections.keys()].at(-1)}`;
}
