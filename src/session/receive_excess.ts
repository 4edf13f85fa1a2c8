// §3.1.2.11.3 Receive Maximum, where a peer does not keep to it. Some servers of wide use send a
// few messages more than a small one allows; as long as they take little memory, to end the
// connection would do more harm than to keep them.

import type { PublishPacket } from "../packets/mod.ts";
import { elementsOf, messageSize } from "./message_size.ts";
import type { PendingAcknowledgement } from "./pending_acknowledgement.ts";

/** About how many bytes the objects of a message take in memory, and each of its elements. */
const MESSAGE = 512;
const ELEMENT = 64;

/** The unacknowledged messages of one connection that came when the Receive Maximum was reached. */
export class ReceiveExcess {
  readonly #limit: number;
  readonly #onFirst: () => void;
  /** Made by the first of them: most connections never have one. */
  #sizes: Map<PendingAcknowledgement, number> | undefined;
  #bytes = 0;
  #isTold = false;

  /** Takes up to `limit` bytes of them; `onFirst` is called at the first of the connection. */
  constructor(limit: number, onFirst: () => void) {
    this.#limit = limit;
    this.#onFirst = onFirst;
  }

  /** Takes one more message. False, with nothing done, when there is no room for it. */
  take(acknowledgement: PendingAcknowledgement, packet: PublishPacket): boolean {
    const bytes = MESSAGE + messageSize(packet) + ELEMENT * elementsOf(packet.properties);
    if (this.#bytes + bytes > this.#limit) return false;
    (this.#sizes ??= new Map()).set(acknowledgement, bytes);
    this.#bytes += bytes;
    if (this.#isTold) return true;
    this.#isTold = true;
    this.#onFirst();
    return true;
  }

  /** A message has been acknowledged: one of these, or another. */
  release(acknowledgement: PendingAcknowledgement): void {
    // Nearly always. To look into an empty map takes 5 to 10 % of the time of a message.
    if (this.#sizes === undefined || this.#sizes.size === 0) return;
    const bytes = this.#sizes.get(acknowledgement);
    if (bytes === undefined) return;
    this.#sizes.delete(acknowledgement);
    this.#bytes -= bytes;
  }
}
