// Rows that change all the time, for readers that look now and then: each gets what has changed
// since it last looked, once, however often it has changed. What a reader has seen and is gone
// since, it is told, too.

/** A row; the table writes down when it has changed. */
export interface ChangingRow {
  /** By which it is found. */
  readonly key: string | number;
  /** Counts the changes of the table. */
  version: number;
}

/** Keeps rows in the order of their last change. */
export class ChangingTable<Row extends ChangingRow> {
  readonly #rows = new Map<Row["key"], Row>();
  readonly #readers = new Set<Reader<Row>>();
  #version = 0;

  /** How many rows there are. */
  get size(): number {
    return this.#rows.size;
  }

  /** The row that has not changed for the longest time. */
  get oldest(): Row | undefined {
    const [first] = this.#rows.values();
    return first;
  }

  get(key: Row["key"]): Row | undefined {
    return this.#rows.get(key);
  }

  /** A row is new, or has changed. */
  changed(row: Row): void {
    // The one that has changed last is the last one already.
    if (row.version !== this.#version || this.#version === 0) {
      this.#rows.delete(row.key);
      this.#rows.set(row.key, row);
    }
    row.version = ++this.#version;
  }

  /** A row is gone. */
  delete(row: Row): void {
    this.#rows.delete(row.key);
    for (const { known, forgotten } of this.#readers) {
      if (known.delete(row.key)) forgotten.push(row.key);
    }
  }

  /** Begins to read: all rows first. End it by `close()`. */
  read(): TableReader<Row> {
    const reader: Reader<Row> = { known: new Set(), forgotten: [] };
    let seen = 0;
    this.#readers.add(reader);
    return {
      changed: (most) => this.#changedSince(seen, most),
      saw: (row) => {
        seen = row.version;
        reader.known.add(row.key);
      },
      forgotten: () => reader.forgotten.splice(0),
      close: () => void this.#readers.delete(reader),
    };
  }

  #changedSince(version: number, most: number): Row[] {
    const rows: Row[] = [];
    if (version === this.#version) return rows;
    for (const row of this.#rows.values()) {
      if (row.version <= version) continue;
      rows.push(row);
      if (rows.length === most) break;
    }
    return rows;
  }
}

interface Reader<Row extends ChangingRow> {
  /** What it has seen, as far as that is still there. */
  readonly known: Set<Row["key"]>;
  /** What it has seen, and is gone: no more than it has seen. */
  readonly forgotten: Row["key"][];
}

/** Reads a table. */
export interface TableReader<Row extends ChangingRow> {
  /** The rows that have changed since, those first that have waited for the longest time. */
  changed(most: number): readonly Row[];
  /** The next of these rows has been taken. */
  saw(row: Row): void;
  /** Which rows are gone, of those that were taken. */
  forgotten(): Row["key"][];
  /** Reads no more. */
  close(): void;
}
