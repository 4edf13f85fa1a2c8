// What a client says when something else listens than it was told: TLS or none, a web server,
// WebSocket or none, another protocol, or nothing at all.

import type { ServerWithOptions } from "../../mod.ts";
import { type ListenOptions, serve } from "../../src/broker/mod.ts";
import { certificateAuthority, opensslTest } from "./certificates.ts";
import { assertVerdict, type FaultyServer, type Verdict } from "./dial_faults.ts";
import type { MosquittoListener } from "./mosquitto_listeners.ts";
import { mosquittoTlsTest, startMosquitto } from "./mosquitto.ts";
import { silentServer } from "./silent_server.ts";

/** What a client is given: a scheme, and perhaps a path. */
interface Way {
  readonly scheme: "mqtt" | "mqtts" | "ws" | "wss";
  readonly path?: string;
  /** Whether it has a certificate of its own, which takes it through the modules of Node. */
  readonly hasCertificate?: boolean;
}

/** Something that listens on a port of this machine. */
interface Something extends AsyncDisposable {
  readonly port: number;
}

const MQTT: Way = { scheme: "mqtt" };
const MQTTS: Way = { scheme: "mqtts" };
const MUTUAL: Way = { scheme: "mqtts", hasCertificate: true };
const WS: Way = { scheme: "ws", path: "/mqtt" };
const WSS: Way = { scheme: "wss", path: "/mqtt" };
const MUTUAL_WSS: Way = { ...WSS, hasCertificate: true };

async function given({ scheme, path = "", hasCertificate = false }: Way, port: number) {
  const authority = await certificateAuthority();
  const isSecure = scheme === "mqtts" || scheme === "wss";
  const tls = { ca: authority.cert, ...hasCertificate && await authority.client() };
  const address = `localhost:${port}`;
  const server: ServerWithOptions = {
    url: `${scheme}://${address}${path}`,
    ...isSecure && { tls },
  };
  return { server, address };
}

async function theirs(way: Way, something: Promise<Something>): Promise<FaultyServer> {
  const { port, [Symbol.asyncDispose]: dispose } = await something;
  return { ...await given(way, port), [Symbol.asyncDispose]: dispose };
}

async function ours(options: ListenOptions): Promise<Something> {
  const isSecure = options.protocol === "mqtts" || options.protocol === "wss";
  const certificate = await (await certificateAuthority()).server();
  const broker = await serve({ port: 0, ...options, ...isSecure && certificate });
  return { port: broker.port, [Symbol.asyncDispose]: () => broker.shutDown() };
}

async function mosquitto(protocol: "mqtt" | "mqtts" | "mutual" | "ws"): Promise<Something> {
  const authority = await certificateAuthority();
  const certificate = await authority.server();
  const listener: MosquittoListener = protocol === "mqtt" || protocol === "ws"
    ? { protocol }
    : { protocol: "mqtts", certificate, ...protocol === "mutual" && { clients: authority } };
  const server = await startMosquitto({ listeners: { listener } });
  return {
    port: server.ports.listener,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A web server whose path says with what status it is to answer. */
async function web({ isSecure = false }: { readonly isSecure?: boolean } = {}): Promise<Something> {
  const server = Deno.serve({
    ...{ hostname: "127.0.0.1", port: 0, onListen() {} },
    ...isSecure && await (await certificateAuthority()).server(),
  }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/silent") return Deno.upgradeWebSocket(request).response;
    const status = Number(pathname.slice(1)) || 200;
    const headers = status === 302 ? { Location: "wss://new.example/mqtt" } : undefined;
    return new Response(`as asked: ${status}`, { status, ...headers && { headers } });
  });
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** A server that says something first, or when it has heard the client, and then closes. */
function saying(text: string, { isFirst = true } = {}): Promise<Something> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of listener) {
      try {
        if (isFirst) await connection.write(new TextEncoder().encode(text));
        await connection.read(new Uint8Array(4096));
        if (!isFirst) await connection.write(new TextEncoder().encode(text));
      } catch {
        // The client is gone already.
      } finally {
        connection.close();
      }
    }
  })();
  return Promise.resolve({
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
    },
  });
}

/** A port on which nothing listens any more. */
function nothing(): Promise<Something> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return Promise.resolve({ port, [Symbol.asyncDispose]: () => Promise.resolve() });
}

const CANNOT = "Cannot connect to {address}: ";

function wrong(message: string, cause?: Verdict["cause"]): Verdict {
  return {
    message: CANNOT + message,
    code: "wrong protocol",
    kind: "configuration",
    ...cause !== undefined && { cause },
  };
}

function closed(message: string, cause?: Verdict["cause"]): Verdict {
  return { message, code: "closed", kind: "transient", ...cause !== undefined && { cause } };
}

function webSocket(message: string, kind: Verdict["kind"] = "configuration"): Verdict {
  return { message: CANNOT + message, code: "websocket", kind, cause: "WebSocketHandshakeError" };
}

const SPEAKS_TLS = wrong(
  "the server speaks TLS on this port; use mqtts://, or its port for plain TCP, usually 1883",
);
const IS_WEB_SERVER = wrong(
  "a web server answers on this port; use ws:// if it serves MQTT over WebSocket, or its port " +
    "for MQTT, usually 1883",
);
const IS_SECURE_WEB_SERVER = wrong(
  "a web server answers on this port; use wss:// if it serves MQTT over WebSocket, or its port " +
    "for MQTT, usually 8883",
);
const SPEAKS_TLS_NOT_WEBSOCKET = wrong(
  "the server speaks TLS on this port; use wss:// if it serves MQTT over WebSocket, or mqtts://",
  "WebSocketHandshakeError",
);
const NO_TLS = wrong(
  "the server does not speak TLS on this port; use mqtt://, or its port for TLS, usually 8883",
  /corrupt message of type InvalidContentType/,
);
const NO_TLS_OF_WSS = wrong(
  "the server does not speak TLS on this port; use ws://, or its port for TLS, usually 443",
  /corrupt message of type InvalidContentType/,
);
const NO_WEBSOCKET = wrong(
  "the server does not speak WebSocket on this port; use mqtt://, or its port for WebSocket",
  "WebSocketHandshakeError",
);
const CLOSED_WEBSOCKET = closed(
  CANNOT + "the server closed the connection without an answer to the request for a WebSocket; " +
    "check that it serves WebSocket on this port, usually 80, or use mqtt://",
  "WebSocketHandshakeError",
);
const CLOSED_WSS = closed(
  CANNOT + "the server closed the connection without an answer to the request for a WebSocket; " +
    "check that it serves WebSocket on this port, usually 443, or use mqtts://",
  "WebSocketHandshakeError",
);
const CLOSED_IN_HANDSHAKE = CANNOT +
  "the server closed the connection during the TLS handshake; check that this is its port for " +
  "TLS, and whether it requires a client certificate";
const CLOSED = "{address} closed the connection without an answer to CONNECT; check that it is a " +
  "server of MQTT 5.0, and whether it expects TLS (mqtts://) or WebSocket (ws://) on this port";

function refused(cause: string): Verdict {
  return {
    message: CANNOT + "connection refused; check that a server listens on this port",
    code: "refused",
    kind: "transient",
    cause,
  };
}

type Case = readonly [name: string, way: Way, start: () => Promise<Something>, verdict: Verdict];

const CASES: readonly Case[] = [
  [
    "A plain client at our broker's port for TLS",
    MQTT,
    () => ours({ protocol: "mqtts" }),
    SPEAKS_TLS,
  ],
  [
    "A plain client at a web server's port for TLS",
    MQTT,
    () => web({ isSecure: true }),
    SPEAKS_TLS,
  ],
  ["A plain client at a web server", MQTT, web, IS_WEB_SERVER],
  [
    "A client of TLS at a web server with TLS",
    MQTTS,
    () => web({ isSecure: true }),
    IS_SECURE_WEB_SERVER,
  ],
  ["A plain client at our port for WebSocket", MQTT, () => ours({ protocol: "ws" }), IS_WEB_SERVER],
  [
    "A client of TLS at our port for wss",
    MQTTS,
    () => ours({ protocol: "wss" }),
    IS_SECURE_WEB_SERVER,
  ],
  ["A client of TLS at our plain port", MQTTS, () => ours({}), NO_TLS],
  ["A client of TLS at our port for WebSocket", MQTTS, () => ours({ protocol: "ws" }), NO_TLS],
  ["A client of TLS at a web server", MQTTS, web, NO_TLS],
  ["A client with a certificate at our plain port", MUTUAL, () => ours({}), NO_TLS],
  ["A client with a certificate at a web server", MUTUAL, web, NO_TLS],
  ["A client of wss at our plain port", WSS, () => ours({}), NO_TLS_OF_WSS],
  ["A client of wss at a web server", WSS, web, NO_TLS_OF_WSS],
  ["A client of ws at our port for MQTT", WS, () => ours({}), CLOSED_WEBSOCKET],
  ["A client of wss at our port for TLS", WSS, () => ours({ protocol: "mqtts" }), CLOSED_WSS],
  [
    "A client of ws at our port for TLS",
    WS,
    () => ours({ protocol: "mqtts" }),
    SPEAKS_TLS_NOT_WEBSOCKET,
  ],
  [
    "A client of ws at our port for wss",
    WS,
    () => ours({ protocol: "wss" }),
    SPEAKS_TLS_NOT_WEBSOCKET,
  ],
  [
    "A client of wss without the certificate that the server wants",
    WSS,
    async () => {
      const ca = (await certificateAuthority()).cert;
      return await ours({ protocol: "wss", ca, clientCertificate: "require" });
    },
    {
      message: CANNOT +
        "the server requires a client certificate; give one as tls.cert and tls.key",
      code: "client certificate",
      kind: "configuration",
      cause: /^received fatal alert: CertificateRequired$/,
    },
  ],
  [
    "A plain client at a server of SSH",
    MQTT,
    () => saying("SSH-2.0-OpenSSH_9.2\r\n"),
    wrong(
      `the server does not speak MQTT, it said "SSH-2.0-OpenSSH_9.2\\r\\n"; check the port`,
    ),
  ],
  ["A client of TLS at a server of SSH", MQTTS, () => saying("SSH-2.0-OpenSSH_9.2\r\n"), NO_TLS],
  ["A client of ws at a server of SSH", WS, () => saying("SSH-2.0-OpenSSH_9.2\r\n"), NO_WEBSOCKET],
  [
    "A plain client that is closed at once",
    MQTT,
    () => saying("", { isFirst: false }),
    closed(CLOSED),
  ],
  [
    "A client of ws that is closed at once",
    WS,
    () => saying("", { isFirst: false }),
    CLOSED_WEBSOCKET,
  ],
  ["A plain client at a port where nothing listens", MQTT, nothing, refused("ConnectionRefused")],
  ["A client of TLS at a port where nothing listens", MQTTS, nothing, refused("ConnectionRefused")],
  ["A client with a certificate where nothing listens", MUTUAL, nothing, refused("ECONNREFUSED")],
  ["A client of ws at a port where nothing listens", WS, nothing, refused("ConnectionRefused")],
  [
    "A client of wss with a certificate where nothing listens",
    MUTUAL_WSS,
    nothing,
    refused("ECONNREFUSED"),
  ],
  [
    "A client of ws at a path that our broker does not serve",
    { scheme: "ws", path: "/other" },
    () => ours({ protocol: "ws", websocketPath: "/mqtt" }),
    webSocket(
      'the server answered 404 Not Found, "The path must be /mqtt"; check the path of the URL, ' +
        "often /mqtt",
    ),
  ],
  [
    "A client of ws at a server that does not speak of MQTT",
    { scheme: "ws", path: "/silent" },
    web,
    webSocket(
      'the server does not take the subprotocol "mqtt"; check that the path is the one for MQTT, ' +
        "often /mqtt",
    ),
  ],
  [
    "A client of ws at a server that is another's",
    { scheme: "ws", path: "/chat" },
    () =>
      saying("HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n", {
        isFirst: false,
      }),
    webSocket(
      "the server switched to another protocol; check the URL",
    ),
  ],
];

const STATUSES: readonly (readonly [status: string, kind: Verdict["kind"], cure: string])[] = [
  ["200 OK", "configuration", "check the path of the URL, often /mqtt"],
  [
    "302 Found",
    "configuration",
    'redirections are not followed, give "wss://new.example/mqtt"',
  ],
  ["401 Unauthorized", "configuration", "check the token or cookie in headers"],
  ["403 Forbidden", "configuration", "check the token or cookie in headers"],
  ["404 Not Found", "configuration", "check the path of the URL, often /mqtt"],
  ["418 I'm a teapot", "configuration", "check the URL and headers"],
  ["429 Too Many Requests", "transient", "connect less often"],
  ["503 Service Unavailable", "transient", "try again later"],
];

const MOSQUITTO_CASES: readonly Case[] = [
  [
    "A plain client at Mosquitto's port for TLS",
    MQTT,
    () => mosquitto("mqtts"),
    closed(CLOSED, "ConnectionReset"),
  ],
  [
    "A client of TLS at Mosquitto's plain port",
    MQTTS,
    () => mosquitto("mqtt"),
    closed(CLOSED_IN_HANDSHAKE, "ConnectionReset"),
  ],
  [
    "A client with a certificate at Mosquitto's plain port",
    MUTUAL,
    () => mosquitto("mqtt"),
    closed(CLOSED_IN_HANDSHAKE, "ECONNRESET"),
  ],
  ["A plain client at Mosquitto's port for WebSocket", MQTT, () => mosquitto("ws"), IS_WEB_SERVER],
  ["A client of wss at Mosquitto's port for ws", WSS, () => mosquitto("ws"), NO_TLS_OF_WSS],
  [
    "A client of ws at Mosquitto's plain port",
    WS,
    () => mosquitto("mqtt"),
    { ...CLOSED_WEBSOCKET, cause: "ConnectionReset" },
  ],
  [
    "A client without the certificate that Mosquitto wants",
    MQTTS,
    () => mosquitto("mutual"),
    {
      message: CANNOT +
        "the server requires a client certificate; give one as tls.cert and tls.key",
      code: "client certificate",
      kind: "configuration",
      cause: /^received fatal alert: CertificateRequired$/,
    },
  ],
];

for (const [name, way, start, verdict] of CASES) {
  opensslTest(`${name} is told so in one sentence`, () => {
    return assertVerdict(() => theirs(way, start()), verdict);
  });
}

for (const [status, kind, cure] of STATUSES) {
  opensslTest(`A client of ws that is answered ${status} is told so, and what to do`, () => {
    const code = status.slice(0, 3);
    const verdict = webSocket(`the server answered ${status}, "as asked: ${code}"; ${cure}`, kind);
    return assertVerdict(() => theirs({ scheme: "ws", path: `/${code}` }, web()), verdict);
  });
}

for (const way of [MQTT, WS, WSS, MUTUAL_WSS]) {
  const how = `${way.scheme}${way.hasCertificate ? " with a certificate" : ""}`;
  opensslTest(`A client of ${how} whom nobody answers is told so in time`, () => {
    return assertVerdict(() => theirs(way, Promise.resolve(silentServer())), {
      message:
        "{address} did not accept the connection within 50 ms; check the address, and that " +
        "it is a server of MQTT 5.0",
      code: "timeout",
      kind: "transient",
    }, { connectTimeout: 50 });
  });
}

for (const [name, way, start, verdict] of MOSQUITTO_CASES) {
  mosquittoTlsTest(`${name} is told so in one sentence`, () => {
    return assertVerdict(() => theirs(way, start()), verdict);
  });
}
