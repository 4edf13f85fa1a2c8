// The request for a WebSocket, as a server answers it (RFC 6455, §4.2), with what MQTT asks for beside (§6).

/** The subprotocol of MQTT [MQTT-6.0.0-4]. */
const SUBPROTOCOL = "mqtt";

/** What is hashed with the client's key (RFC 6455, §1.3). */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** What to say to a request. */
export interface Answer {
  readonly text: string;
  /** Whether there is a WebSocket then. */
  readonly isGranted: boolean;
}

/** The answer to a request, and whether it opens a WebSocket (RFC 6455, §4.2). */
export async function answerTo(head: string): Promise<Answer> {
  const [first, ...lines] = head.split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const has = (name: string, token: string, isExact = false) =>
    headers.get(name)?.split(",").some((part) =>
      (isExact ? part : part.toLowerCase()).trim() === token
    ) === true;
  if (!/^GET \S+ HTTP\/1\.\d$/.test(first ?? "")) return refusal("400 Bad Request", "Bad request");
  if (!has("connection", "upgrade") || !has("upgrade", "websocket")) {
    return refusal("426 Upgrade Required", "This is an MQTT server: connect by WebSocket");
  }
  if (!has("sec-websocket-version", "13")) {
    return refusal("426 Upgrade Required", "The version of WebSocket must be 13");
  }
  const key = headers.get("sec-websocket-key") ?? "";
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    return refusal("400 Bad Request", "There is no Sec-WebSocket-Key");
  }
  // [MQTT-6.0.0-3]
  if (!has("sec-websocket-protocol", SUBPROTOCOL, true)) {
    return refusal("400 Bad Request", `The subprotocol must be ${SUBPROTOCOL}`);
  }
  const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
  const accept = new Uint8Array(hash).toBase64();
  const text = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
  ];
  return { text: [...text, "", ""].join("\r\n"), isGranted: true };
}

function refusal(status: string, reason: string): Answer {
  const text = [
    `HTTP/1.1 ${status}`,
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Content-Type: text/plain",
    `Content-Length: ${reason.length + 1}`,
    "Connection: close",
    "",
    `${reason}\n`,
  ];
  return { text: text.join("\r\n"), isGranted: false };
}
