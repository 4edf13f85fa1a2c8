// What a page has to load, and that nothing in it wants Node.

import { assert, assertEquals } from "@std/assert";
import { withFolder } from "../io/folder.ts";
import { bundleByDeno, bundleByEsbuild, gzippedSize } from "./bundle.ts";
import { makeProject } from "./package.ts";
import { esbuild, npm, programTest } from "./programs.ts";

/** The most of `connect()` alone, of the library for pages, and of all of it with what a page never runs; in bytes. */
const MOST_FOR_CONNECT = 53_000;
const MOST_FOR_PAGES = 59_100;
const MOST_IN_ALL = 79_900;

/** An import of a module of Node; their names alone, as for `process.getBuiltinModule`, are none. */
const IMPORT_OF_NODE = /\b(?:import|from|require)\s*\(?\s*["'`]node:[^"'`]*/g;

const SMALL = `less than ${MOST_FOR_PAGES / 1000} kB of it, gzipped`;

Deno.test(`deno bundle makes one file of the library for pages, ${SMALL}`, () =>
  withFolder("mqtt5-bundle-", async (folder) => {
    await check(await bundleByDeno("src/browser.ts", folder), MOST_FOR_PAGES);
    await check(await bundleByDeno("mod.ts", folder), MOST_IN_ALL);
  }));

Deno.test("a page that only connects does not load SCRAM", () =>
  withFolder("mqtt5-bundle-", async (folder) => {
    const entry = `${folder}/page.ts`;
    const library = new URL("../../src/browser.ts", import.meta.url);
    await Deno.writeTextFile(entry, `export { connect } from "${library}";`);
    const bundle = await bundleByDeno(entry, folder);
    assertEquals(bundle.match(/SCRAM|SASLprep|PBKDF2/g), null);
    await check(bundle, MOST_FOR_CONNECT);
  }));

Deno.test("deno bundle makes the broker ready for browsers, too", () =>
  withFolder("mqtt5-bundle-", async (folder) => {
    await check(await bundleByDeno("src/broker/mod.ts", folder), Infinity);
  }));

programTest(
  `esbuild, without plugins, makes one file of the package for pages, ${SMALL}`,
  [npm, esbuild],
  async () => {
    await using project = await makeProject();
    const pages = 'export * from "@mqtt5/mqtt5/browser";';
    await check(await bundleByEsbuild(pages, project), MOST_FOR_PAGES);
    const library = 'export * from "@mqtt5/mqtt5";';
    await check(await bundleByEsbuild(library, project), MOST_IN_ALL);
    const broker = 'export * from "@mqtt5/mqtt5/broker";';
    await check(await bundleByEsbuild(broker, project), Infinity);
  },
);

async function check(bundle: string, most: number): Promise<void> {
  assertEquals(bundle.match(IMPORT_OF_NODE) ?? [], []);
  const size = await gzippedSize(bundle);
  assert(size > 10_000 && size < most, `${size} bytes`);
}
