// Bounds of what a connection holds, to the byte: what comes while something is decided, and what
// Topic Aliases take.

import { assertEquals } from "@std/assert";
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
