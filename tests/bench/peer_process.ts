// The peer of the client benchmark as seen from the benchmark.

import { Child } from "./child.ts";
import type { Server } from "./server.ts";

/** A peer that runs. Disposing it ends its process. */
export interface Peer extends Server, AsyncDisposable {
  /** Where it listens for bytes to be sent back as they come. */
  readonly echoPort: number;
}

/** Starts `peer.ts` in a process of its own. */
export async function startPeer(): Promise<Peer> {
  const file = new URL("peer.ts", import.meta.url).pathname;
  const child = new Child(Deno.execPath(), ["run", "--allow-net=127.0.0.1", file]);
  const [port, echoPort] = (await child.hear()).split(" ").map(Number);
  return {
    url: `mqtt://127.0.0.1:${port}`,
    echoPort: echoPort!,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
