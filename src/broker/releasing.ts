// What happens to a queued message that its session no longer needs: its memory is given back, and
// its row in the store goes.

import type { OutgoingMessage } from "../session/outgoing_message.ts";
import type { Store } from "./durability/store.ts";
import type { BrokerSession } from "./model.ts";
import { QueuedMessage } from "./routing/queued_message.ts";

/** Releases the memory of a message that is delivered or dropped, and deletes it from the store. */
export function releaseMessage(message: OutgoingMessage, store: Store | undefined): void {
  if (!(message instanceof QueuedMessage)) return;
  message.release();
  store?.deleteMessage(message);
}

/** Drops the queued messages of these topics, which the client may no longer receive. */
export function dropQueued(
  { state }: BrokerSession,
  topics: ReadonlySet<string>,
  store: Store | undefined,
): void {
  if (topics.size === 0) return;
  for (const message of state.sendQueue.takeOut(({ packet }) => topics.has(packet.topic))) {
    releaseMessage(message, store);
  }
}
