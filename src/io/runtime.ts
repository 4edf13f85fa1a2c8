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

/** A browser has no `setImmediate`, and slows timers down; messages it delivers at once. */
function afterMessage(callback: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    callback();
  };
  port2.postMessage(undefined);
}
