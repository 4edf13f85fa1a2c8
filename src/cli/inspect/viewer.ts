// Shows what is observed on an output that may be slow. The viewer takes entries as fast as they
// are written: what the ring has given up meanwhile is counted and said.

import { nextTurn } from "../../io/runtime.ts";
import type { Output } from "../context.ts";
import type { RingCursor } from "./entry_ring.ts";
import type { Entry } from "./link_observer.ts";

/** How entries become text. */
export interface Formatter {
  format(entry: Entry): string;
  missed(count: number): string;
}

/** How many entries are written at once. */
const AT_ONCE = 64;

/**
 * Shows entries until there are no more. Rejects when the output is closed.
 *
 * @throws {OutputClosed} when nobody reads the output any more
 */
export async function view(
  cursor: RingCursor<Entry>,
  output: Output,
  formatter: Formatter,
): Promise<void> {
  const encoder = new TextEncoder();
  while (await cursor.more()) {
    const { missed, entries } = cursor.take(AT_ONCE);
    const text = (missed === 0 ? "" : formatter.missed(missed)) +
      entries.map((entry) => formatter.format(entry)).join("");
    await output.writeBytes(encoder.encode(text));
    // The relay goes first.
    await nextTurn();
  }
}
