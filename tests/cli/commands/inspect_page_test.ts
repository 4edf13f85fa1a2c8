// `inspect --page`: the page comes with the program, and is there until Ctrl-C.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect } from "../../../mod.ts";
import { serve } from "../../../src/broker/mod.ts";
import { EventReader } from "../inspect/event_reader.ts";
import { run } from "../run.ts";
import { beginBare } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

Deno.test("inspect --page needs no permission but net, and ends at once while somebody looks", async () => {
  await using broker = await serve({ port: 0 });
  const args = ["inspect", "--page", "127.0.0.1:0", "--listen", "0", broker.url];
  await using inspect = beginBare(["--allow-net"], args);
  const [, link] = await inspect.untilTold(/the page is at (\S+)\n/);
  const [, url] = await inspect.untilTold(/(mqtt:\S+) is relayed to /);
  const { origin, hash } = new URL(link!);
  await using events = await EventReader.open(`${origin}/events?token=${hash.slice(1)}`);
  const client = await connect(url!, { clientId: "device", reconnect: false });
  await client.publish("a/b", "hello", { qos: 1 });
  await client.disconnect();
  const hello = await events.next("hello");
  assertEquals([hello.title, hello.listeners], ["mqtt5 inspect", [url]]);
  const published = await events.entry(({ name }) => name === "PUBLISH");
  assertEquals([published.topic, published.payload.text], ["a/b", "hello"]);
  inspect.kill("SIGINT");
  const { exitCode, stdout } = await inspect.end();
  assertEquals([exitCode, stdout], [0, ""]);
});

const ADDRESSES: readonly (readonly [args: readonly string[], net: string])[] = [
  [["--page"], "127.0.0.1:8884"],
  [["--page", "mqtt://127.0.0.1"], "127.0.0.1:8884"],
  [["--page", "9000"], "127.0.0.1:9000"],
  [["--page=0"], "127.0.0.1"],
  [["--page", "[::1]:9000"], "[::1]:9000"],
  [["--page", "0.0.0.0:9000"], "0.0.0.0:9000"],
];

for (const [args, net] of ADDRESSES) {
  Deno.test(`inspect ${args.join(" ")} listens at ${net}`, async () => {
    const { stdout } = await run(["inspect", "--print-permissions", "-l", "1", ...args]);
    const [, allowed] = /--allow-net=([^' ]*)/.exec(stdout)!;
    assertEquals(allowed!.split(",")[1], net);
  });
}

for (const wrong of ["=x", "=127.0.0.1", "=127.0.0.1:65536", "=http://127.0.0.1:1/"]) {
  Deno.test(`inspect --page${wrong} is refused`, async () => {
    const { exitCode, stderr } = await run(["inspect", `--page${wrong}`]);
    assertEquals(exitCode, 2);
    assertStringIncludes(stderr, "--page: expected a port or an address with one");
  });
}

Deno.test("inspect --page says where it cannot listen, and how to choose another port", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const { exitCode, stderr } = await run(["inspect", "-l", "0", `--page=${port}`]);
  assertEquals(exitCode, 1);
  assertEquals(
    stderr,
    `mqtt5: Cannot listen on 127.0.0.1:${port}: the address is in use; ` +
      "choose another port with --page\n",
  );
});

Deno.test("inspect --page says what it means that other machines can open the page", async () => {
  const args = ["inspect", "-l", "0", "--page", "0.0.0.0:0"];
  const { exitCode, stderr } = await run(args, { signal: AbortSignal.abort() });
  assertEquals(exitCode, 0);
  assertMatch(stderr, /the page is at http:\/\/127\.0\.0\.1:\d+\/#\S{22}\n/);
  assertMatch(stderr, /other machines can open it, without encryption/);
});

optionsTest(import.meta.url);
