// The command `broker`: it serves, tells of connections, and ends when it is told to.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect } from "../../../mod.ts";
import { ownProcessTest } from "../../own_process.ts";
import { run, type Running, runProcess, start } from "../run.ts";
import { optionsTest } from "../tested_options.ts";

/** Ends a broker as a person does. Resolves to its exit code. */
async function endOf(broker: Running, signal: Deno.Signal = "SIGINT"): Promise<number> {
  broker.kill(signal);
  return (await broker.end()).exitCode;
}

Deno.test("broker serves, logs each connection in a line, and ends well on Ctrl-C", async () => {
  const broker = start(["--allow-net=127.0.0.1"], ["broker", "--port", "0"]);
  const [, url] = await broker.until(/listening on (mqtt:\S+)/);
  const client = await connect(url!, { clientId: "a\u001b[31m", reconnect: false });
  await broker.until(/\+ "a\\u\{1B\}\[31m" from 127\.0\.0\.1:\d+\n/);
  await client.publish("a", "b", { qos: 2 });
  await client.disconnect();
  await broker.until(/- "a\\u\{1B\}\[31m": the client disconnected with 0x00\n/);
  assertEquals(await endOf(broker), 0);
});

Deno.test("broker logs dropped messages in one line", async () => {
  const broker = start(["--allow-net=127.0.0.1"], ["broker", "--port", "0"]);
  const [, url] = await broker.until(/listening on (mqtt:\S+)/);
  const small = await connect(url!, { clientId: "small\u001b", maximumPacketSize: 60 });
  await small.subscribe("a");
  const client = await connect(url!);
  for (let count = 0; count < 3; count++) await client.publish("a", "x".repeat(60), { qos: 1 });
  await broker.until(
    /dropped messages: 3 larger than the client accepts; the last one for "small\\u\{1B\}"\n/,
  );
  await client.publish("a", "x".repeat(60), { qos: 1 });
  await Promise.all([client.disconnect(), small.disconnect()]);
  // What has not been told yet is told at the end.
  broker.kill("SIGINT");
  const { stdout } = await broker.end();
  assertMatch(stdout, /dropped messages: 1 larger/);
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
  assertMatch(stderr, /Cannot listen on 127\.0\.0\.1:\d+: the address is in use/);
  const tls = ["broker", "--tls-port", "0"];
  assertStringIncludes((await run(tls)).stderr, "--cert and --key");
  const { stderr: unread } = await run([...tls, "--cert", "/nowhere", "--key", "/nowhere"]);
  assertStringIncludes(unread, "Cannot read");
  const permissions = ["--allow-net", "--allow-read", "--allow-write"];
  const nowhere = await runProcess(permissions, ["broker", "--unix", "/nowhere/x"]);
  assertStringIncludes(nowhere.stderr, 'Cannot listen on "/nowhere/x"');
});

Deno.test("broker takes no larger packet, no higher QoS and no longer session than it is told to", async () => {
  const broker = start(["--allow-net=127.0.0.1"], [
    ...["broker", "--host", "127.0.0.1", "--port", "0", "--maximum-packet-size", "100"],
    ...["--maximum-qos", "1", "--session-expiry-interval", "60"],
    ...["--accept-protocol-versions", "mqttv5, 4"],
  ]);
  const [, url] = await broker.until(/listening on (mqtt:\S+)/);
  const client = await connect(url!, { sessionExpiryInterval: 3600 });
  const { maximumPacketSize, maximumQoS, sessionExpiryInterval } = client.server;
  assertEquals([maximumPacketSize, maximumQoS, sessionExpiryInterval], [100, 1, 60]);
  await client.disconnect();
  assertEquals(await endOf(broker), 0);
});

Deno.test("broker explains every packet with --trace, and says nothing with --quiet", async () => {
  for (const option of ["--trace", "--quiet"]) {
    const args = ["broker", "--port", "0", option];
    const broker = start(["--allow-net=127.0.0.1"], args);
    const [, url] = await broker.until(/listening on (mqtt:\S+)/);
    const client = await connect(url!);
    await client.disconnect();
    await broker.until(/the client disconnected/);
    broker.kill("SIGINT");
    const { stderr } = await broker.end();
    assertEquals(/CONNECT/.test(stderr), option === "--trace", stderr);
  }
});

Deno.test("broker takes its options from a file, too", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, JSON.stringify({ port: "0", "maximum-qos": "0" }));
  const permissions = ["--allow-net=127.0.0.1", "--allow-read"];
  const broker = start(permissions, ["broker", "--options", path]);
  const [, url] = await broker.until(/listening on (mqtt:\S+)/);
  const client = await connect(url!);
  assertEquals(client.server.maximumQoS, 0);
  await client.disconnect();
  assertEquals(await endOf(broker), 0);
  await Deno.remove(path);
});

const alone = "broker listens at the path of --unix alone, if no port is given";
ownProcessTest(import.meta.url, alone, async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/mqtt.sock`;
  const permissions = ["--allow-net", "--allow-read", "--allow-write"];
  const broker = start(permissions, ["broker", "--unix", path]);
  const [, url] = await broker.until(/listening on (\S+)\n/);
  assertEquals(url, `mqtt+unix://${path}`);
  const client = await connect(url!);
  await broker.until(/ from unix\n/);
  await client.disconnect();
  const again = await runProcess(permissions, ["broker", "--unix", path]);
  assertStringIncludes(again.stderr, `Cannot listen on "${path}": the address is in use`);
  broker.kill("SIGINT");
  const { exitCode, stdout } = await broker.end();
  assertEquals(exitCode, 0);
  assertEquals(stdout.match(/listening/g)!.length, 1);
  // The file of the socket is gone.
  await Deno.remove(folder);
});

Deno.test("broker opens WebSockets at --ws-path, to pages of --allow-origin", async () => {
  const broker = start(["--allow-net=127.0.0.1"], [
    ...["broker", "--ws-port", "0", "--ws-path", "/mqtt"],
    ...["--allow-origin", "https://a.example", "--allow-origin", "https://b.example"],
  ]);
  const [, url] = await broker.until(/listening on (ws:\S+)/);
  const statusOf = async (path: string, Origin: string) => {
    try {
      await (await connect({ url: `${url}${path}`, headers: { Origin } })).disconnect();
      return "open";
    } catch (error) {
      return /\b40\d\b/.exec((error as Error).message)?.[0];
    }
  };
  assertEquals(await statusOf("/mqtt", "https://a.example"), "open");
  assertEquals(await statusOf("/mqtt", "https://b.example"), "open");
  assertEquals(await statusOf("/mqtt", "https://c.example"), "403");
  assertEquals(await statusOf("/", "https://a.example"), "404");
  assertEquals(await endOf(broker), 0);
});

for (
  const args of [
    ...[["x"], ["--port", "65536"], ["--maximum-qos", "3"]],
    ...[["--accept-protocol-versions", "5,6"], ["--accept-protocol-versions", ""]],
    ...[["--cert", "x"], ["--key", "x"], ["--cafile", "x"], ["--ws-path", "/"]],
    ...[["--allow-origin", "https://a.example"], ["--require-certificate"]],
    ...[["--use-identity-as-username"], ["--tls-port", "0", "--cert", "x"]],
  ]
) {
  Deno.test(`broker refuses ${args.join(" ")} with exit code 2`, async () => {
    assertEquals((await run(["broker", ...args])).exitCode, 2);
  });
}

optionsTest(import.meta.url);
