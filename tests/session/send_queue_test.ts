// Messages that wait to be sent: how many, which of them give way, how they are given up, and how they grow old.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { SendQueue } from "../../src/session/send_queue.ts";
import { expiryOf, type OutgoingMessage } from "../../src/session/outgoing_message.ts";
import { Session } from "../../src/session/session.ts";
import { eachRole, messageOf, openClient } from "./roles.ts";
import { START } from "./scripted.ts";

const ROOM = { messages: 1000, bytes: 1000, whenFull: "drop newest" } as const;

Deno.test("SendQueue that is full gives up the newest message", () => {
  const sendQueue = new SendQueue({ ...ROOM, messages: 2 });
  const [first, second, third] = messages("abc");
  assertEquals([sendQueue.add(first!), sendQueue.add(second!)], [[], []]);
  assertEquals(sendQueue.add(third!), [third]);
  assertEquals(topics(sendQueue), "ab");
  assertStrictEquals(sendQueue.shift(), first);
  assertEquals(sendQueue.add(third!), []);
  assertEquals(topics(sendQueue), "bc");
});

Deno.test("SendQueue that is full gives up as many of the oldest messages as it takes", () => {
  const sendQueue = new SendQueue({ ...ROOM, bytes: 10, whenFull: "drop oldest" });
  for (const message of messages("abc", 2)) sendQueue.add(message);
  const large = messageOf("d", 1, { payload: new Uint8Array(6) });
  assertEquals(sendQueue.add(large).map(({ packet }) => packet.topic), ["a", "b"]);
  assertEquals(topics(sendQueue), "cd");
});

for (const whenFull of ["drop newest", "drop oldest"] as const) {
  Deno.test(`SendQueue takes one message of any size, if it is alone: ${whenFull}`, () => {
    const sendQueue = new SendQueue({ messages: 1, bytes: 10, whenFull });
    const large = messageOf("a", 1, { payload: new Uint8Array(1000) });
    assertEquals(sendQueue.add(large), []);
    const next = messageOf("b", 1);
    assertEquals(sendQueue.add(next), [whenFull === "drop newest" ? next : large]);
    assertStrictEquals(sendQueue.length, 1);
  });

  Deno.test(`SendQueue counts bytes of topics and payloads: ${whenFull}`, () => {
    const sendQueue = new SendQueue({ messages: 1000, bytes: 10, whenFull });
    let dropped = 0;
    for (let count = 0; count < 100; count++) {
      dropped += sendQueue.add(messageOf("ab", 1, { payload: new Uint8Array(3) })).length;
      assertStrictEquals(sendQueue.length, Math.min(count + 1, 2));
    }
    assertStrictEquals(dropped, 98);
    sendQueue.shift();
    sendQueue.shift();
    assertStrictEquals(sendQueue.length, 0);
    for (const message of messages("abcde", 1)) assertEquals(sendQueue.add(message), []);
  });
}

Deno.test("SendQueue has room again for what is cancelled, and never gives it out", () => {
  const sendQueue = new SendQueue({ messages: 3, bytes: 6, whenFull: "drop newest" });
  const all = messages("abc", 1);
  for (const message of all) sendQueue.add(message);
  sendQueue.cancel(all[0]!);
  assertStrictEquals(sendQueue.length, 2);
  assertEquals(topics(sendQueue), "bc");
  const [fourth] = messages("d", 1);
  assertEquals(sendQueue.add(fourth!), []);
  sendQueue.cancel(all[2]!);
  sendQueue.cancel(all[1]!);
  assertEquals(topics(sendQueue), "d");
  assertStrictEquals(sendQueue.shift(), fourth);
  assertStrictEquals(sendQueue.shift(), undefined);
  assertStrictEquals(sendQueue.length, 0);
});

Deno.test("SendQueue cancels thousands of messages, in any order, and keeps the others in theirs", () => {
  const sendQueue = new SendQueue({ messages: 10_000, bytes: 1_000_000, whenFull: "drop newest" });
  const all = Array.from({ length: 5000 }, (_, number) => messageOf(`${number}`, 1));
  for (const message of all) sendQueue.add(message);
  const kept = all.filter((message, number) => {
    if (number % 7 === 3) return true;
    sendQueue.cancel(message);
    return false;
  });
  assertStrictEquals(sendQueue.length, kept.length);
  assertEquals([...sendQueue], kept);
  for (const message of kept) assertStrictEquals(sendQueue.shift(), message);
  assertStrictEquals(sendQueue.first, undefined);
});

Deno.test("SendQueue has room again for what has expired", () => {
  // An expiring message has five bytes more, its Message Expiry Interval.
  const sendQueue = new SendQueue({ ...ROOM, bytes: 20 });
  for (let round = 1; round <= 5; round++) {
    const message = expiring("a", 10, START, 1, 8);
    assertEquals(sendQueue.add(message), []);
    assertEquals(sendQueue.add(expiring("b", 20, START, 1, 0)), []);
    assertEquals(sendQueue.add(messageOf("c", 1)).length, 1);
    assertEquals(sendQueue.takeExpired(START + 10_000), [message]);
    assertStrictEquals(sendQueue.takeExpired(START + 20_000).length, 1);
    assertStrictEquals(sendQueue.deadline, Infinity);
  }
});

Deno.test("SendQueue cancels a message once, however often it is told", () => {
  const sendQueue = new SendQueue({ ...ROOM, messages: 8 });
  const all = messages("abcdefgh");
  for (const message of all) sendQueue.add(message);
  for (let count = 0; count < 3; count++) sendQueue.cancel(all[7]!);
  assertStrictEquals(sendQueue.length, 7);
  assertEquals(topics(sendQueue), "abcdefg");
  assertEquals(messages("ij").flatMap((message) => sendQueue.add(message)).length, 1);
});

eachRole("does not send what was cancelled while it waited", ({ open }) => {
  const session = new Session("c");
  const script = open({ session, peer: { receiveMaximum: 1 } });
  const all = messages("abc");
  for (const message of all) script.publish(message);
  script.expectPacket("publish");
  session.sendQueue.cancel(all[1]!);
  script.send("40 02 0001");
  script.expectEvent("settled");
  script.expect("32 06 0001 63 0002 00");
  script.expectQuiet();
});

eachRole("returns the messages that have to give way to one that waits", ({ open }) => {
  for (const whenFull of ["drop newest", "drop oldest"] as const) {
    const session = new Session("c", { ...ROOM, messages: 1, whenFull });
    const script = open({ session, peer: { receiveMaximum: 1 } });
    const [first, second, third] = messages("abc");
    assertEquals(script.publish(first!), []);
    assertEquals(script.publish(second!), []);
    assertEquals(script.publish(third!), [whenFull === "drop newest" ? third : second]);
  }
});

eachRole("counts the Message Expiry Interval down while a message waits", ({ open }) => {
  const script = open({ peer: { receiveMaximum: 1 } });
  script.publish(messageOf("a", 1));
  script.expectPacket("publish");
  script.publish(expiring("b", 10, script.now));
  script.advance(3000);
  script.send("40 02 0001");
  script.expect("32 0B 0001 62 0002 05 02 00000007");
  // What has been sent does not grow old [MQTT-4.3.3-7].
  script.advance(60_000);
  script.takeEvent("settled");
  script.expectQuiet();
});

eachRole("sends a message that does not wait with the interval it had, be it 0", ({ open }) => {
  const script = open();
  for (const seconds of [0, 1, 4_294_967_295]) {
    script.publish(expiring("a", seconds, script.now));
    const { properties } = script.expectPacket("publish");
    assertStrictEquals(properties.messageExpiryInterval, seconds);
  }
});

eachRole(
  "never sends a message that has expired while it waited, and says so in time",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session, peer: { receiveMaximum: 1 } });
    script.publish(messageOf("a", 1));
    const all = [expiring("b", 10, script.now), expiring("c", 5, script.now), messageOf("d", 1)];
    for (const message of all) script.publish(message);
    script.takePackets();
    assertStrictEquals(script.connection.deadline, START + 5000);
    for (const [step, message] of [[5000, all[1]], [5000, all[0]]] as const) {
      script.advance(step - 1);
      script.expectQuiet();
      script.advance(1);
      const event = script.expectEvent("discarded");
      assertStrictEquals(event.message, message);
      assertEquals(event.cause, { kind: "expired" });
    }
    assertStrictEquals(script.connection.deadline, Infinity);
    script.send("40 02 0001");
    script.expect("32 06 0001 64 0002 00");
  },
);

Deno.test("A client sends nothing that has expired before it was connected", () => {
  const session = new Session("c");
  session.sendQueue.add(expiring("a", 1, START));
  session.sendQueue.add(expiring("b", 100, START));
  const script = openClient({ session, now: START + 2500 });
  assertStrictEquals(script.expectEvent("discarded").message.packet.topic, "a");
  script.expect("32 0B 0001 62 0001 05 02 00000062");
});

eachRole(
  "lets a message expire that is sent no more once PUBLISH is on its way [MQTT-4.3.3-7]",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    script.publish(expiring("a", 1, script.now, 2));
    script.expectPacket("publish");
    script.advance(10_000);
    script.expectQuiet();
    script.end();
    const again = open({ session, sessionPresent: true, now: script.now });
    again.expect("3C 0B 0001 61 0001 05 02 00000000");
    again.advance(10_000);
    again.send("50 02 0001", "70 02 0001");
    again.expect("62 02 0001");
    again.expectEvent("settled");
  },
);

eachRole("never makes an interval longer, though its clock was read long ago", ({ open }) => {
  const session = new Session("c");
  const script = open({ session });
  // A large message fills the buffer; the next has to wait, and goes when the bytes are taken.
  script.connection.publish(messageOf("a", 0, { payload: new Uint8Array(300_000) }));
  script.connection.publish(expiring("b", 10, script.now + 60_000));
  assertStrictEquals(session.sendQueue.length, 1);
  script.collect();
  script.expectPacket("publish");
  script.expect("32 0B 0001 62 0001 05 02 0000000A");
});

function messages(names: string, payload = 0): OutgoingMessage[] {
  return [...names].map((topic) => messageOf(topic, 1, { payload: new Uint8Array(payload) }));
}

function topics(sendQueue: SendQueue): string {
  return Array.from(sendQueue, ({ packet }) => packet.topic).join("");
}

function expiring(
  topic: string,
  seconds: number,
  now: number,
  qos: 1 | 2 = 1,
  payload = 0,
): OutgoingMessage {
  const properties = { messageExpiryInterval: seconds };
  const message = messageOf(topic, qos, { properties, payload: new Uint8Array(payload) });
  message.expiresAt = expiryOf(message.packet, now);
  return message;
}
