// The disk of one program through all its processes, with one file on it.

import type { Database, OpenDatabase } from "../../src/store/sqlite.ts";
import { Store } from "../../src/store/client_store.ts";
import { type CommitFate, VirtualDisk } from "../../src/testing/virtual_disk.ts";
import type { StoreState } from "./history.ts";
import type { DiskFault } from "./plan.ts";
import type { Stage } from "./stage.ts";
import type { StagedProcess } from "./staged_process.ts";

/** How long a disk stays full for each commit that was to fail, in milliseconds. */
const FULL = 200;

/** A disk. */
export class StagedDisk {
  readonly path: string;
  readonly #stage: Stage;
  readonly #disk = new VirtualDisk();
  #fate: CommitFate = "succeeds";
  /** How many commits have that fate. */
  #times = 0;
  /** Whether something could not be stored, and nothing has been since. */
  #isFailing = false;
  #fullUntil = 0;
  #process: StagedProcess | undefined;
  /** What the last process has opened. */
  #opened: Database | undefined;
  #store: { readonly process: StagedProcess; readonly store: Store } | undefined;

  constructor(stage: Stage, path: string) {
    this.#stage = stage;
    this.path = path;
    this.#disk.onCommit = () => {
      if (this.#times === 0) {
        if (this.#isFailing) this.#process?.record({ type: "stored again" });
        this.#isFailing = false;
        return "succeeds";
      }
      this.#times--;
      this.#fails(this.#fate === "fails after it was done");
      return this.#fate;
    };
  }

  /** What a process finds that starts now. */
  get state(): StoreState {
    return this.#disk.paths.includes(this.path) ? "kept" : "new";
  }

  /** It is replaced by an empty one. */
  replace(): void {
    this.#disk.delete(this.path);
  }

  /** A process starts that will use it. */
  startedBy(process: StagedProcess): void {
    this.#process = process;
    this.#isFailing = false;
    if (this.#disk.isFull) {
      process.record({ type: "disk", fault: "full" });
      this.#fails(false);
    }
    if (this.#times > 0) process.record({ type: "disk", fault: this.#fate });
  }

  /** The next commits go wrong. */
  fail(fault: DiskFault, times: number): void {
    this.#process?.record({ type: "disk", fault });
    if (fault !== "full") {
      this.#fate = FATES[fault];
      this.#times = times;
      return;
    }
    this.#disk.isFull = true;
    this.#fails(false);
    const until = this.#fullUntil = this.#stage.now + times * FULL;
    this.#stage.later(times * FULL, () => {
      if (this.#fullUntil === until) this.#disk.isFull = false;
    });
  }

  #fails(isDone: boolean): void {
    this.#isFailing = true;
    this.#process?.record({ type: "not stored", isDone });
  }

  endFaults(): void {
    this.#times = 0;
    this.#disk.isFull = false;
  }

  opener(process: StagedProcess): OpenDatabase {
    const open = this.#disk.opener(process.virtual);
    return (path, options) => this.#opened = open(path, options);
  }

  /** How many rows a table has, as the process sees them that uses the file. */
  count(table: string): number {
    const [row] = this.#opened?.prepare(`SELECT count(*) AS count FROM ${table}`).all() ?? [];
    return Number(row?.["count"] ?? 0);
  }

  /**
   * Opens the store of a client, with a table of the application.
   *
   * @throws {Error} when the disk does not want to
   */
  open(process: StagedProcess, sql: string): Store {
    const store = new Store(this.path, {}, this.opener(process));
    try {
      store.transaction((database) => database.exec(sql));
    } catch (error) {
      store.close();
      throw error;
    }
    this.#store = { process, store };
    return store;
  }

  /** The process gives its store back, if it has it. */
  close(process: StagedProcess): void {
    if (this.#store?.process !== process) return;
    // Whoever is dead has given back everything.
    if (process.isAlive) this.#store.store.close();
    this.#store = undefined;
  }

  /** What the application has written. */
  read(sql: string): readonly Record<string, unknown>[] {
    return this.#store?.store.transaction((database) => database.prepare(sql).all()) ?? [];
  }

  end(): void {
    this.#disk.end();
  }
}

const FATES: { readonly [Fault in Exclude<DiskFault, "full">]: CommitFate } = {
  "fails": "fails",
  "fails, but is done": "fails after it was done",
  "crash before": "crashes before",
  "crash after": "crashes after",
};
