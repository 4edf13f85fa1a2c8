// The package as users of Node, Bun and bundlers get it: `deno pack` makes it, npm installs it. The
// library needs no other package; deno-std, which npm fetches beside it, is what the command line
// needs in a checkout, and the command line runs on Deno.

import { deno, npm, run } from "./programs.ts";

const ROOT = new URL("../../", import.meta.url);

/** A project that has the package installed, until it is disposed. */
export interface Project extends AsyncDisposable {
  /** Its folder. */
  readonly folder: string;
  /** What was installed, as a file in it. */
  readonly tarball: string;
}

/** Makes the package and a project that has it, and lays files from here into the project. */
export async function makeProject(files: readonly string[] = []): Promise<Project> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt5-project-" });
  const project = {
    folder,
    tarball: `${folder}/package.tgz`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
  try {
    const pack = ["task", "--quiet", "pack", "--output", project.tarball];
    await run(deno, pack, { cwd: ROOT.pathname });
    const settings = { name: "project", private: true, type: "module" };
    await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify(settings));
    await run(npm, ["install", "--no-audit", "--no-fund", project.tarball], { cwd: folder });
    for (const file of files) {
      await Deno.copyFile(new URL(file, import.meta.url), `${folder}/${file.split("/").at(-1)}`);
    }
    return project;
  } catch (error) {
    await project[Symbol.asyncDispose]();
    throw error;
  }
}
