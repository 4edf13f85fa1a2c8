// One way to every server: by the sockets of the runtime, or as a browser does it, which has
// WebSockets alone. What needs sockets is loaded where there are some, and never by a page: it is a
// quarter of the library.

import { dialInBrowser } from "./browser_dial.ts";
import type { Destination } from "./destination.ts";
import type { OptionNames } from "./fault_texts.ts";
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
