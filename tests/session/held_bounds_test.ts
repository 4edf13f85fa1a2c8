// Bounds of what a connection holds, to the byte: what comes while something is decided, and what
// Topic Aliases take.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { encodePacket } from "../../mod.ts";
import { ServerConnection } from "../../src/session/server_connection.ts";
import { Session } from "../../src/session/session.ts";
import { IncomingAliases, OutgoingAliases } from "../../src/session/topic_alias.ts";
import { openServer } from "./roles.ts";

Deno.test("While a server decides, it reads on until 16,384 bytes are held, and no further", () => {
  const { connection } = openServer();
  const wants: boolean[] = [];
  connection.pause();
  // The beginning of a PUBLISH that is larger than all that comes.
  connection.receive(Uint8Array.of(0x30, 0x80, 0x80, 0x04), 0);
  for (const bytes of [16_384 - 4 - 1, 1]) {
    connection.receive(new Uint8Array(bytes), 0);
    wants.push(connection.wantsBytes);
  }
  assertEquals(wants, [true, false]);
});

Deno.test("After each step of authentication a client may send as many bytes again before it has an answer", () => {
  const connection = new ServerConnection(0, { connectBytes: 64 });
  const properties = { authenticationMethod: "m" };
  connection.receive(encodePacket({ type: "connect", clientId: "c", properties }), 0);
  for (let step = 0; step < 4; step++) {
    connection.authenticate(0x18);
    connection.receive(encodePacket({ type: "auth", reasonCode: 0x18, properties }), 0);
  }
  const pings = new Uint8Array(64).map((_, at) => at % 2 === 0 ? 0xc0 : 0x00);
  const isClosed: boolean[] = [];
  for (const bytes of [pings, pings.subarray(0, 1)]) {
    connection.receive(bytes, 0);
    isClosed.push(connection.isClosed);
  }
  assertEquals(isClosed, [false, true]);
});

Deno.test("Topic Aliases count 0 bytes before there are any", () => {
  assertEquals(new IncomingAliases(5).bytes, 0);
  assertEquals(new OutgoingAliases("automatic", 5).bytes, 0);
});

Deno.test("Automatic Topic Aliases count the topics that may get one, of which there are as many", () => {
  const aliases = new OutgoingAliases("automatic", 2);
  const send = (topic: string) => {
    const alias = aliases.apply({ type: "publish", topic }).properties?.topicAlias;
    if (alias !== undefined) aliases.sent(topic, alias);
  };
  for (const [index, topic] of ["aa", "bb", "cc", "dd", "ee", "ff"].entries()) {
    send(topic);
    assertEquals(aliases.bytes, Math.min(index + 1, 4) * (64 + 2));
  }
  // One that gets an alias takes the place of another.
  for (const topic of ["ff", "ff", "ff", "ff"]) send(topic);
  assertEquals(aliases.bytes, 3 * (64 + 2));
});

Deno.test("A server takes packets until a megabyte of answers waits for a client that does not read, to the byte", () => {
  const isClosedAfter = (pubrels: number, pingreqs: number) => {
    const connection = new ServerConnection(0);
    connection.receive(encodePacket({ type: "connect", clientId: "c" }), 0);
    connection.accept(new Session("c"), { type: "connack" });
    while (connection.takeBytes() !== undefined);
    // The answers have five bytes, as no message is to be released, and two.
    connection.receive(new Uint8Array(4 * pubrels).map((_, at) => [0x62, 2, 0, 9][at & 3]!), 0);
    connection.receive(new Uint8Array(2 * pingreqs).map((_, at) => [0xc0, 0][at & 1]!), 0);
    for (let event = connection.nextEvent(); event; event = connection.nextEvent()) {
      if (event.type === "more") connection.proceed(0);
    }
    return connection.isClosed;
  };
  assertStrictEquals(isClosedAfter(209_714, 3), false);
  assertStrictEquals(isClosedAfter(209_715, 1), true);
});
