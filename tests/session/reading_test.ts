// A peer that does not read, and bytes in any pieces: what waits to be sent stays bounded, what is large goes out whole, and
// no cut of the stream makes a difference.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Connection } from "../../src/session/connection.ts";
import { WriteBuffer } from "../../src/session/write_buffer.ts";
import { Session } from "../../src/session/session.ts";
import { bytesOf, hexOf } from "../hex.ts";
import { eachRole, messageOf, openServer } from "./roles.ts";

/** So many bytes of messages may wait in the buffer before the next waits in the sendQueue. */
const FULL = 262_144;
const MOST_ANSWERS = 1_048_576;

Deno.test("A server gives up a client that reads none of its answers", () => {
  const { connection, now } = openServer();
  const pings = bytesOf("C000".repeat(1000));
  let sent = 0;
  while (!connection.isClosed) {
    connection.receive(pings, now);
    sent += 2000;
    assert(sent <= MOST_ANSWERS + 2000, "it goes on for ever");
  }
  assert(sent > MOST_ANSWERS);
  assertEquals(causeOf(connection), "silence");
});

eachRole("gives up a peer that reads none of its answers to stray packets", ({ open }) => {
  const { connection, now } = open();
  const stray = bytesOf("62020001".repeat(1000));
  for (let count = 0; !connection.isClosed; count++) {
    connection.receive(stray, now);
    assert(count < 300, "it goes on for ever");
  }
  assertEquals(causeOf(connection), "silence");
});

eachRole("gives up a peer that reads none of its acknowledgements", ({ open }) => {
  const { connection, now } = open();
  const message = bytesOf("32 06 0001 61 0001 00");
  for (let count = 0; !connection.isClosed; count++) {
    connection.receive(message, now);
    const event = connection.nextEvent();
    if (event?.type !== "message") break;
    connection.acknowledge(event.acknowledgement!, 0x00);
    assert(count < 300_000, "it goes on for ever");
  }
  assertEquals(causeOf(connection), "silence");
});

Deno.test("A server gives up a client that reads no answer to its SUBSCRIBEs", () => {
  const { connection, now } = openServer();
  for (let count = 0; !connection.isClosed; count++) {
    connection.receive(bytesOf("82 07 0001 00 0001 61 00 A2 06 0002 00 0001 61"), now);
    for (let event = connection.nextEvent(); event; event = connection.nextEvent()) {
      if (event.type === "subscribe") connection.suback(event.packet, [0x00]);
      if (event.type === "unsubscribe") connection.unsuback(event.packet, [0x00]);
      if (event.type === "closed") assertStrictEquals(event.cause.kind, "silence");
    }
    assert(count < 100_000, "it goes on for ever");
  }
});

eachRole("does not take its own messages for answers that nobody reads", ({ open }) => {
  const script = open();
  const { connection, now } = script;
  connection.publish(messageOf("a", 0, { payload: new Uint8Array(2 * MOST_ANSWERS) }));
  connection.receive(bytesOf("30 04 0001 62 00 62 02 0001"), now);
  script.collect();
  assertStrictEquals(script.expectPacket("publish").payload.length, 2 * MOST_ANSWERS);
  script.expectPacket("pubcomp");
  script.takeEvent("settled");
  script.expectMessage("b");
  script.expectQuiet();
});

eachRole("counts its answers anew whenever they are taken", ({ open }) => {
  const script = open();
  const stray = "62020001".repeat(100_000);
  for (let count = 0; count < 5; count++) script.send(stray);
  assert(!script.connection.isClosed);
});

eachRole(
  "lets messages wait when the buffer is full, and sends them in order when it is taken",
  ({ open }) => {
    const session = new Session("c");
    const { connection } = open({ session });
    const payload = new Uint8Array(100_000);
    for (let number = 0; number < 20; number++) {
      connection.publish(messageOf(`${number}`, number % 3 as 0, { payload }));
    }
    assertStrictEquals(connection.trySend({ type: "publish", topic: "late" }), false);
    assertStrictEquals(session.sendQueue.length, 17);
    let bytes = 0;
    for (let taken = connection.takeBytes(); taken; taken = connection.takeBytes()) {
      assert(taken.length < FULL + 100_100, `${taken.length} bytes at once`);
      bytes += taken.length;
    }
    assert(bytes > 20 * payload.length);
    assertStrictEquals(session.sendQueue.length, 0);
    assertStrictEquals(connection.trySend({ type: "publish", topic: "late" }), true);
  },
);

eachRole("sends what it has to send again by and by, too", ({ open }) => {
  const session = new Session("c");
  const script = open({ session });
  const payload = new Uint8Array(100_000);
  for (let number = 0; number < 20; number++) {
    script.publish(messageOf(`${number}`, 1, { payload }));
  }
  script.end();
  const again = open({ session, sessionPresent: true });
  const topics = again.takePackets().map((packet) => packet.type === "publish" && packet.topic);
  assertEquals(topics, Array.from({ length: 20 }, (_, number) => `${number}`));
});

eachRole("takes a stream cut anywhere for what it is", ({ open }) => {
  const hex = "30 04 0001 61 00 32 06 0001 62 0001 00 34 07 0001 63 0002 00 FF 62 02 0009 E0 01 80";
  const bytes = bytesOf(hex);
  const whole = outcome(open().connection, [bytes]);
  assertEquals(whole.length, 6);
  for (let cut = 1; cut < bytes.length; cut++) {
    assertEquals(outcome(open().connection, [bytes.slice(0, cut), bytes.slice(cut)]), whole);
  }
  assertEquals(outcome(open().connection, Array.from(bytes, (byte) => Uint8Array.of(byte))), whole);
  assertEquals(outcome(open().connection, [new Uint8Array(0), bytes]), whole);
});

eachRole("delivers a payload of 64 megabytes whole", ({ open }) => {
  const { connection, now } = open();
  connection.receive(bytesOf("30 84808020 0001 61 00"), now);
  const chunk = new Uint8Array(1_048_576).fill(7);
  for (let count = 0; count < 64; count++) {
    assertStrictEquals(connection.nextEvent(), undefined);
    connection.receive(chunk, now);
  }
  const event = connection.nextEvent();
  assert(event?.type === "message");
  assertStrictEquals(
    (event as { packet: { payload: Uint8Array } }).packet.payload.length,
    67_108_864,
  );
});

Deno.test("WriteBuffer collects packets while others are on their way, and changes nothing that was taken before the next", () => {
  const output = new WriteBuffer();
  assertStrictEquals(output.take(), undefined);
  output.write({ type: "publish", topic: "a" });
  const first = output.take()!;
  output.write({ type: "publish", topic: "b" });
  output.write({ type: "pingreq" });
  assertStrictEquals(hexOf(first), "300400016100");
  assertStrictEquals(output.length, 8);
  const second = output.take()!;
  output.write({ type: "publish", topic: "c" });
  assertStrictEquals(hexOf(second), "300400016200C000");
  assertStrictEquals(hexOf(output.take()!), "300400016300");
  assertStrictEquals(output.take(), undefined);
});

/** What bytes lead to: answers and events. */
function outcome(connection: Connection, chunks: readonly Uint8Array[]): unknown[] {
  for (const chunk of chunks) connection.receive(chunk, 2_000_000);
  const found: unknown[] = [hexOf(connection.takeBytes() ?? new Uint8Array(0))];
  for (let event = connection.nextEvent(); event; event = connection.nextEvent()) {
    if (event.type === "message") {
      found.push([
        event.packet.topic,
        hexOf(event.packet.payload),
        event.acknowledgement?.packetId,
      ]);
    } else found.push(event.type);
  }
  found.push(connection.deadline);
  return found;
}

/** By what the connection has ended, as its last event says. */
function causeOf(connection: Connection): string {
  let by = "";
  for (let event = connection.nextEvent(); event; event = connection.nextEvent()) {
    by = event.type === "closed" ? event.cause.kind : `${by}, then ${event.type}`;
  }
  return by;
}
