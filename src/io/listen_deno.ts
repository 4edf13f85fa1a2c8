// Listening for TCP with `Deno.listen`: on Deno its connections are the fastest.

import type { Bound, OnSocket, Where } from "./listen.ts";
import { hostAndPort } from "./host_and_port.ts";
import { Slabs } from "./slabs.ts";
import { TcpTransport } from "./tcp.ts";

/** How long to wait after `accept()` has failed, in milliseconds. */
const PAUSE = 100;

/**
 * Listens for TCP.
 *
 * @throws {Error} what Deno throws when it cannot listen there
 */
export function listenDeno({ hostname, port }: Where, onSocket: OnSocket): Bound {
  const listener = Deno.listen({ hostname, port });
  const slabs = new Slabs();
  const finished = acceptAll(listener, (connection) => {
    const { hostname, port } = connection.remoteAddr;
    onSocket({
      transport: new TcpTransport(connection, slabs),
      address: hostAndPort(hostname, port),
    });
  });
  return {
    port: listener.addr.port,
    async close() {
      listener.close();
      await finished;
    },
  };
}

/** Accepts connections until the listener is closed. */
async function acceptAll(
  listener: Deno.TcpListener,
  onConnection: (connection: Deno.TcpConn) => void,
): Promise<void> {
  for (;;) {
    let connection: Deno.TcpConn;
    try {
      connection = await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource) return;
      if (error instanceof Deno.errors.Interrupted) return;
      // The client has closed already, or the limit of open files is reached: try again later.
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      continue;
    }
    try {
      connection.setNoDelay();
    } catch {
      // The connection is already closed: the first read will report it.
    }
    onConnection(connection);
  }
}
