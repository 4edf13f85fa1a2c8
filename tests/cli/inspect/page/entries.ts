// Entries as the feed tells them, for tests of the page.

import type { PacketEntry, PageEntry } from "../../../../src/cli/inspect/page/events.ts";

/** A packet of connection 1; say what matters. */
export function packet(n: number, name: string, more: Partial<PacketEntry> = {}): PacketEntry {
  return {
    type: "packet",
    n,
    connection: 1,
    time: n,
    from: "client",
    isPacket: true,
    name,
    size: 10,
    isWhole: true,
    findings: [],
    ...more,
  };
}

/** A connection is open, or closed. */
export function event(n: number, type: "opened" | "closed", connection = 1): PageEntry {
  return { type, n, connection, time: n };
}
