// Messages between the connection, which never waits, and the application, which reads when it
// likes. Those of QoS 1 and 2 are bounded by the Receive Maximum, as each stays unacknowledged
// until it was read; those of QoS 0 are bounded here.

import { Queue } from "../session/queue.ts";
import type { Message } from "./message.ts";

/** How many messages of QoS 0 may wait to be read, and which are dropped when there are more. */
export interface ReceiveQueueLimits {
  /** The most messages. Default: 10,000. */
  readonly messages: number;
  /** The most bytes of their payloads; one message alone may have more. Default: 16,777,216. */
  readonly bytes: number;
  /** Which are dropped. Default: `"drop oldest"`. */
  readonly whenFull: "drop oldest" | "drop newest";
}

/** When the application is done with a message that it was given. */
export type AckMode = "auto" | "manual";

/** All of them. */
export const ACK_MODES: readonly AckMode[] = ["auto", "manual"];

/** Who waits for a message. */
export interface Reader {
  readonly reading: Reading;
  readonly resolve: (result: IteratorResult<Message, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/** One loop over the messages. */
export class Reading {
  /** The message that it is at. */
  inHand: Message | undefined = undefined;
  /** Those that came with it, in a batch. */
  more: Message[] | undefined = undefined;
}

/**
 * When the oldest are dropped, so large a part of those that wait goes at once: to look for them
 * takes time.
 */
const PART = 1 / 16;

/** Messages that have been received and not been read. */
export class MessageQueue {
  readonly #limits: ReceiveQueueLimits;
  readonly #mode: AckMode;
  readonly #onDropped: (message: Message) => void;
  readonly #waiting = new Queue<Message>();
  readonly #readers = new Queue<Reader>();
  /** Messages that were given to loops that have been left. */
  #left: Message[] = [];
  /** Messages of QoS 0 that wait, and the bytes of their payloads. */
  #qos0 = 0;
  #qos0Bytes = 0;
  #end: { readonly error: Error | undefined } | undefined;

  constructor(limits: ReceiveQueueLimits, mode: AckMode, onDropped: (message: Message) => void) {
    this.#limits = limits;
    this.#mode = mode;
    this.#onDropped = onDropped;
  }

  /** How many messages wait to be read. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Takes a message from the connection. */
  push(message: Message): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      const { reading } = reader;
      // A loop that asks several times at once has asked for the next before it has this one.
      if (reading.inHand !== undefined) this.#leaveInHand(reading);
      reading.inHand = message;
      reader.resolve({ value: message, done: false });
      return;
    }
    if (message.qos === 0) {
      if (this.#isFull(message) && !this.#makeRoom(message)) return this.#onDropped(message);
      this.#countIn(message);
    }
    this.#waiting.push(message);
  }

  /** A loop over the messages. Several of them share the messages: each goes to one. */
  read(): AsyncIterableIterator<Message, undefined> {
    const reading = new Reading();
    const iterator: AsyncIterableIterator<Message, undefined> = {
      next: () => this.#next(reading),
      return: () => {
        this.leave(reading);
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** A loop asks for the next message: it is done with what it was given. */
  settle(reading: Reading): void {
    if (this.#left.length > 0) { for (const left of this.#left.splice(0)) this.#done(left); }
    const { inHand, more } = reading;
    reading.inHand = undefined;
    if (inHand !== undefined) this.#done(inHand);
    if (more === undefined) return;
    reading.more = undefined;
    for (const message of more) this.#done(message);
  }

  /** Gives a loop the next message, if one waits. */
  take(reading: Reading): Message | undefined {
    const message = this.#shift();
    if (message !== undefined) reading.inHand = message;
    return message;
  }

  /** Gives a loop so many more at most, of those that wait, together with its message. */
  takeMore(reading: Reading, most: number): Message[] {
    const taken: Message[] = [];
    while (taken.length < most) {
      const message = this.#shift();
      if (message === undefined) break;
      taken.push(message);
    }
    if (taken.length > 0) reading.more = [...reading.more ?? [], ...taken];
    return taken;
  }

  /** Waits for the next message. */
  wait(reader: Reader): void {
    if (this.#end !== undefined) this.#finish(reader.resolve, reader.reject);
    else this.#readers.push(reader);
  }

  /**
   * A loop is left; while it waits it takes no message with it. To leave it is not to be done with
   * the message that it was at: it may have failed. It counts as done when somebody asks for the
   * next.
   */
  leave(reading: Reading): void {
    this.#leaveInHand(reading);
    const left: Reader[] = [];
    this.#readers.filter((reader) => {
      if (reader.reading !== reading) return true;
      left.push(reader);
      return false;
    });
    for (const { resolve } of left) resolve({ value: undefined, done: true });
  }

  /** Takes out the messages that the server is to send again. */
  forgetStale(): void {
    this.#waiting.filter((message) => !message.isStale);
  }

  /**
   * The session is lost, so that the server sends nothing again: what waits is kept, but not
   * without bound.
   */
  boundStale(): void {
    let excess = [...this.#waiting].filter(({ isStale }) => isStale).length - this.#limits.messages;
    if (excess <= 0) return;
    const dropped = this.takeOut(({ isStale }) => isStale && excess-- > 0);
    dropped.forEach(this.#onDropped);
  }

  /** Takes out the messages that `wants` chooses. */
  takeOut(wants: (message: Message) => boolean): Message[] {
    const taken: Message[] = [];
    this.#waiting.filter((message) => {
      if (!wants(message)) return true;
      taken.push(message);
      this.#countOut(message);
      return false;
    });
    return taken;
  }

  /**
   * Ends the loops: at once without an error, else with the error, after the messages that wait.
   * Returns the messages that nobody will read, and that nobody is to acknowledge any more.
   */
  end(error: Error | undefined): Message[] {
    this.#end ??= { error };
    for (const reader of this.#readers.takeAll()) this.#finish(reader.resolve, reader.reject);
    if (error !== undefined) return [];
    const left = this.#mode === "auto" ? this.#left.splice(0) : [];
    return [...left, ...this.takeOut(() => true)];
  }

  #next(reading: Reading): Promise<IteratorResult<Message, undefined>> {
    this.settle(reading);
    const message = this.take(reading);
    if (message !== undefined) return Promise.resolve({ value: message, done: false });
    return new Promise((resolve, reject) => this.wait({ reading, resolve, reject }));
  }

  #shift(): Message | undefined {
    const message = this.#waiting.shift();
    if (message !== undefined) this.#countOut(message);
    return message;
  }

  #leaveInHand(reading: Reading): void {
    const { inHand, more = [] } = reading;
    if (inHand !== undefined) this.#left.push(inHand, ...more);
    reading.inHand = undefined;
    reading.more = undefined;
  }

  /** Who asks for the next message is done with the one before. */
  #done(message: Message): void {
    if (this.#mode === "auto") message.ack();
  }

  #finish(resolve: Reader["resolve"], reject: Reader["reject"]): void {
    const error = this.#end!.error;
    if (error === undefined) resolve({ value: undefined, done: true });
    else reject(error);
  }

  #countIn({ payload }: Message): void {
    this.#qos0++;
    this.#qos0Bytes += payload.length;
  }

  #countOut({ qos, payload }: Message): void {
    if (qos !== 0) return;
    this.#qos0--;
    this.#qos0Bytes -= payload.length;
  }

  #isFull({ payload }: Message): boolean {
    return this.#qos0 >= this.#limits.messages ||
      this.#qos0 > 0 && this.#qos0Bytes + payload.length > this.#limits.bytes;
  }

  /** Drops the oldest messages of QoS 0. False when it is the new message that has no room. */
  #makeRoom(message: Message): boolean {
    if (this.#limits.whenFull === "drop newest") return false;
    let count = Math.max(1, Math.floor(this.#qos0 * PART));
    const dropped = this.takeOut(({ qos }) => qos === 0 && (count-- > 0 || this.#isFull(message)));
    dropped.forEach(this.#onDropped);
    return true;
  }
}
