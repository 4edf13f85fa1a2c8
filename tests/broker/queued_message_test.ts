// What a message that waits costs: its place on the account of each session that keeps it, and its
// content on each of them, but on the broker's once.

import { assert, assertEquals, assertFalse } from "@std/assert";
import { Account } from "../../src/broker/account.ts";
import { QueuedMessage, SharedContent } from "../../src/broker/routing/queued_message.ts";
import { PLACE } from "../../src/broker/sizes.ts";
import { PLAIN_PUBLISH } from "../build.ts";

const BYTES = 1000;

function message(): QueuedMessage {
  return new QueuedMessage(PLAIN_PUBLISH, Infinity);
}

Deno.test("The content of a shared message is charged to each session's account, but only once to the broker's", () => {
  const broker = new Account();
  const [one, other] = [new Account(broker), new Account(broker)];
  const content = new SharedContent(broker, BYTES);
  const messages = [one, other].map((account) => {
    const kept = message();
    kept.chargeShared(account, content);
    return kept;
  });
  const bytes = () => [one, other, broker].map((account) => account.bytes);
  assertEquals(bytes(), [PLACE + BYTES, PLACE + BYTES, 2 * PLACE + BYTES]);
  messages[0]!.release();
  messages[0]!.release();
  assertEquals(bytes(), [0, PLACE + BYTES, PLACE + BYTES]);
  messages[1]!.release();
  assertEquals(bytes(), [0, 0, 0]);
});

Deno.test("A queued message is charged to its session's account and the broker's until it is released", () => {
  const broker = new Account();
  const session = new Account(broker);
  const kept = message();
  kept.release();
  kept.charge(session, BYTES);
  assertEquals([session.bytes, broker.bytes], [PLACE + BYTES, PLACE + BYTES]);
  kept.release();
  kept.release();
  assertEquals([session.bytes, broker.bytes], [0, 0]);
});

Deno.test("Content that is already charged needs room only for another reference", () => {
  const broker = new Account(undefined, { limit: 2 * PLACE + BYTES });
  const content = new SharedContent(broker, BYTES);
  const roomy = new Account(broker);
  const narrow = new Account(broker, { limit: PLACE + BYTES - 1 });
  assert(content.hasRoom(roomy));
  assertFalse(content.hasRoom(narrow));
  message().chargeShared(roomy, content);
  assert(content.hasRoom(new Account(broker)));
  assertFalse(content.hasRoom(narrow));
  message().chargeShared(roomy, content);
  assertFalse(content.hasRoom(new Account(broker)));
});

Deno.test("Content that is not charged yet needs room for all of it", () => {
  for (const [limit, expected] of [[PLACE + BYTES, true], [PLACE + BYTES - 1, false]] as const) {
    const broker = new Account(undefined, { limit });
    assertEquals(new SharedContent(broker, BYTES).hasRoom(new Account(broker)), expected);
  }
});
