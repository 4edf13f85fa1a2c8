// Listening for Network Connections (§4.2): TCP, TLS, WebSocket (§6), WebSocket over TLS and Unix
// sockets. This file chooses the implementation; the `listen_*.ts` files contain them.

import type { PeerCertificate, PeerInfo } from "../session/peer.ts";
import { hostAndPort, isLoopbackHost } from "./host_and_port.ts";
import { listenDeno } from "./listen_deno.ts";
import { listenNode, listenUnix } from "./listen_node.ts";
import { checkListenOptions } from "./listen_options.ts";
import { listenTls } from "./listen_tls.ts";
import { isDeno } from "./runtime.ts";
import type { Transport } from "./transport.ts";
import { WebSocketServerTransport } from "./websocket_server.ts";
import { hasZone, zoneEscaped } from "./zone.ts";

/**
 * The protocol of a listener: `mqtt` is TCP, `ws` is WebSocket, `mqtts` and `wss` are the same over
 * TLS, and `mqtt+unix` is a Unix socket.
 */
export type ListenProtocol = "mqtt" | "mqtts" | "ws" | "wss" | "mqtt+unix";

/** A server certificate for TLS. */
export interface CertificateOptions {
  /** The certificate, in PEM, followed by any intermediate certificates. */
  readonly cert: string;
  /** Its private key, in PEM, not encrypted. */
  readonly key: string;
  /** Certificates of the authorities that must have issued the clients' certificates, in PEM. */
  readonly ca?: string | undefined;
}

/** Where to listen, and which clients may connect. */
export interface ListenOptions {
  /** Default: `"mqtt"`. */
  readonly protocol?: ListenProtocol | undefined;
  /**
   * The address of the network interface; `"0.0.0.0"` is all of them. Default: `"127.0.0.1"`, which
   * only this machine can reach.
   */
  readonly hostname?: string | undefined;
  /** 0 for any free port. Default: 1883 (mqtt), 8883 (mqtts), 8080 (ws) or 8443 (wss). */
  readonly port?: number | undefined;
  /**
   * The path of the socket file, for `mqtt+unix`. A stale file of a server that has exited is
   * replaced; the file is removed on close. Everyone with access to the folder and the file can
   * connect. Needs `--allow-read` and `--allow-write` for the path, and `--allow-net=unix:` with
   * it.
   */
  readonly socketPath?: string | undefined;
  /**
   * The server's certificate for `mqtts` and `wss`, in PEM, followed by any intermediate ones.
   */
  readonly cert?: string | undefined;
  /** Its private key, in PEM, not encrypted. */
  readonly key?: string | undefined;
  /**
   * Certificates of the authorities that must have issued the clients' certificates, in PEM. The
   * runtime's default authorities are not trusted for this.
   */
  readonly ca?: string | undefined;
  /**
   * Whether clients must present a certificate issued by `ca`, for `mqtts` and `wss`. With
   * `"request"` a client without a certificate is accepted; one with an invalid one is not.
   * Default: `"none"`.
   */
  readonly clientCertificate?: "none" | "request" | "require" | undefined;
  /**
   * Takes the User Name from the client's certificate instead of CONNECT: its Common Name, or its
   * whole subject, such as `"CN=device-7,O=Acme"`. A client whose certificate has no such name is
   * refused (0x86). Needs `clientCertificate: "require"`. Default: the User Name in CONNECT.
   */
  readonly certificateUsername?: "common name" | "subject" | undefined;
  /** The only path at which WebSockets are accepted, such as `"/mqtt"`. Default: any. */
  readonly websocketPath?: string | undefined;
  /**
   * Origins whose pages may open WebSockets, such as `"https://example.org"`, in addition to this
   * host's own; `"*"` allows all. Default: none.
   */
  readonly allowedOrigins?: readonly string[] | undefined;
}

/** Accepts connections at one address. */
export interface Listener {
  /** The protocol that its clients speak. */
  readonly protocol: ListenProtocol;
  /** The address; for a Unix socket, the path of its file. */
  readonly hostname: string;
  /** The actual port, even if port 0 was requested; 0 for a Unix socket. */
  readonly port: number;
  /** Such as `"mqtt://127.0.0.1:1883"` or `"mqtt+unix:///run/mqtt.sock"`. */
  readonly url: string;
  /**
   * Replaces the certificate for new connections; open connections are not affected. Without `ca`
   * the previous authorities stay in use.
   *
   * @throws {TypeError} when the certificate is invalid, or this listener does not use TLS; the
   *   previous certificate stays in use
   */
  setCertificate(certificate: CertificateOptions): void;
  /** Stops accepting connections. Open connections are not affected. */
  close(): Promise<void>;
}

/** A connection that ended before anything of MQTT was said, and not because the client left. */
export interface RefusedHandshake {
  readonly why: "limit" | "timeout" | "handshake";
  /** One sentence for a person. */
  readonly message: string;
  readonly address: string;
}

/** Limits for TLS handshakes, when it is not known yet who a client is. */
export interface HandshakeLimits {
  /** The timeout of a handshake, in milliseconds. */
  readonly handshakeTimeout: number;
  /** The maximum number of simultaneous handshakes. */
  readonly handshakes: number;
  /** Called before each handshake; returning `false` closes the connection instead. */
  readonly onHandshake?: (() => boolean) | undefined;
  /** Called after each handshake that began, whether it succeeded or not. */
  readonly onHandshakeEnded?: (() => void) | undefined;
  /** Called for each handshake of TLS or WebSocket that was refused. */
  readonly onRefused?: ((refused: RefusedHandshake, listener: string) => void) | undefined;
}

export type OnConnection = (transport: Transport, peer: PeerInfo) => void;

export interface Where {
  readonly hostname: string;
  readonly port: number;
}

/** An accepted connection, before any WebSocket handshake on it. */
export interface Accepted {
  readonly transport: Transport;
  readonly address: string;
  readonly certificate?: PeerCertificate | undefined;
}

export type OnSocket = (accepted: Accepted) => void;

/** A listener for connections on which a WebSocket may be opened. */
export interface Bound {
  readonly port: number;
  readonly setCertificate?: (certificate: CertificateOptions) => void;
  close(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";
const PORTS = { mqtt: 1883, mqtts: 8883, ws: 8080, wss: 8443 };

/** ALPN (RFC 7301): what IANA has registered for MQTT, and what browsers offer for WebSockets. */
const ALPN = { mqtts: ["mqtt"], wss: ["http/1.1"] };

/**
 * Starts listening. Resolves when the listener accepts connections.
 *
 * Rejects with `TypeError` when an option is wrong, and with the platform's error when it cannot
 * listen there.
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
  const onRefused = (refused: RefusedHandshake) => limits.onRefused?.(refused, listener.url);
  const accept: OnSocket = ({ transport, address, certificate }) => {
    const onWebSocketRefused = (reason: string) => {
      const message = `the WebSocket was refused: ${reason}`;
      onRefused({ why: "handshake", message, address });
    };
    const websocket = isWebSocket
      ? new WebSocketServerTransport(
        transport,
        { path, allowedOrigins, isLoopback },
        onWebSocketRefused,
      )
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
      if (isDeno && hasZone(hostname)) {
        // Its `node:net` answers EINVAL.
        throw new TypeError(
          `Deno cannot listen with TLS at ${hostname}, an address with an interface; use "::"`,
        );
      }
      const alpn = ALPN[protocol];
      bound = await listenTls(
        { ...options, ...limits, ...where, clientCertificate, alpn, onRefused },
        accept,
      );
    } else bound = isDeno ? listenDeno(where, accept) : await listenNode(where, accept);
    const address = zoneEscaped(hostAndPort(hostname, bound.port));
    place = { hostname, url: `${protocol}://${address}` };
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
 * The User Name in a certificate; `""` if it contains no such name, `undefined` if `which` is not
 * set.
 */
export function usernameFrom(
  certificate: PeerCertificate | undefined,
  which: ListenOptions["certificateUsername"],
): string | undefined {
  if (which === undefined) return undefined;
  const name = which === "subject" ? certificate?.subjectText : certificate?.subject["CN"];
  // A UTF-8 Encoded String must not contain U+0000 (§1.5.4).
  return name === undefined || name.includes("\0") ? "" : name;
}

/** A relative path stays relative in the URL: it depends on the working directory. */
function unixUrl(path: string): string {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return path.startsWith("/") ? `mqtt+unix://${encoded}` : `mqtt+unix:${encoded}`;
}
