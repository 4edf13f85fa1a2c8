// Connecting to a server through a proxy, over a connection to the proxy that is already open.

import { askHttpProxy } from "./http_connect.ts";
import { ipAddress } from "./ip_address.ts";
import { OptionError } from "./option_error.ts";
import { AnswerReader, type Destination, ProxyError } from "./proxy_answer.ts";
import type { Proxy } from "./proxy_url.ts";
import { builtinModule } from "./runtime.ts";
import { askSocksProxy } from "./socks5.ts";
import type { Transport } from "./transport.ts";

export { type Destination, ProxyError, type ProxyFault } from "./proxy_answer.ts";
export { parseProxyUrl, type Proxy, type ProxyCredentials } from "./proxy_url.ts";

/**
 * Asks a proxy to connect to a server. Once the promise has resolved, everything that is written to
 * the transport goes to the server.
 *
 * Resolves with the bytes of the server that were read together with the proxy's answer, usually
 * none; they precede everything that is read from the transport afterwards. When the promise
 * rejects, the caller must close the transport. There is no timeout: closing the transport cancels
 * the request, except during a name lookup.
 *
 * For `socks5:`, `lookUp` resolves the host name; see {@linkcode lookUpHost}.
 *
 * @throws {ProxyError} when the proxy does not connect to the server, does not behave like a proxy,
 *   or the host name cannot be resolved
 * @throws {TypeError} when the proxy's protocol cannot express the destination
 * @throws {Error} what the transport throws
 */
export async function connectThroughProxy(
  proxy: Proxy,
  transport: Transport,
  destination: Destination,
  lookUp: (hostname: string) => Promise<string> = lookUpHost,
): Promise<Uint8Array> {
  const reader = new AnswerReader(transport, proxy);
  if (proxy.protocol === "http") return await askHttpProxy(proxy, transport, reader, destination);
  const isName = ipAddress(destination.hostname) === undefined;
  const host = proxy.protocol === "socks5" && isName
    ? await lookUp(destination.hostname)
    : destination.hostname;
  return await askSocksProxy(proxy, transport, reader, destination, host);
}

/**
 * Looks a host name up with the system's resolver. Prefers the first IPv4 address: the proxy is
 * given only one address, and may not be able to reach IPv6.
 *
 * In Deno this needs `--allow-net=host`, without a port: permission for `host:port` is not enough.
 *
 * @throws {ProxyError} when the name cannot be resolved, or Deno does not permit the lookup
 */
export async function lookUpHost(hostname: string): Promise<string> {
  const dns = builtinModule("node:dns/promises");
  if (dns === undefined) {
    throw new OptionError("This runtime cannot look up host names; use socks5h://");
  }
  try {
    const addresses = await dns.lookup(hostname, { all: true });
    const { address } = addresses.find(({ family }) => family === 4) ?? addresses[0]!;
    return address;
  } catch (cause) {
    const isDenied = (cause as { code?: unknown }).code === "EPERM";
    throw new ProxyError(
      isDenied
        ? `Looking up ${hostname} needs --allow-net=${hostname}, without a port; ` +
          "with socks5h:// the proxy looks it up"
        : `Cannot find the host ${hostname}; with socks5h:// the proxy looks it up`,
      { why: isDenied ? "permission" : "not found", cause },
    );
  }
}
