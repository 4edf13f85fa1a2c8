// The command line of `deno task mutate`: a run takes an hour, so what it cannot understand is said
// at once.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Context } from "../../src/cli/context.ts";
import { main } from "./mutate.ts";

/** What a command line says, and its exit code. */
async function said(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
  let out = "";
  let errors = "";
  const context = {
    args,
    stdout: { write: (text: string) => void (out += text) },
    stderr: { write: (text: string) => void (errors += text) },
    signal: new AbortController().signal,
  };
  const code = await main(context as unknown as Context);
  return { code, out, errors };
}

Deno.test("deno task mutate --help shows every option and plants nothing", async () => {
  const { code, out, errors } = await said("--help");
  assertEquals([code, errors], [0, ""]);
  for (const option of ["--layer NAME", "--line NUMBER", "--all", "--seed NUMBER", "--unchecked"]) {
    assertStringIncludes(out, option);
  }
  assertStringIncludes(out, "Usage: deno task mutate [options]");
});

Deno.test("deno task mutate refuses what it does not know, and what is no number", async () => {
  for (
    const [args, error] of [
      [["--sed", "2"], "Unknown option --sed; did you mean --seed?"],
      [["src/topics.ts"], 'Unexpected argument "src/topics.ts"'],
      [["--count", "many"], '--count: expected an integer from 0 up, got "many"'],
      [["--line", "x"], '--line: expected an integer from 0 up, got "x"'],
    ] as const
  ) {
    const { code, out, errors } = await said(...args);
    assertEquals([code, out], [2, ""]);
    assert(errors.includes(error), errors);
  }
});
