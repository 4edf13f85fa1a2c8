// TCP, TLS and Unix sockets with Deno's own API. TLS is started on an open TCP connection: only
// then can connecting be aborted and Nagle's algorithm be turned off, which would delay a small
// write that follows another by 44 ms.

import type { Sockets } from "./sockets.ts";
import { openTcp, TcpTransport } from "./tcp.ts";
import type { TlsRequest, TlsResult } from "./tls.ts";

/** Deno's own sockets. They cannot use client certificates, which `Deno.startTls` ignores. */
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
    // Otherwise the first read would report a failed handshake.
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
