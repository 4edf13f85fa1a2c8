// A client with a file whose process is killed goes on in the next one, at Mosquitto and at our broker.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { connect } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { openStore, StoreError } from "../../src/store/mod.ts";
import { Child } from "../bench/child.ts";
import { withFolder } from "../io/folder.ts";
import { interopTest, numbers, textsUntil, withinPatience } from "./interop.ts";

const NAME = "A client with a file that is killed goes on: each message comes once, in order";

interopTest(`${NAME}, at Mosquitto`, ({ url }) => withFolder("mqtt5-durable-", goOn(url)));

Deno.test(`${NAME}, at our broker`, async () => {
  await using broker = await serve({ port: 0, hostname: "127.0.0.1" });
  await withinPatience(withFolder("mqtt5-durable-", goOn(broker.url)));
});

function goOn(url: string): (folder: string) => Promise<void> {
  return async (folder) => {
    await using receiver = await connect(url);
    const out = await receiver.subscribe("out", { qos: 2 });
    const path = `${folder}/durable.db`;
    const id = await beKilled(url, path, () => {
      const error = assertThrows(() => openStore(path), StoreError, "another process is using it");
      assertStrictEquals(error.kind, "locked");
    });
    using store = openStore(path);
    await using client = await connect(url, {
      clientId: "durable",
      sessionExpiryInterval: 1000,
      store,
    });
    assert(client.server.sessionPresent);
    const messages = await client.subscribe("in", { qos: 2 });
    const texts: string[] = [];
    for await (const message of messages) {
      texts.push(message.text());
      message.commit((database) =>
        database.prepare("INSERT INTO own VALUES (?)").run(message.text())
      );
      if (message.text() === "4") break;
    }
    assertEquals(texts, ["3", "4"]);
    const rows = store.transaction((database) => database.prepare("SELECT text FROM own").all());
    assertEquals(rows.map(({ text }) => text), numbers(5));
    await client.publish("out", "end", { qos: 2 });
    assertEquals(await textsUntil(out, "end"), numbers(300));
    assertStrictEquals((await (await client.receipt(id))!.done).reasonCode, 0);
    for await (const { done } of client.receipts()) assertStrictEquals((await done).reasonCode, 0);
    const other = { clientId: "durable", sessionExpiryInterval: 1000, store };
    await assertRejects(() => connect(url, other), TypeError, '"durable"');
  };
}

/** Begins in a process that is killed; `beside` is done while it has the file. Resolves to its first receipt. */
async function beKilled(url: string, path: string, beside: () => void): Promise<string> {
  const file = new URL("durable_process.ts", import.meta.url).pathname;
  const permissions = ["--allow-net=127.0.0.1", `--allow-read=${path}`, `--allow-write=${path}`];
  await using child = new Child(Deno.execPath(), ["run", "-q", ...permissions, file, url, path]);
  const id = await child.hear();
  beside();
  return id;
}
