// A connection within the process whose one end may reset it: that end is the script's, the other
// is for whoever dials.

import { memoryTransports } from "../io/memory.ts";
import type { Transport } from "../io/transport.ts";

/** An end of a connection that may break it. */
export interface ResettableTransport extends Transport {
  /**
   * Breaks the connection: what is under way is lost, and the other end's reads and writes fail.
   * Without it there is only `close()`.
   */
  reset?(): void;
}

/** The two ends of a connection: the script's, and the one for whoever dials. */
export function scriptedLink(): [ResettableTransport, Transport] {
  const [ours, theirs] = memoryTransports();
  const waiting = new Set<(error: Error) => void>();
  let fault: Error | undefined;
  const unlessReset = <Value>(work: () => Promise<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      if (fault !== undefined) return reject(fault);
      waiting.add(reject);
      work().then(resolve, reject).finally(() => waiting.delete(reject));
    });
  const end: ResettableTransport = {
    read: () => ours.read(),
    write: (bytes) => ours.write(bytes),
    closeWrite: () => ours.closeWrite(),
    close: () => ours.close(),
    reset() {
      fault ??= new Error("Connection reset by peer");
      for (const reject of waiting) reject(fault);
      ours.close();
    },
  };
  return [end, {
    read: () => unlessReset(() => theirs.read()),
    write: (bytes) => unlessReset(() => theirs.write(bytes)),
    closeWrite: () => unlessReset(() => theirs.closeWrite()),
    close: () => theirs.close(),
  }];
}
