// How a drive comes to its end: its last words, a close from either side, a network that breaks. Nothing is left behind.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Drive } from "../../src/io/drive.ts";
import type { Transport } from "../../src/io/transport.ts";
import { ServerConnection } from "../../src/session/server_connection.ts";
import { Driven, rethrow, typesOf } from "./driven.ts";
import { MemoryTransport } from "./memory_transport.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

const PUBLISH_QOS1 = "32 06 0001 61 0001 00";

Deno.test("A drive says its last words, closes its side, and waits for the other to close [MQTT-3.14.4-2]", async () => {
  for (let turns = 0; turns < 8; turns++) {
    const setup = await Driven.connected();
    setup.onEvent = async (event) => {
      if (event.type !== "message") return;
      for (let turn = 0; turn < turns; turn++) await undefined;
      setup.connection.disconnect({ type: "disconnect" });
      setup.drive.wake();
    };
    await setup.send(PUBLISH_QOS1);
    assertEquals(typesOf(setup.packets()), ["disconnect"]);
    assert(setup.near.hasClosedWrite && !setup.near.isClosed);
    // The other end still says something, which nobody hears.
    await setup.send(PUBLISH_QOS1);
    assert(!setup.near.isClosed);
    setup.far.close();
    await setup.assertFinished();
    assertEquals(typesOf(setup.events), ["message", "closed"]);
    assertStrictEquals(setup.drive.error, undefined);
  }
});

Deno.test("A drive closes after a second when the other end does not", async () => {
  const setup = await Driven.connected();
  await setup.send("36 00");
  assertEquals(typesOf(setup.packets()), ["disconnect"]);
  await setup.clock.advance(999);
  assert(!setup.near.isClosed);
  await setup.clock.advance(1);
  await setup.assertFinished();
});

Deno.test("A drive that is woken again and again after its end closes all the same, after a second", async () => {
  const setup = await Driven.connected();
  await setup.send("36 00");
  for (let count = 0; count < 10; count++) {
    setup.drive.wake();
    await setup.clock.advance(100);
  }
  await setup.assertFinished();
});

Deno.test("A drive closes after a second when its last words are not taken", async () => {
  const setup = await Driven.connected();
  setup.near.stall();
  setup.publish("a");
  setup.connection.disconnect({ type: "disconnect" });
  setup.drive.wake();
  await setup.clock.advance(999);
  assert(!setup.near.isClosed);
  await setup.clock.advance(1);
  await setup.assertFinished();
});

Deno.test("A drive does not close its side before its last words are taken", async () => {
  const setup = await Driven.connected();
  setup.near.stall();
  setup.publish("a");
  setup.connection.disconnect({ type: "disconnect" });
  setup.drive.wake();
  await setup.clock.advance(900);
  assert(!setup.near.hasClosedWrite && !setup.near.isClosed);
  setup.near.resume();
  await setup.clock.advance(0);
  assertEquals(typesOf(setup.packets()), ["publish", "disconnect"]);
  assert(setup.near.hasClosedWrite && !setup.near.isClosed);
  setup.far.close();
  await setup.assertFinished();
});

Deno.test("A drive ends with the connection that the network breaks, and tells what it said", async () => {
  const setup = await Driven.connected();
  const error = new Error("reset");
  setup.far.cut(error);
  await setup.assertFinished();
  assertStrictEquals(setup.drive.error, error);
  assertEquals(setup.events, [{ type: "closed", cause: { kind: "network" } }]);
});

Deno.test("A drive ends when a write fails, though nothing is wrong with reading", async () => {
  const setup = await Driven.connected();
  const error = new Error("broken pipe");
  setup.near.write = () => Promise.reject(error);
  setup.publish("a");
  await setup.assertFinished();
  assertStrictEquals(setup.drive.error, error);
  assertEquals(typesOf(setup.events), ["settled", "closed"]);
});

Deno.test("A drive ends when the other end closes, which is no error", async () => {
  const setup = await Driven.connected();
  setup.far.close();
  await setup.assertFinished();
  assertStrictEquals(setup.drive.error, undefined);
});

Deno.test("A drive does nothing more when it is woken after its end", async () => {
  const setup = await Driven.connected();
  setup.far.close();
  await setup.assertFinished();
  const { writes } = setup.near;
  setup.drive.wake();
  await setup.drive.written();
  await setup.clock.advance(100_000);
  assertStrictEquals(setup.near.writes, writes);
  assertStrictEquals(setup.clock.timers, 0);
});

Deno.test("A drive throws away in small parts, with rests, what comes after its end", async () => {
  const setup = await Driven.connected();
  await setup.send("36 00");
  for (let count = 0; count < 6; count++) await setup.send("00".repeat(40_000));
  // Two of them are more than a part; nothing more is read before the rest is over.
  assertStrictEquals(setup.near.unread, 4);
  await setup.clock.advance(19);
  assertStrictEquals(setup.near.unread, 4);
  await setup.clock.advance(1);
  assertStrictEquals(setup.near.unread, 2);
  await setup.clock.advance(40);
  assertStrictEquals(setup.near.unread, 0);
  setup.far.close();
  await setup.assertFinished();
});

Deno.test("A drive releases bytes that nobody keeps, and all that come after the end", async () => {
  const clock = new VirtualClock();
  const [near, far] = MemoryTransport.pair();
  const did: string[] = [];
  const transport: Transport = {
    read: async () => {
      const chunk = await near.read();
      if (chunk !== undefined) did.push(`read ${chunk.length}`);
      return chunk;
    },
    release: () => void did.push("release"),
    write: (bytes) => near.write(bytes),
    closeWrite: () => near.closeWrite(),
    close: () => near.close(),
  };
  let isKept = true;
  const connection = new ServerConnection(clock.now());
  const beforeRead = () => {
    if (!isKept) transport.release?.();
    return undefined;
  };
  const drive = new Drive(transport, connection, clock, () => {}, rethrow, beforeRead);
  const send = async (bytes: Uint8Array) => {
    await far.write(bytes);
    await settle();
    return did.splice(0);
  };
  assertEquals(await send(Uint8Array.of(0x10)), ["read 1"]);
  isKept = false;
  assertEquals(await send(Uint8Array.of(0x0d, 0x00)), ["read 2", "release"]);
  isKept = true;
  // It is no CONNECT.
  assertEquals(await send(new Uint8Array(12)), ["read 12"]);
  assert(connection.isClosed);
  assertEquals(await send(new Uint8Array(7)), ["read 7", "release"]);
  far.close();
  await drive.finished;
});
