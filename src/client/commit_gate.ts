// Between a connection and what drives it: the bytes that tell the server of a change wait until
// the change is stored. One write at a time is held back, so that a store that takes its time does
// not hold up what has been stored already.

import type { DrivenConnection } from "../io/drive.ts";
import type { ConnectionEvent } from "../session/events.ts";

/** Says whether there are changes that are not stored. */
export interface ChangeLog {
  readonly isDirty: boolean;
  /** Stores them, if that can be done at once. */
  commitNow(): void;
  /** The connection of a gate has ended. */
  forget(gate: CommitGate): void;
}

/** A connection whose bytes wait for the store. */
export class CommitGate implements DrivenConnection {
  readonly #connection: DrivenConnection;
  readonly #log: ChangeLog;
  readonly #wake: () => void;
  /** Whether the last ones have been written, and the next are wanted. */
  #isWanted = false;
  /** Bytes whose changes are being stored. */
  #held: Uint8Array<ArrayBuffer> | undefined;
  #isStored = false;

  constructor(connection: DrivenConnection, log: ChangeLog, wake: () => void) {
    this.#connection = connection;
    this.#log = log;
    this.#wake = wake;
  }

  get deadline(): number {
    return this.#connection.deadline;
  }

  get isClosed(): boolean {
    return this.#connection.isClosed;
  }

  get wantsBytes(): boolean {
    return this.#connection.wantsBytes;
  }

  receive(chunk: Uint8Array, now: number): void {
    this.#connection.receive(chunk, now);
  }

  receiveEnd(now: number): void {
    this.#connection.receiveEnd(now);
  }

  tick(now: number): void {
    this.#connection.tick(now);
  }

  probe(now: number): void {
    this.#connection.probe(now);
  }

  abort(error: unknown): void {
    this.#connection.abort(error);
  }

  nextEvent(): ConnectionEvent | undefined {
    const event = this.#connection.nextEvent();
    if (event?.type === "closed") this.#log.forget(this);
    return event;
  }

  takeBytes(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#held !== undefined) {
      if (!this.#isStored) return undefined;
      const bytes = this.#held;
      this.#held = undefined;
      return bytes;
    }
    // Nobody waits for the last words of a connection that has ended.
    if (this.isClosed) this.#log.commitNow();
    this.#isWanted = this.#log.isDirty;
    return this.#isWanted ? undefined : this.#connection.takeBytes();
  }

  /** What has changed so far is being stored: takes the bytes that tell of it. */
  hold(): void {
    if (!this.#isWanted || this.#held !== undefined) return;
    this.#isWanted = false;
    this.#isStored = false;
    this.#held = this.#connection.takeBytes();
  }

  /** All that had changed is stored. */
  release(): void {
    this.#isStored = true;
    this.#wake();
  }

  /** The bytes that wait tell of what could not be stored: the connection ends without them. */
  breakOff(now: number): void {
    this.#held = undefined;
    this.#connection.receiveEnd(now);
    // What is left of it are bytes that must not be sent.
    while (this.#connection.takeBytes() !== undefined);
    this.#wake();
  }
}
