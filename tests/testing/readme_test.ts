// The tests in the README's chapter on testing pass as they are printed, without any permission.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { runScript } from "../interop/running_script.ts";

const README = await Deno.readTextFile(new URL("../../README.md", import.meta.url));

/** The tests, in their order. */
const TESTS = Array.from(
  README.slice(README.indexOf("\n## Testing your application\n"), README.indexOf("\n## Codec\n"))
    .matchAll(/^```ts\n(.*?)^```$/gms),
  ([, code]) => code!,
);

Deno.test("The README has four tests of applications", () => {
  assertStrictEquals(TESTS.length, 4);
});

for (const code of TESTS) {
  const name = code.match(/Deno\.test\("([^"]*)"/)?.[1];
  Deno.test(`The README's test "${name}" passes as it is printed, without any permission`, async () => {
    await using script = await runScript(code, [], "test");
    const lines: string[] = [];
    for (let line; (line = await script.line()) !== undefined;) lines.push(line);
    const { code: exitCode, errors } = await script.end();
    assertEquals([exitCode, errors], [0, ""], lines.join("\n"));
    assertStrictEquals(lines.some((line) => line.includes(`${name} ...`)), true);
  });
}
