// The files of the page: each is served, and none asks for what is not there, or is elsewhere.

import { assert, assertEquals } from "@std/assert";
import { PAGE_FILES } from "../../../src/cli/inspect/page_files.ts";

const FOLDER = new URL("../../../src/cli/inspect/page/", import.meta.url);

Deno.test("every file of the page is served", async () => {
  const files = (await Array.fromAsync(Deno.readDir(FOLDER), ({ name }) => name))
    .filter((name) => !name.endsWith(".ts"));
  const paths = files.map((name) => name === "index.html" ? "/" : `/${name}`);
  assertEquals([...PAGE_FILES.keys()].toSorted(), paths.toSorted());
  for (const [path, { text }] of PAGE_FILES) {
    const name = path === "/" ? "index.html" : path.slice(1);
    assertEquals(text, await Deno.readTextFile(new URL(name, FOLDER)));
  }
});

Deno.test("the page needs nothing but its own files", () => {
  for (const [path, { text }] of PAGE_FILES) {
    const imports = text.matchAll(/^(?:import|export)\s[^;]*?from "([^"]+)";|^import "([^"]+)";/gm);
    const links = text.matchAll(/<(?:link|script)[^>]*(?:href|src)="([^"]+)"/g);
    const wanted = Array.from([...imports, ...links], ([, one, other]) => one ?? other!);
    for (const name of wanted.filter((name) => name !== "data:,")) {
      assert(PAGE_FILES.has(new URL(name, `http://a${path}`).pathname), `${path} wants ${name}`);
    }
    assert(!/url\(|@import "|import\("?http/.test(text), `${path} loads what is elsewhere`);
    assert(!/\.innerHTML|\sstyle="|\son\w+="/.test(text), `${path} is not allowed by its policy`);
  }
});
