// A connection that looks at so many packets in one call, so that others get their turn.

import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import { encodePacket } from "../../src/packets/mod.ts";
import { ServerConnection } from "../../src/session/server_connection.ts";
import { Session } from "../../src/session/session.ts";

/** A connection that is open, and takes so many packets in one call. */
function open(packetsPerCall?: number): ServerConnection {
  const connection = new ServerConnection(0, { packetsPerCall });
  connection.receive(encodePacket({ type: "connect", clientId: "c" }), 0);
  eventsOf(connection);
  connection.accept(new Session("c"), { type: "connack" });
  return connection;
}

/** What has happened, by type. */
function eventsOf(connection: ServerConnection): string[] {
  const types: string[] = [];
  for (let event = connection.nextEvent(); event; event = connection.nextEvent()) {
    types.push(event.type);
  }
  return types;
}

/** Some messages in one chunk. */
function messages(count: number): Uint8Array {
  const one = encodePacket({ type: "publish", topic: "a" });
  return Uint8Array.from(Array.from({ length: count }, () => [...one]).flat());
}

Deno.test("A connection looks at so many packets in one call, and asks for the next one", () => {
  const connection = open(3);
  connection.receive(messages(7), 0);
  assertEquals(eventsOf(connection), ["message", "message", "message", "more"]);
  assertFalse(connection.wantsBytes);
  // What comes meanwhile is kept behind them.
  connection.receive(messages(1), 0);
  assertEquals(eventsOf(connection), []);
  connection.proceed(0);
  assertEquals(eventsOf(connection), ["message", "message", "message", "more"]);
  connection.proceed(0);
  assertEquals(eventsOf(connection), ["message", "message"]);
  assert(connection.wantsBytes);
});

Deno.test("A connection that was told nothing looks at all packets in one call", () => {
  const connection = open();
  connection.receive(messages(1000), 0);
  assertStrictEquals(eventsOf(connection).length, 1000);
});

Deno.test("A connection that waits for the broker proceeds when it goes on, and one that is over does not", () => {
  const connection = open(3);
  connection.receive(messages(7), 0);
  connection.pause();
  connection.proceed(0);
  assertEquals(eventsOf(connection), ["message", "message", "message", "more"]);
  connection.goOn(0);
  assertEquals(eventsOf(connection), ["message", "message", "message", "more"]);
  connection.receiveEnd(0);
  connection.proceed(0);
  assertEquals(eventsOf(connection), ["closed"]);
});

Deno.test("A connection that waits for the broker when its stream ends handles what has come, however much", () => {
  const connection = open(3);
  connection.pause();
  connection.receive(messages(7), 0);
  assertEquals(eventsOf(connection), []);
  connection.receiveEnd(0);
  const events = eventsOf(connection).filter((event) => event !== "more");
  assertEquals(events, [...Array.from({ length: 7 }, () => "message"), "closed"]);
  connection.goOn(0);
  assertEquals(eventsOf(connection), []);
});

Deno.test("While the broker decides, again and again, no more is read than a little that nobody has looked at", () => {
  const connection = open();
  const chunk = messages(4000);
  connection.pause();
  let chunks = 0;
  for (let decision = 0; decision < 100; decision++) {
    for (; connection.wantsBytes; chunks++) connection.receive(chunk, 0);
    connection.goOn(0);
    connection.pause();
    eventsOf(connection);
    if (decision === 0) assertStrictEquals(chunks, 1);
  }
  assertStrictEquals(chunks, 100);
});

Deno.test("What nobody has looked at is counted whoever goes on, so that reading stops", () => {
  const connection = open(1);
  const chunk = messages(4000);
  let chunks = 0;
  for (let decision = 0; decision < 100; decision++) {
    connection.pause();
    for (; connection.wantsBytes; chunks++) connection.receive(chunk, 0);
    connection.goOn(0);
    eventsOf(connection);
    connection.proceed(0);
  }
  assertStrictEquals(chunks, 1);
});
