// When a transport that reads gives others a turn.

import { assert, assertFalse } from "@std/assert";
import { ReadTurns } from "../../src/io/read_turns.ts";
import { SocketTurns } from "../../src/io/runtime.ts";

Deno.test("A read gives way after so many bytes, or so many reads, and not before", async () => {
  const turns = new ReadTurns();
  for (const [bytes, reads] of [[131_072, 1], [4096, 1], [100, 41], [1, 100]] as const) {
    for (let read = 0; read < reads; read++) {
      assertFalse(turns.isOver, `${read} reads of ${bytes}`);
      turns.count(bytes);
    }
    assert(turns.isOver, `${reads} reads of ${bytes}`);
    await turns.next();
    assertFalse(turns.isOver);
  }
});

Deno.test("After four turns of sockets, bytes that have come to one are read, whatever else there is to do", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const [near, far] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port }),
    listener.accept(),
  ]);
  let isRead = false;
  let isOver = false;
  /** Something that is always to be done. */
  const spin = () => void (isOver || setImmediate(spin));
  spin();
  const reading = far.read(new Uint8Array(1)).then(() => isRead = true);
  const turns = new SocketTurns();
  await near.write(new Uint8Array(1));
  for (let turn = 0; turn < 8 && !isRead; turn++) await turns.next();
  assert(isRead);
  isOver = true;
  await reading;
  for (const each of [near, far, listener]) each.close();
});
