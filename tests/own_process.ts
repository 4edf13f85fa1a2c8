// Tests that may do more than the tests may: Unix sockets of any path are no part of what `deno task test` allows.

import { assert } from "@std/assert";

/**
 * A test of a file that needs the permission net without limits. Where that lacks, it is run in a process of its own that
 * has it.
 *
 * @param file the file's `import.meta.url`
 */
export function ownProcessTest(
  file: string,
  name: string,
  fn: () => Promise<void>,
  ignore = false,
): void {
  Deno.test({ name, ignore, fn: () => mayDoAll() ? fn() : inOwnProcess(file, name) });
}

function mayDoAll(): boolean {
  return Deno.permissions.querySync({ name: "net" }).state === "granted";
}

async function inOwnProcess(file: string, name: string): Promise<void> {
  const only = `/^${name.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}$/`;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--quiet", "--no-check", "--allow-net", "--allow-read", "--allow-write"],
      ...["--allow-run", "--allow-env", "--filter", only, new URL(file).pathname],
    ],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert(success && /\b1 passed\b/.test(text), text);
}
