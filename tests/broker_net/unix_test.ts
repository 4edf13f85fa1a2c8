// The broker on a Unix socket.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import {
  isInstalled,
  numbers,
  take,
  temporaryFolder,
  textsOf,
  withinPatience,
} from "./broker_net.ts";
import { ownProcessTest } from "../own_process.ts";
import { startRaw } from "./mosquitto_clients.ts";

/** A test with a path for a socket; there are none of those on Windows. */
function unixTest(name: string, test: (socketPath: string) => Promise<void>, ignore = false): void {
  ownProcessTest(import.meta.url, name, async () => {
    await using folder = await temporaryFolder();
    await withinPatience(test(`${folder.path}/mqtt é.sock`));
  }, ignore || Deno.build.os === "windows");
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

unixTest(
  "Clients are served by a Unix socket, and its file goes with the broker",
  async (socketPath) => {
    {
      await using broker = await serve({ protocol: "mqtt+unix", socketPath });
      assertStrictEquals(broker.url, `mqtt+unix://${encodeURI(socketPath)}`);
      const [listener] = broker.listeners;
      assertEquals([listener!.hostname, listener!.port], [socketPath, 0]);
      await using client = await connect(broker.url, { reconnect: false });
      const all = await client.subscribe("#", { qos: 2 });
      for (const text of numbers(100)) await client.publish("a", text, { qos: 2 });
      assertEquals(textsOf(await take(all, 100)), numbers(100));
      const large = "0123456789abcdef".repeat(65_536);
      await client.publish("a", large, { qos: 1 });
      assert((await take(all, 1))[0]!.text() === large);
    }
    assertStrictEquals(await exists(socketPath), false);
  },
);

unixTest("The hooks are told of a Unix socket", async (socketPath) => {
  const addresses: unknown[] = [];
  await using broker = await serve({
    ...{ protocol: "mqtt+unix", socketPath },
    onConnect: ({ address, listener }) => void addresses.push(address, listener),
  });
  await using _ = await connect(broker.url, { reconnect: false });
  assertEquals(addresses, ["unix", broker.url]);
  // There is none.
  let message = "";
  try {
    void broker.port;
  } catch (error) {
    ({ message } = error as Error);
  }
  assertStrictEquals(message, "The first listener is a Unix socket");
});

unixTest("The file of a server that was killed is replaced", async (socketPath) => {
  const text = `Deno.listen({ transport: "unix", path: ${JSON.stringify(socketPath)} });
    Deno.kill(Deno.pid, "SIGKILL");`;
  await new Deno.Command(Deno.execPath(), { args: ["eval", text] }).output();
  assert((await Deno.lstat(socketPath)).isSocket);
  await using broker = await serve({ protocol: "mqtt+unix", socketPath });
  await using _ = await connect(broker.url, { reconnect: false });
});

unixTest("A socket on which a server listens is left to it", async (socketPath) => {
  await using broker = await serve({ protocol: "mqtt+unix", socketPath });
  const error = await assertRejects(() => serve({ protocol: "mqtt+unix", socketPath }), Error);
  assertStrictEquals((error as Error & { code?: string }).code, "EADDRINUSE");
  await using _ = await connect(broker.url, { reconnect: false });
});

unixTest("A file that is no socket is left as it is", async (socketPath) => {
  await Deno.writeTextFile(socketPath, "precious");
  await assertRejects(() => serve({ protocol: "mqtt+unix", socketPath }), Error);
  assertStrictEquals(await Deno.readTextFile(socketPath), "precious");
});

const hasMosquitto = await isInstalled("mosquitto_pub", "--help");

unixTest(
  `mosquitto_pub --unix is served${
    hasMosquitto ? "" : " (skipped: mosquitto_pub cannot be found)"
  }`,
  async (socketPath) => {
    await using broker = await serve({ protocol: "mqtt+unix", socketPath });
    await using client = await connect(broker.url, { reconnect: false });
    const all = await client.subscribe("a");
    await using pub = startRaw(
      ...["mosquitto_pub", "-V", "mqttv5", "--unix", socketPath] as const,
      ...["-t", "a", "-m", "by a file", "-q", "2"],
    );
    assertEquals(textsOf(await take(all, 1)), ["by a file"]);
    assertStrictEquals((await pub.end()).code, 0);
  },
  !hasMosquitto,
);
