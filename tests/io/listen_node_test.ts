// Listening with Node's modules, which is how it is done on Node and Bun, tried on Deno.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Accepted } from "../../src/io/listen.ts";
import { listenNode } from "../../src/io/listen_node.ts";
import { connectTcp } from "../../src/io/tcp.ts";

const { signal } = new AbortController();

Deno.test("a listener of Node's gives connections, and where they come from, until it is closed", async () => {
  const accepted = Promise.withResolvers<Accepted>();
  const listener = await listenNode({ hostname: "127.0.0.1", port: 0 }, accepted.resolve);
  const where = { hostname: "127.0.0.1", port: listener.port, signal };
  const client = await connectTcp(where);
  const { transport, address } = await accepted.promise;
  assertStrictEquals(/^127\.0\.0\.1:\d+$/.test(address), true);
  await client.write(Uint8Array.of(1, 2));
  await client.closeWrite();
  assertEquals(await transport.read(), Uint8Array.of(1, 2));
  assertEquals(await transport.read(), undefined);
  await listener.close();
  await assertRejects(() => connectTcp(where));
  // Those that there are go on.
  await transport.write(Uint8Array.of(3));
  assertEquals(await client.read(), Uint8Array.of(3));
  transport.close();
  client.close();
});

Deno.test("a listener of Node's says why it cannot listen", async () => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr;
  const error = await assertRejects(() => listenNode({ hostname: "127.0.0.1", port }, () => {}));
  assertStrictEquals((error as Error & { code?: string }).code, "EADDRINUSE");
});
