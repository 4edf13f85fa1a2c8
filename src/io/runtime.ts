// What this program runs on: Deno, Node, Bun or a browser. Nothing is imported for a runtime that
// is not there, so that no bundler stumbles over it: the modules of Node are asked for by name.

/** What the platforms differ in. */
interface Platform {
  readonly Deno?: unknown;
  readonly process?: { readonly getBuiltinModule?: (name: string) => unknown };
  readonly setImmediate?: (callback: () => void) => unknown;
}

const platform = globalThis as Platform;

/** The modules of Node that are used here, by name. */
interface BuiltinModules {
  readonly "node:crypto": typeof import("node:crypto");
  readonly "node:dns/promises": typeof import("node:dns/promises");
  readonly "node:fs/promises": typeof import("node:fs/promises");
  readonly "node:net": typeof import("node:net");
  readonly "node:tls": typeof import("node:tls");
}

/** Whether this is Deno. */
export const isDeno: boolean = platform.Deno !== undefined;

/** A module of Node, which Deno and Bun have too; `undefined` in a browser. */
export function builtinModule<Name extends keyof BuiltinModules>(
  name: Name,
): BuiltinModules[Name] | undefined {
  return platform.process?.getBuiltinModule?.(name) as BuiltinModules[Name] | undefined;
}

/** Resolves when all that is ready to be done has been done, timers and sockets included. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (platform.setImmediate !== undefined) platform.setImmediate(resolve);
    else afterMessage(resolve);
  });
}

/**
 * Resolves when sockets have been looked at, too, if there is nothing else to do. Deno 2.9 does so
 * only when it has nothing to do, or after {@linkcode ROUNDS}: this waits for what another thread
 * does in ten microseconds.
 */
export async function nextTurnOfSockets(): Promise<void> {
  if (isDeno) await crypto.subtle.digest("SHA-1", NOTHING);
  else await nextTurn();
}

const NOTHING = new Uint8Array(0);

/** Gives sockets their turn again and again, whatever else there is to do, for little time. */
export class SocketTurns {
  #count = 0;

  /**
   * Resolves when sockets have been looked at: for sure every fourth time, else if there is nothing
   * else to do.
   */
  async next(): Promise<void> {
    if (++this.#count % 4 > 0) return await nextTurnOfSockets();
    for (let round = 0; round < ROUNDS; round++) await nextTurn();
  }
}

/**
 * So many rounds of `setImmediate` go by before sockets are looked at. All of them take a tenth of
 * a millisecond.
 */
const ROUNDS = isDeno ? 61 : 1;

/** A browser has no `setImmediate`, and slows timers down; messages it delivers at once. */
function afterMessage(callback: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    callback();
  };
  port2.postMessage(undefined);
}
