// What waits to be read when the session is lost is kept up to the limit, to the message.

import { assertEquals } from "@std/assert";
import type { Message } from "../../src/client/message.ts";
import { MessageQueue } from "../../src/client/message_queue.ts";

function messageOf(number: number, qos: number, isStale: boolean): Message {
  return { number, qos, isStale, payload: new Uint8Array(1) } as unknown as Message;
}

for (const [stale, gone] of [[2, 0], [3, 0], [4, 1], [6, 3]] as const) {
  Deno.test(`Of ${stale} messages that nobody will send again a queue of 3 drops the oldest ${gone}, and no other message`, () => {
    const dropped: unknown[] = [];
    const limits = { messages: 3, bytes: 100, whenFull: "drop newest" } as const;
    const queue = new MessageQueue(limits, "auto", (message) => dropped.push(message));
    const fresh = messageOf(0, 1, false);
    queue.push(fresh);
    const all = Array.from({ length: stale }, (_, index) => messageOf(index + 1, 1, true));
    for (const message of all) queue.push(message);
    queue.boundStale();
    assertEquals(dropped, all.slice(0, gone));
    assertEquals(queue.takeOut(() => true), [fresh, ...all.slice(gone)]);
  });
}

Deno.test("Messages that the server sends again leave the queue, and others stay", () => {
  const limits = { messages: 3, bytes: 100, whenFull: "drop newest" } as const;
  const queue = new MessageQueue(limits, "auto", () => {});
  const [fresh, stale] = [messageOf(1, 1, false), messageOf(2, 1, true)];
  queue.push(stale);
  queue.push(fresh);
  queue.forgetStale();
  assertEquals(queue.takeOut(() => true), [fresh]);
});
