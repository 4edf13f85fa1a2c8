// Receipts: what was put into the store, under names that are valid in a later process too.

import { ConnectionClosedError } from "../errors.ts";
import type { SessionStorage, StoredMessage, StoredReceipt } from "../session/session_store.ts";
import { resultFrom } from "./durable_message.ts";
import type { DurablePublisher } from "./durable_publisher.ts";
import type { Journal } from "./journal.ts";
import type { PublishResult } from "./publication.ts";

/** A message that is in the client's store, on its way to the server or done with. */
export interface Receipt {
  /** Names the message, in a later process too: give it to `client.receipt()`. */
  readonly id: string;
  /**
   * What becomes of the message, as for `client.publish()`: resolves when the server has it.
   * Rejects with {@linkcode RefusedError} when the server refuses it, with {@linkcode NotSentError}
   * when it has expired or was cancelled, and with {@linkcode ConnectionClosedError} when nobody
   * can know, or this client ends before; the message then stays in the store. Asking for it is
   * what makes somebody wait: a receipt that nobody asks costs no memory.
   */
  readonly done: Promise<PublishResult>;
  /**
   * Gives the message up if it still waits to be sent. Resolves, once that is on disk, to whether
   * it does; one that is on its way cannot be taken back. Rejects with
   * {@linkcode ConnectionClosedError} when this client ends before.
   */
  cancel(): Promise<boolean>;
}

/** So many receipts are read at a time. */
const WINDOW = 256;

/** The receipts of one client. */
export class Receipts {
  readonly #storage: SessionStorage;
  readonly #journal: Journal;
  readonly #publisher: DurablePublisher;

  constructor(storage: SessionStorage, journal: Journal, publisher: DurablePublisher) {
    this.#storage = storage;
    this.#journal = journal;
    this.#publisher = publisher;
  }

  /** The receipt of a message that has no outcome yet. */
  pending(id: number): Receipt {
    const outcome = () => this.#outcome(id);
    let done: Promise<PublishResult> | undefined;
    return {
      id: this.#nameOf(id),
      get done() {
        return done ??= outcome();
      },
      cancel: () => this.#publisher.cancel(id),
    };
  }

  /** The receipt of this name, if it is of this store and its time is not over. */
  async find(name: string): Promise<Receipt | undefined> {
    const id = this.#idOf(name);
    if (id === undefined) return undefined;
    const stored = await this.#storage.receipt(id);
    if (stored === undefined) return undefined;
    return isMessage(stored) ? this.pending(id) : this.#finished(name, stored);
  }

  /** The receipts of all messages that have no outcome yet, in the order of their messages. */
  async *all(): AsyncGenerator<Receipt, undefined> {
    for (let after = 0;;) {
      const stored = await this.#storage.pending(after, WINDOW);
      if (stored.length === 0) return;
      for (const message of stored) {
        after = message.id;
        yield this.pending(message.id);
      }
    }
  }

  /** The outcome, which may have been known before anybody has asked. */
  async #outcome(id: number): Promise<PublishResult> {
    const later = this.#publisher.outcome(id);
    // Whoever asked is told below.
    later.catch(() => {});
    const isStored = await this.#journal.stored();
    const stored = isStored ? await this.#storage.receipt(id) : undefined;
    if (!isStored || stored !== undefined && isMessage(stored)) return await later;
    this.#publisher.forget(id);
    if (stored === undefined) {
      throw new ConnectionClosedError(
        `What has become of the message ${this.#nameOf(id)} is not kept any more`,
        { kind: "transient" },
      );
    }
    const result = resultFrom(stored.outcome, stored.topic);
    if (result instanceof Error) throw result;
    return result;
  }

  #finished(name: string, { topic, outcome }: StoredReceipt): Receipt {
    return {
      id: name,
      get done() {
        const result = resultFrom(outcome, topic);
        return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
      },
      cancel: () => Promise.resolve(false),
    };
  }

  #nameOf(id: number): string {
    return `${this.#storage.storeName}-${id}`;
  }

  #idOf(name: string): number | undefined {
    const { storeName } = this.#storage;
    if (!name.startsWith(`${storeName}-`)) return undefined;
    const id = Number(name.slice(storeName.length + 1));
    return Number.isSafeInteger(id) && id > 0 ? id : undefined;
  }
}

function isMessage(stored: StoredMessage | StoredReceipt): stored is StoredMessage {
  return "publish" in stored;
}
