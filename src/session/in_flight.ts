// The messages in flight, by Packet Identifier. A table with a place for each identifier modulo its
// size: since identifiers are given out in a circle, those in flight lie side by side. A Map would
// do, but not under load: each time it is rehashed the old table refers to the new one, so that
// dead tables in the old generation keep the messages of the later ones alive.

import type { OutgoingMessage } from "./outgoing_message.ts";

const FIRST_SIZE = 8;

/** One place for each Packet Identifier. */
const LARGEST_SIZE = 65_536;

/**
 * Messages by Packet Identifier; they know their order.
 *
 * @internal
 */
export class InFlight {
  #places: (OutgoingMessage | undefined)[] = new Array(FIRST_SIZE).fill(undefined);
  #size = 0;
  #lastOrder = 0;
  /** Called when a message has been added, or has moved to the end. */
  onChange: ((message: OutgoingMessage) => void) | undefined;

  /** How many messages are in flight. */
  get size(): number {
    return this.#size;
  }

  /** The message with this identifier. */
  get(packetId: number): OutgoingMessage | undefined {
    const message = this.#places[packetId & this.#places.length - 1];
    return message?.packetId === packetId ? message : undefined;
  }

  /**
   * Whether there is no place for this identifier, be it that it is in use or that another is in
   * its way.
   */
  isTaken(packetId: number): boolean {
    return this.#places[packetId & this.#places.length - 1] !== undefined;
  }

  /**
   * Makes room for one more, so that half of the places at least are free, as long as there are not
   * as many as identifiers.
   */
  reserve(): void {
    if (this.#size * 2 >= this.#places.length && this.#places.length < LARGEST_SIZE) this.#grow();
  }

  /** Adds a message, by its identifier, as the last in order. */
  add(message: OutgoingMessage): void {
    while (this.isTaken(message.packetId)) this.#grow();
    this.#places[message.packetId & this.#places.length - 1] = message;
    this.#size++;
    this.moveToEnd(message);
  }

  /** Makes a message the last in order. */
  moveToEnd(message: OutgoingMessage): void {
    message.order = ++this.#lastOrder;
    this.onChange?.(message);
  }

  /** Takes a message out. */
  remove({ packetId }: OutgoingMessage): void {
    this.#places[packetId & this.#places.length - 1] = undefined;
    this.#size--;
  }

  /** The messages in their order. */
  values(): OutgoingMessage[] {
    return this.#places.filter((message) => message !== undefined)
      .sort((a, b) => a.order - b.order);
  }

  /** Takes all messages out, and gives them in their order. */
  takeAll(): OutgoingMessage[] {
    const messages = this.values();
    this.#places = new Array(FIRST_SIZE).fill(undefined);
    this.#size = 0;
    return messages;
  }

  #grow(): void {
    const places = this.#places;
    const larger = new Array<OutgoingMessage | undefined>(places.length * 2).fill(undefined);
    for (const message of places) {
      if (message !== undefined) larger[message.packetId & larger.length - 1] = message;
    }
    this.#places = larger;
  }
}
