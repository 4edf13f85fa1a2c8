// §3.3.1.3 Retained messages: the last message of a topic that was published with RETAIN 1.

import type { PublishPacket } from "../../packets/mod.ts";
import { Account } from "../account.ts";
import type { Store } from "../durability/store.ts";
import { withOwnBytes } from "../routing/payload_pages.ts";
import type { NameSearch } from "../routing/name_search.ts";
import { NameTree } from "../routing/topic_tree.ts";
import { retainedBytes } from "../sizes.ts";
import type { Timer } from "../timers.ts";
import type { Timers } from "../timers.ts";

/** A retained message. */
export interface Retained {
  /** The message, with bytes of its own. */
  readonly packet: PublishPacket;
  /** When it expires, in milliseconds of the engine's clock; `Infinity` for never. */
  readonly expiresAt: number;
  /** Later ones have more. */
  readonly sequence: number;
}

/** The retained messages of a broker. */
export class RetainedMessages {
  readonly #messages = new NameTree<Retained & { readonly expiry: Timer }>();
  readonly #timers: Timers;
  readonly #most: number;
  readonly #store: Store | undefined;
  readonly #account: Account;
  #latest = 0;

  /** Keeps at most `most` messages, and as many bytes as the account has room for. */
  constructor(timers: Timers, most: number, store: Store | undefined, account = new Account()) {
    this.#timers = timers;
    this.#account = account;
    this.#most = most;
    this.#store = store;
    for (const { packet, expiresAt } of store?.retained() ?? []) this.#put(packet, expiresAt);
  }

  /** The number of messages. */
  get size(): number {
    return this.#messages.size;
  }

  /** The sequence of the message that was kept last. */
  get latest(): number {
    return this.#latest;
  }

  /** The message of a topic. */
  get(topic: string): Retained | undefined {
    return this.#messages.get(topic);
  }

  /** Retains a message in place of the previous one [MQTT-3.3.1-5]. False when there is no room. */
  set(packet: PublishPacket, expiresAt: number): boolean {
    const { topic } = packet;
    const before = this.#messages.get(topic);
    if (before === undefined && this.#messages.size >= this.#most) return false;
    const bytes = retainedBytes(packet);
    const more = before === undefined ? bytes : bytes - retainedBytes(before.packet);
    if (more > 0 && !this.#account.hasRoom(more)) return false;
    if (before !== undefined) this.#release(before);
    const own = withOwnBytes(packet);
    this.#put(own, expiresAt);
    this.#store?.saveRetained(own, expiresAt);
    return true;
  }

  /** Restores the message that a topic had before the last change, if it had one. */
  restore(topic: string, before: Retained | undefined): void {
    if (before === undefined) return this.delete(topic);
    const current = this.#messages.get(topic);
    if (current !== undefined) this.#release(current);
    this.#put(before.packet, before.expiresAt, before.sequence);
    this.#store?.saveRetained(before.packet, before.expiresAt);
  }

  /** Removes the retained message of a topic [MQTT-3.3.1-6]. */
  delete(topic: string): void {
    const before = this.#messages.get(topic);
    if (before === undefined) return;
    this.#release(before);
    this.#messages.delete(topic);
    this.#store?.deleteRetained(topic);
  }

  #put(packet: PublishPacket, expiresAt: number, sequence = ++this.#latest): void {
    const { topic } = packet;
    const expiry = this.#timers.add(expiresAt, () => this.delete(topic));
    this.#messages.set(topic, { packet, expiresAt, expiry, sequence });
    this.#account.charge(retainedBytes(packet));
  }

  /** A message is kept no more, or another one in its place. */
  #release({ packet, expiry }: Retained & { readonly expiry: Timer }): void {
    expiry.isCancelled = true;
    this.#account.release(retainedBytes(packet));
  }

  /** Looks for the messages whose topics a Topic Filter matches, in steps. */
  search(topicFilter: string): NameSearch<Retained> {
    return this.#messages.search(topicFilter);
  }
}
