// §6 MQTT over WebSocket for clients: the opening handshake of RFC 6455, §4.1, over any byte
// stream. The platform's WebSocket is used only in browsers: it buffers without limit, does not
// verify Sec-WebSocket-Accept, hides the server's error response, and may never finish closing.

import { OptionError } from "./option_error.ts";
import type { Transport } from "./transport.ts";
import { checkHeaders } from "./websocket_fields.ts";
import {
  acceptOf,
  base64,
  type Fields,
  fieldsOf,
  hasItem,
  HeadReader,
  itemsOf,
  SUBPROTOCOL,
} from "./websocket_http.ts";
import { bodyOf } from "./websocket_refusal.ts";
import { WebSocketTransport } from "./websocket_transport.ts";

/** The request for a WebSocket. */
export interface WebSocketClientOptions {
  /** The value of the Host field: the host, and the port unless it is the scheme's default. */
  readonly host: string;
  /** The path and the query, such as `"/mqtt?token=1"`. */
  readonly target: string;
  /** Additional header fields, such as tokens and cookies; not those of the handshake itself. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Called with the request and the response as sent on the wire. They may contain secrets.
   */
  readonly observe?: ((exchange: WebSocketExchange) => void) | undefined;
}

/** The two heads of an opening handshake: lines that end with CR LF, without the empty line. */
export interface WebSocketExchange {
  readonly request: string;
  readonly response: string;
}

/**
 * Why the handshake failed: the server closed the connection, its answer is not HTTP, the status is
 * not 101, Sec-WebSocket-Accept is wrong, it did not select the subprotocol `mqtt`, the upgrade is
 * invalid in another way, or the head is larger than 16 KiB.
 */
export type WebSocketRefusal =
  | "closed"
  | "not HTTP"
  | "status"
  | "accept key"
  | "subprotocol"
  | "upgrade"
  | "too long";

/** Details of a failed handshake. */
export interface WebSocketRefusalDetail {
  /** The status code of HTTP, such as 401. */
  readonly status?: number | undefined;
  /** The reason phrase, such as `"Unauthorized"`; often empty. */
  readonly reason?: string | undefined;
  /** The text that the server sent for people, at most 1 KiB of it. */
  readonly body?: string | undefined;
  /** Where the server sends clients to instead. */
  readonly location?: string | undefined;
  /** What came in place of HTTP: at most its first 16 bytes. */
  readonly received?: Uint8Array | undefined;
}

/** The opening handshake failed (RFC 6455, §4.1). */
export class WebSocketHandshakeError extends Error implements WebSocketRefusalDetail {
  /** Tells the errors apart in logs. */
  override readonly name = "WebSocketHandshakeError";
  /** Tells the reasons apart in code. */
  readonly why: WebSocketRefusal;
  /** The status code of HTTP, such as 401. */
  readonly status: number | undefined;
  /** The reason phrase, such as `"Unauthorized"`; often empty. */
  readonly reason: string | undefined;
  /** The text that the server sent for people, at most 1 KiB of it. */
  readonly body: string | undefined;
  /** Where the server sends clients to instead. */
  readonly location: string | undefined;
  /** What came in place of HTTP: at most its first 16 bytes. */
  readonly received: Uint8Array | undefined;

  constructor(why: WebSocketRefusal, message: string, detail: WebSocketRefusalDetail = {}) {
    super(message);
    this.why = why;
    this.status = detail.status;
    this.reason = detail.reason;
    this.body = detail.body;
    this.location = detail.location;
    this.received = detail.received;
  }
}

/** The limit for the head of an answer, in bytes. */
const LONGEST_ANSWER = 16_384;

/** How many bytes of an answer that is not HTTP the error contains. */
const TOLD = 16;

/**
 * Opens a WebSocket for MQTT over a byte stream that is connected to the server. Modifies the
 * chunks that it reads from the stream. Closes the stream when it rejects.
 *
 * @throws {TypeError} when the host, the target or a header field is invalid
 * @throws {WebSocketHandshakeError} when the server does not open it
 * @throws {Error} what the stream throws
 */
export async function openWebSocket(
  inner: Transport,
  options: WebSocketClientOptions,
): Promise<Transport> {
  try {
    const key = base64(crypto.getRandomValues(new Uint8Array(16)));
    const request = requestFor(options, key);
    await inner.write(encoder.encode(`${request}\r\n\r\n`));
    const reader = new HeadReader(inner, LONGEST_ANSWER, isHttp);
    for (;;) {
      const head = await reader.next();
      if (typeof head === "string") throw withoutHead(head, reader.rest);
      const [first = "", ...lines] = head.text.split(/\r?\n/);
      const [, version, code, reason = ""] = STATUS_LINE.exec(first) ?? [];
      if (code === undefined) throw withoutHead("not HTTP", encoder.encode(first));
      // An interim response (RFC 9110, §15.2).
      if (/^1(?!01)/.test(code)) continue;
      options.observe?.({ request, response: [first, ...lines].join("\r\n") });
      const fields = fieldsOf(lines);
      if (code !== "101") throw await refusal(inner, Number(code), reason, fields, head.rest);
      if (version === "0") {
        throw new WebSocketHandshakeError("upgrade", "The server speaks HTTP/1.0");
      }
      checkUpgrade(fields, await acceptOf(key));
      return new WebSocketTransport(inner, "client", head.rest);
    }
  } catch (error) {
    inner.close();
    throw error;
  }
}

const encoder = new TextEncoder();

const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: (.*))?$/;

function isHttp(start: string): boolean {
  return "HTTP/1.".startsWith(start.slice(0, 7));
}

/** The request, without the empty line that ends it (RFC 6455, §4.1). */
function requestFor({ host, target, headers = {} }: WebSocketClientOptions, key: string): string {
  if (!/^\/[\x21-\x7e]*$/.test(target)) {
    throw new OptionError(`expected a path such as "/mqtt", got ${JSON.stringify(target)}`);
  }
  if (!/^[\x21-\x7e]+$/.test(host)) {
    throw new OptionError(
      `expected a host such as "example.org:8080", got ${JSON.stringify(host)}`,
    );
  }
  checkHeaders(headers);
  return [
    `GET ${target} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    // [MQTT-6.0.0-3]
    `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ].join("\r\n");
}

/** Checks an answer with status 101 as RFC 6455, §4.1, requires of clients. */
function checkUpgrade(fields: Fields | undefined, accept: string): void {
  if (fields === undefined) {
    throw new WebSocketHandshakeError("not HTTP", "The server's answer has a malformed header");
  }
  if (!hasItem(fields, "upgrade", "websocket") || !hasItem(fields, "connection", "upgrade")) {
    throw new WebSocketHandshakeError("upgrade", "The server switched to another protocol");
  }
  if (fields.get("sec-websocket-accept") !== accept) {
    throw new WebSocketHandshakeError(
      "accept key",
      "The server sent a wrong Sec-WebSocket-Accept in the WebSocket handshake",
    );
  }
  if (itemsOf(fields, "sec-websocket-extensions").length > 0) {
    throw new WebSocketHandshakeError(
      "upgrade",
      "The server chose a WebSocket extension that was not offered",
    );
  }
  const subprotocol = fields.get("sec-websocket-protocol");
  if (subprotocol !== SUBPROTOCOL) {
    throw new WebSocketHandshakeError(
      "subprotocol",
      subprotocol === undefined
        ? `The server did not choose the WebSocket subprotocol "${SUBPROTOCOL}"`
        : `The server chose the WebSocket subprotocol ${JSON.stringify(subprotocol)}, not "mqtt"`,
    );
  }
}

/** The error when no complete head arrived. */
function withoutHead(
  why: "closed" | "too long" | "not HTTP",
  received: Uint8Array,
): WebSocketHandshakeError {
  if (why === "too long") {
    return new WebSocketHandshakeError(why, "The header of the server's answer is over 16 KiB");
  }
  if (why === "closed") {
    return new WebSocketHandshakeError(
      why,
      "The server closed the connection during the WebSocket handshake",
    );
  }
  return new WebSocketHandshakeError(why, "The server did not answer with HTTP", {
    received: received.slice(0, TOLD),
  });
}

/** The error for an answer with a status other than 101, including the text in its body. */
async function refusal(
  inner: Transport,
  status: number,
  reason: string,
  fields: Fields | undefined,
  first: Uint8Array,
): Promise<WebSocketHandshakeError> {
  const body = fields === undefined ? undefined : await bodyOf(inner, fields, first);
  const what = reason === "" ? `${status}` : `${status} ${reason}`;
  return new WebSocketHandshakeError(
    "status",
    `The server refused the WebSocket: ${what}${body === undefined ? "" : ` (${body})`}`,
    { status, reason, body, location: fields?.get("location") },
  );
}
