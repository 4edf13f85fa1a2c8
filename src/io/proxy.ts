// Proxies: what is said to one, over a connection to it, before the connection leads to a server.

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
 * Has a proxy connect to a server. After that the transport, which leads to the proxy, leads to the
 * server: all that is written to it from now on goes there.
 *
 * The promise resolves with the bytes of the server that have been read along with the proxy's
 * answer, usually none: they come before all that the transport reads from now on. When it rejects,
 * closing the transport is up to the caller. There is no deadline: closing the transport ends it,
 * except while a name is looked up.
 *
 * With `socks5:` a host name is looked up by `lookUp`; see {@linkcode lookUpHost}.
 *
 * @throws {ProxyError} when the proxy does not do it, or is none, or a name is not known
 * @throws {TypeError} when the destination cannot be said to this proxy
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
 * The IP address of a host, by the system's own means. Of several it is the first of IPv4, if there
 * is one: whether the proxy reaches IPv6 is not known here, and it is given one address only.
 *
 * In Deno this needs `--allow-net=host` for that host without a port: a permission for `host:port`
 * does not cover it.
 *
 * @throws {ProxyError} when the name is not known, or Deno does not permit to ask
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
