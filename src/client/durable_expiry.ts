// Messages that expire while they wait in a client's store: each is given up when its time is over
// by the clock on the wall, whether or not there is a connection.

import type { Clock } from "../io/clock.ts";
import type { OutgoingMessage } from "../session/outgoing_message.ts";
import type { Session } from "../session/session.ts";
import type { SessionStorage, StoredMessage } from "../session/session_store.ts";
import type { Link } from "./connection_attempt.ts";
import type { Journal } from "./journal.ts";

/** So many expired messages are given up at a time. */
const AT_ONCE = 256;

/**
 * When others have to give up what has expired, they are asked again so many milliseconds later.
 */
const PATIENCE = 1000;

/** What the watch over expiry works with. */
export interface DurableExpirySetup {
  readonly clock: Clock;
  readonly session: Session;
  readonly storage: SessionStorage;
  readonly journal: Journal;
  readonly link: () => Link | undefined;
  readonly onError: (error: unknown) => void;
  /** A message was taken out of those that wait in memory. */
  readonly onExpired: (message: OutgoingMessage) => void;
  /** Messages that are being read into memory. */
  readonly reading: () => Promise<void> | undefined;
  /** Gives up a message that waits in the store alone; false when it is not there alone. */
  readonly giveUp: (message: StoredMessage) => boolean;
}

/** The watch over messages that expire. */
export class DurableExpiry {
  readonly #setup: DurableExpirySetup;
  #armedAt = Infinity;
  #disarm = (): void => {};
  #isEnded = false;

  constructor(setup: DurableExpirySetup) {
    this.#setup = setup;
  }

  /** A message expires then, by the engine's clock. */
  expect(expiresAt: number): void {
    if (expiresAt >= this.#armedAt || this.#isEnded) return;
    this.#disarm();
    this.#armedAt = expiresAt;
    this.#disarm = this.#setup.clock.at(expiresAt, () => {
      this.#armedAt = Infinity;
      this.#expire().catch((error) => this.#failed(error));
    });
  }

  /** Messages are in the store of which nothing is known. */
  watch(): void {
    this.#expectNext(-Infinity).catch((error) => this.#failed(error));
  }

  /** No more is given up. */
  end(): void {
    this.#isEnded = true;
    this.#disarm();
  }

  async #expire(): Promise<void> {
    const { session, storage, clock, journal, link, reading, onExpired, giveUp } = this.#setup;
    await reading();
    const now = clock.now();
    // With a connection the engine takes them out.
    if (link() === undefined) {
      for (const each of session.sendQueue.takeExpired(now)) onExpired(each);
    }
    const expired = await storage.expired(now + clock.lead(), AT_ONCE);
    if (this.#isEnded) return;
    const isProgress = expired.filter(giveUp).length > 0;
    await journal.stored();
    await this.#expectNext(isProgress ? now : now + PATIENCE);
  }

  /** Waits for what expires next, but until `earliest` at least. */
  async #expectNext(earliest: number): Promise<void> {
    if (this.#isEnded) return;
    const { storage, clock } = this.#setup;
    const at = await storage.nextExpiry();
    if (at !== Infinity) this.expect(Math.max(at - clock.lead(), earliest));
  }

  #failed(error: unknown): void {
    if (!this.#isEnded) this.#setup.onError(error);
  }
}
