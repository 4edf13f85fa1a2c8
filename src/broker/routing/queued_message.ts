// A message that waits for a client, or is in flight to it, with its place in the store and on its
// session's account.

import type { PublishInit } from "../../packets/mod.ts";
import { OutgoingMessage } from "../../session/outgoing_message.ts";
import type { Account } from "../account.ts";
import type { BrokerSession } from "../model.ts";
import { PLACE } from "../sizes.ts";
import type { Group } from "./subscriptions.ts";

/**
 * The content of a message that several keep: it is on the account of each, and on the broker's
 * once.
 */
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
  /** The group of a shared subscription that it was sent to, if it was. */
  group: Group<BrokerSession> | undefined;
  #account: Account | undefined;
  /** What its content takes, if nobody else keeps it. */
  #ownBytes = 0;
  #content: SharedContent | undefined;

  constructor(packet: PublishInit, expiresAt: number) {
    super(packet, expiresAt);
  }

  /** It is kept from now on: for a session with this account, which has it alone. */
  charge(account: Account, bytes: number): void {
    this.#account = account;
    this.#ownBytes = bytes;
    account.charge(PLACE + bytes);
  }

  /** Likewise, with a content that others keep, too. */
  chargeShared(account: Account, content: SharedContent): void {
    this.#account = account;
    this.#content = content;
    account.charge(PLACE, content.bytes);
    content.hold();
  }

  /** It is kept no more. */
  release(): void {
    const account = this.#account;
    if (account === undefined) return;
    this.#account = undefined;
    const content = this.#content;
    if (content === undefined) return account.release(PLACE + this.#ownBytes);
    account.release(PLACE, content.bytes);
    content.release();
  }
}

/** A message is kept no more, if it was. */
export function releaseQueued(message: OutgoingMessage): void {
  if (message instanceof QueuedMessage) message.release();
}
