// The code of the README: each block type-checks by itself, and those that need no server of
// somebody else's run to their end. The first one is run against a Mosquitto by interop/sandbox_test.ts.

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));

/** Servers that a test does not have, and what another command runs: interop/programs_test.ts. */
const ELSEWHERE = /localhost:1883|broker\.example|Deno\.test/;

const BLOCKS = Array.from(README.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code!);
const SELF_CONTAINED = BLOCKS.filter((code) => !ELSEWHERE.test(code));

async function deno(args: readonly string[], stdin = ""): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writing = new Blob([stdin]).stream().pipeTo(child.stdin);
  const { success, stderr } = await child.output();
  await writing;
  assert(success, new TextDecoder().decode(stderr));
}

Deno.test("every block of code in the README type-checks by itself", async () => {
  await deno(["check", "--quiet", "--doc-only", "README.md"]);
});

/** The last entry point that each block imports. */
const entryOf = (code: string) => Array.from(code.matchAll(/from "jsr:@(.*)"/g)).at(-1)?.[1];

Deno.test("the README has code for the client, the broker, the codec and the engine that runs", () => {
  assert(BLOCKS.length > SELF_CONTAINED.length);
  assertEquals(SELF_CONTAINED.map(entryOf), [
    "mqtt5/mqtt5/broker",
    "mqtt5/mqtt5/broker",
    "mqtt5/mqtt5/broker",
    "mqtt5/mqtt5/broker",
    "mqtt5/mqtt5/broker",
    "mqtt5/mqtt5/broker",
    "mqtt5/mqtt5",
    "mqtt5/mqtt5/session",
  ]);
});

for (const code of SELF_CONTAINED) {
  Deno.test(`the README's code for ${entryOf(code)} runs to its end`, async () => {
    await deno(["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", "-"], code);
  });
}
