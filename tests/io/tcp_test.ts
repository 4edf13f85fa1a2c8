// The TCP transport, against a listener in the same process.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { concat } from "jsr:@std/bytes@^1/concat";
import { Slabs } from "../../src/io/slabs.ts";
import { connectTcp, TcpTransport } from "../../src/io/tcp.ts";

const never = new AbortController().signal;

Deno.test("a TCP transport sends all bytes and reads what comes until the other end closes [MQTT-4.2.0-1]", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const echo = (async () => {
    using connection = await listener.accept();
    await connection.readable.pipeTo(connection.writable);
  })().catch(() => {});
  const transport = await connectTcp({
    hostname: "127.0.0.1",
    port: listener.addr.port,
    signal: never,
  });
  const sent = new Uint8Array(1_000_000).map((_, index) => index % 251);
  const writing = transport.write(sent);
  const chunks: Uint8Array[] = [];
  for (let length = 0; length < sent.length; length += chunks.at(-1)!.length) {
    chunks.push((await transport.read())!);
  }
  await writing;
  transport.close();
  transport.close();
  await echo;
  listener.close();
  // A chunk stays as it is, whatever is read after it.
  assertEquals(concat(chunks), sent);
});

Deno.test("a TCP transport tells the end of the stream", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept().then((connection) => connection.close());
  const transport = await connectTcp({
    hostname: "127.0.0.1",
    port: listener.addr.port,
    signal: never,
  });
  assertEquals(await transport.read(), undefined);
  transport.close();
  await accepted;
  listener.close();
});

Deno.test("a TCP transport that is closed ends a waiting read, and the other end's too", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const transport = await connectTcp({
    hostname: "127.0.0.1",
    port: listener.addr.port,
    signal: never,
  });
  const connection = await accepted;
  const reading = transport.read();
  transport.close();
  await assertRejects(() => reading);
  assertEquals(await connection.read(new Uint8Array(1)), null);
  connection.close();
  listener.close();
});

Deno.test("a TCP transport that writes no more still reads", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const transport = await connectTcp({
    hostname: "127.0.0.1",
    port: listener.addr.port,
    signal: never,
  });
  const connection = await accepted;
  await transport.closeWrite();
  assertEquals(await connection.read(new Uint8Array(1)), null);
  await connection.write(Uint8Array.of(1, 2));
  assertEquals(await transport.read(), Uint8Array.of(1, 2));
  transport.close();
  connection.close();
  listener.close();
});

Deno.test("a TCP connection is not even tried when the signal has aborted", async () => {
  const reason = new Error("too late");
  const signal = AbortSignal.abort(reason);
  const attempt = connectTcp({ hostname: "127.0.0.1", port: 1, signal });
  assertStrictEquals(await assertRejects(() => attempt), reason);
});

Deno.test("small writes over TCP leave others a turn, but not the first, nor one that answers a little", async () => {
  let incoming = 0;
  // As fast as a system can be that takes all at once.
  const connection = {
    read: (buffer: Uint8Array) => Promise.resolve(Math.min(incoming, buffer.length)),
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
  } as unknown as Deno.Conn;
  const transport = new TcpTransport(connection);
  const leavesTurn = async (size: number) => {
    let hadTurn = false;
    setImmediate(() => hadTurn = true);
    await transport.write(new Uint8Array(size));
    return hadTurn;
  };
  incoming = 100;
  assertEquals([await leavesTurn(4), await leavesTurn(508)], [false, false]);
  assertEquals(await leavesTurn(4), true);
  await transport.read();
  assertEquals([await leavesTurn(4), await leavesTurn(4)], [false, true]);
  await transport.read();
  assertEquals([await leavesTurn(65_536), await leavesTurn(4)], [false, false]);
  incoming = 10_000;
  // The first reads are small, whatever there is.
  for (let read = 0; read < 10; read++) await transport.read();
  assertEquals([await leavesTurn(4), await leavesTurn(65_536)], [true, false]);
});

Deno.test("bytes that a TCP transport was told are not kept any more are overwritten, others are not", async () => {
  let next = 0;
  const connection = {
    read: (buffer: Uint8Array) => {
      buffer.fill(++next, 0, 20);
      return Promise.resolve(20);
    },
  } as unknown as Deno.Conn;
  const transport = new TcpTransport(connection);
  const read = async () => (await transport.read())!;
  const kept = await read();
  const released = await read();
  transport.release();
  assertEquals([kept[0], (await read())[0], released[0]], [1, 3, 3]);
  // However much is read.
  const { buffer } = await read();
  for (let count = 0; count < 1000; count++) {
    transport.release();
    assertStrictEquals((await read()).buffer, buffer);
  }
  assertStrictEquals(kept[0], 1);
});

Deno.test("a TCP transport reads in larger parts when more comes, also when nothing of it is kept", async () => {
  const connection = {
    read: (buffer: Uint8Array) => Promise.resolve(buffer.length),
  } as unknown as Deno.Conn;
  const transport = new TcpTransport(connection);
  let largest = 0;
  const buffers = new Set<ArrayBufferLike>();
  for (let count = 0; count < 100; count++) {
    const chunk = (await transport.read())!;
    largest = Math.max(largest, chunk.length);
    buffers.add(chunk.buffer);
    transport.release();
  }
  assertStrictEquals(largest, 131_072);
  assert(buffers.size < 10);
});

Deno.test("what a closed TCP transport has read into is for the next one, unless something of it is kept", async () => {
  const connection = {
    read: (buffer: Uint8Array) => Promise.resolve(buffer.length - 1),
    close: () => {},
  } as unknown as Deno.Conn;
  const slabs = new Slabs();
  const grow = async () => {
    const transport = new TcpTransport({
      read: (buffer: Uint8Array) => Promise.resolve(buffer.length),
      close: () => {},
    } as unknown as Deno.Conn, slabs);
    // 256, 1024, 4096, 16,384 bytes: large enough to be worth it from 4096 on.
    for (let count = 0; count < 4; count++) {
      await transport.read();
      transport.release();
    }
    return transport;
  };
  (await grow()).close();
  assertStrictEquals(slabs.bytes, 4096 + 16_384);
  // Another one has them, and gives them back.
  const second = await grow();
  assertStrictEquals(slabs.bytes, 4096 + 16_384);
  second.close();
  const keeper = new TcpTransport(connection, slabs);
  const chunks = [await keeper.read(), await keeper.read()];
  keeper.close();
  assertStrictEquals(chunks[0]?.length, 255);
  assertStrictEquals(slabs.bytes, 4096 + 16_384);
});

Deno.test("no more than 4 MB lie ready for TCP transports, and none that is small", () => {
  const slabs = new Slabs();
  slabs.give(new Uint8Array(1024));
  assertStrictEquals(slabs.bytes, 0);
  for (let count = 0; count < 100; count++) slabs.give(new Uint8Array(65_536));
  assertStrictEquals(slabs.bytes, 4_194_304);
  assertStrictEquals(slabs.take(65_536).length, 65_536);
  assertStrictEquals(slabs.bytes, 4_194_304 - 65_536);
});
