// What holds for every command: help, version, and a reader of the output that goes away.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodePacket } from "../../mod.ts";
import { run, runUnread } from "./run.ts";

const QUIET = { exitCode: 0, stderr: "" };

Deno.test("a reader of the output that goes away ends decode quietly", async () => {
  assertEquals(await runUnread([], ["decode"], "C0 00".repeat(100_000)), QUIET);
});

Deno.test("a reader of the output that goes away ends connect quietly", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const server = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(1000));
    await connection.write(encodePacket({ type: "connack" }));
    while (await connection.read(new Uint8Array(1000)).catch(() => null) !== null);
  })();
  const url = `mqtt://127.0.0.1:${port}`;
  assertEquals(await runUnread([`--allow-net=127.0.0.1:${port}`], ["connect", url], ""), QUIET);
  await server;
  listener.close();
});

Deno.test("help is printed for the whole and for each command", async () => {
  for (const args of [["--help"], ["help"], ["decode", "--help"], ["connect", "--help"]]) {
    const { exitCode, stdout, stderr } = await run(args);
    assertEquals([exitCode, stderr], [0, ""]);
    assertMatch(stdout, /Usage: /);
    for (const line of stdout.split("\n")) assert(line.length <= 90, line);
  }
});

Deno.test("--version tells the version of the package", async () => {
  assertMatch((await run(["--version"])).stdout, /^mqtt5 \d+\.\d+\.\d+\n$/);
});

for (const args of [[], ["nope"], ["\x1b[2J"]]) {
  Deno.test(`a command line without a command is refused: ${JSON.stringify(args)}`, async () => {
    const { exitCode, stdout, stderr } = await run(args);
    assertEquals([exitCode, stdout], [2, ""]);
    assertMatch(stderr, /^mqtt5: [\x20-\x7e]*; see --help\n$/);
  });
}
