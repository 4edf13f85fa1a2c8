// The way of browsers to a server: their own WebSocket.

import { openBrowserWebSocket } from "./browser_websocket.ts";
import { type Destination, usesWebSocket } from "./destination.ts";
import { messageOf } from "./fault_texts.ts";
import { ConnectionFault } from "./faults.ts";
import type { Transport } from "./transport.ts";
import { hasZone } from "./zone.ts";

/**
 * Opens a connection by the platform's WebSocket. A browser has nothing else, and decides itself
 * about TLS, headers and proxies.
 *
 * @throws {ConnectionFault} when there is none, with one sentence that says why
 * @throws {unknown} the signal's reason when it aborts
 */
export async function dialInBrowser(
  destination: Destination,
  signal: AbortSignal,
): Promise<Transport> {
  const { scheme, address, path, tls, headers, proxy, hostname } = destination;
  const cannot = (text: string) =>
    new ConnectionFault("unsupported", "change", `Cannot connect to ${address}: ${text}`);
  if (!usesWebSocket(destination)) {
    throw cannot(`a browser can only reach ws:// and wss:// servers, not ${scheme}://`);
  }
  if (tls !== undefined) throw cannot("a browser decides about TLS itself; leave tls out");
  if (proxy !== undefined) throw cannot("a browser decides about proxies itself; leave proxy out");
  if (headers !== undefined) {
    throw cannot("a browser sends no headers of ours; give a token in the URL or as password");
  }
  if (hasZone(hostname)) throw cannot("a browser cannot use the interface of an IPv6 address");
  try {
    return await openBrowserWebSocket(`${scheme}://${address}${path}`, { signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new ConnectionFault("other", "time", messageOf(error), error);
  }
}
