// A world follows from its seed, and reaches nothing of this machine.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { scenario } from "./scenario.ts";

Deno.test("the same seed brings the same run, byte by byte and moment by moment", async () => {
  const run = await scenario(11);
  assert(run.length > 200, `${run.length} lines`);
  assertEquals(await scenario(11), run);
  assertNotEquals(await scenario(12), run);
});

Deno.test("the same seed brings the same run in another process", async () => {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", "--no-lock", SCENARIO, "13"],
    cwd: ROOT,
  }).output();
  assert(success);
  assertEquals(new TextDecoder().decode(stdout).trimEnd().split("\n"), await scenario(13));
});

const ROOT = new URL("../../", import.meta.url).pathname;
const SCENARIO = new URL("./scenario.ts", import.meta.url).pathname;

Deno.test("a world asks this machine for no time, no timer and no chance", async () => {
  const asked: string[] = [];
  const restore = [
    poison(globalThis, "setTimeout", asked),
    poison(globalThis, "setInterval", asked),
    poison(Date, "now", asked),
    poison(performance, "now", asked),
    poison(Math, "random", asked),
    poison(crypto, "getRandomValues", asked),
    poison(crypto, "randomUUID", asked),
    poison(crypto.subtle, "digest", asked),
  ];
  try {
    await scenario(14);
  } finally {
    for (const undo of restore) undo();
  }
  assertEquals(asked, []);
  const undo = poison(Math, "random", asked);
  Math.random();
  undo();
  assertEquals(asked, ["random"]);
});

/** Takes note when a function is called, and does what it does. */
function poison(owner: object, name: string, asked: string[]): () => void {
  const functions = owner as Record<string, (...values: unknown[]) => unknown>;
  const original = functions[name]!;
  const own = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, {
    configurable: true,
    writable: true,
    value(...values: unknown[]) {
      asked.push(name);
      return original.apply(owner, values);
    },
  });
  return () => {
    if (own === undefined) delete functions[name];
    else Object.defineProperty(owner, name, own);
  };
}
