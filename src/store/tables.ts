// The tables of a database file: prepared statements, and rows whose last column is a checksum of
// the others. What the tables are, and when they are written, is for their owners to say.

import { checksum } from "./checksum.ts";
import type { Database, SqlRow, SqlValue, Statement } from "./sqlite.ts";
import { StoreError } from "./store_error.ts";

/** The columns of each table, in their order, without the checksum. */
export type Columns<Name extends string = string> = Readonly<Record<Name, readonly string[]>>;

/** Reads and writes the rows of a database file. */
export class Tables<Name extends string = string> {
  readonly #database: Database;
  readonly #path: string;
  readonly #columns: Columns<Name>;
  readonly #statements = new Map<string, Statement>();

  /** `path` names the file in error messages. */
  constructor(database: Database, path: string, columns: Columns<Name>) {
    this.#database = database;
    this.#path = path;
    this.#columns = columns;
  }

  /** Runs a statement, which is prepared once. */
  run(sql: string, ...values: SqlValue[]): void {
    this.#prepared(sql).run(...values);
  }

  /** Runs a statement whose last value is the checksum of the others. */
  write(sql: string, values: SqlValue[]): void {
    this.run(sql, ...values, checksum(values));
  }

  /**
   * The rows of a table that a clause chooses, each taken by `take`.
   *
   * @throws {StoreError} when a row is damaged, or cannot be read
   */
  rows<Result>(
    table: Name,
    clause: string,
    values: SqlValue[],
    take: (row: SqlRow) => Result,
  ): Result[] {
    const columns = this.#columns[table];
    return this.read(`SELECT * FROM ${table} ${clause}`, ...values).map((row) => {
      try {
        const sum = checksum(columns.map((column) => row[column]!));
        if (sum !== row["checksum"]) throw new Error("the checksum does not match");
        return take(row);
      } catch (cause) {
        const which = `a row of the table "${table}" is damaged`;
        const advice = "restore the file from a backup, or move it away to start with an empty one";
        throw new StoreError("damaged", this.#path, `${which}; ${advice}`, { cause });
      }
    });
  }

  /**
   * The rows that a query returns; its statement is prepared once.
   *
   * @throws {StoreError} when they cannot be read
   */
  read(sql: string, ...values: SqlValue[]): SqlRow[] {
    try {
      return this.#prepared(sql).all(...values);
    } catch (error) {
      throw StoreError.from(error, this.#path);
    }
  }

  #prepared(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      this.#statements.set(sql, statement = this.#database.prepare(sql));
    }
    return statement;
  }
}

/** A number as it is stored: `Infinity` is no value of a column. */
export function finite(value: number): number | null {
  return value === Infinity ? null : value;
}

/** The number that {@linkcode finite} has stored. */
export function orInfinity(value: SqlValue | undefined): number {
  return value === null || value === undefined ? Infinity : Number(value);
}
