// The server as a URL: `mqtt://user:password@host:port`, and what else leads to one.

import { DEFAULT_PORTS, type Destination, type Scheme } from "../io/destination.ts";
import { takeZone, withZone } from "../io/zone.ts";

/** What a URL says of a server. */
export interface ServerUrl extends Destination {
  /** The user name, if the URL has one. */
  readonly username: string | undefined;
  /** The password, if the URL has one. */
  readonly password: Uint8Array | undefined;
}

/** The schemes, and the other names for them that the pages of servers print. */
const SCHEMES: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  ["mqtt:", "mqtt"],
  ["tcp:", "mqtt"],
  ["mqtts:", "mqtts"],
  ["ssl:", "mqtts"],
  ["tls:", "mqtts"],
  ["ws:", "ws"],
  ["wss:", "wss"],
  ["mqtt+unix:", "mqtt+unix"],
  ["unix:", "mqtt+unix"],
]);

/**
 * Takes a URL apart. A message never shows what may be a password in it.
 *
 * @throws {TypeError} when it is not the URL of a server
 */
export function parseServerUrl(text: string): ServerUrl {
  const { url: plain, zone } = takeZone(text);
  const url = URL.canParse(plain) ? new URL(plain) : undefined;
  const scheme = url && SCHEMES.get(url.protocol);
  if (url !== undefined && scheme === undefined && /^[a-z0-9+.-]+:\/\//i.test(text)) {
    throw new TypeError(
      `Unknown scheme ${url.protocol}//: expected mqtt://, mqtts://, ws://, wss:// or mqtt+unix://`,
    );
  }
  if (url === undefined || scheme === undefined) throw notAUrl(text);
  if (scheme === "mqtt+unix") return unixServer(url);
  if (url.hostname === "") throw notAUrl(text);
  const path = pathOf(url, scheme);
  if (url.port === "0") throw new TypeError("The port must be from 1 to 65535, got 0");
  const hostname = withZone(asciiHostname(url.hostname), zone);
  const port = url.port === "" ? DEFAULT_PORTS[scheme] : Number(url.port);
  const password = decoded(url.password);
  return {
    scheme,
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    path,
    address: `${hostname}:${port}`,
    username: decoded(url.username),
    password: password === undefined ? undefined : new TextEncoder().encode(password),
  };
}

/**
 * The path and the query of a WebSocket; with the others, what stands there is most likely half a
 * password.
 */
function pathOf({ pathname, search, hash }: URL, scheme: Scheme): string {
  if (scheme === "ws" || scheme === "wss") {
    if (hash === "") return pathname + search;
    throw new TypeError("A WebSocket URL has no fragment; write # as %23");
  }
  if (["", "/"].includes(pathname + search + hash)) return "";
  throw new TypeError(
    "The URL must end after the port; in a password write / as %2F, ? as %3F, # as %23 and @ " +
      "as %40",
  );
}

/** A Unix socket by its path, which has no host, and so no user in front of one. */
function unixServer({ host, pathname, search, hash }: URL): ServerUrl {
  const path = decoded(pathname, "path");
  if (host !== "" || path === undefined || !path.startsWith("/") || path === "/") {
    throw new TypeError("Expected the path of a Unix socket, as in mqtt+unix:///run/mqtt.sock");
  }
  if (search + hash !== "") {
    throw new TypeError("A Unix socket URL ends after the path; write ? as %3F and # as %23");
  }
  return {
    scheme: "mqtt+unix",
    hostname: "",
    port: 0,
    path,
    address: path,
    username: undefined,
    password: undefined,
  };
}

function notAUrl(text: string): TypeError {
  return new TypeError(
    `${
      JSON.stringify(withoutPassword(text))
    } is not the URL of a server: expected mqtt://host:port, as in mqtt://127.0.0.1:1883`,
  );
}

/**
 * A host name of any script as the network knows it: the URL of a scheme that browsers know does
 * that.
 */
function asciiHostname(hostname: string): string {
  const url = `http://${hostname}`;
  if (!URL.canParse(url)) throw new TypeError(`${JSON.stringify(hostname)} is not a host name`);
  return new URL(url).hostname;
}

function decoded(text: string, what = "user or password"): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError(`The URL has an invalid % in its ${what}; write %25`);
  }
}

/** All that may be a password goes: from the first colon after the slashes to the last @. */
function withoutPassword(text: string): string {
  return text.replace(/^([^/]*\/\/)?([^:]*):.*@/s, "$1$2:…@");
}
