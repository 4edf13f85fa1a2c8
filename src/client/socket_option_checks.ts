// How the options are checked that only sockets need. Apart from servers.ts, so that a page does
// not load it.

import { parseProxyUrl } from "../io/proxy_url.ts";
import { checkTlsOptions } from "../io/tls.ts";
import type { SocketOptionChecks } from "./servers.ts";

/** The checks of the whole library. */
export const SOCKET_OPTION_CHECKS: SocketOptionChecks = {
  checkTls: checkTlsOptions,
  parseProxy: parseProxyUrl,
};
