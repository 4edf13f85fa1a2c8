// Messages that wait to be sent: how many, which of them give way, how they are given up, and how they grow old.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { Outbox } from "../../src/session/outbox.ts";
import { expiryOf, type Outgoing } from "../../src/session/outgoing.ts";
import { Session } from "../../src/session/session.ts";
import { eachRole, messageOf, openClient } from "./roles.ts";
import { START } from "./scripted.ts";

const ROOM = { messages: 1000, bytes: 1000, whenFull: "drop newest" } as const;

Deno.test("Outbox that is full gives up the newest message", () => {
  const outbox = new Outbox({ ...ROOM, messages: 2 });
  const [first, second, third] = messages("abc");
  assertEquals([outbox.add(first!), outbox.add(second!)], [[], []]);
  assertEquals(outbox.add(third!), [third]);
  assertEquals(topics(outbox), "ab");
  assertStrictEquals(outbox.shift(), first);
  assertEquals(outbox.add(third!), []);
  assertEquals(topics(outbox), "bc");
});

Deno.test("Outbox that is full gives up as many of the oldest messages as it takes", () => {
  const outbox = new Outbox({ ...ROOM, bytes: 10, whenFull: "drop oldest" });
  for (const message of messages("abc", 2)) outbox.add(message);
  const large = messageOf("d", 1, { payload: new Uint8Array(6) });
  assertEquals(outbox.add(large).map(({ packet }) => packet.topic), ["a", "b"]);
  assertEquals(topics(outbox), "cd");
});

for (const whenFull of ["drop newest", "drop oldest"] as const) {
  Deno.test(`Outbox takes one message of any size, if it is alone: ${whenFull}`, () => {
    const outbox = new Outbox({ messages: 1, bytes: 10, whenFull });
    const large = messageOf("a", 1, { payload: new Uint8Array(1000) });
    assertEquals(outbox.add(large), []);
    const next = messageOf("b", 1);
    assertEquals(outbox.add(next), [whenFull === "drop newest" ? next : large]);
    assertStrictEquals(outbox.length, 1);
  });

  Deno.test(`Outbox counts bytes of topics and payloads: ${whenFull}`, () => {
    const outbox = new Outbox({ messages: 1000, bytes: 10, whenFull });
    let dropped = 0;
    for (let count = 0; count < 100; count++) {
      dropped += outbox.add(messageOf("ab", 1, { payload: new Uint8Array(3) })).length;
      assertStrictEquals(outbox.length, Math.min(count + 1, 2));
    }
    assertStrictEquals(dropped, 98);
    outbox.shift();
    outbox.shift();
    assertStrictEquals(outbox.length, 0);
    for (const message of messages("abcde", 1)) assertEquals(outbox.add(message), []);
  });
}

Deno.test("Outbox has room again for what is cancelled, and never gives it out", () => {
  const outbox = new Outbox({ messages: 3, bytes: 6, whenFull: "drop newest" });
  const all = messages("abc", 1);
  for (const message of all) outbox.add(message);
  outbox.cancel(all[0]!);
  assertStrictEquals(outbox.length, 2);
  assertEquals(topics(outbox), "bc");
  const [fourth] = messages("d", 1);
  assertEquals(outbox.add(fourth!), []);
  outbox.cancel(all[2]!);
  outbox.cancel(all[1]!);
  assertEquals(topics(outbox), "d");
  assertStrictEquals(outbox.shift(), fourth);
  assertStrictEquals(outbox.shift(), undefined);
  assertStrictEquals(outbox.length, 0);
});

Deno.test("Outbox cancels thousands of messages, in any order, and keeps the others in theirs", () => {
  const outbox = new Outbox({ messages: 10_000, bytes: 1_000_000, whenFull: "drop newest" });
  const all = Array.from({ length: 5000 }, (_, number) => messageOf(`${number}`, 1));
  for (const message of all) outbox.add(message);
  const kept = all.filter((message, number) => {
    if (number % 7 === 3) return true;
    outbox.cancel(message);
    return false;
  });
  assertStrictEquals(outbox.length, kept.length);
  assertEquals([...outbox], kept);
  for (const message of kept) assertStrictEquals(outbox.shift(), message);
  assertStrictEquals(outbox.first, undefined);
});

Deno.test("Outbox has room again for what has expired", () => {
  // An expiring message has five bytes more, its Message Expiry Interval.
  const outbox = new Outbox({ ...ROOM, bytes: 20 });
  for (let round = 1; round <= 5; round++) {
    const message = expiring("a", 10, START, 1, 8);
    assertEquals(outbox.add(message), []);
    assertEquals(outbox.add(expiring("b", 20, START, 1, 0)), []);
    assertEquals(outbox.add(messageOf("c", 1)).length, 1);
    assertEquals(outbox.takeExpired(START + 10_000), [message]);
    assertStrictEquals(outbox.takeExpired(START + 20_000).length, 1);
    assertStrictEquals(outbox.deadline, Infinity);
  }
});

Deno.test("Outbox cancels a message once, however often it is told", () => {
  const outbox = new Outbox({ ...ROOM, messages: 8 });
  const all = messages("abcdefgh");
  for (const message of all) outbox.add(message);
  for (let count = 0; count < 3; count++) outbox.cancel(all[7]!);
  assertStrictEquals(outbox.length, 7);
  assertEquals(topics(outbox), "abcdefg");
  assertEquals(messages("ij").flatMap((message) => outbox.add(message)).length, 1);
});

eachRole("does not send what was cancelled while it waited", ({ open }) => {
  const session = new Session("c");
  const script = open({ session, peer: { receiveMaximum: 1 } });
  const all = messages("abc");
  for (const message of all) script.publish(message);
  script.expectPacket("publish");
  session.outbox.cancel(all[1]!);
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
      assertEquals(event.why, { reason: "expired" });
    }
    assertStrictEquals(script.connection.deadline, Infinity);
    script.send("40 02 0001");
    script.expect("32 06 0001 64 0002 00");
  },
);

Deno.test("A client sends nothing that has expired before it was connected", () => {
  const session = new Session("c");
  session.outbox.add(expiring("a", 1, START));
  session.outbox.add(expiring("b", 100, START));
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
    again.expect("3C 0B 0001 61 0001 05 02 00000001");
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
  assertStrictEquals(session.outbox.length, 1);
  script.collect();
  script.expectPacket("publish");
  script.expect("32 0B 0001 62 0001 05 02 0000000A");
});

function messages(names: string, payload = 0): Outgoing[] {
  return [...names].map((topic) => messageOf(topic, 1, { payload: new Uint8Array(payload) }));
}

function topics(outbox: Outbox): string {
  return Array.from(outbox, ({ packet }) => packet.topic).join("");
}

function expiring(
  topic: string,
  seconds: number,
  now: number,
  qos: 1 | 2 = 1,
  payload = 0,
): Outgoing {
  const properties = { messageExpiryInterval: seconds };
  const message = messageOf(topic, qos, { properties, payload: new Uint8Array(payload) });
  message.expiresAt = expiryOf(message.packet, now);
  return message;
}
