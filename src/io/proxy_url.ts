// A proxy as a URL: `socks5://user:password@host:port`.

import { takeZone, withZone } from "./zone.ts";

/** A proxy, parsed from its URL. */
export interface Proxy {
  /**
   * - `"socks5"`: SOCKS 5 (RFC 1928). The server's name is looked up here.
   * - `"socks5h"`: the same, but the proxy looks the name up.
   * - `"http"`: the method CONNECT (RFC 9110 §9.3.6). The proxy looks the name up.
   */
  readonly protocol: "socks5" | "socks5h" | "http";
  /** A host name or an IP address. */
  readonly hostname: string;
  /** 1 to 65,535. */
  readonly port: number;
  /** `host:port`, for messages. */
  readonly address: string;
  /** For proxies that require authentication. */
  readonly credentials: ProxyCredentials | undefined;
}

/** A user name and a password for a proxy. */
export interface ProxyCredentials {
  readonly username: string;
  /** `""` if the URL has none. */
  readonly password: string;
}

/** Registered for SOCKS. HTTP proxies have no registered port; curl, too, defaults to 1080. */
const PORT = 1080;

const FORM = "write it as socks5://127.0.0.1:1080";

/**
 * Parses the URL of a proxy: `socks5:`, `socks5h:` or `http:`, an optional percent-encoded user
 * name and password, a host, and an optional port (default: 1080, as with curl).
 *
 * Error messages do not contain the URL, as there may be a password in it.
 *
 * @throws {TypeError} when it is not the URL of a proxy
 */
export function parseProxyUrl(text: string): Proxy {
  const [, scheme, rest] = /^([a-z][a-z\d+.-]*):\/\/(.*)$/is.exec(text) ?? [];
  if (scheme === undefined) throw new TypeError(`Expected the URL of a proxy; ${FORM}`);
  const protocol = scheme.toLowerCase();
  if (protocol !== "socks5" && protocol !== "socks5h" && protocol !== "http") {
    throw new TypeError(
      `${protocol}:// is not a proxy scheme; use socks5://, socks5h:// or http://`,
    );
  }
  // Parsed with a scheme that has no default port: an explicit port 80 would be lost with http:.
  const { url: plain, zone } = takeZone(`socks5://${rest}`);
  const url = URL.canParse(plain) ? new URL(plain) : undefined;
  if (url === undefined || url.hostname === "") {
    throw new TypeError(`The URL of the proxy has no valid host and port; ${FORM}`);
  }
  if (!["", "/"].includes(url.pathname + url.search + url.hash)) {
    throw new TypeError(
      "The URL of the proxy must end after the port; " +
        "in a password write / as %2F, ? as %3F, # as %23 and @ as %40",
    );
  }
  if (url.port === "0") throw new TypeError("The port of the proxy must be from 1 to 65535");
  const hostname = withZone(asciiHostname(url.hostname), zone);
  const port = url.port === "" ? PORT : Number(url.port);
  const credentials = credentialsOf(url);
  if (credentials !== undefined) checkCredentials(credentials, protocol);
  return {
    protocol,
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    address: `${hostname}:${port}`,
    credentials,
  };
}

/** The ASCII (Punycode) form of a host name. Only URLs of web schemes such as http: convert it. */
function asciiHostname(hostname: string): string {
  const url = `http://${hostname}`;
  if (!URL.canParse(url)) throw new TypeError(`The host of the proxy is not valid; ${FORM}`);
  return new URL(url).hostname;
}

function credentialsOf({ username, password }: URL): ProxyCredentials | undefined {
  if (username === "" && password === "") return undefined;
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw new TypeError(
      "The URL of the proxy has an invalid % in its user name or password; write %25",
    );
  }
}

/** RFC 1929 §2 has one byte for each length; in RFC 7617 §2 a colon ends the user name. */
function checkCredentials(
  { username, password }: ProxyCredentials,
  protocol: Proxy["protocol"],
): void {
  if (username === "") throw new TypeError("The URL of the proxy has a password and no user name");
  if (protocol === "http") {
    if (username.includes(":")) {
      throw new TypeError("The user name for an HTTP proxy must not contain a colon");
    }
    // deno-lint-ignore no-control-regex
    if (/[\x00-\x1f\x7f]/.test(username + password)) {
      throw new TypeError(
        "The user name and password for an HTTP proxy must not contain control characters",
      );
    }
    return;
  }
  const lengths = [username, password].map((text) => new TextEncoder().encode(text).length);
  if (Math.max(...lengths) > 255) {
    throw new TypeError(
      "The user name and the password for a SOCKS proxy must not be longer than 255 bytes each",
    );
  }
}
