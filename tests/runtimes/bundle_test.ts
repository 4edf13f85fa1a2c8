// What a page has to load, and that nothing in it wants Node.

import { assert, assertEquals } from "@std/assert";
import { withFolder } from "../io/folder.ts";
import { type Bundle, bundleByDeno, bundleByEsbuild, gzippedSize, loadedAtOnce } from "./bundle.ts";
import { makeProject } from "./package.ts";
import { esbuild, npm, programTest } from "./programs.ts";

/** The most that a page loads, and the most in one file with what a page never runs; in bytes. */
const MOST_LOADED = 40_000;
const MOST_IN_ONE = 55_000;

/** An import of a module of Node; their names alone, as for `process.getBuiltinModule`, are none. */
const IMPORT_OF_NODE = /\b(?:import|from|require)\s*\(?\s*["'`]node:[^"'`]*/g;

Deno.test("deno bundle makes the library ready for browsers, which load less than 40 kB of it, gzipped", () =>
  withFolder("mqtt5-bundle-", async (folder) => {
    await check(await bundleByDeno("mod.ts", "parts", folder), MOST_LOADED);
    await check(await bundleByDeno("mod.ts", "one file", folder), MOST_IN_ONE);
  }));

Deno.test("deno bundle makes the broker ready for browsers, too", () =>
  withFolder("mqtt5-bundle-", async (folder) => {
    await check(await bundleByDeno("src/broker/mod.ts", "one file", folder), Infinity);
  }));

programTest(
  "esbuild, without plugins, makes the package ready for browsers, which load less than 40 kB of it, gzipped",
  [npm, esbuild],
  async () => {
    await using project = await makeProject();
    const library = 'export * from "@mqtt5/mqtt5";';
    await check(await bundleByEsbuild(library, "parts", project), MOST_LOADED);
    await check(await bundleByEsbuild(library, "one file", project), MOST_IN_ONE);
    const broker = 'export * from "@mqtt5/mqtt5/broker";';
    await check(await bundleByEsbuild(broker, "one file", project), Infinity);
  },
);

async function check(bundle: Bundle, most: number): Promise<void> {
  assertEquals(Object.values(bundle.files).flatMap((text) => text.match(IMPORT_OF_NODE) ?? []), []);
  const size = await gzippedSize(loadedAtOnce(bundle));
  assert(size > 10_000 && size < most, `${size} bytes`);
}
