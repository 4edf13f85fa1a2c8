// Listening for TCP with what Deno has: its connections are the fastest there.

import type { Bound, OnSocket, Where } from "./listen.ts";
import { hostAndPort } from "./host_and_port.ts";
import { Slabs } from "./slabs.ts";
import { TcpTransport } from "./tcp.ts";

/** How long to wait before the next try when a connection cannot be taken, in milliseconds. */
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

/** Takes connections until the listener is closed. */
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
      // It has gone already, or there are as many open files as there may be: some will be closed.
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      continue;
    }
    try {
      connection.setNoDelay();
    } catch {
      // It has gone: to read from it will tell.
    }
    onConnection(connection);
  }
}
