// Every option of the commands that connect to a server, and of `broker`, has a file that tests it.
// An option that is added fails this test until it has one, and that file fails until a command has
// parsed the option while its tests ran.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../../src/cli/registry.ts";
import { TESTED } from "../tested_options.ts";

for (const [name, files] of Object.entries(TESTED)) {
  Deno.test(`every option of ${name} has a file that tests it`, async () => {
    const { options } = await COMMANDS.get(name)!.load();
    assertEquals(Object.keys(options).sort(), Object.values(files).flat().sort());
  });
}

Deno.test("every file with options to test looks at what was parsed", async () => {
  for (const file of new Set(Object.values(TESTED).flatMap((files) => Object.keys(files)))) {
    const text = await Deno.readTextFile(new URL(`../${file}`, import.meta.url));
    assertStringIncludes(text, "\noptionsTest(import.meta.url", file);
  }
});
