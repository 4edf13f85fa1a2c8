// What dialling needs of a runtime.

import type { TlsRequest, TlsResult } from "./tls.ts";
import type { Transport } from "./transport.ts";

/** A TCP connection that can still become one over TLS. */
export interface TcpSocket {
  /** The connection as it is. */
  readonly transport: Transport;
  /**
   * Shakes hands. Afterwards the plain transport must not be used any more. When it fails, the
   * connection is closed.
   *
   * @throws {Error} what the runtime throws when the handshake fails; the signal's reason when it
   *   aborts
   */
  startTls(
    request: TlsRequest,
    signal: AbortSignal,
  ): Promise<{ readonly transport: Transport; readonly result: TlsResult }>;
}

/** Opens connections. Either function throws what the runtime throws, or the signal's reason. */
export interface Sockets {
  connectTcp(hostname: string, port: number, signal: AbortSignal): Promise<TcpSocket>;
  connectUnix(path: string, signal: AbortSignal): Promise<Transport>;
}
