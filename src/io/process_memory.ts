// The memory use of this process. Garbage is collected late, and outside the heap even later, so
// that the process may use several times as much memory as it needs.

import { isDeno } from "./runtime.ts";

/** The memory of a process. */
export interface ProcessMemory {
  /** Bytes in use in the heap and in buffers outside it, garbage included. */
  taken(): number;
  /** Requests a garbage collection, which runs mostly in the background. */
  collect(): void;
}

interface Usage {
  readonly heapUsed: number;
  readonly external: number;
}

interface NodeProcess {
  readonly memoryUsage?: () => Usage;
}

/**
 * The size of a buffer, in bytes, that makes V8 start a collection. It costs nothing: its pages are
 * never touched, so the system does not provide them, and the buffer is dropped at once.
 */
const UNTOUCHED = 67_108_864 + 4096;

/** The maximum number of such buffers that have not been collected yet. */
const MOST_NUDGES = 4;

/** The memory of this process; `undefined` where the runtime does not report it. */
export function processMemory(): ProcessMemory | undefined {
  const usage = isDeno
    ? Deno.memoryUsage
    : (globalThis as { readonly process?: NodeProcess }).process?.memoryUsage;
  if (usage === undefined) return undefined;
  let nudges: WeakRef<ArrayBuffer>[] = [];
  return {
    taken() {
      nudges = nudges.filter((nudge) => nudge.deref() !== undefined);
      const { heapUsed, external } = usage();
      return heapUsed + external - UNTOUCHED * nudges.length;
    },
    collect() {
      if (nudges.length === MOST_NUDGES) return;
      try {
        nudges.push(new WeakRef(new ArrayBuffer(UNTOUCHED)));
      } catch (error) {
        // The system refuses to reserve so much memory: no collection is forced.
        if (!(error instanceof RangeError)) throw error;
      }
    },
  };
}
