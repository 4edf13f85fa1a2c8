// What only programs with sockets need. Apart from servers.ts, so that a page does not load it.

import { parseProxyUrl } from "../io/proxy_url.ts";
import { connectionTransport } from "../io/tcp.ts";
import { checkTlsOptions } from "../io/tls.ts";
import type { Sockets } from "./servers.ts";

/** That of the whole library. */
export const SOCKETS: Sockets = {
  checkTls: checkTlsOptions,
  parseProxy: parseProxyUrl,
  connectionTransport,
};
