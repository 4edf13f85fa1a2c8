// Listening for Network Connections (§4.2): TCP, TLS, WebSocket (§6), WebSocket over TLS.

import { TcpTransport } from "./tcp.ts";
import type { Transport } from "./transport.ts";
import { WebSocketServerTransport } from "./websocket_server.ts";

/** How clients reach a listener: `mqtt` is TCP, `ws` WebSocket, the others the same over TLS. */
export type ListenProtocol = "mqtt" | "mqtts" | "ws" | "wss";

/** Where to listen. */
export interface ListenOptions {
  /** Default: `"mqtt"`. */
  readonly protocol?: ListenProtocol | undefined;
  /** The address of the network interface. Default: `"127.0.0.1"`, this machine alone; `"0.0.0.0"` is every one. */
  readonly hostname?: string | undefined;
  /** 0 for any that is free. Default: the protocol's own, 1883, 8883, 8080 or 8443. */
  readonly port?: number | undefined;
  /** The certificate, in PEM, for `mqtts` and `wss`. */
  readonly cert?: string | undefined;
  /** Its private key, in PEM. */
  readonly key?: string | undefined;
}

/** Something that listens. */
export interface Listener {
  /** What it speaks. */
  readonly protocol: ListenProtocol;
  /** Where. */
  readonly hostname: string;
  /** The port, the real one when any was asked for. */
  readonly port: number;
  /** `"mqtt://127.0.0.1:1883"`. */
  readonly url: string;
  /** Takes no more connections. Those that there are go on. */
  close(): Promise<void>;
}

/** Takes a connection; `address` is where it comes from. */
export type OnConnection = (transport: Transport, address: string) => void;

const PORTS: Readonly<Record<ListenProtocol, number>> = {
  mqtt: 1883,
  mqtts: 8883,
  ws: 8080,
  wss: 8443,
};

/** How long to wait before the next try when a connection cannot be taken, in milliseconds. */
const PAUSE = 100;

/**
 * Begins to listen.
 *
 * @throws {TypeError} when the certificate or its key is missing
 * @throws {Error} what the platform throws when it cannot listen there
 */
export function listen(options: ListenOptions, onConnection: OnConnection): Listener {
  const { protocol = "mqtt", hostname = "127.0.0.1", port = PORTS[protocol] } = options;
  const { cert, key } = options;
  const isSecure = protocol === "mqtts" || protocol === "wss";
  if (isSecure && (cert === undefined || key === undefined)) {
    throw new TypeError(`${protocol} needs cert and key, a certificate and its key in PEM`);
  }
  const where = { hostname, port };
  const listener = isSecure
    ? Deno.listenTls({ ...where, cert: cert!, key: key! })
    : Deno.listen(where);
  const isWebSocket = protocol === "ws" || protocol === "wss";
  const finished = acceptAll(listener, (connection) => {
    const transport = new TcpTransport(connection);
    onConnection(
      isWebSocket ? new WebSocketServerTransport(transport) : transport,
      addressOf(connection.remoteAddr),
    );
  });
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    protocol,
    hostname,
    port: listener.addr.port,
    url: `${protocol}://${host}:${listener.addr.port}`,
    async close() {
      listener.close();
      await finished;
    },
  };
}

type Connection = Deno.TcpConn | Deno.TlsConn;

/** Takes connections until the listener is closed. */
async function acceptAll(
  listener: { accept(): Promise<Connection> },
  onConnection: (connection: Connection) => void,
): Promise<void> {
  for (;;) {
    let connection: Connection;
    try {
      connection = await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource) return;
      if (error instanceof Deno.errors.Interrupted) return;
      // It has gone already, or there are as many open files as there may be: some will be closed.
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      continue;
    }
    try {
      if ("setNoDelay" in connection) connection.setNoDelay();
    } catch {
      // It has gone: to read from it will tell.
    }
    onConnection(connection);
  }
}

function addressOf(address: Deno.Addr): string {
  return "hostname" in address ? `${address.hostname}:${address.port}` : address.transport;
}
