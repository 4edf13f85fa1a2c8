// Whatever carries bytes both ways is a transport: streams, connections of Deno's, transports.

import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { memoryTransports } from "../../src/io/memory.ts";
import { connectionTransport } from "../../src/io/tcp.ts";
import { isByteChannel, transportOf } from "../../src/io/stream.ts";

/** Streams, of which the test has the other ends. */
function streams() {
  const incoming = new TransformStream<unknown, Uint8Array>();
  const outgoing = new TransformStream<Uint8Array, Uint8Array>();
  const near = { readable: incoming.readable, writable: outgoing.writable };
  return {
    near,
    transport: transportOf(near),
    far: incoming.writable.getWriter(),
    heard: outgoing.readable.getReader(),
  };
}

Deno.test("A transport over streams reads what comes, without empty chunks, until the end [MQTT-4.2.0-1]", async () => {
  const { transport, far } = streams();
  const sent = Promise.all([[1, 2], [], [3]].map((bytes) => far.write(Uint8Array.from(bytes))));
  assertEquals(await transport.read(), Uint8Array.of(1, 2));
  assertEquals(await transport.read(), Uint8Array.of(3));
  await sent;
  const closed = far.close();
  assertStrictEquals(await transport.read(), undefined);
  await closed;
  assertStrictEquals(await transport.read(), undefined);
});

Deno.test("A transport over streams throws what breaks them", async () => {
  const { transport, far, heard } = streams();
  const broken = new Error("no carrier");
  void far.abort(broken);
  assertStrictEquals(await assertRejects(() => transport.read()), broken);
  await heard.cancel(broken);
  await assertRejects(() => transport.write(Uint8Array.of(1)), Error, "no carrier");
  transport.close();
});

Deno.test("A transport over streams takes nothing but bytes", async () => {
  const { transport, far } = streams();
  const sent = far.write("text").catch(() => {});
  await assertRejects(() => transport.read(), TypeError, "must carry Uint8Array, got string");
  transport.close();
  await sent;
});

Deno.test("What is written to a stream is the stream's own, and a write waits for room", async () => {
  const { transport, heard } = streams();
  const bytes = Uint8Array.of(1, 2);
  const first = transport.write(bytes);
  bytes.fill(9);
  let isWritten = false;
  const second = transport.write(bytes).then(() => isWritten = true);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertStrictEquals(isWritten, false);
  assertEquals((await heard.read()).value, Uint8Array.of(1, 2));
  await first;
  assertEquals((await heard.read()).value, Uint8Array.of(9, 9));
  await second;
  const closed = transport.closeWrite();
  assertEquals(await heard.read(), { value: undefined, done: true });
  await closed;
});

Deno.test("A transport over streams that is closed lets go of both, and settles what waits", async () => {
  const { transport, far, heard } = streams();
  const read = transport.read();
  // Nobody hears it: the platform would never settle it.
  const write = transport.write(Uint8Array.of(1));
  const end = transport.closeWrite();
  const closed = Promise.allSettled([far.closed, heard.closed]);
  transport.close();
  transport.close();
  assertStrictEquals(await read, undefined);
  for (const settled of [write, end]) await assertRejects(() => settled, Error, "has been closed");
  for (const late of [transport.write(Uint8Array.of(1)), transport.closeWrite()]) {
    await assertRejects(() => late, Error, "has been closed");
  }
  assertEquals((await closed).map(({ status }) => status), ["rejected", "rejected"]);
});

Deno.test("Many small chunks that are there at once leave others a turn", async () => {
  const readable = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1024)),
  });
  const transport = transportOf({ readable, writable: new WritableStream() });
  let isTurn = false;
  setTimeout(() => isTurn = true, 0);
  let reads = 0;
  while (!isTurn) {
    await transport.read();
    if (++reads === 100_000) throw new Error("nobody else had a turn");
  }
  transport.close();
});

Deno.test("Streams that are in use already are refused", () => {
  const { near } = streams();
  assertThrows(() => transportOf(near), TypeError, "locked");
});

Deno.test("A transport is taken as it is, and a connection of Deno's by its own methods", async () => {
  const [transport] = memoryTransports();
  assertStrictEquals(transportOf(transport), transport);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using far = await listener.accept();
  listener.close();
  let isWithoutDelay = false;
  connection.setNoDelay = () => isWithoutDelay = true;
  const near = transportOf(connection, connectionTransport);
  assertStrictEquals(isWithoutDelay, true);
  await near.write(Uint8Array.of(1));
  assertStrictEquals(await far.read(new Uint8Array(2)), 1);
  // Its streams have not been touched.
  assertStrictEquals(connection.readable.locked, false);
  near.close();
  transport.close();
});

Deno.test("What carries no bytes is no transport", () => {
  for (const value of [undefined, null, "mqtt://a", {}, { read() {} }, { readable: 1 }]) {
    assertStrictEquals(isByteChannel(value), false);
    assertThrows(() => transportOf(value as never), TypeError, "{ readable, writable }");
  }
});
