// Lines that `--print-permissions` prints: they are run by a shell, and again with one permission
// less.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import { type Result, Running, runProcess } from "./run.ts";

/** What a command is run with, beside its arguments. */
export interface Given {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The line that a command prints, and what it says beside. `permissions` are for the printing. */
export async function printed(
  args: readonly string[],
  permissions: readonly string[] = [],
): Promise<{ readonly line: string; readonly told: string }> {
  const { exitCode, stdout, stderr } = await runProcess(permissions, [
    ...args,
    "--print-permissions",
  ]);
  assertEquals(exitCode, 0, stderr);
  assert(stdout.endsWith("\n"), stdout);
  return { line: stdout.slice(0, -1), told: stderr };
}

/** The line alone. */
export async function lineOf(
  args: readonly string[],
  permissions?: readonly string[],
): Promise<string> {
  return (await printed(args, permissions)).line;
}

/**
 * Starts a line in a shell that finds this `deno`. What it sends signals to is the command: the
 * shell gives way to it.
 */
export function start(line: string, env: Given["env"] = {}): Running {
  const path = `${dirname(Deno.execPath())}:${Deno.env.get("PATH") ?? ""}`;
  return new Running(
    new Deno.Command("sh", {
      args: ["-c", `exec ${line}`],
      env: { ...env, PATH: path, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

/** Runs a line in a shell. */
export async function shell(line: string, { stdin = "", env }: Given = {}): Promise<Result> {
  const running = start(line, env);
  if (stdin !== "") await running.type(stdin);
  return await running.end();
}

/** The names of the permissions in a line. */
export function kindsIn(line: string): string[] {
  return Array.from(line.matchAll(/ '?--allow-(\w+)\b/g), ([, kind]) => kind!);
}

/** The line without a permission. */
export function without(kind: string, line: string): string {
  return line.replace(new RegExp(` (?:--allow-${kind}=[^ ']+|'--allow-${kind}=[^']+')`), "");
}

/**
 * Sees that a line works no more when it lacks any of its permissions, and says in one sentence
 * which.
 */
export async function assertNeedsEach(line: string, given?: Given): Promise<void> {
  for (const kind of kindsIn(line)) {
    const poorer = without(kind, line);
    assert(poorer !== line, kind);
    const { exitCode, stderr } = await shell(poorer, given);
    assert(exitCode !== 0, poorer);
    assertMatch(stderr, new RegExp(`^mqtt5: [^\n]*--allow-${kind}\\b[^\n]*\n$`));
  }
}
