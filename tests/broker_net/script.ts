// A script in a process of its own, with the names of this checkout and with the permissions that a test gives it.

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** How a script has ended. */
export interface Ending {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs a script to its end. It cannot ask for more permissions. */
export async function runScript(
  text: string,
  permissions: readonly string[] = [],
): Promise<Ending> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt5-script-" });
  try {
    await Deno.writeTextFile(`${folder}/main.ts`, text);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", `--config=${CONFIG}`, ...permissions, "main.ts"],
      cwd: folder,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const decoder = new TextDecoder();
    return { code, output: decoder.decode(stdout), errors: decoder.decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
