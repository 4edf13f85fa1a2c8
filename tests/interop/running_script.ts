// A script in a process of its own, which may do what a test says and cannot ask for more.

const ROOT = new URL("../../", import.meta.url);

/** How the script is run and what it is called, for each command of Deno. To check types for tests takes long. */
const COMMANDS = {
  run: { args: ["run"], file: "main.ts" },
  test: { args: ["test", "--no-check"], file: "main_test.ts" },
} as const;

/** A script that runs. Disposing it ends it. */
export interface Script extends AsyncDisposable {
  /** The next line that it prints; `undefined` when it prints no more. */
  line(): Promise<string | undefined>;
  /** How it has ended by itself: its exit code, and what it has printed as errors. */
  end(): Promise<{ readonly code: number; readonly errors: string }>;
}

/** Runs a script with the names of this checkout and with these permissions; it cannot ask for more. */
export async function runScript(
  text: string,
  permissions: readonly string[],
  command: "run" | "test" = "run",
): Promise<Script> {
  const { args, file } = COMMANDS[command];
  const folder = await Deno.makeTempDir({ prefix: "mqtt5-script-" });
  await Deno.writeTextFile(`${folder}/${file}`, text);
  const config = new URL("deno.json", ROOT).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args, "--quiet", "--no-prompt", `--config=${config}`, ...permissions, file],
    cwd: folder,
    // It is no terminal, and nobody answers.
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  return {
    async line() {
      while (!rest.includes("\n")) {
        const { value, done } = await output.read();
        if (done) return undefined;
        rest += value;
      }
      const line = rest.slice(0, rest.indexOf("\n"));
      rest = rest.slice(line.length + 1);
      return line;
    },
    async end() {
      return { code: (await child.status).code, errors: await errors };
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await output.cancel();
      await Promise.all([child.status, errors]);
      await Deno.remove(folder, { recursive: true });
    },
  };
}
