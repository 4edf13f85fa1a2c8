// The only pump: a transport, a connection, one timer. After anything has happened it takes the
// connection's bytes, its events and its deadline, in that order, and does nothing else. What the
// transport throws is the network's fault; what the connection throws, or who is told its events,
// is a fault of this program: it ends the connection, and is told as what it is.

import type { Connection } from "../session/connection.ts";
import type { ConnectionEvent } from "../session/events.ts";
import type { Clock } from "./clock.ts";
import type { Transport } from "./transport.ts";

/**
 * Once a connection is over, so many bytes are thrown away before a rest of so many milliseconds.
 */
const THROWN_AWAY = 65_536;
const REST = 20;

/**
 * How long the last bytes may take, and the other end to close, once the connection is over. In
 * milliseconds.
 */
const LAST_WORDS = 1000;

/** How often to look whether the machine has slept: its timers sleep, too. In milliseconds. */
const GLANCE = 10_000;

/**
 * A clock on the wall that has run ahead by so much tells of a sleep, a timer that is as late of a
 * tab in the background, where the next one may come too late for the Keep Alive. In milliseconds.
 */
const SLEPT = 2000;

/** How many promises lie between an event and the application's answer to it, mostly. */
const TURNS = 3;

/** What a drive needs of a connection. */
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

/** Runs a connection over a transport, from the first byte to the last. */
export class Drive {
  /** Resolves when the transport is closed and nothing of it goes on. Never rejects. */
  readonly finished: Promise<void>;
  readonly #transport: Transport;
  readonly #connection: DrivenConnection;
  readonly #clock: Clock;
  readonly #onEvent: (event: ConnectionEvent) => void;
  readonly #onInternalError: (error: unknown) => void;
  readonly #beforeRead: ((bytes: number) => Promise<void> | undefined) | undefined;
  #error: unknown;
  /**
   * What was thrown within this program, and is to be told when the end of the connection has been.
   */
  #internalErrors: unknown[] = [];
  /** The write that is on its way. */
  #writing: Promise<void> | undefined;
  #isWriting = false;
  #isHeld = false;
  #onWanted: (() => void) | undefined;
  #lastWords: Promise<void> | undefined;
  #isPumping = false;
  #isAgain = false;
  /** Bytes that came after the end, since the last rest. */
  #thrownAway = 0;
  #lead: number;
  #armedAt = Infinity;
  #disarm = (): void => {};

  /**
   * Begins at once. `onEvent` is told each event; in it the connection may be used.
   * `onInternalError` is told what was thrown within this program: it has ended the connection,
   * which `onEvent` has been told before, though it may have failed again. `beforeRead` is called
   * before each read with the number of bytes that the last one has brought; what it gives back is
   * waited for. It must not reject.
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

  /** What the network said when it ended the connection, if it said anything. */
  get error(): unknown {
    return this.#error;
  }

  /** Resolves when all that there is to send is written, or cannot be any more. Never rejects. */
  async written(): Promise<void> {
    for (let last; this.#isHeld || this.#writing !== last;) await (last = this.#writing);
  }

  /** Something was asked of the connection: to be called after every call of it. */
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

  /** False when something has failed. The connection is over then: what is left is to be told. */
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
    // What comes together while a write is on its way goes in one write when that has ended.
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
      // Once the connection is over, bytes are read so that the other end gets to read ours.
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
   * Nobody is in a hurry for what is thrown away: who has much of it to send is not to hold up
   * others.
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
   * Those who were told something may have something to send: each has its say, a promise or three
   * away, before the first of them is written alone.
   */
  async #hearOut(): Promise<void> {
    this.#isHeld = true;
    for (let turn = 0; turn < TURNS; turn++) await undefined;
    this.#isHeld = false;
    this.wake();
  }

  /** Who needs time to decide gets no more bytes: they stay where they are bounded. */
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

  /** A transport of somebody else's may throw where it should reject. */
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

  /** Nothing can be sent any more. The flag stays: there is no next write. */
  readonly #onWriteFailed = (error: unknown): void => {
    if (!this.#connection.isClosed) this.#error ??= error;
    this.#connection.receiveEnd(this.#clock.now());
    this.wake();
    this.#transport.close();
  };

  /**
   * The connection is over: sends what is left, and lets the other end close first, but not for
   * ever.
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
   * Sets the timer. It is not moved when the deadline moves on, as it does with every packet: it
   * just fires early.
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
