// The transport over a socket of Node's kind, against such a socket in the same process.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { concat } from "jsr:@std/bytes@^1/concat";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { NodeSocketTransport } from "../../src/io/node_socket.ts";

/** Two ends of one connection. */
interface Pair extends AsyncDisposable {
  readonly transport: NodeSocketTransport;
  /** The socket that it is over. */
  readonly socket: Socket;
  readonly peer: Socket;
}

async function pair(): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const { port } = server.address() as AddressInfo;
  const socket = createConnection({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  const peer = await accepted;
  peer.on("error", () => {});
  return {
    transport: new NodeSocketTransport(socket),
    socket,
    peer,
    async [Symbol.asyncDispose]() {
      const both = [socket, peer].filter((end) => !end.closed);
      const closed = both.map((end) => new Promise((resolve) => end.once("close", resolve)));
      for (const end of both) end.destroy();
      await Promise.all(closed);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Resolves when something has happened to a socket. */
function next(socket: Socket, event: string): Promise<unknown> {
  return new Promise((resolve) => socket.once(event, resolve));
}

/** How many bytes of it are somewhere below: in the system, or read by nobody. */
const LARGE = 64 * 1_048_576;
const CHUNK = 65_536;

Deno.test("a socket transport sends 64 MB and reads as many at the same time, in order", async () => {
  await using ends = await pair();
  const other = new NodeSocketTransport(ends.peer);
  const send = async (transport: NodeSocketTransport) => {
    const bytes = new Uint8Array(CHUNK);
    for (let sent = 0; sent < LARGE; sent += CHUNK) {
      // What has been written may be overwritten.
      bytes.fill(sent / CHUNK % 251);
      await transport.write(bytes);
    }
    await transport.closeWrite();
  };
  const take = async (transport: NodeSocketTransport) => {
    let at = 0;
    for (let chunk; (chunk = await transport.read()) !== undefined; at += chunk.length) {
      for (let index = 0; index < chunk.length; index += 997) {
        const expected = Math.floor((at + index) / CHUNK) % 251;
        if (chunk[index] !== expected) throw new Error(`byte ${at + index} is ${chunk[index]}`);
      }
    }
    return at;
  };
  const [there, back] = await Promise.all([
    take(ends.transport),
    take(other),
    send(ends.transport),
    send(other),
  ]);
  assertEquals([there, back], [LARGE, LARGE]);
});

Deno.test("a chunk that a socket transport has read stays as it is, and slice() copies it", async () => {
  await using ends = await pair();
  const sent = new Uint8Array(300_000).map((_, index) => index % 251);
  ends.peer.end(sent);
  const chunks: Uint8Array[] = [];
  for (let chunk; (chunk = await ends.transport.read()) !== undefined;) {
    assertStrictEquals(chunk.constructor, Uint8Array);
    chunks.push(chunk);
  }
  assertEquals(concat(chunks), sent);
});

Deno.test("a socket transport that nobody reads from reads no further ahead than its high-water mark", async () => {
  await using ends = await pair();
  ends.peer.write(Uint8Array.of(1));
  await ends.transport.read();
  let written = 0;
  const isFull = () => ends.peer.writableLength > 4 * CHUNK;
  while (!isFull()) {
    const done = new Promise<void>((resolve) =>
      ends.peer.write(new Uint8Array(CHUNK), () => resolve())
    );
    written += CHUNK;
    // The system takes some megabytes, and then no more.
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 20))]);
    if (written > LARGE) throw new Error("The socket takes everything");
  }
  assertEquals(ends.socket.readableLength <= ends.socket.readableHighWaterMark + CHUNK, true);
});

Deno.test("a write of a socket transport waits until the system has taken the bytes", async () => {
  await using ends = await pair();
  let isWritten = false;
  const writing = ends.transport.write(new Uint8Array(LARGE)).then(() => isWritten = true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(isWritten, false);
  ends.peer.resume();
  await writing;
});

Deno.test("a socket transport that writes no more still reads", async () => {
  await using ends = await pair();
  await ends.transport.closeWrite();
  ends.peer.resume();
  await next(ends.peer, "end");
  ends.peer.end(Uint8Array.of(1, 2));
  assertEquals(await ends.transport.read(), Uint8Array.of(1, 2));
  assertEquals(await ends.transport.read(), undefined);
  assertEquals(await ends.transport.read(), undefined);
});

Deno.test("a socket transport still writes when the other end writes no more", async () => {
  await using ends = await pair();
  ends.peer.end();
  assertEquals(await ends.transport.read(), undefined);
  await ends.transport.write(Uint8Array.of(1, 2));
  await ends.transport.closeWrite();
  const chunks: Uint8Array[] = [];
  for await (const chunk of ends.peer) chunks.push(chunk);
  assertEquals([...concat(chunks)], [1, 2]);
});

Deno.test("a socket transport that is closed ends what waits, and all that is asked later", async () => {
  await using ends = await pair();
  const { transport } = ends;
  const reading = transport.read();
  const writing = transport.write(new Uint8Array(LARGE));
  const closing = transport.closeWrite();
  transport.close();
  transport.close();
  for (const promise of [reading, writing, closing]) await assertRejects(() => promise);
  await assertRejects(() => transport.read(), Error, "closed");
  await assertRejects(() => transport.write(Uint8Array.of(1)), Error);
  await assertRejects(() => transport.closeWrite(), Error);
});

Deno.test("a socket transport tells why the connection broke, to the read that waits and to those after it", async () => {
  await using ends = await pair();
  const reading = ends.transport.read();
  ends.peer.resetAndDestroy();
  const error = await assertRejects(() => reading, Error);
  assertEquals((error as Error & { code?: string }).code, "ECONNRESET");
  assertStrictEquals(await assertRejects(() => ends.transport.read()), error);
  assertStrictEquals(await assertRejects(() => ends.transport.write(Uint8Array.of(1))), error);
});

Deno.test("a socket transport that broke while nobody read keeps the reason for the next read", async () => {
  await using ends = await pair();
  ends.peer.write(Uint8Array.of(1));
  await ends.transport.read();
  ends.peer.resetAndDestroy();
  await next(ends.socket, "close");
  const error = await assertRejects(() => ends.transport.read(), Error);
  assertEquals((error as Error & { code?: string }).code, "ECONNRESET");
});

Deno.test("what a socket transport has not read is left for another one over the same socket", async () => {
  await using ends = await pair();
  ends.peer.write(Uint8Array.of(1));
  await ends.transport.read();
  ends.peer.write(Uint8Array.of(2, 3));
  await next(ends.socket, "readable");
  const heir = new NodeSocketTransport(ends.socket);
  assertEquals(await heir.read(), Uint8Array.of(2, 3));
  ends.peer.end(Uint8Array.of(4));
  assertEquals(await heir.read(), Uint8Array.of(4));
  assertEquals(await heir.read(), undefined);
});
