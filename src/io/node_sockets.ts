// TCP, TLS and Unix sockets with Node's modules: for all connections on Node and Bun, and for
// client certificates on Deno.

import { ipAddress } from "./ip_address.ts";
import { type NodeSocket, NodeSocketTransport } from "./node_socket.ts";
import { builtinModule, isDeno } from "./runtime.ts";
import type { Sockets } from "./sockets.ts";
import type { TlsRequest, TlsResult } from "./tls.ts";

type NodeTls = typeof import("node:tls");
type TlsSocket = InstanceType<NodeTls["TLSSocket"]>;
type PeerCertificate = Parameters<NodeTls["checkServerIdentity"]>[1];
type SecureContext = ReturnType<NodeTls["createSecureContext"]>;

/** Sockets by Node's modules; `undefined` where one of the modules is missing. */
export function nodeSockets(): Sockets | undefined {
  const net = builtinModule("node:net");
  const tls = builtinModule("node:tls");
  if (net === undefined || tls === undefined) return undefined;
  return {
    async connectTcp(host, port, signal) {
      const socket = await opened(net.connect({ host, port, allowHalfOpen: true }), signal);
      // Packets are already batched before they are written: Nagle's algorithm would only add
      // delay.
      socket.setNoDelay(true);
      return {
        transport: new NodeSocketTransport(socket),
        startTls: (request, signal) => startTls(tls, socket, request, signal),
      };
    },
    async connectUnix(path, signal) {
      const socket = net.connect({ path, allowHalfOpen: true });
      return new NodeSocketTransport(await opened(socket, signal));
    },
  };
}

async function startTls(
  tls: NodeTls,
  tcp: NodeSocket,
  request: TlsRequest,
  signal: AbortSignal,
): Promise<{ readonly transport: NodeSocketTransport; readonly result: TlsResult }> {
  const { serverName, alpn, verifiesHost } = request;
  let socket: TlsSocket;
  try {
    socket = tls.connect({
      socket: tcp,
      // The name to check in the certificate. SNI must not contain an address (RFC 6066, §3).
      host: serverName,
      ...ipAddress(serverName) === undefined && { servername: serverName },
      ALPNProtocols: [...alpn],
      minVersion: "TLSv1.2",
      secureContext: secureContext(tls, request),
      checkServerIdentity: (name, certificate) =>
        verifiesHost ? identityFault(tls, name, certificate) : undefined,
    });
  } catch (error) {
    tcp.destroy();
    throw error;
  }
  await opened(socket, signal, "secureConnect");
  // The types claim that there always is a certificate with a Common Name.
  const commonName: unknown = socket.getPeerCertificate()?.subject?.CN;
  return {
    transport: new NodeSocketTransport(socket, tcp),
    result: {
      alpnProtocol: socket.alpnProtocol || undefined,
      version: socket.getProtocol() ?? undefined,
      commonName: typeof commonName === "string" ? commonName : undefined,
    },
  };
}

/**
 * Why a certificate is not valid for a name; `undefined` if it is. Node falls back to the Common
 * Name when there is no Subject Alternative Name, which RFC 9525, §2, no longer allows.
 */
function identityFault(
  tls: NodeTls,
  name: string,
  certificate: PeerCertificate,
): Error | undefined {
  const { subjectaltname: names = "" } = certificate;
  const isNamed = /\bDNS:/.test(names) || ipAddress(name) !== undefined;
  const cause = tls.checkServerIdentity(name, certificate);
  if (isNamed && cause === undefined) return undefined;
  const message = names === ""
    ? "The certificate is not valid for any names"
    : `${name} is not in the certificate's altnames: ${names}`;
  return Object.assign(new Error(message, { cause }), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
}

/**
 * The authorities to trust and the client's certificate. Authorities are added to the runtime's
 * defaults, as `Deno.startTls` does.
 */
function secureContext(
  tls: NodeTls,
  { ca, cert, key }: TlsRequest,
): SecureContext {
  const identity = { ...cert !== undefined && { cert }, ...key !== undefined && { key } };
  if (!isDeno) {
    const own = tls.getCACertificates?.("default") ?? tls.rootCertificates;
    return tls.createSecureContext({ ...identity, ...ca.length > 0 && { ca: [...own, ...ca] } });
  }
  // Reading Deno's default authorities needs a permission; adding to them does not.
  const secure = tls.createSecureContext(identity);
  for (const text of ca) secure.context.addCACert(text);
  return secure;
}

/** Resolves with the socket when it is connected. */
async function opened<Socket extends NodeSocket>(
  socket: Socket,
  signal: AbortSignal,
  event: "connect" | "secureConnect" = "connect",
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let error: Error | undefined;
  const fail = (cause: Error) => reject(error ??= cause);
  const close = () => reject(new Error("The connection was closed"));
  const abort = () => reject(signal.reason);
  socket.once(event, resolve);
  socket.on("error", fail);
  socket.once("close", close);
  signal.addEventListener("abort", abort);
  try {
    signal.throwIfAborted();
    await promise;
    // With TLS 1.3 the server's rejection of the client certificate may arrive at the same moment.
    if (error !== undefined) throw error;
    return socket;
  } catch (cause) {
    // Errors while the socket closes are irrelevant, but without a listener they would be thrown.
    socket.on("error", () => {});
    socket.destroy();
    throw cause;
  } finally {
    socket.off(event, resolve);
    socket.off("error", fail);
    socket.off("close", close);
    signal.removeEventListener("abort", abort);
  }
}
