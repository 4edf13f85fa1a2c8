// `connect()` for pages: the client, and of the ways to a server the only one that a browser has.

import { dialInBrowser } from "../io/browser_dial.ts";
import { systemClock } from "../io/clock.ts";
import type { Proxy } from "../io/proxy_url.ts";
import { type Client, startClient } from "./client.ts";
import type { World } from "./connection_attempt.ts";
import type { ConnectOptions } from "./options.ts";
import type { ServerSource } from "./servers.ts";

const WORLD: World = {
  clock: systemClock,
  dial: dialInBrowser,
  // Whatever they are, dialling says that a browser has no use for them.
  sockets: { checkTls: () => {}, parseProxy: (url) => ({ url }) as unknown as Proxy },
};

/**
 * Connects to a server of MQTT 5.0 by `ws://` or `wss://`, or by whatever else carries bytes. It is
 * the `connect()` of the whole library without what only sockets need; it takes the same arguments,
 * and rejects with the same errors.
 *
 * @example
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5/browser";
 *
 * async function main() {
 *   await using client = await connect("wss://broker.example/mqtt");
 *   await client.publish("home/kitchen/temperature", "21.5");
 * }
 * ```
 */
export async function connect(urls: ServerSource, options: ConnectOptions = {}): Promise<Client> {
  return await startClient(WORLD, urls, options);
}
