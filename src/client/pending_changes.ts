// What has changed in a client's session and is not on its way to the store yet: each message and
// each Packet Identifier once, however often it has changed, and other changes in their order.

import type { SessionChange } from "../session/session_store.ts";
import type { DurableMessage } from "./durable_message.ts";

/** Changes that go to the store together. */
export interface Changes {
  readonly messages: ReadonlySet<DurableMessage>;
  /** Packet Identifiers of the server. */
  readonly packetIds: ReadonlySet<number>;
  readonly others: readonly SessionChange[];
  /** Who waits until they are stored. */
  readonly waiters: ((isStored: boolean) => void)[];
  /** About how many bytes the new messages have. */
  readonly bytes: number;
}

/** Changes that no commit has been begun for. */
export class PendingChanges implements Changes {
  messages = new Set<DurableMessage>();
  packetIds = new Set<number>();
  others: SessionChange[] = [];
  waiters: ((isStored: boolean) => void)[] = [];
  bytes = 0;

  /** Whether there are none. */
  get isEmpty(): boolean {
    return this.messages.size + this.packetIds.size + this.others.length === 0;
  }

  /** A message is new, or something about it has changed. */
  add(message: DurableMessage): void {
    if (!message.isStored && !this.messages.has(message)) this.bytes += message.size;
    this.messages.add(message);
  }

  /** Takes all of them out. */
  takeAll(): Changes {
    const { messages, packetIds, others, waiters, bytes } = this;
    this.messages = new Set();
    this.packetIds = new Set();
    this.others = [];
    this.waiters = [];
    this.bytes = 0;
    return { messages, packetIds, others, waiters, bytes };
  }

  /** What was taken out could not be stored: it is before what has changed since. */
  putBack({ messages, packetIds, others, waiters, bytes }: Changes): void {
    for (const message of messages) this.messages.add(message);
    for (const packetId of packetIds) this.packetIds.add(packetId);
    this.others = [...others, ...this.others];
    this.waiters.push(...waiters);
    this.bytes += bytes;
  }
}
