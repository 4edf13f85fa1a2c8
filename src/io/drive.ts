// Connects the engine to the outside: one connection, one transport, one timer. After every input
// it takes the connection's bytes, then its events, then reads its deadline. Errors that the
// transport throws are network errors; errors that the connection or an event handler throws are
// bugs in this program: they end the connection and are reported as internal errors.

import type { Connection } from "../session/connection.ts";
import type { ConnectionEvent } from "../session/events.ts";
import type { Clock } from "./clock.ts";
import type { Transport } from "./transport.ts";

/**
 * After the end of the connection: how many bytes are discarded between two pauses, and how long a
 * pause is, in milliseconds.
 */
const THROWN_AWAY = 65_536;
const REST = 20;

/**
 * The time limit for writing the last bytes, and for the peer to close, after the end of the
 * connection. In milliseconds.
 */
const LAST_WORDS = 1000;

/** The interval of the check whether the machine has been suspended, in milliseconds. */
const GLANCE = 10_000;

/**
 * In milliseconds. If the wall clock has advanced by this much more than the monotonic clock, the
 * machine was suspended. If a timer is this late, the page is in the background, where the next one
 * may be too late for the Keep Alive.
 */
const SLEPT = 2000;

/** How many microtasks usually pass between an event and the application's reaction to it. */
const TURNS = 3;

/** The part of a connection that a drive uses. */
export type DrivenConnection = Pick<
  Connection,
  | "receive"
  | "receiveEnd"
  | "tick"
  | "probe"
  | "abort"
  | "takeBytes"
  | "nextEvent"
  | "deadline"
  | "isClosed"
  | "wantsBytes"
>;

/** Runs a connection over a transport until both are closed. */
export class Drive {
  /** Resolves when the transport is closed and no operation is pending. Never rejects. */
  readonly finished: Promise<void>;
  readonly #transport: Transport;
  readonly #connection: DrivenConnection;
  readonly #clock: Clock;
  readonly #onEvent: (event: ConnectionEvent) => void;
  readonly #onInternalError: (error: unknown) => void;
  readonly #beforeRead: ((bytes: number) => Promise<void> | undefined) | undefined;
  #error: unknown;
  /**
   * Internal errors, to be reported after the event for the end of the connection.
   */
  #internalErrors: unknown[] = [];
  /** The pending write, or the latest one. */
  #writing: Promise<void> | undefined;
  #isWriting = false;
  #isHeld = false;
  #onWanted: (() => void) | undefined;
  #lastWords: Promise<void> | undefined;
  #isPumping = false;
  #isAgain = false;
  /** Bytes that were discarded since the last pause. */
  #thrownAway = 0;
  #lead: number;
  #armedAt = Infinity;
  #disarm = (): void => {};

  /**
   * Starts at once. `onEvent` receives each event, and may call the connection. `onInternalError`
   * receives errors thrown by the connection or by `onEvent`, after `onEvent` has been called with
   * the end of the connection. `beforeRead` is called before each read with the number of bytes
   * that the previous one returned; the read waits for its promise, which must not reject.
   */
  constructor(
    transport: Transport,
    connection: DrivenConnection,
    clock: Clock,
    onEvent: (event: ConnectionEvent) => void,
    onInternalError: (error: unknown) => void,
    beforeRead?: (bytes: number) => Promise<void> | undefined,
  ) {
    this.#transport = transport;
    this.#connection = connection;
    this.#clock = clock;
    this.#onEvent = onEvent;
    this.#onInternalError = onInternalError;
    this.#beforeRead = beforeRead;
    this.#lead = clock.lead();
    this.wake();
    this.finished = this.#read();
  }

  /** The network error that ended the connection, if there was one. */
  get error(): unknown {
    return this.#error;
  }

  /** Resolves when everything has been written, or cannot be written any more. Never rejects. */
  async written(): Promise<void> {
    for (let last; this.#isHeld || this.#writing !== last;) await (last = this.#writing);
  }

  /** Must be called after every call of the connection from outside. */
  wake(): void {
    if (this.#isPumping) {
      this.#isAgain = true;
      return;
    }
    this.#isPumping = true;
    try {
      while (!this.#pumpAll());
    } finally {
      this.#isPumping = false;
    }
    if (this.#internalErrors.length > 0) this.#tellInternalErrors();
    if (this.#onWanted !== undefined && this.#connection.wantsBytes) {
      this.#onWanted();
      this.#onWanted = undefined;
    }
    if (this.#connection.isClosed) this.#lastWords ??= this.#sayLastWords();
    else if (this.#connection.deadline < this.#armedAt) this.#arm();
  }

  /**
   * Returns false after an error: the connection has ended, and its last events are still to come.
   */
  #pumpAll(): boolean {
    try {
      do this.#pump(); while (this.#isAgain);
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #fail(error: unknown): void {
    this.#internalErrors.push(error);
    try {
      this.#connection.abort(error);
    } catch (next) {
      this.#internalErrors.push(next);
    }
  }

  #tellInternalErrors(): void {
    const errors = this.#internalErrors;
    this.#internalErrors = [];
    for (const error of errors) this.#onInternalError(error);
  }

  #pump(): void {
    this.#isAgain = false;
    // What accumulates during a write is sent in one write afterwards.
    if (!this.#isWriting && !this.#isHeld) this.#write();
    const connection = this.#connection;
    for (let event = connection.nextEvent(); event; event = connection.nextEvent()) {
      this.#isAgain = true;
      this.#onEvent(event);
    }
  }

  async #read(): Promise<void> {
    const connection = this.#connection;
    for (let bytes = 0;;) {
      if (!connection.wantsBytes) await this.#untilWanted();
      const wait = this.#beforeRead?.(bytes);
      if (wait !== undefined) await wait;
      let chunk: Uint8Array | undefined;
      try {
        chunk = await this.#transport.read();
      } catch (error) {
        if (!connection.isClosed) this.#error ??= error;
      }
      if (chunk === undefined) break;
      bytes = chunk.length;
      // After the end, bytes are still read: closing with unread bytes would reset the connection,
      // and the peer might lose our last bytes.
      if (connection.isClosed) {
        this.#transport.release?.();
        await this.#restAfter(bytes);
        continue;
      }
      this.#receive(chunk);
      this.wake();
      await this.#hearOut();
    }
    connection.receiveEnd(this.#clock.now());
    this.wake();
    await this.#lastWords;
    this.#disarm();
    this.#transport.close();
  }

  /**
   * Slows down the reading of bytes that are discarded, so that a peer that sends many of them does
   * not take time from others.
   */
  #restAfter(length: number): Promise<void> | undefined {
    this.#thrownAway += length;
    if (this.#thrownAway < THROWN_AWAY) return undefined;
    this.#thrownAway = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clock.at(this.#clock.now() + REST, resolve);
    return promise;
  }

  #receive(chunk: Uint8Array): void {
    try {
      this.#connection.receive(chunk, this.#clock.now());
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * Delays writing by a few microtasks, so that the answers to all events of a chunk go into one
   * write.
   */
  async #hearOut(): Promise<void> {
    this.#isHeld = true;
    for (let turn = 0; turn < TURNS; turn++) await undefined;
    this.#isHeld = false;
    this.wake();
  }

  /** While the connection needs no bytes, they stay in the transport, where they are bounded. */
  #untilWanted(): Promise<void> {
    return new Promise((resolve) => this.#onWanted = resolve);
  }

  #write(): void {
    const connection = this.#connection;
    connection.tick(this.#clock.now());
    const bytes = connection.takeBytes();
    if (bytes === undefined) return;
    this.#isWriting = true;
    this.#writing = this.#send(bytes).then(this.#onWritten, this.#onWriteFailed);
  }

  /** An application's own transport may throw instead of rejecting. */
  #send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      return this.#transport.write(bytes);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  readonly #onWritten = (): void => {
    this.#isWriting = false;
    this.wake();
  };

  /** Nothing can be sent any more. `#isWriting` stays set, so that there is no next write. */
  readonly #onWriteFailed = (error: unknown): void => {
    if (!this.#connection.isClosed) this.#error ??= error;
    this.#connection.receiveEnd(this.#clock.now());
    this.wake();
    this.#transport.close();
  };

  /**
   * After the end of the connection: sends the remaining bytes and lets the peer close first,
   * within {@linkcode LAST_WORDS}.
   */
  async #sayLastWords(): Promise<void> {
    this.#disarm();
    this.#disarm = this.#clock.at(this.#clock.now() + LAST_WORDS, () => this.#transport.close());
    try {
      await this.written();
      await this.#transport.closeWrite();
    } catch {
      this.#transport.close();
    }
  }

  /**
   * Sets the timer. It is not reset when the deadline moves later, as it does with every packet: it
   * then fires early, and is set again.
   */
  #arm(): void {
    this.#disarm();
    const { deadline } = this.#connection;
    this.#armedAt = Math.min(deadline, this.#clock.now() + GLANCE);
    this.#disarm = this.#clock.at(this.#armedAt, () => {
      this.#checkTime();
      this.wake();
    });
  }

  #checkTime(): void {
    const lead = this.#clock.lead();
    const now = this.#clock.now();
    const hasSlept = Math.max(lead - this.#lead, now - this.#armedAt) > SLEPT;
    this.#armedAt = Infinity;
    this.#lead = lead;
    try {
      if (hasSlept) this.#connection.probe(now);
      this.#connection.tick(now);
    } catch (error) {
      this.#fail(error);
    }
  }
}
