// Listening for TLS with Node's module, on Deno, too: Deno's own listener cannot ask for a client's
// certificate, and its connections wait for more before they send what is not the first (Nagle's
// algorithm), which costs a CONNACK 40 ms and more.

import type { PeerCertificate } from "../session/peer.ts";
import { namesOf } from "./distinguished_name.ts";
import type { Bound, CertificateOptions, HandshakeLimits, OnSocket, Where } from "./listen.ts";
import { addressOf, begin, end, portOf } from "./listen_node.ts";
import { type NodeSocket, NodeSocketTransport } from "./node_socket.ts";
import { checkCertificates, keyPair } from "./pem.ts";
import { mayListen } from "./permission.ts";
import { builtinModule, isDeno } from "./runtime.ts";

type TlsSocket = InstanceType<(typeof import("node:tls"))["TLSSocket"]>;

/** Timers know no longer time, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** What a listener for TLS asks of its clients. */
export interface TlsListenOptions extends Where {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
  readonly clientCertificate: "none" | "request" | "require";
  /** The protocols that it speaks within TLS (RFC 7301). */
  readonly alpn: readonly string[];
  /** How long a handshake may take, in milliseconds. */
  readonly handshakeTimeout: number;
  /** How many handshakes may go on at the same time. */
  readonly handshakes: number;
  readonly onHandshake?: HandshakeLimits["onHandshake"];
  readonly onHandshakeEnded?: HandshakeLimits["onHandshakeEnded"];
}

/** A connection whose handshake goes on. */
interface Handshake {
  readonly socket: NodeSocket;
  /** Breaks it off when it takes too long. */
  readonly timer: ReturnType<typeof setTimeout>;
}

/**
 * Listens for TLS. `onSocket` is given connections whose handshake is done.
 *
 * @throws {TypeError} when the certificate, its key or the authorities' certificates are wrong
 * @throws {Error} what the platform throws when it cannot listen there
 */
export async function listenTls(options: TlsListenOptions, onSocket: OnSocket): Promise<Bound> {
  const { clientCertificate, handshakes: most } = options;
  let certificate = checked(options, clientCertificate);
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
  /** Connections whose handshake goes on, by where they come from. */
  const handshakes = new Map<string, Handshake>();
  const ended = (address: string) => {
    const handshake = handshakes.get(address);
    if (handshake === undefined) return undefined;
    handshakes.delete(address);
    clearTimeout(handshake.timer);
    options.onHandshakeEnded?.();
    return handshake.socket;
  };
  // TLS begins in a listener of the server's own, and what it makes for a connection stays until
  // the garbage is collected: who is refused does not get there.
  const own = server.listeners("connection") as ((socket: NodeSocket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket) => {
    if (handshakes.size >= most || options.onHandshake?.() === false) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    const address = addressOf(socket);
    const timer = setTimeout(() => socket.destroy(), handshakeTimeout);
    handshakes.set(address, { socket, timer });
    socket.on("close", () => {
      if (handshakes.get(address)?.socket === socket) ended(address);
    });
    for (const begin of own) begin.call(server, socket);
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  server.on("secureConnection", (socket) => {
    const address = addressOf(socket);
    const below = ended(address);
    // Not before: who gives up a handshake would be waited for.
    socket.allowHalfOpen = true;
    const transport = new NodeSocketTransport(socket, below);
    const shown = clientCertificate === "none" ? undefined : certificateOf(socket);
    if (shown !== undefined && !socket.authorized) return transport.close();
    onSocket({ transport, address, certificate: shown });
  });
  await begin(server, { host: await mayListen(options), port: options.port });
  return {
    port: portOf(server),
    setCertificate(next) {
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

function checked(
  { cert, key, ca }: Pick<TlsListenOptions, "cert" | "key" | "ca">,
  clientCertificate: TlsListenOptions["clientCertificate"],
): CertificateOptions {
  if (clientCertificate === "none") return keyPair({ cert, key });
  checkCertificates("ca", ca);
  return { ...keyPair({ cert, key }), ca };
}

/**
 * In Deno 2.9 the server's own timer holds a handshake, 20 kB, until it fires, though the
 * connection has long been closed: who breaks off thousands would fill the memory. A server that
 * says 0 has none; as an option 0 would be two minutes.
 */
function withoutHandshakeTimer(server: object): void {
  Object.assign(server, { _handshakeTimeout: 0 });
}

/** The certificate that a client has shown. */
function certificateOf(socket: TlsSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerCertificate();
  // Without one there is an object without anything in it.
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
