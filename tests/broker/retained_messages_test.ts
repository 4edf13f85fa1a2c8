// The retained messages by themselves: one for each topic, as long as it lives, and no more than there may be.

import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { Timers } from "../../src/broker/timers.ts";
import { type Retained, RetainedMessages } from "../../src/broker/retained/messages.ts";
import type { PublishPacket } from "../../src/packets/mod.ts";
import { PLAIN_PUBLISH } from "../build.ts";
import { bytesOfText, textOf } from "./client.ts";

function messageOf(topic: string, payload: string): PublishPacket {
  return { ...PLAIN_PUBLISH, topic, payload: bytesOfText(payload), retain: true };
}

function newMessages(most = 10): { readonly timers: Timers; readonly messages: RetainedMessages } {
  const timers = new Timers();
  return { timers, messages: new RetainedMessages(timers, most, undefined) };
}

function texts(messages: RetainedMessages, topicFilter = "#"): string[] {
  return [...searched(messages, topicFilter)].map(({ packet }) => textOf(packet)).toSorted();
}

/** The messages that a Topic Filter matches. */
function* searched(messages: RetainedMessages, topicFilter: string): Generator<Retained> {
  const search = messages.search(topicFilter);
  for (let message = search.next(); message !== undefined; message = search.next()) yield message;
}

Deno.test("A retained message replaces the previous one of the same topic [MQTT-3.3.1-5]", () => {
  const { messages } = newMessages();
  messages.set(messageOf("a", "1"), Infinity);
  messages.set(messageOf("a/b", "2"), Infinity);
  messages.set(messageOf("a", "3"), Infinity);
  assertEquals(texts(messages), ["2", "3"]);
  assertEquals(texts(messages, "a"), ["3"]);
  assertStrictEquals(messages.size, 2);
});

Deno.test("Deleting a retained message leaves the others", () => {
  const { messages } = newMessages();
  messages.set(messageOf("a", "1"), Infinity);
  messages.set(messageOf("a/b", "2"), Infinity);
  messages.delete("a");
  messages.delete("c");
  assertEquals(texts(messages), ["2"]);
  assertStrictEquals(messages.size, 1);
});

Deno.test("A retained message has a copy of its payload", () => {
  const { messages } = newMessages();
  const message = messageOf("a", "1");
  messages.set(message, Infinity);
  message.payload.fill(0);
  assertEquals(texts(messages), ["1"]);
});

Deno.test("A retained message is removed when it expires, but not one that has replaced it", () => {
  const { timers, messages } = newMessages();
  messages.set(messageOf("a", "1"), 10);
  messages.set(messageOf("b", "2"), 10);
  messages.set(messageOf("b", "3"), 20);
  messages.set(messageOf("c", "4"), 10);
  messages.set(messageOf("c", "5"), Infinity);
  messages.set(messageOf("d", "6"), 10);
  messages.delete("d");
  messages.set(messageOf("d", "7"), Infinity);
  timers.run(9);
  assertStrictEquals(messages.size, 4);
  timers.run(10);
  assertEquals(texts(messages), ["3", "5", "7"]);
  timers.run(20);
  assertEquals(texts(messages), ["5", "7"]);
  assertStrictEquals(timers.deadline, Infinity);
});

Deno.test("A retained message beyond the limit is refused, but not one that replaces another", () => {
  const { timers, messages } = newMessages(2);
  assertStrictEquals(messages.set(messageOf("a", "1"), 10), true);
  assertStrictEquals(messages.set(messageOf("b", "2"), Infinity), true);
  assertStrictEquals(messages.set(messageOf("c", "3"), Infinity), false);
  assertStrictEquals(messages.set(messageOf("b", "4"), Infinity), true);
  assertEquals(texts(messages), ["1", "4"]);
  timers.run(10);
  assertStrictEquals(messages.set(messageOf("c", "3"), Infinity), true);
  messages.delete("b");
  assertStrictEquals(messages.set(messageOf("d", "5"), Infinity), true);
  assertEquals(texts(messages), ["3", "5"]);
});

Deno.test("A retained message tells when it expires", () => {
  const { messages } = newMessages();
  const message = messageOf("a", "1");
  messages.set(message, 10);
  const [found] = searched(messages, "+");
  assertStrictEquals(found!.expiresAt, 10);
  assertNotStrictEquals(found!.packet.payload, message.payload);
});
