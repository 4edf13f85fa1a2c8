// The store of clients' sessions: one SQLite file for all clients of a process, and for the
// application's own tables. Each commit is one transaction; that it reached the disk is the
// platform's word.

import type {
  SessionChange,
  SessionStore,
  StoreDatabase,
  StoredMessage,
  StoredReceipt,
  StoredSession,
  TransactionalStorage,
} from "../session/session_store.ts";
import type { PublishInit } from "../packets/mod.ts";
import {
  durablePacket,
  type MessageContent,
  type PublishFields,
} from "../session/publish_packet.ts";
import { checkPublish } from "../session/sender.ts";
import { encodeMessage } from "../session/snapshot.ts";
import { checkKnown, checkNotNegative } from "../session/option_checks.ts";
import { CLIENT_FILE } from "./client_format.ts";
import { ClientTables } from "./client_tables.ts";
import { openDatabase } from "./file.ts";
import { type Database, type OpenDatabase, openSqlite } from "./sqlite.ts";
import { StoreError } from "./store_error.ts";
import { Transactions } from "./transaction.ts";

/** Options of {@linkcode openStore}. */
export interface StoreOptions {
  /**
   * The most bytes of the file, at least 1,048,576. A message for which there is no room is
   * refused. Beside it SQLite keeps a log (`-wal`) of a few MiB. Default: no limit.
   */
  readonly maximumBytes?: number | undefined;
  /**
   * How long the outcome of a message is kept for `client.receipt()`, in milliseconds. Where
   * `maximumBytes` leaves no room, the oldest make way for new messages. Default: 86,400,000, a
   * day.
   */
  readonly keepReceipts?: number | undefined;
}

/** Options of a message that is published in a transaction. */
export interface TransactionPublishOptions extends PublishFields {
  /** Whose message it is. Default: the only session of the file. */
  readonly clientId?: string | undefined;
}

/** Publishes a message in a transaction, and returns the name of its receipt. */
export type Publish = (
  topic: string,
  payload: string | Uint8Array | MessageContent,
  options?: TransactionPublishOptions,
) => string;

/** The default of `keepReceipts`, in milliseconds. */
const DAY = 86_400_000;

/** The smallest limit: what SQLite needs for itself must be little beside it. */
const SMALLEST = 1_048_576;

/** The part of the limit that new messages may not use: what is promised needs some of it. */
const RESERVE = 1 / 16;

/** A file in which clients keep their sessions; made by {@linkcode openStore}. */
export class Store implements SessionStore, Disposable {
  /** The path of the file. */
  readonly path: string;
  readonly #database: Database;
  readonly #tables: ClientTables;
  readonly #transactions: Transactions;
  readonly #storages = new Map<string, FileStorage>();
  readonly #name: string;
  readonly #keepReceipts: number;
  readonly #room: () => number;
  #lastId: number;
  #savedId: number;
  #isClosed = false;
  /** Whether a transaction is under way. */
  #isBusy = false;

  /** Use {@linkcode openStore}. */
  constructor(path: string, options: StoreOptions, open: OpenDatabase) {
    checkKnown(options, NAMES, "openStore()");
    const { maximumBytes = Infinity, keepReceipts = DAY } = options;
    checkNotNegative("keepReceipts", keepReceipts);
    checkNotNegative("maximumBytes", maximumBytes);
    if (maximumBytes < SMALLEST) {
      throw new RangeError(`maximumBytes must be at least ${SMALLEST}, got ${maximumBytes}`);
    }
    this.path = path;
    this.#keepReceipts = keepReceipts;
    const database = this.#database = openDatabase(path, CLIENT_FILE, open);
    try {
      this.#tables = new ClientTables(database, path);
      this.#transactions = new Transactions(database, () => {});
      this.#room = limit(database, maximumBytes);
      const { name, lastId } = this.#tables.store();
      this.#name = name;
      this.#lastId = this.#savedId = lastId;
    } catch (error) {
      database.close();
      throw StoreError.from(error, path);
    }
  }

  /** The Client Identifiers of the sessions in the file. */
  get clientIds(): readonly string[] {
    this.#checkOpen();
    return this.#tables.clientIds();
  }

  /** Opens the session of a client; `connect()` does this. */
  open(clientId: string): TransactionalStorage {
    this.#checkOpen();
    if (this.#storages.has(clientId)) {
      const name = JSON.stringify(clientId);
      throw new TypeError(`A client of this process has the session of ${name} in ${this.path}`);
    }
    // Messages belong to a session, even to one that the server knows nothing of yet.
    if (!this.#tables.has(clientId)) {
      this.#transact(() => {}, () => this.#tables.saveSession(clientId, 0));
    }
    const storage = new FileStorage(clientId, this.#name, this.#tables.session(clientId), {
      tables: this.#tables,
      checkRoom: (bytes) => this.#checkRoom(bytes),
      nextId: () => {
        this.#checkNotBusy("publish by the function that it is given");
        return ++this.#lastId;
      },
      isBusy: () => this.#isBusy,
      transact: (work, changes) =>
        this.#transact(work, (result) => {
          this.#write(clientId, changes);
          return result;
        }),
      close: () => this.#storages.delete(clientId),
    });
    this.#storages.set(clientId, storage);
    return storage;
  }

  /**
   * Runs `work` in one transaction: its own writes and the messages that it publishes are there
   * together, or not at all. The messages are sent when the client is connected, in this process or
   * in a later one. Returns what `work` returns.
   *
   * @param work is given the database, and a function that publishes as `client.enqueue()` does and
   *   returns the name of the receipt; it must not wait
   * @throws {TypeError} when an argument is wrong, `work` returns a promise, or it is not clear
   *   whose message it is: `clientId` says so where the file has several sessions
   * @throws {StoreError} when nothing can be stored
   * @throws {unknown} what `work` throws
   *
   * @example An order and its message, together or not at all
   * ```ts
   * import { openStore } from "jsr:@mqtt5/mqtt5/store";
   * import { assertEquals } from "@std/assert";
   *
   * using store = openStore(":memory:");
   * store.transaction((database, publish) => {
   *   database.exec("CREATE TABLE orders (item TEXT)");
   *   database.prepare("INSERT INTO orders VALUES (?)").run("tea");
   *   publish("orders/new", "tea", { clientId: "shop", qos: 2 });
   * });
   * assertEquals(store.clientIds, ["shop"]);
   * ```
   */
  transaction<Result>(work: (database: StoreDatabase, publish: Publish) => Result): Result {
    const added = new Map<string, number>();
    const publish: Publish = (topic, payload, { clientId, ...options } = {}) => {
      const packet = durablePacket(topic, payload, options);
      checkPublish(packet);
      return this.#publish(clientId ?? this.#onlyClientId(), packet, added);
    };
    const result = this.#transact((database) => work(database, publish), (result) => result);
    for (const [clientId, count] of added) this.#storages.get(clientId)?.added(count);
    return result;
  }

  /** Closes the file. Clients that use it must be closed before. */
  close(): void {
    if (this.#isClosed) return;
    const [clientId] = this.#storages.keys();
    if (clientId !== undefined) {
      const name = JSON.stringify(clientId);
      throw new TypeError(`The client ${name} uses ${this.path}: disconnect it first`);
    }
    this.#isClosed = true;
    this.#database.close();
  }

  /** As {@linkcode Store.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #publish(clientId: string, packet: PublishInit, added: Map<string, number>): string {
    const publish = encodeMessage(packet);
    this.#checkRoom(publish.length);
    const id = ++this.#lastId;
    const seconds = packet.properties?.messageExpiryInterval ?? Infinity;
    const flight = { packetId: 0, isReleased: false, place: 0 };
    try {
      if (!this.#tables.has(clientId)) this.#tables.saveSession(clientId, 0);
      const expiresAt = seconds === Infinity ? seconds : this.#tables.now() + seconds * 1000;
      const message = { id, publish, expiresAt, ...flight, hasReceipt: true };
      this.#tables.write(clientId, [{ type: "message", message }]);
    } catch (error) {
      // The work around it does not know that this is the database's.
      throw StoreError.from(error, this.path);
    }
    added.set(clientId, (added.get(clientId) ?? 0) + 1);
    return `${this.#name}-${id}`;
  }

  #onlyClientId(): string {
    const clientIds = this.#tables.clientIds();
    if (clientIds.length === 1) return clientIds[0]!;
    throw new TypeError(
      `${this.path} has ${clientIds.length} sessions: clientId must say which one publishes`,
    );
  }

  /**
   * What `work` throws is thrown as it is; what the database throws as a {@linkcode StoreError}.
   */
  #transact<Result, Written>(
    work: (database: StoreDatabase) => Result,
    write: (result: Result) => Written,
  ): Written {
    this.#checkOpen();
    this.#checkNotBusy("do all of it in one function");
    this.#isBusy = true;
    let isWorking = false;
    try {
      const result = this.#transactions.run(() => {
        isWorking = true;
        const result = work(this.#database);
        if (typeof (result as { then?: unknown } | undefined | null)?.then === "function") {
          throw new TypeError("A transaction cannot wait: its function must not return a promise");
        }
        if (!this.#database.isTransaction) {
          throw new TypeError("A transaction cannot be ended by the function that runs in it");
        }
        isWorking = false;
        const written = write(result);
        if (this.#lastId !== this.#savedId) this.#tables.saveLastId(this.#lastId);
        return written;
      });
      this.#savedId = this.#lastId;
      return result;
    } catch (error) {
      this.#tables.forget();
      throw isWorking ? error : StoreError.from(error, this.path);
    } finally {
      this.#isBusy = false;
    }
  }

  #write(clientId: string, changes: readonly SessionChange[]): void {
    this.#tables.write(clientId, changes);
    let kept = 0;
    let now = -Infinity;
    for (const change of changes) {
      if (change.type !== "settled" || !change.hasReceipt) continue;
      kept++;
      now = Math.max(now, change.receipt.at);
    }
    // More than come, so that those whose time is over get fewer; bounded, so that it takes no
    // time.
    if (kept > 0) this.#tables.deleteReceipts(now - this.#keepReceipts, 2 * kept);
  }

  #checkRoom(bytes: number): void {
    while (bytes > this.#room()) {
      // Outcomes that are known are worth less than a message that is not sent yet.
      const isLess = this.#isBusy
        ? this.#tables.dropReceipts()
        : this.#transact(() => {}, () => this.#tables.dropReceipts());
      if (isLess) continue;
      throw new StoreError("full", this.path, "it has reached its maximumBytes");
    }
  }

  #checkNotBusy(advice: string): void {
    if (this.#isBusy) throw new TypeError(`A transaction is under way: ${advice}`);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new TypeError(`The store ${this.path} is closed`);
  }
}

/** What a session of a store works with. */
interface FileStorageSetup {
  readonly tables: ClientTables;
  readonly checkRoom: (bytes: number) => void;
  readonly nextId: () => number;
  readonly isBusy: () => boolean;
  readonly transact: TransactionalStorage["transact"];
  readonly close: () => void;
}

/**
 * The session of one client in a file.
 *
 * @internal
 */
export class FileStorage implements TransactionalStorage {
  readonly storeName: string;
  readonly session: StoredSession;
  readonly #clientId: string;
  readonly #setup: FileStorageSetup;
  /** Messages that were added before somebody has asked. */
  #early = 0;
  #onAdded: ((count: number) => void) | undefined;

  constructor(
    clientId: string,
    storeName: string,
    session: StoredSession,
    setup: FileStorageSetup,
  ) {
    this.#clientId = clientId;
    this.storeName = storeName;
    this.session = session;
    this.#setup = setup;
  }

  get onAdded(): (count: number) => void {
    return (count) => this.added(count);
  }

  set onAdded(onAdded: (count: number) => void) {
    this.#onAdded = onAdded;
    if (this.#early > 0) onAdded(this.#early);
    this.#early = 0;
  }

  /** Messages were added by others than the client. */
  added(count: number): void {
    if (this.#onAdded === undefined) this.#early += count;
    else this.#onAdded(count);
  }

  checkRoom(bytes: number): void {
    this.#setup.checkRoom(bytes);
  }

  nextId(): number {
    return this.#setup.nextId();
  }

  waiting(after: number, count: number, bytes: number): readonly StoredMessage[] {
    return this.#setup.tables.waiting(this.#clientId, after, count, bytes);
  }

  expired(now: number, count: number): readonly StoredMessage[] {
    return this.#setup.tables.expired(this.#clientId, now, count);
  }

  nextExpiry(): number {
    return this.#setup.tables.nextExpiry(this.#clientId);
  }

  commit(changes: readonly SessionChange[]): void | Promise<void> {
    // What runs in a transaction may lead to changes: they are no part of it.
    if (this.#setup.isBusy()) return Promise.resolve().then(() => this.commit(changes));
    this.#setup.transact(() => {}, changes);
  }

  transact<Result>(
    work: (database: StoreDatabase) => Result,
    changes: readonly SessionChange[],
  ): Result {
    return this.#setup.transact(work, changes);
  }

  receipt(id: number): StoredMessage | StoredReceipt | undefined {
    return this.#setup.tables.receipt(this.#clientId, id);
  }

  pending(after: number, count: number): readonly StoredMessage[] {
    return this.#setup.tables.pending(this.#clientId, after, count);
  }

  close(): void {
    this.#setup.close();
  }
}

/** Bounds a file, and returns how to ask how many bytes new messages may still take. */
function limit(database: Database, maximumBytes: number): () => number {
  if (maximumBytes === Infinity) return () => Infinity;
  const read = (name: string) => {
    const statement = database.prepare(`PRAGMA ${name}`);
    return () => Number(statement.all()[0]![name]);
  };
  const pageSize = read("page_size")();
  database.prepare(`PRAGMA max_page_count = ${Math.floor(maximumBytes / pageSize)}`).all();
  const pages = read("page_count");
  const free = read("freelist_count");
  return () => maximumBytes * (1 - RESERVE) - (pages() - free()) * pageSize;
}

const NAMES: ReadonlySet<string> = new Set(
  ["maximumBytes", "keepReceipts"] satisfies (keyof StoreOptions)[],
);

/**
 * Opens the file in which clients keep their sessions, or creates it. No other process can use it
 * until it is closed. Needs permission to read and write the file, and `node:sqlite`.
 *
 * @param path a file; `":memory:"` is one that is gone when it is closed
 * @throws {StoreError} when the file cannot be used: another process has it, it is damaged, it
 *   belongs to something else, or it was written by a later version
 * @throws {RangeError} when a number is out of its range
 * @throws {TypeError} when there is no such option
 * @throws {Error} when this process may not read or write it, or the runtime has no SQLite
 *
 * @example What is in a file
 * ```ts
 * import { openStore } from "jsr:@mqtt5/mqtt5/store";
 * import { assertEquals } from "@std/assert";
 *
 * using store = openStore(":memory:", { maximumBytes: 100_000_000 });
 * assertEquals(store.clientIds, []);
 * ```
 */
export function openStore(path: string, options: StoreOptions = {}): Store {
  return new Store(path, options, openSqlite);
}
