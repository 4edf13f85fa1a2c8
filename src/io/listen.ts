// Listening for Network Connections (§4.2): TCP, TLS, WebSocket (§6), WebSocket over TLS, Unix
// sockets. This is where it is chosen how; the files beside it do it.

import type { PeerCertificate, PeerInfo } from "../session/peer.ts";
import { hostAndPort, isLoopbackHost } from "./host_and_port.ts";
import { listenDeno } from "./listen_deno.ts";
import { listenNode, listenUnix } from "./listen_node.ts";
import { checkListenOptions } from "./listen_options.ts";
import { listenTls } from "./listen_tls.ts";
import { isDeno } from "./runtime.ts";
import type { Transport } from "./transport.ts";
import { WebSocketServerTransport } from "./websocket_server.ts";

/**
 * How clients reach a listener: `mqtt` is TCP, `ws` WebSocket, `mqtts` and `wss` the same over TLS,
 * `mqtt+unix` a Unix socket.
 */
export type ListenProtocol = "mqtt" | "mqtts" | "ws" | "wss" | "mqtt+unix";

/** A certificate for TLS. */
export interface CertificateOptions {
  /** The certificate, in PEM; behind it, those of intermediate authorities. */
  readonly cert: string;
  /** Its private key, in PEM, not encrypted. */
  readonly key: string;
  /** Certificates of the authorities that clients' certificates must come from, in PEM. */
  readonly ca?: string | undefined;
}

/** Where to listen, and what is asked of who connects there. */
export interface ListenOptions {
  /** Default: `"mqtt"`. */
  readonly protocol?: ListenProtocol | undefined;
  /**
   * The address of the network interface. Default: `"127.0.0.1"`, this machine alone; `"0.0.0.0"`
   * is every one.
   */
  readonly hostname?: string | undefined;
  /** 0 for any that is free. Default: the protocol's own, 1883, 8883, 8080 or 8443. */
  readonly port?: number | undefined;
  /**
   * The file of the socket, for `mqtt+unix`. One that a server has left behind is replaced; it is
   * removed at the end. Who may use the folder and the file may connect. Needs the permissions read
   * and write for it, and net for `unix:` with it.
   */
  readonly socketPath?: string | undefined;
  /**
   * The certificate, in PEM, for `mqtts` and `wss`; behind it, those of intermediate authorities.
   */
  readonly cert?: string | undefined;
  /** Its private key, in PEM, not encrypted. */
  readonly key?: string | undefined;
  /**
   * Certificates of the authorities that clients' certificates must come from, in PEM, and of no
   * others.
   */
  readonly ca?: string | undefined;
  /**
   * Whether clients are to show a certificate that comes from `ca`, for `mqtts` and `wss`. With
   * `"request"` a client without one is let in, one with a wrong one is not. Default: `"none"`.
   */
  readonly clientCertificate?: "none" | "request" | "require" | undefined;
  /**
   * What of the client's certificate is its User Name, whatever its CONNECT says: its Common Name,
   * or its whole subject as in `"CN=device-7,O=Acme"`. A client whose certificate has no such name
   * is refused (0x86). For `clientCertificate: "require"`. Default: CONNECT's.
   */
  readonly certificateUsername?: "common name" | "subject" | undefined;
  /** The path that WebSockets are asked for at, such as `"/mqtt"`. Default: any. */
  readonly websocketPath?: string | undefined;
  /**
   * Origins such as `"https://example.org"` whose pages may open WebSockets here, beside those of
   * this host itself; `"*"` is every one. Default: none.
   */
  readonly allowedOrigins?: readonly string[] | undefined;
}

/** Something that listens. */
export interface Listener {
  /** What it speaks. */
  readonly protocol: ListenProtocol;
  /** Where; for a Unix socket, its file. */
  readonly hostname: string;
  /** The port, the real one when any was asked for; 0 for a Unix socket. */
  readonly port: number;
  /** `"mqtt://127.0.0.1:1883"`, `"mqtt+unix:///run/mqtt.sock"`. */
  readonly url: string;
  /**
   * Uses another certificate for connections that come from now on; those that there are go on.
   * Without `ca` that of before holds.
   *
   * @throws {TypeError} when it is wrong, or this listener has no TLS; then the one of before holds
   */
  setCertificate(certificate: CertificateOptions): void;
  /** Takes no more connections. Those that there are go on. */
  close(): Promise<void>;
}

/** How much is borne of clients that have not shown who they are. */
export interface HandshakeLimits {
  /** How long a handshake of TLS may take, in milliseconds. */
  readonly handshakeTimeout: number;
  /** How many may go on at the same time. */
  readonly handshakes: number;
  /** One is to begin; when it says false, the connection is closed instead. Default: it may. */
  readonly onHandshake?: (() => boolean) | undefined;
  /** One has ended that had begun, however it has. */
  readonly onHandshakeEnded?: (() => void) | undefined;
}

/** Takes a connection. */
export type OnConnection = (transport: Transport, peer: PeerInfo) => void;

/** An interface and a port. */
export interface Where {
  readonly hostname: string;
  readonly port: number;
}

/** A connection below WebSocket. */
export interface Accepted {
  readonly transport: Transport;
  readonly address: string;
  readonly certificate?: PeerCertificate | undefined;
}

/** Takes such a connection. */
export type OnSocket = (accepted: Accepted) => void;

/** Something that listens below WebSocket. */
export interface Bound {
  readonly port: number;
  readonly setCertificate?: (certificate: CertificateOptions) => void;
  close(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";
const PORTS = { mqtt: 1883, mqtts: 8883, ws: 8080, wss: 8443 };

/**
 * The protocols within TLS (RFC 7301): what browsers ask for, and what IANA has registered for
 * MQTT.
 */
const ALPN = { mqtts: ["mqtt"], wss: ["http/1.1"] };

/**
 * Begins to listen. Resolves when it does.
 *
 * Rejects with `TypeError` when an option is wrong, and with what the platform throws when it
 * cannot listen there.
 */
export async function listen(
  options: ListenOptions,
  limits: HandshakeLimits,
  onConnection: OnConnection,
): Promise<Listener> {
  checkListenOptions(options);
  const { protocol = "mqtt", clientCertificate = "none" } = options;
  const isWebSocket = protocol === "ws" || protocol === "wss";
  const { websocketPath: path, allowedOrigins } = options;
  const isLoopback = isLoopbackHost(options.hostname ?? LOOPBACK);
  const accept: OnSocket = ({ transport, address, certificate }) => {
    const websocket = isWebSocket
      ? new WebSocketServerTransport(transport, { path, allowedOrigins, isLoopback })
      : undefined;
    onConnection(websocket ?? transport, {
      address,
      listener: listener.url,
      certificate,
      certificateUsername: usernameFrom(certificate, options.certificateUsername),
      get origin() {
        return websocket?.origin;
      },
    });
  };
  let bound: Bound;
  let place: { readonly hostname: string; readonly url: string };
  if (protocol === "mqtt+unix") {
    const hostname = options.socketPath!;
    bound = await listenUnix(hostname, accept);
    place = { hostname, url: unixUrl(hostname) };
  } else {
    const { hostname = LOOPBACK, port = PORTS[protocol] } = options;
    const where = { hostname, port };
    if (protocol === "mqtts" || protocol === "wss") {
      const alpn = ALPN[protocol];
      bound = await listenTls({ ...options, ...limits, ...where, clientCertificate, alpn }, accept);
    } else bound = isDeno ? listenDeno(where, accept) : await listenNode(where, accept);
    place = { hostname, url: `${protocol}://${hostAndPort(hostname, bound.port)}` };
  }
  const listener: Listener = {
    protocol,
    ...place,
    port: bound.port,
    setCertificate(certificate) {
      if (bound.setCertificate === undefined) {
        throw new TypeError(`A listener for ${protocol} has no certificate`);
      }
      bound.setCertificate(certificate);
    },
    close: () => bound.close(),
  };
  return listener;
}

/**
 * The User Name that a certificate gives; `""` when it has no such name, `undefined` when it is not
 * asked for one.
 */
export function usernameFrom(
  certificate: PeerCertificate | undefined,
  which: ListenOptions["certificateUsername"],
): string | undefined {
  if (which === undefined) return undefined;
  const name = which === "subject" ? certificate?.subjectText : certificate?.subject["CN"];
  // A User Name has no such character (§1.5.4).
  return name === undefined || name.includes("\0") ? "" : name;
}

/** A path that does not begin with a slash stays as it is: it depends on where the program runs. */
function unixUrl(path: string): string {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return path.startsWith("/") ? `mqtt+unix://${encoded}` : `mqtt+unix:${encoded}`;
}
