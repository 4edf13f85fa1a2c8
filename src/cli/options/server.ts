// The options that say which server to connect to and how, with the letters and names of
// mosquitto's tools. Files are read later, when the command runs (tls_files.ts).

import { parseServerUrl, type ServerUrl } from "../../client/server_url.ts";
import { usesTls, usesWebSocket } from "../../io/destination.ts";
import { parseProxyUrl, type Proxy } from "../../io/proxy_url.ts";
import { hasZone, zoneEscaped } from "../../io/zone.ts";
import { usageFailure } from "../failure.ts";
import type { Permissions } from "../permissions.ts";
import { quoted } from "../terminal/text.ts";
import { integerOption, isGiven, type OptionTable, type OptionValues } from "./parse.ts";

const GROUP = "Connection";
const TLS = "TLS";

/** The options for TLS. Without a URL, any of them selects it. */
export const TLS_OPTIONS = {
  "cafile": {
    value: "FILE",
    isFile: true,
    help: "also trust the CA certificates in this file, PEM",
    group: TLS,
  },
  "capath": {
    value: "FOLDER",
    isFile: true,
    help: "also trust *.pem, *.crt and *.0 in this folder",
    group: TLS,
  },
  "cert": { value: "FILE", isFile: true, help: "client certificate, PEM", group: TLS },
  "key": { value: "FILE", isFile: true, help: "private key of --cert, PEM", group: TLS },
  "insecure": { help: "do NOT check the host name in the certificate", group: TLS },
  "tls-alpn": { value: "NAME", many: true, help: "protocol to offer with ALPN", group: TLS },
  "tls-server-name": { value: "NAME", help: "host name to send (SNI) and to check", group: TLS },
} as const satisfies OptionTable;

/** The options that say which server. */
export const SERVER_OPTIONS = {
  "host": { short: "h", value: "HOST", help: "server; default localhost" },
  "port": { short: "p", value: "PORT", help: "its port; default 1883, with TLS 8883" },
  "url": {
    short: "L",
    value: "URL",
    help: "server, and optionally the topic, as a URL",
    group: GROUP,
  },
  "unix": { value: "PATH", isFile: true, help: "connect to this Unix socket", group: GROUP },
  "proxy": { value: "URL", help: "proxy: socks5h://, socks5:// or http://", group: GROUP },
  "header": {
    value: "NAME=VALUE",
    many: true,
    help: "header of the WebSocket request",
    group: GROUP,
  },
} as const satisfies OptionTable;

const OPTIONS = { ...SERVER_OPTIONS, ...TLS_OPTIONS };

/** Their values. */
export type ServerValues = OptionValues<typeof OPTIONS>;

/** A server and how to reach it, without the contents of files. */
export interface ServerPlace {
  /** Its URL, parsed, with user and password. */
  readonly at: ServerUrl;
  readonly proxy: Proxy | undefined;
  /** The same as a URL. */
  readonly proxyUrl: string | undefined;
  /** Header fields of the WebSocket request. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** The values of the options, for TLS. */
  readonly given: ServerValues;
}

/** A server, and the topic in its URL, if there is one. */
export interface ServerAndTopic {
  readonly server: ServerPlace;
  readonly topic: string | undefined;
}

/**
 * The server that the command line names.
 *
 * @param mayHaveTopic whether the URL may end with a topic
 * @throws {Failure} when an option is invalid
 */
export function serverOf(
  given: ServerValues,
  operands: readonly string[],
  mayHaveTopic: boolean,
): ServerAndTopic {
  const { at, topic } = placeOf(given, operands, mayHaveTopic);
  const tlsOption = tlsOptionIn(given);
  if (tlsOption !== undefined && !usesTls(at)) throw withoutTls(tlsOption, at);
  if ((given.cert === undefined) !== (given.key === undefined)) {
    throw usageFailure("--cert and --key must be given together");
  }
  const headers = headersOf(given.header);
  if (headers !== undefined && !usesWebSocket(at)) {
    throw usageFailure("--header needs a server with a ws:// or wss:// URL");
  }
  if (given.proxy !== undefined && at.scheme === "mqtt+unix") {
    throw usageFailure("--proxy cannot be used with a Unix socket");
  }
  if (given.proxy !== undefined && hasZone(at.hostname)) {
    throw usageFailure(
      `--proxy cannot be used with ${at.address}: only this machine knows its interfaces`,
    );
  }
  const proxy = given.proxy === undefined
    ? undefined
    : orUsage(() => parseProxyUrl(given.proxy!), "--proxy: ");
  return { server: { at, proxy, proxyUrl: given.proxy, headers, given }, topic };
}

/** Whether a TLS option was given. */
export function asksForTls(given: ServerValues): boolean {
  return tlsOptionIn(given) !== undefined;
}

/** The server as a URL, without user and password. */
export function urlOf({ scheme, address, path }: ServerUrl): string {
  if (scheme !== "mqtt+unix") return `${scheme}://${zoneEscaped(address)}${path}`;
  return `${scheme}://${encodeURI(path).replaceAll("?", "%3F").replaceAll("#", "%23")}`;
}

/** The permissions to reach a server. */
export function serverPermissions({ at, proxy, given }: ServerPlace): Permissions {
  const { cafile, capath, cert, key } = given;
  const read = [cafile, capath, cert, key].filter((path) => path !== undefined);
  if (at.scheme === "mqtt+unix") {
    if (at.path.includes(",")) {
      throw usageFailure("Deno has no way to permit a Unix socket with a comma in its path");
    }
    return { net: [`unix:${at.path}`], read: [at.path, ...read], write: [at.path] };
  }
  if (proxy === undefined) return { net: [at.address], read };
  // The name is resolved here, which a permission with a port does not cover.
  const looksUp = proxy.protocol === "socks5" && !/^[\d.]+$|:/.test(at.hostname);
  return { net: [proxy.address, ...looksUp ? [at.hostname] : []], read };
}

/** The failure for a missing topic, or what else the command calls it. */
export function noTopic(what: "topic" | "Topic Filter", { at }: ServerPlace): Error {
  if (usesWebSocket(at)) {
    return usageFailure(
      `No ${what}: give --topic; the path of a ${at.scheme}:// URL belongs to the WebSocket`,
    );
  }
  return usageFailure(
    at.scheme === "mqtt+unix"
      ? `No ${what}: give --topic`
      : `No ${what}: give --topic, or add it to the URL`,
  );
}

function placeOf(
  given: ServerValues,
  operands: readonly string[],
  mayHaveTopic: boolean,
): { readonly at: ServerUrl; readonly topic: string | undefined } {
  const { host, port, url, unix } = given;
  const urls = [...url === undefined ? [] : [url], ...operands];
  if (urls.length > 1) throw usageFailure("Expected one server URL; give topics with -t");
  const [text] = urls;
  if (unix !== undefined) {
    if (text !== undefined || host !== undefined || port !== undefined) {
      throw usageFailure(
        "Give the server only once: as a URL, with --host and --port, or with --unix",
      );
    }
    return { at: unixServer(unix), topic: undefined };
  }
  if (text === undefined) return { at: hostServer(given), topic: undefined };
  if (host !== undefined || port !== undefined) {
    throw usageFailure(
      "Give the server only once: as a URL, with --host and --port, or with --unix",
    );
  }
  // The path of a WebSocket or a Unix socket holds no topic.
  const isWhole = !mayHaveTopic || /^(wss?|mqtt\+unix|unix):/i.test(text);
  const [, base = text, topic] = isWhole ? [] : /^([a-z+]+:\/\/[^/?#]*)\/(.+)$/is.exec(text) ?? [];
  // What looks like a topic may be part of a password: the error message must hide it, and say how
  // to write it.
  if (topic === undefined || !base.includes("@") && topic.includes("@")) {
    return { at: parsed(text), topic: undefined };
  }
  return { at: parsed(base), topic: decodedTopic(topic) };
}

/** The port of MQTT over TLS selects TLS, as with mosquitto's tools. */
const SECURE_PORT = "8883";

function hostServer(given: ServerValues): ServerUrl {
  const { host = "localhost", port } = given;
  const isSecure = asksForTls(given) || port === SECURE_PORT;
  const bare = zoneEscaped(host.replace(/^\[(.*)\]$/, "$1"));
  const bracketed = bare.includes(":") ? `[${bare}]` : bare;
  const number = integerOption("port", port ?? (isSecure ? SECURE_PORT : "1883"), 1, 65_535);
  return parsed(`${isSecure ? "mqtts" : "mqtt"}://${bracketed}:${number}`);
}

function unixServer(path: string): ServerUrl {
  if (!path.startsWith("/")) {
    throw usageFailure(`--unix: expected an absolute path, got ${quoted(path)}`);
  }
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return parsed(`mqtt+unix://${encoded}`);
}

/** The first TLS option that was given, if there is one. */
function tlsOptionIn(given: ServerValues): string | undefined {
  const names = Object.keys(TLS_OPTIONS) as (keyof typeof TLS_OPTIONS)[];
  return names.find((name) => isGiven(given[name]) && [given[name]].flat().length > 0);
}

function withoutTls(option: string, { scheme }: ServerUrl): Error {
  if (scheme === "mqtt+unix") {
    return usageFailure(`--${option} needs TLS, which cannot be used with a Unix socket`);
  }
  const secure = scheme === "ws" ? "wss" : "mqtts";
  return usageFailure(`--${option} needs TLS: use ${secure}:// instead of ${scheme}://`);
}

function headersOf(fields: readonly string[]): Readonly<Record<string, string>> | undefined {
  if (fields.length === 0) return undefined;
  const headers = fields.map((text): [string, string] => {
    const end = text.indexOf("=");
    // It is not repeated: it may be a misplaced token.
    if (end < 1) throw usageFailure("--header: expected NAME=VALUE");
    return [text.slice(0, end), text.slice(end + 1)];
  });
  const names = headers.map(([name]) => name.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw usageFailure(`--header ${quoted(twice)} can be given only once`);
  return Object.fromEntries(headers);
}

/** The server that a URL names. */
function parsed(url: string): ServerUrl {
  return orUsage(() => parseServerUrl(url), "");
}

/** Turns the errors of an argument into those of the command line. */
function orUsage<Result>(parse: () => Result, prefix: string): Result {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const { message } = error;
    throw usageFailure(
      prefix === "" ? message : prefix + message[0]!.toLowerCase() + message.slice(1),
    );
  }
}

function decodedTopic(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
