// Connects to any server: with the runtime's sockets, or with the WebSocket of a browser. The code
// for sockets, a quarter of the library, is imported only where there are sockets, never in a page.

import { dialInBrowser } from "./browser_dial.ts";
import type { Destination } from "./destination.ts";
import type { OptionNames } from "./fault_texts.ts";
import type { Proxy } from "./proxy.ts";
import { builtinModule, isDeno } from "./runtime.ts";
import type { TlsRequest, TlsResult } from "./tls.ts";
import type { Transport } from "./transport.ts";

/** A completed step of connecting to a server. */
export type DialStep =
  | { readonly type: "connected"; readonly to: string }
  | { readonly type: "proxy"; readonly proxy: Proxy; readonly target: string }
  | { readonly type: "tls"; readonly request: TlsRequest; readonly result: TlsResult }
  | { readonly type: "websocket"; readonly request: string; readonly response: string };

/** How to dial. */
export interface DialOptions {
  /** Cancels the attempt. Has no effect once the connection is open. */
  readonly signal: AbortSignal;
  /** Called after each step. */
  readonly observe?: ((step: DialStep) => void) | undefined;
  /**
   * Whether the server may speak anything, for a relay: its first bytes are passed on whatever they
   * are. Default: what cannot be MQTT is a fault.
   */
  readonly passesStrangers?: boolean | undefined;
  /** The names of the options in errors. Default: those of the library. */
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
