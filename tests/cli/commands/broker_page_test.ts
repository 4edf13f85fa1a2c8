// `broker --page`: all connections of the broker, of any listener, are on the page.

import { assertEquals, assertMatch } from "@std/assert";
import { connect } from "../../../mod.ts";
import { EventReader } from "../inspect/event_reader.ts";
import { run } from "../run.ts";
import { beginBare } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

Deno.test("broker --page shows the connections of every listener, and ends at once", async () => {
  const args = ["broker", "--port", "0", "--ws-port", "0", "--page", "0"];
  await using broker = beginBare(["--allow-net"], args);
  const [, link] = await broker.until(/the page is at (\S+)\n/);
  const [, tcp] = await broker.until(/listening on (mqtt:\S+)\n/);
  const [, ws] = await broker.until(/listening on (ws:\S+)\n/);
  const { origin, hash } = new URL(link!);
  await using events = await EventReader.open(`${origin}/events?token=${hash.slice(1)}`);
  const { title, server, listeners } = await events.next("hello");
  assertEquals([title, server, listeners], ["mqtt5 broker", tcp, [tcp, ws]]);
  {
    await using sub = await connect(tcp!, { clientId: "sub", reconnect: false });
    await using pub = await connect(ws!, { clientId: "pub", reconnect: false, password: "geheim" });
    const messages = await sub.subscribe("a/#");
    await pub.publish("a/b", "hello");
    for await (const _ of messages) break;
  }
  const rows = new Map<string, { readonly listener: string; readonly isOpen: boolean }>();
  while (rows.size < 2 || [...rows.values()].some(({ isOpen }) => isOpen)) {
    for (const row of await events.next("connections")) rows.set(row.clientId, row);
  }
  assertEquals([rows.get("sub")!.listener, rows.get("pub")!.listener], [tcp, ws]);
  broker.kill("SIGINT");
  const { exitCode, stderr } = await broker.end();
  assertEquals([exitCode, stderr], [0, ""]);
});

Deno.test("broker --page counts what is published and what is delivered", async () => {
  await using broker = beginBare(["--allow-net"], ["broker", "--port", "0", "--page", "0"]);
  const [, link] = await broker.until(/the page is at (\S+)\n/);
  const [, url] = await broker.until(/listening on (mqtt:\S+)\n/);
  await using sub = await connect(url!, { reconnect: false });
  const messages = await sub.subscribe("a/#");
  for (const text of ["one", "two", "three"]) await sub.publish("a/b", text, { qos: 1 });
  let count = 0;
  for await (const _ of messages) if (++count === 3) break;
  const { origin, hash } = new URL(link!);
  await using events = await EventReader.open(`${origin}/events?token=${hash.slice(1)}`);
  const [{ topic, published, delivered, bytes, last }] = await events.next("topics");
  assertEquals([topic, published, delivered, bytes], ["a/b", 3, 3, 22]);
  assertEquals([last.from, last.payload.text], ["server", "three"]);
  broker.kill("SIGINT");
  await broker.end();
});

Deno.test("broker --page is permitted where it listens, and says when it cannot", async () => {
  const { stdout } = await run(["broker", "--print-permissions", "--page"]);
  assertMatch(stdout, /--allow-net=127\.0\.0\.1:1883,127\.0\.0\.1:8884 /);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const { exitCode, stderr } = await run(["broker", "-p", "0", "--page", String(port)]);
  assertEquals(exitCode, 1);
  assertMatch(stderr, /^mqtt5: Cannot listen on .*: the address is in use; .* with --page\n$/);
});

optionsTest(import.meta.url);
