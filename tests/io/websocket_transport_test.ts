// An open WebSocket at either end: what is written, when it waits, and how it ends.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { memoryTransports } from "../../src/io/memory.ts";
import type { WebSocketRole } from "../../src/io/websocket_protocol.ts";
import { WebSocketServerTransport } from "../../src/io/websocket_server.ts";
import { WebSocketClosedError } from "../../src/io/websocket_transport.ts";
import { request } from "../broker_net/websocket_peer.ts";
import { bytesOf, closeFrame, framesFrom, opened } from "./websocket_raw.ts";

for (const role of ["server", "client"] as const) {
  const isMasked = role === "server";
  const open = () => opened(role);

  Deno.test(`A WebSocket ${role} writes one frame, in one piece, for each write`, async () => {
    const { socket, peer } = await open();
    const lengths = [1, 64, 125, 126, 127, 255, 256, 65_535, 65_536, 131_056, 131_057, 300_001, 3];
    const written = lengths.map((length) => new Uint8Array(length).map((_, index) => index * 7));
    for (const data of written) {
      const [chunk] = await Promise.all([peer.read(), socket.write(data)]);
      const head = data.length < 126 ? 2 : data.length < 65_536 ? 4 : 10;
      assertStrictEquals(chunk!.length, head + (isMasked ? 0 : 4) + data.length);
      const given = [chunk, undefined];
      const frames = await framesFrom(
        { ...peer, read: () => Promise.resolve(given.shift()) },
        role,
      );
      assertEquals(frames.map(({ opcode }) => opcode), [2]);
      assert(frames[0]!.data.every((byte, index) => byte === data[index]), `${data.length} bytes`);
    }
    socket.close();
  });

  Deno.test(`A WebSocket ${role} waits with its writes while nobody reads`, async () => {
    const { socket, peer } = await open();
    let isWritten = false;
    const writing = socket.write(new Uint8Array(1_000_000)).then(() => isWritten = true);
    await new Promise((resolve) => setTimeout(resolve, 10));
    assertStrictEquals(isWritten, false);
    await Promise.all([peer.read(), writing]);
    socket.close();
  });

  Deno.test(`A WebSocket ${role} reads nothing that nobody asks for`, async () => {
    const { socket, peer } = await open();
    const frame = bytesOf({ data: new Uint8Array(10_000) }, isMasked);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 100; sent++) await peer.write(frame);
    })();
    // The server has begun to read, as it opens by that.
    const read = await socket.read();
    await new Promise((resolve) => setTimeout(resolve, 10));
    assertStrictEquals(read!.length, 10_000);
    assert(sent < 40, `${sent} frames were taken`);
    for (let left = 990_000; left > 0;) left -= (await socket.read())!.length;
    await sending;
    socket.close();
  });

  Deno.test(`A WebSocket ${role} answers the last ping that comes while it writes`, async () => {
    const { socket, peer } = await open();
    const writing = socket.write(new Uint8Array(300_000));
    for (let count = 0; count <= 1000; count++) {
      await peer.write(bytesOf({ opcode: 9, data: `${count}` }, isMasked));
    }
    await peer.write(bytesOf({ data: "a" }, isMasked));
    assertStrictEquals((await socket.read())!.length, 1);
    const frames = framesFrom(peer, role);
    await writing;
    await socket.closeWrite();
    socket.close();
    const pongs = (await frames).filter(({ opcode }) => opcode === 10);
    assertEquals(pongs.map(({ data }) => new TextDecoder().decode(data)), ["1000"]);
  });

  Deno.test(`A WebSocket ${role} says once that it closes, and nothing behind that`, async () => {
    const { socket, peer } = await open();
    const frames = framesFrom(peer, role);
    const writing = socket.write(Uint8Array.of(1));
    await socket.closeWrite();
    await writing;
    await assertRejects(() => socket.write(Uint8Array.of(2)), Error, "closed");
    await socket.closeWrite();
    // What the other end sent before it knew is still read.
    await peer.write(bytesOf({ data: "a" }, isMasked));
    await peer.write(bytesOf({ opcode: 9 }, isMasked));
    assertStrictEquals((await socket.read())!.length, 1);
    await peer.write(bytesOf(closeFrame(1000), isMasked));
    await peer.closeWrite();
    assertStrictEquals(await socket.read(), undefined);
    assertEquals((await frames).map(({ opcode, data }) => [opcode, ...data]), [
      [2, 1],
      [8, 3, 0xe8],
    ]);
    socket.close();
  });

  Deno.test(`A WebSocket ${role} tells why the other end has closed`, async () => {
    const { socket, peer } = await open();
    await peer.write(bytesOf(closeFrame(1008, "token expired"), isMasked));
    await peer.closeWrite();
    const { code, reason, isByPeer, message } = await assertRejects(
      () => socket.read(),
      WebSocketClosedError,
    );
    assertEquals([code, reason, isByPeer], [1008, "token expired", true]);
    assert(message.includes("1008: token expired"));
    assertStrictEquals(await socket.read(), undefined);
    socket.close();
  });

  Deno.test(`A WebSocket ${role} reads the end when the other end is gone`, async () => {
    for (const cut of [0, 1, 3, 8, 10]) {
      const { socket, peer } = await open();
      const bytes = bytesOf({ data: "hello" }, isMasked).subarray(0, cut);
      if (bytes.length > 0) await peer.write(bytes);
      peer.close();
      while (await socket.read() !== undefined);
      socket.close();
    }
  });

  Deno.test(`A WebSocket ${role} does not wait long for the other to close`, async () => {
    const since = performance.now();
    await Promise.all([
      endsFor(role, bytesOf({ opcode: 1 }, isMasked)),
      endsFor(role, bytesOf(closeFrame(4000), isMasked)),
      endsFor(role, bytesOf(closeFrame(1000), isMasked)),
      endsFor(role, undefined),
    ]);
    const time = performance.now() - since;
    assert(time > 900 && time < 5000, `${time} ms`);
  });
}

Deno.test("A WebSocket client masks each frame anew", async () => {
  const { socket, peer } = await opened("client");
  const masks = new Set<string>();
  for (let count = 0; count < 200; count++) {
    const [chunk] = await Promise.all([peer.read(), socket.write(Uint8Array.of(0))]);
    masks.add(chunk!.subarray(2, 6).join());
  }
  assert(masks.size > 190, `${masks.size} masks`);
  socket.close();
});

/** Waits for the end where the other one sends bytes, or is told to close, and does no more. */
async function endsFor(role: WebSocketRole, bytes: Uint8Array | undefined): Promise<void> {
  const { socket, peer } = await opened(role);
  if (bytes === undefined) await socket.closeWrite();
  else await peer.write(bytes);
  await socket.read().catch((error) => {
    if (!(error instanceof WebSocketClosedError)) throw error;
  });
  await assertRejects(() => socket.write(Uint8Array.of(1)));
}

Deno.test("A WebSocket releases what it has read into once all frames in it have been read", async () => {
  const [near, peer] = memoryTransports();
  let released = 0;
  near.release = () => void released++;
  const socket = new WebSocketServerTransport(near);
  // Before it is open there is nothing to release.
  socket.release();
  await peer.write(new TextEncoder().encode(request()));
  const [first, second] = ["a", "b"].map((data) => bytesOf({ data }, true));
  await peer.write(new Uint8Array([...first!, ...bytesOf({ opcode: 9 }, true), ...second!]));
  assertEquals(await socket.read(), Uint8Array.of(0x61));
  socket.release();
  assertStrictEquals(released, 0);
  assertEquals(await socket.read(), Uint8Array.of(0x62));
  socket.release();
  assertStrictEquals(released, 1);
  socket.close();
  peer.close();
});
