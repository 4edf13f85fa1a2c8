// Messages that were never sent: they wait for a connection, for send quota, for room. They are no
// part of the Session State (§4.1) and survive its loss. Bounded, in number and in bytes.

import type { OutgoingMessage } from "./outgoing_message.ts";
import { Queue } from "./queue.ts";

/** How much may wait, and what gives way when it is too much. */
export interface SendQueueLimits {
  /** The most messages. */
  readonly messages: number;
  /** The most bytes of topics, payloads and properties. One message alone may have more. */
  readonly bytes: number;
  /**
   * Which message is given up when there is no room: the new one, or as many of the oldest as it
   * takes.
   */
  readonly whenFull: "drop newest" | "drop oldest";
}

/**
 * Messages that wait to be sent, in order.
 *
 * @internal
 */
export class SendQueue {
  readonly #limits: SendQueueLimits;
  readonly #waiting = new Queue<OutgoingMessage>();
  #cancelled = 0;
  #bytes = 0;
  /** No message expires before this. */
  #nextExpiry = Infinity;

  constructor(limits: SendQueueLimits) {
    this.#limits = limits;
  }

  /** How many messages wait. */
  get length(): number {
    return this.#waiting.length - this.#cancelled;
  }

  /** The message that is to be sent first. */
  get first(): OutgoingMessage | undefined {
    while (this.#waiting.first?.isCancelled) {
      this.#waiting.shift();
      this.#cancelled--;
    }
    return this.#waiting.first;
  }

  /** What there is room for. */
  get room(): { readonly messages: number; readonly bytes: number } {
    const { messages, bytes } = this.#limits;
    return { messages: messages - this.length, bytes: bytes - this.#bytes };
  }

  /** When the next message may expire. */
  get deadline(): number {
    return this.#nextExpiry;
  }

  /** Takes a message in. Returns those that have no room, which may be the message itself. */
  add(message: OutgoingMessage): OutgoingMessage[] {
    const dropped: OutgoingMessage[] = [];
    if (!this.hasRoomFor(message.size)) {
      if (this.#limits.whenFull === "drop newest") return [message];
      while (!this.hasRoomFor(message.size)) dropped.push(this.shift()!);
    }
    this.#waiting.push(message);
    this.#bytes += message.size;
    this.#nextExpiry = Math.min(this.#nextExpiry, message.expiresAt);
    return dropped;
  }

  /** Takes the first message out, to send it. */
  shift(): OutgoingMessage | undefined {
    const message = this.first;
    if (message === undefined) return undefined;
    this.#waiting.shift();
    this.#bytes -= message.size;
    if (this.#waiting.length === 0) this.#nextExpiry = Infinity;
    return message;
  }

  /**
   * Gives up a message that waits. It leaves when its turn comes, or when as many are given up as
   * wait.
   */
  cancel(message: OutgoingMessage): void {
    if (message.isCancelled) return;
    message.isCancelled = true;
    this.#cancelled++;
    this.#bytes -= message.size;
    if (this.#cancelled * 2 > this.#waiting.length) this.takeOut(() => false);
  }

  /** Takes out the messages that have expired. */
  takeExpired(now: number): OutgoingMessage[] {
    if (now < this.#nextExpiry) return [];
    return this.takeOut(({ expiresAt }) => expiresAt <= now);
  }

  /** Takes out the messages that `isOut` chooses. */
  takeOut(isOut: (message: OutgoingMessage) => boolean): OutgoingMessage[] {
    const out: OutgoingMessage[] = [];
    this.#nextExpiry = Infinity;
    this.#cancelled = 0;
    this.#waiting.filter((message) => {
      if (message.isCancelled) return false;
      if (isOut(message)) {
        out.push(message);
        this.#bytes -= message.size;
        return false;
      }
      this.#nextExpiry = Math.min(this.#nextExpiry, message.expiresAt);
      return true;
    });
    return out;
  }

  /** The messages, the first first. */
  [Symbol.iterator](): Iterator<OutgoingMessage> {
    return [...this.#waiting].filter(({ isCancelled }) => !isCancelled)[Symbol.iterator]();
  }

  /** Whether a message of so many bytes has room. */
  hasRoomFor(size: number): boolean {
    if (this.length === 0) return true;
    return this.length < this.#limits.messages && this.#bytes + size <= this.#limits.bytes;
  }
}
