// Listening with Node's modules, which Deno and Bun have, too: TCP outside of Deno, and Unix
// sockets everywhere.

import type { Bound, OnSocket, Where } from "./listen.ts";
import { hostAndPort } from "./host_and_port.ts";
import { type NodeSocket, NodeSocketTransport } from "./node_socket.ts";
import { builtinModule } from "./runtime.ts";

/** A server of `node:net`; one of `node:tls` is such a server, too. */
type NodeServer = InstanceType<(typeof import("node:net"))["Server"]>;

/** A client that has closed its half of the connection can still be sent something. */
const HALF_OPEN = { allowHalfOpen: true };

/**
 * Listens for TCP.
 *
 * @throws {Error} what the platform throws when it cannot listen there
 */
export async function listenNode({ hostname, port }: Where, onSocket: OnSocket): Promise<Bound> {
  const server = builtinModule("node:net")!.createServer(HALF_OPEN, (socket) => {
    socket.setNoDelay(true);
    onSocket({ transport: new NodeSocketTransport(socket), address: addressOf(socket) });
  });
  await begin(server, { host: hostname, port });
  return { port: portOf(server), close: () => end(server) };
}

/**
 * Listens on a Unix socket. Replaces a stale socket file of a server that has exited, but never a
 * socket on which a server listens, nor any other file.
 *
 * @throws {Error} what the platform throws when it cannot listen there
 */
export async function listenUnix(path: string, onSocket: OnSocket): Promise<Bound> {
  const start = async () => {
    const server = builtinModule("node:net")!.createServer(HALF_OPEN, (socket) => {
      onSocket({ transport: new NodeSocketTransport(socket), address: "unix" });
    });
    await begin(server, { path });
    return server;
  };
  const server = await start().catch(async (error) => {
    if (error.code !== "EADDRINUSE" || !await isLeftBehind(path)) throw error;
    await builtinModule("node:fs/promises")!.unlink(path);
    return await start();
  });
  // Closing the server removes the file.
  return { port: 0, close: () => end(server) };
}

/** Whether a file is a stale socket, on which no server listens. */
async function isLeftBehind(path: string): Promise<boolean> {
  const file = await builtinModule("node:fs/promises")!.lstat(path);
  if (!file.isSocket()) return false;
  return await new Promise((resolve) => {
    const socket = builtinModule("node:net")!.connect(path);
    socket.on("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.on(
      "error",
      (error: Error & { code?: string }) => resolve(error.code === "ECONNREFUSED"),
    );
  });
}

/** Starts listening. Resolves when the server listens. */
export function begin(
  server: NodeServer,
  where: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      // The client has closed already, or the limit of open files is reached: the server goes on.
      server.on("error", () => {});
      resolve();
    });
  });
}

/** Stops listening. The callback of `close()` is not used: it would wait for open connections. */
export function end(server: NodeServer): Promise<void> {
  server.close();
  return Promise.resolve();
}

export function portOf(server: NodeServer): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** The peer's host and port, for messages. */
export function addressOf({ remoteAddress, remotePort }: NodeSocket): string {
  return hostAndPort(remoteAddress ?? "unknown", remotePort ?? 0);
}
