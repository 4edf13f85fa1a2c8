// The server as a URL: `mqtt://user:password@host:port`.

/** What a URL says of a server. */
export interface ServerUrl {
  /** A host name or an IP address. */
  readonly hostname: string;
  /** Its TCP port. */
  readonly port: number;
  /** `host:port`, for messages. */
  readonly address: string;
  /** The user name, if the URL has one. */
  readonly username: string | undefined;
  /** The password, if the URL has one. */
  readonly password: Uint8Array | undefined;
}

/** The port for MQTT over TCP, registered with IANA. */
const PORT = 1883;

/**
 * Takes a URL apart. A message never shows what may be a password in it.
 *
 * @throws {TypeError} when it is no URL of a server
 */
export function parseServerUrl(text: string): ServerUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "" || !url.protocol.startsWith("mqtt")) {
    throw new TypeError(
      `${
        JSON.stringify(withoutPassword(text))
      } is no URL of a server; write it as mqtt://127.0.0.1:${PORT}`,
    );
  }
  if (url.protocol !== "mqtt:") {
    throw new TypeError(`${url.protocol}// is not supported: only mqtt://, plain TCP, is`);
  }
  if (!["", "/"].includes(url.pathname + url.search + url.hash)) {
    throw new TypeError(
      "The URL must end after the port; in a password write / as %2F, ? as %3F, # as %23 and @ as %40",
    );
  }
  if (url.port === "0") throw new TypeError("The port must be from 1 to 65535");
  const hostname = asciiHostname(url.hostname);
  const password = decoded(url.password);
  const port = url.port === "" ? PORT : Number(url.port);
  return {
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    address: `${hostname}:${port}`,
    username: decoded(url.username),
    password: password === undefined ? undefined : new TextEncoder().encode(password),
  };
}

/** A host name of any script as the network knows it: the URL of a scheme that browsers know does that. */
function asciiHostname(hostname: string): string {
  const url = `http://${hostname}`;
  if (!URL.canParse(url)) throw new TypeError(`${JSON.stringify(hostname)} is no host name`);
  return new URL(url).hostname;
}

function decoded(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("The URL has a % in its user or password without two digits; write %25");
  }
}

/** All that may be a password goes: from the first colon after the slashes to the last @. */
function withoutPassword(text: string): string {
  return text.replace(/^([^/]*\/\/)?([^:]*):.*@/s, "$1$2:…@");
}
