// Passes the bytes of one connection on, both ways and unchanged. A chunk is written before anybody
// looks at it, and the next is read when it has been written: whoever is slow slows the other end,
// as without a relay. The observer slows nobody: it looks while the chunk is on its way.

import type { Side } from "../../monitor/mod.ts";
import type { Transport } from "../../io/transport.ts";

/** Is told what passes. It must neither throw nor change the bytes, which change later. */
export interface RelayObserver {
  /** An end has sent bytes. */
  pass(from: Side, bytes: Uint8Array): void;
  /** An end has closed its direction. */
  end(from: Side): void;
}

/** The two ends of a relayed connection. */
export type Ends = { readonly [At in Side]: Transport };

/**
 * Passes bytes between two ends until both have closed their direction, or the connection to one of
 * them breaks; then both are closed. An end that has closed its direction still gets what the other
 * sends. Resolves to what is wrong where it broke, in a sentence; never rejects.
 *
 * @param first what the client has sent already
 */
export async function relay(
  ends: Ends,
  observer: RelayObserver,
  first?: Uint8Array,
): Promise<string | undefined> {
  const { client, server } = ends;
  let fault: string | undefined;
  const hasEnded = { client: false, server: false };
  const watch: RelayObserver = {
    pass: (from, bytes) => observer.pass(from, bytes),
    end: (from) => {
      hasEnded[from] = true;
      observer.end(from);
    },
  };
  const close = (side: Side, error: unknown) => {
    // An end that has said all it wants to say may be gone when it is told the same.
    if (hasEnded.client && hasEnded.server) return;
    // What breaks when both ends have been closed is only the echo of the first fault.
    fault ??= `the connection to the ${side} broke: ${reasonOf(error)}`;
    client.close();
    server.close();
  };
  await Promise.all([
    pass("client", ends, watch, close, first),
    pass("server", ends, watch, close),
  ]);
  client.close();
  server.close();
  return fault;
}

/** Passes one direction on. */
async function pass(
  from: Side,
  ends: Ends,
  observer: RelayObserver,
  onFault: (side: Side, error: unknown) => void,
  first?: Uint8Array,
): Promise<void> {
  const to = from === "client" ? "server" : "client";
  const [source, target] = [ends[from], ends[to]];
  /** The end that an operation fails for. */
  let side: Side = from;
  try {
    for (let chunk = first ?? await source.read(); chunk !== undefined;) {
      side = to;
      const written = target.write(chunk);
      observer.pass(from, chunk);
      await written;
      source.release?.();
      side = from;
      chunk = await source.read();
    }
    observer.end(from);
    side = to;
    await target.closeWrite();
  } catch (error) {
    onFault(side, error);
  }
}

/** Why the system ended a connection, in a few words. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\).*$/s, "").toLowerCase();
}
