// A copy of the sources, in which mistakes are planted.

/** The folder of the sources. */
export const ROOT = new URL("../../", import.meta.url);

/** Copies what is under version control, as it is now, into a temporary folder. */
export async function copyTree(): Promise<URL> {
  const git = new Deno.Command("git", { args: ["ls-files", "-z"], cwd: ROOT });
  const names = new TextDecoder().decode((await git.output()).stdout).split("\0").filter(Boolean);
  const tree = new URL(`file://${await Deno.makeTempDir({ prefix: "mqtt5-mutation-" })}/`);
  for (const name of names) {
    const target = new URL(name, tree);
    await Deno.mkdir(new URL(".", target), { recursive: true });
    await Deno.copyFile(new URL(name, ROOT), target);
  }
  return tree;
}
