// A disk that is really full: a small file system, mounted for the test, where the machine allows it.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Client, connect, RefusedError } from "../../mod.ts";
import { serve, type StoreError } from "../../src/broker/mod.ts";
import { take, temporaryFolder, withinPatience } from "./broker_net.ts";

const SESSION = { cleanStart: false, sessionExpiryInterval: 1000 } as const;

/** A folder on a disk of so many bytes; `undefined` where it cannot be had. */
async function smallDisk(
  size: number,
): Promise<({ readonly path: string } & AsyncDisposable) | undefined> {
  const folder = await temporaryFolder();
  const args = ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder.path];
  if (!await runs("mount", ...args)) {
    await folder[Symbol.asyncDispose]();
    return undefined;
  }
  return {
    path: folder.path,
    async [Symbol.asyncDispose]() {
      assert(await runs("umount", folder.path), `${folder.path} is still in use`);
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function runs(program: string, ...args: string[]): Promise<boolean> {
  try {
    const command = new Deno.Command(program, { args, stdout: "null", stderr: "null" });
    return (await command.output()).success;
  } catch {
    return false;
  }
}

const canMount = await (async () => {
  await using disk = await smallDisk(65_536);
  return disk !== undefined;
})();

/** Publishes messages of 4 KiB until one is refused. Returns how many were not. */
async function fill(client: Client, from: number): Promise<number> {
  for (let count = from;; count++) {
    const payload = new Uint8Array(4096);
    new DataView(payload.buffer).setUint32(0, count);
    try {
      await client.publish("news", payload, { qos: count % 2 === 0 ? 1 : 2 });
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      assertStrictEquals(error.reasonCode, 0x97);
      return count;
    }
  }
}

Deno.test({
  name: canMount
    ? "A full disk refuses what cannot be stored, loses nothing that was acknowledged, and all goes on when there is room"
    : "A full disk (skipped: this process may not mount a file system)",
  ignore: !canMount,
  fn: () =>
    withinPatience((async () => {
      await using disk = (await smallDisk(4_194_304))!;
      const path = `${disk.path}/broker.db`;
      const errors: unknown[] = [];
      const onError = (error: unknown) => void errors.push(error);
      const ballast = `${disk.path}/ballast`;
      await Deno.writeFile(ballast, new Uint8Array(1_500_000));
      let acknowledged = 0;
      {
        await using broker = await serve({ listeners: [], path, onError });
        await using publisher = await connect(broker);
        const free = await publisher.subscribe("free", { qos: 1 });
        await (await subscriber(broker)).disconnect();
        acknowledged = await fill(publisher, 0);
        assert(acknowledged > 50, `only ${acknowledged} messages had room`);
        assertEquals(errors.map((error) => (error as StoreError).kind), ["full"]);
        // Who needs no disk does not notice it.
        await publisher.publish("free", "1", { qos: 2 });
        assertStrictEquals((await take(free, 1))[0]!.text(), "1");
        const refused = await assertRejects(
          () => connect(broker, { ...SESSION, clientId: "other", reconnect: false }),
          RefusedError,
        );
        assertStrictEquals(refused.reasonCode, 0x88);
        await Deno.remove(ballast);
        acknowledged = await until(async () => {
          const count = await fill(publisher, acknowledged);
          return count > acknowledged ? count : undefined;
        });
        // It is full again when the broker ends.
      }
      await using broker = await serve({ listeners: [], path, onError });
      const refused = await assertRejects(() => subscriber(broker), RefusedError);
      assertStrictEquals(refused.reasonCode, 0x88);
      assert(await runs("mount", "-o", "remount,size=8388608", disk.path));
      await using client = await until(() => subscriber(broker).catch(() => undefined));
      const messages = await take(client.messages, acknowledged);
      const numbers = messages.map(({ payload }) => {
        return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
      });
      assertEquals(numbers, Array.from({ length: acknowledged }, (_, number) => number));
    })()),
});

async function subscriber(broker: Parameters<typeof connect>[0]): Promise<Client> {
  const client = await connect(broker, { ...SESSION, clientId: "s", reconnect: false });
  if (!client.server.sessionPresent) await client.subscribe("news", { qos: 2 });
  return client;
}

/** What comes out in the end: the broker tries again after a while. */
async function until<Result>(act: () => Promise<Result | undefined>): Promise<Result> {
  for (;;) {
    const result = await act();
    if (result !== undefined) return result;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
