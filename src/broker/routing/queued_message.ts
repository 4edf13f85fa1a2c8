// A message that waits for a client, or is in flight to it, with its place in the store and on its
// session's account.

import type { PublishInit } from "../../packets/mod.ts";
import { OutgoingMessage } from "../../session/outgoing_message.ts";
import type { Account } from "../account.ts";
import { PLACE } from "../sizes.ts";

/** The content of a message, which all that keep it share: it is on the broker's account once. */
export class SharedContent {
  readonly #account: Account;
  /** How many bytes it takes. */
  readonly bytes: number;
  #holders = 0;

  /** Of so many bytes, on an account that is everybody's. */
  constructor(account: Account, bytes: number) {
    this.#account = account;
    this.bytes = bytes;
  }

  /** Whether a session with this account may keep it, too. */
  hasRoom(account: Account): boolean {
    const { bytes } = this;
    return this.#holders > 0 ? account.hasRoom(PLACE, bytes) : account.hasRoom(PLACE + bytes);
  }

  /** One more keeps it. */
  hold(): void {
    if (this.#holders++ === 0) this.#account.charge(this.bytes);
  }

  /** One fewer keeps it. */
  release(): void {
    if (--this.#holders === 0) this.#account.release(this.bytes);
  }
}

/** A message that the broker keeps until its client has it. */
export class QueuedMessage extends OutgoingMessage {
  /** Its row in the store, if it is there, or to be there. */
  row: number | undefined;
  /**
   * As it is in the store: its place in order, which changes when it is sent and when its PUBREC
   * comes.
   */
  savedOrder = 0;
  /** The checksum of what does not change of its row. */
  contentChecksum = 0;
  #account: Account | undefined;
  #content: SharedContent | undefined;

  constructor(packet: PublishInit, expiresAt: number) {
    super(packet, expiresAt);
  }

  /** It is kept from now on: for a session with this account, and with this content. */
  charge(account: Account, content: SharedContent): void {
    this.#account = account;
    this.#content = content;
    account.charge(PLACE, content.bytes);
    content.hold();
  }

  /** It is kept no more. */
  release(): void {
    const content = this.#content;
    if (content === undefined) return;
    this.#content = undefined;
    this.#account!.release(PLACE, content.bytes);
    content.release();
  }
}

/** A message is kept no more, if it was. */
export function releaseQueued(message: OutgoingMessage): void {
  if (message instanceof QueuedMessage) message.release();
}
