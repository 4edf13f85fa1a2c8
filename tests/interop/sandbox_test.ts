// The client as a user runs it: a script in a process of its own, which may do nothing but talk to one host and port.

import { assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { connect } from "../../mod.ts";
import { freePort } from "../io/mosquitto.ts";
import { runScript } from "./running_script.ts";
import { interopTest, once, publishOnce, take, textsOf, withinPatience } from "./interop.ts";

const ROOT = new URL("../../", import.meta.url);

/** The first example of the README, which is that of `connect()` too. */
async function example(): Promise<string> {
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  const text = /^```ts\n(import \{ connect \}.*?)^```$/ms.exec(readme)?.[1];
  if (text === undefined) throw new Error("README.md has no example of connect()");
  return text;
}

interopTest(
  "The five lines of the README run as they are printed, with net for one host alone",
  async (server) => {
    const text = (await example()).replace(":1883", `:${server.port}`);
    await publishOnce(server, "home/cellar/temperature", "12", { retain: true });
    await using script = await runScript(text, [`--allow-net=localhost:${server.port}`]);
    // What the server has kept, then what the script itself publishes.
    assertStrictEquals(await script.line(), "home/cellar/temperature 12");
    assertStrictEquals(await script.line(), "home/kitchen/temperature 21.5");
    await publishOnce(server, "home/attic/temperature", "30");
    assertStrictEquals(await script.line(), "home/attic/temperature 30");
    await using client = await connect(server.url);
    const kept = await client.subscribe("home/kitchen/temperature", { qos: 1 });
    assertEquals(textsOf(await take(kept, 1)), ["21.5"]);
  },
);

interopTest("A script that connects again needs no other permission", async (server) => {
  await using script = await runScript(
    `
import { connect } from "jsr:@mqtt5/mqtt5";

await using client = await connect("${server.url}", {
  clientId: "script",
  sessionExpiryInterval: 60,
  reconnect: { initialDelay: 10, maximumDelay: 50 },
  will: { topic: "wills", payload: "gone", qos: 1 },
});
client.addEventListener("disconnected", () => console.log("disconnected"));
client.addEventListener("connected", () => console.log("connected again"));
const orders = await client.subscribe("orders", { qos: 2 });
await client.publish("state", "ready", { qos: 2, retain: true });
for await (const message of orders) {
  console.log(message.text());
  if (message.text() === "stop") break;
  await client.publish("done", message.payload, { qos: 2 });
}
`,
    [`--allow-net=127.0.0.1:${server.port}`],
  );
  await using client = await connect(server.url, { reconnect: { initialDelay: 10 } });
  const state = await client.subscribe("state", { qos: 1 });
  const done = await client.subscribe("done", { qos: 2 });
  assertEquals(textsOf(await take(state, 1)), ["ready"]);
  await client.publish("orders", "first", { qos: 2 });
  assertEquals(textsOf(await take(done, 1)), ["first"]);
  assertStrictEquals(await script.line(), "first");
  const back = once(client, "connected");
  await server.stop("SIGTERM");
  assertStrictEquals(await script.line(), "disconnected");
  await server.start();
  assertStrictEquals(await script.line(), "connected again");
  await back;
  await client.publish("orders", "second", { qos: 2 });
  assertEquals(textsOf(await take(done, 1)), ["second"]);
  assertStrictEquals(await script.line(), "second");
  await client.publish("orders", "stop", { qos: 2 });
  assertStrictEquals(await script.line(), "stop");
  assertStrictEquals(await script.line(), undefined);
  assertEquals(await script.end(), { code: 0, errors: "" });
}, { isPersistent: true });

for (
  const [name, permissions] of [
    ["without net", []],
    ["with net for another port", ["--allow-net=127.0.0.1:1"]],
  ] as const
) {
  Deno.test(`A script ${name} is told what it may not do, and is not asked`, async () => {
    const port = freePort();
    await using script = await runScript(
      `
import { connect } from "jsr:@mqtt5/mqtt5";

try {
  await connect("mqtt://127.0.0.1:${port}");
} catch (error) {
  console.log(\`\${error.name}, \${error.kind}: \${error.message}\`);
}
`,
      permissions,
    );
    const line = await withinPatience(script.line());
    assertStringIncludes(line ?? "", `127.0.0.1:${port}`);
    assertStringIncludes(line ?? "", "--allow-net");
    assertEquals(await script.end(), { code: 0, errors: "" });
  });
}
