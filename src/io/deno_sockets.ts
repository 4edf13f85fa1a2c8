// TCP, TLS and Unix sockets by Deno's own means. TLS begins on a connection that is open already:
// only so can dialling be given up, and can Nagle's algorithm be turned off, which costs 44 ms
// wherever a small write follows another.

import type { Sockets } from "./sockets.ts";
import { openTcp, TcpTransport } from "./tcp.ts";
import type { TlsRequest, TlsResult } from "./tls.ts";

/** What Deno's own means can do: all but client certificates, which `Deno.startTls` ignores. */
export const denoSockets: Sockets = {
  async connectTcp(hostname, port, signal) {
    const connection = await openTcp({ hostname, port, signal });
    return {
      transport: new TcpTransport(connection),
      startTls: (request, signal) => startTls(connection, request, signal),
    };
  },
  async connectUnix(path, signal) {
    signal.throwIfAborted();
    const transport = new TcpTransport(await Deno.connect({ transport: "unix", path }));
    if (signal.aborted) transport.close();
    signal.throwIfAborted();
    return transport;
  },
};

async function startTls(
  tcp: Deno.TcpConn,
  { serverName, ca, alpn, verifiesHost }: TlsRequest,
  signal: AbortSignal,
): Promise<{ readonly transport: TcpTransport; readonly result: TlsResult }> {
  let transport = new TcpTransport(tcp);
  const close = () => transport.close();
  try {
    const connection = await Deno.startTls(tcp, {
      hostname: serverName,
      caCerts: [...ca],
      alpnProtocols: [...alpn],
      unsafelyDisableHostnameVerification: !verifiesHost,
    });
    transport = new TcpTransport(connection);
    signal.addEventListener("abort", close);
    signal.throwIfAborted();
    // Without, a failure of the handshake would be told by the first read.
    const { alpnProtocol } = await connection.handshake();
    return {
      transport,
      result: {
        alpnProtocol: alpnProtocol ?? undefined,
        version: undefined,
        commonName: undefined,
      },
    };
  } catch (error) {
    transport.close();
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}
