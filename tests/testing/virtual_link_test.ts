// What a virtual network does to bytes, and how a link ends.

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Way } from "../../src/testing/virtual_link.ts";
import { bytes, Links, outcome } from "./links.ts";

const CLOSED = "Error: The connection has been closed";
const RESET = "Error: Connection reset by peer";

Deno.test("bytes take the latency of their way", async () => {
  const links = new Links({ latency: 20 });
  const { client, server, link } = await links.open();
  link.setConditions({ latency: 50 }, ["to client"]);
  const there = outcome(server.read());
  const back = outcome(client.read());
  await client.write(bytes(1, 2));
  await server.write(bytes(3));
  await links.pass(19);
  assertEquals(there.value, "pending");
  await links.pass(1);
  assertEquals([there.value, back.value], [bytes(1, 2), "pending"]);
  await links.pass(30);
  assertEquals(back.value, bytes(3));
});

Deno.test("bytes arrive in pieces down to one byte, in their order, however the latency varies", async () => {
  for (const pieces of [1, 3, [2, 5]] as const) {
    const links = new Links({ pieces, jitter: 100 });
    const { client, server } = await links.open();
    const sent = Uint8Array.from({ length: 40 }, (_, index) => index);
    await client.write(sent);
    const read: number[] = [];
    const sizes = new Set<number>();
    void (async () => {
      for (let chunk; (chunk = await server.read());) {
        sizes.add(chunk.length);
        read.push(...chunk);
      }
    })();
    await links.pass(10_000);
    assertEquals(read, [...sent]);
    assert(Math.max(...sizes) <= (typeof pieces === "number" ? pieces : pieces[1]));
  }
});

Deno.test("what has arrived before it is read comes as one", async () => {
  const links = new Links({ pieces: 1 });
  const { client, server } = await links.open();
  await client.write(bytes(1, 2));
  await client.write(bytes(3));
  await links.pass();
  assertEquals(await server.read(), bytes(1, 2, 3));
});

Deno.test("bytes go as fast as the link lets them", async () => {
  const links = new Links({ bytesPerSecond: 1000, pieces: 100 });
  const { client, link } = await links.open();
  void client.write(new Uint8Array(1000));
  await links.pass(500);
  assertEquals(link.arrived("to server"), 500);
  await links.pass(500);
  assertEquals(link.arrived("to server"), 1000);
});

Deno.test("a write waits while the buffer is full, until the other end reads", async () => {
  const links = new Links({ buffer: 10 });
  const { client, server } = await links.open();
  await client.write(new Uint8Array(10));
  const writing = outcome(client.write(new Uint8Array(15)));
  await links.pass(1000);
  assertEquals(writing.value, "pending");
  assertEquals((await server.read())?.length, 10);
  await links.pass();
  assertEquals(writing.value, "pending");
  assertEquals((await server.read())?.length, 10);
  await links.pass();
  assertEquals(writing.value, undefined);
  assertEquals((await server.read())?.length, 5);
});

Deno.test("bytes that were written may be overwritten at once", async () => {
  const links = new Links();
  const { client, server } = await links.open();
  const buffer = bytes(1, 2);
  await client.write(buffer);
  buffer.fill(9);
  await links.pass();
  assertEquals(await server.read(), bytes(1, 2));
});

Deno.test("nothing arrives on a stalled way, the other way goes on, and nothing is lost", async () => {
  const links = new Links();
  const { client, server, link } = await links.open();
  link.stall(["to server"]);
  const there = outcome(server.read());
  const back = outcome(client.read());
  await client.write(bytes(1));
  await server.write(bytes(2));
  await links.pass(1_000_000);
  assertEquals([there.value, back.value], ["pending", bytes(2)]);
  link.resume(["to server"]);
  await links.pass();
  assertEquals(there.value, bytes(1));
});

Deno.test("a way that is stalled twice resumes with the second call, and one that is not stays as it is", async () => {
  const links = new Links();
  const { client, server, link } = await links.open();
  link.resume();
  link.stall();
  link.stall();
  await client.write(bytes(1));
  link.resume();
  const there = outcome(server.read());
  await links.pass(1000);
  assertEquals(there.value, "pending");
  link.resume();
  await links.pass();
  assertEquals(there.value, bytes(1));
});

Deno.test("a link breaks after any number of bytes of either way, and both ends are told", async () => {
  for (const way of ["to server", "to client"] as Way[]) {
    for (let after = 0; after <= 6; after++) {
      const links = new Links({ pieces: 4 });
      const { client, server, link } = await links.open();
      link.cutAfter(way, after);
      const [sender, reader] = way === "to server" ? [client, server] : [server, client];
      await sender.write(bytes(1, 2, 3, 4, 5, 6)).catch(() => {});
      const other = outcome(sender.read());
      await links.pass();
      const read = after === 0 ? bytes() : await reader.read();
      assertEquals(read, bytes(1, 2, 3, 4, 5, 6).subarray(0, after));
      assertEquals(`${await reader.read().catch(String)}`, RESET);
      assertEquals(other.value, RESET);
      await assertRejects(() => sender.write(bytes(7)), Error, "Connection reset by peer");
      assertEquals(links.network.links, []);
    }
  }
});

Deno.test("an end that is closed is seen after all that was written before", async () => {
  const links = new Links({ latency: 10 });
  const { client, server } = await links.open();
  await client.write(bytes(1));
  await client.closeWrite();
  await links.pass(10);
  assertEquals(await server.read(), bytes(1));
  assertEquals(await server.read(), undefined);
  // The other way stays open.
  await server.write(bytes(2));
  await links.pass(10);
  assertEquals(await client.read(), bytes(2));
  await assertRejects(() => client.write(bytes(3)), TypeError, "A write after the end");
});

Deno.test("closing with bytes unread breaks the link for the other end", async () => {
  const links = new Links();
  const { client, server } = await links.open();
  await client.write(bytes(1));
  await links.pass();
  server.close();
  const reading = outcome(client.read());
  await links.pass();
  assertEquals(reading.value, RESET);
});

Deno.test("bytes for an end that has closed break the link", async () => {
  const links = new Links({ latency: 10 });
  const { client, server } = await links.open();
  server.close();
  await links.pass(10);
  assertEquals(await client.read(), undefined);
  await client.write(bytes(1));
  await links.pass(20);
  await assertRejects(() => client.write(bytes(2)), Error, "Connection reset by peer");
});

Deno.test("closing ends this end's own read and write at once", async () => {
  const links = new Links({ buffer: 1 });
  const { client, server } = await links.open();
  const reading = outcome(client.read());
  const writing = outcome(client.write(bytes(1, 2)));
  client.close();
  client.close();
  await links.pass();
  assertEquals([reading.value, writing.value], [CLOSED, CLOSED]);
  await assertRejects(() => client.read(), Error, "The connection has been closed");
  server.close();
  await links.pass();
  assertEquals(links.network.links, []);
});

Deno.test("observers see the bytes in the order in which they pass the server's end", async () => {
  const links = new Links({ latency: 10 });
  const { client, server, link } = await links.open();
  assertEquals([link.number, link.clientName, link.serverName], [1, "client", "a"]);
  const start = links.schedule.now;
  const seen: string[] = [];
  link.observe({
    bytes: (way, bytes, now) => seen.push(`${now - start} ${way} ${bytes}`),
    ended: (way, how, now) => seen.push(`${now - start} ${way} ${how}`),
  });
  await client.write(bytes(1));
  await server.write(bytes(2));
  await links.pass(10);
  await server.write(bytes(3));
  await client.closeWrite();
  link.setConditions({ latency: 10 });
  await links.pass(10);
  link.reset();
  assertEquals(seen, [
    "0 to client 2",
    "10 to server 1",
    "10 to client 3",
    "20 to server closed",
    "20 to client reset",
  ]);
});
