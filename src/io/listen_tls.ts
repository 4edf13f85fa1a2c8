// Listening for TLS with `node:tls`, on Deno, too: `Deno.listenTls` cannot request a client
// certificate, and Nagle's algorithm cannot be turned off on its connections, which delays CONNACK
// by 40 ms or more.

import { checkKnown } from "../session/option_checks.ts";
import type { PeerCertificate } from "../session/peer.ts";
import { namesOf } from "./distinguished_name.ts";
import type {
  Bound,
  CertificateOptions,
  HandshakeLimits,
  OnSocket,
  RefusedHandshake,
  Where,
} from "./listen.ts";
import { addressOf, begin, end, portOf } from "./listen_node.ts";
import { certificateFault, type HandshakeError, handshakeFault } from "./listen_tls_faults.ts";
import { type NodeSocket, NodeSocketTransport } from "./node_socket.ts";
import { checkCertificates, keyPair } from "./pem.ts";
import { mayListen } from "./permission.ts";
import { builtinModule, isDeno } from "./runtime.ts";

type TlsSocket = InstanceType<(typeof import("node:tls"))["TLSSocket"]>;

/** The longest delay of a timer, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

const CERTIFICATE_OPTIONS: ReadonlySet<string> = new Set<keyof CertificateOptions>([
  "cert",
  "key",
  "ca",
]);

export interface TlsListenOptions extends Where {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
  readonly clientCertificate: "none" | "request" | "require";
  /** The application protocols that the listener speaks (ALPN, RFC 7301). */
  readonly alpn: readonly string[];
  /** How long a handshake may take, in milliseconds. */
  readonly handshakeTimeout: number;
  /** The maximum number of simultaneous handshakes. */
  readonly handshakes: number;
  readonly onHandshake?: HandshakeLimits["onHandshake"];
  readonly onHandshakeEnded?: HandshakeLimits["onHandshakeEnded"];
  readonly onRefused?: ((refused: RefusedHandshake) => void) | undefined;
}

/** A connection during its handshake. */
interface Handshake {
  readonly socket: NodeSocket;
  /** Closes the connection when the handshake times out. */
  readonly timer: ReturnType<typeof setTimeout>;
}

/**
 * Listens for TLS. `onSocket` receives connections after a successful handshake.
 *
 * @throws {TypeError} when the certificate, its key or the authorities' certificates are wrong
 * @throws {Error} what the platform throws when it cannot listen there
 */
export async function listenTls(options: TlsListenOptions, onSocket: OnSocket): Promise<Bound> {
  const { clientCertificate, handshakes: most } = options;
  let certificate = checked(options, clientCertificate);
  const refuse = (address: string, why: RefusedHandshake["why"], message: string) => {
    options.onRefused?.({ why, message, address });
  };
  const handshakeTimeout = Math.min(options.handshakeTimeout, LONGEST_TIMER);
  const server = builtinModule("node:tls")!.createServer({
    ...certificate,
    minVersion: "TLSv1.2",
    ALPNProtocols: [...options.alpn],
    requestCert: clientCertificate !== "none",
    rejectUnauthorized: clientCertificate === "require",
    handshakeTimeout,
  });
  if (isDeno) withoutHandshakeTimer(server);
  /** Connections during their handshake, by the peer's address. */
  const handshakes = new Map<string, Handshake>();
  const ended = (address: string) => {
    const handshake = handshakes.get(address);
    if (handshake === undefined) return undefined;
    handshakes.delete(address);
    clearTimeout(handshake.timer);
    options.onHandshakeEnded?.();
    return handshake.socket;
  };
  // The server starts TLS in its own "connection" listener, and the objects that this creates live
  // until the next garbage collection: connections over the limit must not reach that listener.
  const own = server.listeners("connection") as ((socket: NodeSocket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket) => {
    if (handshakes.size >= most || options.onHandshake?.() === false) {
      refuse(addressOf(socket), "limit", "the broker has no room for another TLS handshake");
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    const address = addressOf(socket);
    const timer = setTimeout(() => {
      refuse(address, "timeout", "the TLS handshake did not end in time");
      socket.destroy();
    }, handshakeTimeout);
    handshakes.set(address, { socket, timer });
    socket.on("close", () => {
      if (handshakes.get(address)?.socket === socket) ended(address);
    });
    for (const begin of own) begin.call(server, socket);
  });
  server.on("tlsClientError", (error: HandshakeError, socket) => {
    const fault = handshakeFault(error, socket.authorizationError, options.alpn);
    if (fault !== undefined) refuse(addressBelow(socket), "handshake", fault);
    socket.destroy();
  });
  server.on("secureConnection", (socket) => {
    const address = addressOf(socket);
    const below = ended(address);
    // Only now: during the handshake a client that closes its half would keep the connection open.
    socket.allowHalfOpen = true;
    const transport = new NodeSocketTransport(socket, below);
    const shown = clientCertificate === "none" ? undefined : certificateOf(socket);
    if (shown !== undefined && !socket.authorized) {
      refuse(address, "handshake", certificateFault(socket.authorizationError));
      return transport.close();
    }
    onSocket({ transport, address, certificate: shown });
  });
  await begin(server, { host: await mayListen(options), port: options.port });
  return {
    port: portOf(server),
    setCertificate(next) {
      checkKnown(next, CERTIFICATE_OPTIONS, "setCertificate()");
      const newer = checked({ ...next, ca: next.ca ?? certificate.ca }, clientCertificate);
      server.setSecureContext({ ...newer, minVersion: "TLSv1.2" });
      certificate = newer;
    },
    async close() {
      const closed = Array.from(handshakes.values(), ({ socket }) => {
        return new Promise((resolve) => socket.destroy().once("close", resolve));
      });
      await Promise.all([end(server), ...closed]);
    },
  };
}

/** The address of a socket that has been closed: its own fields no longer have it. */
function addressBelow(socket: TlsSocket): string {
  const { _parent: below } = socket as TlsSocket & { readonly _parent?: NodeSocket };
  return addressOf(below ?? socket);
}

function checked(
  { cert, key, ca }: Pick<TlsListenOptions, "cert" | "key" | "ca">,
  clientCertificate: TlsListenOptions["clientCertificate"],
): CertificateOptions {
  if (clientCertificate === "none") return keyPair({ cert, key });
  checkCertificates("ca", ca);
  return { ...keyPair({ cert, key }), ca };
}

/**
 * In Deno 2.9 the server's own handshake timer keeps 20 kB alive until it fires, even when the
 * connection is closed: clients that abort thousands of handshakes would fill the memory. Setting
 * this field to 0 turns the timer off; the option `handshakeTimeout: 0` would mean two minutes.
 */
function withoutHandshakeTimer(server: object): void {
  Object.assign(server, { _handshakeTimeout: 0 });
}

/** The client's certificate; `undefined` if it sent none. */
function certificateOf(socket: TlsSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerCertificate();
  // Without a certificate Node returns an empty object.
  if (certificate?.raw === undefined) return undefined;
  const { subject, issuer } = namesOf(certificate.raw);
  return {
    subject: subject.values,
    subjectText: subject.text,
    issuer: issuer.values,
    issuerText: issuer.text,
    serialNumber: certificate.serialNumber,
    fingerprint256: certificate.fingerprint256,
  };
}
