// The disk of a machine in a virtual world: real SQLite in memory. A file survives the process that
// uses it, with all that was committed and nothing else. Any commit may fail, be the last one
// before a crash, or find the disk full. Time and chance within SQL are those of the world.

import {
  type Database,
  type OpenDatabase,
  openSqlite,
  type SqlRow,
  type SqlValue,
  type Statement,
} from "../store/sqlite.ts";
import type { Mortal, VirtualProcess } from "./virtual_process.ts";
import { replaceTimeAndChance } from "./virtual_sql.ts";

/** What becomes of a commit. */
export type CommitFate =
  | "succeeds"
  /** It fails, and nothing of it is in the file. */
  | "fails"
  /** It is in the file, and yet an error is reported. */
  | "fails after it was done"
  /** The process dies, and nothing of it is in the file. */
  | "crashes before"
  /** The process dies when all of it is in the file. */
  | "crashes after";

/** SQLite's own numbers for its errors. */
const BUSY = 5;
const IO_ERROR = 10;
const FULL = 13;

/** What needs room on the disk: deleting does, too. */
const WRITES = /^\s*(?:INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER|COMMIT|END)\b/i;
const COMMITS = /^\s*(?:COMMIT|END)\b/i;

/** The most pages of a file without a limit. */
const PAGES = 4_294_967_294;

/** A file: what is in it, and who uses it. */
interface VirtualFile {
  readonly database: Database;
  /** Gives back its memory. */
  readonly close: () => void;
  user: VirtualDatabase | undefined;
  /** The process that used it last. */
  process: VirtualProcess;
  /** Whether anything was ever committed: otherwise it is empty. */
  isWritten: boolean;
}

/**
 * A disk, that of a world: `world.disk`.
 *
 * @example A broker that dies in the middle of a commit, and has lost nothing that it promised
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 * import { World } from "jsr:@mqtt5/mqtt5/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using world = new World();
 * await world.startBroker("broker", { path: "broker.db" });
 * const options = { clientId: "sensor-7", sessionExpiryInterval: 3600 };
 * await using client = await connect(world.server(), options);
 * world.disk.onCommit = () => "crashes before";
 * const publishing = client.publish("a", "b", { qos: 1, retain: true });
 * await world.advance(0);
 * world.disk.onCommit = undefined;
 * const broker = await world.restartBroker();
 * await world.until(publishing);
 * assertEquals(broker.statistics.retained, 1);
 * ```
 */
export class VirtualDisk {
  readonly #files = new Map<string, VirtualFile>();
  /** All that have not been closed, those that nobody finds any more, too. */
  readonly #open = new Set<VirtualFile>();
  #isFull = false;
  /** How many commits there have been, whatever became of them. */
  #commits = 0;
  /** Decides what becomes of each commit, by its file and process. Default: it succeeds. */
  onCommit: ((path: string, processName: string) => CommitFate) | undefined;

  /** How many commits there have been, whatever became of them. */
  get commits(): number {
    return this.#commits;
  }

  /** Whether nothing can be written. */
  get isFull(): boolean {
    return this.#isFull;
  }

  set isFull(isFull: boolean) {
    this.#isFull = isFull;
  }

  /** The files in which something is. */
  get paths(): readonly string[] {
    return [...this.#files.keys()];
  }

  /**
   * How a process opens files.
   *
   * @internal
   */
  opener(process: VirtualProcess): OpenDatabase {
    return (path, { readOnly = false } = {}) => this.#openFile(process, path, readOnly);
  }

  /** A file is gone. Whoever uses it goes on with what nobody finds later. */
  delete(path: string): void {
    this.#files.delete(path);
  }

  /**
   * Gives back all memory; files cannot be opened any more.
   *
   * @internal
   */
  end(): void {
    for (const file of this.#open) file.close();
    this.#files.clear();
  }

  #openFile(process: VirtualProcess, path: string, readOnly: boolean): Database {
    const isKept = path !== ":memory:";
    let file = isKept ? this.#files.get(path) : undefined;
    if (file === undefined) {
      if (readOnly) throw new Error("unable to open database file");
      file = this.#make(process);
      if (isKept) this.#files.set(path, file);
    } else if (file.user === undefined && !readOnly) {
      // As far as a connection remembers them, they end with it.
      file.database.exec(`PRAGMA foreign_keys = OFF; PRAGMA max_page_count = ${PAGES}`);
    }
    const opened = file;
    opened.process = process;
    return new VirtualDatabase(path, process, opened, readOnly, {
      isFull: () => this.#isFull,
      fate: () => {
        this.#commits++;
        return this.onCommit?.(path, process.name) ?? "succeeds";
      },
      onReleased: () => {
        if (!isKept) opened.close();
        else if (!opened.isWritten && this.#files.get(path) === opened) this.#files.delete(path);
      },
    });
  }

  #make(process: VirtualProcess): VirtualFile {
    const database = openSqlite(":memory:");
    const forget = replaceTimeAndChance(database, {
      wallTime: () => file.process.wallTime,
      random: (length) => file.process.random.bytes(length),
    });
    const close = () => {
      this.#open.delete(file);
      database.close();
      forget();
    };
    const file: VirtualFile = { database, close, user: undefined, process, isWritten: false };
    this.#open.add(file);
    return file;
  }
}

/** What a database asks its disk. */
interface DiskState {
  readonly isFull: () => boolean;
  readonly fate: () => CommitFate;
  readonly onReleased: () => void;
}

/** A file as one process uses it. */
class VirtualDatabase implements Database, Mortal {
  readonly #path: string;
  readonly #process: VirtualProcess;
  readonly #file: VirtualFile;
  readonly #disk: DiskState;
  readonly #disown: () => void;
  readonly #readOnly: boolean;
  #isOpen = true;

  constructor(
    path: string,
    process: VirtualProcess,
    file: VirtualFile,
    readOnly: boolean,
    disk: DiskState,
  ) {
    this.#path = path;
    this.#process = process;
    this.#file = file;
    this.#readOnly = readOnly;
    this.#disk = disk;
    // A process that has locked the file keeps out all others.
    if (!readOnly) file.user ??= this;
    this.#disown = process.own(this);
  }

  get isTransaction(): boolean {
    return this.#isUser && this.#file.database.isTransaction;
  }

  exec(sql: string): void {
    this.#run(sql, () => this.#file.database.exec(sql));
  }

  prepare(sql: string): Statement {
    this.#check();
    const statement = this.#file.database.prepare(sql);
    return {
      run: (...values: SqlValue[]): unknown => this.#run(sql, () => statement.run(...values)),
      all: (...values: SqlValue[]): SqlRow[] => this.#run(sql, () => statement.all(...values)),
    };
  }

  close(): void {
    if (!this.#isOpen) throw new Error("database is not open");
    this.#release();
  }

  killed(): void {
    this.#release();
  }

  get #isUser(): boolean {
    return this.#isOpen && this.#file.user === this;
  }

  #run<Result>(sql: string, work: () => Result): Result {
    this.#check();
    if (this.#disk.isFull() && WRITES.test(sql)) {
      this.#rollBack();
      throw sqliteError(FULL, "database or disk is full");
    }
    if (!COMMITS.test(sql)) return work();
    const fate = this.#disk.fate();
    switch (fate) {
      case "fails":
        throw sqliteError(IO_ERROR, "disk I/O error");
      case "crashes before":
        this.#process.kill();
        throw new Error(`The process was killed before it committed to ${this.#path}`);
    }
    const result = work();
    this.#file.isWritten = true;
    switch (fate) {
      case "succeeds":
        return result;
      case "fails after it was done":
        throw sqliteError(IO_ERROR, "disk I/O error");
      case "crashes after":
        this.#process.kill();
        throw new Error(`The process was killed after it had committed to ${this.#path}`);
      default:
        return fate satisfies never;
    }
  }

  #check(): void {
    if (!this.#process.isAlive) throw new Error("The process was killed");
    if (!this.#isOpen) throw new Error("database is not open");
    if (this.#file.user !== (this.#readOnly ? undefined : this)) {
      throw sqliteError(BUSY, "database is locked");
    }
  }

  #rollBack(): void {
    if (this.#file.database.isTransaction) this.#file.database.exec("ROLLBACK");
  }

  #release(): void {
    if (!this.#isOpen) return;
    const isUser = this.#isUser;
    this.#isOpen = false;
    this.#disown();
    if (!isUser) return;
    this.#rollBack();
    this.#file.user = undefined;
    this.#disk.onReleased();
  }
}

function sqliteError(errcode: number, message: string): Error {
  return Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR", errcode });
}
