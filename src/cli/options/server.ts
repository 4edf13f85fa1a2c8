// Which server, and the way to it: the options of every command that speaks to one, with mosquitto's
// letters and names. Nothing is read here: files come when the command runs.

import { parseServerUrl, type ServerUrl } from "../../client/server_url.ts";
import { usesTls, usesWebSocket } from "../../io/destination.ts";
import { parseProxyUrl, type Proxy } from "../../io/proxy_url.ts";
import { usageFailure } from "../failure.ts";
import type { Permissions } from "../permissions.ts";
import { quoted } from "../terminal/text.ts";
import { integerOption, isGiven, type OptionTable, type OptionValues } from "./parse.ts";

const GROUP = "Connection";
const TLS = "TLS";

/** The options for TLS, all of which ask for it where there is no URL. */
export const TLS_OPTIONS = {
  "cafile": {
    value: "FILE",
    isFile: true,
    help: "trust the authorities in it, too: PEM",
    group: TLS,
  },
  "capath": {
    value: "FOLDER",
    isFile: true,
    help: "trust those in its *.pem, *.crt, *.0, too",
    group: TLS,
  },
  "cert": { value: "FILE", isFile: true, help: "the client's certificate, in PEM", group: TLS },
  "key": { value: "FILE", isFile: true, help: "its private key, in PEM", group: TLS },
  "insecure": { help: "do NOT check the host name in the certificate", group: TLS },
  "tls-alpn": { value: "NAME", many: true, help: "protocol to offer (ALPN)", group: TLS },
  "tls-server-name": { value: "NAME", help: "name to ask for (SNI), and to check", group: TLS },
} as const satisfies OptionTable;

/** The options that say where the server is. */
export const SERVER_OPTIONS = {
  "host": { short: "h", value: "HOST", help: "the server, if not by URL; -p is its port" },
  "port": { short: "p", value: "PORT", help: "its port; 1883, with TLS 8883", group: GROUP },
  "url": { short: "L", value: "URL", help: "the server, and the topic, as a URL", group: GROUP },
  "unix": { value: "PATH", isFile: true, help: "the server, by its Unix socket", group: GROUP },
  "proxy": { value: "URL", help: "through socks5h://, socks5:// or http://", group: GROUP },
  "header": {
    value: "NAME=VALUE",
    many: true,
    help: "field of the request for ws, wss",
    group: GROUP,
  },
} as const satisfies OptionTable;

const OPTIONS = { ...SERVER_OPTIONS, ...TLS_OPTIONS };

/** What was given of them. */
export type ServerValues = OptionValues<typeof OPTIONS>;

/** A server and the way to it, without what stands in files. */
export interface ServerPlace {
  /** Where it is, with the user and the password of its URL. */
  readonly at: ServerUrl;
  readonly proxy: Proxy | undefined;
  /** The same as a URL. */
  readonly proxyUrl: string | undefined;
  /** Fields for the request for a WebSocket. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** What was given, for TLS. */
  readonly given: ServerValues;
}

/** The place of a server, and the topic that stands in its URL, if one does. */
export interface ServerAndTopic {
  readonly server: ServerPlace;
  readonly topic: string | undefined;
}

/**
 * What the command line says of the server.
 *
 * @param mayHaveTopic whether a topic may stand behind the URL
 * @throws {Failure} when that makes no sense
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
    throw usageFailure("--cert and --key go together: give both or neither");
  }
  const headers = headersOf(given.header);
  if (headers !== undefined && !usesWebSocket(at)) {
    throw usageFailure("--header is for WebSocket: give the server as a ws:// or wss:// URL");
  }
  if (given.proxy !== undefined && at.scheme === "mqtt+unix") {
    throw usageFailure("--proxy leads to no Unix socket: leave it out");
  }
  const proxy = given.proxy === undefined
    ? undefined
    : orUsage(() => parseProxyUrl(given.proxy!), "--proxy: ");
  return { server: { at, proxy, proxyUrl: given.proxy, headers, given }, topic };
}

/** Whether an option for TLS was given. */
export function asksForTls(given: ServerValues): boolean {
  return tlsOptionIn(given) !== undefined;
}

/** The server as a URL, without user and password. */
export function urlOf({ scheme, address, path }: ServerUrl): string {
  if (scheme !== "mqtt+unix") return `${scheme}://${address}${path}`;
  return `${scheme}://${encodeURI(path).replaceAll("?", "%3F").replaceAll("#", "%23")}`;
}

/** What a command needs to reach the server. */
export function serverPermissions({ at, proxy, given }: ServerPlace): Permissions {
  const { cafile, capath, cert, key } = given;
  const read = [cafile, capath, cert, key].filter((path) => path !== undefined);
  if (at.scheme === "mqtt+unix") {
    if (at.path.includes(",")) {
      throw usageFailure("Deno can permit no Unix socket with a comma in its path");
    }
    return { net: [`unix:${at.path}`], read: [at.path, ...read], write: [at.path] };
  }
  if (proxy === undefined) return { net: [at.address], read };
  // The name is looked up here, which a permission with a port does not cover.
  const looksUp = proxy.protocol === "socks5" && !/^[\d.]+$|:/.test(at.hostname);
  return { net: [proxy.address, ...looksUp ? [at.hostname] : []], read };
}

/** The failure for a topic that stands nowhere. `what` is how the command calls it. */
export function noTopic(what: "topic" | "Topic Filter", { at }: ServerPlace): Error {
  if (usesWebSocket(at)) {
    return usageFailure(
      `Give a ${what} with --topic: in a ${at.scheme}:// URL the path is that of the WebSocket`,
    );
  }
  return usageFailure(
    at.scheme === "mqtt+unix"
      ? `Give a ${what} with --topic`
      : `Give a ${what}: with --topic, or in the URL`,
  );
}

function placeOf(
  given: ServerValues,
  operands: readonly string[],
  mayHaveTopic: boolean,
): { readonly at: ServerUrl; readonly topic: string | undefined } {
  const { host, port, url, unix } = given;
  const urls = [...url === undefined ? [] : [url], ...operands];
  if (urls.length > 1) throw usageFailure("Give one URL of a server; a topic stands behind -t");
  const [text] = urls;
  if (unix !== undefined) {
    if (text !== undefined || host !== undefined || port !== undefined) {
      throw usageFailure(
        "Give the server either by --unix, or as a URL, or with --host and --port",
      );
    }
    return { at: unixServer(unix), topic: undefined };
  }
  if (text === undefined) return { at: hostServer(given), topic: undefined };
  if (host !== undefined || port !== undefined) {
    throw usageFailure("Give the server either as a URL or with --host and --port");
  }
  // The path of a WebSocket, and that of a Unix socket, is its own.
  const isWhole = !mayHaveTopic || /^(wss?|mqtt\+unix|unix):/i.test(text);
  const [, base = text, topic] = isWhole ? [] : /^([a-z+]+:\/\/[^/?#]*)\/(.+)$/is.exec(text) ?? [];
  // What was taken for a topic may be part of a password: the message must hide it, and say how to
  // write it.
  if (topic === undefined || !base.includes("@") && topic.includes("@")) {
    return { at: parsed(text), topic: undefined };
  }
  return { at: parsed(base), topic: decodedTopic(topic) };
}

/** The port of MQTT over TLS is enough to mean that, as with mosquitto's tools. */
const SECURE_PORT = "8883";

function hostServer(given: ServerValues): ServerUrl {
  const { host = "localhost", port } = given;
  const isSecure = asksForTls(given) || port === SECURE_PORT;
  const bracketed = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  const number = integerOption("port", port ?? (isSecure ? SECURE_PORT : "1883"), 1, 65_535);
  return parsed(`${isSecure ? "mqtts" : "mqtt"}://${bracketed}:${number}`);
}

function unixServer(path: string): ServerUrl {
  if (!path.startsWith("/")) {
    throw usageFailure(`--unix needs a path that begins with /, got ${quoted(path)}`);
  }
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return parsed(`mqtt+unix://${encoded}`);
}

/** The first option that asks for TLS; `undefined` when none does. */
function tlsOptionIn(given: ServerValues): string | undefined {
  const names = Object.keys(TLS_OPTIONS) as (keyof typeof TLS_OPTIONS)[];
  return names.find((name) => isGiven(given[name]) && [given[name]].flat().length > 0);
}

function withoutTls(option: string, { scheme }: ServerUrl): Error {
  if (scheme === "mqtt+unix") {
    return usageFailure(`--${option} is for TLS, which a Unix socket has not: leave it out`);
  }
  const secure = scheme === "ws" ? "wss" : "mqtts";
  return usageFailure(`--${option} is for TLS: write ${secure}:// in place of ${scheme}://`);
}

function headersOf(fields: readonly string[]): Readonly<Record<string, string>> | undefined {
  if (fields.length === 0) return undefined;
  const headers = fields.map((text): [string, string] => {
    const end = text.indexOf("=");
    // What stands there may be a token that was meant for another place.
    if (end < 1) throw usageFailure("--header must be NAME=VALUE");
    return [text.slice(0, end), text.slice(end + 1)];
  });
  const names = headers.map(([name]) => name.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw usageFailure(`--header ${quoted(twice)} may be given once`);
  return Object.fromEntries(headers);
}

/** The server that a URL names. */
function parsed(url: string): ServerUrl {
  return orUsage(() => parseServerUrl(url), "");
}

/** What is wrong with an argument is wrong with the command line. */
function orUsage<Result>(parse: () => Result, prefix: string): Result {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw usageFailure(`${prefix}${error.message}`);
  }
}

function decodedTopic(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
