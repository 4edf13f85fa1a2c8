// A message that is queued for a client or in flight to it, with its row in the store and its
// charge to the session's account.

import type { PublishInit } from "../../packets/mod.ts";
import { OutgoingMessage } from "../../session/outgoing_message.ts";
import type { Account } from "../account.ts";
import type { BrokerSession } from "../model.ts";
import { PLACE } from "../sizes.ts";
import type { Group } from "./subscriptions.ts";

/**
 * The content of a message that several sessions keep: it is charged to the account of each, but to
 * the broker's only once.
 */
export class SharedContent {
  readonly #account: Account;
  /** The size in bytes. */
  readonly bytes: number;
  #holders = 0;

  /** `account` is the broker's. */
  constructor(account: Account, bytes: number) {
    this.#account = account;
    this.bytes = bytes;
  }

  /** Whether a session with this account may keep it, too. */
  hasRoom(account: Account): boolean {
    const { bytes } = this;
    return this.#holders > 0 ? account.hasRoom(PLACE, bytes) : account.hasRoom(PLACE + bytes);
  }

  /** Another session keeps it. */
  hold(): void {
    if (this.#holders++ === 0) this.#account.charge(this.bytes);
  }

  /** A session no longer keeps it. */
  release(): void {
    if (--this.#holders === 0) this.#account.release(this.bytes);
  }
}

/** A message that the broker keeps until its client has it. */
export class QueuedMessage extends OutgoingMessage {
  /** Its row in the store, if it is stored or about to be. */
  row: number | undefined;
  /**
   * As it is in the store: its place in order, which changes when it is sent and when its PUBREC
   * comes.
   */
  savedOrder = 0;
  /** The checksum of the columns of its row that never change. */
  contentChecksum = 0;
  /** The shared subscription to which it was sent, if any. */
  group: Group<BrokerSession> | undefined;
  #account: Account | undefined;
  /** The size of its content, if no other session keeps it. */
  #ownBytes = 0;
  #content: SharedContent | undefined;

  constructor(packet: PublishInit, expiresAt: number) {
    super(packet, expiresAt);
  }

  /** Charges the message to the account of the only session that keeps it. */
  charge(account: Account, bytes: number): void {
    this.#account = account;
    this.#ownBytes = bytes;
    account.charge(PLACE + bytes);
  }

  /** Charges a message whose content several sessions share. */
  chargeShared(account: Account, content: SharedContent): void {
    this.#account = account;
    this.#content = content;
    account.charge(PLACE, content.bytes);
    content.hold();
  }

  /** Releases what was charged. */
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

/** Releases a message if it was charged. */
export function releaseQueued(message: OutgoingMessage): void {
  if (message instanceof QueuedMessage) message.release();
}
