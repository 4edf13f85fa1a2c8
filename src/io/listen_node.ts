// Listening with Node's modules, which Deno and Bun have, too: TCP where there is no Deno, and Unix
// sockets.

import type { Bound, OnSocket, Where } from "./listen.ts";
import { hostAndPort } from "./host_and_port.ts";
import { type NodeSocket, NodeSocketTransport } from "./node_socket.ts";
import { builtinModule } from "./runtime.ts";

/** A server of `node:net`; one of `node:tls` is such a server, too. */
type NodeServer = InstanceType<(typeof import("node:net"))["Server"]>;

/** Each side closes its own half: a client that has said all may still be told something. */
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
 * Listens on a Unix socket. A file that a server has left behind is replaced; one on which a server
 * listens is not, nor is any other file.
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
  // To close it removes the file.
  return { port: 0, close: () => end(server) };
}

/** Whether a file is a socket on which nobody listens. */
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

/** Resolves when a server listens. */
export function begin(
  server: NodeServer,
  where: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      // A connection has gone already, or there are as many open files as there may be: others will
      // come.
      server.on("error", () => {});
      resolve();
    });
  });
}

/** Has a server take no more connections. Its callback would wait for those that there are. */
export function end(server: NodeServer): Promise<void> {
  server.close();
  return Promise.resolve();
}

/** The port on which a server listens. */
export function portOf(server: NodeServer): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Where a socket comes from. */
export function addressOf({ remoteAddress, remotePort }: NodeSocket): string {
  return hostAndPort(remoteAddress ?? "unknown", remotePort ?? 0);
}
