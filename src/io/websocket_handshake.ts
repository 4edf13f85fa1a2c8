// The request for a WebSocket, as a server answers it: RFC 6455, §4.2, with what HTTP/1.1 has a
// server refuse (RFC 9112), and what MQTT asks for beside (§6). Who may ask is looked at here, too:
// any page in a browser can, and the browser tells in Origin which one it is (RFC 6455, §10.2).

import {
  acceptOf,
  type Fields,
  fieldsOf,
  hasItem,
  type Head,
  HeadReader,
  itemsOf,
  SUBPROTOCOL,
} from "./websocket_http.ts";
import { isLoopbackHost } from "./host_and_port.ts";
import type { Transport } from "./transport.ts";

/** Which requests for a WebSocket are granted. */
export interface WebSocketServerOptions {
  /** The path, such as `"/mqtt"`; a query behind it does not matter. Default: any. */
  readonly path?: string | undefined;
  /**
   * The origins of pages in browsers that may connect, such as `"https://example.org"`; `"*"` is
   * every one. Default: those from the host that the request is for, whatever their port. Clients
   * that are no browsers send no origin, and are not asked for one.
   */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * Whether only this machine can connect. Then pages of this machine may, by whichever of its
   * names for itself, and none of another name, though it may lead here: whoever owns a name can
   * have it do so (DNS rebinding).
   */
  readonly isLoopback?: boolean | undefined;
}

/** What to say to a request. */
export type Answer =
  /** With what is known of the WebSocket then. */
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
  /** The page that asked for it, when a browser did. */
  readonly origin: string | undefined;
  /** The bytes that came behind the request. */
  readonly rest: Uint8Array;
}

/** The most bytes of a request's head. */
const LONGEST_REQUEST = 8192;

/** A host and perhaps a port (RFC 9110, §7.2). */
const HOST = /^(\[[0-9A-Fa-f:.]+\]|[\w.~%!$&'()*+,;=-]+)(?::\d{0,5})?$/;

/**
 * Looks for origins and paths that no request can have.
 *
 * @throws {TypeError} when there is one
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

/**
 * Waits for a request for a WebSocket, and says what to answer (RFC 6455, §4.2); `undefined` when
 * the other end has closed before.
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
      return refusal("400 Bad Request", "This port speaks WebSocket: connect by ws:// or wss://");
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
    `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
  ];
  return { text: [...text, "", ""].join("\r\n"), granted: { origin, rest: head.rest } };
}

/** The answer to a request that does not ask for a WebSocket as it should (RFC 6455, §4.2.1). */
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
  if (!itemsOf(fields, "sec-websocket-protocol").includes(SUBPROTOCOL)) {
    return refusal("400 Bad Request", `The subprotocol must be ${SUBPROTOCOL}`);
  }
  return undefined;
}

/**
 * Host and path of a request (RFC 9112, §3.2): one field Host, which a target that is a URL
 * outdoes.
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

/** Whether a request announces no content: it would be taken for frames. */
function hasNoContent(fields: Fields): boolean {
  return !fields.has("transfer-encoding") && /^0+$/.test(fields.get("content-length") ?? "0");
}

/**
 * Whether pages from an origin may connect: a page's script acts with the rights of who reads it.
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

/** Whether a text is an origin as browsers write it (RFC 6454, §6.2): no default port, no path. */
function isOrigin(text: string): boolean {
  const origin = URL.parse(text)?.origin;
  // Of schemes that it does not know, such as those of extensions, the platform tells none.
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
