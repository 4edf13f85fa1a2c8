// Runs commands: in this process with streams of its own, or as a new process, as a user does.

import type { Context, Output } from "../../src/cli/command.ts";
import { main } from "../../src/cli/main.ts";

/** What a command printed and how it ended. */
export interface Result {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command gets beside its arguments. */
export interface RunOptions {
  /** Standard input; without, a terminal. */
  readonly stdin?: string | Uint8Array<ArrayBuffer>;
  readonly colors?: boolean;
  readonly signal?: AbortSignal;
}

/** Runs a command in this process. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const { stdin, colors = false, signal = new AbortController().signal } = options;
  const stdout = collector(colors);
  const stderr = collector(colors);
  const context: Context = {
    args,
    program: "cli.ts",
    stdin: {
      readable: new Blob(stdin === undefined ? [] : [stdin]).stream(),
      isTerminal: stdin === undefined,
    },
    stdout,
    stderr,
    signal,
  };
  const exitCode = await main(context);
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

/** Runs `cli.ts` as a process whose standard output nobody reads, and returns its exit code and standard error. */
export async function runUnread(
  permissions: readonly string[],
  args: readonly string[],
  stdin: string,
): Promise<Omit<Result, "stdout">> {
  const child = spawn(permissions, args);
  await child.stdout.cancel();
  const stderr = new Response(child.stderr).text();
  await new Blob([stdin]).stream().pipeTo(child.stdin);
  return { exitCode: (await child.status).code, stderr: await stderr };
}

/** Runs `cli.ts` as a process that may do what `permissions` say and asks for no more. */
export async function runProcess(
  permissions: readonly string[],
  args: readonly string[],
  stdin: string | Uint8Array<ArrayBuffer> = "",
): Promise<Result> {
  const child = spawn(permissions, args);
  const writing = new Blob([stdin]).stream().pipeTo(child.stdin).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  await writing;
  const decoder = new TextDecoder();
  return { exitCode: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function spawn(permissions: readonly string[], args: readonly string[]): Deno.ChildProcess {
  const cli = new URL("../../cli.ts", import.meta.url).href;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...permissions, cli, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

function collector(colors: boolean): Output & { readonly text: () => string } {
  let all = "";
  const decoder = new TextDecoder();
  return {
    write: (text) => void (all += text),
    writeBytes: (bytes) => Promise.resolve(void (all += decoder.decode(bytes, { stream: true }))),
    isTerminal: colors,
    colors,
    columns: 80,
    text: () => all,
  };
}
