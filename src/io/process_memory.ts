// What this process takes of the machine's memory. Garbage is collected late, and what lies outside
// the heap later still, so it may be several times what is in use.

import { isDeno } from "./runtime.ts";

/** The memory of a process. */
export interface ProcessMemory {
  /** Bytes of the heap and of buffers outside it, garbage included. */
  taken(): number;
  /** Has garbage collected soon, mostly beside what else is done: without a stop. */
  collect(): void;
}

/** What the platforms tell. */
interface Usage {
  readonly heapTotal: number;
  readonly external: number;
}

interface NodeProcess {
  readonly memoryUsage?: () => Usage;
}

/**
 * More than V8 lets grow outside the heap before it begins to collect garbage. It costs nothing, as
 * pages that nobody touches are not taken from the machine, and it is dropped at once.
 */
const UNTOUCHED = 67_108_864 + 4096;

/** So many of them at most are there to be collected. */
const MOST_NUDGES = 4;

/** The memory of this process; `undefined` where nobody tells of it. */
export function processMemory(): ProcessMemory | undefined {
  const usage = isDeno
    ? Deno.memoryUsage
    : (globalThis as { readonly process?: NodeProcess }).process?.memoryUsage;
  if (usage === undefined) return undefined;
  let nudges: WeakRef<ArrayBuffer>[] = [];
  return {
    taken() {
      nudges = nudges.filter((nudge) => nudge.deref() !== undefined);
      const { heapTotal, external } = usage();
      return heapTotal + external - UNTOUCHED * nudges.length;
    },
    collect() {
      if (nudges.length === MOST_NUDGES) return;
      try {
        nudges.push(new WeakRef(new ArrayBuffer(UNTOUCHED)));
      } catch (error) {
        // The machine promises no memory that it may not have: garbage is collected as usual.
        if (!(error instanceof RangeError)) throw error;
      }
    },
  };
}
