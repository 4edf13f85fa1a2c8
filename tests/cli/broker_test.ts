// The command `broker`: it serves, tells of connections, and ends when it is told to.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect } from "../../mod.ts";
import { run, type Running, start } from "./run.ts";

/** Ends a broker as a person does. Resolves to its exit code. */
async function endOf(broker: Running, signal: Deno.Signal = "SIGINT"): Promise<number> {
  broker.kill(signal);
  return (await broker.end()).exitCode;
}

Deno.test("broker serves, tells of each connection in a line, and ends well on Ctrl-C", async () => {
  const broker = start(["--allow-net=127.0.0.1"], ["broker", "--port", "0"]);
  const [, url] = await broker.until(/listening on (mqtt:\S+)/);
  const client = await connect(url!, { clientId: "a\u001b[31m", reconnect: false });
  await broker.until(/\+ "a\\u\{1B\}\[31m" from 127\.0\.0\.1:\d+\n/);
  await client.publish("a", "b", { qos: 2 });
  await client.disconnect();
  await broker.until(/- "a\\u\{1B\}\[31m": the client disconnected with 0x00\n/);
  assertEquals(await endOf(broker), 0);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`broker tells clients that it is shutting down after ${signal}`, async () => {
    const broker = start(["--allow-net=127.0.0.1"], ["broker", "--port", "0"]);
    const [, url] = await broker.until(/listening on (mqtt:\S+)/);
    const client = await connect(url!, { reconnect: false });
    assertEquals(await endOf(broker, signal), 0);
    assertEquals((await client.closed)?.reasonCode, 0x8b);
  });
}

Deno.test("broker keeps sessions in a file", async () => {
  const folder = await Deno.makeTempDir();
  const permissions = ["--allow-net=127.0.0.1", "--allow-read", "--allow-write"];
  const args = ["broker", "--port", "0", "--file", `${folder}/broker.db`];
  const first = start(permissions, args);
  const [, url] = await first.until(/listening on (mqtt:\S+)/);
  const client = await connect(url!);
  await client.publish("kept", "1", { qos: 1, retain: true });
  await client.disconnect();
  assertEquals(await endOf(first), 0);
  const second = start(permissions, args);
  const [, again] = await second.until(/listening on (mqtt:\S+)/);
  const other = await connect(again!);
  for await (const message of await other.subscribe("kept")) {
    assertEquals([message.text(), message.retain], ["1", true]);
    break;
  }
  await other.disconnect();
  assertEquals(await endOf(second), 0);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("broker listens for WebSocket, too", async () => {
  const broker = start(["--allow-net=127.0.0.1"], ["broker", "--port", "0", "--ws-port", "0"]);
  const [, url] = await broker.until(/listening on (ws:\S+)/);
  const socket = new WebSocket(url!, "mqtt");
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  assertEquals(socket.protocol, "mqtt");
  const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
  socket.close();
  await closed;
  assertEquals(await endOf(broker), 0);
});

Deno.test("broker says what keeps it from listening", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { exitCode, stderr } = await run(["broker", "--port", String(listener.addr.port)]);
  assertEquals(exitCode, 1);
  assertMatch(stderr, /Something listens on 127\.0\.0\.1:\d+ already/);
  assertStringIncludes(
    (await run(["broker", "--port", "0", "--tls-port", "0"])).stderr,
    "cert and key",
  );
  assertStringIncludes((await run(["broker", "--cert", "/nowhere"])).stderr, "Cannot read");
});

for (const args of [["x"], ["--port", "65536"], ["--maximum-qos", "3"]]) {
  Deno.test(`broker refuses ${args.join(" ")} with exit code 2`, async () => {
    assertEquals((await run(["broker", ...args])).exitCode, 2);
  });
}
