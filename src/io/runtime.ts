// Detects the runtime: Deno, Node, Bun or a browser. Node's modules are requested by name and never
// imported statically, so that bundlers for browsers do not fail on them.

/** Globals that not every runtime has. */
interface Platform {
  readonly Deno?: unknown;
  readonly process?: { readonly getBuiltinModule?: (name: string) => unknown };
  readonly setImmediate?: (callback: () => void) => unknown;
}

const platform = globalThis as Platform;

/** The modules of Node that this library uses. */
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

/** Resolves after everything that is ready to run has run, including timers and sockets. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (platform.setImmediate !== undefined) platform.setImmediate(resolve);
    else afterMessage(resolve);
  });
}

/**
 * Resolves after the runtime has polled its sockets, provided that nothing else is ready to run.
 * Deno 2.9 polls them only when it is idle or after {@linkcode ROUNDS}: this makes it idle by
 * waiting for another thread, for about ten microseconds.
 */
export async function nextTurnOfSockets(): Promise<void> {
  if (isDeno) await crypto.subtle.digest("SHA-1", NOTHING);
  else await nextTurn();
}

const NOTHING = new Uint8Array(0);

/** Keeps sockets polled at little cost while there is always something else to do. */
export class SocketTurns {
  #count = 0;

  /**
   * Resolves after sockets have been polled: always on every fourth call, on the others only if
   * nothing else is ready to run.
   */
  async next(): Promise<void> {
    if (++this.#count % 4 > 0) return await nextTurnOfSockets();
    for (let round = 0; round < ROUNDS; round++) await nextTurn();
  }
}

/**
 * The number of rounds of `setImmediate` after which the runtime polls its sockets in any case. All
 * of them together take a tenth of a millisecond.
 */
const ROUNDS = isDeno ? 61 : 1;

/** For browsers: they have no `setImmediate` and throttle timers, but deliver messages at once. */
function afterMessage(callback: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    callback();
  };
  port2.postMessage(undefined);
}
