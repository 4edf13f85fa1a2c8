// The connections that are open, and the last ones that were.

import { ChangingTable, type TableReader } from "./changing_table.ts";
import type { LinkInfo } from "./link_observer.ts";

/** A connection. */
export interface ConnectionRow {
  /** Its number. */
  readonly key: number;
  version: number;
  readonly link: LinkInfo;
}

/** The most closed connections, and how many characters their Client Identifiers may have. */
const MOST_CLOSED = 1000;
const MOST_CHARACTERS = 4_194_304;

/** Knows the connections. */
export class ConnectionTable {
  readonly #table = new ChangingTable<ConnectionRow>();
  /** Those that are closed, the first one that was closed first. */
  readonly #closed = new Set<ConnectionRow>();
  #characters = 0;

  /** Something has happened on a connection. */
  changed(link: LinkInfo): void {
    const row = this.#table.get(link.id) ?? { key: link.id, version: 0, link };
    this.#table.changed(row);
    if (link.closedAt === undefined || this.#closed.has(row)) return;
    this.#closed.add(row);
    this.#characters += lengthOf(row);
    for (const closed of this.#closed) {
      if (this.#closed.size <= MOST_CLOSED && this.#characters <= MOST_CHARACTERS) break;
      this.#closed.delete(closed);
      this.#characters -= lengthOf(closed);
      this.#table.delete(closed);
    }
  }

  /** Begins to read. */
  read(): TableReader<ConnectionRow> {
    return this.#table.read();
  }
}

function lengthOf({ link }: ConnectionRow): number {
  return link.clientId?.length ?? 0;
}
