// Time and chance of SQLite, replaced by those of a virtual world: its functions that know what
// time it is, and those that draw numbers.

import { type Database, openSqlite, type SqlValue } from "../store/sqlite.ts";

/** Where time and chance come from. */
export interface SqlWorld {
  /** Milliseconds since 1970. */
  readonly wallTime: () => number;
  /** So many bytes. */
  readonly random: (length: number) => Uint8Array;
}

/** The part of `node:sqlite` that defines functions of SQL. */
interface FunctionDatabase {
  function(
    name: string,
    options: { readonly varargs?: boolean; readonly useBigIntArguments?: boolean },
    callback: (...values: SqlValue[]) => SqlValue,
  ): void;
}

/** At which place each function of time expects the time. */
const TIME_FUNCTIONS: Readonly<Record<string, number>> = {
  date: 0,
  time: 0,
  datetime: 0,
  julianday: 0,
  unixepoch: 0,
  strftime: 1,
};

/** SQL's own words, each a function of time without arguments. */
const TIME_WORDS: Readonly<Record<string, string>> = {
  current_date: "date",
  current_time: "time",
  current_timestamp: "datetime",
};

/**
 * Replaces the functions of one database, until what is returned is called: do so once the database
 * is closed, as Deno keeps the functions of SQL, and what they know, for as long as it runs.
 */
export function replaceTimeAndChance(database: Database, at: SqlWorld): () => void {
  const functions = database as unknown as FunctionDatabase;
  let world = at;
  let helper: Database | undefined;
  const original = (name: string, values: readonly SqlValue[]): SqlValue => {
    helper ??= openSqlite(":memory:");
    const places = values.map(() => "?").join(", ");
    return helper.prepare(`SELECT ${name}(${places}) AS value`).all(...values)[0]!["value"]!;
  };
  for (const [name, place] of Object.entries(TIME_FUNCTIONS)) {
    functions.function(name, { varargs: true }, (...values) => {
      return original(name, atTime(values, place, world.wallTime() / 1000));
    });
  }
  for (const [word, name] of Object.entries(TIME_WORDS)) {
    functions.function(word, {}, () => original(name, [world.wallTime() / 1000, "unixepoch"]));
  }
  functions.function("randomblob", { varargs: true }, (length) => {
    return world.random(Math.max(1, Number(length)));
  });
  functions.function("random", {}, () => {
    const bytes = world.random(8);
    return new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0);
  });
  return () => {
    helper?.close();
    world = NOWHERE;
  };
}

/** Where a database is that is closed: nobody asks it. */
const NOWHERE: SqlWorld = { wallTime: () => 0, random: (length) => new Uint8Array(length) };

/** The arguments with a time in place of "now", which may be left out. */
function atTime(values: readonly SqlValue[], place: number, seconds: number): SqlValue[] {
  const given = values[place];
  const word = typeof given === "string" ? given.toLowerCase() : undefined;
  if (given !== undefined && word !== "now" && word !== "subsec" && word !== "subsecond") {
    return [...values];
  }
  const rest = values.slice(word === "now" ? place + 1 : place);
  return [...values.slice(0, place), seconds, "unixepoch", ...rest];
}
