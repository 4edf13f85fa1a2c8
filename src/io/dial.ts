// One way to every server: by the sockets of the runtime, or as a browser does it, which has
// WebSockets alone. What needs sockets is loaded where there are some, and never by a page: it is a
// quarter of the library.

import { openBrowserWebSocket } from "./browser_websocket.ts";
import { type Destination, usesWebSocket } from "./destination.ts";
import { messageOf, type OptionNames } from "./fault_texts.ts";
import { ConnectionFault } from "./faults.ts";
import type { Proxy } from "./proxy.ts";
import { builtinModule, isDeno } from "./runtime.ts";
import type { TlsRequest, TlsResult } from "./tls.ts";
import type { Transport } from "./transport.ts";

/** A step on the way to a server, once it has been taken. */
export type DialStep =
  | { readonly type: "connected"; readonly to: string }
  | { readonly type: "proxy"; readonly proxy: Proxy; readonly target: string }
  | { readonly type: "tls"; readonly request: TlsRequest; readonly result: TlsResult }
  | { readonly type: "websocket"; readonly request: string; readonly response: string };

/** How to dial. */
export interface DialOptions {
  /** Gives up. Once there is a connection, it does nothing more. */
  readonly signal: AbortSignal;
  /** Is told each step. */
  readonly observe?: ((step: DialStep) => void) | undefined;
  /** What faults call the options. Default: as the library does. */
  readonly names?: OptionNames | undefined;
}

/**
 * Opens a connection to a server.
 *
 * @throws {ConnectionFault} when there is none, with one sentence that says why
 * @throws {unknown} the signal's reason when it aborts
 */
export async function dial(destination: Destination, options: DialOptions): Promise<Transport> {
  const hasSockets = isDeno || builtinModule("node:net") !== undefined;
  if (!hasSockets) return await dialInBrowser(destination, options.signal);
  const { dialBySockets } = await import("./socket_dial.ts");
  return await dialBySockets(destination, options);
}

/** A browser has WebSockets, and decides itself about TLS, headers and proxies. */
async function dialInBrowser(destination: Destination, signal: AbortSignal): Promise<Transport> {
  const { scheme, address, path, tls, headers, proxy } = destination;
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
  try {
    return await openBrowserWebSocket(`${scheme}://${address}${path}`, { signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new ConnectionFault("other", "time", messageOf(error), error);
  }
}
