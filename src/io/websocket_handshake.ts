// The server's side of the WebSocket handshake: RFC 6455, §4.2, with the requests that a server of
// HTTP/1.1 must refuse (RFC 9112), and the subprotocol that MQTT requires (§6). It also checks the
// Origin, since any page in a browser can open a WebSocket to any server (RFC 6455, §10.2).

import {
  acceptOf,
  type Fields,
  fieldsOf,
  hasItem,
  type Head,
  HeadReader,
  itemsOf,
  SUBPROTOCOL,
  SUBPROTOCOLS,
} from "./websocket_http.ts";
import { isLoopbackHost } from "./host_and_port.ts";
import type { Transport } from "./transport.ts";

/** Which WebSocket handshakes a server accepts. */
export interface WebSocketServerOptions {
  /** The path, such as `"/mqtt"`; a query is ignored. Default: any. */
  readonly path?: string | undefined;
  /**
   * The origins of the web pages that may connect, such as `"https://example.org"`; `"*"` stands
   * for all. Default: those on the host that the request is for, on any port. Clients other than
   * browsers send no origin, and need none.
   */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * Whether the server listens on a loopback address only. Then by default pages from any name of
   * the loopback address may connect, but none from another host, even if its name resolves to this
   * machine: anyone can make a name of theirs do so (DNS rebinding).
   */
  readonly isLoopback?: boolean | undefined;
}

/** The answer to a request. */
export type Answer =
  /** With the accepted WebSocket. */
  | { readonly text: string; readonly granted: Granted }
  | Refused;

/** An answer that refuses the WebSocket, and why. */
interface Refused {
  readonly text: string;
  readonly granted: undefined;
  readonly reason: string;
}

/** A WebSocket that is open once the answer is written. */
export interface Granted {
  /** The origin of the page, if a browser sent one. */
  readonly origin: string | undefined;
  /** The bytes that were received after the request. */
  readonly rest: Uint8Array;
}

/** The maximum length of a request's head, in bytes. */
const LONGEST_REQUEST = 8192;

/** A host and an optional port (RFC 9110, §7.2). */
const HOST = /^(\[[0-9A-Fa-f:.]+\]|[\w.~%!$&'()*+,;=-]+)(?::\d{0,5})?$/;

/**
 * Checks that the path and the origins are such as a request can have.
 *
 * @throws {TypeError} when one is not
 */
export function checkWebSocketServerOptions(options: WebSocketServerOptions): void {
  const { path, allowedOrigins = [] } = options;
  if (path !== undefined && !/^\/[\x21-\x7e]*$/.test(path) || path?.includes("?")) {
    throw new TypeError(`expected a WebSocket path such as "/mqtt", got ${JSON.stringify(path)}`);
  }
  for (const origin of allowedOrigins) {
    if (origin !== "*" && origin !== "null" && !isOrigin(origin)) {
      throw new TypeError(
        `expected an origin such as "https://example.org", got ${JSON.stringify(origin)}`,
      );
    }
  }
}

/** The first byte of a TLS handshake (RFC 8446, §5.1). */
const TLS_HANDSHAKE = 0x16;

/**
 * Waits for a request and returns the answer to it (RFC 6455, §4.2), or `undefined` when the other
 * end closes before the request is complete.
 */
export async function answerRequest(
  inner: Transport,
  options: WebSocketServerOptions,
): Promise<Answer | undefined> {
  // A method begins with a letter; packets of MQTT and records of TLS do not.
  const reader = new HeadReader(inner, LONGEST_REQUEST, (start) => /^[A-Za-z]/.test(start));
  const head = await reader.next();
  switch (head) {
    case "closed":
      return undefined;
    case "too long":
      return refusal("431 Request Header Fields Too Large", "The request is over 8 KiB");
    case "not HTTP":
      return refusal(
        "400 Bad Request",
        reader.rest[0] === TLS_HANDSHAKE
          ? "This port speaks WebSocket without TLS: connect by ws://"
          : "This port speaks WebSocket: connect by ws:// or wss://",
      );
    default:
      return await answerTo(head, options);
  }
}

async function answerTo(head: Head, options: WebSocketServerOptions): Promise<Answer> {
  const [first = "", ...lines] = head.text.split("\r\n");
  const fields = fieldsOf(lines);
  const [, method, target = "", version] = /^(\S+) (\S+) HTTP\/(\d\.\d)$/.exec(first) ?? [];
  if (method === undefined || fields === undefined) {
    return refusal("400 Bad Request", "The request is malformed");
  }
  if (!/^1\.[1-9]$/.test(version!)) {
    return refusal("505 HTTP Version Not Supported", "The version of HTTP must be 1.1");
  }
  const url = urlOf(target, fields);
  if (url === undefined) {
    return refusal("400 Bad Request", "The request must have a path and one Host field");
  }
  if (!hasNoContent(fields)) return refusal("400 Bad Request", "The request must have no content");
  if (method !== "GET") return refusal("400 Bad Request", "The method must be GET");
  const { path } = options;
  if (path !== undefined && url.path !== path) {
    return refusal("404 Not Found", `The path must be ${path}`);
  }
  const wrong = upgradeFault(fields);
  if (wrong !== undefined) return wrong;
  const origin = fields.get("origin");
  if (origin !== undefined && !isAllowed(origin, url.host, options)) {
    return refusal("403 Forbidden", "Pages from this origin may not connect");
  }
  const text = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${await acceptOf(fields.get("sec-websocket-key")!)}`,
    // [MQTT-6.0.0-4]
    `Sec-WebSocket-Protocol: ${subprotocolOf(fields)}`,
  ];
  return { text: [...text, "", ""].join("\r\n"), granted: { origin, rest: head.rest } };
}

/** The first subprotocol that this end knows and the client offers. */
function subprotocolOf(fields: Fields): string | undefined {
  const offered = itemsOf(fields, "sec-websocket-protocol");
  return SUBPROTOCOLS.find((item) => offered.includes(item));
}

/** The refusal of a request that is not a valid WebSocket handshake (RFC 6455, §4.2.1). */
function upgradeFault(fields: Fields): Refused | undefined {
  if (!hasItem(fields, "connection", "upgrade") || !hasItem(fields, "upgrade", "websocket")) {
    return refusal("426 Upgrade Required", "This is an MQTT server: connect by WebSocket");
  }
  if (fields.get("sec-websocket-version") !== "13") {
    return refusal("426 Upgrade Required", "The version of WebSocket must be 13");
  }
  if (!/^[A-Za-z0-9+/]{22}==$/.test(fields.get("sec-websocket-key") ?? "")) {
    return refusal("400 Bad Request", "There is no Sec-WebSocket-Key");
  }
  if (subprotocolOf(fields) === undefined) {
    return refusal("400 Bad Request", `The subprotocol must be ${SUBPROTOCOL}`);
  }
  return undefined;
}

/**
 * The host and the path of a request (RFC 9112, §3.2). There must be one Host field; a target that
 * is a whole URL takes precedence over it.
 */
function urlOf(
  target: string,
  fields: Fields,
): { readonly host: string; readonly path: string } | undefined {
  const [, host] = HOST.exec(fields.get("host") ?? "") ?? [];
  const [, authority, path = ""] = /^https?:\/\/([^/?#]*)([^?]*)/i.exec(target) ??
    /^()(\/[^?]*)/.exec(target) ?? [];
  if (host === undefined || authority === undefined) return undefined;
  if (authority === "") return { host, path };
  const [, other] = HOST.exec(authority) ?? [];
  return other === undefined ? undefined : { host: other, path: path === "" ? "/" : path };
}

/** Whether a request has no content, which would be taken for frames. */
function hasNoContent(fields: Fields): boolean {
  return !fields.has("transfer-encoding") && /^0+$/.test(fields.get("content-length") ?? "0");
}

/**
 * Whether pages from an origin may connect. Scripts of a page reach what its reader can reach, so
 * that by default no foreign page may.
 */
function isAllowed(
  origin: string,
  host: string,
  { allowedOrigins = [], isLoopback = false }: WebSocketServerOptions,
): boolean {
  if (allowedOrigins.includes("*") || allowedOrigins.includes(origin)) return true;
  if (!/^https?:/.test(origin) || !isOrigin(origin)) return false;
  const { hostname } = URL.parse(origin)!;
  if (isLoopback) return isLoopbackHost(hostname);
  return hostname === URL.parse(`http://${host}`)?.hostname;
}

/** Whether a text is a serialized origin (RFC 6454, §6.2), without a default port or a path. */
function isOrigin(text: string): boolean {
  const origin = URL.parse(text)?.origin;
  // The platform returns "null" for schemes that it does not know, such as those of extensions.
  return origin === text || origin === "null" && /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/.test(text);
}

function refusal(status: string, reason: string): Refused {
  const text = [
    `HTTP/1.1 ${status}`,
    // RFC 9110, §15.5.22, and RFC 6455, §4.4.
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Content-Type: text/plain",
    `Content-Length: ${reason.length + 1}`,
    "Connection: close",
    "",
    `${reason}\n`,
  ];
  return { text: text.join("\r\n"), granted: undefined, reason };
}
