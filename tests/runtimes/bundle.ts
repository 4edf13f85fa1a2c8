// The library as a page gets it, in one file: made by `deno bundle` from the sources, and by
// esbuild, without plugins and settings, from the package.

import type { Project } from "./package.ts";
import { deno, esbuild, run } from "./programs.ts";

const ROOT = new URL("../../", import.meta.url);

/** What `deno bundle` makes of an entry point of the sources. */
export async function bundleByDeno(entry: string, folder: string): Promise<string> {
  const output = `${folder}/bundle.js`;
  const how = ["--quiet", "--platform", "browser", "--minify", "--output", output];
  await run(deno, ["bundle", ...how, entry], { cwd: ROOT.pathname });
  return await Deno.readTextFile(output);
}

/** What esbuild makes of a module in a project that has the package. */
export async function bundleByEsbuild(module: string, { folder }: Project): Promise<string> {
  const output = `${folder}/bundle.js`;
  await Deno.writeTextFile(`${folder}/entry.js`, module);
  const how = ["--bundle", "--minify", "--format=esm", "--log-level=warning"];
  await run(esbuild, ["entry.js", ...how, `--outfile=${output}`], { cwd: folder });
  return await Deno.readTextFile(output);
}

/** How many bytes a text has on its way to a browser. */
export async function gzippedSize(text: string): Promise<number> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).arrayBuffer()).byteLength;
}
