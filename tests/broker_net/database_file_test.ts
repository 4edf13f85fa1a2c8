// The file of a broker: whose it is, and what it must be.

import { assert, assertRejects, assertStrictEquals } from "@std/assert";
import { serve } from "../../src/broker/mod.ts";
import { temporaryFolder } from "./broker_net.ts";

Deno.test("A file that another broker uses is refused, until that one ends", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broker.db`;
  {
    await using _ = await serve({ listeners: [], path });
    const error = await assertRejects(() => serve({ listeners: [], path }), Error);
    assert(error.message.startsWith(`${path} cannot be used: `), error.message);
  }
  await (await serve({ listeners: [], path })).shutDown();
});

Deno.test("A file that is no database is refused, and left as it is", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broker.db`;
  await Deno.writeTextFile(path, "no database\n".repeat(100));
  const error = await assertRejects(() => serve({ listeners: [], path }), Error);
  assert(error.message.startsWith(`${path} cannot be used: `), error.message);
  assertStrictEquals(await Deno.readTextFile(path), "no database\n".repeat(100));
});

Deno.test("A broker that cannot listen leaves its file to others", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broker.db`;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await assertRejects(() => serve({ port: listener.addr.port, path }), Deno.errors.AddrInUse);
  await (await serve({ listeners: [], path })).shutDown();
});
