// The library as a page gets it: made ready by `deno bundle` from the sources, and by esbuild,
// without plugins and settings, from the package. Both can make one file of it, or several, so that
// a page never loads what only runtimes with sockets do.

import type { Project } from "./package.ts";
import { deno, esbuild, run } from "./programs.ts";

const ROOT = new URL("../../", import.meta.url);

/** Files by name, and which of them is the entry. */
export interface Bundle {
  readonly entry: string;
  readonly files: Readonly<Record<string, string>>;
}

/** Whether all is to be one file, or parts that are loaded when they are wanted. */
export type BundleShape = "one file" | "parts";

/** What `deno bundle` makes of an entry point of the sources. */
export async function bundleByDeno(
  entry: string,
  shape: BundleShape,
  folder: string,
): Promise<Bundle> {
  const output = `${folder}/deno ${shape}`;
  const how = ["--quiet", "--platform", "browser", "--minify", "--outdir", output];
  if (shape === "parts") how.push("--code-splitting");
  await run(deno, ["bundle", ...how, entry], { cwd: ROOT.pathname });
  return await read(output, entry.split("/").at(-1)!.replace(".ts", ".js"));
}

/** What esbuild makes of a module in a project that has the package. */
export async function bundleByEsbuild(
  module: string,
  shape: BundleShape,
  { folder }: Project,
): Promise<Bundle> {
  await Deno.writeTextFile(`${folder}/entry.js`, module);
  const output = `${folder}/esbuild ${shape}`;
  const how = ["--bundle", "--minify", "--format=esm", "--log-level=warning"];
  if (shape === "parts") how.push("--splitting");
  await run(esbuild, ["entry.js", ...how, `--outdir=${output}`], { cwd: folder });
  return await read(output, "entry.js");
}

/** What a page loads before it runs: the entry, and what that imports, not what it may import. */
export function loadedAtOnce({ entry, files }: Bundle): string[] {
  const loaded = new Set([entry]);
  for (const name of loaded) {
    for (const [, next] of files[name]!.matchAll(/\b(?:from|import)\s*"\.\/([^"]+)"/g)) {
      loaded.add(next!);
    }
  }
  return [...loaded].map((name) => files[name]!);
}

/** How many bytes texts have on their way to a browser. */
export async function gzippedSize(texts: readonly string[]): Promise<number> {
  let size = 0;
  for (const text of texts) {
    const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
    size += (await new Response(stream).arrayBuffer()).byteLength;
  }
  return size;
}

async function read(folder: string, entry: string): Promise<Bundle> {
  const files: Record<string, string> = {};
  for await (const { name } of Deno.readDir(folder)) {
    files[name] = await Deno.readTextFile(`${folder}/${name}`);
  }
  return { entry, files };
}
