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

/** A queue of messages of QoS 0, by their numbers, of which the oldest make room, and what it drops. */
function fullQueue(limits: { messages: number; bytes: number }, count: number) {
  const dropped: unknown[] = [];
  const queue = new MessageQueue(
    { ...limits, whenFull: "drop oldest" },
    "auto",
    (message) => dropped.push(message),
  );
  const acknowledged = messageOf(-1, 1, false);
  queue.push(acknowledged);
  const all = Array.from({ length: count }, (_, number) => messageOf(number, 0, false));
  for (const message of all) queue.push(message);
  return { queue, all, acknowledged, dropped };
}

Deno.test("When one more comes than a queue of QoS 0 holds, a sixteenth of it goes, the oldest, and nothing of QoS 1", () => {
  for (const [messages, gone] of [[1, 1], [15, 1], [31, 1], [32, 2], [160, 10]] as const) {
    const { queue, all, acknowledged, dropped } = fullQueue({ messages, bytes: 1000 }, messages);
    assertEquals(dropped, []);
    const last = messageOf(messages, 0, false);
    queue.push(last);
    assertEquals(dropped, all.slice(0, gone));
    assertEquals(queue.takeOut(() => true), [acknowledged, ...all.slice(gone), last]);
  }
});

Deno.test("When a message of QoS 0 has more bytes than are free, as many of the oldest go as it needs", () => {
  for (const [bytes, gone] of [[1, 1], [2, 2], [5, 5], [10, 10], [11, 10]] as const) {
    const { queue, all, acknowledged, dropped } = fullQueue({ messages: 100, bytes: 10 }, 10);
    const large = { qos: 0, isStale: false, payload: new Uint8Array(bytes) } as unknown as Message;
    queue.push(large);
    assertEquals(dropped, all.slice(0, gone));
    assertEquals(queue.takeOut(() => true), [acknowledged, ...all.slice(gone), large]);
  }
});

Deno.test("A loop that asks several times at once is done with its messages in their order", async () => {
  const done: number[] = [];
  const limits = { messages: 3, bytes: 100, whenFull: "drop newest" } as const;
  const queue = new MessageQueue(limits, "auto", () => {});
  const loop = queue.read();
  const asked = [loop.next(), loop.next(), loop.next()];
  for (const number of [1, 2, 3]) {
    const message = { ...messageOf(number, 1, false), ack: () => done.push(number) };
    queue.push(message as unknown as Message);
  }
  await Promise.all(asked);
  void loop.next();
  assertEquals(done, [1, 2, 3]);
  queue.end(undefined);
});
