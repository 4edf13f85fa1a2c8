// A store in the hands of a test: it commits when it is told to, fails when it is told to, and a
// process can be killed: what was committed is there for the next one, and nothing else.

import type {
  SessionChange,
  SessionStore,
  StoreDatabase,
  StoredDelivery,
  StoredMessage,
  StoredReceipt,
  StoredSession,
  StoredSubscription,
  TransactionalStorage,
} from "../../src/session/session_store.ts";

/** What is on the disk. */
interface Disk {
  number: number;
  isUnanswered: boolean;
  lastId: number;
  readonly messages: Map<number, StoredMessage>;
  readonly deliveries: Map<number, StoredDelivery>;
  readonly subscriptions: Map<string, StoredSubscription>;
  readonly receipts: Map<number, StoredReceipt>;
  /** What the application has written, a row by each `exec()`. */
  readonly rows: string[];
}

/**
 * What is wrong with a commit: it fails and nothing is written; it fails and everything is; the
 * process is killed before or after it is written.
 */
export type CommitFault =
  | "fails"
  | "fails, but is written"
  | "is killed before"
  | "is killed after";

/** A store of one session. */
export class MemoryStore implements SessionStore, TransactionalStorage {
  readonly storeName = "store";
  onAdded: (count: number) => void = () => {};
  /** What is on the disk; a process that is killed leaves it to the next. */
  disk: Disk;
  /** How many commits there were. */
  commits = 0;
  /** The error of all commits, as long as there is one. */
  failure: Error | undefined;
  /** For how many bytes room was asked last. */
  asked = 0;
  /** Whether a commit that fails has written all the same. */
  isWrittenAllTheSame = false;
  /** All changes that were written, in their order. */
  readonly written: SessionChange[] = [];
  /** The error of those who ask for room. */
  full: Error | undefined;
  /** What is wrong with the next commit, or the next transaction of the application. */
  fault: (what: "commit" | "transaction") => CommitFault | undefined = () => undefined;
  /** Called when a fault has killed the process. */
  onKilled = (): void => {};
  /** Whether commits take their time: until {@linkcode MemoryStore.finish}. */
  isSlow = false;
  /** Whether a client has it. */
  isOpen = false;
  #pending: (() => void)[] = [];
  #isDead = false;
  #lastId: number;
  #session: StoredSession | undefined;

  constructor(disk?: Disk) {
    this.disk = disk ?? {
      number: 0,
      isUnanswered: false,
      lastId: 0,
      messages: new Map(),
      deliveries: new Map(),
      subscriptions: new Map(),
      receipts: new Map(),
      rows: [],
    };
    this.#lastId = this.disk.lastId;
  }

  /** Whether the process has been killed. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** The process is killed. Returns the store of the next one. */
  kill(): MemoryStore {
    this.#isDead = true;
    return new MemoryStore(structuredClone(this.disk));
  }

  /** The commits that take their time are through. */
  finish(): void {
    for (const finish of this.#pending.splice(0)) finish();
  }

  open(): this {
    this.isOpen = true;
    const messages = [...this.disk.messages.values()];
    this.#session = {
      number: this.disk.number,
      isUnanswered: this.disk.isUnanswered,
      inFlight: messages.filter(({ packetId }) => packetId !== 0)
        .sort((a, b) => a.place - b.place),
      deliveries: [...this.disk.deliveries.values()],
      subscriptions: [...this.disk.subscriptions.values()],
      waiting: messages.filter(({ packetId }) => packetId === 0).length,
    };
    return this;
  }

  get session(): StoredSession {
    return this.#session!;
  }

  checkRoom(bytes: number): void {
    this.asked = bytes;
    if (this.full !== undefined) throw this.full;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  waiting(after: number, count: number): Promise<readonly StoredMessage[]> {
    return Promise.resolve(this.#waiting().filter(({ id }) => id > after).slice(0, count));
  }

  expired(now: number, count: number): readonly StoredMessage[] {
    return this.#waiting().filter(({ expiresAt }) => expiresAt <= now).slice(0, count);
  }

  nextExpiry(): number {
    return Math.min(Infinity, ...this.#waiting().map(({ expiresAt }) => expiresAt));
  }

  commit(changes: readonly SessionChange[]): void | Promise<void> {
    if (this.isSlow) {
      return new Promise((resolve, reject) =>
        this.#pending.push(() => {
          try {
            resolve(this.#write(changes));
          } catch (error) {
            reject(error);
          }
        })
      );
    }
    this.#write(changes);
  }

  transact<Result>(
    work: (database: StoreDatabase) => Result,
    changes: readonly SessionChange[],
  ): Result {
    this.finish();
    const rows: string[] = [];
    const prepare = () => {
      throw new Error("There is no SQL here");
    };
    const result = work({ exec: (sql) => rows.push(sql), prepare });
    this.#write(changes, "transaction", rows);
    return result;
  }

  receipt(id: number): StoredMessage | StoredReceipt | undefined {
    const message = this.disk.messages.get(id);
    return message?.hasReceipt ? message : this.disk.receipts.get(id);
  }

  pending(after: number, count: number): readonly StoredMessage[] {
    return [...this.disk.messages.values()]
      .filter(({ id, hasReceipt }) => hasReceipt && id > after)
      .sort((a, b) => a.id - b.id)
      .slice(0, count);
  }

  close(): void {
    this.isOpen = false;
  }

  #waiting(): StoredMessage[] {
    return [...this.disk.messages.values()]
      .filter(({ packetId }) => packetId === 0)
      .sort((a, b) => a.id - b.id);
  }

  #write(
    changes: readonly SessionChange[],
    what: "commit" | "transaction" = "commit",
    rows: readonly string[] = [],
  ): void {
    if (this.failure !== undefined && !this.isWrittenAllTheSame) throw this.failure;
    if (this.#isDead) return;
    const fault = this.fault(what);
    if (fault === "is killed before") this.#die();
    if (fault === "fails" || fault === "is killed before") throw new Error("The commit has failed");
    this.#apply(changes);
    this.disk.rows.push(...rows);
    if (this.failure !== undefined) throw this.failure;
    if (fault === "is killed after") this.#die();
    if (fault === "fails, but is written") throw new Error("Nobody knows what is written");
  }

  #die(): void {
    this.#isDead = true;
    this.onKilled();
  }

  #apply(changes: readonly SessionChange[]): void {
    this.written.push(...changes);
    this.commits++;
    const { disk } = this;
    disk.lastId = this.#lastId;
    for (const change of changes) {
      switch (change.type) {
        case "session":
          disk.number = change.number;
          disk.isUnanswered = false;
          disk.deliveries.clear();
          disk.subscriptions.clear();
          break;
        case "unanswered":
          disk.isUnanswered = change.isUnanswered;
          break;
        case "message":
          disk.messages.set(change.message.id, change.message);
          break;
        case "flight": {
          const { type: _, ...flight } = change;
          const message = disk.messages.get(change.id);
          if (message !== undefined) disk.messages.set(change.id, { ...message, ...flight });
          break;
        }
        case "settled":
          disk.messages.delete(change.receipt.id);
          if (change.hasReceipt) disk.receipts.set(change.receipt.id, change.receipt);
          break;
        case "delivery":
          disk.deliveries.set(change.delivery.packetId, change.delivery);
          break;
        case "subscribed":
          disk.subscriptions.set(change.subscription.request.topicFilter, change.subscription);
          break;
        case "unsubscribed":
          disk.subscriptions.delete(change.topicFilter);
          break;
        default:
          change satisfies never;
      }
    }
  }
}
