// `broker` with limits on what one client may take.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, RefusedError } from "../../../mod.ts";
import { passwordLine } from "../../../src/broker/mod.ts";
import { withFolder } from "../../io/folder.ts";
import { run, type Running, start } from "../run.ts";
import { optionsTest, recordOptions } from "../tested_options.ts";

/** A broker with these options. */
async function withBroker(
  args: readonly string[],
  work: (url: string, broker: Running) => Promise<void>,
): Promise<void> {
  const words = ["broker", "--port", "0", ...args];
  const broker = start(["--allow-net=127.0.0.1", "--allow-read"], words);
  const [, url] = await broker.until(/listening on (mqtt:\S+)/);
  try {
    await work(url!, broker);
  } finally {
    broker.kill("SIGINT");
    const { exitCode } = await broker.end();
    recordOptions(words, exitCode);
    assertStrictEquals(exitCode, 0);
  }
}

Deno.test("broker --connections-per-address refuses what is too much, and logs it", async () => {
  await withBroker(["--connections-per-address", "2"], async (url, broker) => {
    await using _first = await connect(url);
    await using _second = await connect(url);
    const error = await assertRejects(() => connect(url, { clientId: "c" }), RefusedError);
    assertStrictEquals(error.reasonCode, 0x97);
    await broker.until(/refused 127\S+: Quota exceeded \(0x97\): There are too many /);
  });
});

for (
  const args of [
    ["--messages-per-second", "500"],
    ["--bytes-per-second", "2000"],
  ]
) {
  Deno.test(`broker ${args.join(" ")} drops nothing, however fast a client is, and however soon it goes`, async () => {
    await withBroker(args, async (url) => {
      await using subscriber = await connect(url);
      const messages = await subscriber.subscribe("a", { qos: 1 });
      const client = await connect(url, { will: { topic: "a", payload: "the Will" } });
      const texts = Array.from({ length: 1000 }, (_, index) => String(index));
      await Promise.all(texts.map((text) => client.publish("a", text)));
      await client.disconnect();
      const received: string[] = [];
      for await (const message of messages.read({ limit: 1000 })) received.push(message.text());
      assertEquals(received, texts);
    });
  });
}

Deno.test("broker delays logins after several have failed, or with --login-delay 0 none", async () => {
  await withFolder("mqtt5-limits-", async (folder) => {
    const file = `${folder}/passwords`;
    await Deno.writeTextFile(file, await passwordLine("a", "b", { iterations: 1000 }));
    const failAt = async (url: string, times: number): Promise<number[]> => {
      const codes = Array.from({ length: times }, async () => {
        const options = { username: "a", password: "x" };
        return (await assertRejects(() => connect(url, options), RefusedError)).reasonCode;
      });
      return await Promise.all(codes);
    };
    await withBroker(["--password-file", file, "--login-delay", "1"], async (url) => {
      await failAt(url, 6);
      // One waits, eight wait behind it, and so does whoever else knows the password.
      const codes = await failAt(url, 40);
      assertEquals(codes.filter((code) => code !== 0x86 && code !== 0x9f), []);
      await using _ = await connect(url, { username: "a", password: "b" });
    });
    await withBroker(["--password-file", file, "--login-delay", "0"], async (url) => {
      assertEquals(new Set(await failAt(url, 40)), new Set([0x86]));
    });
  });
});

for (const name of ["connections-per-address", "messages-per-second", "bytes-per-second"]) {
  Deno.test(`broker --${name} takes a number from 1`, async () => {
    const { exitCode, stderr } = await run(["broker", "-p", "0", `--${name}`, "0"]);
    assertStrictEquals(exitCode, 2);
    assertStrictEquals(stderr.startsWith(`mqtt5: --${name}: expected an integer from 1 to `), true);
  });
}

optionsTest(import.meta.url);
